"""A turn that a test ends, before or after the write of its choice.

fence = FakeFence(transitions=1, holder="pod-0")
fence.lose()                          # nothing is written from now on
FakeFence(allowed=3)                  # the fourth write is refused
FakeFence(allowed=3, late=True)       # the fourth happens, but its writer does not come to know
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from stagewright.core.turns import to_exceed
from stagewright.errors import LeaseLostError
from stagewright.model.sync import WriterEpoch


@dataclass(slots=True, kw_only=True)
class FakeFence:
    """A `Fence` that needs no lease. `writes` counts what was let through."""

    lease: str = "ml/stagewright"
    transitions: int = 1
    holder: str = "pod-0"
    allowed: int = 10**6
    late: bool = False
    lost: bool = False
    writes: int = 0
    since: int = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.transitions

    def lose(self) -> None:
        """End the turn."""
        self.lost = True

    def turn(self, past: Sequence[WriterEpoch]) -> WriterEpoch:
        if self.lost:
            raise LeaseLostError("the turn is over: injected")
        above = to_exceed(self._ours(), self.since, past)
        self.transitions = self.transitions if above is None else above + 1
        return self._ours()

    @contextmanager
    def writing(self, turn: WriterEpoch, seconds: float) -> Iterator[None]:
        assert seconds > 0
        if not self.late:
            self.lost = self.lost or self.writes >= self.allowed
        if self.lost or not self.since <= turn.transitions <= self.transitions:
            raise LeaseLostError("the turn is over: injected")
        self.writes += 1
        yield
        if self.writes > self.allowed:
            self.lost = True
            raise LeaseLostError("the turn was over while it was written: injected")

    def _ours(self) -> WriterEpoch:
        return WriterEpoch(lease=self.lease, transitions=self.transitions, holder=self.holder)
