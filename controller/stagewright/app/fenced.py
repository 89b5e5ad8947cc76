"""The ports that write, behind a fence: each write asks first whether it is still our turn, for as long as it may take.

The fence narrows the time in which a process that was stopped and woken up could write; what it cannot close, a write
that is under way already, is closed by the conditional checkpoint and by reading MLflow back.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from stagewright.ledger.predicates import Epoch
from stagewright.model.actual import ActualModel, ActualState, VersionFacts
from stagewright.model.plan import Action
from stagewright.model.sync import WriterEpoch
from stagewright.model.workload import Workload
from stagewright.ports import Fence, Known, LedgerStore, Registry, Workloads


class Gate:
    """The way to all that is written, open in one turn; closed until that turn has begun."""

    def __init__(self, fence: Fence, write_s: float) -> None:
        """`write_s` is the longest that one write may take, in seconds."""
        self._fence = fence
        self._write_s = write_s
        self._turn: WriterEpoch | None = None

    def begin(self, past: Sequence[Epoch]) -> Epoch:
        """Begin our turn on a ledger that was written in the turns `past`; what stands in its entries."""
        turns = [WriterEpoch(lease=one.lease, transitions=one.transitions, holder=one.holder) for one in past]
        turn = self._turn = self._fence.turn(turns)
        return Epoch(lease=turn.lease, transitions=turn.transitions, holder=turn.holder)

    def writing(self) -> AbstractContextManager[None]:
        """One write, for the length of a `with` block. LeaseLostError unless it fits into the turn."""
        assert self._turn is not None
        return self._fence.writing(self._turn, self._write_s)

    def require(self) -> None:
        """LeaseLostError unless one more write would fit into the turn."""
        with self.writing():
            return


@dataclass(frozen=True, slots=True)
class FencedRegistry:
    """A `Registry` that writes in one turn only."""

    inner: Registry
    gate: Gate

    def snapshot(self) -> ActualState:
        """See the port."""
        return self.inner.snapshot()

    def model(self, name: str) -> ActualModel | None:
        """See the port."""
        return self.inner.model(name)

    def version_facts(self, name: str, version: int) -> VersionFacts | None:
        """See the port."""
        return self.inner.version_facts(name, version)

    def apply(self, action: Action) -> None:
        """See the port. LeaseLostError: nothing was written."""
        with self.gate.writing():
            self.inner.apply(action)


@dataclass(frozen=True, slots=True)
class FencedStore:
    """A `LedgerStore` that writes in one turn only."""

    inner: LedgerStore
    gate: Gate

    def read(self, name: str) -> bytes | None:
        """See the port."""
        return self.inner.read(name)

    def write(self, name: str, data: bytes) -> None:
        """See the port. LeaseLostError: nothing was written."""
        with self.gate.writing():
            self.inner.write(name, data)

    def replace(self, name: str, data: bytes, *, expected: bytes | None) -> None:
        """See the port. LeaseLostError: nothing was written."""
        with self.gate.writing():
            self.inner.replace(name, data, expected=expected)

    def names(self, prefix: str) -> Iterator[str]:
        """See the port."""
        return self.inner.names(prefix)

    def lock(self) -> AbstractContextManager[None]:
        """See the port."""
        return self.inner.lock()


@dataclass(frozen=True, slots=True)
class FencedKnown:
    """A `Known` that is written in one turn only: the next writer may have kept a newer checkpoint already."""

    inner: Known
    gate: Gate

    @property
    def place(self) -> str:
        """See the port."""
        return self.inner.place

    def read(self) -> bytes | None:
        """See the port."""
        return self.inner.read()

    def write(self, checkpoint: bytes) -> None:
        """See the port. LeaseLostError: nothing was written."""
        with self.gate.writing():
            self.inner.write(checkpoint)


@dataclass(frozen=True, slots=True)
class FencedWorkloads:
    """`Workloads` that are rolled in one turn only."""

    inner: Workloads
    gate: Gate

    def observe(self, known: frozenset[str]) -> tuple[tuple[Workload, ...], frozenset[str]]:
        """See the port."""
        return self.inner.observe(known)

    def roll(self, workload: Workload, intent: int) -> None:
        """See the port. LeaseLostError: nothing was rolled."""
        with self.gate.writing():
            self.inner.roll(workload, intent)
