"""The chart in a cluster: what the API server says to it, and a release from install to reinstall."""

import base64
import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagewright.adapters.signers import is_private_key
from tests.cluster.access import Cluster
from tests.cluster.processes import ClusterError
from tests.helm import CHART, ROOT, Object, Rendered, render, values

KEYS = "stagewright-ledger-keys"
# CRDs that the chart makes objects of and that are not ours, from the modules in which they are published
PUBLISHED = (
    (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "example/prometheus-operator-crd",
        "servicemonitors",
    ),
    (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "example/prometheus-operator-crd",
        "prometheusrules",
    ),
    ("sigs.k8s.io/gateway-api@v1.6.3", "config/crd/standard", "httproutes"),
)
SYNC = {
    "name": "bank",
    "spec": {
        "source": {"url": "https://git.example/acme/models.git"},
        "forge": {"type": "git"},
        "registry": {"uri": "https://mlflow.example"},
    },
}
AFFINITY = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
EVERYTHING: dict[str, object] = {
    "replicas": 2,
    "ledger.volume.accessMode": "ReadWriteMany",
    "ledger.volume.storageClassName": "shared",
    "registrySyncs": [SYNC],
    "rbac.aggregate": True,
    "rbac.aggregateEdit": True,
    "rbac.restartWorkloads": True,
    "rbac.secretNames": [KEYS],
    "rbac.configMapNames": ["ca"],
    "imagePullSecrets": [{"name": "pull"}],
    "controller.selector": "shard=a",
    "controller.allowInsecureUrls": True,
    "controller.allowPodIdentity": True,
    "controller.allowPlugins": ["corporate"],
    "controller.allowArtifactStores": ["s3"],
    "webhook.service.type": "NodePort",
    "webhook.ingress.enabled": True,
    "webhook.ingress.host": "hooks.example",
    "webhook.ingress.className": "nginx",
    "webhook.ingress.tls": [{"hosts": ["hooks.example"], "secretName": "hooks"}],
    "webhook.httpRoute.enabled": True,
    "webhook.httpRoute.parentRefs": [{"name": "gateway", "namespace": "edge", "sectionName": "https"}],
    "webhook.httpRoute.hostnames": ["hooks.example"],
    "metrics.serviceMonitor.enabled": True,
    "metrics.serviceMonitor.relabelings": [{"action": "labeldrop", "regex": "pod"}],
    "metrics.serviceMonitor.metricRelabelings": [{"action": "labeldrop", "regex": "pod"}],
    "metrics.prometheusRule.enabled": True,
    "metrics.prometheusRule.extraRules": [{"record": "a", "expr": "1"}],
    "grafanaDashboard.enabled": True,
    "tracing.endpoint": "http://otel:4318",
    "caBundle.configMap": "ca",
    "proxy.https": "http://proxy:3128",
    "networkPolicy.webhookFrom": [{"namespaceSelector": {}}],
    "networkPolicy.metricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
    "networkPolicy.egress": [{"ports": [{"port": 443}], "to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
    "podLabels": {"team": "ml"},
    "podAnnotations": {"team": "ml"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "affinity": AFFINITY,
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "hostAliases": [{"ip": "10.0.0.9", "hostnames": ["git.example"]}],
    "extraEnv": [{"name": "A", "value": "b"}],
    "extraEnvFrom": [{"secretRef": {"name": "more", "optional": True}}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}],
}
CASES = {
    "defaults": values(),
    "everything": values(EVERYTHING),
    "every namespace": values({"controller.namespaces": ["*"]}),
    "S3": values({"replicas": 3, "ledger.storage": "s3"}),
}


@pytest.fixture(scope="session")
def crds(cluster: Cluster) -> None:
    """Our CRDs."""
    cluster.kubectl("apply", "-f", str(ROOT / "manifests/crds"))
    cluster.kubectl("wait", "--for=condition=Established", "crd/registrysyncs.stagewright.dev", "--timeout=60s")


@pytest.fixture(scope="session")
def published(cluster: Cluster) -> Iterator[None]:
    """The CRDs of the Prometheus operator and of the Gateway API."""
    there = {crd["metadata"]["name"] for crd in cluster.get("crds")["items"]}
    made = []
    for module, folder, plural in PUBLISHED:
        [path] = (_module(cluster, module) / folder).glob(f"*_{plural}.yaml")
        name = yaml.safe_load(path.read_text())["metadata"]["name"]
        if name not in there:
            made.append(name)
            cluster.kubectl("apply", "--server-side", "-f", str(path))
            cluster.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=60s")
    yield
    for name in made:
        cluster.kubectl("delete", "crd", name, "--wait=false")


def _module(cluster: Cluster, named: str) -> Path:
    """The folder of a Go module."""
    assert shutil.which("go") is not None
    with cluster.left():
        command = ["go", "mod", "download", "-json", named]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"])


@pytest.mark.parametrize("tree", CASES.values(), ids=CASES)
@pytest.mark.usefixtures("crds", "published")
def test_api_server_takes_every_object(tree: Object, cluster: Cluster, namespace: str):
    everything = render(tree, namespace=namespace)
    assert {o["metadata"].get("namespace", namespace) for o in everything.objects} == {namespace}
    # a pod is taken only where its account is, so that stands apart
    objects = [o for o in everything.objects if o["kind"] not in {"CustomResourceDefinition", "Pod"}]
    told = _dry_run(cluster, namespace, objects)
    assert len(told.splitlines()) == len(objects)
    assert {line.split()[-3:] == ["(server", "dry", "run)"] for line in told.splitlines()} == {True}


@pytest.mark.parametrize("tree", CASES.values(), ids=CASES)
def test_restricted_namespace_takes_every_pod(tree: Object, cluster: Cluster, namespace: str):
    everything = render(tree, namespace=namespace)
    cluster.kubectl("create", "serviceaccount", "stagewright", "-n", namespace)
    cluster.kubectl("create", "serviceaccount", "stagewright-keys", "-n", namespace)
    pods = [_pod(f"pod-{index}", spec) for index, spec in enumerate(everything.pods())]
    assert len(_dry_run(cluster, namespace, pods).splitlines()) == 3


def test_pod_with_one_right_more_than_ours_is_refused(cluster: Cluster, namespace: str):
    """That the two tests before can fail."""
    everything = render(values({"securityContext": {"allowPrivilegeEscalation": True}}), namespace=namespace)
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        _dry_run(cluster, namespace, [_pod("pod", {**everything.pod, "serviceAccountName": "default"})])


def _pod(name: str, spec: Object) -> Object:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**spec, "restartPolicy": "Never"}}


