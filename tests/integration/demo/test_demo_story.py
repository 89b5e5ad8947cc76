"""The whole demo as a person runs it: real servers, keys, repository and ledger, in an empty home."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stagewright.demo.play import MADE, MARKER

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/demo.md"
MAX_S = 400


def start(directory: Path, home: Path, *options: str) -> "subprocess.Popen[str]":
    """`stagewright demo`, with nothing but a path and an empty home in its environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "stagewright", "demo", "--dir", str(directory), *options],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_of(directory: Path) -> list[str]:
    """The command lines of running processes that name the folder."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(directory) in line]


def told(output: str) -> list[str]:
    """The scenes' titles and the checks that held, without what differs from run to run."""
    lines = re.findall(r"^(?: ?\d+\.  .*|     ✓ .*(?:\n       \S.*)*)$", output, flags=re.MULTILINE)
    return [re.sub(r"\b[0-9a-f]{10,40}\b", "…", " ".join(line.split())) for line in lines]


@pytest.mark.timeout(MAX_S)
def test_demo_in_an_empty_home_holds_every_check_and_leaves_no_process(tmp_path: Path):
    home, directory = tmp_path / "home", tmp_path / "demo"
    home.mkdir()
    with start(directory, home) as played:
        out, err = played.communicate(timeout=MAX_S)
    assert (played.returncode, err) == (0, ""), out[-3000:] + err
    assert processes_of(directory) == []
    assert {path.name for path in directory.iterdir()} - {MARKER} == set(MADE) - {"terminal"}
    assert list(home.iterdir()) == []
    # the page shows what is true
    assert told(out) == told(PAGE.read_text(encoding="utf-8").partition("\n## On Gitea\n")[0])


@pytest.mark.timeout(MAX_S)
def test_demo_over_an_old_folder_ended_by_a_signal_replaces_only_what_a_demo_made(tmp_path: Path):
    home, directory = tmp_path / "home", tmp_path / "demo"
    (directory / "people/dana").mkdir(parents=True)
    (directory / "ledger").mkdir()
    (directory / "ledger/checkpoint").write_text("of an older demo")
    (directory / "notes.txt").write_text("mine")
    (directory / MARKER).touch()
    home.mkdir()
    with start(directory, home) as played:
        assert played.stdout is not None
        # the server is started before the people move in, and is not asked for before they have
        while "@pat" not in played.stdout.readline():
            assert played.poll() is None
        running = processes_of(directory)
        played.send_signal(signal.SIGTERM)
        _, err = played.communicate(timeout=MAX_S)
    assert any("mlflow server" in line for line in running) or any("serve.sh" in line for line in running)
    assert (played.returncode, err) == (-signal.SIGTERM, "demo: ended by SIGTERM, and its processes with it\n")
    assert processes_of(directory) == []
    assert (directory / "notes.txt").read_text() == "mine"
    assert not (directory / "ledger").exists()
    assert (directory / "people/dana/id_ed25519.pub").is_file()


def test_demo_in_a_folder_that_no_demo_made_touches_nothing(tmp_path: Path):
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger/checkpoint").write_text("precious")
    with start(tmp_path, tmp_path) as played:
        _, err = played.communicate(timeout=MAX_S)
    assert played.returncode == 2
    assert f"{tmp_path} is not empty, and no demo made it" in err
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["ledger", "ledger/checkpoint"]
