"""From an object of a cluster to the configuration that the engine runs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stagewright.errors import InvalidError
from stagewright.model.custom_resource import Notification, NotificationFilter, Reference, Workloads
from stagewright.model.sync import (
    AppInstallation,
    HostedForge,
    KeyReference,
    OAuth2Client,
    RegistryAccess,
    RegistrySync,
    S3Place,
    SourceAccess,
)
from stagewright.schema.custom_resource import parse_custom_resource
from tests.unit.schema.objects import ABSENT, GIVEN, PLACES, changed

OWN = "/run/stagewright/secrets/ml/4b0e0f2e-9f0c-4c59-8a9a-000000000001"
TOKEN = {"name": "forge", "key": "token"}


def test_parse_custom_resource_of_the_least_fills_every_default():
    found = parse_custom_resource(GIVEN, places=PLACES)

    assert found.sync == RegistrySync(
        name="bank",
        url="https://git.example/acme/models.git",
        branch="main",
        path="",
        forge=HostedForge(
            type="gitea", url="https://git.example", repository="acme/models", token_file=f"{OWN}/secret/forge/token"
        ),
        registry_uri="https://mlflow.example",
        registry_access=RegistryAccess(artifacts=frozenset()),
        ledger_directory="/var/lib/stagewright/ledgers/ml/bank",
        log_key=KeyReference(scheme="file", location=f"{OWN}/secret/stagewright-ledger-keys/log.pem"),
        entry_key=KeyReference(scheme="file", location=f"{OWN}/secret/stagewright-ledger-keys/entry.pem"),
        trust_root=None,
        mirror="/var/cache/stagewright/ml/4b0e0f2e-9f0c-4c59-8a9a-000000000001/mirror.git",
        interval=timedelta(seconds=60),
        suspend=False,
        dry_run=False,
    )
    assert (found.namespace, found.name, found.generation) == ("ml", "bank", 3)
    assert (found.requested_at, found.deleting, found.folder) == (None, False, OWN)
    assert found.workloads == Workloads(observe=True, restart=False)
    assert found.notifications == ()
    assert [(r.kind, r.name, r.key, r.place) for r in found.references] == [
        ("Secret", "forge", "token", "spec.forge.tokenSecretRef"),
        ("Secret", "stagewright-ledger-keys", "log.pem", "spec.ledger.logKeySecretRef"),
        ("Secret", "stagewright-ledger-keys", "entry.pem", "spec.ledger.entryKeySecretRef"),
    ]


@pytest.mark.parametrize(
    ("url", "access"),
    [
        (
            "https://git.example/acme/models.git",
            SourceAccess(
                username_file=f"{OWN}/secret/git/username",
                password_file=f"{OWN}/secret/git/password",
                ca_file=f"{OWN}/configmap/ca/ca.crt",
            ),
        ),
        (
            "ssh://git@git.example/acme/models.git",
            SourceAccess(
                private_key_file=f"{OWN}/secret/git/identity",
                known_hosts_file=f"{OWN}/secret/git/known_hosts",
                ca_file=f"{OWN}/configmap/ca/ca.crt",
            ),
        ),
    ],
)
def test_parse_custom_resource_of_a_repository_of_its_own_names_the_way_in(url: str, access: SourceAccess):
    source = {
        "url": url,
        "credentialsSecretRef": {"name": "git"},
        "caConfigMapRef": {"name": "ca", "key": "ca.crt"},
    }
    assert parse_custom_resource(changed({"spec.source": source}), places=PLACES).sync.source_access == access


@pytest.mark.parametrize("url", ["ssh://git@git.example/acme/models.git", "git@git.example:acme/models.git"])
def test_parse_custom_resource_of_a_repository_over_ssh_without_a_key_is_refused(url: str):
    with pytest.raises(InvalidError, match=r"spec\.source\.credentialsSecretRef: a repository over ssh wants a key"):
        parse_custom_resource(changed({"spec.source": {"url": url}}), places=PLACES)


def test_parse_custom_resource_of_a_github_app_names_its_key_ca_and_webhooks():
    forge = {
        "type": "github",
        "repository": "acme/models",
        "app": {"id": "123", "installation": 7, "privateKeySecretRef": {"name": "app", "key": "private-key.pem"}},
        "caConfigMapRef": {"name": "ca", "key": "ca.crt"},
        "webhook": {"secretRefs": [{"name": "forge", "key": "old"}, {"name": "forge", "key": "new"}]},
    }

    found = parse_custom_resource(changed({"spec.forge": forge}), places=PLACES)

    assert found.sync.forge == HostedForge(
        type="github",
        url="https://github.com",
        repository="acme/models",
        app=AppInstallation(
            id="123",
            installation=7,
            private_key=KeyReference(scheme="file", location=f"{OWN}/secret/app/private-key.pem"),
        ),
        ca_file=f"{OWN}/configmap/ca/ca.crt",
        webhook_secret_files=(f"{OWN}/secret/forge/old", f"{OWN}/secret/forge/new"),
    )


def test_parse_custom_resource_of_every_way_into_mlflow_names_its_files():
    tls = {
        "caConfigMapRef": {"name": "ca", "key": "ca.crt"},
        "clientCertificateSecretRef": {"name": "mlflow-tls"},
    }
    oauth2 = {
        "tokenUrl": "https://login.example/token",
        "clientId": "stagewright",
        "clientSecretRef": {"name": "mlflow", "key": "client"},
        "scopes": ["registry"],
        "audience": "mlflow",
    }
    secret = f"{OWN}/secret/mlflow"
    ways: dict[str, tuple[dict[str, Any], RegistryAccess]] = {
        "basic": (
            {"basicAuth": {"secretRef": {"name": "mlflow"}}},
            RegistryAccess(username_file=f"{secret}/username", password_file=f"{secret}/password"),
        ),
        "bearer": (
            {"bearerToken": {"secretRef": {"name": "mlflow", "key": "token"}}},
            RegistryAccess(token_file=f"{secret}/token"),
        ),
        "oauth2": (
            {"oauth2": oauth2},
            RegistryAccess(
                oauth2=OAuth2Client(
                    token_url="https://login.example/token",
                    client_id="stagewright",
                    client_secret_file=f"{secret}/client",
                    scopes=("registry",),
                    audience="mlflow",
                )
            ),
        ),
        "tls and headers": (
            {"tls": tls, "headersSecretRef": {"name": "mlflow-headers"}},
            RegistryAccess(
                ca_file=f"{OWN}/configmap/ca/ca.crt",
                client_certificate_file=f"{OWN}/secret/mlflow-tls/tls.crt",
                client_key_file=f"{OWN}/secret/mlflow-tls/tls.key",
                headers_folder=f"{OWN}/secret/mlflow-headers",
            ),
        ),
        "plugin": ({"plugin": "corporate"}, RegistryAccess(plugin="corporate")),
    }
    for name, (registry, access) in ways.items():
        value = changed({"spec.registry": {"uri": "https://mlflow.example", **registry}})
        found = parse_custom_resource(value, places=replace(PLACES, plugins=("corporate",))).sync.registry_access
        assert found == replace(access, artifacts=frozenset()), name


def test_parse_custom_resource_lends_nothing_of_the_pod_unless_the_operator_says_so():
    value = changed({"spec.registry": {"uri": "https://mlflow.example", "plugin": "corporate"}})
    with pytest.raises(InvalidError, match=r"spec\.registry\.plugin: the operator lets no object use this plugin"):
        parse_custom_resource(value, places=PLACES)
    allowed = replace(PLACES, plugins=("corporate",), artifact_stores=("s3",))
    assert parse_custom_resource(value, places=allowed).sync.registry_access == RegistryAccess(
        plugin="corporate", artifacts=frozenset({"s3"})
    )


def test_parse_custom_resource_names_a_reference_once_and_a_whole_secret_without_key():
    registry = {
        "uri": "https://mlflow.example",
        "basicAuth": {"secretRef": {"name": "mlflow"}},
        "headersSecretRef": {"name": "headers"},
        "tls": {"clientCertificateSecretRef": {"name": "mlflow"}},
    }
    hook = {"type": "slack", "urlSecretRef": {"name": "mlflow", "key": "username"}}

    found = parse_custom_resource(
        changed({"spec.registry": registry, "spec.notifications": [hook]}), places=PLACES
    ).references

    assert [reference.key for reference in found if reference.name == "mlflow"] == [
        "username",
        "password",
        "tls.crt",
        "tls.key",
    ]
    assert (
        Reference(
            kind="Secret",
            name="headers",
            key=None,
            path=f"{OWN}/secret/headers",
            place="spec.registry.headersSecretRef",
        )
        in found
    )


def test_parse_custom_resource_of_a_bucket_prefixes_it_by_namespace_and_name():
    s3 = {"bucket": "ledgers", "region": "eu-west-1", "credentialsSecretRef": {"name": "s3"}}

    found = parse_custom_resource(changed({"spec.ledger": {"storage": "s3", "s3": s3}}), places=PLACES)

    assert found.sync.ledger_s3 == S3Place(
        bucket="ledgers", prefix="ml/bank", region="eu-west-1", credentials_folder=f"{OWN}/secret/s3"
    )
    assert [r.key for r in found.references if r.name == "s3"] == ["access-key-id", "secret-access-key"]


def test_parse_custom_resource_with_the_pods_identity_stays_below_its_own_prefix():
    places = replace(PLACES, pod_identity=True)

    def prefix(prefix: str) -> S3Place | None:
        s3 = {"bucket": "ledgers", "prefix": prefix}
        value = changed({"spec.ledger": {"storage": "s3", "s3": s3}})
        return parse_custom_resource(value, places=places).sync.ledger_s3

    assert prefix("ml/bank/one") == S3Place(bucket="ledgers", prefix="ml/bank/one")
    for stolen in ("ml/bank2", "other/bank", "ml"):
        with pytest.raises(InvalidError, match=r"spec\.ledger\.s3\.prefix: with the pod's identity"):
            prefix(stolen)


def test_parse_custom_resource_of_notifications_keeps_their_filters():
    notifications = [
        {
            "type": "cloudevents",
            "url": "https://events.example/in",
            "signingSecretRef": {"name": "hook", "key": "secret"},
            "filter": {"kinds": ["drift", "alarm"], "stages": ["Production"], "models": ["credit-risk"]},
        },
        {"type": "slack", "urlSecretRef": {"name": "hook", "key": "url"}},
    ]

    found = parse_custom_resource(changed({"spec.notifications": notifications}), places=PLACES)

    assert found.notifications == (
        Notification(
            type="cloudevents",
            url="https://events.example/in",
            signing_secret_file=f"{OWN}/secret/hook/secret",
            filter=NotificationFilter(kinds=("drift", "alarm"), stages=("Production",), models=("credit-risk",)),
        ),
        Notification(
            type="slack",
            url_file=f"{OWN}/secret/hook/url",
            filter=NotificationFilter(kinds=("verdict", "pending", "drift", "alarm", "applied")),
        ),
    )


def test_parse_custom_resource_reads_the_annotation_and_the_deletion():
    value = changed(
        {
            "metadata.annotations": {"stagewright.dev/reconcile-requested-at": "now, please"},
            "metadata.deletionTimestamp": "2026-11-25T01:00:00Z",
        }
    )

    found = parse_custom_resource(value, places=PLACES)

    assert (found.requested_at, found.deleting) == ("now, please", True)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another kind": ({"kind": "Promotion"}, "this is no RegistrySync of stagewright.dev/v1alpha1"),
    "no spec": ({"spec": ABSENT}, "spec: a mapping is wanted here"),
    "an unknown key": ({"spec.forge.tokn": "x"}, "spec.forge.tokn: unknown key 'tokn'"),
    "a name that is a path": ({"metadata.name": "../other"}, "metadata.name: this is no usable name"),
    "a name too long": ({"metadata.name": "a" * 53}, "metadata.name: this is longer than 52"),
    "a namespace that is a path": ({"metadata.namespace": ".."}, "metadata.namespace: this is no usable namespace"),
    "a uid that is a path": ({"metadata.uid": "a/../b"}, "metadata.uid: this is no usable uid"),
    "no source": ({"spec.source": ABSENT}, "spec: source is missing"),
    "a source that is a path": ({"spec.source.url": "/var/lib"}, "spec.source.url: only https and ssh URLs"),
    "a source that is a file": ({"spec.source.url": "file:///etc"}, "spec.source.url: only https and ssh URLs"),
    "a database": ({"spec.registry.uri": "sqlite:////x.db"}, "spec.registry.uri: only https URLs"),
    "a password": (
        {"spec.registry.uri": "https://me:hunter2@mlflow.example"},
        "spec.registry.uri: credentials do not belong in a URL",
    ),
    "a forge on this machine": ({"spec.forge.url": "https://127.0.0.1"}, "spec.forge.url: the controller does not ask"),
    "git with a token": (
        {"spec.forge": {"type": "git", "tokenSecretRef": TOKEN}},
        "spec.forge.tokenSecretRef: git alone has no such thing",
    ),
    "gitea without a way in": ({"spec.forge.tokenSecretRef": ABSENT}, "spec.forge: tokenSecretRef is wanted"),
    "gitea without a url": ({"spec.forge.url": ABSENT}, "spec.forge: url is missing"),
    "gitea without a repository": ({"spec.forge.repository": ABSENT}, "spec.forge: repository is missing"),
    "github with app and token": (
        {
            "spec.forge.type": "github",
            "spec.forge.app": {"id": "1", "installation": 1, "privateKeySecretRef": TOKEN},
        },
        "spec.forge: exactly one of app and tokenSecretRef is wanted",
    ),
    "gitea with an app": (
        {"spec.forge.app": {"id": "1", "installation": 1, "privateKeySecretRef": TOKEN}},
        "spec.forge.app: only github has apps",
    ),
    "two ways into mlflow": (
        {
            "spec.registry.basicAuth": {"secretRef": {"name": "a"}},
            "spec.registry.bearerToken": {"secretRef": TOKEN},
        },
        "spec.registry: basicAuth and bearerToken exclude each other",
    ),
    "a secret's name that is a path": (
        {"spec.forge.tokenSecretRef.name": "../other"},
        "spec.forge.tokenSecretRef.name: '../other' is not the name of an object",
    ),
    "a key that is a path": (
        {"spec.forge.tokenSecretRef.key": ".."},
        "spec.forge.tokenSecretRef.key: '..' is not a key",
    ),
    "s3 without a bucket": ({"spec.ledger": {"storage": "s3"}}, "spec.ledger: storage s3 does not fit s3"),
    "a bucket for a volume": (
        {"spec.ledger": {"s3": {"bucket": "ledgers", "credentialsSecretRef": {"name": "s3"}}}},
        "spec.ledger: storage volume does not fit s3",
    ),
    "a bucket without credentials": (
        {"spec.ledger": {"storage": "s3", "s3": {"bucket": "ledgers"}}},
        "spec.ledger.s3: credentialsSecretRef is missing",
    ),
    "an interval of nothing": ({"spec.interval": "0s"}, "spec.interval: the interval is not between 1s and 24h"),
    "an interval of days": ({"spec.interval": "25h"}, "spec.interval: the interval is not between 1s and 24h"),
    "an interval without unit": ({"spec.interval": "60"}, "spec.interval: '60' is not a duration"),
    "a notification to nowhere": (
        {"spec.notifications": [{"type": "cloudevents"}]},
        "spec.notifications[0]: exactly one of url and urlSecretRef is wanted",
    ),
    "a slack url in the open": (
        {"spec.notifications": [{"type": "slack", "url": "https://hooks.example/T0/secret"}]},
        "spec.notifications[0].url: a webhook's URL is a secret",
    ),
    "an empty filter": (
        {"spec.notifications": [{"type": "slack", "urlSecretRef": TOKEN, "filter": {"kinds": []}}]},
        "spec.notifications[0].filter.kinds: this is empty",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_parse_custom_resource_of_what_cannot_work_names_the_place(name: str):
    changes, message = REFUSED[name]

    with pytest.raises(InvalidError) as caught:
        parse_custom_resource(changed(changes), places=PLACES)

    assert str(caught.value).startswith(message)
    assert "hunter2" not in str(caught.value)


def test_parse_custom_resource_of_many_problems_tells_the_first_and_counts_the_rest():
    value = changed({f"spec.unknown{i}": i for i in range(8)})

    with pytest.raises(InvalidError) as caught:
        parse_custom_resource(value, places=PLACES)

    assert str(caught.value).count("unknown key") == 5
    assert str(caught.value).endswith("; and 3 more")


def test_parse_custom_resource_where_insecure_urls_are_allowed_takes_them():
    places = replace(PLACES, insecure_urls=True)
    value = changed(
        {
            "spec.source.url": "file:///srv/models.git",
            "spec.forge": {"type": "git"},
            "spec.registry.uri": "http://127.0.0.1:5000",
        }
    )

    found = parse_custom_resource(value, places=places).sync

    assert (found.url, found.forge, found.registry_uri) == ("file:///srv/models.git", "git", "http://127.0.0.1:5000")
