"""Two tenants on a real API server: one cannot name what is the other's, and no controller looks further."""

import secrets as random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.access import Cluster
from tests.cluster.processes import ClusterError
from tests.mlflow_server import free_port
from tests.real.cluster.host_controller import Followed, Json, admit, running_controller

TOKEN = "hunter2 of the other tenant"


@pytest.fixture
def victim(cluster: Cluster) -> Iterator[Followed]:
    """An object of another namespace, whose Secrets an attacker would like to have."""
    name = f"test-{random.token_hex(4)}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield Followed(cluster, name)
    Followed(cluster, name).abandon()
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def test_tenant_cannot_name_what_is_anothers(
    cluster: Cluster, namespace: str, victim: Followed, tmp_path: Path
) -> None:
    kubeconfig = admit(cluster, namespace, tmp_path)
    url = f"http://127.0.0.1:{free_port()}"
    spec: Json = {
        "source": {"url": f"{url}/a.git"},
        "forge": {
            "type": "gitea",
            "url": url,
            "repository": "a/b",
            "tokenSecretRef": {"name": "forge", "key": "token"},
        },
        "registry": {"uri": url},
    }
    for name in ("forge", "stagewright-ledger-keys"):
        victim.secret(name, {"token": TOKEN, "log.pem": TOKEN, "entry.pem": TOKEN})
    victim.write(spec)
    attacker = Followed(cluster, namespace)

    # the API server itself takes no namespace, no path, and no folder for a ledger
    reference = {"name": "forge", "key": "token"}
    for stranger in (
        {"forge": {**spec["forge"], "tokenSecretRef": {**reference, "namespace": victim.namespace}}},
        {"forge": {**spec["forge"], "tokenSecretRef": {**reference, "name": f"../{victim.namespace}/forge"}}},
        {"forge": {**spec["forge"], "tokenSecretRef": {**reference, "key": "../../token"}}},
        {"ledger": {"storage": "volume", "directory": f"/var/lib/stagewright/ledgers/{victim.namespace}/bank"}},
    ):
        with pytest.raises(ClusterError):
            attacker.write(spec | stranger)

    attacker.write(spec)
    with running_controller(namespace, kubeconfig, tmp_path) as controller:
        attacker.wait(attacker.condition("Stalled"), "ReferenceNotFound")
        attacker.ask()
        told = f"{attacker.get()} {attacker.events()} {controller.log.read_text()}"
        assert "hunter2" not in told
        assert [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN in path.read_text("latin-1")] == []

        # nothing of the other namespace was looked at
        found = victim.get()
        assert ("status" in found, found["metadata"].get("finalizers")) == (False, None)
    attacker.abandon()
