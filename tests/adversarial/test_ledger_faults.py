"""The store breaks at every changing call in turn, in both forms: the change lost, or made with its reply lost."""

import pytest

from stagewright.errors import LedgerConflictError, LedgerMissingError, UnreachableError
from stagewright.ledger.evidence import evidence_digest
from stagewright.ledger.log import Ledger
from stagewright.ledger.note import VerifierKey
from stagewright.ledger.statement import Statement
from stagewright.ledger.verification import verify
from tests.fakes import ledger_entries as given
from tests.fakes.ledger_store import FaultyStore, MemoryStore

PIN = str(VerifierKey(name=given.ORIGIN, key=given.LOG.public_key))
BODIES = {evidence_digest(given.SIGNED_TAG): given.SIGNED_TAG}
FORMS = pytest.mark.parametrize("late", [False, True], ids=["write lost", "reply lost"])


def _verified(store: MemoryStore, *checkpoints: bytes) -> bool:
    report = verify(store, log_key=PIN, checkpoints=checkpoints, signoff_checker=lambda _, __: None)
    assert [step for step in report.steps if step.findings] == []
    return report.verified


def _break(store: MemoryStore, batch: list[Statement], calls: int, *, late: bool) -> bool:
    """Append `batch` with the store breaking after `calls` changes; whether it broke."""
    ledger = Ledger.open(
        FaultyStore(store, calls=calls, late=late),
        origin=given.ORIGIN,
        log_signer=given.LOG,
        entry_signer=given.ENTRY,
    )
    try:
        ledger.append(batch, evidence=BODIES)
    except UnreachableError:
        return True
    return False


SIZES = {
    "a small log": ([], [given.observation(), given.revision(3)]),
    "up to a tile's border": ([given.revision(1)] * 251, [given.revision(2)] * 2),
    "over a tile's border": ([given.revision(1)] * 250, [given.revision(2)] * 20),
    "from a tile's border on": ([given.revision(1)] * 253, [given.revision(2)] * 2),
}


@FORMS
@pytest.mark.parametrize(("before", "batch"), SIZES.values(), ids=SIZES)
def test_append_with_a_fault_at_every_call_leaves_the_old_or_the_new_log(
    before: list[Statement], batch: list[Statement], late: bool
):
    start = MemoryStore()
    ledger = given.created(start)
    if before:
        ledger.append(before)
    outcomes = set()
    for calls in range(100):
        store = MemoryStore(files=dict(start.files))
        if not _break(store, batch, calls, late=late):
            break
        reopened = given.opened(store)
        assert reopened.size in {ledger.size, ledger.size + len(batch)}
        outcomes.add(reopened.size - ledger.size)
        # another, shorter batch comes next: what the broken one left must not be taken for it
        reopened.append([given.revision(5)])
        given.opened(store).append([given.revision(6)] * 3)
        assert _verified(store, ledger.checkpoint.encode(), reopened.checkpoint.encode())
    else:
        pytest.fail("the store broke for ever")
    assert outcomes == ({0, len(batch)} if late else {0})


@FORMS
def test_create_with_a_fault_at_every_call_can_be_done_again(late: bool):
    for calls in range(100):
        store = MemoryStore()
        try:
            given.created(FaultyStore(store, calls=calls, late=late))
        except UnreachableError:
            pass
        else:
            break
        try:
            size = given.opened(store).size
        except LedgerMissingError:
            size = given.created(store).size
        assert size == 3
        assert _verified(store)
        given.opened(store).append([given.revision(5)])
        assert _verified(store)
    else:
        pytest.fail("the store broke for ever")


class _LostReply(MemoryStore):
    """Replaces, and then says that it may not have."""

    def replace(self, name: str, data: bytes, *, expected: bytes | None) -> None:
        super().replace(name, data, expected=expected)
        raise UnreachableError("the reply was lost")


def test_append_on_the_same_ledger_after_a_lost_reply_is_a_conflict_and_not_a_second_copy():
    """The writer does not know that its batch is durable. It must look before it writes again."""
    store = MemoryStore()
    given.created(store)
    ledger = given.opened(_LostReply(files=store.files))
    with pytest.raises(UnreachableError):
        ledger.append([given.revision(1)])
    with pytest.raises(LedgerConflictError, match="another writer has appended"):
        ledger.append([given.revision(1)])
    assert given.opened(store).size == 4
    assert _verified(store)
