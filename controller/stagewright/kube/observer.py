"""What a controller tells whoever measures, answers health checks or passes news on.

Each call comes from the thread that did the work, and has to return at once: put things down, never wait.
An `Observer` cannot fail a reconcile; what it could not do is its own to try again.

    observers = Observers(Metrics(), Health(), Notifications())
    observers.reconciled(Reconciled(...))
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from stagewright.app.memory import Memory
from stagewright.app.sync import SyncReport
from stagewright.errors import StagewrightError
from stagewright.model.custom_resource import CustomResource

Result = Literal["synced", "waiting", "stalled", "failed", "suspended", "rehearsed", "deleted"]
"""What one reconcile came to.

`synced`: all that is authorized is in the registry. `waiting`: it went as far as it could, a system did not answer or a
write has to be tried again. `stalled`: a person must act. `failed`: an error ended it, and it is tried again.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    """One RegistrySync in the cluster. `str()` is `namespace/name`, the key of queue and cache."""

    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """One reconcile that has ended.

    `at` is when it began. `resource` is None where the object could not be read. `report` and `memory` are None where
    no sync ran, or an error ended it before its ledger was open. `memory` is the ledger read back, as of the end of
    the sync: it is nobody else's to change, and the next sync makes another one. `since` is the size up to which the
    object's status says that the ledger's news was passed on; entries from that index on are news (again, after a
    crash: at least once).
    """

    ref: ObjectRef
    resource: CustomResource | None
    result: Result
    at: datetime
    duration_s: float
    report: SyncReport | None
    memory: Memory | None
    error: StagewrightError | None
    since: int


class Observer(Protocol):
    """Hears of everything that happens in a controller."""

    def reconciled(self, done: Reconciled) -> None:
        """A reconcile has ended, however it did."""
        ...

    def forgotten(self, ref: ObjectRef) -> None:
        """The object is gone: whatever is kept or shown of it has to go."""
        ...

    def leading(self, *, leader: bool, transitions: int) -> None:
        """This process became the leader, or ceased to be it. `transitions` is the epoch of its lease."""
        ...

    def queued(self, depth: int) -> None:
        """How many objects are due and wait for a worker."""
        ...

    def working(self, busy: int, workers: int) -> None:
        """How many of the workers have an object in hand."""
        ...


class Courier(Protocol):
    """Passes news on to other systems, at least once."""

    def passed_on(self, ref: ObjectRef) -> int | None:
        """The ledger size up to which all news of this object is delivered; None: nothing was taken yet.

        The controller keeps it in the object's status, and hands it back as `Reconciled.since` after a restart.
        """
        ...


class Health(Protocol):
    """What a controller's health checks look at; the controller implements it."""

    @property
    def ready(self) -> bool:
        """Whether the caches are filled. A process that does not lead is ready, too: it can take over at any time."""
        ...

    @property
    def leader(self) -> bool:
        """Whether this process holds the lease."""
        ...

    def stuck(self) -> tuple[str, ...]:
        """Who has not moved for longer than it may, for people: `worker 2 at ml/bank for 931 s`. Empty: healthy."""
        ...


class Observers:
    """Several observers as one."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def reconciled(self, done: Reconciled) -> None:
        """See `Observer.reconciled`."""
        for observer in self._observers:
            observer.reconciled(done)

    def forgotten(self, ref: ObjectRef) -> None:
        """See `Observer.forgotten`."""
        for observer in self._observers:
            observer.forgotten(ref)

    def leading(self, *, leader: bool, transitions: int) -> None:
        """See `Observer.leading`."""
        for observer in self._observers:
            observer.leading(leader=leader, transitions=transitions)

    def queued(self, depth: int) -> None:
        """See `Observer.queued`."""
        for observer in self._observers:
            observer.queued(depth)

    def working(self, busy: int, workers: int) -> None:
        """See `Observer.working`."""
        for observer in self._observers:
            observer.working(busy, workers)
