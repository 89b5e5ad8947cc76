"""One candidate at a time, its clock in the test's hand. What several do at once: tests/property/test_elections.py."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from stagewright.adapters.kubernetes.election import LONGEST_LEAP, Election, LeaseTimes, Pause
from stagewright.adapters.kubernetes.lease import MAX_TRANSITIONS, lease_state
from stagewright.errors import LeaseLostError, StalledError, UnreachableError, UsageError
from stagewright.model.sync import WriterEpoch
from tests.fakes.lease import HandTime, LeaseLine, LeaseServer

TIMES = LeaseTimes(duration_s=15, renew_deadline_s=10, retry_period_s=2)
LEASE = "ml/stagewright"


@dataclass(slots=True)
class Pod:
    """A candidate with its line to the server."""

    server: LeaseServer
    time: HandTime
    identity: str = "pod-0"
    line: LeaseLine = field(init=False)
    election: Election = field(init=False)

    def __post_init__(self) -> None:
        self.line = LeaseLine(self.server)
        self.election = Election(
            self.line, lease=LEASE, identity=self.identity, times=TIMES, boottime=self.time, clock=self.time
        )

    def step(self, after: float = 0) -> Pause:
        self.time.seconds += after
        return self.election.step()

    def writes(self, turn: WriterEpoch, seconds: float = 1) -> bool:
        try:
            with self.election.writing(turn, seconds):
                return True
        except LeaseLostError:
            return False


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
def time() -> HandTime:
    return HandTime()


@pytest.fixture
def pod(server: LeaseServer, time: HandTime) -> Pod:
    return Pod(server, time)


@pytest.fixture
def other(server: LeaseServer, time: HandTime) -> Pod:
    return Pod(server, time, "pod-1")


def once(action: Callable[[], object], *, after: int = 0) -> Callable[[], None]:
    """Do it when something is on the way for the first time, or after so many times."""
    times = iter(range(100))

    def act() -> None:
        if next(times) == after:
            action()

    return act


def epoch(transitions: int, holder: str = "pod-0", lease: str = LEASE) -> WriterEpoch:
    return WriterEpoch(lease=lease, transitions=transitions, holder=holder)


# -- taking, renewing, losing ------------------------------------------------------------------------------------


def test_candidate_without_a_lease_makes_one_and_leads(pod: Pod, server: LeaseServer):
    assert (pod.election.leading, pod.election.transitions) == (False, None)
    assert pod.step() == Pause(seconds=2)
    assert (pod.election.leading, pod.election.transitions) == (True, 0)
    assert server.spec == {
        "holderIdentity": "pod-0",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 0,
        "acquireTime": "2026-11-24T09:00:00.000000Z",
        "renewTime": "2026-11-24T09:00:00.000000Z",
    }


def test_renewal_keeps_the_turn_and_what_others_put_on_the_lease(pod: Pod, server: LeaseServer, time: HandTime):
    pod.step()
    server.label(team="risk")
    time.day = time.day.replace(hour=10)
    assert pod.step(after=2) == Pause(seconds=0.2)
    assert pod.step() == Pause(seconds=2)
    assert server.lease is not None
    assert server.lease["metadata"]["labels"] == {"team": "risk"}
    assert (server.spec["renewTime"], server.spec["acquireTime"]) == (
        "2026-11-24T10:00:00.000000Z",
        "2026-11-24T09:00:00.000000Z",
    )
    assert pod.election.transitions == 0
    assert server.requests == ["read", "create", "replace", "read", "replace"]


def test_renewal_by_a_clock_that_stands_still_changes_the_lease(pod: Pod, other: Pod, server: LeaseServer):
    """The API server would take a change that changes nothing for none, and the others would wait for one."""
    pod.step()
    times = set()
    for _ in range(10):
        pod.step(after=2)
        other.step()
        times.add(server.spec["renewTime"])
    assert (len(times), other.election.leading) == (2, False)


def test_candidate_waits_while_the_lease_is_renewed_and_takes_it_once_it_is_over(pod: Pod, other: Pod):
    pod.step()
    for _ in range(10):
        pod.step(after=2)
        assert other.step().seconds == 2
    state = other.step(after=14.5).state
    assert state is not None
    assert state.holder == "pod-0"
    assert not other.election.leading
    other.step(after=0.5)
    assert (other.election.leading, other.election.transitions) == (True, 1)
    assert not pod.election.leading


def test_candidate_that_starts_late_waits_a_whole_duration_whatever_the_lease_says_of_the_time(
    pod: Pod, server: LeaseServer, time: HandTime
):
    """Its writer's clock may be hours behind ours: then nothing is wrong with it."""
    server.put({"spec": {"holderIdentity": "pod-9", "leaseDurationSeconds": 60, "renewTime": "2020-01-01T00:00:00Z"}})
    assert pod.step().seconds == 2
    assert pod.step(after=59.9).seconds == pytest.approx(0.1)
    pod.step(after=0.2)
    assert pod.election.transitions == 1
    assert time.day.year == 2026


