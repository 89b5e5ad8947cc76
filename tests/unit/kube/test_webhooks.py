"""Doors of many objects: who knows an object's secret wakes that object, and nobody learns what there is."""

import hmac
import http.client
from hashlib import sha256
from http import HTTPStatus

import pytest

from stagewright.adapters.webhook import ManyDoors
from stagewright.errors import UsageError
from stagewright.kube.webhooks import WebhookDoors
from stagewright.model.custom_resource import CustomResource
from tests.unit.kube.attempts import resource


def _with_webhook(secret: str) -> CustomResource:
    return resource(
        forge={
            "type": "gitea",
            "url": "https://git.example",
            "repository": "acme/models",
            "tokenSecretRef": {"name": "forge", "key": "token"},
            "webhook": {"secretRefs": [{"name": secret, "key": "webhook"}]},
        }
    )


KNOWN = {"ml/bank": _with_webhook("forge"), "ml/silent": resource(), "ml/gone": _with_webhook("lost")}
SECRET, NOBODY = b"a secret of the bank's forge", b"a secret that nobody has!!!!"


def _read(files: tuple[str, ...]) -> tuple[bytes, ...]:
    if any("/lost/" in file for file in files):
        raise UsageError("the secret cannot be read")
    return (SECRET,)


class Knocking:
    """The doors over HTTP."""

    def __init__(self) -> None:
        self.woken: list[str] = []
        self.resources: dict[str, CustomResource] = dict(KNOWN)
        self.doors = WebhookDoors(self.resources.get, _read, self.woken.append, nobody=NOBODY)

    def knock(self, path: str, secret: bytes = SECRET, method: str = "POST") -> int:
        with ManyDoors(("127.0.0.1", 0), self.doors) as listener:
            connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=30)
            signature = hmac.new(secret, b"{}", sha256).hexdigest()
            headers = {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Event": "push"}
            connection.request(method, path, body=b"{}", headers=headers)
            return connection.getresponse().status


def test_webhook_signed_with_an_objects_secret_wakes_that_object():
    at = Knocking()

    assert at.knock("/webhook/ml/bank") == HTTPStatus.ACCEPTED
    assert at.woken == ["ml/bank"]


@pytest.mark.parametrize(
    "path", ["/webhook/ml/bank", "/webhook/ml/silent", "/webhook/ml/gone", "/webhook/ml/nobody", "/webhook/other/bank"]
)
def test_webhook_with_a_wrong_signature_gets_one_answer_whatever_there_is(path: str):
    at = Knocking()

    assert at.knock(path, b"not the secret of anybody") == HTTPStatus.UNAUTHORIZED
    assert at.woken == []


@pytest.mark.parametrize(
    "path",
    [
        "/webhook",
        "/webhook/",
        "/webhook/ml",
        "/webhook/ml/",
        "/webhook/ml/bank/",
        "/webhook/ml/../bank",
        "/webhook/ML/bank",
    ],
)
def test_webhook_at_no_objects_path_is_not_found(path: str):
    at = Knocking()

    assert at.knock(path) == HTTPStatus.NOT_FOUND
    assert at.woken == []


def test_webhook_by_get_tells_nothing_of_what_there_is():
    at = Knocking()

    assert at.knock("/webhook/ml/bank", method="GET") == at.knock("/webhook/ml/nobody", method="GET")
