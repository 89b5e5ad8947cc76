"""Two replicas of the chart on one shared ledger, a bank that goes on working, and witnesses of who wrote what when.

The Lease is watched, so that every turn is known by the Lease's own times; a proxy before MLflow notes each write with
the pod that it came from. Both, and the ledger, are compared in `Replicas.check`.
"""

import json
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from stagewright.adapters.clock import SystemClock
from stagewright.adapters.directory import DirectoryStore
from stagewright.adapters.git.signoffs import observation_flaw
from stagewright.ledger.log import Ledger
from stagewright.ledger.predicates import Intent, Outcome
from stagewright.ledger.verification import verify
from tests.cli_desk import Desk
from tests.cluster.access import Cluster
from tests.cluster.node import Node
from tests.cluster.processes import run
from tests.loopback import LoopbackProxy
from tests.mlflow_server import RegistryBuilder
from tests.real.cluster.host_controller import LEASE, Followed, Json

# The shortest that a write may fit into; the request to renew may take half of the deadline.
DURATION_S, DEADLINE_S, PERIOD_S = 13, 8, 1
TAKEOVER_S = DURATION_S + 5
ALIAS = "challenger"


def seconds_now() -> float:
    """Seconds since the epoch, by the clock that the Lease's times are of."""
    return SystemClock().now().timestamp()


@dataclass(frozen=True, kw_only=True)
class Write:
    """A change that MLflow was asked for: the alias or tag and its new value, None where it is taken away."""

    at: float
    peer: str
    target: str
    after: str | None


