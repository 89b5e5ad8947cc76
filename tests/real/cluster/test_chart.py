"""The chart as a whole: what it refuses, what it never prints, what it grants, and what is made from it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from stagewright import __version__
from stagewright.adapters.kubernetes.permissions import IN_FOLLOWED_NAMESPACES, to_lead, to_read
from stagewright.model.custom_resource import Places
from stagewright.schema.custom_resource import parse_custom_resource
from tests.helm import CHART, HELMS, KUBERNETES, ROOT, Object, programs, refusal, render, template, values

ONE_NODE = ("ReadWriteOnce", "ReadWriteOncePod")
HARD = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}

# What cannot work: values, and what stands in the refusal. Helm 3 and 4 say it in the words of one JSON Schema library.
REFUSED: dict[str, tuple[Mapping[str, object], str]] = {
    "unknown value": ({"replica": 2}, "replica"),
    "unknown value below": ({"image.tags": "x"}, "tags"),
    "value of another type": ({"replicas": "two"}, "replicas"),
    **{f"two replicas on {mode}": ({"replicas": 2, "ledger.volume.accessMode": mode}, "replicas") for mode in ONE_NODE},
    "two replicas on an existing claim that one node mounts": (
        {"replicas": 2, "ledger.volume.existingClaim": "mine"},
        "replicas",
    ),
    "two replicas with no storage at all": ({"replicas": 2, "ledger.storage": None}, "replicas"),
    "unknown storage": ({"ledger.storage": "nfs"}, "storage"),
    "unknown access mode": ({"ledger.volume.accessMode": "ReadOnlyMany"}, "accessMode"),
    "a key of yours and a generated one": ({"ledger.keys.existingSecret": "mine"}, "generate"),
    "generated keys without the role to make them": ({"rbac.create": False}, "generate"),
    "short digest": ({"image.digest": "sha256:abc"}, "digest"),
    "tag with a digest in it": ({"image.tag": "v1@sha256:abc"}, "tag"),
    "all namespaces and one more": ({"controller.namespaces": ["*", "a"]}, "namespaces"),
    "a namespace twice": ({"controller.namespaces": ["a", "a"]}, "namespaces"),
    "no namespace's name": ({"controller.namespaces": ["A_b"]}, "namespaces"),
    "no workers": ({"controller.workers": 0}, "workers"),
    "too many workers": ({"controller.workers": 65}, "workers"),
    "no time to end": ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
    "unknown log level": ({"controller.logLevel": "loud"}, "logLevel"),
    "no duration": ({"controller.leaderElection.leaseDuration": "soon"}, "leaseDuration"),
    "lease shorter than its renewal": ({"controller.leaderElection.leaseDuration": "5s"}, "has to be longer than"),
    "retry longer than the renewal": ({"controller.leaderElection.retryPeriod": "11s"}, "has to be longer than"),
    "Ingress without host": ({"webhook.ingress.enabled": True}, "host"),
    "Ingress to a webhook that is off": (
        {"webhook.enabled": False, "webhook.ingress.enabled": True, "webhook.ingress.host": "a.example"},
        "ingress",
    ),
    "route without Gateway": ({"webhook.httpRoute.enabled": True}, "parentRefs"),
    "route to a webhook that is off": (
        {"webhook.enabled": False, "webhook.httpRoute.enabled": True, "webhook.httpRoute.parentRefs": [{"name": "g"}]},
        "httpRoute",
    ),
    "no port": ({"webhook.service.port": 70000}, "port"),
    "RegistrySync without spec": ({"registrySyncs": [{"name": "a"}]}, "spec"),
    "RegistrySync where nobody looks": (
        {"registrySyncs": [{"name": "a", "namespace": "b", "spec": {"x": 1}}]},
        "a lies in the namespace b, which controller.namespaces does not name",
    ),
    "volume size without number": ({"ledger.volume.size": "big"}, "size"),
    "proxy without scheme": ({"proxy.https": "proxy:3128"}, "https"),
    "tracing to nowhere": ({"tracing.endpoint": "otel:4318"}, "endpoint"),
    "alert of somebody else": ({"metrics.prometheusRule.disabled": ["Drift"]}, "disabled"),
    "no budget": ({"podDisruptionBudget.maxUnavailable": 0}, "maxUnavailable"),
}


@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize(("given", "told"), REFUSED.values(), ids=REFUSED)
def test_values_that_cannot_work_are_refused(given: Mapping[str, object], told: str, helm: str):
    assert told in refusal(values(given), helm=helm)


@pytest.mark.parametrize("given", [{"ledger.storage": "s3"}, {"ledger.volume.accessMode": "ReadWriteMany"}], ids=str)
def test_two_replicas_are_taken_where_both_reach_the_ledger(given: Mapping[str, object]):
    assert render(values({"replicas": 2}, given)).deployment["spec"]["strategy"]["type"] == "RollingUpdate"


@pytest.mark.parametrize("mode", ONE_NODE)
def test_volume_of_one_node_forces_pods_one_after_the_other(mode: str):
    assert render(values({"ledger.volume.accessMode": mode})).deployment["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("helm", HELMS)
def test_lint_is_content(helm: str):
    command = [programs() / helm, "lint", "--strict", "--kube-version", KUBERNETES, CHART]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "0 chart(s) failed" in done.stdout) == (0, True), done.stdout + done.stderr


@pytest.mark.parametrize("helm", HELMS)
def test_template_holds_no_secret_and_is_the_same_twice(helm: str):
    first, second = (template(values(), helm=helm).stdout for _ in range(2))
    assert first == second
    assert [o["kind"] for o in yaml.safe_load_all(first) if o and o["kind"] == "Secret"] == []
    assert "PRIVATE KEY" not in first


@pytest.mark.parametrize("helm", HELMS)
def test_packaged_chart_makes_the_same(helm: str, tmp_path: Path):
    subprocess.run([programs() / helm, "package", CHART, "--destination", tmp_path], capture_output=True, check=True)
    [package] = tmp_path.glob("*.tgz")
    assert package.name == f"stagewright-{__version__}.tgz"
    assert template(values(), helm=helm, chart=package).stdout == template(values(), helm=helm).stdout


def test_uninstall_leaves_the_record_the_definitions_and_the_keys():
    everything = render(values())
    kept = [o for o in everything.objects if o["metadata"].get("annotations", {}).get("helm.sh/resource-policy")]
    assert [(o["kind"], o["metadata"]["name"]) for o in kept] == [
        ("PersistentVolumeClaim", "stagewright-ledger"),
        ("CustomResourceDefinition", "promotions.stagewright.dev"),
        ("CustomResourceDefinition", "registrysyncs.stagewright.dev"),
    ]


def test_definitions_are_those_of_the_code():
    made = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "manifests/crds").glob("*.yaml"))]
    assert len(made) == 2
    assert [o["spec"] for o in render(values()).all("CustomResourceDefinition")] == [o["spec"] for o in made]


def test_every_pod_is_as_restricted_as_it_can_be():
    for pod in render(values()).pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 65532
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert [c["securityContext"] for c in pod["containers"]] == [HARD]
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(pod)


def test_pods_that_end_by_themselves_get_no_sidecar():
    everything = render(values())
    for metadata in (everything.one("Job")["spec"]["template"]["metadata"], everything.one("Pod")["metadata"]):
        assert metadata["annotations"]["sidecar.istio.io/inject"] == "false"
        assert metadata["annotations"]["linkerd.io/inject"] == "disabled"
        assert metadata["labels"]["sidecar.istio.io/inject"] == "false"


def test_another_log_level_needs_no_other_pod():
    loud = render(values({"controller.logLevel": "debug"}))
    assert loud.deployment == render(values()).deployment
    assert loud.container["args"].count("--log-level-file=/etc/stagewright/config/log-level") == 1


def test_copies_of_secrets_stay_in_memory():
    [volume] = [v for v in render(values()).pod["volumes"] if v["name"] == "secrets"]
    assert volume["emptyDir"]["medium"] == "Memory"


def test_ports_carry_their_protocol():
    everything = render(values())
    ports = [port for service in everything.all("Service") for port in service["spec"]["ports"]]
    assert [p["name"] for p in ports] == ["http-metrics", "http-health", "http-webhook"]
    assert {p["appProtocol"] for p in ports} == {"http"}
    assert {p["targetPort"] for p in ports} == {p["name"] for p in everything.container["ports"]}


def test_service_account_may_do_what_the_controller_does_and_nothing_else():
    everything = render(values())
    granted = set(_granted(everything.one("Role", "stagewright")))
    needed = {
        (p.group, p.resource, verb, p.name)
        for p in (*IN_FOLLOWED_NAMESPACES, *to_read("secrets", ()), *to_read("configmaps", ()))
        for verb in p.verbs
    }
    assert needed - granted == set()
    # beyond that: the workloads that serve a stage, which some clusters have none of
    extra = {(group, resource) for group, resource, *_ in granted - needed}
    assert extra == {
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("serving.kserve.io", "inferenceservices"),
        ("", "pods"),
    }
    lease = {(p.group, p.resource, verb, p.name) for p in to_lead("stagewright") for verb in p.verbs}
    assert lease == set(_granted(everything.one("Role", "stagewright-leader")))


def _granted(role: Object) -> Iterator[tuple[str, str, str, str]]:
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", [""]):
                        yield (group, resource, verb, name)


def test_roles_have_no_star_and_a_reason_for_each_rule():
    text = (CHART / "templates/rbac.yaml").read_text() + (CHART / "templates/ledger-keys.yaml").read_text()
    lines = [line.strip() for line in text.splitlines()]
    rules = [index for index, line in enumerate(lines) if line.startswith("- apiGroups:")]
    assert len(rules) > 12
    assert [lines[i : i + 2] for i in rules if not lines[i - 1].startswith("#")] == []
    assert '"*"' not in re.sub(r'has "\*"', "", text)
    assert "[*]" not in text


def test_two_releases_in_one_namespace_share_no_object():
    first, second = (
        {(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]) for o in render(tree, release=release).objects}
        for tree, release in ((values({"crds.install": False}), "a"), (values({"crds.install": False}), "b"))
    )
    assert len(first) == len(second) > 10
    assert first & second == set()


@pytest.mark.parametrize("what", ["crds", "manifests", "readme"])
def test_what_is_made_from_the_chart_is_up_to_date(what: str):
    env = {**os.environ, "HELM": str(programs() / "helm"), "HELM_DOCS": str(programs() / "helm-docs")}
    command = [sys.executable, ROOT / ".ci/chart.py", what, "--check"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _documented(heading: str) -> list[str]:
    text = (ROOT / "docs/metrics.md").read_text()
    return re.findall(heading, text, flags=re.MULTILINE)


def _metrics(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:stagewright|process)_[a-z_]+", expression))


def _names() -> set[str]:
    names = set(_documented(r"^### `(\w+)`"))
    return names | {f"{name}{part}" for name in names for part in ("_bucket", "_sum", "_count")}


def test_alerts_are_those_of_the_documentation():
    rules = render(values({"metrics.prometheusRule.enabled": True})).one("PrometheusRule")["spec"]["groups"][0]["rules"]
    told = [(x["alert"], x["expr"], x["for"], x["labels"]["severity"]) for x in rules]
    assert told == _documented(r"^\| `(\w+)` \| `(.*)` \| (\w+) \| (\w+) \|$")
    assert {name for x in rules for name in _metrics(x["expr"])} - _names() == set()
    assert [x["alert"] for x in rules if not (x["annotations"]["summary"] and x["annotations"]["description"])] == []


def test_dashboard_shows_metrics_that_there_are():
    board = json.loads((CHART / "files/dashboard.json").read_text())
    shown = {target["expr"] for panel in board["panels"] for target in panel.get("targets", ())}
    asked = {variable["query"]["query"] for variable in board["templating"]["list"] if variable["type"] == "query"}
    found = {name for expression in shown | asked for name in _metrics(expression)}
    assert found - _names() == set()
    # what has no place on it: where another series of the same thing is shown
    assert {
        name for name in _documented(r"^### `(stagewright_\w+)`") if not any(x.startswith(name) for x in found)
    } == {"stagewright_forge_budget_reset_timestamp_seconds"}


NOTES: dict[str, tuple[Mapping[str, object], str]] = {
    "the test": ({}, "helm test stagewright --namespace ml"),
    "the keys": ({}, "kubectl get secret stagewright-ledger-keys --namespace ml -o yaml"),
    "the first object": ({}, "kubectl apply --namespace ml -f - <<'EOF'"),
    "an object in S3": ({"ledger.storage": "s3"}, "s3: {bucket: acme-ledgers"),
    "the objects that it made": (
        {"registrySyncs": [{"name": "bank", "spec": {"x": 1}}]},
        "kubectl wait registrysync bank --namespace ml --for=condition=Ready",
    ),
    "the queue": ({}, "kubectl get registrysyncs,promotions --namespace ml"),
    "the webhook": ({}, "http://stagewright-webhook.ml.svc:80/webhook/NAMESPACE/NAME"),
    "the webhook from outside": (
        {
            "webhook.ingress.enabled": True,
            "webhook.ingress.host": "a.example",
            "webhook.ingress.tls": [{"hosts": ["a"]}],
        },
        "https://a.example/webhook/NAMESPACE/NAME",
    ),
    "a warning": ({"controller.allowInsecureUrls": True}, "WARNING: controller.allowInsecureUrls"),
}


@pytest.mark.parametrize(("given", "told"), NOTES.values(), ids=NOTES)
def test_notes_say_the_next_command(given: Mapping[str, object], told: str, tmp_path: Path):
    settings = tmp_path / "values.json"
    settings.write_text(json.dumps(values(given)))
    command = [programs() / "helm", "install", "stagewright", CHART, "--namespace", "ml", "--dry-run=client"]
    done = subprocess.run([*command, "--values", settings], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert told in done.stdout.partition("\nNOTES:\n")[2]


def _gitops_values(name: str, kind: str) -> Object:
    objects = [o for o in yaml.safe_load_all((ROOT / "docs/gitops" / name).read_text()) if o["kind"] == kind]
    spec = objects[0]["spec"]
    return spec["source"]["helm"]["valuesObject"] if kind == "Application" else spec["values"]


@pytest.mark.parametrize(("name", "kind"), [("argo-cd.yaml", "Application"), ("flux.yaml", "HelmRelease")])
def test_samples_for_gitops_set_values_that_the_chart_takes(name: str, kind: str):
    everything = render(_gitops_values(name, kind))
    assert everything.container["image"] == f"registry.example.com/stagewright:0.1.0@sha256:{64 * '0'}"
    assert len(everything.all("PrometheusRule")) == 1


SAMPLES = sorted((ROOT / "manifests/samples").glob("*.yaml"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_name_no_secret_but_those_beside_them(path: Path):
    objects = list(yaml.safe_load_all(path.read_text()))
    [sync] = [o for o in objects if o["kind"] == "RegistrySync"]
    whole = {**sync, "metadata": {**sync["metadata"], "namespace": "ml", "uid": "u", "generation": 1}}
    found = parse_custom_resource(whole, places=Places(secrets="/s", ledgers="/l", mirrors="/m"))
    beside = {(o["metadata"]["name"], key) for o in objects if o["kind"] == "Secret" for key in o["stringData"]}
    keys = {("stagewright-ledger-keys", "log.pem"), ("stagewright-ledger-keys", "entry.pem")}
    named = {(r.name, r.key) for r in found.references}
    assert {(name, key) for name, key in named if key is not None} - beside - keys == set()
    assert {name for name, _ in named} == {name for name, _ in beside | keys}
