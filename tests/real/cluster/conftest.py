"""One cluster for all tests of this process, and what runs beside it where its pods reach it.

KUBECONFIG names a cluster to use in place of our own (kind, k3d, minikube, …); then STAGEWRIGHT_IMAGE names the
controller's image, which its nodes have or can pull, and STAGEWRIGHT_HOST_ADDRESS where its pods reach this machine.
"""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from stagewright.demo.gitea_server import GiteaServer, built
from tests.cluster.access import Cluster, some_cluster
from tests.cluster.node import Node
from tests.cluster.processes import HERE as RECIPE
from tests.cluster.processes import ToolMissingError, said_by
from tests.gitea.server import running_gitea
from tests.mlflow_server import MlflowServer, RegistryBuilder, running_server

IMAGE = "localhost/stagewright:test"
TIMEOUT_S = 600
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker for all that share the cluster, and time for what is built first."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
            if "cluster" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group("cluster"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster with one ready node; `cluster.address` is where its pods reach what listens here."""
    try:
        made = some_cluster()
        found = made.__enter__()
    except ToolMissingError as error:
        _leave_out(str(error))
    try:
        yield found
    finally:
        made.__exit__(None, None, None)


@pytest.fixture(scope="session")
def image_archive(cluster: Cluster) -> Path:
    """The controller's image, built from this checkout, as `docker save` would write it."""
    try:
        with cluster.left():
            return Path(said_by(RECIPE / "image", IMAGE))
    except ToolMissingError as error:
        _leave_out(str(error))


@pytest.fixture(scope="session")
def image(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """The name of the controller's image, which is on the node; pods name it with `imagePullPolicy: Never`."""
    given = os.environ.get("STAGEWRIGHT_IMAGE")
    if given:
        return given
    if cluster.node is None:
        _leave_out("KUBECONFIG is set, and STAGEWRIGHT_IMAGE does not say which image its nodes can have")
    cluster.node.load(request.getfixturevalue("image_archive"))
    return IMAGE


@pytest.fixture(scope="session")
def host_address(cluster: Cluster) -> str:
    """The address at which pods reach what listens on this machine."""
    if cluster.address is None:
        _leave_out("KUBECONFIG is set, and STAGEWRIGHT_HOST_ADDRESS does not say where pods reach this machine")
    return cluster.address


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace that takes pods of the restricted standard only, and is deleted with all that is in it."""
    name = f"test-{secrets.token_hex(4)}"
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    yield name
    # our own cluster ends soon, and nobody needs to wait for it
    wait = "true" if cluster.node is None else "false"
    cluster.kubectl("delete", "namespace", name, f"--wait={wait}", "--timeout=120s")


@pytest.fixture(scope="session")
def node(cluster: Cluster) -> Node:
    """The one node of our own cluster, whose volumes are folders of this machine."""
    if cluster.node is None:
        _leave_out("KUBECONFIG is set, and the volumes of that cluster cannot be read from this machine")
    return cluster.node


@pytest.fixture
def kubectl(cluster: Cluster) -> Callable[..., str]:
    """The administrator's kubectl."""
    return cluster.kubectl


@pytest.fixture
def helm(cluster: Cluster) -> Callable[..., str]:
    """Helm 4, or with `major=3` Helm 3."""
    return cluster.helm


@pytest.fixture(scope="session")
def mlflow_server(host_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real MLflow that pods reach."""
    with running_server(tmp_path_factory.mktemp("mlflow"), address=host_address) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_auth_server(host_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """The same with MLflow's basic-auth app."""
    with running_server(tmp_path_factory.mktemp("mlflow-auth"), basic_auth=True, address=host_address) as server:
        yield server


@pytest.fixture(scope="session")
def builder(mlflow_server: MlflowServer) -> RegistryBuilder:
    """Fills `mlflow_server`."""
    return RegistryBuilder(mlflow_server)


@pytest.fixture(scope="session")
def gitea(cluster: Cluster, host_address: str) -> Iterator[GiteaServer]:
    """A real Gitea that pods reach, and that reaches them."""
    with cluster.left():
        built()
    with running_gitea(address=host_address, hooks_to="private,loopback") as server:
        yield server


def _leave_out(reason: str) -> NoReturn:
    if os.environ.get("STAGEWRIGHT_REAL") == "required":
        pytest.fail(reason)
    sys.__stderr__.write(f"\n!!! SKIPPED: tests/real/cluster: {reason} !!!\n")
    pytest.skip(reason)
