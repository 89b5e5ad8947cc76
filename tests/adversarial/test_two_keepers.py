"""Two configurations on one MLflow: a repository of its own, and an easier policy, bring nobody's version in."""

from pathlib import Path
from typing import Any

import pytest

from stagewright.app.sync import SyncReport
from stagewright.errors import ClaimedError
from stagewright.kube.claims import ClaimDesk, registry_key
from stagewright.model.keys import StageKey
from stagewright.model.plan import Blocked
from tests.bank import MODEL, Bank, policy, rule
from tests.git_world import LEDGER

MLFLOW = "https://mlflow.example.com"
OLD, YOUNG = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
EASY = (
    rule("easy", "Staging", "Production", approvals=[(1, "codeowners")]),
    rule("governance", approvals=[(1, "codeowners")]),
)
OTHER = "ledger.example.org/other"


class Cluster:
    """Objects that one controller follows, each with a bank of its own on the same MLflow."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.objects: dict[str, dict[str, Any]] = {}
        self.desk = ClaimDesk(lambda: tuple(self.objects.values()))
        self.banks: dict[str, Bank] = {}

    def add(
        self, name: str, made: str, *, namespace: str = "ml", uri: str = MLFLOW, origin: str = LEDGER, rules: Any = ()
    ) -> Bank:
        (self.root / name).mkdir()
        first = next(iter(self.banks.values()), None)
        bank = Bank(self.root / name, rules=policy(*rules, origin=origin))
        if first is None:
            bank.train(MODEL)
            bank.train(MODEL)
        else:
            bank.memory_registry, bank.registry, bank.clock = first.memory_registry, first.registry, first.clock
        metadata = {"namespace": namespace, "name": name, "uid": name, "creationTimestamp": made}
        self.objects[name] = {"metadata": metadata, "spec": {"registry": {"uri": uri}}}
        bank.origin = origin
        bank.claims = self.desk.of(namespace, name, name, uri)
        bank.restart()
        self.banks[name] = bank
        return bank

    def sync(self, name: str) -> SyncReport:
        report = self.banks[name].sync()
        self.objects[name]["status"] = {"ledger": {"size": report.ledger_size}}
        self.desk.tried(name)
        return report


def kept_by(who: str, stage: str) -> Blocked:
    reason = f"'{MODEL}' in MLflow is kept by {who}"
    return Blocked(key=StageKey(MODEL, stage), reason=reason, identity=False, claimed=True)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def put_in(cluster: Cluster, name: str) -> Bank:
    """The bank of an object, after version 1 came to Staging by it."""
    bank = cluster.banks[name]
    cluster.sync(name)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    cluster.sync(name)
    return bank


@pytest.mark.parametrize(
    ("namespace", "uri", "who"),
    [
        ("ml", MLFLOW, "the RegistrySync bank"),
        ("others", MLFLOW, "a RegistrySync of another namespace"),
        ("ml", "HTTPS://MLFLOW.example.com.:443//", "the RegistrySync bank"),
    ],
)
@pytest.mark.parametrize("made", [YOUNG, "2025-01-01T00:00:00Z"])
def test_version_approved_under_an_easier_policy_of_another_object_stays_out(
    cluster: Cluster, made: str, namespace: str, uri: str, who: str
):
    """Also where that object was made first: by its ledger the bank wrote the model before it."""
    bank_rules = cluster.add("bank", OLD)
    put_in(cluster, "bank")
    thief = cluster.add("thief", made, namespace=namespace, uri=uri, origin=OTHER, rules=EASY)
    cluster.sync("thief")
    thief.promote(MODEL, {"Production": 2}, "noor")

    report = cluster.sync("thief")

    assert [verdict.answer for verdict in report.verdicts] == ["approved"]
    assert report.blocked == (kept_by(who, "Production"),)
    assert report.applied == ()
    assert bank_rules.aliases() == {"challenger": 1}


def test_new_leader_applies_nothing_before_the_others_said_what_they_keep(cluster: Cluster):
    cluster.add("bank", OLD)
    bank = put_in(cluster, "bank")
    thief = cluster.add("thief", YOUNG, origin=OTHER, rules=EASY)
    cluster.sync("thief")
    thief.promote(MODEL, {"Production": 2}, "noor")
    cluster.sync("thief")
    cluster.desk.forget_all()

    early = cluster.sync("thief")
    cluster.sync("bank")
    late = cluster.sync("thief")

    assert early.waiting.startswith("nothing was applied: the RegistrySync bank uses the same MLflow, and has not said")
    assert late.blocked == (kept_by("the RegistrySync bank", "Production"),)
    assert bank.aliases() == {"challenger": 1}


def test_keeper_that_cannot_say_it_any_more_is_waited_for_by_the_younger_alone(cluster: Cluster):
    cluster.add("bank", OLD)
    bank = put_in(cluster, "bank")
    thief = cluster.add("thief", YOUNG, origin=OTHER, rules=EASY)
    cluster.sync("thief")
    thief.promote(MODEL, {"Production": 2}, "noor")
    cluster.desk.forget_all()
    cluster.desk.tried("bank")
    cluster.desk.tried("thief")

    report = cluster.sync("thief")
    own = cluster.sync("bank")

    assert (report.applied, report.waiting != "") == ((), True)
    assert (own.waiting, bank.aliases()) == ("", {"challenger": 1})


def test_object_that_names_an_mlflow_and_never_had_a_ledger_holds_up_nobody(cluster: Cluster):
    cluster.add("idle", OLD, origin=OTHER)
    cluster.add("bank", YOUNG)

    bank = put_in(cluster, "bank")

    assert bank.aliases() == {"challenger": 1}


def test_second_object_with_the_origin_of_a_ledger_begins_none(cluster: Cluster):
    cluster.add("bank", YOUNG)
    put_in(cluster, "bank")
    cluster.add("twin", OLD, namespace="others")

    with pytest.raises(ClaimedError, match=f"the ledger {LEDGER} is that of a RegistrySync of another namespace"):
        cluster.sync("twin")

    assert not (cluster.root / "twin/ledger").exists()


def test_two_objects_with_models_of_their_own_on_one_mlflow_do_not_hinder_one_another(cluster: Cluster):
    cluster.add("bank", OLD)
    put_in(cluster, "bank")
    other = cluster.add("other", YOUNG, origin=OTHER)
    other.train("churn")
    cluster.sync("other")
    other.world.commit("maintainer", {"models/churn.yaml": other.text("churn")})
    other.promote("churn", {"Staging": 1}, "noor")

    reports = cluster.sync("other"), cluster.sync("bank")

    assert other.aliases("churn") == {"challenger": 1}
    assert [(report.blocked, report.waiting) for report in reports] == [((), ""), ((), "")]


def test_model_of_an_object_that_is_deleted_is_the_next_ones(cluster: Cluster):
    cluster.add("bank", OLD)
    put_in(cluster, "bank")
    heir = cluster.add("heir", YOUNG, origin=OTHER, rules=EASY)
    cluster.sync("heir")
    heir.promote(MODEL, {"Production": 2}, "noor")
    blocked = cluster.sync("heir").blocked
    del cluster.objects["bank"]

    report = cluster.sync("heir")

    assert (len(blocked), report.blocked) == (1, ())
    assert heir.aliases()["champion"] == 2


def test_two_who_do_not_see_one_another_raise_an_alarm(tmp_path: Path):
    """Another installation: nothing but the corrections that do not last shows it."""
    bank = Bank(tmp_path)
    bank.train(MODEL)
    bank.train(MODEL)
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()

    raised = []
    for _ in range(4):
        bank.memory_registry.models[MODEL].aliases["challenger"] = 2
        bank.sync()
        raised.append([alarm["subject"] for alarm in alarms(bank)])

    subject = f"{MODEL}/Staging contested"
    assert raised == [[], [], [subject], [subject]]


def alarms(bank: Bank) -> list[dict[str, str]]:
    return [{"subject": alarm.subject, "message": alarm.message} for alarm in bank.recorded().alarms.values()]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://mlflow.example.com", "https://mlflow.example.com/", True),
        ("https://mlflow.example.com", "HTTPS://MLflow.example.com.:443", True),
        ("https://mlflow.example.com/a%62", "https://mlflow.example.com//ab/", True),
        ("https://mlflow.example.com", "https://mlflow.example.com:8443", False),
        ("https://mlflow.example.com/a", "https://mlflow.example.com/b", False),
        ("https://mlflow.example.com", "https://mlflow.example.org", False),
    ],
)
def test_registry_key_of_two_spellings_is_one_and_of_two_registries_two(
    one: str, other: str, same: bool
):  # a row of the table
    assert (registry_key(one) == registry_key(other)) is same
