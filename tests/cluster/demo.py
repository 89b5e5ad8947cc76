"""Plays a bank's week in a real cluster, for somebody to look at: `make demo-cluster`, with KEEP=1 to look further.

    python -m tests.cluster.demo [--keep]

As root, in a cluster of its own, with MLflow and Gitea beside it; every command that is shown is one that was run.
All of it is removed at the end, also after a failure or Ctrl-C. Exit code 1: something is missing here, or a step
differed from what it has to be; 130: somebody ended it.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stagewright.demo import gitea_server
from stagewright.errors import StagewrightError
from tests.cluster.access import Cluster, some_cluster
from tests.cluster.installed_bank import InstalledBank
from tests.cluster.node import Node
from tests.cluster.processes import HERE, ClusterError, built, said_by
from tests.cluster.secure_gitea import running_secure_gitea
from tests.mlflow_server import running_server

NAMESPACE = "ml"
MODEL = "credit-risk"
IMAGE = "localhost/stagewright:demo"
# Go and a compiler are asked for by the builds themselves, which need them only where nothing is in the cache yet
PROGRAMS = ("buildah", "git", "ip", "iptables", "nsenter", "openssl", "ssh-keygen")
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DifferedError(Exception):
    """A step did not come to what it has to."""


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def missing() -> list[str]:
    """What this machine lacks, a word for each."""
    lacks = [] if os.geteuid() == 0 else ["root's rights (sudo make demo-cluster)"]
    # an ordinary user's PATH often leaves out where ip and iptables lie
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    lacks += [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if not Path("/usr/lib/cni/bridge").exists():
        lacks.append("the CNI plugins in /usr/lib/cni")
    if "KUBECONFIG" in os.environ:
        lacks.append("KUBECONFIG unset, for the cluster is its own")
    return lacks


class Week:
    """One bank in one namespace, told as it goes."""

    def __init__(self, bank: InstalledBank, node: Node, volume: Path) -> None:
        self.bank = bank
        self.node = node
        self.volume = volume

    # -- how it is told

    def show(self, *arguments: str, given: str = "") -> None:
        """Run kubectl in the namespace, and print the command and what it prints."""
        say(f"  $ kubectl -n {NAMESPACE} {' '.join(arguments)}")
        self.quote(self.bank.cluster.kubectl("-n", NAMESPACE, *arguments, given=given))

    def quote(self, text: str) -> None:
        say("".join(f"    {line}".rstrip() + "\n" for line in text.strip("\n").splitlines()))

    def look(self) -> None:
        self.show("get", "registrysyncs")
        self.show("get", "promotions")

    def holds(self, what: str, *, actual: object, expected: object) -> None:
        """Print that it is so; DifferedError where it is not."""
        if actual != expected:
            raise DifferedError(f"{what}: expected {expected}, found {actual}")
        say(f"  ✓ {what}\n")

    # -- the week

    def play(self) -> None:
        self.monday()
        self.tuesday()
        self.thursday(self.wednesday())
        self.friday()

    def monday(self) -> None:
        say("Monday. The controller is installed, and one RegistrySync names the repository and MLflow\n")
        say(f"  $ helm -n {NAMESPACE} install stagewright charts/stagewright --wait …")
        self.quote(self.bank.install().partition("NOTES:")[0] + "…")
        self.show("get", "pods")
        self.bank.follow()
        self.bank.reason("Ready", "Synced")
        self.show("get", "registrysyncs")

    def tuesday(self) -> None:
        say(f"Tuesday. dana proposes version 1 of {MODEL} for Staging; noor and ravi sign off; it is merged\n")
        number = self.bank.propose("Staging", version=1, first=True)
        self.bank.approve("noor", number)
        self.bank.approve("ravi", number)
        self.merged(number)
        self.look()
        self.holds(
            "Gitea's webhook woke the pod, and MLflow's challenger is version 1",
            actual=self.bank.aliases(),
            expected={"challenger": "1"},
        )

    def wednesday(self) -> str:
        """Answers with the commit that was merged."""
        say("Wednesday. Production is merged without the sign-off it needs: it waits in the queue\n")
        commit = self.merged(self.bank.propose("Production", version=1))
        self.look()
        self.holds("MLflow has no champion", actual=self.bank.aliases(), expected={"challenger": "1"})
        return commit

    def thursday(self, commit: str) -> None:
        say(
            "Thursday. Gitea takes no review after the merge: that is reverted, proposed again, and noor signs it off\n"
        )
        world, file = self.bank.world, f"models/{MODEL}.yaml"
        world.commit("ravi", {file: world.git_origin("show", f"{commit}~1:{file}") + "\n"}, branch="revert")
        self.merged(world.open("revert", by="ravi", title=f"Revert {commit[:12]}"))
        number = self.bank.propose("Production", version=1)
        self.bank.approve("noor", number)
        self.merged(number)
        self.look()
        self.holds(
            "MLflow's champion is version 1",
            actual=self.bank.aliases(),
            expected={"challenger": "1", "champion": "1"},
        )

    def merged(self, number: int) -> str:
        """Merge a pull request, and wait until the controller has come so far; the commit."""
        commit = self.bank.world.merge_pull(number, by="ravi", style="squash", delete_branch_after_merge=True)
        self.bank.wait(".status.lastAppliedRevision", commit)
        return commit

    def friday(self) -> None:
        say("Friday. Somebody moves the alias champion to version 2 by hand, in MLflow\n")
        self.bank.builder.alias(MODEL, "champion", 2)
        self.holds("MLflow's champion is version 2", actual=self.bank.aliases()["champion"], expected="2")
        # any text that is new is a request
        self.show("annotate", "registrysync", "bank", "stagewright.dev/reconcile-requested-at=friday")
        self.bank.wait(".status.lastHandledReconcileAt", "friday")
        mine = "--field-selector=involvedObject.kind=RegistrySync"
        self.show("get", "events", mine, "--sort-by=.metadata.creationTimestamp")
        self.holds("it was moved back to version 1", actual=self.bank.aliases()["champion"], expected="1")
        say("And the auditor. The ledger on its volume is verified with the log's key pinned\n")
        say(f"  $ stagewright {' '.join(self.verification())}")
        self.quote(self.bank.verified(self.ledger()))

    def ledger(self) -> Path:
        return next(self.volume.rglob(f"{NAMESPACE}/bank"))

    def verification(self) -> tuple[str, ...]:
        return ("ledger", "verify", str(self.ledger()), "--key", self.bank.log_key())

    # -- afterwards

    def wait(self) -> None:
        """Say how to look at what runs, until somebody ends it (KeyboardInterrupt)."""
        enter = self.node.folder / "enter"
        say("It goes on running. Look further from another shell, as root:\n")
        for command in (
            f"kubectl -n {NAMESPACE} get registrysyncs,promotions",
            f"kubectl -n {NAMESPACE} describe registrysync bank",
            f"kubectl -n {NAMESPACE} logs deploy/stagewright",
            f"helm -n {NAMESPACE} status stagewright",
            f"helm -n {NAMESPACE} get values stagewright",
            f"curl {self.bank.mlflow.uri}/api/2.0/mlflow/registered-models/get?name={MODEL}",
        ):
            say(f"  {enter} {command}")
        say(f"  {enter} bash    # a shell in which kubectl and helm mean this cluster")
        say(f"  .venv/bin/stagewright {' '.join(self.verification())}")
        say(f"\nGitea is {self.bank.gitea.url}, in that network. End all of it with Ctrl-C here.")
        while True:
            signal.pause()


@contextmanager
def bank(cluster: Cluster, node: Node, archive: Path, room: Path) -> Iterator[Week]:
    """A bank in a namespace that takes restricted pods alone, with MLflow and Gitea beside the cluster."""
    assert cluster.address is not None
    node.load(archive)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    volume = node.offer_volume("ledgers")
    servers, world = room / "mlflow", room / "bank"
    servers.mkdir()
    world.mkdir()
    with (
        running_server(servers, address=cluster.address) as mlflow,
        running_secure_gitea(cluster.address, world) as gitea,
    ):
        made = InstalledBank(
            cluster=cluster, gitea=gitea, mlflow=mlflow, image=IMAGE, namespace=NAMESPACE, room=world, model=MODEL
        )
        yield Week(made, node, volume)


def demonstrate(*, keep: bool) -> None:
    began = time.monotonic()
    say("Building what is not in the cache yet: Kubernetes, Gitea and the image; some twenty minutes the first time")
    built()
    gitea_server.built()
    archive = Path(said_by(HERE / "image", IMAGE))
    with tempfile.TemporaryDirectory(prefix="stagewright-demo-") as room:
        say("Starting Kubernetes, MLflow and Gitea\n")
        with some_cluster() as cluster:
            assert cluster.node is not None
            with bank(cluster, cluster.node, archive, Path(room)) as week:
                week.play()
                say(f"Every step held, {time.monotonic() - began:.0f} s after the beginning.")
                if keep:
                    week.wait()
    say("The cluster and all that ran beside it are removed. Look further with: make demo-cluster KEEP=1")


def end(_number: int, _frame: object) -> None:
    """The first signal ends it; none interrupts the clearing up."""
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def ended() -> bool:
    """Whether `end` was called. Our command line runs in this process, and takes the interrupt for itself."""
    return signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave it running at the end, until Ctrl-C")
    keep = parser.parse_args().keep
    lacks = missing()
    if lacks:
        say(f"make demo-cluster needs what is missing here: {', '.join(lacks)}")
        return 1
    for number in ENDS:
        signal.signal(number, end)
    try:
        demonstrate(keep=keep)
    except (ClusterError, StagewrightError, DifferedError, AssertionError) as error:
        if not ended():
            say(f"The demo cannot go on here: {error}")
            return 1
    except KeyboardInterrupt:
        pass
    if ended():
        say("\nEnded; the cluster and all that ran beside it are removed.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