class Witness(LoopbackProxy):
    """Passes everything on and notes the writes; it can keep the answer to the next one."""

    def __init__(self, upstream: str, address: str) -> None:
        super().__init__(upstream, address=address)
        self.writes: list[Write] = []
        self.arrived = threading.Event()
        self.let_go = threading.Event()
        self._hold = False

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep the answer to the next write until the block ends; MLflow has it by then."""
        self.arrived.clear()
        self.let_go.clear()
        self._hold = True
        try:
            yield
        finally:
            self._hold = False
            self.let_go.set()

    def _ask(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        method, path = self._line(handler)
        if method == "GET" or path.endswith("/search"):
            return super()._ask(handler, body)
        asked = json.loads(body)
        target, field = (asked["alias"], "version") if path.endswith("/alias") else (asked["key"], "value")
        after = None if method == "DELETE" else str(asked[field])
        self.writes.append(Write(at=seconds_now(), peer=handler.client_address[0], target=target, after=after))
        held, self._hold = self._hold, False
        reply = super()._ask(handler, body)
        if held:
            self.arrived.set()
            self.let_go.wait(60)
        return reply

    def _line(self, handler: BaseHTTPRequestHandler) -> tuple[str, str]:
        return handler.command, handler.path.partition("?")[0]


@dataclass(kw_only=True)
class Turn:
    """A turn by the times of its Lease, in seconds since the epoch; `released` is when it was given back."""

    transitions: int
    holder: str
    acquired: float
    renewed: float
    released: float | None = None

    @property
    def pod(self) -> str:
        return self.holder.partition("_")[0]


class LeaseWatch:
    """Every state of the Lease, as kubectl tells them."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self._file = folder / "lease.jsonl"
        kubectl = str(cluster.programs / "kubectl") if cluster.programs else "kubectl"
        command = [kubectl, "get", "lease", LEASE, "-n", namespace, "-w", "-o", r'jsonpath={.spec}{"\n"}']
        with self._file.open("wb") as out:
            self.process = subprocess.Popen(
                command, env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}, stdout=out
            )

    def turns(self) -> list[Turn]:
        """All turns so far, in order."""
        found: dict[int, Turn] = {}
        for line in self._file.read_text().splitlines():
            spec = json.loads(line)
            number, at = spec.get("leaseTransitions", 0), _seconds(spec["renewTime"])
            if not spec.get("holderIdentity"):
                found[number].released = at
            elif number in found:
                assert found[number].holder == spec["holderIdentity"]
                found[number].renewed = at
            else:
                acquired = _seconds(spec["acquireTime"])
                found[number] = Turn(transitions=number, holder=spec["holderIdentity"], acquired=acquired, renewed=at)
        return list(found.values())

    def await_turn(self, after: int, within_s: float) -> Turn:
        """The first turn after that one, once there is one."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            later = [turn for turn in self.turns() if turn.transitions > after]
            if later:
                return later[0]
            time.sleep(0.25)
        raise AssertionError(f"nobody took the lease in {within_s:.0f} s: {self.turns()}")


def _seconds(time_of_lease: str) -> float:
    return datetime.fromisoformat(time_of_lease).timestamp()


class Replicas:
    """The release's pods, and the bank whose registry they keep."""

    def __init__(
        self,
        *,
        node: Node,
        followed: Followed,
        desk: Desk,
        builder: RegistryBuilder,
        model: str,
        witness: Witness,
        lease: LeaseWatch,
        ledger: Path,
    ) -> None:
        self.node = node
        self.cluster = followed.cluster
        self.namespace = followed.namespace
        self.followed = followed
        self.desk = desk
        self._builder = builder
        self.model = model
        self.witness = witness
        self.lease = lease
        self.store = DirectoryStore(ledger)
        self._version = 1
        self._pods: dict[str, str] = {}

    # -- pods

    def pods(self) -> list[Json]:
        """Those that stay; whoever is seen once is known by their address from then on."""
        found = self.cluster.get("pods", "-n", self.namespace, "-l", "app.kubernetes.io/name=stagewright")["items"]
        self._pods |= {pod["status"].get("podIP", ""): pod["metadata"]["name"] for pod in found}
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ready(self) -> list[Json]:
        """Wait until both replicas are."""
        self.cluster.kubectl("rollout", "status", "deployment/stagewright", "-n", self.namespace, "--timeout=120s")
        return self.pods()

    def leader(self) -> Turn:
        """Whose turn it is, once both replicas are ready and one of them leads."""
        self.ready()
        last = self.lease.turns()[-1]
        return last if last.released is None else self.lease.await_turn(last.transitions, TAKEOVER_S)

    def process(self, pod: str) -> int:
        """The id, on this machine, of the process in a pod."""
        status = self.cluster.get("pod", pod, "-n", self.namespace)["status"]["containerStatuses"][0]
        container = status["containerID"].removeprefix("containerd://")
        ctr = (str(self.node.programs / "ctr"), "--address", str(self.node.socket), "-n", "k8s.io")
        tasks = (line.split() for line in run(*ctr, "tasks", "list").splitlines())
        (process,) = [int(task[1]) for task in tasks if task[0] == container]
        return process

    # -- work

    def merge(self) -> int:
        """Have the next version promoted to Staging, signed off and merged; the version."""
        self._version += 1
        self.desk.promote(
            "promote", self.model, "--version", f"{self._version}", "--to", "Staging", by="dana", approved_by=("cody",)
        )
        return self._version

    def challenger(self) -> int:
        """What MLflow has in Staging."""
        return int(self._builder.client().get_registered_model(self.model).aliases.get(ALIAS, 0))

    def nudge(self) -> None:
        """Ask for a look, and do not wait."""
        now = f"stagewright.dev/reconcile-requested-at=nudged-{time.monotonic_ns()}"
        self.cluster.kubectl("annotate", "--overwrite", "registrysync", self.followed.name, "-n", self.namespace, now)

    # -- what has to be so whatever happened

    def check(self, *, version: int) -> None:
        """Nothing is lost, nothing applied twice, and nobody wrote but in their own turn."""
        assert self.followed.ask()["counts"]["pending"] == 0
        self.pods()
        assert self.challenger() == version
        ledger = Ledger.read(self.store)
        report = verify(self.store, log_key=ledger.log_key, checkpoints=(), signoff_checker=observation_flaw)
        assert report.verified, report
        entries = [(at, entry.statement.predicate) for at, entry in enumerate(ledger.entries())]

        turns = [(said.epoch.transitions, said.epoch.holder) for _, said in entries]
        assert turns == sorted(turns, key=lambda turn: turn[0])
        assert len(set(turns)) == len({transitions for transitions, _ in turns})

        intents = {at: said for at, said in entries if isinstance(said, Intent)}
        outcomes = [said for _, said in entries if isinstance(said, Outcome)]
        assert Counter(said.intent for said in outcomes) == dict.fromkeys(intents, 1)
        meant = Counter((action.target, action.after) for said in intents.values() for action in said.actions)
        wrote = Counter((write.target, write.after) for write in self.witness.writes)
        assert wrote <= meant
        assert set(wrote.values()) == {1}
        done = (intents[said.intent] for said in outcomes if said.result == "applied")
        assert {(action.target, action.after) for said in done for action in said.actions} <= set(wrote)

        of_lease = self.lease.turns()
        assert set(turns) <= {(turn.transitions, turn.holder) for turn in of_lease}
        for write in self.witness.writes:
            now = [turn for turn in of_lease if turn.acquired <= write.at][-1]
            assert (write, self._pods[write.peer]) == (write, now.pod)

    def taken_over(self, lost: Turn) -> Turn:
        """Who came after `lost`, and in time by the Lease's own times."""
        following = self.lease.await_turn(lost.transitions, TAKEOVER_S + 10)
        (before,) = [turn for turn in self.lease.turns() if turn.transitions == lost.transitions]
        assert following.acquired - (before.released or before.renewed) <= TAKEOVER_S
        return following
