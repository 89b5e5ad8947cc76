"""Two real pods on one ledger, and what can go wrong with the one that leads: never two writers, and nothing is lost.

In each case a promotion is merged while it is going wrong. A replica that stands by takes over within the duration of
the lease and five seconds, by the Lease's own times.
"""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from stagewright.adapters.directory import DirectoryStore
from stagewright.adapters.git.signoffs import observation_flaw
from stagewright.core.turns import LONGEST_WRITE_S
from stagewright.ledger.log import Ledger
from stagewright.ledger.verification import verify
from tests.cli_desk import Desk
from tests.cluster.access import Cluster
from tests.cluster.processes import program_of, run
from tests.git_http import GitHttpServer
from tests.mlflow_server import MlflowServer, RegistryBuilder
from tests.real.cluster.host_controller import (
    LEASE,
    ROOT,
    WITHIN,
    Followed,
    HostController,
    admit,
    keys_of,
    running_controller,
    stocked,
    trust_root,
)
from tests.real.cluster.replicas import (
    DEADLINE_S,
    DURATION_S,
    PERIOD_S,
    TAKEOVER_S,
    LeaseWatch,
    Replicas,
    Turn,
    Witness,
    seconds_now,
)
from tests.real.cluster.test_chart_installed import Release

HAND_OVER_S = 2.0
HOLD_S = 2.0
RELEASE = {
    "replicas": 2,
    "ledger.volume.accessMode": "ReadWriteMany",
    "controller.allowInsecureUrls": "true",
    "controller.leaderElection.leaseDuration": f"{DURATION_S}s",
    "controller.leaderElection.renewDeadline": f"{DEADLINE_S}s",
    "controller.leaderElection.retryPeriod": f"{PERIOD_S}s",
    "crds.install": "false",
}
AUCS = tuple(0.80 + at / 100 for at in range(10))


@pytest.fixture(scope="module")
def release(cluster: Cluster, image: str) -> Iterator[Release]:
    """The chart with two replicas, by Helm."""
    if cluster.node is None:
        pytest.skip("the faults are made on the node of a cluster of our own")
    name = f"lead-{secrets.token_hex(4)}"
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "manifests" / "crds"))
    cluster.kubectl("wait", "--for=condition=Established", WITHIN, "-f", str(ROOT / "manifests" / "crds"))
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    cluster.offer_volume(f"{name}-ledger")
    installed = Release(cluster, name, image, 4)
    try:
        installed.settings |= {key: str(value) for key, value in RELEASE.items()}
        installed.bring("install")
        yield installed
    finally:
        # while it runs, it would take its finalizer up again
        installed.helm("uninstall", "stagewright", "--wait", "--timeout=90s", "--ignore-not-found")
        Followed(cluster, name).abandon()
        cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def replicas(
    cluster: Cluster,
    release: Release,
    host_address: str,
    mlflow_server: MlflowServer,
    builder: RegistryBuilder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Replicas]:
    """A bank with a model whose versions are promoted one after the other."""
    assert cluster.node is not None
    namespace, folder = release.namespace, tmp_path_factory.mktemp("leadership")
    desk = Desk(folder, uri=mlflow_server.uri)
    model = stocked(builder, AUCS)
    desk.init()
    desk.run("max", "import", model, "--owner", "@cody")
    desk.promote("mode", model, "enforce", by="dana", approved_by=("cody", "mo"))
    followed = Followed(cluster, namespace)
    lease = LeaseWatch(cluster, namespace, folder)
    try:
        with (
            GitHttpServer(desk.home, address=host_address) as git,
            Witness(mlflow_server.uri, host_address) as witness,
        ):
            spec = {
                "source": {"url": git.url("origin.git")},
                "forge": {"type": "git"},
                "registry": {"uri": witness.uri},
                "interval": "10s",
            }
            followed.write(spec | {"trustRoot": trust_root(desk)})
            followed.wait(followed.condition("Ready"), "Synced")
            yield Replicas(
                node=cluster.node,
                followed=followed,
                desk=desk,
                builder=builder,
                model=model,
                witness=witness,
                lease=lease,
                ledger=cluster.node.folder / "volumes" / f"{namespace}-ledger" / "ledgers" / namespace / "bank",
            )
    finally:
        lease.process.kill()
        lease.process.wait()


