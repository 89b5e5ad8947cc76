"""How long nobody leads once the leader is killed: two controllers beside a cluster, and SIGKILL again and again.

    PYTHONPATH=. .venv/bin/python benchmarks/takeover.py [KILLS] [FLAG …]      (flags of `stagewright controller`)

Kills come at every moment between two renewals. A takeover is from the kill to the acquireTime of the next turn, both
by this machine's clock. The lease has the default times unless flags say otherwise; the cluster is that of KUBECONFIG,
or one of our own.
"""

import secrets
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from kubernetes.client import CoordinationV1Api, V1LeaseSpec

from stagewright.adapters.clock import SystemClock
from tests.cluster.access import Cluster, some_cluster
from tests.real.cluster.host_controller import LEASE, HostController, admit

GOLDEN = 0.6180339887
RETRY_S = 2.0
POLL_S = 0.25
PATIENCE_S = 120.0


class Lease:
    """The Lease as the administrator sees it."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._api = CoordinationV1Api(cluster.api)
        self._namespace = namespace

    def spec(self) -> V1LeaseSpec:
        return self._api.read_namespaced_lease(LEASE, self._namespace).spec

    def taken_after(self, transitions: int) -> V1LeaseSpec:
        """Wait until somebody has a later turn."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            spec = self.spec()
            if spec.holder_identity and spec.lease_transitions > transitions:
                return spec
            time.sleep(POLL_S)
        raise TimeoutError(f"nobody took the lease in {PATIENCE_S:.0f} s")


def measure(cluster: Cluster, namespace: str, folder: Path, kills: int, flags: tuple[str, ...]) -> list[float]:
    """Seconds of each takeover."""
    kubeconfig = admit(cluster, namespace, folder)
    lease = Lease(cluster, namespace)
    running: dict[str, HostController] = {}
    found = []
    with ExitStack() as stack:
        for at in range(kills + 1):
            name = f"c{at}"
            running[name] = HostController(namespace, kubeconfig, folder, name=name, flags=flags)
            stack.callback(running[name].process.kill)
            running[name].said("ready: ")
            if at == 0:  # nobody stands by yet
                cluster.kubectl("wait", "--for=create", f"lease/{LEASE}", "-n", namespace, "--timeout=60s")
                continue
            # the other has seen the lease, and the kill comes somewhere between two renewals
            time.sleep(RETRY_S * (1 + at * GOLDEN % 1))
            before = lease.spec()
            leader = running.pop(before.holder_identity.partition("_")[0])
            killed = SystemClock().now()
            leader.process.kill()
            leader.process.wait()
            found.append((lease.taken_after(before.lease_transitions).acquire_time - killed).total_seconds())
            print(f"kill {at}: {found[-1]:.2f} s", flush=True)
    return found


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    namespace = f"takeover-{secrets.token_hex(3)}"
    with some_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        cluster.kubectl("create", "namespace", namespace)
        try:
            found = measure(cluster, namespace, Path(folder), kills, tuple(sys.argv[2:]))
        finally:
            cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    p95 = statistics.quantiles(found, n=20, method="inclusive")[-1]
    print(
        f"{kills} kills: min {min(found):.2f} s, p50 {statistics.median(found):.2f} s, p95 {p95:.2f} s, "
        f"max {max(found):.2f} s"
    )


if __name__ == "__main__":
    main()
