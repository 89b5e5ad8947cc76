import pytest

from stagewright.core.turns import to_exceed
from stagewright.errors import StalledError
from stagewright.model.sync import WriterEpoch


def turn(transitions: int, holder: str = "pod-0", lease: str = "ml/stagewright") -> WriterEpoch:
    return WriterEpoch(lease=lease, transitions=transitions, holder=holder)


OURS = turn(5)
TURNS = {
    "a ledger that begins": ((), None),
    "our own turn wrote last": ((turn(4, "pod-1"), OURS), None),
    "our own turn wrote last, before it was raised for another ledger": ((turn(3), ), None),
    "an earlier turn of the same lease": ((turn(2, "pod-1"), turn(4, "pod-1")), None),
    "an earlier turn of our own, that was lost": ((turn(2), turn(4, "pod-1")), None),
    "an earlier turn of another lease": ((turn(1, "stagewright", "bank"),), None),
    "the same number of another lease": ((turn(5, "stagewright", "bank"),), 5),
    "the same number of another holder": ((turn(5, "pod-1"),), 5),
    "a lease that was made anew": ((turn(8, "pod-1"), turn(9, "pod-2")), 9),
}  # fmt: skip


@pytest.mark.parametrize(("past", "above"), TURNS.values(), ids=TURNS)
def test_turn_that_follows_others_exceeds_them(past: tuple[WriterEpoch, ...], above: int | None):
    assert to_exceed(OURS, 3, past) == above


TAKEN_OVER = {
    "by a later turn": (OURS, turn(6, "pod-1")),
    "by another lease": (OURS, turn(6, "stagewright", "bank")),
    "since before ours was raised": (turn(3), turn(4, "pod-1")),
    "and by a third": (OURS, turn(6, "pod-1"), turn(7, "pod-2")),
}


@pytest.mark.parametrize("past", TAKEN_OVER.values(), ids=TAKEN_OVER)
def test_turn_after_which_another_wrote_is_over(past: tuple[WriterEpoch, ...]):
    last = past[-1]
    with pytest.raises(StalledError, match=f"{last.holder!r} has taken over the ledger in turn {last.transitions}"):
        to_exceed(OURS, 3, past)
