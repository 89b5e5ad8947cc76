"""The ports that write, behind a fence: each write asks first whether it is still our turn, for as long as it may take.

The fence narrows the time in which a process that was stopped and woken up could write; what it cannot close, a write
that is under way already, is closed by the conditional checkpoint and by reading MLflow back.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from stagewright.model.actual import ActualModel, ActualState, VersionFacts
from stagewright.model.plan import Action
from stagewright.model.sync import WriterEpoch
from stagewright.ports import Fence, Known, LedgerStore, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn to write. `write_s` is the longest that one write may take, in seconds."""

    fence: Fence
    epoch: WriterEpoch
    write_s: float

    def require(self) -> None:
        """LeaseLostError unless one more write fits into it."""
        self.fence.require(self.epoch, self.write_s)


@dataclass(frozen=True, slots=True)
class FencedRegistry:
    """A `Registry` that writes in one turn only."""

    inner: Registry
    turn: Turn

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
        self.turn.require()
        self.inner.apply(action)


@dataclass(frozen=True, slots=True)
class FencedStore:
    """A `LedgerStore` that writes in one turn only."""

    inner: LedgerStore
    turn: Turn

    def read(self, name: str) -> bytes | None:
        """See the port."""
        return self.inner.read(name)

    def write(self, name: str, data: bytes) -> None:
        """See the port. LeaseLostError: nothing was written."""
        self.turn.require()
        self.inner.write(name, data)

    def replace(self, name: str, data: bytes, *, expected: bytes | None) -> None:
        """See the port. LeaseLostError: nothing was written."""
        self.turn.require()
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
    turn: Turn

    @property
    def place(self) -> str:
        """See the port."""
        return self.inner.place

    def read(self) -> bytes | None:
        """See the port."""
        return self.inner.read()

    def write(self, checkpoint: bytes) -> None:
        """See the port. LeaseLostError: nothing was written."""
        self.turn.require()
        self.inner.write(checkpoint)
