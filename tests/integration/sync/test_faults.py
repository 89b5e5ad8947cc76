"""Every fault in both forms, at every call: lost before it happened, and happened but nobody heard of it.

After the next sync: one outcome for each intent, MLflow as authorized, and a ledger that verifies.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stagewright.adapters.directory import DirectoryStore
from stagewright.adapters.known import CheckpointFile
from stagewright.adapters.lock import exclusive
from stagewright.errors import LedgerConflictError, StagewrightError, UnreachableError
from stagewright.ledger import predicates as entry
from stagewright.model.actual import ActualModel, ActualState, VersionFacts
from stagewright.model.plan import Action
from tests.bank import GOVERNANCE, LIGHT, MODEL, Bank, Remembered, policy, rule
from tests.fakes.registry import InMemoryRegistry

PLAIN = rule("plain", "Production", approvals=[(1, "codeowners")], after=["Staging"])


class Dying:
    """Counts calls down and then fails one of them; with `for_good`, all that come after it too."""

    def __init__(self, at: int, *, late: bool, for_good: bool) -> None:
        self.left, self.late, self.for_good = at, late, for_good
        self.fired = False

    def pass_through(self, call: Callable[[], Any]) -> Any:
        if self.fired and self.for_good:
            raise UnreachableError("it is gone: injected")
        self.left -= 1
        if self.left != -1:
            return call()
        self.fired = True
        if self.late:
            call()
        raise UnreachableError("no answer: injected")


class FaultyRegistry:
    """The registry behind a line that breaks at one call."""

    def __init__(self, registry: InMemoryRegistry, fault: Dying) -> None:
        self._registry, self._fault = registry, fault

    def snapshot(self) -> ActualState:
        return self._fault.pass_through(self._registry.snapshot)

    def model(self, name: str) -> ActualModel | None:
        return self._fault.pass_through(lambda: self._registry.model(name))

    def version_facts(self, name: str, version: int) -> VersionFacts | None:
        return self._fault.pass_through(lambda: self._registry.version_facts(name, version))

    def apply(self, action: Action) -> None:
        self._fault.pass_through(lambda: self._registry.apply(action))


class FaultyStore:
    """The ledger's directory on a disk that breaks at one changing call."""

    def __init__(self, store: DirectoryStore, fault: Dying) -> None:
        self._store, self._fault = store, fault

    def read(self, name: str) -> bytes | None:
        return self._store.read(name)

    def names(self, prefix: str) -> Iterator[str]:
        return self._store.names(prefix)

    def lock(self) -> AbstractContextManager[None]:
        return self._store.lock()

    def write(self, name: str, data: bytes) -> None:
        self._fault.pass_through(lambda: self._store.write(name, data))

    def replace(self, name: str, data: bytes, *, expected: bytes | None) -> None:
        self._fault.pass_through(lambda: self._store.replace(name, data, expected=expected))


def promoting(root: Path) -> Bank:
    """A bank in which one sync puts a version into both stages."""
    bank = Bank(root, rules=policy(LIGHT, PLAIN, GOVERNANCE))
    bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1, "Production": 1}, "noor")
    return bank


def settled(bank: Bank) -> None:
    """The next sync of a new process puts everything right, and the one after it has nothing to do."""
    bank.restart()
    bank.sync()
    bank.restart()
    idle = bank.sync()
    assert idle.ledger_size == bank.ledger().size
    assert (idle.applied, idle.verdicts) == ((), ())
    assert (bank.aliases(), bank.stages()) == ({"challenger": 1, "champion": 1}, {1: "Production"})
    memory = bank.recorded()
    assert sorted(memory.intents) == sorted(memory.outcomes)
    closed = [outcome.intent for outcome in bank.entries(entry.Outcome)]
    assert len(closed) == len(set(closed))
    bank.verified()


def run_with_fault(whole: Bank, root: Path, kind: str, fault: Dying) -> Bank:
    bank = whole.fork(root)
    good = bank.registry, bank.store
    if kind == "registry":
        bank.registry = FaultyRegistry(bank.memory_registry, fault)
    else:
        bank.store = FaultyStore(DirectoryStore(root / "ledger"), fault)
    bank.restart()
    try:
        bank.sync()
    except StagewrightError:
        assert fault.fired
    bank.registry, bank.store = good
    return bank


def calls_of(whole: Bank, kind: str) -> int:
    """How many calls one sync makes when nothing goes wrong."""
    fault = Dying(10**6, late=False, for_good=False)
    run_with_fault(whole, whole.root / "whole", kind, fault)
    return 10**6 - fault.left


@pytest.mark.parametrize(
    ("late", "for_good"),
    [(False, False), (True, False), (False, True)],
    ids=["lost", "reply lost", "gone for good"],
)
def test_promotion_survives_a_fault_at_every_call_to_the_registry(tmp_path: Path, late: bool, for_good: bool):
    whole = promoting(tmp_path)
    calls = calls_of(whole, "registry")
    assert calls == len(EXPECTED_CALLS), "the calls of one sync changed"
    for at in range(calls):
        fault = Dying(at, late=late, for_good=for_good)
        bank = run_with_fault(whole, tmp_path / f"{at}", "registry", fault)
        assert fault.fired
        settled(bank)


