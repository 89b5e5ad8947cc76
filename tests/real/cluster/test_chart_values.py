"""Every value of the chart has its effect: a table of what is set, what is looked at, and what stands there then."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from tests.helm import CHART, HELMS, Object, Rendered, leaves, render, values

DIGEST = "sha256:" + 64 * "a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """With `value` at `path`, `look` sees `seen`; without it (`given` alone), something else."""

    path: str
    value: object
    look: Callable[[Rendered], object]
    seen: object
    given: Mapping[str, object] = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        return f"{self.path} {self.name}".strip()


def row(path: str, value: object, look: Callable[[Rendered], object], seen: object, name: str = "", **given: object):
    return Row(
        path=path,
        value=value,
        look=look,
        seen=seen,
        name=name,
        given={k.replace("__", "."): v for k, v in given.items()},
    )


def count(kind: str, name: str | None = None) -> Callable[[Rendered], int]:
    return lambda r: len(r.all(kind, name))


def at(kind: str, path: str, name: str | None = None) -> Callable[[Rendered], Any]:
    """What stands at a path of dots (`spec.ports.0.port`) of the only object of a kind; None where nothing does."""
    return lambda r: dig(r.one(kind, name), path)


def dig(found: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(found, list):
            found = found[int(step)] if int(step) < len(found) else None
        else:
            found = found.get(step) if found else None
        if found is None:
            return None
    return found


def pod(path: str) -> Callable[[Rendered], Any]:
    return lambda r: dig(r.pod, path)


def every_pod(path: str) -> Callable[[Rendered], Any]:
    return lambda r: [dig(each, path) for each in r.pods()]


def container(path: str) -> Callable[[Rendered], Any]:
    return lambda r: dig(r.container, path)


def flag(name: str) -> Callable[[Rendered], str | None]:
    return lambda r: r.flag(name)


def env(name: str) -> Callable[[Rendered], str | None]:
    return lambda r: r.env.get(name)


def names(r: Rendered) -> set[str]:
    return {o["metadata"]["name"] for o in r.objects if o["kind"] != "CustomResourceDefinition"}


def labels(kind: str, label: str, name: str | None = None) -> Callable[[Rendered], Any]:
    return lambda r: r.one(kind, name)["metadata"]["labels"].get(label)


def annotation(kind: str, key: str, name: str | None = None) -> Callable[[Rendered], Any]:
    return lambda r: r.one(kind, name)["metadata"].get("annotations", {}).get(key)


def volume(name: str, path: str) -> Callable[[Rendered], Any]:
    return lambda r: next((dig(v, path) for v in r.pod["volumes"] if v["name"] == name), None)


def rule(resource: str, kind: str = "Role", name: str = "stagewright") -> Callable[[Rendered], Any]:
    """Verbs and names that a role grants on a resource."""

    def look(r: Rendered) -> Any:
        [found] = [x for x in r.one(kind, name)["rules"] if resource in x["resources"]]
        return (found["verbs"], found.get("resourceNames"))

    return look


def alerts(r: Rendered) -> dict[str, Object]:
    return {x["alert"]: x for x in r.one("PrometheusRule")["spec"]["groups"][0]["rules"] if "alert" in x}


SYNC = {"name": "bank", "spec": {"source": {"url": "https://git.example/m.git"}}}
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-more'}"
PEER = [{"podSelector": {"matchLabels": {"app": "x"}}}]
TOLERATION = {"key": "gpu", "operator": "Exists"}
MONITOR = {"metrics__serviceMonitor__enabled": True}
RULE = {"metrics__prometheusRule__enabled": True}
BOARD = {"grafanaDashboard__enabled": True}
INGRESS = {"webhook__ingress__enabled": True, "webhook__ingress__host": "hooks.example"}
ROUTE = {"webhook__httpRoute__enabled": True, "webhook__httpRoute__parentRefs": [{"name": "gateway"}]}
TWO = {"replicas": 2, "ledger__storage": "s3"}
HOST = "$(KUBERNETES_SERVICE_HOST),localhost,127.0.0.1,.svc,.cluster.local"

ROWS: tuple[Row, ...] = (
    row("nameOverride", "x", at("Deployment", "metadata.name"), "stagewright-x"),
    row("fullnameOverride", "x", names, {"x", "x-keys", "x-ledger", "x-leader", "x-metrics", "x-test", "x-webhook"}),
    row("commonLabels", {"team": "ml"}, lambda r: {o["metadata"]["labels"].get("team") for o in r.objects}, {"ml"}),
    row("replicas", 2, at("Deployment", "spec.replicas"), 2, ledger__storage="s3"),
    row("image.repository", "reg.example/s", every_pod("containers.0.image"), 3 * ["reg.example/s:0.1.0"]),
    row("image.tag", "v2", container("image"), "ghcr.io/stagewright/stagewright:v2"),
    row("image.tag", "v2", flag("--image"), "ghcr.io/stagewright/stagewright:v2", "is told to the controller"),
    row("image.digest", DIGEST, container("image"), f"ghcr.io/stagewright/stagewright:0.1.0@{DIGEST}"),
    row("image.digest", DIGEST, flag("--image"), f"ghcr.io/stagewright/stagewright:0.1.0@{DIGEST}", "is told"),
    row("image.pullPolicy", "Never", every_pod("containers.0.imagePullPolicy"), 3 * ["Never"]),
    row("imagePullSecrets", [{"name": "pull"}], every_pod("imagePullSecrets.0.name"), 3 * ["pull"]),
    row("controller.namespaces", ["b", "a"], flag("--namespaces"), "a,b"),
    row(
        "controller.namespaces",
        ["b", "a"],
        lambda r: [o["metadata"]["namespace"] for o in r.all("Role", "stagewright")],
        ["a", "b"],
        "get a role each",
    ),
    row(
        "controller.namespaces",
        ["b", "a"],
        lambda r: r.job["containers"][0]["args"][3:],
        ["--namespace=a", "--namespace=b"],
        "get keys each",
    ),
    row("controller.namespaces", ["*"], flag("--namespaces"), "*", "may be all"),
    row(
        "controller.namespaces",
        ["*"],
        count("ClusterRole", "ml-stagewright"),
        1,
        "need a ClusterRole where they are all",
    ),
    row(
        "controller.namespaces",
        ["*"],
        lambda r: r.job["containers"][0]["args"][3:],
        ["--namespace=ml"],
        "get keys in our own where they are all",
        controller__namespaces=["a"],
    ),
    row("controller.selector", "shard in (a,b)", flag("--selector"), "shard in (a,b)"),
    row("controller.workers", 9, flag("--workers"), "9"),
    row("controller.logLevel", "debug", at("ConfigMap", "data.log-level", "stagewright"), "debug"),
    row("controller.logFormat", "text", flag("--log-format"), "text"),
    row("controller.allowInsecureUrls", True, flag("--allow-insecure-urls"), ""),
    row("controller.allowPodIdentity", True, flag("--allow-pod-identity"), ""),
    row("controller.allowPlugins", ["a", "b"], flag("--allow-plugins"), "a,b"),
    row("controller.allowArtifactStores", ["s3", "gs"], flag("--allow-artifact-stores"), "s3,gs"),
    row("controller.maxRepositorySize", "512Mi", flag("--max-repository-size"), "512Mi"),
    row("controller.stuckAfter", "9m", flag("--stuck-after"), "9m"),
    row("controller.leaderElection.id", "mine", flag("--leader-election-id"), "mine"),
    row(
        "controller.leaderElection.id",
        "mine",
        lambda r: r.one("Role", "stagewright-leader")["rules"][1]["resourceNames"],
        ["mine"],
        "may be held",
    ),
    row("controller.leaderElection.leaseDuration", "1m", flag("--lease-duration"), "1m"),
    row("controller.leaderElection.renewDeadline", "12s", flag("--renew-deadline"), "12s"),
    row("controller.leaderElection.retryPeriod", "3s", flag("--retry-period"), "3s"),
    row("controller.extraArgs", ["--x=1"], flag("--x"), "1"),
    row("ledger.storage", "s3", count("PersistentVolumeClaim"), 0),
    row("ledger.storage", "s3", flag("--ledger-root"), None, "needs no folder"),
    row("ledger.storage", "s3", volume("ledger", "name"), None, "mounts nothing"),
    row("ledger.storage", "s3", at("Deployment", "spec.strategy.type"), "RollingUpdate", "lets pods overlap"),
    row("ledger.volume.existingClaim", "mine", volume("ledger", "persistentVolumeClaim.claimName"), "mine"),
    row("ledger.volume.existingClaim", "mine", count("PersistentVolumeClaim"), 0, "is the only one"),
    row(
        "ledger.volume.accessMode", "ReadWriteMany", at("PersistentVolumeClaim", "spec.accessModes"), ["ReadWriteMany"]
    ),
    row(
        "ledger.volume.accessMode",
        "ReadWriteMany",
        at("Deployment", "spec.strategy.type"),
        "RollingUpdate",
        "lets pods overlap",
    ),
    row("ledger.volume.size", "7Gi", at("PersistentVolumeClaim", "spec.resources.requests.storage"), "7Gi"),
    row("ledger.volume.storageClassName", "fast", at("PersistentVolumeClaim", "spec.storageClassName"), "fast"),
    row("ledger.volume.storageClassName", "-", at("PersistentVolumeClaim", "spec.storageClassName"), "", "may be none"),
    row("ledger.volume.volumeName", "pv", at("PersistentVolumeClaim", "spec.volumeName"), "pv"),
    row("ledger.volume.annotations", {"a": "b"}, annotation("PersistentVolumeClaim", "a"), "b"),
    row("ledger.volume.keep", False, annotation("PersistentVolumeClaim", "helm.sh/resource-policy"), None),
    row("ledger.keys.generate", False, count("Job"), 0),
    row("ledger.keys.generate", False, count("Role", "stagewright-keys"), 0, "needs no role otherwise"),
    row("ledger.keys.secretName", "k", lambda r: r.job["containers"][0]["args"][2], "--secret=k"),
    row(
        "ledger.keys.secretName",
        "k",
        at("RegistrySync", "spec.ledger.logKeySecretRef"),
        {"name": "k", "key": "log.pem"},
        "is our RegistrySyncs' default",
        registrySyncs=[SYNC],
    ),
    row(
        "ledger.keys.existingSecret",
        "k",
        at("RegistrySync", "spec.ledger.entryKeySecretRef"),
        {"name": "k", "key": "entry.pem"},
        registrySyncs=[SYNC],
        ledger__keys__generate=False,
    ),
    row(
        "ledger.keys.resources.requests",
        {"cpu": "1"},
        lambda r: r.job["containers"][0]["resources"]["requests"]["cpu"],
        "1",
    ),
    row(
        "ledger.keys.resources.limits",
        {"cpu": "1"},
        lambda r: r.job["containers"][0]["resources"]["limits"].get("cpu"),
        "1",
    ),
    row("registrySyncs", [SYNC], count("RegistrySync", "bank"), 1),
    row(
        "registrySyncs",
        [{**SYNC, "namespace": "a", "labels": {"l": "1"}, "annotations": {"n": "2"}}],
        lambda r: [
            (m["namespace"], m["labels"]["l"], m["annotations"]["n"])
            for m in (x["metadata"] for x in r.all("RegistrySync"))
        ],
        [("a", "1", "2")],
        "lie where they say",
        controller__namespaces=["a"],
    ),
    row("crds.install", False, count("CustomResourceDefinition"), 0),
    row(
        "crds.keep",
        False,
        lambda r: {
            o["metadata"]["annotations"].get("helm.sh/resource-policy") for o in r.all("CustomResourceDefinition")
        },
        {None},
        crds__annotations={"x": "y"},
    ),
    row(
        "crds.annotations",
        {"a": "b"},
        annotation("CustomResourceDefinition", "a", "registrysyncs.stagewright.dev"),
        "b",
    ),
    row("rbac.create", False, lambda r: count("Role")(r) + count("RoleBinding")(r), 0, ledger__keys__generate=False),
    row("rbac.secretNames", ["s"], rule("secrets"), (["get"], ["s"])),
    row(
        "rbac.secretNames",
        ["s"],
        lambda r: "--secrets=s" in r.test["containers"][0]["args"],
        True,
        "are asked about by the test",
    ),
    row("rbac.configMapNames", ["c"], rule("configmaps"), (["get"], ["c"])),
    row(
        "rbac.configMapNames",
        ["c"],
        lambda r: "--config-maps=c" in r.test["containers"][0]["args"],
        True,
        "are asked about by the test",
    ),
    row("rbac.restartWorkloads", True, rule("deployments"), (["list", "watch", "patch"], None)),
    row(
        "rbac.restartWorkloads",
        True,
        rule("inferenceservices"),
        (["list", "watch", "patch"], None),
        "reaches KServe",
    ),
    row("rbac.aggregate", True, count("ClusterRole"), 1),
    row("rbac.aggregateEdit", True, count("ClusterRole"), 1),
    row("serviceAccount.create", False, count("ServiceAccount", "stagewright"), 0),
    row("serviceAccount.create", False, pod("serviceAccountName"), "default", "falls back to the namespace's"),
    row("serviceAccount.name", "sa", pod("serviceAccountName"), "sa"),
    row("serviceAccount.name", "sa", at("RoleBinding", "subjects.0.name", "stagewright"), "sa", "is bound"),
    row("serviceAccount.annotations", {"a": "b"}, annotation("ServiceAccount", "a", "stagewright"), "b"),
    row("webhook.enabled", False, count("Service", "stagewright-webhook"), 0),
    row(
        "webhook.enabled",
        False,
        lambda r: [p["name"] for p in r.container["ports"]],
        ["http-metrics", "http-health"],
        "opens the port",
    ),
    row("webhook.service.type", "LoadBalancer", at("Service", "spec.type", "stagewright-webhook"), "LoadBalancer"),
    row("webhook.service.port", 8000, at("Service", "spec.ports.0.port", "stagewright-webhook"), 8000),
    row(
        "webhook.service.port",
        8000,
        at("HTTPRoute", "spec.rules.0.backendRefs.0.port"),
        8000,
        "is the route's",
        **ROUTE,
    ),
    row("webhook.service.annotations", {"a": "b"}, annotation("Service", "a", "stagewright-webhook"), "b"),
    row("webhook.ingress.enabled", True, count("Ingress"), 1, webhook__ingress__host="hooks.example"),
    row("webhook.ingress.className", "nginx", at("Ingress", "spec.ingressClassName"), "nginx", **INGRESS),
    row("webhook.ingress.annotations", {"a": "b"}, annotation("Ingress", "a"), "b", **INGRESS),
    row("webhook.ingress.host", "other.example", at("Ingress", "spec.rules.0.host"), "other.example", **INGRESS),
    row(
        "webhook.ingress.tls",
        [{"hosts": ["hooks.example"], "secretName": "t"}],
        at("Ingress", "spec.tls.0.secretName"),
        "t",
        **INGRESS,
    ),
    row("webhook.httpRoute.enabled", True, count("HTTPRoute"), 1, webhook__httpRoute__parentRefs=[{"name": "g"}]),
    row("webhook.httpRoute.annotations", {"a": "b"}, annotation("HTTPRoute", "a"), "b", **ROUTE),
    row(
        "webhook.httpRoute.parentRefs", [{"name": "other"}], at("HTTPRoute", "spec.parentRefs.0.name"), "other", **ROUTE
    ),
    row("webhook.httpRoute.hostnames", ["h.example"], at("HTTPRoute", "spec.hostnames"), ["h.example"], **ROUTE),
    row("metrics.service.port", 9000, at("Service", "spec.ports.0.port", "stagewright-metrics"), 9000),
    row("metrics.service.healthPort", 9001, at("Service", "spec.ports.1.port", "stagewright-metrics"), 9001),
    row(
        "metrics.service.healthPort",
        9001,
        lambda r: r.test["containers"][0]["args"][-1],
        "--health=$(STAGEWRIGHT_METRICS_SERVICE_HOST):9001",
        "is asked by the test",
    ),
    row("metrics.service.annotations", {"a": "b"}, annotation("Service", "a", "stagewright-metrics"), "b"),
    row("metrics.serviceMonitor.enabled", True, count("ServiceMonitor"), 1),
    row("metrics.serviceMonitor.labels", {"a": "b"}, labels("ServiceMonitor", "a"), "b", **MONITOR),
    row("metrics.serviceMonitor.interval", "9s", at("ServiceMonitor", "spec.endpoints.0.interval"), "9s", **MONITOR),
    row(
        "metrics.serviceMonitor.scrapeTimeout",
        "8s",
        at("ServiceMonitor", "spec.endpoints.0.scrapeTimeout"),
        "8s",
        **MONITOR,
    ),
    row(
        "metrics.serviceMonitor.relabelings",
        [{"action": "drop"}],
        at("ServiceMonitor", "spec.endpoints.0.relabelings.0.action"),
        "drop",
        **MONITOR,
    ),
    row(
        "metrics.serviceMonitor.metricRelabelings",
        [{"action": "keep"}],
        at("ServiceMonitor", "spec.endpoints.0.metricRelabelings.0.action"),
        "keep",
        **MONITOR,
    ),
    row("metrics.prometheusRule.enabled", True, count("PrometheusRule"), 1),
    row("metrics.prometheusRule.labels", {"a": "b"}, labels("PrometheusRule", "a"), "b", **RULE),
    row(
        "metrics.prometheusRule.disabled",
        ["StagewrightDrift"],
        lambda r: "StagewrightDrift" in alerts(r),
        False,
        **RULE,
    ),
    row(
        "metrics.prometheusRule.reviewHours",
        24,
        lambda r: alerts(r)["StagewrightReviewOverdue"]["expr"],
        "time() - stagewright_promotion_oldest_pending_timestamp_seconds > 86400",
        **RULE,
    ),
    row(
        "metrics.prometheusRule.alertLabels",
        {"a": "b"},
        lambda r: {x["labels"].get("a") for x in alerts(r).values()},
        {"b"},
        **RULE,
    ),
    row(
        "metrics.prometheusRule.extraRules",
        [{"record": "x", "expr": "1"}],
        lambda r: r.one("PrometheusRule")["spec"]["groups"][0]["rules"][-1].get("record"),
        "x",
        **RULE,
    ),
    row("grafanaDashboard.enabled", True, count("ConfigMap", "stagewright-dashboard"), 1),
    row("grafanaDashboard.labels", {"a": "b"}, labels("ConfigMap", "a", "stagewright-dashboard"), "b", **BOARD),
    row(
        "grafanaDashboard.annotations", {"a": "b"}, annotation("ConfigMap", "a", "stagewright-dashboard"), "b", **BOARD
    ),
    row("tracing.endpoint", "http://otel:4318", env("OTEL_EXPORTER_OTLP_ENDPOINT"), "http://otel:4318"),
    row("caBundle.configMap", "ca", volume("ca", "configMap.name"), "ca"),
    row(
        "caBundle.configMap",
        "ca",
        lambda r: {k for k, v in r.env.items() if v == "/etc/stagewright/ca/ca.crt"},
        {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "OTEL_EXPORTER_OTLP_CERTIFICATE"},
        "is named to every library",
    ),
    row("caBundle.key", "all.pem", volume("ca", "configMap.items.0.key"), "all.pem", caBundle__configMap="ca"),
    row("proxy.http", "http://p:1", env("HTTP_PROXY"), "http://p:1"),
    row("proxy.https", "http://p:2", env("HTTPS_PROXY"), "http://p:2"),
    row("proxy.https", "http://p:2", env("NO_PROXY"), HOST, "leaves the API server out"),
    row("proxy.noProxy", ".corp", env("NO_PROXY"), f".corp,{HOST}", proxy__https="http://p:2"),
    row("networkPolicy.enabled", False, count("NetworkPolicy"), 0),
    row("networkPolicy.webhookFrom", PEER, at("NetworkPolicy", "spec.ingress.0.from"), PEER),
    row("networkPolicy.metricsFrom", PEER, at("NetworkPolicy", "spec.ingress.1.from"), PEER),
    row(
        "networkPolicy.metricsFrom",
        PEER,
        at("NetworkPolicy", "spec.ingress.2.from.0.podSelector.matchLabels"),
        {
            "app.kubernetes.io/name": "stagewright",
            "app.kubernetes.io/instance": "stagewright",
            "app.kubernetes.io/component": "test",
        },
        "lets `helm test` in",
    ),
    row("networkPolicy.egress", [{"ports": [{"port": 443}]}], at("NetworkPolicy", "spec.egress.1.ports.0.port"), 443),
    row(
        "networkPolicy.egress",
        [{"ports": [{"port": 443}]}],
        at("NetworkPolicy", "spec.egress.0.ports.0"),
        {"port": 53, "protocol": "UDP"},
        "gets DNS",
    ),
    row(
        "networkPolicy.egress",
        [{"ports": [{"port": 443}]}],
        at("NetworkPolicy", "spec.policyTypes"),
        ["Ingress", "Egress"],
        "is restricted by it",
    ),
    row("podDisruptionBudget.enabled", False, count("PodDisruptionBudget"), 0, **TWO),
    row("podDisruptionBudget.maxUnavailable", "50%", at("PodDisruptionBudget", "spec.maxUnavailable"), "50%", **TWO),
    row("resources.requests", {"cpu": "2"}, container("resources.requests.cpu"), "2"),
    row("resources.limits", {"memory": "3Gi"}, container("resources.limits.memory"), "3Gi"),
    row("terminationGracePeriodSeconds", 99, pod("terminationGracePeriodSeconds"), 99),
    row("terminationGracePeriodSeconds", 99, flag("--shutdown-grace"), "89s", "leaves time to end"),
    row("revisionHistoryLimit", 7, at("Deployment", "spec.revisionHistoryLimit"), 7),
    row("volumes.cacheSize", "9Gi", volume("cache", "emptyDir.sizeLimit"), "9Gi"),
    row("volumes.tmpSize", "9Gi", volume("tmp", "emptyDir.sizeLimit"), "9Gi"),
    row("volumes.secretsSize", "9Mi", volume("secrets", "emptyDir.sizeLimit"), "9Mi"),
    *(
        row(f"{probe}.{name}", 99, container(f"{probe}.{name}"), 99)
        for probe in ("livenessProbe", "readinessProbe", "startupProbe")
        for name in ("periodSeconds", "timeoutSeconds", "failureThreshold")
    ),
    row("podLabels", {"a": "b"}, at("Deployment", "spec.template.metadata.labels.a"), "b"),
    row("podAnnotations", {"a": "b"}, at("Deployment", "spec.template.metadata.annotations.a"), "b"),
    row("podSecurityContext", {"runAsUser": 7}, every_pod("securityContext.runAsUser"), [7, 7, 7]),
    row("securityContext", {"runAsUser": 7}, every_pod("containers.0.securityContext.runAsUser"), [7, 7, 7]),
    row("nodeSelector", {"a": "b"}, every_pod("nodeSelector.a"), ["b", "b", "b"]),
    row("tolerations", [TOLERATION], every_pod("tolerations.0"), 3 * [TOLERATION]),
    row("affinity", {"nodeAffinity": {"x": 1}}, pod("affinity.nodeAffinity.x"), 1),
    row(
        "topologySpreadConstraints",
        [{"maxSkew": 1, "topologyKey": "zone"}],
        pod("topologySpreadConstraints"),
        [
            {
                "maxSkew": 1,
                "topologyKey": "zone",
                "labelSelector": {
                    "matchLabels": {
                        "app.kubernetes.io/name": "stagewright",
                        "app.kubernetes.io/instance": "stagewright",
                    }
                },
            }
        ],
    ),
    row(
        "topologySpreadConstraints",
        [{"labelSelector": {"matchLabels": {"a": "b"}}}],
        pod("topologySpreadConstraints"),
        [{"labelSelector": {"matchLabels": {"a": "b"}}}],
        "keep a selector of their own",
    ),
    row("priorityClassName", "high", every_pod("priorityClassName"), 3 * ["high"]),
    row("hostAliases", [{"ip": "10.0.0.9", "hostnames": ["git"]}], pod("hostAliases.0.hostnames"), ["git"]),
    row("extraEnv", [{"name": "A", "value": "b"}], env("A"), "b"),
    row("extraEnvFrom", [{"configMapRef": {"name": "x"}}], container("envFrom.0.configMapRef.name"), "x"),
    row("extraVolumes", [{"name": "x", "emptyDir": {}}], volume("x", "name"), "x"),
    row(
        "extraVolumeMounts",
        [{"name": "x", "mountPath": "/x"}],
        lambda r: r.container["volumeMounts"][-1]["mountPath"],
        "/x",
    ),
    row("extraContainers", [{"name": "x", "image": "y"}], pod("containers.1.name"), "x"),
    row("extraObjects", [CONFIG_MAP], count("ConfigMap", "stagewright-more"), 1),
    row("extraObjects", [yaml.safe_load(CONFIG_MAP)], count("ConfigMap", "stagewright-more"), 1, "may be objects"),
    row("tests.enabled", False, count("Pod"), 0),
)


@functools.cache
def _rendered(text: str) -> Rendered:
    return render(json.loads(text))


def rendered(*given: Mapping[str, object]) -> Rendered:
    return _rendered(json.dumps(values(*given), sort_keys=True))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_value_has_its_effect(row: Row):
    assert row.look(rendered(row.given)) != row.seen
    assert row.look(rendered(row.given, {row.path: row.value})) == row.seen


def test_every_value_has_a_row():
    tree = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert {row.path for row in ROWS} == set(leaves(tree, schema))


EVERYTHING = values(
    *(row.given for row in ROWS if row.path.startswith(("webhook.", "metrics.", "grafana"))),
    {row.path: row.value for row in reversed(ROWS) if row.value is not False},
    {"ledger.keys.generate": True, "ledger.keys.existingSecret": "", "ledger.storage": "volume", "nameOverride": "",
     "controller.namespaces": [], "registrySyncs": [SYNC], "fullnameOverride": "", "serviceAccount.name": "",
     "controller.extraArgs": [], "affinity": {}, "topologySpreadConstraints": []},
)  # fmt: skip


@pytest.mark.parametrize("tree", [values(), EVERYTHING], ids=["defaults", "everything"])
def test_both_helms_make_the_same(tree: Object):
    first, second = (render(tree, helm=helm).objects for helm in HELMS)
    assert sorted(map(_text, first)) == sorted(map(_text, second))


def _text(found: Object) -> str:
    return json.dumps(found, sort_keys=True)
