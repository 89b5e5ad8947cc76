"""The image as a pod under the restricted standard, with nothing to write to."""

import json
from typing import Any

import pytest

from stagewright import __version__
from stagewright.demo.gitea_server import GiteaServer
from tests.cluster.access import Cluster
from tests.cluster.processes import ClusterError
from tests.mlflow_server import MlflowServer


def pod(namespace: str, name: str, image: str, *arguments: str, entrypoint: tuple[str, ...] = ()) -> dict[str, Any]:
    """A pod that runs once, as its namespace's standard demands."""
    container: dict[str, Any] = {
        "name": "once",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": list(arguments),
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if entrypoint:
        container["command"] = list(entrypoint)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        },
    }


def said(cluster: Cluster, pod: dict[str, Any]) -> str:
    """What a pod prints that ends well."""
    cluster.apply(pod)
    where = ("-n", pod["metadata"]["namespace"], pod["metadata"]["name"])
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod", *where, "--timeout=120s")
    return cluster.kubectl("logs", *where)


def test_node_of_the_cluster_is_ready(cluster: Cluster) -> None:
    (node, *_) = cluster.get("nodes")["items"]
    states = {each["type"]: each["status"] for each in node["status"]["conditions"]}
    assert states["Ready"] == "True"


def test_image_without_a_writable_root_prints_its_version(cluster: Cluster, image: str, namespace: str) -> None:
    assert said(cluster, pod(namespace, "version", image, "--version")) == f"stagewright {__version__}\n"


LOOK = """
import importlib.util, json, os, shutil, sys
import stagewright.cli.main, mlflow, pygit2
print(json.dumps({
    "user": os.getuid(),
    "programs": [name for name in ("gcc", "cc", "make", "git", "pip", "pip3", "uv") if shutil.which(name)],
    "modules": [name for name in ("pip", "setuptools", "flask", "sklearn") if importlib.util.find_spec(name)],
    "compiled": [name for name in ("stagewright.cli.main", "mlflow", "pygit2")
                 if not os.path.exists(sys.modules[name].__cached__)],
    "writable": [place for place, _, _ in os.walk("/opt") if os.access(place, os.W_OK)],
}))
"""


def test_image_holds_nothing_that_installs_or_compiles(cluster: Cluster, image: str, namespace: str) -> None:
    seen = json.loads(said(cluster, pod(namespace, "look", image, "-c", LOOK, entrypoint=("python",))))
    assert seen == {"user": 65532, "programs": [], "modules": [], "compiled": [], "writable": []}


def test_pod_without_the_standard_is_refused(cluster: Cluster, image: str, namespace: str) -> None:
    wrong = pod(namespace, "root", image, "--version")
    wrong["spec"]["securityContext"] = {"runAsUser": 0}
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        cluster.apply(wrong)


REACH = """
import sys, urllib.request
for url in sys.argv[1:]:
    print(urllib.request.urlopen(url, timeout=10).status)
"""


def test_pod_reaches_the_registry_and_the_forge_beside_the_cluster(
    cluster: Cluster, image: str, namespace: str, mlflow_server: MlflowServer, gitea: GiteaServer
) -> None:
    urls = (f"{mlflow_server.uri}/health", f"{gitea.url}/api/healthz")
    assert said(cluster, pod(namespace, "reach", image, "-c", REACH, *urls, entrypoint=("python",))) == "200\n200\n"
