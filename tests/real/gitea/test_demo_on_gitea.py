"""The demo on a real Gitea as a person runs it, in an empty home; and the same without what Gitea is built with."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stagewright.demo.gitea_server import built, clear_ground
from stagewright.demo.play import MADE, MADE_ON_GITEA, MARKER

PAGE = Path(__file__).parents[3] / "docs/demo.md"
MAX_S = 900


def play(directory: Path, home: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`stagewright demo --forge gitea`, with nothing but this and an empty home in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "stagewright", "demo", "--dir", str(directory), "--forge", "gitea"],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=MAX_S,
        check=False,
    )


def processes_of(*folders: Path) -> list[str]:
    """The command lines of running processes that name one of the folders."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if any(str(folder) in line for folder in folders)]


def told(output: str) -> list[str]:
    """The scenes' titles and the checks that held, without what differs from run to run."""
    lines = re.findall(r"^(?: ?\d+\.  .*|     ✓ .*(?:\n       \S.*)*)$", output, flags=re.MULTILINE)
    return [re.sub(r"\b[0-9a-f]{10,40}\b", "…", " ".join(line.split())) for line in lines]


@pytest.mark.timeout(MAX_S)
def test_demo_on_gitea_holds_every_check_and_leaves_no_process(tmp_path: Path):
    home, directory = tmp_path / "home", tmp_path / "demo"
    home.mkdir()
    played = play(directory, home, STAGEWRIGHT_CACHE=str(built().parents[1]))
    running = processes_of(directory, (directory / "gitea").resolve())
    # root's Gitea lies outside of the folder
    clear_ground(directory / "gitea")
    assert played.returncode == 0, played.stdout[-3000:] + played.stderr
    assert running == []
    made = {path.name for path in directory.iterdir()} - {MARKER}
    assert made == {*MADE, *MADE_ON_GITEA} - {"terminal", "origin.git"}
    assert list(home.iterdir()) == []
    # the page shows what is true
    assert told(played.stdout) == told(PAGE.read_text(encoding="utf-8").partition("\n## On Gitea\n")[2])


def test_demo_on_gitea_without_go_says_in_one_line_what_to_install(tmp_path: Path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env"):
        (tools / name).symlink_to(f"/bin/{name}")
    played = play(tmp_path / "demo", tmp_path, PATH=str(tools), STAGEWRIGHT_CACHE=str(tmp_path / "cache"))
    assert played.returncode == 2
    assert "error: Gitea cannot be built here: go is not installed" in played.stderr
    assert "hint: install Go 1.26 or later, gcc and python3" in played.stderr
    assert not (tmp_path / "demo").exists()
