"""Turns to write in a ledger: they only go up, and nobody writes in one that is over."""

from collections.abc import Sequence

from stagewright.errors import StalledError
from stagewright.model.sync import WriterEpoch

# The longest that a write takes to arrive, by the time-outs of the adapter of MLflow. A ledger's write may take longer:
# what counts there is the conditional checkpoint.
LONGEST_WRITE_S = 10.0


def to_exceed(ours: WriterEpoch, since: int, past: Sequence[WriterEpoch]) -> int | None:
    """The transitions that `ours` must come to exceed on a ledger written in the turns `past`; None if it may stay.

    A lease that was made anew counts from 0 again, and so does one of another installation: the ledger does not.
    `since` is what ours began with, before it was raised for other ledgers. StalledError when it has written in this
    one, and another turn after it: somebody took the ledger over.
    """
    own = [t for t in past if (t.lease, t.holder) == (ours.lease, ours.holder) and t.transitions >= since]
    if not past or past[-1] in own:
        return None
    last = past[-1]
    if own:
        raise StalledError(
            f"nothing is applied: {last.holder!r} has taken over the ledger in turn {last.transitions} of lease "
            f"{last.lease!r}, after our turn {ours.transitions} of lease {ours.lease!r} began",
            hint="if that was meant, restart this controller: its next turn follows. If not, find out who holds the "
            "ledger's keys: two installations must not write one ledger",
        )
    return last.transitions if last.transitions >= ours.transitions else None
