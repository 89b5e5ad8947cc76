"""The Secret of the ledger's keys: made where it is missing, left alone where it is there."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stagewright.adapters.kubernetes.client import Object, Resource
from stagewright.adapters.kubernetes.key_secret import ensure_key_secret
from stagewright.adapters.signers import load_signer
from stagewright.errors import ConflictError, ForbiddenError, NotFoundError, UsageError


class Secrets:
    """As much of `Cluster` as a Secret needs; `rival` is what another makes just before we do."""

    def __init__(self, *, there: Object | None = None, rival: Object | None = None) -> None:
        self.secrets = {} if there is None else {("ml", "keys"): there}
        self.rival = rival
        self.created = []

    def get(self, resource: Resource, namespace: str, name: str):
        assert str(resource) == "secrets"
        if (namespace, name) not in self.secrets:
            raise NotFoundError("no such Secret")
        return self.secrets[namespace, name]

    def create(self, resource: Resource, namespace: str, body: Object):
        assert str(resource) == "secrets"
        if self.rival is not None:
            self.secrets[namespace, body["metadata"]["name"]] = self.rival
            raise ConflictError("there is one")
        self.created.append(body)
        self.secrets[namespace, body["metadata"]["name"]] = body
        return body


def made() -> dict:
    secrets = Secrets()
    ensure_key_secret(secrets, "ml", "keys")
    return secrets.created[0]


def test_missing_secret_is_made_with_two_keys_that_the_signer_takes(tmp_path: Path):
    secrets = Secrets()
    assert ensure_key_secret(secrets, "ml", "keys") == "created"
    [body] = secrets.created
    assert sorted(body["data"]) == ["entry.pem", "log.pem"]
    keys = []
    for name, text in body["data"].items():
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_bytes(base64.b64decode(text))
        keys.append(load_signer(f"file:{path}").public_key)
    assert len(set(keys)) == 2


def test_secret_belongs_to_nobody_so_that_no_release_takes_it_away():
    assert made()["metadata"] == {
        "name": "keys",
        "labels": {"app.kubernetes.io/part-of": "stagewright", "app.kubernetes.io/component": "ledger-keys"},
    }


def test_secret_that_is_there_is_found_and_never_written():
    secrets = Secrets(there=made())
    assert ensure_key_secret(secrets, "ml", "keys") == "found"
    assert secrets.created == []


def test_secret_that_another_makes_first_is_found():
    rival = made()
    secrets = Secrets(rival=rival)
    assert ensure_key_secret(secrets, "ml", "keys") == "found"
    assert secrets.secrets["ml", "keys"] is rival


def test_two_secrets_hold_different_keys():
    assert made()["data"]["log.pem"] != made()["data"]["log.pem"]


def _rsa() -> str:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return base64.b64encode(pem).decode()


BAD = {
    "nothing at all": lambda data: data.clear(),
    "entry key missing": lambda data: data.pop("entry.pem"),
    "empty key": lambda data: data.update({"entry.pem": ""}),
    "no base64": lambda data: data.update({"entry.pem": "{}"}),
    "no PEM": lambda data: data.update({"entry.pem": base64.b64encode(b"hush").decode()}),
    "another kind of key": lambda data: data.update({"entry.pem": _rsa()}),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD)
def test_secret_without_good_keys_is_refused_and_left_as_it_is(spoil: Callable[[dict[str, str]], object]):
    body = made()
    spoil(body["data"])
    secrets = Secrets(there=body)
    with pytest.raises(UsageError) as caught:
        ensure_key_secret(secrets, "ml", "keys")
    assert str(caught.value).startswith("the Secret ml/keys holds no Ed25519 private key in ")
    assert secrets.created == []
    assert "hush" not in str(caught.value) + caught.value.hint


def test_answer_that_we_may_not_look_is_passed_on():
    class Closed(Secrets):
        def get(self, resource: Resource, namespace: str, name: str):
            raise ForbiddenError(f"no {namespace} {name} {resource}")

    with pytest.raises(ForbiddenError):
        ensure_key_secret(Closed(), "ml", "keys")
