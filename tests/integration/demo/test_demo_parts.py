"""Parts of the demo whose failure no successful run would show."""

import subprocess
import sys
from pathlib import Path

import pytest

from stagewright.demo.controller import CONFIG, LOG, Controller, Told
from stagewright.demo.narration import DifferentError, Narrator
from stagewright.demo.play import main
from stagewright.demo.server import DATABASE, PID, stop_left_over
from stagewright.errors import UsageError


def test_check_of_another_result_raises_and_is_named_on_standard_error(capsys: pytest.CaptureFixture[str]):
    narrator = Narrator()
    narrator.scene("A scene", "Something happens.")
    with pytest.raises(DifferentError) as caught:
        narrator.check("MLflow: champion → version 2", actual="1", expected="2")
    narrator.failure(caught.value)
    assert capsys.readouterr().err == "demo: scene 1, A scene: MLflow: champion → version 2\n"
    assert narrator.checks == 0


def test_check_holds_without_one_of_the_words_names_it():
    with pytest.raises(DifferentError) as caught:
        Narrator().check_holds("refused, with its reason", text="refused: no owner", words=("refused", "no policy"))
    assert caught.value.actual == "without ('no policy',): refused: no owner"


@pytest.mark.parametrize(
    ("names_the_database", "ended"), [(True, True), (False, False)], ids=["a kept server", "a stranger with its id"]
)
def test_stop_left_over_ends_only_a_server_of_that_folder(tmp_path: Path, *, names_the_database: bool, ended: bool):
    argument = str(tmp_path / DATABASE) if names_the_database else "something else"
    waiting = "import sys; sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", waiting, argument], stdin=subprocess.PIPE, start_new_session=True
    ) as process:
        (tmp_path / PID).write_text(f"{process.pid}\n")
        assert stop_left_over(tmp_path) is ended
        assert (process.poll() is not None) is ended
        process.communicate()


def test_stop_left_over_without_a_process_id_ends_nothing(tmp_path: Path):
    assert stop_left_over(tmp_path) is False


def test_controller_is_read_to_the_end_of_the_sync_that_came_to_a_commit(tmp_path: Path):
    ends = [f"at {digit * 12}, ledger 3 entries, 0 aliases unmanaged\n" for digit in "abc"]
    (tmp_path / LOG).write_text(f"… waiting\n{ends[0]}✓ approved\n{ends[1]}{ends[2]}✓ not ended yet\n")
    controller = Controller(tmp_path, tmp_path / CONFIG)

    told = controller.read_on(at="b" * 40, word="approved")
    rest = controller.read_on(at=None, word="")

    assert told == (Told(text="… waiting\n", at="a" * 12), Told(text="✓ approved\n", at="b" * 12))
    assert rest == (Told(text="", at="c" * 12),)


def test_controller_that_ended_is_not_waited_for(tmp_path: Path):
    controller = Controller(tmp_path / "controller", tmp_path / CONFIG)
    with pytest.raises(DifferentError) as caught:
        controller.start({"PATH": "/nonexistent"})
    assert "registrysync.yaml is not there" in str(caught.value.actual)


def test_demo_on_an_unknown_forge_is_refused_before_anything_is_made(tmp_path: Path):
    with pytest.raises(UsageError, match="not played on 'svn'"):
        main(tmp_path / "demo", False, "svn")
    assert not (tmp_path / "demo").exists()