@contextmanager
def stopped(*processes: int) -> Iterator[None]:
    """Processes that do nothing for the length of a block."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@contextmanager
def cut_off(process: int) -> Iterator[None]:
    """A pod without a network for the length of a block: whatever it sends or is sent is lost, and nobody is told."""
    rules = (("INPUT", "!", "-i", "lo"), ("OUTPUT", "!", "-o", "lo"))
    inside = ("nsenter", f"--net=/proc/{process}/ns/net", "iptables")
    for chain, *rest in rules:
        run(*inside, "-I", chain, *rest, "-j", "DROP")
    try:
        yield
    finally:
        for chain, *rest in rules:
            run(*inside, "-D", chain, *rest, "-j", "DROP")


def test_leader_stopped_within_a_write_finds_its_turn_over(replicas: Replicas) -> None:
    """MLflow has the write, and who sent it is stopped before it hears so: the next one records what became of it."""
    leader = replicas.leader()
    version = replicas.merge()
    with replicas.witness.holding():
        replicas.nudge()
        assert replicas.witness.arrived.wait(60)
        process = replicas.process(leader.pod)
        with stopped(process):
            replicas.witness.let_go.set()
            following = replicas.taken_over(leader)
            assert following.pod != leader.pod
            replicas.check(version=version)
    # it goes on, wants to write down what became of it, and may not
    version = replicas.merge()
    replicas.check(version=version)
    said = replicas.cluster.kubectl("logs", leader.pod, "-n", replicas.namespace)
    assert f"left to whoever leads: turn {leader.transitions} of lease" in said
    assert replicas.leader() == _same(replicas, following)


def test_leader_without_a_network_is_replaced_and_does_not_come_back(replicas: Replicas) -> None:
    leader = replicas.leader()
    with cut_off(replicas.process(leader.pod)):
        version = replicas.merge()
        following = replicas.taken_over(leader)
        assert following.pod != leader.pod
        replicas.check(version=version)
    version = replicas.merge()
    replicas.check(version=version)
    assert replicas.leader() == _same(replicas, following)


def test_leader_whose_pod_is_deleted_by_force_is_replaced(replicas: Replicas) -> None:
    leader = replicas.leader()
    # the kubelet would ask it to end first, and it would give the lease back
    os.kill(replicas.process(leader.pod), signal.SIGKILL)
    replicas.cluster.kubectl("delete", "pod", leader.pod, "-n", replicas.namespace, "--force", "--grace-period=0")
    version = replicas.merge()
    assert replicas.taken_over(leader).pod != leader.pod
    replicas.check(version=version)


def test_nobody_writes_while_the_api_server_is_away(replicas: Replicas) -> None:
    leader = replicas.leader()
    (server,) = [one for one in replicas.node.inhabitants() if program_of(one) == "kube-apiserver"]
    with stopped(server):
        away = seconds_now()
        version = replicas.merge()
        # longer than the lease
        time.sleep(max(0.0, DURATION_S + 3 - (seconds_now() - away)))
        # a write that has not begun by then would not fit into the lease
        last_chance = away + DURATION_S - LONGEST_WRITE_S
        assert [write for write in replicas.witness.writes if write.at > last_chance] == []
    back = seconds_now()
    following = replicas.lease.await_turn(leader.transitions, TAKEOVER_S + 10)
    assert following.acquired - back <= TAKEOVER_S
    replicas.check(version=version)


def test_leader_that_is_told_to_end_finishes_its_write_and_hands_over(replicas: Replicas) -> None:
    leader = replicas.leader()
    process = replicas.process(leader.pod)
    version = replicas.merge()
    with replicas.witness.holding():
        replicas.nudge()
        assert replicas.witness.arrived.wait(60)
        os.kill(process, signal.SIGTERM)
        time.sleep(HOLD_S)
        # not while MLflow has not answered
        assert _same(replicas, leader).released is None
    following = replicas.taken_over(leader)
    _handed_over(replicas, leader)
    ended = ".status.containerStatuses[0].lastState.terminated.exitCode"
    replicas.cluster.kubectl(
        "wait", f"pod/{leader.pod}", "-n", replicas.namespace, f"--for=jsonpath={{{ended}}}=0", WITHIN
    )
    assert following.pod != leader.pod
    replicas.check(version=version)


def test_rolling_upgrade_hands_the_lease_over(replicas: Replicas, release: Release) -> None:
    leader = replicas.leader()
    old = {pod["metadata"]["name"] for pod in replicas.pods()}
    version = replicas.merge()
    release.bring("upgrade", controller__workers=2)
    # `--wait` is content with the new ones; the old ones may be about to end
    for pod in old:
        replicas.cluster.kubectl("wait", "--for=delete", f"pod/{pod}", "-n", replicas.namespace, WITHIN)
    last = replicas.leader()
    assert last.pod not in old
    for turn in replicas.lease.turns():
        if leader.transitions <= turn.transitions < last.transitions:
            _handed_over(replicas, turn)
    replicas.check(version=version)


def _same(replicas: Replicas, turn: Turn) -> Turn:
    """That turn as it is now."""
    return next(now for now in replicas.lease.turns() if now.transitions == turn.transitions)


def _handed_over(replicas: Replicas, turn: Turn) -> None:
    """It was given back, and the next one had it in under two seconds."""
    following = replicas.lease.await_turn(turn.transitions, TAKEOVER_S)
    released = _same(replicas, turn).released
    assert released is not None
    assert following.acquired - released < HAND_OVER_S


CLOCK = """\
import os
from datetime import timedelta

