"""Opening the ledger that is known, in order to write on in it."""

from datetime import datetime

from stagewright.app.continuity import require_growth
from stagewright.app.memory import Memory, remember
from stagewright.app.record import Scribe
from stagewright.errors import StalledError
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.model.sync import RegistrySync
from stagewright.ports import Known, LedgerStore, Signer


def reopen(
    *, store: LedgerStore, known: Known, log_signer: Signer, entry_signer: Signer, now: datetime
) -> tuple[Ledger, Memory]:
    """The ledger, open for writing, and what it adds up to.

    LedgerMissingError when there is none; StalledError when it is not the one known from before, or the clock runs
    behind it: then nothing can be written down.
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
    return ledger, memory


def scribe_of(config: RegistrySync, origin: str, now: datetime) -> Scribe:
    """What writes entries in the name of one configuration, outside of a sync."""
    epoch = entry.Epoch(lease=config.name, transitions=0, holder="stagewright")
    return Scribe(sync=config.name, epoch=epoch, now=now, origin=origin, names={})
