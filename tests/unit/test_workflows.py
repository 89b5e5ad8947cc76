"""What GitHub runs for us: nothing that could change under its name, and no right that is not used."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# (workflow, job): what it may write, and nobody else anything
WRITES = {
    ("release", "image"): {"packages"},
    ("release", "publish"): {"contents", "packages", "id-token", "attestations"},
    ("release", "index"): {"id-token"},
}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in read(file)["jobs"].values() for step in job["steps"]]


def test_workflows_are_those_that_are_known() -> None:
    assert [file.stem for file in FILES] == ["ci", "release"]


def test_workflow_names_each_action_by_its_commit_and_says_the_release(file: Path) -> None:
    used = [line.split("uses:")[1].strip() for line in file.read_text().splitlines() if "uses:" in line]
    assert used != []
    assert [action for action in used if not PINNED.fullmatch(action)] == []


def test_workflow_gives_one_commit_to_each_action(file: Path) -> None:
    used = {step["uses"] for step in steps(file) if "uses" in step}
    assert len({action.split("@")[0] for action in used}) == len(used)


def test_workflow_as_a_whole_may_write_nothing(file: Path) -> None:
    assert read(file)["permissions"] in ({}, {"contents": "read"})


def test_job_may_write_what_the_table_says_and_no_more(file: Path) -> None:
    jobs = read(file)["jobs"]
    written = {
        (file.stem, name): {right for right, level in job.get("permissions", {}).items() if level == "write"}
        for name, job in jobs.items()
    }
    assert written == {key: WRITES.get(key, set()) for key in written}


def test_job_ends_by_itself(file: Path) -> None:
    assert [name for name, job in read(file)["jobs"].items() if "timeout-minutes" not in job] == []


def test_checkout_keeps_no_credentials(file: Path) -> None:
    checkouts = [step for step in steps(file) if step.get("uses", "").startswith("actions/checkout@")]
    assert [step for step in checkouts if step.get("with", {}).get("persist-credentials") is not False] == []


def test_script_is_not_written_by_whoever_names_a_branch(file: Path) -> None:
    """What is put into a script by ${{ … }} is run by the shell; values go there through the environment."""
    assert [step["run"] for step in steps(file) if "${{" in step.get("run", "")] == []


def test_workflow_of_a_stranger_never_runs_with_our_rights(file: Path) -> None:
    triggers = read(file)[True]  # YAML 1.1 reads the key `on` so
    assert {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers) == set()
