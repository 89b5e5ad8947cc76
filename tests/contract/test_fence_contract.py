"""What every `Fence` does: the one in memory, the one without a cluster, and the one with a Lease."""

from collections.abc import Callable

import pytest

from stagewright.adapters.fence_local import LocalFence
from stagewright.adapters.kubernetes.election import Election, LeaseTimes
from stagewright.errors import LeaseLostError, StalledError
from stagewright.model.sync import WriterEpoch
from stagewright.ports import Fence
from tests.fakes.fence import FakeFence
from tests.fakes.lease import HandTime, LeaseLine, LeaseServer

Lose = Callable[[], None]


def in_memory() -> tuple[Fence, Lose]:
    fence = FakeFence()
    return fence, fence.lose


def with_a_lease() -> tuple[Fence, Lose]:
    time = HandTime()
    election = Election(
        LeaseLine(LeaseServer()),
        lease="ml/stagewright",
        identity="pod-0",
        times=LeaseTimes(duration_s=15, renew_deadline_s=10, retry_period_s=2),
        boottime=time,
        clock=time,
    )
    election.step()
    return election, lambda: setattr(time, "seconds", time.seconds + 10)


def alone() -> tuple[Fence, Lose]:
    return LocalFence("bank", take_over=True), lambda: None


ALL = pytest.mark.parametrize("made", [in_memory, with_a_lease, alone], ids=["in memory", "with a lease", "alone"])
LEASED = pytest.mark.parametrize("made", [in_memory, with_a_lease], ids=["in memory", "with a lease"])
Made = Callable[[], tuple[Fence, Lose]]
OTHER = WriterEpoch(lease="b/stagewright", transitions=7, holder="pod-9")


@ALL
def test_turn_on_a_ledger_that_begins_allows_writes(made: Made):
    fence, _ = made()
    turn = fence.turn(())
    with fence.writing(turn, 1):
        assert fence.turn((turn,)) == turn


@ALL
def test_turn_exceeds_that_of_another_and_stays_what_it_is(made: Made):
    fence, _ = made()
    turn = fence.turn((OTHER,))
    assert turn.transitions == 8
    assert (turn.lease, turn.holder) != (OTHER.lease, OTHER.holder)
    assert fence.turn((OTHER, turn)) == turn
    with fence.writing(turn, 1):
        pass


@LEASED
def test_turn_after_which_another_wrote_stalls(made: Made):
    fence, _ = made()
    turn = fence.turn(())
    with pytest.raises(StalledError, match="'pod-9' has taken over the ledger in turn 7"):
        fence.turn((turn, OTHER))


@LEASED
def test_fence_whose_turn_is_over_lets_nothing_through(made: Made):
    fence, lose = made()
    turn = fence.turn(())
    lose()
    with pytest.raises(LeaseLostError), fence.writing(turn, 1):
        pytest.fail("it was let through")
    with pytest.raises(LeaseLostError):
        fence.turn((turn,))


@LEASED
def test_write_in_a_turn_that_never_began_is_refused(made: Made):
    fence, _ = made()
    turn = fence.turn(())
    later = WriterEpoch(lease=turn.lease, transitions=turn.transitions + 1, holder=turn.holder)
    with pytest.raises(LeaseLostError), fence.writing(later, 1):
        pytest.fail("it was let through")


@ALL
def test_error_in_a_write_is_the_writers(made: Made):
    fence, _ = made()
    turn = fence.turn(())
    with pytest.raises(OSError, match="no room"), fence.writing(turn, 1):
        raise OSError("no room")
    with fence.writing(turn, 1):
        pass


def test_turn_without_a_cluster_goes_on_with_that_of_any_other_such_writer():
    """A lock file orders them, so that they share one turn, under whatever name."""
    turn = LocalFence("bank").turn(())
    assert turn == WriterEpoch(lease="bank", transitions=0, holder="stagewright")
    assert LocalFence("renamed").turn((turn,)) == WriterEpoch(lease="renamed", transitions=0, holder="stagewright")
    after = WriterEpoch(lease="bank", transitions=8, holder="stagewright")
    assert LocalFence("bank").turn((turn, OTHER, after)) == after


def test_ledger_of_a_cluster_is_left_to_its_controller():
    with pytest.raises(StalledError, match=r"lease 'b/stagewright' \(pod-9, turn 7\)") as caught:
        LocalFence("bank").turn((OTHER,))
    assert "--take-over" in caught.value.hint
