"""The thread that stands for the lease: it tells of each turn, survives silence, and gives the lease back."""

import threading
from collections.abc import Callable, Iterator

import pytest

from stagewright.adapters.kubernetes.election import Election, LeaseTimes
from stagewright.kube.leadership import STUCK_AFTER_S, Candidacy
from tests.fakes.lease import HandTime, LeaseLine, LeaseServer

LONG_S = 30.0


class Standing:
    """One candidate, whose clock stands still unless it is moved by hand."""

    def __init__(self, server: LeaseServer) -> None:
        self.time = HandTime()
        self.line = LeaseLine(server)
        self.asked = threading.Event()
        self.line.on_the_way = self.asked.set
        election = Election(
            self.line,
            lease="ml/stagewright",
            identity="pod-0_1a2b",
            times=LeaseTimes(duration_s=15.0, renew_deadline_s=10.0, retry_period_s=0.01),
            boottime=self.time,
            clock=self.time,
        )
        self.candidacy = Candidacy(election, self.line, clock=self.time, retry_period_s=0.01)
        self.turns: list[int] = []
        self.elected = threading.Event()
        self.deposed = threading.Event()

    def start(self) -> None:
        self.candidacy.start(elected=self._elected, deposed=self.deposed.set)

    def _elected(self, transitions: int) -> None:
        self.turns.append(transitions)
        self.elected.set()


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
def stand(server: LeaseServer) -> Iterator[Callable[[], Standing]]:
    made: list[Standing] = []

    def standing() -> Standing:
        made.append(Standing(server))
        return made[-1]

    yield standing
    for one in made:
        one.candidacy.release()


def test_candidate_that_takes_a_free_lease_leads_until_it_gives_it_back(
    server: LeaseServer, stand: Callable[[], Standing]
):
    one = stand()
    one.start()
    assert one.elected.wait(LONG_S)
    assert one.candidacy.leading
    assert server.spec["holderIdentity"] == "pod-0_1a2b"

    one.candidacy.release()

    assert one.deposed.wait(LONG_S)
    assert not one.candidacy.leading
    assert not server.spec["holderIdentity"]
    assert one.turns == [server.spec["leaseTransitions"]]
    assert one.candidacy.stuck() == ()


def test_candidate_goes_on_asking_an_api_server_that_does_not_answer(
    server: LeaseServer, stand: Callable[[], Standing]
):
    server.down = True
    one = stand()
    one.start()
    assert one.asked.wait(LONG_S)
    assert not one.candidacy.leading

    server.down = False

    assert one.elected.wait(LONG_S)


def test_candidate_whose_thread_does_not_move_is_told_of(stand: Callable[[], Standing]):
    one = stand()
    assert one.candidacy.stuck() == ()
    held = threading.Event()
    one.line.on_the_way = lambda: (one.asked.set(), held.wait(LONG_S))[0]
    one.start()
    assert one.asked.wait(LONG_S)
    assert one.candidacy.stuck() == ()

    one.time.seconds += STUCK_AFTER_S + 1

    assert one.candidacy.stuck() == (f"the candidate for the lease for {STUCK_AFTER_S + 1:.0f} s",)
    held.set()
