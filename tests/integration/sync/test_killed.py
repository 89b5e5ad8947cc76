"""A process that is killed with SIGKILL in the middle of a sync, and what the next one finds.

The child is forked, so that it begins at once; its ledger, mirror, lock file and registry are files that outlive it.
It kills itself at its n-th step towards the disk or the registry, for n all over the sync.
"""

import os
import pickle
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stagewright.adapters.known import CheckpointFile
from stagewright.adapters.lock import exclusive
from stagewright.errors import LedgerConflictError
from stagewright.ledger import predicates as entry
from stagewright.model.actual import ActualModel, ActualState, VersionFacts
from stagewright.model.plan import Action
from tests.bank import GOVERNANCE, LIGHT, MODEL, Bank, policy, rule

PLAIN = rule("plain", "Production", approvals=[(1, "codeowners")], after=["Staging"])
# Every how many steps one is killed; a number that is coprime to the steps of one write finds all of its places.
STRIDE = 5


class FileRegistry:
    """The registry in memory, kept in a file between calls, so that processes share it."""

    def __init__(self, bank: Bank, file: Path) -> None:
        self._registry, self._file = bank.memory_registry, file
        self.step: Callable[[], None] = lambda: None
        self._save()

    def snapshot(self) -> ActualState:
        return self._loaded().snapshot()

    def model(self, name: str) -> ActualModel | None:
        return self._loaded().model(name)

    def version_facts(self, name: str, version: int) -> VersionFacts | None:
        return self._loaded().version_facts(name, version)

    def apply(self, action: Action) -> None:
        self.step()
        self._loaded().apply(action)
        self._save()
        self.step()

    def _loaded(self) -> Any:
        self._registry.models = pickle.loads(self._file.read_bytes())
        return self._registry

    def _save(self) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_bytes(pickle.dumps(self._registry.models))
        draft.rename(self._file)


def promoting(root: Path) -> Bank:
    """A bank in which one sync puts a version into both stages."""
    bank = Bank(root, rules=policy(LIGHT, PLAIN, GOVERNANCE))
    bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1, "Production": 1}, "noor")
    return bank


def on_files(whole: Bank, root: Path) -> tuple[Bank, FileRegistry]:
    bank = whole.fork(root)
    registry = FileRegistry(bank, root / "registry.pickle")
    known = CheckpointFile(root / "known")
    known.write(bank.ledger().checkpoint.encode())
    bank.registry, bank.known = registry, known  # type: ignore[assignment] # the real one
    bank.exclusive = partial(exclusive, root / "sync.lock", "syncing bank")
    bank.restart()
    return bank, registry


def sync_and_die(bank: Bank, registry: FileRegistry, at: int) -> int:
    """Sync in a process of its own that kills itself at a step; its wait status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        left = at

        def step() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def stepping(call: Callable[..., Any]) -> Callable[..., Any]:
            def stepped(*given: Any, **named: Any) -> Any:
                step()
                return call(*given, **named)

            return stepped

        registry.step = step
        for name in ("fsync", "replace", "unlink"):
            setattr(os, name, stepping(getattr(os, name)))
        bank.sync()
        os._exit(0)
    finally:
        os._exit(70)


def test_sync_killed_at_any_step_is_finished_by_the_next_one(tmp_path: Path):
    whole = promoting(tmp_path)
    at, killed = 0, 0
    while True:
        bank, registry = on_files(whole, tmp_path / f"{at}")
        status = sync_and_die(bank, registry, at)
        if not os.WIFSIGNALED(status):
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        killed += 1
        bank.restart()
        bank.sync()
        bank.restart()
        size = bank.sync().ledger_size
        assert size == bank.ledger().size
        assert (bank.aliases(), bank.stages()) == ({"challenger": 1, "champion": 1}, {1: "Production"})
        memory = bank.recorded()
        assert sorted(memory.intents) == sorted(memory.outcomes)
        assert len(bank.entries(entry.Outcome)) == len(memory.intents)
        bank.verified()
        at += STRIDE
    assert os.WEXITSTATUS(status) == 0
    assert killed > 10


@contextmanager
def waiting_process(bank: Bank, registry: FileRegistry) -> Iterator[None]:
    """A process that has begun to sync, and stands still in the middle of it, holding its lock."""
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        try:

            def stand() -> None:
                os.write(ready[1], b".")
                os.read(go[0], 1)

            registry.step = stand
            bank.sync()
            os._exit(0)
        finally:
            os._exit(70)
    assert os.read(ready[0], 1) == b"."
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for end in (*ready, *go):
            os.close(end)


def test_two_processes_at_once_one_loses_and_goes_on_once_the_other_was_killed(tmp_path: Path):
    bank, registry = on_files(promoting(tmp_path), tmp_path / "shared")
    with waiting_process(bank, registry):
        size = bank.ledger().size
        with pytest.raises(LedgerConflictError, match="another process is syncing bank"):
            bank.sync()
        assert bank.ledger().size == size
    bank.restart()
    report = bank.sync()
    assert [result for _, result in report.recovered] == ["failed"]
    assert bank.aliases() == {"challenger": 1, "champion": 1}
    bank.verified()
