"""How long it is from a merge to MLflow, in a cluster: by polling, and when the forge's webhook wakes the controller.

    PYTHONPATH=. .venv/bin/python benchmarks/cluster_latency.py [--merges 20] [--interval 10s]

A real Gitea in which reviewed pull requests are merged, a real MLflow whose alias moves, a real API server; the
controller is a process beside it with its own service account. A merge is over when Gitea's answer to it is here, and
the alias has moved when a client of MLflow reads it. Merges come at moments that have nothing to do with the polls.
"""

import argparse
import re
import secrets
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stagewright.adapters.clock import SystemClock
from stagewright.adapters.mlflow import open_registry
from stagewright.adapters.signers import generate_pem
from stagewright.demo.gitea_server import GiteaServer, built
from tests.bank import MODEL, OWNERS, PEOPLE, document, policy
from tests.cluster.access import Cluster, some_cluster
from tests.gitea.server import running_gitea
from tests.gitea.world import GiteaWorld
from tests.mlflow_server import MlflowServer, RegistryBuilder, free_port, running_server
from tests.real.cluster.host_controller import Followed, Json, admit, running_controller

GOLDEN = 0.6180339887
POLL_S = 0.02
# From the review, which wakes the controller too, to the merge.
PAUSE_S = 4.0
PATIENCE_S = 180.0
EVENTS = ["push", "pull_request", "pull_request_review_approved", "pull_request_review_rejected", "issue_comment"]


class Bank:
    """A repository on Gitea that says which version of one model is in Staging."""

    def __init__(self, gitea: GiteaServer, mlflow: MlflowServer, room: Path) -> None:
        self._registry = open_registry(mlflow.uri, env={}, clock=SystemClock())
        builder = RegistryBuilder(mlflow)
        self._client = builder.client()
        builder.model(MODEL)
        for auc in (0.80, 0.83):
            run = builder.run(user="dana", metrics={"auc": auc})
            builder.version(MODEL, run=run, files={"MLmodel": b"flavors: {}\n", "model.bin": str(auc).encode()})
        files = {
            "stagewright.yaml": policy(),
            "CODEOWNERS": OWNERS,
            f"models/{MODEL}.yaml": self._text({}),
            f"cards/{MODEL}.md": "What it is for, and what it is not for.\n",
        }
        writers = tuple(name for name in PEOPLE if name != "maintainer")
        self.world = GiteaWorld(gitea, room, files=files, writers=writers)
        self.webhook_secret = secrets.token_hex(16)
        self._pulls = 0

    def _text(self, stages: Mapping[str, int]) -> str:
        held = {}
        for stage, version in stages.items():
            facts = self._registry.version_facts(MODEL, version)
            assert facts is not None
            held[stage] = {
                "version": version,
                "runId": facts.run_id,
                "digest": facts.digest,
                "evidence": facts.evidence,
                "trainer": {"declared": f"@{facts.trainer}"},
            }
        fields = {"owner": "@acme/credit", "purpose": "Score.", "riskTier": "high", "card": f"cards/{MODEL}.md"}
        return document("Model", fields | {"stages": held}, name=MODEL)

    def proposed(self, version: int) -> int:
        """A pull request that puts the version into Staging, reviewed; its number."""
        self._pulls += 1
        branch = f"promote-{self._pulls}"
        self.world.commit("dana", {f"models/{MODEL}.yaml": self._text({"Staging": version})}, branch=branch, sign=False)
        number = self.world.open(branch)
        self.world.settle(number)
        self.world.settle_feed(self.world.head(branch), branch=branch)
        self.world.review("noor", number, "approve", commit=self.world.head(branch))
        return number

    def merged(self, number: int) -> float:
        """Merge it; the moment at which that was answered."""
        self.world.settle(number)
        self.world.call("POST", f"/pulls/{number}/merge", {"Do": "squash"}, by="maintainer")
        return time.monotonic()

    def challenger(self) -> int | None:
        """The version that MLflow gives to whoever asks for the challenger."""
        found = self._client.get_registered_model(MODEL).aliases.get("challenger")
        return int(found) if found is not None else None

    def wait_for(self, version: int) -> float:
        """The moment at which MLflow says so."""
        deadline = time.monotonic() + PATIENCE_S
        while self.challenger() != version:
            if time.monotonic() > deadline:
                raise TimeoutError(f"version {version} is not the challenger after {PATIENCE_S:g} s")
            time.sleep(POLL_S)
        return time.monotonic()

    def wake(self, port: int, path: str) -> int:
        """Have Gitea send webhooks there; the id of that."""
        config = {"url": f"http://127.0.0.1:{port}{path}", "content_type": "json", "secret": self.webhook_secret}
        made: dict[str, Any] = self.world.call(
            "POST", "/hooks", {"type": "gitea", "active": True, "events": EVENTS, "config": config}
        )
        return int(made["id"])


