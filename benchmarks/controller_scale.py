"""What a controller costs while nothing happens: memory, CPU and questions to the API server, by number of objects.

    PYTHONPATH=. .venv/bin/python benchmarks/controller_scale.py 1:60s 100:60s 1000:10m --window 600

Each argument is a number of RegistrySyncs and their interval. They share a repository over HTTP and an MLflow, both
real; each has a ledger of its own. The controller is a process beside the cluster (KUBECONFIG, or one of our own),
with its own service account. The window begins once all are Ready and nothing is due twice over.

CPU is that of the controller's process, in all and for each reconcile. Requests are those that the API server took from
the controller's service account, by a flow schema of its own. What is installed besides counts as well: `--python`
names an interpreter that has what the image has, for MLflow imports what it finds.
"""

import argparse
import json
import os
import re
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from kubernetes.client import CustomObjectsApi

from tests.cli_desk import Desk
from tests.cluster.access import Cluster, some_cluster
from tests.git_http import GitHttpServer
from tests.mlflow_server import RegistryBuilder, free_port, running_server
from tests.real.cluster.host_controller import Followed, Json, admit, keys_of, running_controller, stocked, trust_root

TICKS = os.sysconf("SC_CLK_TCK")
POLL_S = 2.0
FLOW = "apiserver_flowcontrol_dispatched_requests_total"
HEAD = (
    "objects  interval  start to ready  all Ready after  window  reconciles  RSS idle  RSS peak  threads  files"
    "      CPU  of one core  CPU/reconcile  requests/min  load"
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A process at one moment: CPU seconds, with those of its ended children; reconciles and requests so far."""

    at: float
    cpu_s: float
    rss_mib: float
    peak_mib: float
    threads: int
    files: int
    reconciles: float
    requests: float


def sample(cluster: Cluster, flow: str, process: int, metrics: str) -> Sample:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return Sample(
        at=time.monotonic(),
        cpu_s=sum(map(int, fields[11:15])) / TICKS,
        rss_mib=int(status["VmRSS"].split()[0]) / 1024,
        peak_mib=int(status["VmHWM"].split()[0]) / 1024,
        threads=int(status["Threads"]),
        files=len(list(Path(f"/proc/{process}/fd").iterdir())),
        reconciles=total(requests.get(metrics, timeout=60).text, "stagewright_reconcile_duration_seconds_count", ""),
        requests=total(cluster.kubectl("get", "--raw", "/metrics"), FLOW, f'flow_schema="{flow}"'),
    )


def total(page: str, name: str, label: str) -> float:
    lines = (line for line in page.splitlines() if line.startswith((f"{name}{{", f"{name} ")) and label in line)
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@contextmanager
def namespace_of(cluster: Cluster) -> Iterator[str]:
    """A namespace, and a flow schema of the same name that counts what its controller asks."""
    name = f"scale-{secrets.token_hex(3)}"
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        {
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": "FlowSchema",
            "metadata": {"name": name},
            "spec": {
                "matchingPrecedence": 900,
                "priorityLevelConfiguration": {"name": "workload-low"},
                "distinguisherMethod": {"type": "ByUser"},
                "rules": [
                    {
                        "subjects": [
                            {"kind": "ServiceAccount", "serviceAccount": {"name": "stagewright", "namespace": name}}
                        ],
                        "resourceRules": [
                            {
                                "verbs": ["*"],
                                "apiGroups": ["*"],
                                "resources": ["*"],
                                "clusterScope": True,
                                "namespaces": ["*"],
                            }
                        ],
                        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                    }
                ],
            },
        },
    )
    try:
        yield name
    finally:
        # whatever became of the controller that would have taken the finalizers away
        objects = CustomObjectsApi(cluster.api)
        for found in objects.list_namespaced_custom_object("stagewright.dev", "v1alpha1", name, "registrysyncs")[
            "items"
        ]:
            objects.patch_namespaced_custom_object(
                "stagewright.dev",
                "v1alpha1",
                name,
                "registrysyncs",
                found["metadata"]["name"],
                {"metadata": {"finalizers": None}},
            )
        cluster.kubectl("delete", "flowschema", name)
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def ready(cluster: Cluster, namespace: str) -> int:
    """How many of the objects are Ready."""
    path = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
    return cluster.kubectl("get", "registrysyncs", "-n", namespace, "-o", f"jsonpath={path}").split().count("True")


def healthy_after(page: str) -> float:
    """Seconds until the controller says that it is ready."""
    began = time.monotonic()
    while True:
        try:
            if requests.get(page, timeout=5).status_code == requests.codes.ok:
                return time.monotonic() - began
        except requests.ConnectionError:
            pass
        time.sleep(0.05)


def measure(
    cluster: Cluster, world: tuple[Desk, Json], count: int, interval: str, window_s: float, patience_s: float
) -> None:
    desk, spec = world
    with tempfile.TemporaryDirectory() as room, namespace_of(cluster) as namespace:
        folder = Path(room)
        kubeconfig = admit(cluster, namespace, folder)
        Followed(cluster, namespace).secret("stagewright-ledger-keys", keys_of(desk))
        metrics, health = (f"127.0.0.1:{free_port()}" for _ in range(2))
        page = f"http://{metrics}/metrics"
        flags = ("--metrics-address", metrics, "--health-address", health, "--log-level", "warning")
        objects = [
            {
                "apiVersion": "stagewright.dev/v1alpha1",
                "kind": "RegistrySync",
                "metadata": {"name": f"sync-{number:04}", "namespace": namespace},
                "spec": {**spec, "interval": interval},
            }
            for number in range(count)
        ]
        with running_controller(namespace, kubeconfig, folder, flags=flags) as controller:
            start_s = healthy_after(f"http://{health}/readyz")
            began = time.monotonic()
            listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
            cluster.kubectl("create", "-f", "-", given=listed)
            while ready(cluster, namespace) < count:
                if time.monotonic() - began > patience_s:
                    raise SystemExit(f"only {ready(cluster, namespace)} of {count} were Ready after {patience_s:g} s")
                time.sleep(POLL_S)
            after_s = time.monotonic() - began
            time.sleep(10)
            first = sample(cluster, namespace, controller.process.pid, page)
            time.sleep(window_s)
            last = sample(cluster, namespace, controller.process.pid, page)
            lasted = last.at - first.at
            cpu_s, reconciles = last.cpu_s - first.cpu_s, last.reconciles - first.reconciles
            each = f"{cpu_s / reconciles * 1000:.0f} ms" if reconciles else "-"
            print(
                f"{count:>7}  {interval:>8}  {start_s:>12.1f} s  {after_s:>13.1f} s  {lasted:>4.0f} s"
                f"  {reconciles:>10.0f}  {last.rss_mib:>4.0f} MiB  {last.peak_mib:>4.0f} MiB  {last.threads:>7}"
                f"  {last.files:>5}  {cpu_s:>5.2f} s  {cpu_s / lasted:>11.1%}  {each:>13}"
                f"  {(last.requests - first.requests) / lasted * 60:>12.1f}  {os.getloadavg()[0]:>4.1f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", help="objects and interval, as 100:60s")
    parser.add_argument("--window", type=float, default=600.0, help="seconds")
    parser.add_argument("--patience", type=float, default=1800.0, help="seconds until all must be Ready")
    parser.add_argument("--python", default=sys.executable, help="the controller's interpreter")
    given = parser.parse_args()
    cases = [re.fullmatch(r"([0-9]+):([0-9]+[smh])", case) for case in given.cases]
    if None in cases:
        parser.error("name cases as 100:60s")
    # an end that is asked for is one that cleans up
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    with tempfile.TemporaryDirectory() as room, some_cluster() as cluster, running_server(Path(room)) as mlflow:
        desk = Desk(Path(room), uri=mlflow.uri)
        model = stocked(RegistryBuilder(mlflow))
        desk.init()
        desk.run("max", "import", model, "--owner", "@cody")
        with GitHttpServer(desk.home) as git:
            spec = {
                "source": {"url": git.url("origin.git")},
                "forge": {"type": "git"},
                "registry": {"uri": mlflow.uri},
                "trustRoot": trust_root(desk),
            }
            print(HEAD, flush=True)
            sys.executable = given.python
            for case in cases:
                assert case is not None
                measure(cluster, (desk, spec), int(case[1]), case[2], given.window, given.patience)


if __name__ == "__main__":
    main()
