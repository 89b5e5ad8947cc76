"""The Lease on a real API server: the contract, and two candidates that hand it over."""

from secrets import token_hex

import pytest

from stagewright.adapters.clock import SystemClock, boottime
from stagewright.adapters.kubernetes.client import Cluster as Api
from stagewright.adapters.kubernetes.client import open_cluster
from stagewright.adapters.kubernetes.election import Election, LeaseTimes
from stagewright.adapters.kubernetes.lease import LEASES, ClusterLease, LeaseApi
from stagewright.errors import LeaseLostError, StagewrightError
from stagewright.model.sync import WriterEpoch
from tests.cluster.access import Cluster
from tests.lease_contract import LeaseContract

pytestmark = pytest.mark.real
TIMES = LeaseTimes(duration_s=4, renew_deadline_s=3, retry_period_s=0.5)


@pytest.fixture
def api_server(cluster: Cluster) -> Api:
    return open_cluster(str(cluster.kubeconfig))


class TestLeaseInACluster(LeaseContract):
    @pytest.fixture
    def api(self, api_server: Api, namespace: str) -> LeaseApi:
        self.delete_it = lambda: api_server.delete(LEASES, namespace, "stagewright")
        return ClusterLease(api_server, namespace, "stagewright", timeout_s=5)

    def delete(self) -> None:
        self.delete_it()


class Pod:
    """A candidate, with the loop that the controller runs for it, one step at a time."""

    def __init__(self, server: Api, namespace: str, name: str) -> None:
        self.api = ClusterLease(server, namespace, "stagewright", timeout_s=1)
        self.election = Election(
            self.api,
            lease=f"{namespace}/stagewright",
            identity=f"{name}_{token_hex(4)}",
            times=TIMES,
            boottime=boottime,
            clock=SystemClock(),
        )

    def until_leading(self, seconds: float) -> float:
        """Stand for the lease until it is ours; how long that took. Nobody waits longer than `seconds`."""
        began = boottime()
        while not self.election.leading:
            assert boottime() - began < seconds
            pause = self.election.step()
            if not self.election.leading and pause.state is not None:
                self.api.changed(pause.state, pause.seconds)
        return boottime() - began


def test_lease_that_is_given_back_is_taken_by_who_watches(api_server: Api, namespace: str):
    first, second = Pod(api_server, namespace, "first"), Pod(api_server, namespace, "second")
    first.until_leading(10)
    pause = second.election.step()
    assert pause.state is not None
    turn = first.election.turn(())
    with first.election.writing(turn, 1):
        assert (first.election.leading, second.election.leading) == (True, False)
    assert first.election.release()
    assert second.api.changed(pause.state, 5)
    second.until_leading(10)
    assert second.election.transitions == turn.transitions + 1
    with pytest.raises(LeaseLostError), first.election.writing(turn, 0):
        pytest.fail("it was let through")


def test_lease_whose_holder_vanished_is_taken_after_its_duration(api_server: Api, namespace: str):
    first, second = Pod(api_server, namespace, "first"), Pod(api_server, namespace, "second")
    first.until_leading(10)
    turn = first.election.turn(())
    second.election.step()
    second.until_leading(TIMES.duration_s + 10)
    assert not first.election.leading
    assert second.election.transitions == turn.transitions + 1


def test_lease_is_raised_with_the_ledger(api_server: Api, namespace: str):
    pod = Pod(api_server, namespace, "pod")
    pod.until_leading(10)
    turn = pod.election.turn((WriterEpoch(lease="gone/stagewright", transitions=41, holder="pod-9"),))
    assert turn.transitions == 42
    assert api_server.get(LEASES, namespace, "stagewright")["spec"]["leaseTransitions"] == 42
    pod.election.step()
    assert pod.election.leading


def test_lease_that_may_not_be_asked_for_is_nobodys(api_server: Api):
    """A namespace that is not there takes none, as where rights are missing."""
    pod = Pod(api_server, "no-such-namespace", "pod")
    assert pod.election.step().seconds == TIMES.retry_period_s
    assert not pod.election.leading
    with pytest.raises(StagewrightError):
        pod.election.turn(())
