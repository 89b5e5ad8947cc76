"""How a test speaks to a cluster, its own or a given one."""

import functools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

from tests.cluster.node import Node
from tests.cluster.processes import ClusterError, ToolMissingError, built, in_network, run, start_of
from tests.cluster.settings import ADDRESS

PREFIX = "stagewright-node-"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """`address` is where pods reach what listens on this machine; `node` is None where others made the cluster.

    `outside` is the network that this thread was in before it came into the cluster's.
    """

    kubeconfig: Path
    address: str | None
    node: Node | None = None
    programs: Path | None = None
    outside: Path | None = None

    def kubectl(self, *arguments: str, given: str = "") -> str:
        """What kubectl prints; `given` is its standard input (`apply -f -`). ClusterError when it fails."""
        return self._run("kubectl", *arguments, given=given)

    def helm(self, *arguments: str, major: int = 4) -> str:
        """What Helm 4, or Helm 3, prints; ClusterError when it fails."""
        return self._run("helm3" if major == 3 and self.programs else "helm", *arguments)

    def get(self, *arguments: str) -> dict[str, Any]:
        """One object, or a list of them, as JSON: `get("pods", "-n", namespace)`."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found

    def apply(self, *objects: dict[str, Any]) -> None:
        """Make these objects, or change them."""
        self.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def offer_volume(self, name: str) -> None:
        """A volume for the next claim of the class `local`; nothing where the cluster provides its own."""
        if self.node is not None:
            self.node.offer_volume(name)

    @contextmanager
    def left(self) -> Iterator[None]:
        """This thread in the network that it came from, where package registries may be reached."""
        if self.outside is None:
            yield
            return
        with in_network(self.outside):
            yield

    @functools.cached_property
    def api(self) -> client.ApiClient:
        """The administrator's client."""
        return config.new_client_from_config(str(self.kubeconfig))

    def _run(self, program: str, *arguments: str, given: str = "") -> str:
        path = str(self.programs / program) if self.programs else program
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        return run(path, *arguments, given=given, env=environment)


@contextmanager
def some_cluster() -> Iterator[Cluster]:
    """The cluster of KUBECONFIG, or one of our own, in whose network this thread is until the block ends.

    With KUBECONFIG, STAGEWRIGHT_HOST_ADDRESS says where its pods reach this machine. ToolMissingError where there is
    none and none can be made.
    """
    if "KUBECONFIG" in os.environ:
        yield given_cluster(Path(os.environ["KUBECONFIG"]))
        return
    programs = built()
    sweep(programs)
    home = Path(tempfile.mkdtemp(prefix=PREFIX))
    (home / "owner").write_text(f"{os.getpid()} {start_of(os.getpid())}\n")
    node = Node(home / "node", programs)
    try:
        node.start()
        with in_network(node.namespace) as outside:
            yield Cluster(kubeconfig=node.kubeconfig, address=ADDRESS, node=node, programs=programs, outside=outside)
    finally:
        node.stop()
        shutil.rmtree(home)
    left = node.left_behind()
    if left:
        raise ClusterError(f"the cluster left behind: {', '.join(left)}")


def given_cluster(kubeconfig: Path) -> Cluster:
    """One that others made, or that `python -m tests.cluster up` made, whose `enter` sets STAGEWRIGHT_CLUSTER."""
    folder = os.environ.get("STAGEWRIGHT_CLUSTER")
    if folder:
        programs = built()
        return Cluster(kubeconfig=kubeconfig, address=ADDRESS, node=Node(Path(folder), programs), programs=programs)
    if shutil.which("kubectl") is None:
        raise ToolMissingError("KUBECONFIG is set, and kubectl is not installed")
    return Cluster(kubeconfig=kubeconfig, address=os.environ.get("STAGEWRIGHT_HOST_ADDRESS"))


def sweep(programs: Path) -> None:
    """End the clusters of test runs that were killed."""
    for owner in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/owner"):
        number, _, started = owner.read_text().strip().partition(" ")
        if not number or start_of(int(number)) != started:
            Node(owner.parent / "node", programs).stop()
            shutil.rmtree(owner.parent)