def measure(bank: Bank, merges: int, spread_s: float) -> list[float]:
    """Seconds from each merge to the moved alias."""
    found = []
    for at in range(merges):
        version = 2 if bank.challenger() == 1 else 1
        number = bank.proposed(version)
        time.sleep(PAUSE_S + spread_s * (at * GOLDEN % 1))
        merged = bank.merged(number)
        found.append(bank.wait_for(version) - merged)
    return sorted(found)


def told(how: str, found: list[float]) -> None:
    p95 = statistics.quantiles(found, n=20, method="inclusive")[-1]
    least, p50 = found[0], statistics.median(found)
    print(
        f"{how:28} {len(found)} merges: min {least:.2f} s, p50 {p50:.2f} s, p95 {p95:.2f} s, max {found[-1]:.2f} s",
        flush=True,
    )


def run(cluster: Cluster, bank: Bank, mlflow: MlflowServer, room: Path, merges: int, interval: str) -> None:
    namespace = f"latency-{secrets.token_hex(3)}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    followed = Followed(cluster, namespace)
    port = free_port()
    try:
        kubeconfig = admit(cluster, namespace, room)
        followed.secret(
            "stagewright-ledger-keys", {f"{role}.pem": generate_pem().decode() for role in ("log", "entry")}
        )
        token = bank.world.server.user("robot").token
        followed.secret("forge", {"token": token, "webhook": bank.webhook_secret})
        spec: Json = {
            "source": {"url": bank.world.url},
            "forge": {
                "type": "gitea",
                "url": bank.world.server.url,
                "repository": bank.world.repository,
                "tokenSecretRef": {"name": "forge", "key": "token"},
                "webhook": {"secretRefs": [{"name": "forge", "key": "webhook"}]},
            },
            "registry": {"uri": mlflow.uri},
            "trustRoot": bank.world.first,
            "interval": "1h",
        }
        followed.write(spec)
        with running_controller(namespace, kubeconfig, room, flags=("--webhook-address", f"127.0.0.1:{port}")):
            followed.wait(followed.condition("Ready"), "Synced")
            hook = bank.wake(port, f"/webhook/{namespace}/bank")
            told("webhook, interval 1h", measure(bank, merges, 1.0))
            bank.world.call("DELETE", f"/hooks/{hook}")
            followed.write(spec | {"interval": interval})
            told(f"polling, interval {interval}", measure(bank, merges, float(interval.removesuffix("s"))))
    finally:
        followed.abandon()
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--merges", type=int, default=20)
    parser.add_argument("--interval", default="10s", help="of the polls, in seconds")
    given = parser.parse_args()
    if not re.fullmatch("[0-9]+s", given.interval):
        parser.error("give the interval as 10s")
    # an end that is asked for is one that cleans up
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    built()
    with (
        tempfile.TemporaryDirectory() as room,
        some_cluster() as cluster,
        running_server(Path(room)) as mlflow,
        running_gitea() as gitea,
    ):
        run(cluster, Bank(gitea, mlflow, Path(room) / "bank"), mlflow, Path(room), given.merges, given.interval)


if __name__ == "__main__":
    main()
