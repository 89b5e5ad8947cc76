"""Attacks of one tenant of a cluster on another: what a RegistrySync may name, and where that leads.

The tenant may write any RegistrySync into their own namespace, and runs every server that it names. The other tenant's
namespace is `risk`.
"""

import io
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stagewright.adapters.kubernetes.election import LONGEST_LEAP
from stagewright.adapters.kubernetes.references import ReferenceFiles
from stagewright.adapters.mlflow.artifacts import ARTIFACT_PLACES, tree_at
from stagewright.bootstrap.controller import named_urls
from stagewright.errors import InvalidError, StagewrightError, UsageError
from stagewright.kube.consent import consent_of
from stagewright.kube.logs import JsonLines, TextLines
from stagewright.kube.settings import parse_stores
from stagewright.kube.status import status_of
from stagewright.model.custom_resource import OBJECT_STORES, CustomResource, ReferenceKind
from stagewright.schema.custom_resource import REBIND_REASON, parse_custom_resource
from tests.unit.kube.attempts import failed, found
from tests.unit.schema.objects import PLACES, changed

SECRET = "hunter2 of the other tenant"
OWN = {"stagewright-ledger-keys": {"log.pem": b"a key", "entry.pem": b"a key"}, "forge": {"token": b"mine"}}


class Reader:
    """Has Secrets in both namespaces, and remembers who was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def read(self, namespace: str, kind: ReferenceKind, name: str) -> Mapping[str, bytes] | None:
        del kind
        self.asked.add(namespace)
        return {"ml": OWN, "risk": {"forge": {"token": SECRET.encode()}}}[namespace].get(name)


def parse(changes: dict[str, Any]) -> CustomResource:
    return parse_custom_resource(changed(changes), places=PLACES)


# -- secrets -----------------------------------------------------------------------------------------------------------

ELSEWHERE = {
    "a namespace beside the name": {"name": "forge", "key": "token", "namespace": "risk"},
    "a path to it": {"name": "../../risk/forge", "key": "token"},
    "its path in the API": {"name": "risk/forge", "key": "token"},
    "an escaped path": {"name": "..%2Frisk%2Fforge", "key": "token"},
    "a key that is a path": {"name": "forge", "key": "../../../risk/uid/secret/forge/token"},
    "a key that is the folder above": {"name": "forge", "key": ".."},
    "a key with a null byte": {"name": "forge", "key": "token\0"},
    "a name with the end of a line": {"name": "forge\n", "key": "token"},
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_secret_of_another_namespace_cannot_be_named(name: str):
    with pytest.raises(InvalidError):
        parse({"spec.forge.tokenSecretRef": ELSEWHERE[name]})


@pytest.mark.parametrize("field", ["namespace", "uid", "name"])
@pytest.mark.parametrize("text", ["../risk", "ml/../risk", "..", ".", "", "/etc", "risk\0"])
def test_place_of_another_object_cannot_be_taken(field: str, text: str):
    with pytest.raises(InvalidError):
        parse({f"metadata.{field}": text})


def test_secrets_are_asked_for_in_the_objects_own_namespace_alone(tmp_path: Path):
    reader = Reader()
    resource = parse_custom_resource(changed({}), places=_below(tmp_path))
    ReferenceFiles(tmp_path / "secrets", reader).materialise(resource)
    assert reader.asked == {"ml"}
    written = {path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {b"mine", b"a key"}


def test_link_in_the_place_of_a_secret_is_replaced_and_never_written_through(tmp_path: Path):
    resource = parse_custom_resource(changed({}), places=_below(tmp_path))
    files = ReferenceFiles(tmp_path / "secrets", Reader())
    files.materialise(resource)
    victim = tmp_path / "of the other tenant"
    victim.write_text(SECRET)
    token = next(path for path in tmp_path.rglob("token"))
    token.unlink()
    token.symlink_to(victim)
    files.materialise(resource)
    assert (victim.read_text(), token.is_symlink(), token.read_bytes()) == (SECRET, False, b"mine")


def test_files_of_an_object_that_claims_anothers_folder_are_not_written(tmp_path: Path):
    files = ReferenceFiles(tmp_path / "secrets", Reader())
    resource = parse_custom_resource(changed({}), places=_below(tmp_path / "elsewhere"))
    with pytest.raises(UsageError, match="belong to"):
        files.materialise(resource)
    assert list(tmp_path.rglob("*")) == []


def _below(folder: Path) -> Any:
    return replace(PLACES, secrets=f"{folder}/secrets")


# -- ledgers -----------------------------------------------------------------------------------------------------------


def test_ledgers_and_mirrors_of_no_two_objects_lie_in_one_place():
    names = [("a", "b-c"), ("a-b", "c"), ("a", "b"), ("b", "a"), ("a", "a"), ("a-b-c", "a")]
    made = [parse({"metadata.namespace": space, "metadata.name": name}) for space, name in names]
    folders = [resource.sync.ledger_directory for resource in made]
    assert len(set(folders)) == len(names)
    inside = [(one, other) for one in folders for other in folders if one != other and one.startswith(f"{other}/")]
    assert inside == []


PREFIXES = {
    "another's": "risk/bank",
    "another of the same namespace": "ml/other",
    "one whose name begins alike": "ml/bank2",
    "the namespace's": "ml",
    "a path out of it": "ml/bank/../../risk/bank",
    "with an empty part": "ml/bank//x",
    "with the slash first": "/ml/bank",
}


@pytest.mark.parametrize("name", PREFIXES)
def test_ledger_of_another_cannot_be_named_with_the_pods_identity(name: str):
    ledger = {"storage": "s3", "s3": {"bucket": "ledgers", "prefix": PREFIXES[name]}}
    with pytest.raises(InvalidError):
        parse_custom_resource(changed({"spec.ledger": ledger}), places=replace(PLACES, pod_identity=True))


def test_pods_identity_is_nobodys_unless_the_operator_says_so():
    with pytest.raises(InvalidError, match=r"spec\.ledger\.s3: credentialsSecretRef is missing"):
        parse({"spec.ledger": {"storage": "s3", "s3": {"bucket": "ledgers"}}})


@pytest.mark.parametrize("field", ["directory", "path", "folder", "root"])
def test_ledger_on_the_volume_is_at_no_place_of_the_objects_choice(field: str):
    with pytest.raises(InvalidError):
        parse({"spec.ledger": {"storage": "volume", field: "/var/lib/stagewright/ledgers/risk/bank"}})


def test_numbers_of_the_lease_that_one_ledger_may_use_up_are_few():
    """What is refused, `tests/unit/adapters/test_election.py` says: the forged turn stalls that one ledger."""
    assert (2**31 - 1) // LONGEST_LEAP > 200_000


# -- addresses ---------------------------------------------------------------------------------------------------------

URLS = {
    "the source": "spec.source.url",
    "the forge": "spec.forge.url",
    "the registry": "spec.registry.uri",
    "the tokens": "spec.registry.oauth2.tokenUrl",
    "the bucket": "spec.ledger.s3.endpoint",
    "a receiver": "spec.notifications",
}
INSIDE = [
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:169.254.169.254]/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://localhost:8081/",
    "https://kubernetes.default.svc/api/v1/namespaces/risk/secrets",
    "https://10.96.0.1/api/v1/namespaces/risk/secrets",
    "http://mlflow.risk.svc/",
    "file:///var/lib/stagewright/ledgers/risk/bank",
    "https://user:password@mlflow.example/",
]


@pytest.mark.parametrize("url", INSIDE)
@pytest.mark.parametrize("place", URLS)
def test_controller_is_nobodys_way_to_where_only_it_may_ask(place: str, url: str):
    base: dict[str, Any] = {
        "spec.registry.oauth2": {"clientId": "a", "clientSecretRef": {"name": "a", "key": "a"}},
        "spec.ledger": {"storage": "s3", "s3": {"bucket": "ledgers", "credentialsSecretRef": {"name": "s3"}}},
    }
    base["spec.registry.oauth2"]["tokenUrl"] = "https://tokens.example/token"
    parse(base)
    given: Any = [{"type": "cloudevents", "url": url}] if place == "a receiver" else url
    with pytest.raises(InvalidError) as refused:
        parse(base | {URLS[place]: given})
    assert "password" not in str(refused.value).replace("never a password", "")


def test_every_url_that_an_object_names_is_judged_by_its_addresses_too():
    resource = parse(
        {
            "spec.source.url": "https://source.example/a.git",
            "spec.forge.url": "https://forge.example",
            "spec.registry": {
                "uri": "https://registry.example",
                "oauth2": {
                    "tokenUrl": "https://tokens.example/t",
                    "clientId": "a",
                    "clientSecretRef": {"name": "a", "key": "a"},
                },
            },
            "spec.ledger": {
                "storage": "s3",
                "s3": {
                    "bucket": "ledgers",
                    "endpoint": "https://bucket.example",
                    "credentialsSecretRef": {"name": "s3"},
                },
            },
        }
    )
    hosts = {url.split("/")[2] for url, _ in named_urls(resource.sync)}
    assert hosts == {f"{name}.example" for name in ("source", "forge", "registry", "tokens", "bucket")}


# -- artifacts ---------------------------------------------------------------------------------------------------------

HELD = [f"{kind}://ledgers/risk/bank" for kind in sorted(OBJECT_STORES)]
HELD += [
    "file:///run/stagewright/secrets/risk",
    "/run/stagewright/secrets/risk",
    "runs:/0/secrets",
    "https://10.0.0.1/",
]


@pytest.mark.parametrize("uri", HELD)
def test_registry_that_points_at_what_only_the_pod_can_read_is_not_followed(uri: str):
    places = parse({}).sync.registry_access
    assert places is not None
    assert places.artifacts == frozenset()
    with pytest.raises(InvalidError):
        tree_at(uri, None, places.artifacts)


@pytest.mark.parametrize("kind", [*sorted(ARTIFACT_PLACES - OBJECT_STORES), "", "http", "s3,file"])
def test_operator_cannot_lend_the_pods_own_folders(kind: str):
    with pytest.raises(UsageError):
        parse_stores(f"s3,{kind}" if kind else "s3,-")


# -- what is told ------------------------------------------------------------------------------------------------------


def test_answer_of_a_hostile_server_forges_no_line_and_shows_no_credentials():
    lie = 'x"}\n{"ts":"2026-11-24T09:00:00Z","level":"error","msg":"forged"}\r\x1b[2Khttps://u:hunter2@risk.example/'
    message = json.dumps(status_of(failed(StagewrightError(lie))))
    assert "hunter2" not in message
    for form in (JsonLines(), TextLines()):
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(form)
        handler.handle(logging.LogRecord("stagewright", logging.WARNING, "", 0, "again: %s", (lie,), None))
        assert stream.getvalue().count("\n") == 1
        assert "\x1b" not in stream.getvalue()
        assert "hunter2" not in stream.getvalue()


def test_reason_of_an_annotation_stays_one_short_line():
    value = found()
    value["metadata"]["annotations"] = {REBIND_REASON: "fine\n\x1b[2K" + "x" * 200_000}
    reason = consent_of(value).reason
    assert (len(reason.encode()) <= 1024, reason.isprintable()) == (True, True)


def test_status_of_an_object_however_large_its_texts_are_stays_small():
    said = status_of(failed(StagewrightError("\U0001f980" * 100_000)))
    assert len(json.dumps(said, ensure_ascii=False).encode()) < 16_384
