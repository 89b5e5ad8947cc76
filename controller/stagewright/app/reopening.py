"""Opening the ledger that is known, in order to write on in it."""

from datetime import datetime

from stagewright.app.continuity import require_growth
from stagewright.app.fenced import Gate
from stagewright.app.memory import Memory, remember
from stagewright.errors import StalledError
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.ports import Known, LedgerStore, Signer


def reopen(
    *, store: LedgerStore, known: Known, log_signer: Signer, entry_signer: Signer, gate: Gate, now: datetime
) -> tuple[Ledger, Memory, entry.Epoch]:
    """The ledger, open for writing behind `gate`, what it adds up to, and our turn to write in it.

    LedgerMissingError when there is none; StalledError when it is not the one known from before, or the clock runs
    behind it, or somebody took it over: then nothing can be written down.
    """
    memory = remember(Ledger.read(store))
    if now < memory.latest:
        raise StalledError(
            f"the clock says {now:%Y-%m-%d %H:%M:%S}, and the ledger's last entry is of "
            f"{memory.latest:%Y-%m-%d %H:%M:%S} UTC: its times never run back",
            hint="set the clock right",
        )
    ledger = Ledger.open(store, origin=memory.genesis.origin, log_signer=log_signer, entry_signer=entry_signer)
    require_growth(ledger, known)
    return ledger, memory, gate.begin(memory.epochs)