def test_lease_that_was_given_back_is_free_at_once(pod: Pod, other: Pod, server: LeaseServer):
    pod.step()
    assert not other.election.leading
    other.step()
    assert pod.election.release()
    assert (server.spec["holderIdentity"], server.spec["leaseDurationSeconds"]) == ("", 1)
    assert not pod.writes(epoch(0))
    other.step()
    assert other.election.transitions == 1


@pytest.mark.parametrize("spec", [{}, {"holderIdentity": None}, {"holderIdentity": "", "leaseTransitions": 4}])
def test_lease_that_nobody_has_is_free(pod: Pod, server: LeaseServer, spec: dict[str, object]):
    server.put({"spec": spec})
    pod.step()
    assert pod.election.transitions == int(str(spec.get("leaseTransitions", 0))) + 1


def test_lease_without_a_duration_is_held_for_ours(pod: Pod, server: LeaseServer):
    server.put({"spec": {"holderIdentity": "by-hand"}})
    pod.step()
    pod.step(after=14)
    assert not pod.election.leading
    pod.step(after=1)
    assert pod.election.leading


def test_lease_that_another_took_is_lost_at_the_next_renewal(pod: Pod, server: LeaseServer):
    pod.step()
    server.put({**(server.lease or {}), "spec": {**server.spec, "holderIdentity": "thief", "leaseTransitions": 1}})
    pod.step(after=2)
    pod.step()
    assert (pod.election.leading, pod.election.transitions) == (False, None)


def test_lease_that_was_deleted_is_lost_and_the_next_turn_counts_on(pod: Pod, server: LeaseServer):
    pod.step()
    server.delete()
    pod.step(after=2)
    pod.step()
    assert pod.election.transitions is None
    pod.step()
    # somebody else may have made and lost one meanwhile
    assert pod.election.transitions is None
    pod.step(after=15)
    assert pod.election.transitions == 1


def test_lease_that_was_deleted_is_not_taken_by_who_knows_that_it_was_held(pod: Pod, other: Pod, server: LeaseServer):
    """Its holder may write until its next renewal, and may have renewed it just before it was deleted."""
    pod.step()
    other.step()
    pod.step(after=10)
    server.delete()
    assert other.step() == Pause(seconds=2, state=None)
    other.step(after=14.5)
    assert not other.election.leading
    other.step(after=0.5)
    assert other.election.transitions == 1


def test_turn_is_over_at_the_renew_deadline_and_begins_anew_when_the_server_is_back(pod: Pod, server: LeaseServer):
    pod.step()
    server.down = True
    for _ in range(4):
        assert pod.step(after=2) == Pause(seconds=2)
    assert (pod.election.leading, pod.writes(epoch(0))) == (True, True)
    pod.time.seconds += 2
    # nobody had to notice: the clock is enough
    assert (pod.election.leading, pod.writes(epoch(0))) == (False, False)
    pod.step()
    assert pod.election.transitions is None
    pod.step(after=60)
    server.down = False
    pod.step()
    assert pod.election.transitions == 1
    # what was under way in the first turn goes on in no other
    assert (pod.writes(epoch(0)), pod.writes(epoch(1))) == (False, True)