def _dry_run(cluster: Cluster, namespace: str, objects: list[Object]) -> str:
    whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    return cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-n", namespace, "-f", "-", given=whole)


@pytest.mark.parametrize("path", sorted((ROOT / "manifests/samples").glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.usefixtures("crds")
def test_api_server_takes_every_sample(path: Path, cluster: Cluster, namespace: str):
    told = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-n", namespace, "-f", str(path))
    assert "registrysync.stagewright.dev/" in told


class Release:
    """`stagewright` in a namespace, by Helm 3 or 4, on the image under test."""

    def __init__(self, cluster: Cluster, namespace: str, image: str, major: int) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.major = major
        repository, _, tag = image.rpartition(":")
        # the CRDs may be another test's
        self.settings = {
            "image.repository": repository,
            "image.tag": tag,
            "image.pullPolicy": "IfNotPresent",
            "ledger.volume.storageClassName": "local" if cluster.node else "",
        }

    def helm(self, *arguments: str) -> str:
        return self.cluster.helm(*arguments, "--namespace", self.namespace, major=self.major)

    def bring(self, verb: str, **more: object) -> str:
        """Install or upgrade, and wait until it is ready."""
        dotted = {key.replace("__", "."): value for key, value in more.items()}
        sets = [f"--set={key}={value}" for key, value in {**self.settings, **dotted}.items()]
        return self.helm(verb, "stagewright", str(CHART), *sets, "--take-ownership", "--wait", "--timeout=180s")

    def keys(self) -> dict[str, str]:
        found: dict[str, str] = self.cluster.get("secret", KEYS, "-n", self.namespace)["data"]
        return found

    def names(self, kind: str) -> set[str]:
        return {o["metadata"]["name"] for o in self.cluster.get(kind, "-n", self.namespace)["items"]}

    def may(self, account: str, *what: str) -> bool:
        """What a service account of the release may do."""
        who = f"system:serviceaccount:{self.namespace}:{account}"
        try:
            return self.cluster.kubectl("auth", "can-i", *what, f"--as={who}").strip() == "yes"
        except ClusterError:
            return False

    def well(self) -> str:
        """What `helm test` prints."""
        return self.helm("test", "stagewright", "--logs", "--timeout=120s")


@pytest.mark.parametrize("major", [4, 3])
@pytest.mark.usefixtures("crds")
def test_release_lives_through_upgrade_rollback_uninstall_and_reinstall(
    major: int, cluster: Cluster, image: str, namespace: str
):
    cluster.offer_volume(f"{namespace}-ledger")
    release = Release(cluster, namespace, image, major)
    told = release.bring("install")
    assert f"helm test stagewright --namespace {namespace}" in told
    keys = release.keys()
    assert {name: is_private_key(base64.b64decode(text)) for name, text in keys.items()} == {
        "log.pem": True,
        "entry.pem": True,
    }
    assert keys["log.pem"] not in release.helm("get", "manifest", "stagewright") + release.helm(
        "get", "hooks", "stagewright"
    )
    # who may make Secrets is gone with the Job
    assert release.names("jobs") == set()
    assert release.names("roles") == {"stagewright", "stagewright-leader"}
    _least(release)
    checked = release.well()
    assert [line for line in checked.splitlines() if line.startswith("✗")] == []
    assert checked.count("✓") == 5

    claim = cluster.get("pvc", "stagewright-ledger", "-n", namespace)["metadata"]["uid"]
    release.bring("upgrade", controller__workers=5)
    assert "--workers=5" in _arguments(cluster, namespace)
    assert release.keys() == keys
    release.helm("rollback", "stagewright", "1", "--wait", "--timeout=180s")
    assert "--workers=4" in _arguments(cluster, namespace)
    assert release.keys() == keys

    release.helm("uninstall", "stagewright", "--wait", "--timeout=120s")
    assert release.names("deployments") | release.names("services") | release.names("roles") == set()
    assert release.keys() == keys
    assert cluster.get("pvc", "stagewright-ledger", "-n", namespace)["metadata"]["uid"] == claim
    assert cluster.get("crd", "registrysyncs.stagewright.dev")["kind"] == "CustomResourceDefinition"

    release.bring("install")
    assert release.keys() == keys
    assert cluster.get("pvc", "stagewright-ledger", "-n", namespace)["metadata"]["uid"] == claim
    release.helm("uninstall", "stagewright", "--wait", "--timeout=120s")


def _least(release: Release) -> None:
    """What the controller's account may do here, and not elsewhere."""
    here, there = ("-n", release.namespace), ("-n", "default")
    assert release.may("stagewright", "get", "secrets", *here)
    assert release.may("stagewright", "patch", "registrysyncs.stagewright.dev", "--subresource=status", *here)
    assert release.may("stagewright", "update", "leases.coordination.k8s.io/stagewright", *here)
    assert release.may("stagewright", "create", "events.events.k8s.io", *here)
    for refused in (
        ("get", "secrets", *there),
        ("list", "registrysyncs.stagewright.dev", *there),
        ("create", "secrets", *here),
        ("update", "secrets", *here),
        ("delete", "registrysyncs.stagewright.dev", *here),
        ("patch", "deployments.apps", *here),
        ("update", "leases.coordination.k8s.io/other", *here),
        ("create", "pods", *here),
    ):
        assert not release.may("stagewright", *refused), refused
    assert not release.may("stagewright-keys", "create", "secrets", *here)


def _arguments(cluster: Cluster, namespace: str) -> list[str]:
    deployment = cluster.get("deployment", "stagewright", "-n", namespace)
    found: list[str] = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    return found


@pytest.mark.usefixtures("crds")
def test_two_replicas_stand_ready_and_one_of_them_leads(cluster: Cluster, image: str, namespace: str):
    release = Release(cluster, namespace, image, 4)
    release.bring("install", replicas=2, ledger__storage="s3", crds__install="false")
    pods = release.names("pods")
    assert len(pods) == 2
    holder = cluster.get("lease", "stagewright", "-n", namespace)["spec"]["holderIdentity"]
    assert holder.partition("_")[0] in pods
    assert cluster.get("pdb", "stagewright", "-n", namespace)["status"]["disruptionsAllowed"] == 1
    # the new ones are ready before the old ones go
    release.bring("upgrade", replicas=2, ledger__storage="s3", crds__install="false", controller__workers=2)
    now = cluster.get("pods", "-n", namespace)["items"]
    staying = {pod["metadata"]["name"] for pod in now if "deletionTimestamp" not in pod["metadata"]}
    assert (len(staying), staying & pods) == (2, set())
    release.helm("uninstall", "stagewright", "--wait", "--timeout=120s")


@pytest.mark.usefixtures("crds")
def test_helm_test_says_what_is_missing(cluster: Cluster, image: str, namespace: str):
    """Without roles the controller is not ready; the test pod says why."""
    release = Release(cluster, namespace, image, 4)
    sets = [f"--set={key}={value}" for key, value in release.settings.items()]
    bare = (
        "--set=rbac.create=false",
        "--set=ledger.keys.generate=false",
        "--set=ledger.storage=s3",
        "--set=crds.install=false",
    )
    release.helm("install", "stagewright", str(CHART), *sets, *bare)
    with pytest.raises(ClusterError):
        release.helm("test", "stagewright", "--timeout=60s")
    told = cluster.kubectl("logs", "stagewright-test", "-n", namespace)
    assert "✓ api server" in told
    assert f"this service account may not, for the namespace {namespace}: get registrysyncs.stagewright.dev" in told
    assert "remedy: the chart grants it with rbac.create=true" in told
    release.helm("uninstall", "stagewright", "--wait", "--timeout=120s")


def test_kubectl_apply_k_installs_the_same(cluster: Cluster, image: str, tmp_path: Path):
    repository, _, tag = image.rpartition(":")
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    overlay: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../manifests"],
        "images": [{"name": "ghcr.io/stagewright/stagewright", "newName": repository, "newTag": tag}],
    }
    if cluster.node:
        patch = [{"op": "add", "path": "/spec/storageClassName", "value": "local"}]
        overlay["patches"] = [{"target": {"kind": "PersistentVolumeClaim"}, "patch": json.dumps(patch)}]
    (tmp_path / "here").mkdir()
    (tmp_path / "here/kustomization.yaml").write_text(yaml.safe_dump(overlay))
    cluster.offer_volume(f"plain-{secrets.token_hex(4)}")
    try:
        cluster.kubectl("apply", "-k", str(tmp_path / "here"))
        cluster.kubectl("rollout", "status", "deployment/stagewright", "-n", "stagewright", "--timeout=180s")
        cluster.kubectl(
            "wait", "job/stagewright-keys", "-n", "stagewright", "--for=condition=Complete", "--timeout=60s"
        )
        assert set(cluster.get("secret", KEYS, "-n", "stagewright")["data"]) == {"log.pem", "entry.pem"}
        # once more changes nothing
        again = cluster.kubectl("apply", "-k", str(tmp_path / "here"))
        assert {line.split()[-1] for line in again.splitlines()} == {"unchanged"}
    finally:
        cluster.kubectl("delete", "namespace", "stagewright", "--timeout=120s")


def test_plain_manifests_are_the_charts_objects():
    plain = [
        o
        for path in sorted((ROOT / "manifests/install").glob("*.yaml"))
        for o in yaml.safe_load_all(path.read_text())
        if o["kind"] not in {"Kustomization", "Namespace"}
    ]
    chart = render(values({"crds.install": False, "tests.enabled": False}), namespace="stagewright")
    assert _names(plain) == _names(list(chart.objects))
    assert Rendered(tuple(plain)).pod == chart.pod


def _names(objects: list[Object]) -> set[tuple[str, str]]:
    return {(o["kind"], o["metadata"]["name"]) for o in objects}
