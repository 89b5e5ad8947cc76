"""The fence without a cluster: a lock file orders the processes of one machine, so that their turns need no lease."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from stagewright.errors import StalledError
from stagewright.model.sync import WriterEpoch

HOLDER = "stagewright"


class LocalFence:
    """A `Fence` whose turn lasts as long as the process holds the lock of its sync."""

    def __init__(self, name: str, *, take_over: bool = False) -> None:
        """`name` is the configuration's. `take_over`: go on with a ledger that a controller in a cluster wrote."""
        self._name = name
        self._take_over = take_over

    def turn(self, past: Sequence[WriterEpoch]) -> WriterEpoch:
        """See `Fence.turn`. All who write without a cluster share one turn; that of a cluster is only taken over."""
        last = past[-1] if past else WriterEpoch(lease=self._name, transitions=0, holder=HOLDER)
        if last.holder == HOLDER:
            return WriterEpoch(lease=self._name, transitions=last.transitions, holder=HOLDER)
        if not self._take_over:
            raise StalledError(
                f"nothing is applied: the ledger is written by the controller that holds lease {last.lease!r} "
                f"({last.holder}, turn {last.transitions})",
                hint="leave it to that controller; once it is gone for good, go on from here with --take-over",
            )
        return WriterEpoch(lease=self._name, transitions=last.transitions + 1, holder=HOLDER)

    def writing(self, turn: WriterEpoch, seconds: float) -> AbstractContextManager[None]:  # noqa: ARG002 # the port's
        """See `Fence.writing`: nobody else can have the lock."""
        return nullcontext()
