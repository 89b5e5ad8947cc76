"""Opening the ledger that is known, in order to write on in it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from stagewright.app.continuity import require_growth
from stagewright.app.fenced import Gate
from stagewright.app.memory import Memory, remember
from stagewright.errors import LedgerConflictError, StalledError
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.ports import Known, LedgerStore, Signer

READ_ANEW = timedelta(hours=1)
"""How long a ledger that does not grow is believed to be as it was read, all of its entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a ledger added up to at `checkpoint`, a whole signed note, and when all of it was read last."""

    checkpoint: str
    memory: Memory
    read_at: datetime


def reopen(
    *,
    store: LedgerStore,
    known: Known,
    log_signer: Signer,
    entry_signer: Signer,
    gate: Gate,
    now: datetime,
    kept: Kept | None = None,
) -> tuple[Ledger, Kept, entry.Epoch]:
    """The ledger, open for writing behind `gate`, what it adds up to, and our turn to write in it.

    LedgerMissingError when there is none; LedgerConflictError when somebody else writes just now; StalledError when it
    is not the one known from before, or the clock runs behind it, or somebody took it over: then nothing can be written
    down.
    """
    kept = _recalled(Ledger.read(store), kept, now)
    memory = kept.memory
    if now < memory.latest:
        raise StalledError(
            f"the clock says {now:%Y-%m-%d %H:%M:%S}, and the ledger's last entry is of "
            f"{memory.latest:%Y-%m-%d %H:%M:%S} UTC: its times never run back",
            hint="set the clock right",
        )
    ledger = Ledger.open(store, origin=memory.genesis.origin, log_signer=log_signer, entry_signer=entry_signer)
    if ledger.checkpoint != kept.checkpoint:
        raise LedgerConflictError("somebody else wrote to the ledger while it was read", hint="try again")
    require_growth(ledger, known)
    return ledger, kept, gate.begin(memory.epochs)


def _recalled(ledger: Ledger, kept: Kept | None, now: datetime) -> Kept:
    """What is kept, where the ledger has the same checkpoint, to the byte; else, and from time to time, all read anew.

    The checkpoint signs the root over every entry, so the same one stands for the same entries, and whoever else wrote
    left another. What it cannot show is a file below it that was damaged since: an append, which reads every entry
    before it writes, stops at that, and without one the next reading does.
    """
    if kept is not None and kept.checkpoint == ledger.checkpoint and timedelta() <= now - kept.read_at < READ_ANEW:
        kept.memory.bodies = ledger.evidence
        return kept
    return Kept(checkpoint=ledger.checkpoint, memory=remember(ledger), read_at=now)
