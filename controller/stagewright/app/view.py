"""Looking without touching: the ledger, the branch and the registry as they are now."""

from dataclasses import dataclass
from datetime import datetime

from stagewright.app.desired import DesiredReader
from stagewright.app.facts import FactReader
from stagewright.app.memory import Memory, remember
from stagewright.app.recall import recall
from stagewright.errors import LedgerMissingError, UnreachableError
from stagewright.ledger.log import Ledger
from stagewright.model.state import State
from stagewright.model.sync import RegistrySync
from stagewright.ports import Clock, Forge, LedgerStore, Registry, Source


@dataclass(frozen=True, slots=True)
class Stopped:
    """The one time of a sync, as a clock."""

    at: datetime

    def now(self) -> datetime:
        """See `Clock.now`: always the same."""
        return self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything that can be looked at for one configuration."""

    config: RegistrySync
    source: Source
    forge: Forge
    registry: Registry
    store: LedgerStore
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What was seen in one look. `head` is None, and `away` says why, when the repository did not answer."""

    sight: Sight
    ledger: Ledger
    memory: Memory
    desired: DesiredReader
    state: State
    head: str | None
    away: str

    def fact_reader(self) -> FactReader:
        """Reads facts as of now."""
        return FactReader(
            registry=self.sight.registry,
            forge=self.sight.forge,
            desired=self.desired,
            branch=self.sight.config.branch,
            now=self.sight.clock.now(),
        )


def look(sight: Sight) -> View:
    """Read the ledger back and fetch the branch. LedgerMissingError when nothing was synced yet."""
    head, away = None, ""
    try:
        head = sight.source.fetch()
    except UnreachableError as error:
        away = str(error)
    try:
        ledger = Ledger.read(sight.store)
    except LedgerMissingError as error:
        raise LedgerMissingError(
            f"nothing was synced yet: {error}", hint="run `stagewright sync --once` to begin the ledger"
        ) from error
    memory = remember(ledger)
    desired = DesiredReader(sight.source, sight.config.path)
    return View(
        sight=sight,
        ledger=ledger,
        memory=memory,
        desired=desired,
        state=recall(memory, sight.source, desired),
        head=head,
        away=away,
    )
