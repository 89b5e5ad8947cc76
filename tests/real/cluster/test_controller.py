"""The controller against a real API server, a real MLflow and git over HTTP, with its own service account."""

import hmac
import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

import pytest

from stagewright.adapters.directory import DirectoryStore
from stagewright.ledger.log import Ledger
from tests.cli_desk import Desk
from tests.cluster.access import Cluster
from tests.git_http import GitHttpServer
from tests.mlflow_server import ADMIN, ADMIN_PASSWORD, MlflowServer, RegistryBuilder, free_port
from tests.real.cluster.host_controller import (
    LEASE,
    WITHIN,
    Followed,
    Json,
    admit,
    keys_of,
    running_controller,
    stocked,
    trust_root,
)


@dataclass(frozen=True, kw_only=True)
class World:
    """A bank, its model, and the object that follows it."""

    desk: Desk
    builder: RegistryBuilder
    model: str
    followed: Followed
    spec: Json
    kubeconfig: Path
    folder: Path

    @property
    def namespace(self) -> str:
        return self.followed.namespace

    def aliases(self) -> dict[str, str]:
        found: dict[str, str] = self.builder.client().get_registered_model(self.model).aliases
        return found

    def ledger(self) -> Ledger:
        return Ledger.read(DirectoryStore(self.folder / "ledgers" / self.namespace / self.followed.name))


@pytest.fixture
def world(
    cluster: Cluster, namespace: str, mlflow_server: MlflowServer, builder: RegistryBuilder, tmp_path: Path
) -> Iterator[World]:
    """A bank with one imported model, whose mode is enforce; nothing follows it yet."""
    desk = Desk(tmp_path, uri=mlflow_server.uri)
    model = stocked(builder)
    desk.init()
    desk.run("max", "import", model, "--owner", "@cody")
    folder = tmp_path / "controller"
    folder.mkdir()
    followed = Followed(cluster, namespace)
    with GitHttpServer(desk.home) as git:
        yield World(
            desk=desk,
            builder=builder,
            model=model,
            followed=followed,
            spec={
                "source": {"url": git.url("origin.git")},
                "forge": {"type": "git"},
                "registry": {"uri": mlflow_server.uri},
                "trustRoot": trust_root(desk),
                "interval": "1h",
            },
            kubeconfig=admit(cluster, namespace, folder),
            folder=folder,
        )
    followed.abandon()


def test_controller_promotes_what_was_signed_off_and_tells_so_everywhere(world: World) -> None:
    followed, desk, model = world.followed, world.desk, world.model
    followed.secret("stagewright-ledger-keys", keys_of(desk))
    followed.write(world.spec)
    with running_controller(world.namespace, world.kubeconfig, world.folder):
        followed.wait(followed.condition("Ready"), "Synced")
        first = followed.get()
        assert first["metadata"]["finalizers"] == ["stagewright.dev/finalizer"]
        assert first["status"]["observedGeneration"] == 1
        assert followed.rows() == []

        desk.promote("mode", model, "enforce", by="dana", approved_by=("cody", "mo"))
        branch = desk.promote("promote", model, "--version", "2", "--to", "Staging", by="dana", approved_by=())
        status = followed.ask()
        assert status["counts"]["pending"] == 1
        (row,) = [row for row in followed.rows() if row["spec"]["stage"] == "Staging"]
        assert (row["spec"]["from"], row["spec"]["to"], row["status"]["verdict"]) == ("-", "2", "pending")
        assert row["status"]["missing"]
        assert row["metadata"]["ownerReferences"][0]["uid"] == first["metadata"]["uid"]
        assert world.aliases() == {"champion": "1"}

        desk.run("cody", "approve", branch, "--yes")
        status = followed.ask()
        assert status["counts"]["pending"] == 0
        assert world.aliases() == {"champion": "1", "challenger": "2"}
        promotion = row["spec"]["promotionId"]
        (row,) = [row for row in followed.rows() if row["spec"]["promotionId"] == promotion]
        assert row["status"]["verdict"] == "approved"
        assert row["status"]["appliedAt"]
        told = [reason for reason, note in followed.events() if promotion[:12] in note]
        assert sorted(told) == ["Applied", "PromotionApproved", "PromotionPending"]

        # the status knows the ledger, and the ledger verifies
        assert status["ledger"]["size"] == world.ledger().size
        assert status["ledger"]["checkpoint"] == world.ledger().checkpoint.encode().decode()
        assert status["lastAppliedRevision"] == desk.git(desk.clone("max"), "rev-parse", "HEAD")

        # where nothing happened, nothing is written but that it was looked
        before, rows, events = followed.ask(), followed.rows(), followed.events()
        after = followed.ask()
        assert {key for key in after if after[key] != before[key]} == {"lastHandledReconcileAt"}
        assert (followed.rows(), followed.events()) == (rows, events)

        # a row that somebody deletes comes back
        followed.cluster.kubectl("delete", "promotions", "--all", "-n", world.namespace)
        followed.ask()
        assert [r["spec"] for r in followed.rows()] == [r["spec"] for r in rows]
        assert [r["status"] for r in followed.rows()] == [r["status"] for r in rows]


