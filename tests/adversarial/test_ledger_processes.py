"""Real processes on a real directory: killed at any moment, at every system call, and two at once."""

import subprocess
import sys
from pathlib import Path

import pytest

from stagewright.adapters.directory import DirectoryStore
from stagewright.ledger.note import VerifierKey
from stagewright.ledger.verification import verify
from tests.fakes import ledger_entries as given

PIN = str(VerifierKey(name=given.ORIGIN, key=given.LOG.public_key))
ROOT = Path(__file__).parents[2]


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tests.adversarial.ledger_writer", *map(str, arguments)]


def _assert_whole_and_growing(root: Path, sizes: set[int]) -> None:
    """The log is one of these sizes, verifies, takes another entry and verifies again."""
    store = DirectoryStore(root)
    ledger = given.opened(store)
    assert ledger.size in sizes
    for checkpoint in (ledger.checkpoint, ledger.checkpoint):
        report = verify(store, log_key=PIN, checkpoints=[checkpoint.encode()])
        assert [step for step in report.steps if step.findings] == []
        assert report.verified is True
        ledger.append([given.revision(2)])


@pytest.mark.parametrize("appends", [1, 2, 5])
def test_writer_killed_at_any_moment_leaves_a_log_that_goes_on(tmp_path: Path, appends: int):
    root = tmp_path / "ledger"
    given.created(DirectoryStore(root))
    with subprocess.Popen(_command("endless", root), cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        seen = [int(writer.stdout.readline()) for _ in range(appends)]
        writer.kill()
        seen += [int(line) for line in writer.stdout]
    # it may have been killed between the commit and the line that tells of it
    _assert_whole_and_growing(root, {seen[-1], seen[-1] + 2})


def test_writer_dying_at_every_system_call_leaves_the_old_or_the_new_log(tmp_path: Path):
    root = tmp_path / "ledger"
    given.created(DirectoryStore(root))
    subprocess.run(_command("die", root), cwd=ROOT, check=True, timeout=60)
    copies = sorted(tmp_path.glob("ledger-*"))
    assert len(copies) > 10
    sizes = [given.opened(DirectoryStore(copy)).size for copy in copies]
    assert set(sizes) == {3, 5}
    for copy in copies:
        _assert_whole_and_growing(copy, {3, 5})


def test_two_writers_at_once_lose_nothing_and_fork_nothing(tmp_path: Path):
    root = tmp_path / "ledger"
    given.created(DirectoryStore(root))
    writers = [subprocess.Popen(_command("share", root, 15), cwd=ROOT) for _ in range(2)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    _assert_whole_and_growing(root, {33})