from stagewright.adapters.clock import SystemClock

real, shift = SystemClock.now, timedelta(seconds=int(os.environ["CLOCK_IS_OFF_BY"]))
SystemClock.now = lambda self: real(self) + shift
"""


def test_clock_that_is_wrong_moves_no_lease_and_the_ledgers_times_never_run_back(
    cluster: Cluster,
    namespace: str,
    mlflow_server: MlflowServer,
    builder: RegistryBuilder,
    tmp_path: Path,
) -> None:
    """One replica's clock is right, one's an hour behind, one's an hour ahead."""
    desk = Desk(tmp_path, uri=mlflow_server.uri)
    model = stocked(builder)
    desk.init()
    desk.run("max", "import", model, "--owner", "@cody")
    desk.promote("mode", model, "enforce", by="dana", approved_by=("cody", "mo"))
    (tmp_path / "off").mkdir()
    (tmp_path / "off" / "sitecustomize.py").write_text(CLOCK)
    folder = tmp_path / "controller"
    folder.mkdir()
    kubeconfig = admit(cluster, namespace, folder)
    followed = Followed(cluster, namespace)
    followed.secret("stagewright-ledger-keys", keys_of(desk))

    def off_by(seconds: int, name: str) -> AbstractContextManager[HostController]:
        env = {"PYTHONPATH": str(tmp_path / "off"), "CLOCK_IS_OFF_BY": f"{seconds}"}
        return running_controller(namespace, kubeconfig, folder, name=name, env=env)

    def lease() -> tuple[str, int]:
        spec = cluster.get("lease", LEASE, "-n", namespace)["spec"]
        return spec["holderIdentity"].partition("_")[0], spec["leaseTransitions"]

    def aliases() -> dict[str, str]:
        return dict(builder.client().get_registered_model(model).aliases)

    with GitHttpServer(desk.home) as git, ExitStack() as stack:
        spec = {"source": {"url": git.url("origin.git")}, "forge": {"type": "git"}, "interval": "1h"}
        followed.write(spec | {"registry": {"uri": mlflow_server.uri}, "trustRoot": trust_root(desk)})
        right = stack.enter_context(off_by(0, "right"))
        followed.wait(followed.condition("Ready"), "Synced")
        behind = stack.enter_context(off_by(-3600, "behind"))
        behind.said("ready: ")
        desk.promote("promote", model, "--version", "2", "--to", "Staging", by="dana", approved_by=("cody",))
        assert lease() == ("right", 0)
        assert right.end() == 0

        # its first sync refuses, with nothing written, and says what is wrong
        followed.wait('.status.conditions[?(@.type=="Stalled")].status', "True")
        (said,) = [one["message"] for one in followed.get()["status"]["conditions"] if one["type"] == "Stalled"]
        assert "its times never run back" in said
        assert aliases() == {"champion": "1"}
        store = DirectoryStore(folder / "ledgers" / namespace / "bank")
        assert {entry.statement.predicate.epoch.holder.partition("_")[0] for entry in Ledger.read(store).entries()} == {
            "right"
        }

        # whose Lease is two hours old by the clock of who stands by
        ahead = stack.enter_context(off_by(3600, "ahead"))
        ahead.said("ready: ")
        followed.ask()
        assert lease() == ("behind", 1)
        assert behind.end() == 0
        followed.wait(followed.condition("Ready"), "Synced")
        assert lease() == ("ahead", 2)
        assert aliases() == {"champion": "1", "challenger": "2"}
        ledger = Ledger.read(store)
        assert verify(store, log_key=ledger.log_key, checkpoints=(), signoff_checker=observation_flaw).verified
        assert ahead.end() == 0
    followed.abandon()
