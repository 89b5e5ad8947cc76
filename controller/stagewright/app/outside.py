"""Everything outside that a sync talks to, as one value."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from stagewright.app.fenced import FencedKnown, FencedRegistry, FencedStore, FencedWorkloads, Gate
from stagewright.app.reach import Watch, WatchedForge, WatchedRegistry, WatchedSource
from stagewright.core.turns import LONGEST_WRITE_S
from stagewright.ports import (
    Claims,
    Clock,
    Conversation,
    Deaf,
    Fence,
    Forge,
    Known,
    LedgerStore,
    Registry,
    Signer,
    Source,
    Telemetry,
    Unclaimed,
    Workloads,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Everything a sync talks to. `exclusive` is held for its length, so that there is one writer to MLflow.

    `known` keeps the last checkpoint apart from `store`. `fence` says whose turn it is to write; `write_s` is the
    longest that one write may take, in seconds, and `image` the digest of what runs. `conversation` is there where the
    forge has pull requests to speak on, `workloads` where some are to be looked at; with `roll` they are restarted when
    their stage changes. `telemetry` hears how long each part takes. `claims` knows what others keep.
    """

    source: Source
    forge: Forge
    registry: Registry
    store: LedgerStore
    log_signer: Signer
    entry_signer: Signer
    clock: Clock
    exclusive: Callable[[], AbstractContextManager[None]]
    known: Known
    fence: Fence
    write_s: float = LONGEST_WRITE_S
    image: str | None = None
    conversation: Conversation | None = None
    workloads: Workloads | None = None
    roll: bool = False
    telemetry: Telemetry = field(default_factory=Deaf)
    claims: Claims = field(default_factory=Unclaimed)

    def behind(self, gate: Gate) -> "Outside":
        """The same, with all that is written behind a gate."""
        return replace(
            self,
            registry=FencedRegistry(self.registry, gate),
            store=FencedStore(self.store, gate),
            known=FencedKnown(self.known, gate),
            workloads=FencedWorkloads(self.workloads, gate) if self.workloads is not None else None,
        )

    def heard(self, watch: Watch) -> "Outside":
        """The same, with the answers of repository, forge and registry listened to."""
        return replace(
            self,
            source=WatchedSource(self.source, watch),
            forge=WatchedForge(self.forge, watch),
            registry=WatchedRegistry(self.registry, watch),
        )
