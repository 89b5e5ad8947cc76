"""The definitions on a real API server: what it refuses, fills in, shows and explains."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from stagewright.kube.promotions import manifest, rows_of
from stagewright.kube.status import status_of
from stagewright.schema.crd_rules import OBJECT_RULES, RULES
from stagewright.schema.custom_resource import parse_custom_resource
from tests.cluster.access import Cluster
from tests.unit.kube.attempts import ATTEMPTS, later, memory, synced
from tests.unit.schema.objects import ABSENT, GIVEN, PLACES, changed

pytestmark = pytest.mark.real

CRDS = Path(__file__).parents[3] / "manifests" / "crds"
GROUP, VERSION = "stagewright.dev", "v1alpha1"
TOKEN = {"name": "forge", "key": "token"}
APP = {"id": "1", "installation": 1, "privateKeySecretRef": TOKEN}
HOOK = {"type": "cloudevents", "url": "https://events.example/in"}
SLACK = {"type": "slack", "urlSecretRef": TOKEN}
GIT = {"type": "git"}
OAUTH2 = {"tokenUrl": "https://login.example/token", "clientId": "stagewright", "clientSecretRef": TOKEN}
BUCKET = {"bucket": "ledgers", "credentialsSecretRef": {"name": "s3"}}


class Objects:
    """The custom resources of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._api = client.CustomObjectsApi(cluster.api)

    def create(self, body: dict[str, Any], plural: str = "registrysyncs", **options: Any) -> dict[str, Any]:
        place = {**body, "metadata": {**body["metadata"], "namespace": self.namespace}}
        place["metadata"].pop("uid", None)
        made: dict[str, Any] = self._api.create_namespaced_custom_object(
            GROUP, VERSION, self.namespace, plural, place, field_validation="Strict", **options
        )
        return made

    def refusal(self, body: dict[str, Any]) -> str:
        """What the API server says to an object that it does not take."""
        with pytest.raises(ApiException) as caught:
            self.create(body, dry_run="All")
        assert caught.value.status in {400, 422}
        message: str = json.loads(caught.value.body)["message"]
        return message

    def patch_status(self, name: str, status: dict[str, Any], plural: str = "registrysyncs") -> dict[str, Any]:
        made: dict[str, Any] = self._api.patch_namespaced_custom_object_status(
            GROUP, VERSION, self.namespace, plural, name, {"status": status}, field_validation="Strict"
        )
        return made

    def patch(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self._api.patch_namespaced_custom_object(
            GROUP, VERSION, self.namespace, "registrysyncs", name, body
        )
        return made

    def kubectl(self, *arguments: str) -> list[list[str]]:
        """A table that kubectl prints, cell by cell."""
        lines = self.cluster.kubectl(*arguments, "-n", self.namespace).splitlines()
        starts = [i for i, sign in enumerate(lines[0]) if sign != " " and (i == 0 or lines[0][i - 1] == " ")]
        return [
            [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)] for line in lines
        ]


