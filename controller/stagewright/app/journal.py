"""The ledger and the memory of it, kept in step."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from stagewright.app.memory import Memory
from stagewright.ledger.log import Ledger
from stagewright.ledger.statement import Statement


class Journal(Protocol):
    """Where a sync writes down what it decides and does."""

    @property
    def memory(self) -> Memory:
        """What has been written so far, by what it is asked for."""
        ...

    @property
    def size(self) -> int:
        """The index that the next entry will have."""
        ...

    def append(self, statements: Sequence[Statement], evidence: Mapping[str, bytes] | None = None) -> range:
        """Write a batch, all or nothing, and remember it; the indices it got."""
        ...


class LedgerJournal:
    """Writes to a ledger: what it returns from is durable."""

    def __init__(self, ledger: Ledger, memory: Memory) -> None:
        self._ledger = ledger
        self._checkpoint: str | None = ledger.checkpoint
        self.memory = memory

    @property
    def size(self) -> int:
        """The index that the next entry will have."""
        return self._ledger.size

    @property
    def checkpoint(self) -> str | None:
        """The checkpoint of exactly what is remembered; None once an append ended in the middle."""
        return self._checkpoint

    def append(self, statements: Sequence[Statement], evidence: Mapping[str, bytes] | None = None) -> range:
        """Write a batch durably, then remember it."""
        in_step, self._checkpoint = self._checkpoint is not None, None
        indices = self._ledger.append(statements, evidence=evidence)
        for index, statement in zip(indices, statements, strict=True):
            self.memory.take(index, statement.predicate)
        self._checkpoint = self._ledger.checkpoint if in_step else None
        return indices


class RehearsalJournal:
    """Remembers only: what a sync would write, without a ledger to write to."""

    def __init__(self, size: int, memory: Memory) -> None:
        self.size = size
        self.memory = memory
        self._kept: dict[str, bytes] = {}
        stored = memory.bodies
        memory.bodies = lambda digest: self._kept.get(digest) or stored(digest)

    def append(self, statements: Sequence[Statement], evidence: Mapping[str, bytes] | None = None) -> range:
        """Remember a batch as if it had been written."""
        self._kept.update(evidence or {})
        indices = range(self.size, self.size + len(statements))
        self.size = indices.stop
        for index, statement in zip(indices, statements, strict=True):
            self.memory.take(index, statement.predicate)
        return indices