def test_controller_suspended_leaves_everything_until_it_goes_on(world: World) -> None:
    followed, desk = world.followed, world.desk
    followed.secret("stagewright-ledger-keys", keys_of(desk))
    followed.write(world.spec | {"suspend": True})
    with running_controller(world.namespace, world.kubeconfig, world.folder):
        status = followed.ask()
        assert "ledger" not in status
        followed.write(world.spec)
        followed.wait(followed.condition("Ready"), "Synced")
        assert followed.get()["status"]["observedGeneration"] == 2
        assert world.ledger().size == followed.get()["status"]["ledger"]["size"]


def test_controller_waits_for_a_secret_and_takes_another_without_restart(
    world: World, mlflow_auth_server: MlflowServer
) -> None:
    followed = world.followed
    other = RegistryBuilder(mlflow_auth_server, auth=(ADMIN, ADMIN_PASSWORD))
    other.model(world.model)
    registry = {"uri": mlflow_auth_server.uri, "basicAuth": {"secretRef": {"name": "mlflow"}}}
    followed.write(world.spec | {"registry": registry})
    with running_controller(world.namespace, world.kubeconfig, world.folder):
        followed.wait(followed.condition("Stalled"), "ReferenceNotFound")
        followed.secret("stagewright-ledger-keys", keys_of(world.desk))
        followed.secret("mlflow", {"username": ADMIN, "password": "not the password"})
        followed.wait('.status.conditions[?(@.type=="RegistryReachable")].status', "False")
        shown = str(followed.get()["status"])
        assert "not the password" not in shown

        followed.secret("mlflow", {"username": ADMIN, "password": ADMIN_PASSWORD})
        followed.wait('.status.conditions[?(@.type=="RegistryReachable")].status', "True")
        files = sorted((world.folder / "secrets-controller").rglob("password"))
        assert [file.read_text() for file in files] == [ADMIN_PASSWORD]
        assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}


def test_controller_lets_a_deleted_object_go_and_its_successor_goes_on_with_the_ledger(world: World) -> None:
    followed, desk, model = world.followed, world.desk, world.model
    followed.secret("stagewright-ledger-keys", keys_of(desk))
    followed.write(world.spec)
    with running_controller(world.namespace, world.kubeconfig, world.folder) as controller:
        followed.wait(followed.condition("Ready"), "Synced")
        desk.promote("promote", model, "--version", "2", "--to", "Staging", by="dana", approved_by=())
        followed.ask()
        assert len(followed.rows()) == 1
        size, aliases = world.ledger().size, world.aliases()

        followed.cluster.kubectl("delete", "registrysync", "bank", "-n", world.namespace, WITHIN)
        followed.cluster.kubectl("wait", "--for=delete", "promotions", "--all", "-n", world.namespace, WITHIN)
        assert world.ledger().size == size
        assert world.aliases() == aliases
        assert list((world.folder / "secrets-controller").rglob("*.pem")) == []
        assert list((world.folder / "cache-controller").rglob("*.git")) == []

        followed.write(world.spec)
        followed.wait(followed.condition("Ready"), "Synced")
        assert followed.get()["status"]["ledger"]["size"] == size
        assert controller.end() == 0
        lease = followed.cluster.get("lease", LEASE, "-n", world.namespace)
        assert not lease["spec"].get("holderIdentity")