def test_renewal_that_takes_longer_than_the_deadline_does_not_count(pod: Pod, time: HandTime):
    """As when the process is stopped while it waits for the reply."""
    pod.step()
    pod.line.on_the_way = lambda: setattr(time, "seconds", time.seconds + 6)
    pod.step(after=2)
    pod.line.on_the_way = lambda: None
    assert not pod.election.leading
    pod.step()
    assert pod.election.transitions is None


@pytest.mark.parametrize("fault", ["write", "reply"])
def test_renewal_that_was_lost_is_made_good_by_the_next(pod: Pod, fault: str):
    pod.step()
    pod.line.fault = fault  # type: ignore[assignment] # both are faults
    pod.step(after=2)
    pod.step(after=2)
    assert (pod.election.leading, pod.election.transitions) == (True, 0)
    pod.step(after=9)
    assert pod.election.leading


def test_taking_whose_reply_was_lost_is_no_turn_until_it_is_taken_anew(pod: Pod, server: LeaseServer):
    pod.line.on_the_way = once(lambda: setattr(pod.line, "fault", "reply"), after=1)
    pod.step()
    assert (server.spec["holderIdentity"], pod.election.transitions) == ("pod-0", None)
    pod.step()
    assert pod.election.transitions == 1


def test_two_who_find_it_free_one_takes_it(pod: Pod, other: Pod):
    pod.line.on_the_way = once(other.step)
    assert pod.step() == Pause(seconds=2, state=lease_state(pod.server.lease or {}))
    assert (pod.election.leading, other.election.leading) == (False, True)


def test_taking_that_another_was_faster_at_is_tried_again_soon(pod: Pod, other: Pod, server: LeaseServer):
    pod.line.on_the_way = once(other.step, after=2)
    assert pod.step() == Pause(seconds=0.2)
    assert (pod.election.leading, other.election.leading) == (False, True)
    assert server.spec["holderIdentity"] == "pod-1"


# -- the fence ---------------------------------------------------------------------------------------------------


def test_turn_needs_the_lease(pod: Pod):
    with pytest.raises(LeaseLostError, match="lease ml/stagewright is not ours"):
        pod.election.turn(())


def test_turn_is_raised_with_its_lease_above_what_the_ledger_has_seen(pod: Pod, other: Pod, server: LeaseServer):
    pod.step()
    assert pod.election.turn(()) == epoch(0)
    assert pod.election.turn((epoch(0),)) == epoch(0)
    assert pod.election.turn((epoch(0), epoch(0, "stagewright", "bank"))[1:]) == epoch(1)
    assert pod.election.turn((epoch(7, "pod-9"),)) == epoch(8)
    assert server.spec["leaseTransitions"] == 8
    # what began before, for another ledger, goes on
    assert [pod.writes(epoch(n)) for n in (0, 8, 9)] == [True, True, False]
    assert pod.election.turn((epoch(0),)) == epoch(8)
    pod.election.release()
    other.step()
    assert other.election.transitions == 9


@pytest.mark.parametrize("fault", ["write", "reply"])
def test_raising_that_was_lost_can_be_done_again(pod: Pod, fault: str):
    pod.step()
    pod.line.fault = fault  # type: ignore[assignment] # both are faults
    with pytest.raises(UnreachableError):
        pod.election.turn((epoch(7, "pod-9"),))
    assert pod.election.turn((epoch(7, "pod-9"),)) == epoch(8)


def test_raising_that_somebody_came_between_is_tried_again_and_one_that_comes_too_late_is_over(
    pod: Pod, server: LeaseServer
):
    pod.step()
    server.label(team="risk")
    assert pod.election.turn((epoch(7, "pod-9"),)) == epoch(8)
    server.put({**(server.lease or {}), "spec": {**server.spec, "holderIdentity": "thief", "leaseTransitions": 9}})
    with pytest.raises(LeaseLostError, match="not ours"):
        pod.election.turn((epoch(9, "thief"),))
    assert pod.election.transitions is None


