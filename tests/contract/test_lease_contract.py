"""The contract of `LeaseApi` on the one in memory; on a real API server it runs in tests/real/cluster."""

import pytest

from stagewright.adapters.kubernetes.lease import LeaseApi, lease_state
from stagewright.errors import UnreachableError
from tests.fakes.lease import LeaseLine, LeaseServer
from tests.lease_contract import LeaseContract


class TestLeaseInMemory(LeaseContract):
    @pytest.fixture
    def api(self) -> LeaseApi:
        self.server = LeaseServer()
        return LeaseLine(self.server)

    def delete(self) -> None:
        self.server.delete()


METADATA = {"name": "stagewright", "resourceVersion": "1"}
NO_LEASES = {
    "no object": {"kind": "Lease"},
    "no version": {"metadata": {"name": "stagewright"}},
    "a spec that is no object": {"metadata": METADATA, "spec": []},
    "a holder that is no text": {"metadata": METADATA, "spec": {"holderIdentity": 7}},
    "a duration that is no number": {"metadata": METADATA, "spec": {"leaseDurationSeconds": "15"}},
    "a truth for a number": {"metadata": METADATA, "spec": {"leaseTransitions": True}},
    "fewer transitions than none": {"metadata": METADATA, "spec": {"leaseTransitions": -1}},
}


@pytest.mark.parametrize("lease", NO_LEASES.values(), ids=NO_LEASES)
def test_answer_that_is_no_lease_is_refused(lease: dict[str, object]):
    with pytest.raises(UnreachableError, match="the API server answered with"):
        lease_state(lease)
