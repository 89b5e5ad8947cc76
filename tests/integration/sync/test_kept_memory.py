"""A controller that stays up remembers its ledger between syncs: as long as nobody else wrote, and not for ever."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from stagewright.adapters.directory import DirectoryStore
from stagewright.app.memory import Memory, remember
from stagewright.app.reopening import READ_ANEW
from stagewright.errors import DiscontinuityError, LedgerConflictError, LedgerDamagedError, UnreachableError
from stagewright.ledger.log import CHECKPOINT, Ledger
from tests.bank import GOVERNANCE, LIGHT, MODEL, Bank, policy

BUNDLES = "tile/entries/"


class WatchedStore:
    """A ledger's directory that says what was read, does something before a reading, and may not answer a writer."""

    def __init__(self, store: DirectoryStore) -> None:
        self._store = store
        self.names_read: list[str] = []
        self.once: dict[str, int] = {}
        self.meanwhile: Callable[[], object] = lambda: None
        self.deaf = False

    def read(self, name: str) -> bytes | None:
        self.names_read.append(name)
        if self.once.get(name) == self.names_read.count(name):
            self.once.pop(name)
            self.meanwhile()
        return self._store.read(name)

    def names(self, prefix: str) -> Iterator[str]:
        return self._store.names(prefix)

    def lock(self) -> AbstractContextManager[None]:
        return self._store.lock()

    def write(self, name: str, data: bytes) -> None:
        self._store.write(name, data)

    def replace(self, name: str, data: bytes, *, expected: bytes | None) -> None:
        self._store.replace(name, data, expected=expected)
        if self.deaf:
            raise UnreachableError("no answer: injected")


def watched(root: Path) -> tuple[Bank, WatchedStore]:
    """A bank with a version in Staging, whose controller has synced and stays up."""
    bank = Bank(root, rules=policy(LIGHT, GOVERNANCE))
    store = bank.store = WatchedStore(DirectoryStore(root / "ledger"))
    bank.restart()
    for _ in range(2):
        bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    return bank, store


def shown(memory: Memory | None) -> dict[str, Any]:
    """All that is remembered, without where evidence is read from."""
    return {field.name: getattr(memory, field.name) for field in fields(Memory) if field.name != "bodies"}


def damage(root: Path) -> None:
    """Change one byte of entry 0 wherever it is, and leave the checkpoint as it is."""
    for bundle in (root / "ledger" / "tile" / "entries").rglob("*"):
        if bundle.is_file():
            data = bytearray(bundle.read_bytes())
            data[100] ^= 1
            bundle.write_bytes(data)


def in_step(bank: Bank) -> None:
    """What the controller remembers is what another process would read."""
    read = remember(Ledger.read(DirectoryStore(bank.root / "ledger")))
    assert shown(bank._syncer.memory) == shown(read)


def test_idle_sync_reads_no_entry_and_remembers_all(tmp_path: Path) -> None:
    bank, store = watched(tmp_path)
    store.names_read.clear()
    bank.sync()
    assert [name for name in store.names_read if name.startswith(BUNDLES)] == []
    assert CHECKPOINT in store.names_read
    in_step(bank)


def test_controller_that_wrote_goes_on_from_what_it_wrote(tmp_path: Path) -> None:
    bank, store = watched(tmp_path)
    bank.promote(MODEL, {"Staging": 2}, "noor")
    bank.sync()
    in_step(bank)
    store.names_read.clear()
    assert bank.sync().applied == ()
    assert [name for name in store.names_read if name.startswith(BUNDLES)] == []
    in_step(bank)


def test_controller_whose_ledger_grew_underneath_reads_it_anew(tmp_path: Path) -> None:
    bank, _ = watched(tmp_path)
    other = bank.syncer()
    bank.promote(MODEL, {"Staging": 2}, "noor")
    bank.clock.forward(minutes=1)
    other.sync()
    size = bank.ledger().size
    report = bank.sync()
    assert (report.verdicts, report.applied, report.ledger_size) == ((), (), size)
    assert bank.aliases() == {"challenger": 2}
    in_step(bank)
    bank.verified()


def test_controller_whose_ledger_was_put_back_stalls(tmp_path: Path) -> None:
    bank, _ = watched(tmp_path)
    shutil.copytree(tmp_path / "ledger", tmp_path / "older")
    bank.promote(MODEL, {"Staging": 2}, "noor")
    bank.sync()
    shutil.rmtree(tmp_path / "ledger")
    shutil.move(tmp_path / "older", tmp_path / "ledger")
    with pytest.raises(DiscontinuityError, match="it was cut, or an old copy put back"):
        bank.sync()


def test_damaged_entry_is_found_before_anything_is_written(tmp_path: Path) -> None:
    bank, _ = watched(tmp_path)
    damage(tmp_path)
    bank.sync()
    bank.promote(MODEL, {"Staging": 2}, "noor")
    before = (tmp_path / "ledger" / CHECKPOINT).read_bytes()
    with pytest.raises(LedgerDamagedError, match="does not have its hash"):
        bank.sync()
    assert bank.aliases() == {"challenger": 1}
    assert (tmp_path / "ledger" / CHECKPOINT).read_bytes() == before


def test_damaged_entry_is_found_within_the_hour_where_nothing_is_written(tmp_path: Path) -> None:
    bank, _ = watched(tmp_path)
    bank.restart()
    bank.sync()
    damage(tmp_path)
    bank.clock.time += READ_ANEW
    with pytest.raises(LedgerDamagedError, match="does not have its hash"):
        bank.sync()


def test_clock_that_was_set_back_has_the_ledger_read_anew(tmp_path: Path) -> None:
    bank, store = watched(tmp_path)
    bank.clock.forward(hours=10)
    bank.sync()
    bank.clock.forward(hours=-5)
    store.names_read.clear()
    bank.sync()
    assert [name for name in store.names_read if name.startswith(BUNDLES)] != []


def test_sync_whose_append_was_not_heard_of_remembers_it_at_the_next(tmp_path: Path) -> None:
    bank, store = watched(tmp_path)
    bank.promote(MODEL, {"Staging": 2}, "noor")
    store.deaf = True
    with pytest.raises(UnreachableError, match="injected"):
        bank.sync()
    store.deaf = False
    bank.sync()
    assert bank.aliases() == {"challenger": 2}
    in_step(bank)
    bank.verified()


def test_sync_gives_up_where_somebody_writes_while_it_reads(tmp_path: Path) -> None:
    bank, store = watched(tmp_path)
    other = bank.syncer()
    bank.promote(MODEL, {"Staging": 2}, "noor")
    bank.clock.forward(minutes=1)
    store.names_read.clear()
    # read once to remember, and once more to write
    store.once, store.meanwhile = {CHECKPOINT: 2}, other.sync
    with pytest.raises(LedgerConflictError, match="while it was read"):
        bank.sync()
    assert bank.aliases() == {"challenger": 2}
    bank.sync()
    in_step(bank)
    bank.verified()
