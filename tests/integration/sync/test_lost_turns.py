"""The turn to write ends at every write in turn, in both forms: before the write, and when it has just happened.

Whoever has the next turn closes what is open and goes on: nothing is applied twice, and the ledger verifies.
"""

from collections import Counter
from pathlib import Path

import pytest

from stagewright.adapters.fence_local import LocalFence
from stagewright.errors import LeaseLostError, LedgerError, StalledError
from stagewright.ledger import predicates as entry
from tests.bank import IMAGE, MODEL, Bank
from tests.fakes.fence import FakeFence
from tests.fakes.ledger_store import MemoryStore

FORMS = pytest.mark.parametrize("late", [False, True], ids=["before the write", "after the write"])


class Office(Bank):
    """A bank whose ledger is in memory, and whose controllers come and go."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.store = MemoryStore()
        self.fence = FakeFence()
        self.restart()

    def again(self, root: Path) -> "Office":
        """The same, with a ledger and a registry of its own from here on."""
        (self.root / "ledger").mkdir(exist_ok=True)
        root.mkdir()
        made = self.fork(root)
        assert isinstance(self.store, MemoryStore)
        made.store = MemoryStore(files=dict(self.store.files))
        return made  # type: ignore[return-value] # a copy of itself

    def lead(self, fence: FakeFence) -> None:
        """A new process, in a turn of its own."""
        self.fence = fence
        self.restart()


def promoting(root: Path) -> Office:
    bank = Office(root)
    bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    return bank


def applied(bank: Office) -> Counter[str]:
    """How often each thing was written to the registry."""
    return Counter(request for request in bank.memory_registry.requests if request.startswith("apply"))


@FORMS
def test_turn_that_ends_at_any_write_leaves_the_next_one_to_finish(tmp_path: Path, late: bool):
    whole = promoting(tmp_path)
    counted = whole.again(tmp_path / "whole")
    counted.lead(FakeFence(transitions=2, holder="pod-1"))
    counted.sync()
    assert isinstance(counted.fence, FakeFence)
    writes = counted.fence.writes
    once = applied(counted)
    assert sum(once.values()) == 2
    assert writes > sum(once.values())
    closed = 0
    for at in range(writes):
        bank = whole.again(tmp_path / f"{at}")
        bank.lead(FakeFence(transitions=2, holder="pod-1", allowed=at, late=late))
        with pytest.raises(LeaseLostError):
            bank.sync()
        before = applied(bank)
        bank.lead(FakeFence(transitions=3, holder="pod-2"))
        closed += len(bank.sync().recovered)
        assert (bank.aliases(), bank.sync().applied) == ({"challenger": 1}, ())
        results = [outcome.result for outcome in bank.entries(entry.Outcome)]
        assert results in (["applied"], ["failed", "applied"])
        # the tag names its intent, so that of a new one is another
        assert set(applied(bank).values()) == {1}
        assert results == ["applied"] or before != once
        assert [one.epoch.holder for one in bank.entries()] == sorted(one.epoch.holder for one in bank.entries())
        bank.verified()
    assert closed > 2


@FORMS
def test_turn_that_ends_at_any_write_of_the_beginning_leaves_the_next_one_to_begin(tmp_path: Path, late: bool):
    whole = Office(tmp_path)
    whole.train()
    counted = whole.again(tmp_path / "whole")
    counted.lead(FakeFence())
    counted.sync()
    assert isinstance(counted.fence, FakeFence)
    for at in range(counted.fence.writes):
        bank = whole.again(tmp_path / f"{at}")
        bank.lead(FakeFence(allowed=at, late=late))
        with pytest.raises(LeaseLostError):
            bank.sync()
        bank.lead(FakeFence(transitions=2, holder="pod-1"))
        bank.sync()
        assert bank.kinds() == ["genesis", "key", "key"]
        assert applied(bank) == Counter()
        bank.verified()


def test_process_without_a_turn_changes_nothing(tmp_path: Path):
    bank = promoting(tmp_path)
    before = dict(bank.store.files)
    fence = FakeFence(transitions=2)
    fence.lose()
    bank.lead(fence)
    with pytest.raises(LeaseLostError):
        bank.sync()
    assert (bank.store.files, applied(bank)) == (before, Counter())


def test_every_entry_names_its_turn_and_its_image(tmp_path: Path):
    bank = promoting(tmp_path)
    began = len(bank.entries())
    bank.lead(FakeFence(transitions=4, holder="pod-1"))
    bank.sync()
    turns = [(one.epoch.lease, one.epoch.transitions, one.epoch.holder) for one in bank.entries()]
    assert set(turns[:began]) == {("ml/stagewright", 1, "pod-0")}
    assert set(turns[began:]) == {("ml/stagewright", 4, "pod-1")}
    assert {one.image for one in bank.entries()} == {IMAGE}


def test_lease_that_was_made_anew_is_raised_above_the_ledger(tmp_path: Path):
    bank = promoting(tmp_path)
    bank.lead(FakeFence(transitions=7, holder="pod-1"))
    bank.sync()
    bank.train()
    bank.promote(MODEL, {"Staging": 2}, "noor")
    bank.lead(FakeFence(transitions=0, holder="pod-2"))
    bank.sync()
    assert bank.entries()[-1].epoch.transitions == 8
    assert bank.aliases() == {"challenger": 2}
    bank.verified()


def test_controller_whose_ledger_another_took_over_stalls_until_its_next_turn(tmp_path: Path):
    bank = promoting(tmp_path)
    first = bank.fence
    bank.fence = LocalFence("bank", take_over=True)
    bank.restart()
    bank.sync()
    size = bank.ledger().size
    bank.train()
    bank.promote(MODEL, {"Staging": 2}, "noor")
    bank.fence = first
    bank.restart()
    with pytest.raises(StalledError, match="'stagewright' has taken over the ledger in turn 2 of lease 'bank'"):
        bank.sync()
    assert (bank.ledger().size, bank.aliases()) == (size, {"challenger": 1})
    bank.lead(FakeFence(transitions=2, holder="pod-1"))
    bank.sync()
    assert bank.aliases() == {"challenger": 2}
    bank.verified()


def test_command_line_leaves_the_ledger_of_a_cluster_alone_until_told(tmp_path: Path):
    bank = promoting(tmp_path)
    bank.fence = LocalFence("bank")
    bank.restart()
    before = dict(bank.store.files)
    with pytest.raises(StalledError, match=r"the controller that holds lease 'ml/stagewright' \(pod-0, turn 1\)"):
        bank.sync()
    assert (bank.store.files, applied(bank)) == (before, Counter())
    bank.fence = LocalFence("bank", take_over=True)
    bank.restart()
    bank.sync()
    bank.fence = LocalFence("bank")
    bank.restart()
    bank.sync()
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_entry_of_a_turn_that_is_over_is_refused_by_the_ledger_itself(tmp_path: Path):
    """Whoever got past the fence, by whatever mistake, ends here."""
    bank = promoting(tmp_path)
    bank.lead(FakeFence(transitions=5, holder="pod-1"))
    bank.sync()
    bank.train()
    bank.promote(MODEL, {"Staging": 2}, "noor")

    class Careless(FakeFence):
        def turn(self, past: object) -> object:  # noqa: ARG002 # it looks at nothing
            return self._ours()

    bank.lead(Careless(transitions=4, holder="pod-0"))
    with pytest.raises(LedgerError, match="epoch 4 of lease 'ml/stagewright' is over: 5 of lease"):
        bank.sync()
    assert bank.aliases() == {"challenger": 1}
