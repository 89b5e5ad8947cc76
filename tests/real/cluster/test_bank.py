"""The whole product as a bank runs it: a real cluster, MLflow and Gitea, the image, Helm; one story, told in order.

Every test goes on where the one before it ended.
"""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagewright.adapters.directory import DirectoryStore
from stagewright.demo.gitea_server import built
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from tests.cluster.access import Cluster
from tests.cluster.installed_bank import InstalledBank
from tests.cluster.node import Node
from tests.cluster.secure_gitea import running_secure_gitea
from tests.mlflow_server import MlflowServer


class Story:
    """A bank, and where the volume of its ledgers lies."""

    def __init__(self, bank: InstalledBank, volume: Path) -> None:
        self.bank = bank
        self.volume = volume
        self.staging = 0
        self.merged = ""

    @property
    def folder(self) -> Path:
        return next(self.volume.rglob(f"{self.bank.namespace}/bank"))

    def said(self) -> list[entry.Predicate]:
        """What the ledger on its volume says."""
        return [found.statement.predicate for found in Ledger.read(DirectoryStore(self.folder)).entries()]

    def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = self.bank.get()["status"]["ledger"]
        return found


@pytest.fixture(scope="module")
def story(
    cluster: Cluster,
    node: Node,
    host_address: str,
    mlflow_server: MlflowServer,
    image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    namespace = f"bank-{secrets.token_hex(3)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
    volume = node.offer_volume(f"{namespace}-ledger")
    room = tmp_path_factory.mktemp("bank")
    with cluster.left():
        built()
    with running_secure_gitea(host_address, room) as gitea:
        bank = InstalledBank(
            cluster=cluster, gitea=gitea, mlflow=mlflow_server, image=image, namespace=namespace, room=room
        )
        bank.install()
        bank.follow()
        yield Story(bank, volume)
        bank.abandon()
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def test_registry_sync_becomes_ready_and_its_ledger_begins(story: Story) -> None:
    status = story.bank.reason("Ready", "Synced")

    first, *_ = story.said()
    assert isinstance(first, entry.Genesis)
    assert status["ledger"]["origin"] == first.origin
    assert first.forge == f"gitea {story.bank.gitea.url}/{story.bank.world.repository}"
    assert status["lastAppliedRevision"] == story.bank.world.head()
    assert story.bank.aliases() == {}


def test_pull_request_is_told_what_it_lacks_once_gitea_wakes_the_pod(story: Story) -> None:
    bank = story.bank
    story.staging = bank.propose("Staging", version=1, first=True)

    marked = bank.marked(bank.pull(story.staging)["head"]["sha"], "pending")

    assert marked == "pending"
    [comment] = bank.comments(story.staging, "@noor")
    assert "@noor" in comment
    assert bank.aliases() == {}


def test_two_review_somebody_merges_and_the_webhook_brings_it_to_mlflow(story: Story) -> None:
    bank = story.bank
    head = bank.pull(story.staging)["head"]["sha"]
    bank.approve("noor", story.staging)
    bank.approve("ravi", story.staging)
    story.merged = bank.merge(story.staging)

    status = bank.wait(".status.lastAppliedRevision", story.merged)

    assert bank.aliases() == {"challenger": "1"}
    assert status["counts"]["pending"] == 0
    assert [c["status"] for c in status["conditions"] if c["type"] == "Ready"] == ["True"]
    assert status["history"][0]["revision"].endswith(story.merged)
    [row] = [row for row in bank.rows() if row["spec"]["stage"] == "Staging"]
    assert row["status"]["verdict"] == "approved"
    assert row["status"]["appliedAt"]
    assert {"PromotionApproved", "Applied"} <= set(bank.events())
    [comment] = bank.comments(story.staging, "Applied")
    assert "Applied" in comment
    assert bank.marked(head, "success") == "success"


def test_metrics_of_the_pod_say_the_same(story: Story) -> None:
    told = story.bank.metrics()

    labels = f'namespace="{story.bank.namespace}",sync="bank"'
    assert f"stagewright_ledger_entries{{{labels}}} {float(story.ledger()['size'])}" in told
    assert re.search(
        rf'^stagewright_model_stage_info\{{.*model="{story.bank.model}".*stage="Staging".*version="1".*\}} 1\.0$',
        told,
        re.MULTILINE,
    )
    assert "stagewright_leader 1.0" in told


def test_ledger_on_its_volume_verifies_with_the_logs_key_pinned(story: Story) -> None:
    told = story.bank.verified(story.folder)

    assert str(story.ledger()["size"]) in told
    verdicts = [said for said in story.said() if isinstance(said, entry.Verdict)]
    approved = [said for said in verdicts if said.verdict == "approved" and "Staging" in said.key]
    assert [{person.login for person in said.sign_offs if person.counted} for said in approved][-1:] != [set()]
    assert len(approved) == 1


def test_drift_by_hand_is_corrected(story: Story) -> None:
    bank = story.bank
    bank.builder.alias(bank.model, "challenger", 2)

    bank.ask()

    assert bank.aliases() == {"challenger": "1"}
    assert "stagewright_drift_corrected_total{" in bank.metrics()
    assert [type(said) for said in story.said()][-3:] == [entry.Drift, entry.Intent, entry.Outcome]


def test_upgrade_and_rollback_go_on_with_the_ledger(story: Story) -> None:
    bank, before = story.bank, story.ledger()

    bank.install("controller.workers=2", verb="upgrade")
    bank.ask()
    bank.helm("rollback", "stagewright", "1", "--wait", "--timeout=180s")
    bank.ask()

    assert story.ledger()["origin"] == before["origin"]
    assert story.ledger()["size"] >= before["size"]
    assert sum(isinstance(said, entry.Genesis) for said in story.said()) == 1


def test_uninstall_keeps_the_ledger_and_a_reinstall_goes_on_where_it_was(story: Story) -> None:
    bank, before = story.bank, story.ledger()
    bank.uninstall()
    # nobody follows it: what is merged meanwhile waits
    assert bank.get()["status"]["ledger"] == before
    bank.verified(story.folder)
    number = bank.propose("Staging", version=2)
    bank.approve("noor", number)
    merged = bank.merge(number)
    assert bank.aliases() == {"challenger": "1"}

    bank.install()
    bank.hook()
    bank.wait(".status.lastAppliedRevision", merged)

    assert bank.aliases() == {"challenger": "2"}
    assert story.ledger()["origin"] == before["origin"]
    assert sum(isinstance(said, entry.Genesis) for said in story.said()) == 1
    bank.verified(story.folder)


def test_repository_changed_in_the_object_stalls_until_that_is_confirmed(story: Story) -> None:
    bank, moved = story.bank, story.bank.world.mirrored("moved")

    bank.write(bank.spec(moved))
    status = bank.reason("Stalled", "ConfigurationMoved")
    [stalled] = [c for c in status["conditions"] if c["type"] == "Stalled"]
    assert not any(isinstance(said, entry.Rebind) for said in story.said())
    command = stalled["message"].rpartition(": ")[2].removesuffix(")").split()
    assert command[:2] == ["kubectl", "annotate"]
    bank.cluster.kubectl(*command[1:-1], "stagewright.dev/rebind-reason=The repository moved", command[-1])
    bank.reason("Ready", "Synced")

    [said] = [said for said in story.said() if isinstance(said, entry.Rebind)]
    assert (said.after["repository"].endswith(f"/{moved}.git"), said.reason.endswith(": The repository moved")) == (
        True,
        True,
    )
    assert bank.aliases() == {"challenger": "2"}
    bank.verified(story.folder)
