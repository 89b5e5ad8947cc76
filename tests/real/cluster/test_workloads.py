"""Deployments whose pods really roll when their stage changes, once, and KServe's kind by its published CRD."""

import json
import subprocess
from pathlib import Path
from typing import Any

from stagewright.adapters.directory import DirectoryStore
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from tests.cli_desk import Desk
from tests.cluster.access import Cluster
from tests.git_http import GitHttpServer
from tests.mlflow_server import MlflowServer, RegistryBuilder
from tests.real.cluster.host_controller import (
    WITHIN,
    Followed,
    Json,
    admit,
    keys_of,
    running_controller,
    stocked,
    trust_root,
)

KSERVE = "github.com/kserve/kserve@v0.16.0"
CRD = "config/crd/full/serving.kserve.io_inferenceservices.yaml"
ROLLED = "stagewright.dev/rolled-for"


def kserve(cluster: Cluster) -> Path:
    """Its published CRD, in Go's own cache."""
    with cluster.left():
        command = ["go", "mod", "download", "-json", KSERVE]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"]) / CRD


def labels(model: str) -> Json:
    return {"app": "scorer", "stagewright.dev/model": model, "stagewright.dev/stage": "Staging"}


def deployment(namespace: str, model: str, image: str) -> Json:
    """One pod that sleeps, in the restricted standard."""
    program = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit()); signal.pause()"
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "scorer",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", program],
        "securityContext": security,
    }
    template = {"metadata": {"labels": labels(model)}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "scorer", "namespace": namespace, "labels": labels(model)},
        "spec": {"selector": {"matchLabels": {"app": "scorer"}}, "template": template},
    }


def service(namespace: str, model: str) -> Json:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "served", "namespace": namespace, "labels": labels(model)},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "mlflow"}, "storageUri": f"models:/{model}"}}},
    }


def may_roll(cluster: Cluster, namespace: str) -> None:
    """What the chart grants with `rbac.restartWorkloads`."""
    api = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    metadata = {"name": "roll", "namespace": namespace}
    rules = [
        {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["patch"]},
        {"apiGroups": ["serving.kserve.io"], "resources": ["inferenceservices"], "verbs": ["patch"]},
    ]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "roll"}
    account = {"kind": "ServiceAccount", "name": "stagewright", "namespace": namespace}
    cluster.apply(
        {**api, "kind": "Role", "metadata": metadata, "rules": rules},
        {**api, "kind": "RoleBinding", "metadata": metadata, "roleRef": reference, "subjects": [account]},
    )


def test_workloads_of_a_stage_that_changes_roll_once_and_their_images_are_recorded(
    cluster: Cluster,
    namespace: str,
    image: str,
    mlflow_server: MlflowServer,
    builder: RegistryBuilder,
    tmp_path: Path,
) -> None:
    crd = kserve(cluster)
    # it is established while the desk is made: there is nothing to wait for before it has any condition
    cluster.kubectl("apply", "--server-side", "-f", str(crd))
    desk = Desk(tmp_path, uri=mlflow_server.uri)
    model = stocked(builder)
    desk.init()
    desk.run("max", "import", model, "--owner", "@cody")
    desk.promote("mode", model, "enforce", by="dana", approved_by=("cody", "mo"))
    followed, folder = Followed(cluster, namespace), tmp_path / "controller"
    folder.mkdir()
    cluster.kubectl("wait", "--for=condition=Established", WITHIN, "-f", str(crd))
    kubeconfig = admit(cluster, namespace, folder)
    may_roll(cluster, namespace)
    cluster.apply(deployment(namespace, model, image), service(namespace, model))
    # only the kind is there, not KServe's own controller, which would say this
    ready = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}
    patch = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": ready}))
    cluster.kubectl("patch", "inferenceservice", "served", "-n", namespace, *patch)
    cluster.kubectl("rollout", "status", "deployment/scorer", "-n", namespace, WITHIN)
    followed.secret("stagewright-ledger-keys", keys_of(desk))

    def revision() -> str:
        found = cluster.get("deployment", "scorer", "-n", namespace)
        return str(found["metadata"]["annotations"]["deployment.kubernetes.io/revision"])

    def rolled(kind: str, name: str) -> Any:
        spec = cluster.get(kind, name, "-n", namespace)["spec"]
        where = spec["template"]["metadata"] if kind == "deployment" else spec["predictor"]
        return where.get("annotations", {}).get(ROLLED)

    with GitHttpServer(desk.home) as git, running_controller(namespace, kubeconfig, folder):
        followed.write(
            {
                "source": {"url": git.url("origin.git")},
                "forge": {"type": "git"},
                "registry": {"uri": mlflow_server.uri},
                "trustRoot": trust_root(desk),
                "interval": "1h",
                "workloads": {"observe": True, "restart": True},
            }
        )
        followed.wait(followed.condition("Ready"), "Synced")
        assert (revision(), rolled("deployment", "scorer"), rolled("inferenceservice", "served")) == ("1", None, None)

        desk.promote("promote", model, "--version", "2", "--to", "Staging", by="dana", approved_by=("cody",))
        followed.ask()
        intent = rolled("deployment", "scorer")
        assert (revision(), rolled("inferenceservice", "served")) == ("2", intent)
        cluster.kubectl("rollout", "status", "deployment/scorer", "-n", namespace, WITHIN)

        followed.ask()
        followed.ask()
        assert (revision(), rolled("deployment", "scorer")) == ("2", intent)

    ledger = Ledger.read(DirectoryStore(folder / "ledgers" / namespace / "bank"))
    said = [found.statement.predicate for found in ledger.entries()]
    assert isinstance(said[int(intent)], entry.Intent)
    hops = [found for found in said if isinstance(found, entry.Deployment) and found.workload.kind == "Deployment"]
    assert hops[-1].rolled_for == int(intent)
    assert all("@sha256:" in running or running.startswith("sha256:") for hop in hops for running in hop.images)
    assert hops[-1].images != ()
    followed.abandon()