@pytest.fixture(scope="module")
def defined(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with our definitions, which go again where they were not there before."""
    names = [f"{plural}.{GROUP}" for plural in ("registrysyncs", "promotions")]
    before = cluster.kubectl("get", "crd", *names, "--ignore-not-found", "-o", "name")
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{name}" for name in names))
    yield cluster
    if not before.strip():
        cluster.kubectl("delete", "crd", *names, "--timeout=120s")


@pytest.fixture
def objects(defined: Cluster, namespace: str) -> Objects:
    """A namespace of the test's own."""
    return Objects(defined, namespace)


@pytest.fixture
def rehearsed(defined: Cluster) -> Objects:
    """A namespace that everybody has, for what is asked only, and made nowhere."""
    return Objects(defined, "default")


# by the message that refuses it, what it is that nobody may write
BAD: dict[str, dict[str, Any]] = {
    "metadata.name must be at most 52 characters long, so that the names made from it fit": {"metadata.name": "a" * 53},
    "metadata.name must hold lower-case letters, digits and hyphens only": {"metadata.name": "bank.prod"},
    "interval must be between 1s and 24h": {"spec.interval": "0s"},
    "url must be that of a git repository: https://, ssh:// or user@host:path": {"spec.source.url": "ext::sh"},
    "url must hold no credentials: name a Secret instead": {"spec.source.url": "https://me:hunter2@git.example/x"},
    "a repository over ssh wants credentialsSecretRef, with the keys identity and known_hosts": {
        "spec.source.url": "git@git.example:acme/models.git"
    },
    **{
        f"git alone takes no {key}: leave it out": {"spec.forge": {**GIT, key: value}}
        for key, value in {
            "url": "https://git.example",
            "repository": "acme/models",
            "app": APP,
            "tokenSecretRef": TOKEN,
            "caConfigMapRef": {"name": "ca", "key": "ca.crt"},
            "webhook": {"secretRefs": [TOKEN]},
        }.items()
    },
    "gitea wants url: where people open it, https://host": {"spec.forge.url": ABSENT},
    'a forge wants repository, written "owner/name"': {"spec.forge.repository": ABSENT},
    "only github has apps: use tokenSecretRef": {"spec.forge.app": APP},
    "github wants exactly one of app and tokenSecretRef": {"spec.forge.type": "github", "spec.forge.app": APP},
    "gitea wants tokenSecretRef": {"spec.forge.tokenSecretRef": ABSENT},
    "uri must be an https:// URL": {"spec.registry.uri": "sqlite:////mlflow.db"},
    "uri must hold no credentials: name a Secret instead": {"spec.registry.uri": "https://hunter2@mlflow.example"},
    "basicAuth, bearerToken, oauth2 and plugin exclude each other: keep one": {
        "spec.registry.basicAuth": {"secretRef": {"name": "mlflow"}},
        "spec.registry.bearerToken": {"secretRef": TOKEN},
    },
    "tokenUrl must be an https:// URL": {"spec.registry.oauth2": {**OAUTH2, "tokenUrl": "ftp://login.example"}},
    "tokenUrl must hold no credentials: name a Secret instead": {
        "spec.registry.oauth2": {**OAUTH2, "tokenUrl": "https://me:hunter2@login.example"}
    },
    "endpoint must be an https:// URL": {"spec.ledger": {"storage": "s3", "s3": {**BUCKET, "endpoint": "s3.example"}}},
    "endpoint must hold no credentials: name a Secret instead": {
        "spec.ledger": {"storage": "s3", "s3": {**BUCKET, "endpoint": "https://me:hunter2@s3.example"}}
    },
    "storage s3 wants s3: name the bucket": {"spec.ledger": {"storage": "s3"}},
    "s3 is for storage s3: leave it out, or say storage: s3": {"spec.ledger": {"s3": BUCKET}},
    "a notification wants exactly one of url and urlSecretRef": {"spec.notifications": [{"type": "slack"}]},
    "the URL of a Slack webhook is a secret: use urlSecretRef": {"spec.notifications": [{**HOOK, "type": "slack"}]},
    "nothing is signed for slack: leave it out": {"spec.notifications": [{**SLACK, "signingSecretRef": TOKEN}]},
    "url must be an https:// URL": {"spec.notifications": [{**HOOK, "url": "file:///etc/passwd"}]},
}
# what the schema refuses in Kubernetes' own words
MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"spec.forge.tokn": "x"}, 'unknown field "spec.forge.tokn"'),
    "no spec": ({"spec": ABSENT}, "spec: Required value"),
    "another forge": ({"spec.forge.type": "svn"}, 'spec.forge.type: Unsupported value: "svn"'),
    "a secret's name that is a path": ({"spec.forge.tokenSecretRef.name": "../x"}, "spec.forge.tokenSecretRef.name"),
    "a key that is a path": ({"spec.forge.tokenSecretRef.key": ".."}, "spec.forge.tokenSecretRef.key"),
    "an interval without unit": ({"spec.interval": "60"}, "spec.interval"),
    "a trust root that is a branch": ({"spec.trustRoot": "main"}, "spec.trustRoot"),
    "three webhook secrets": (
        {"spec.forge.webhook": {"secretRefs": [TOKEN] * 3}},
        "spec.forge.webhook.secretRefs: Too many",
    ),
    "words for a yes": ({"spec.suspend": "yes"}, "spec.suspend"),
    "an installation of zero": (
        {"spec.forge": {"type": "github", "repository": "a/b", "app": {**APP, "installation": 0}}},
        "spec.forge.app.installation",
    ),
}


def test_table_has_a_bad_object_for_each_rule():
    rules = {rule["message"] for table in (OBJECT_RULES, RULES) for rules in table.values() for rule in rules}
    assert set(BAD) == rules


@pytest.mark.parametrize("message", BAD)
def test_bad_object_is_refused_with_our_message(message: str, rehearsed: Objects):
    assert message in rehearsed.refusal(changed(BAD[message]))


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_object_is_refused_at_its_place(name: str, rehearsed: Objects):
    changes, said = MALFORMED[name]
    assert said in rehearsed.refusal(changed(changes))


GOOD: dict[str, dict[str, Any]] = {
    "the least": {},
    "git alone": {
        "spec.forge": GIT,
        "spec.source": {"url": "ssh://git@git.example/models.git", "credentialsSecretRef": {"name": "git"}},
    },
    "a github app": {"spec.forge": {"type": "github", "repository": "acme/models", "app": APP}},
    "a bucket": {"spec.ledger": {"storage": "s3", "s3": BUCKET}},
    "oauth2": {"spec.registry.oauth2": OAUTH2},
    "notifications": {"spec.notifications": [HOOK, SLACK]},
    "everything else": {
        "spec.interval": "1h30m",
        "spec.trustRoot": "4b" * 20,
        "spec.registry.tls": {
            "caConfigMapRef": {"name": "ca", "key": "ca.crt"},
            "clientCertificateSecretRef": {"name": "tls"},
        },
        "spec.registry.headersSecretRef": {"name": "headers"},
        "spec.forge.webhook": {"secretRefs": [TOKEN, {"name": "forge", "key": "old"}]},
        "spec.workloads": {"restart": True},
    },
}