@pytest.mark.parametrize("forged", [LONGEST_LEAP, MAX_TRANSITIONS - 1, MAX_TRANSITIONS])
def test_turn_of_one_ledger_uses_up_nobody_elses_numbers(pod: Pod, server: LeaseServer, forged: int):
    pod.step()
    with pytest.raises(StalledError, match=f"turn {forged}, and lease .* is only at 0"):
        pod.election.turn((epoch(forged, "pod-9"),))
    assert server.spec["leaseTransitions"] == 0
    assert pod.election.turn((epoch(0),)) == epoch(0)


def test_turn_of_a_ledger_is_followed_once_the_operator_set_a_lease_that_was_made_anew(pod: Pod, server: LeaseServer):
    pod.step()
    server.put({**(server.lease or {}), "spec": {**server.spec, "leaseTransitions": LONGEST_LEAP}})
    pod.step()
    pod.step()
    assert pod.election.turn((epoch(LONGEST_LEAP, "pod-9"),)) == epoch(LONGEST_LEAP + 1)


def test_write_must_end_before_the_lease_does(pod: Pod):
    pod.step()
    pod.time.seconds += 4.05
    assert [pod.writes(epoch(0), seconds) for seconds in (10, 10.7, 11)] == [True, True, False]
    with pytest.raises(LeaseLostError, match=r"lasts 10.8 s, and a write may take 11 s: nothing is written"):
        pod.election.writing(epoch(0), 11).__enter__()


def test_release_waits_for_a_write_that_is_under_way(pod: Pod, server: LeaseServer):
    pod.step()
    writing, written, order = threading.Event(), threading.Event(), []

    def write() -> None:
        with pod.election.writing(epoch(0), 10):
            writing.set()
            written.wait(10)
            order.append("written")

    thread = threading.Thread(target=write)
    thread.start()
    writing.wait(10)
    pod.line.on_the_way = lambda: order.append("asked")
    releasing = threading.Thread(target=pod.election.release)
    releasing.start()
    written.set()
    thread.join(10)
    releasing.join(10)
    assert order[0] == "written"
    assert server.spec["holderIdentity"] == ""


def test_release_with_a_write_that_does_not_end_leaves_the_lease_to_end_by_itself(pod: Pod, server: LeaseServer):
    pod.step()
    with pod.election.writing(epoch(0), 10):
        pod.time.seconds += 15
        assert not pod.election.release()
    assert server.spec["holderIdentity"] == "pod-0"


def test_release_of_what_is_not_ours_asks_nothing(pod: Pod, server: LeaseServer):
    assert not pod.election.release()
    pod.step()
    assert server.requests == []


def test_release_while_the_lease_is_being_taken_gives_it_back(pod: Pod, server: LeaseServer):
    pod.line.on_the_way = once(pod.election.release, after=2)
    pod.step()
    assert (server.spec["holderIdentity"], pod.election.leading) == ("", False)


RELEASES = {
    "the server is away": ("down", False),
    "somebody touched it": ("label", True),
    "it is gone": ("gone", False),
}


@pytest.mark.parametrize(("what", "given_back"), RELEASES.values(), ids=RELEASES)
def test_release_that_meets_something_else(pod: Pod, server: LeaseServer, what: str, given_back: bool):
    pod.step()
    match what:
        case "down":
            server.down = True
        case "label":
            server.label(team="risk")
        case _:
            server.delete()
    assert pod.election.release() == given_back


# -- times -------------------------------------------------------------------------------------------------------

WRONG_TIMES = {
    "a deadline after the end": (replace(TIMES, renew_deadline_s=15), "each has to be longer than the next"),
    "no time to try again": (replace(TIMES, retry_period_s=10), "each has to be longer than the next"),
    "no time at all": (replace(TIMES, retry_period_s=0), "each has to be longer than the next"),
    "no room for a write": (replace(TIMES, duration_s=14), "never valid for the 10 s"),
}


@pytest.mark.parametrize(("times", "reason"), WRONG_TIMES.values(), ids=WRONG_TIMES)
def test_times_that_do_not_fit_are_refused(times: LeaseTimes, reason: str):
    with pytest.raises(UsageError, match=reason):
        times.check(10)


def test_default_times_leave_room_for_a_write():
    TIMES.check(10)
    assert TIMES.duration_s - 2 * TIMES.retry_period_s > 10
