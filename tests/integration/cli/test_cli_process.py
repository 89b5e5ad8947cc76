"""The program as a process: closed pipes, signals, crashes, and what its environment says."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stagewright import bootstrap
from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.main import run
from tests.cli_desk import Desk
from tests.git_world import environment


def start(*arguments: str, cwd: Path, **changes: str) -> "subprocess.Popen[str]":
    """The program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "stagewright", *arguments],
        cwd=cwd,
        env=environment(cwd) | {"PYTHONUNBUFFERED": "1"} | changes,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_python_m_stagewright_is_the_program(tmp_path: Path):
    process = start("help", "exit-codes", cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("   0  yes")


def test_output_into_a_closed_pipe_ends_quietly(tmp_path: Path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "stagewright", "help", "exit-codes"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (ExitCode.PIPE_CLOSED, b"")


@pytest.mark.parametrize(
    ("changes", "arguments", "coloured"),
    [
        ({}, (), False),
        ({"CLICOLOR_FORCE": "1"}, (), True),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, (), False),
        ({}, ("--color", "always"), True),
    ],
    ids=["pipe", "forced", "no color", "option"],
)
def test_colour_follows_environment_and_option(
    changes: dict[str, str], arguments: tuple[str, ...], coloured: bool, tmp_path: Path
):
    process = start("help", "exit-codes", *arguments, cwd=tmp_path, **changes)
    out, _ = process.communicate(timeout=60)
    assert ("\x1b[" in out) is coloured


def test_a_locale_that_cannot_spell_a_text_gets_it_escaped(tmp_path: Path):
    process = start("status", cwd=tmp_path, PYTHONIOENCODING="ascii")
    _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.USAGE
    assert err.startswith("\\u2717 error: no configuration")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_watch_in_a_process_tells_errors_and_ends_on_a_signal(number: int, code: int, desk: Desk):
    desk.init()
    (desk.home / "origin.git").rename(desk.home / "gone.git")
    process = start("sync", "--watch", "--interval", "3600", cwd=desk.home)
    assert process.stderr is not None
    said = [process.stderr.readline() for _ in range(2)]
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert said[0].startswith("watching ")
    assert "cannot begin while the repository does not answer" in said[1]
    assert err.endswith("stopped\n")
    assert process.returncode == code


def test_a_crash_is_three_and_tells_neither_traceback_nor_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def crash(*_: object) -> None:
        raise RuntimeError("token hunter2")

    monkeypatch.setattr(bootstrap, "load_config", crash)
    assert run(["status"]) == ExitCode.UNKNOWN
    err = capsys.readouterr().err
    assert err.startswith("✗ crashed: RuntimeError in cli/status.py:")
    assert "hunter2" not in err
    assert "Traceback" not in err
    assert run(["status", "--debug"]) == ExitCode.UNKNOWN
    assert "Traceback (most recent call last):" in capsys.readouterr().err


def test_an_interrupt_is_a_hundred_and_thirty(monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "load_config", interrupt)
    assert run(["status"]) == ExitCode.INTERRUPTED