@pytest.mark.parametrize("name", GOOD)
def test_good_object_is_taken_and_read_as_without_defaults(name: str, rehearsed: Objects):
    given = changed(GOOD[name])

    made = rehearsed.create(given, dry_run="All")

    found = parse_custom_resource(made, places=PLACES)
    given["metadata"] = made["metadata"]
    assert found == parse_custom_resource(given, places=PLACES)


def test_object_is_filled_in_with_defaults(objects: Objects):
    spec = objects.create(GIVEN)["spec"]

    assert spec["source"] == {"url": "https://git.example/acme/models.git", "branch": "main"}
    assert spec["ledger"] == {
        "storage": "volume",
        "logKeySecretRef": {"name": "stagewright-ledger-keys", "key": "log.pem"},
        "entryKeySecretRef": {"name": "stagewright-ledger-keys", "key": "entry.pem"},
    }
    assert {key: spec[key] for key in ("interval", "suspend", "dryRun", "workloads")} == {
        "interval": "60s",
        "suspend": False,
        "dryRun": False,
        "workloads": {"observe": True, "restart": False},
    }


def test_status_is_apart_from_the_spec(objects: Objects):
    status = status_of(synced())

    made = objects.create({**GIVEN, "status": status})
    assert "status" not in made
    patched = objects.patch("bank", {"status": status, "spec": {"suspend": True}})
    assert "status" not in patched
    assert patched["metadata"]["generation"] == 2
    told = objects.patch_status("bank", status)
    assert told["status"] == status
    assert told["metadata"]["generation"] == 2
    assert told["spec"] == patched["spec"]


def test_status_of_every_attempt_is_taken_as_it_is(objects: Objects):
    objects.create(GIVEN)
    status: dict[str, Any] = {}
    for number, (name, make) in enumerate(ATTEMPTS.items()):
        before, status = status, status_of(later(make(), status, 60 * number))
        gone = {key: None for key in before if key not in status}
        assert objects.patch_status("bank", status | gone)["status"] == status, name


def test_table_of_registry_syncs_shows_how_they_stand(objects: Objects):
    objects.create(GIVEN)
    objects.patch_status("bank", status_of(synced(memory("pending"))))

    short = objects.kubectl("get", "regsync")
    wide = objects.kubectl("get", "registrysyncs", "-o", "wide")

    assert short[0] == ["NAME", "READY", "REVISION", "SYNCED", "PENDING", "BLOCKED", "DRIFTED", "AGE"]
    assert short[1][:-1] == ["bank", "True", "main@4b4b4b4b4b4b", "0", "1", "0", "0"]
    assert wide[0][-3:] == ["REASON", "MESSAGE", "LEDGER"]
    assert wide[1][-3] == "Synced"
    assert wide[1][-2].startswith("MLflow is as authorized, up to commit 4b4b4b4b4b4b")
    assert wide[1][-1] == "7"


def test_table_of_promotions_is_the_queue(objects: Objects):
    owner = objects.create(GIVEN)
    (row,) = rows_of("bank", memory("pending"))
    objects.create(manifest(row, sync="bank", uid=owner["metadata"]["uid"]), "promotions")
    objects.patch_status(row.name, dict(row.status), "promotions")

    table = objects.kubectl("get", "promo")
    both = objects.cluster.kubectl("get", "stagewright", "-n", objects.namespace, "-o", "name").split()

    assert table[0] == ["NAME", "MODEL", "STAGE", "FROM", "TO", "PR", "VERDICT", "MISSING", "AGE"]
    assert table[1][:-1] == [
        "bank-aaaaaaaaaaaa",
        "credit-risk",
        "Production",
        "6",
        "7",
        "https://git.example.com/pr/12",
        "pending",
        "approvals: 1 of 1",
    ]
    assert sorted(both) == [f"promotion.stagewright.dev/{row.name}", "registrysync.stagewright.dev/bank"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("registrysync", "keeps one MLflow registry in step with one branch"),
        ("registrysync.spec.forge", "Where people review."),
        ("registrysync.spec.forge.tokenSecretRef", "with an access token."),
        ("registrysync.spec.ledger.s3.credentialsSecretRef", "access-key-id and secret-access-key"),
        ("registrysync.status.conditions", "Ready is the summary of the others"),
        ("promotion.status.missing", "What it still lacks"),
    ],
)
def test_explain_reads_well(path: str, said: str, rehearsed: Objects):
    told = " ".join(rehearsed.cluster.kubectl("explain", path).split())
    assert said in told
