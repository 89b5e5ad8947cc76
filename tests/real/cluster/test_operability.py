"""A controller beside a real cluster as those see it who watch it: probes, metrics, logs, and news to a receiver."""

import base64
import hashlib
import hmac
import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_desk import Desk
from tests.cluster.access import Cluster
from tests.git_http import GitHttpServer
from tests.integration.operability.receiving import Receiver
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

pytestmark = pytest.mark.real
SECRET = base64.b64encode(b"k" * 32).decode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def ask(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    reply = connection.getresponse()
    body = reply.read().decode()
    connection.close()
    return reply.status, body


def sample(text: str, name: str, **labels: str) -> float | None:
    """The value of the one sample that has these labels."""
    found = [
        float(value)
        for shown, value in re.findall(rf"^stagewright_{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
        if all(f'{key}="{text_}"' in shown for key, text_ in labels.items())
    ]
    assert len(found) <= 1, found
    return found[0] if found else None


def delivered(followed: Followed) -> Json:
    """The status once all news is delivered: each tells how far that was when it was written."""
    for _ in range(20):
        status = followed.ask()
        if status["ledger"]["delivered"] == status["ledger"]["size"]:
            return status
    raise AssertionError(status["ledger"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def test_controller_is_watched_and_tells_its_news_across_a_restart(
    cluster: Cluster,
    namespace: str,
    mlflow_server: MlflowServer,
    builder: RegistryBuilder,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, uri=mlflow_server.uri)
    model = stocked(builder)
    desk.init()
    desk.run("max", "import", model, "--owner", "@cody")
    folder = tmp_path / "controller"
    folder.mkdir()
    kubeconfig = admit(cluster, namespace, folder)
    followed = Followed(cluster, namespace)
    followed.secret("stagewright-ledger-keys", keys_of(desk))
    followed.secret("hook", {"url": receiver.url, "signing": f"whsec_{SECRET}"})
    health, metrics = free_port(), free_port()
    flags = ("--health-address", f"127.0.0.1:{health}", "--metrics-address", f"127.0.0.1:{metrics}")
    flags += ("--log-format", "json")
    with GitHttpServer(desk.home) as git:
        followed.write(
            {
                "source": {"url": git.url("origin.git")},
                "forge": {"type": "git"},
                "registry": {"uri": mlflow_server.uri},
                "trustRoot": trust_root(desk),
                "interval": "1h",
                "notifications": [
                    {
                        "type": "cloudevents",
                        "urlSecretRef": {"name": "hook", "key": "url"},
                        "signingSecretRef": {"name": "hook", "key": "signing"},
                        "filter": {"kinds": ["verdict", "pending", "applied", "drift", "alarm"]},
                    }
                ],
            }
        )
        with running_controller(namespace, kubeconfig, folder, flags=flags) as first:
            followed.wait(followed.condition("Ready"), "Synced")
            assert ask(health, "/healthz") == (200, "ok\n")
            assert ask(health, "/readyz") == (200, "ok, leader\n")
            desk.promote("mode", model, "enforce", by="dana", approved_by=("cody", "mo"))
            branch = desk.promote("promote", model, "--version", "2", "--to", "Staging", by="dana", approved_by=())
            status = delivered(followed)
            size = status["ledger"]["size"]
            _, text = ask(metrics, "/metrics")
            one = {"namespace": namespace, "sync": "bank"}
            assert sample(text, "leader") == 1.0
            assert sample(text, "ledger_entries", **one) == size
            assert sample(text, "promotions_pending", **one, stage="Staging") == 1.0
            assert sample(text, "stages", **one, state="pending") == status["counts"]["pending"]
            assert sample(text, "sync_condition", **one, type="SignedOff", status="False") == 1.0
            assert (
                sample(text, "registry_request_duration_seconds_count", operation="read", outcome="answered") or 0
            ) > 0
            pending = [r for r in receiver.received if r.json["type"] == "dev.stagewright.pending.v1"]
            assert [r.json["subject"] for r in pending] == [f"{model}/Staging"]
            (told,) = pending
            content = f"{told.headers['webhook-id']}.{told.headers['webhook-timestamp']}.".encode() + told.body
            digest = hmac.digest(base64.b64decode(SECRET), content, hashlib.sha256)
            assert told.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
            # the receiver is away now, and for as long as this process runs
            receiver.losses.extend([503] * 1000)
            desk.run("cody", "approve", branch, "--yes")
            followed.ask()
            behind = followed.ask()
            assert behind["ledger"]["delivered"] < behind["ledger"]["size"]
        lines = [json.loads(line) for line in first.log.read_text().splitlines() if line.startswith("{")]
        approved = [line for line in lines if line["msg"].startswith("approved") and line.get("stage") == "Staging"]
        assert [(line["model"], line["sync"]) for line in approved] == [(model, "bank")]
        assert SECRET not in first.log.read_text()
        assert receiver.url not in first.log.read_text()
        receiver.losses.clear()
        before = len(receiver.received)
        with running_controller(namespace, kubeconfig, folder, name="second", flags=flags):
            delivered(followed)
            cluster.kubectl("delete", "registrysync", "bank", "-n", namespace, WITHIN)
            _, text = ask(metrics, "/metrics")
            assert f'namespace="{namespace}"' not in text
        late = [r.json for r in receiver.received[before:]]
        kinds = {(event["type"], event["subject"]) for event in late}
        assert ("dev.stagewright.verdict.v1", f"{model}/Staging") in kinds
        assert ("dev.stagewright.applied.v1", f"{model}/Staging") in kinds
        # a double is the same to the byte
        bodies = {r.headers["webhook-id"]: r.body for r in receiver.received}
        assert [r for r in receiver.received if bodies[r.headers["webhook-id"]] != r.body] == []