EXPECTED_CALLS = (
    *("version_facts", "snapshot"),
    # Staging: examined, read, alias and tag written, read back; then Production with its MLflow stage
    *("version_facts", "model", "apply", "apply", "model", "snapshot"),
    *("version_facts", "model", "apply", "apply", "apply", "model", "snapshot"),
)


@pytest.mark.parametrize("late", [False, True], ids=["lost", "done but not heard of"])
def test_promotion_survives_a_fault_at_every_change_of_the_ledger(tmp_path: Path, late: bool):
    whole = promoting(tmp_path)
    calls = calls_of(whole, "store")
    assert calls > 20
    for at in range(calls):
        fault = Dying(at, late=late, for_good=True)
        bank = run_with_fault(whole, tmp_path / f"{at}", "store", fault)
        assert fault.fired
        settled(bank)


@pytest.mark.parametrize("late", [False, True], ids=["lost", "done but not heard of"])
def test_genesis_survives_a_fault_at_every_change_of_the_ledger(tmp_path: Path, late: bool):
    world = Bank(tmp_path)
    world.train()
    pull = world.propose(MODEL, {"Staging": 1})
    world.approve("noor", pull)
    (tmp_path / "ledger").mkdir()

    def once(root: Path, fault: Dying) -> Bank:
        bank = world.fork(root)
        bank.store = FaultyStore(DirectoryStore(root / "ledger"), fault)
        bank.restart()
        try:
            bank.sync()
        except StagewrightError:
            assert fault.fired
        bank.store = DirectoryStore(root / "ledger")
        return bank

    counting = Dying(10**6, late=False, for_good=False)
    once(tmp_path / "whole", counting)
    for at in range(10**6 - counting.left):
        bank = once(tmp_path / f"{at}", Dying(at, late=late, for_good=True))
        bank.restart()
        bank.sync()
        assert bank.kinds() == ["genesis", "key", "key", "observation"]
        bank.verified()
        size = bank.ledger().size
        assert bank.sync().ledger_size == size


# -- two at once -------------------------------------------------------------------------------------------------


def test_two_syncs_at_once_one_loses_and_nothing_is_half_written(tmp_path: Path):
    bank = promoting(tmp_path)
    bank.exclusive = partial(exclusive, tmp_path / "sync.lock", "syncing bank")
    bank.restart()
    with exclusive(tmp_path / "sync.lock", "syncing bank"):
        size = bank.ledger().size
        with pytest.raises(LedgerConflictError, match="another process is syncing bank"):
            bank.sync()
        assert (bank.ledger().size, bank.aliases()) == (size, {})
    settled(bank)


def test_second_controller_without_the_lock_loses_at_the_checkpoint(tmp_path: Path):
    """Two hosts that share a ledger, not a lock file: while the first is at one of its calls, the other runs whole."""
    whole = promoting(tmp_path)
    for at in range(len(EXPECTED_CALLS)):
        overtaken(whole.fork(tmp_path / f"{at}"), at)


def overtaken(bank: Bank, at: int) -> None:
    other = bank.syncer()

    class Overtaken(FaultyRegistry):
        left = at

        def _pass(self, call: Callable[[], Any]) -> Any:
            self.left -= 1
            if self.left == -1:
                other.sync()
            return call()

        def snapshot(self) -> ActualState:
            return self._pass(super().snapshot)

        def model(self, name: str) -> ActualModel | None:
            return self._pass(lambda: self._registry.model(name))

        def version_facts(self, name: str, version: int) -> VersionFacts | None:
            return self._pass(lambda: self._registry.version_facts(name, version))

        def apply(self, action: Action) -> None:
            self._pass(lambda: self._registry.apply(action))

    never = Dying(10**6, late=False, for_good=False)
    bank.registry = Overtaken(bank.memory_registry, never)
    bank._syncer = bank.syncer()
    if at < len(EXPECTED_CALLS) - 1:
        with pytest.raises(LedgerConflictError):
            bank.sync()
    else:
        bank.sync()
    bank.registry = bank.memory_registry
    settled(bank)


# -- the checkpoint that is kept apart ---------------------------------------------------------------------------


def test_checkpoint_file_reads_back_what_was_written(tmp_path: Path):
    file = CheckpointFile(tmp_path / "deep" / "bank.checkpoint")
    assert (file.read(), file.place) == (None, str(tmp_path / "deep" / "bank.checkpoint"))
    file.write(b"one")
    file.write(b"two")
    assert file.read() == b"two"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["bank.checkpoint"]


def test_checkpoint_file_that_cannot_be_used_is_unreachable(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnreachableError, match="cannot be read"):
        CheckpointFile(tmp_path / "folder").read()
    with pytest.raises(UnreachableError, match="cannot be written"):
        CheckpointFile(tmp_path / "folder").write(b"x")


@pytest.mark.parametrize("late", [False, True], ids=["lost", "done but not heard of"])
def test_known_checkpoint_that_could_not_be_written_is_no_harm_next_time(tmp_path: Path, late: bool):
    bank = promoting(tmp_path)

    class Full(Remembered):
        def write(self, checkpoint: bytes) -> None:
            if late:
                good.write(checkpoint)
            raise UnreachableError("no room: injected")

    good, bank.known = bank.known, Full(bank.known.checkpoint)
    bank.restart()
    with pytest.raises(UnreachableError, match="no room"):
        bank.sync()
    bank.known = good
    settled(bank)
