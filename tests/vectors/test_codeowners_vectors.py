"""The table of patterns, by our matching and, where the grammars agree, by git itself."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagewright.core.codeowners import matches

ROWS: list[Any] = yaml.safe_load(Path(__file__).with_name("codeowners.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ignore")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def ignored(repository: Path, pattern: str, paths: list[str]) -> list[str]:
    """The paths that git would ignore by that one pattern."""
    (repository / ".gitignore").write_text(f"{pattern}\n", encoding="utf-8")
    done = subprocess.run(
        ["git", "-C", str(repository), "check-ignore", "--no-index", "-z", "--stdin"],
        input="\0".join(paths).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return [path for path in done.stdout.decode().split("\0") if path]


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in ROWS])
def test_matches_of_a_pattern_finds_the_paths_of_the_table(row: Any):
    hit, miss = row.get("hit", []), row.get("miss", [])
    assert hit or miss
    assert [path for path in (*hit, *miss) if matches(row["pattern"], path)] == hit


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in ROWS if "git" not in row])
def test_git_reads_the_pattern_as_the_table_does(repository: Path, row: Any):
    hit, miss = row.get("hit", []), row.get("miss", [])
    assert ignored(repository, row["pattern"], [*hit, *miss]) == hit


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in ROWS if row.get("git") == "differs"])
def test_git_differs_where_the_table_says_so(repository: Path, row: Any):
    hit, miss = row.get("hit", []), row.get("miss", [])
    assert ignored(repository, row["pattern"], [*hit, *miss]) != hit