def test_controller_that_ends_hands_over_to_the_one_that_stands_by(world: World) -> None:
    followed = world.followed
    followed.secret("stagewright-ledger-keys", keys_of(world.desk))
    followed.write(world.spec)
    with running_controller(world.namespace, world.kubeconfig, world.folder, name="one") as one:
        followed.wait(followed.condition("Ready"), "Synced")
        with running_controller(world.namespace, world.kubeconfig, world.folder, name="two"):
            assert one.end() == 0
            world.desk.promote("mode", world.model, "enforce", by="dana", approved_by=("cody", "mo"))
            followed.ask()
            last = list(world.ledger().entries())[-1].statement.predicate
            assert last.epoch.holder.startswith("two_")


def test_controller_that_may_only_get_secrets_by_name_takes_another_at_its_next_look(
    world: World, mlflow_auth_server: MlflowServer
) -> None:
    followed = world.followed
    RegistryBuilder(mlflow_auth_server, auth=(ADMIN, ADMIN_PASSWORD)).model(world.model)
    kubeconfig = admit(followed.cluster, world.namespace, world.folder, secrets=("stagewright-ledger-keys", "mlflow"))
    registry = {"uri": mlflow_auth_server.uri, "basicAuth": {"secretRef": {"name": "mlflow"}}}
    followed.secret("stagewright-ledger-keys", keys_of(world.desk))
    followed.secret("mlflow", {"username": ADMIN, "password": "not the password"})
    followed.write(world.spec | {"registry": registry})
    with running_controller(world.namespace, kubeconfig, world.folder):
        followed.wait('.status.conditions[?(@.type=="RegistryReachable")].status', "False")
        followed.secret("mlflow", {"username": ADMIN, "password": ADMIN_PASSWORD})
        followed.ask()
        followed.wait('.status.conditions[?(@.type=="RegistryReachable")].status', "True")


def test_controller_that_stands_by_passes_a_webhook_on_to_the_one_that_leads(world: World) -> None:
    followed, secret = world.followed, "a secret of the bank and its forge"
    webhook = {"secretRefs": [{"name": "forge", "key": "webhook"}]}
    forge = {
        "type": "gitea",
        # nobody listens there: a webhook is believed nothing, so that does not matter
        "url": f"http://127.0.0.1:{free_port()}",
        "repository": "bank/models",
        "tokenSecretRef": {"name": "forge", "key": "token"},
        "webhook": webhook,
    }
    followed.secret("stagewright-ledger-keys", keys_of(world.desk))
    followed.secret("forge", {"token": "t" * 40, "webhook": secret})
    followed.write(world.spec | {"forge": forge})
    ports = free_port(), free_port()
    one, two = (("--webhook-address", f"127.0.0.1:{port}") for port in ports)
    with running_controller(world.namespace, world.kubeconfig, world.folder, name="one", flags=one):
        followed.wait('.status.conditions[?(@.type=="ForgeReachable")].status', "False")
        two = (*two, "--log-level", "debug")
        with running_controller(world.namespace, world.kubeconfig, world.folder, name="two", flags=two) as standing:
            standing.said("standing by with what it refers to")
            place = f"/webhook/{world.namespace}/bank"
            assert knock(ports[1], place, "a guess at the secret") == HTTPStatus.UNAUTHORIZED
            assert knock(ports[1], f"{place}x", secret) == HTTPStatus.UNAUTHORIZED
            assert knock(ports[1], place, secret) == HTTPStatus.ACCEPTED
            followed.wait_for(".status.lastHandledReconcileAt")
            found = followed.get()
            asked = found["metadata"]["annotations"]["stagewright.dev/reconcile-requested-at"]
            assert asked.startswith("webhook at ")
            assert found["status"]["lastHandledReconcileAt"] == asked


def knock(port: int, path: str, secret: str) -> int:
    """Knock as a forge does; the answer."""
    signature = hmac.new(secret.encode(), b"{}", sha256).hexdigest()
    headers = {"X-Gitea-Signature": signature, "X-Gitea-Event": "push"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, body=b"{}", headers=headers)
    return connection.getresponse().status
