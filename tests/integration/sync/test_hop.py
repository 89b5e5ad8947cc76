"""From the registry on to what serves it: workloads are seen, written down and rolled, once for each change."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stagewright.app.sync import Outside, SyncReport
from stagewright.app.trace import history, trace
from stagewright.app.view import Sight, View, look
from stagewright.ledger import predicates as entry
from stagewright.model.keys import StageKey
from stagewright.model.workload import Workload
from tests.bank import MODEL, Bank
from tests.fakes.workloads import InMemoryWorkloads


class Served(Bank):
    """A bank with a cluster beside it, where one workload serves the Staging version."""

    roll = True

    def __init__(self, root: Path) -> None:
        self.workloads = InMemoryWorkloads()
        super().__init__(root)
        for _ in range(2):
            self.train()
        self.sync()
        self.server = Workload(
            kind="Deployment",
            namespace="ml",
            name="scorer",
            uid="4b0e",
            model=MODEL,
            stage="Staging",
            images=("registry.example/serve@sha256:aa",),
            version=None,
            rolled_for=None,
            created_at=self.clock.now(),
        )
        self.promote(MODEL, {"Staging": 1}, "noor")
        self.workloads.put(self.server)

    def outside(self) -> Outside:
        return replace(super().outside(), workloads=self.workloads, roll=self.roll)

    def told(self) -> list[tuple[str | None, int | None, bool]]:
        return [(d.version, d.rolled_for, d.to is not None) for d in self.entries(entry.Deployment)]

    def intents(self) -> list[int]:
        return [i for i, found in enumerate(self.ledger().entries()) if found.statement.kind == "intent"]


def test_workload_is_rolled_once_for_a_change_of_its_stage_and_written_down(tmp_path: Path):
    bank = Served(tmp_path)
    bank.sync()
    (intent,) = bank.intents()
    assert bank.workloads.rolled == [("scorer", intent)]
    # once its pods are new, they say what they loaded
    bank.workloads.put(replace(bank.workloads.there["4b0e"], version="1"))
    bank.restart()
    bank.sync()
    size = bank.ledger().size
    bank.sync()
    assert bank.workloads.rolled == [("scorer", intent)]
    assert bank.ledger().size == size
    assert bank.told() == [(None, None, False), (None, None, True), ("1", intent, False)]
    first, ended, second = bank.entries(entry.Deployment)
    assert (ended.from_, ended.to) == (first.from_, second.from_)
    assert (second.model, second.stage, second.images) == (MODEL, "Staging", bank.server.images)
    bank.verified()


def test_next_change_rolls_again_and_drift_put_right_does_too(tmp_path: Path):
    bank = Served(tmp_path)
    bank.sync()
    bank.promote(MODEL, {"Staging": 2}, "noor")
    bank.sync()
    bank.memory_registry.set_alias(MODEL, "challenger", 1)
    bank.sync()
    assert bank.workloads.rolled == [("scorer", intent) for intent in bank.intents()]
    assert len(bank.workloads.rolled) == 3
    bank.verified()


@pytest.mark.parametrize(("lost", "rolled_at_once"), [("write", 0), ("reply", 1)])
def test_roll_that_failed_is_told_and_made_up_for_once(tmp_path: Path, lost: str, rolled_at_once: int):
    bank = Served(tmp_path)
    bank.workloads.lose = lost
    report = bank.sync()
    assert "was not rolled for intent" in report.unseen
    assert len(bank.workloads.rolled) == rolled_at_once
    assert (report.waiting, bank.aliases()) == ("", {"challenger": 1})
    assert [bank.sync().unseen, bank.sync().unseen] == ["", ""]
    assert bank.workloads.rolled == [("scorer", bank.intents()[0])]


def test_workloads_that_cannot_be_seen_hold_up_nothing(tmp_path: Path):
    bank = Served(tmp_path)
    bank.workloads.down = True
    report = bank.sync()
    assert report.unseen == "workloads were not looked at: the cluster does not answer"
    assert (bank.aliases(), bank.told()) == ({"challenger": 1}, [])
    bank.workloads.down = False
    bank.sync()
    assert bank.told() == [(None, None, False)]


def test_workloads_are_left_alone_where_nobody_opted_in(tmp_path: Path):
    class Watched(Served):
        roll = False

    bank = Watched(tmp_path)
    bank.sync()
    bank.sync()
    assert (bank.workloads.rolled, bank.told()) == ([], [(None, None, False)])


def test_workload_that_began_after_the_change_or_serves_another_model_is_not_rolled(tmp_path: Path):
    bank = Served(tmp_path)
    late = replace(bank.server, uid="late", name="late", created_at=bank.clock.now() + timedelta(days=1))
    other = replace(bank.server, uid="other", name="other", model="churn")
    bank.workloads.there = {"late": late, "other": other}
    bank.sync()
    assert bank.workloads.rolled == []
    # and a model that git does not name is not ours to speak of
    assert [d.workload.name for d in bank.entries(entry.Deployment)] == ["late"]


def test_workload_being_rolled_out_stays_as_it_was_seen_and_one_that_is_gone_ends(tmp_path: Path):
    bank = Served(tmp_path)
    bank.sync()
    bank.workloads.moving = {"4b0e"}
    bank.sync()
    assert bank.told() == [(None, None, False)]
    bank.workloads.there.clear()
    report: SyncReport = bank.sync()
    assert report.unseen == ""
    assert bank.told() == [(None, None, False), (None, None, True)]
    bank.sync()
    assert len(bank.told()) == 2
    bank.verified()


def seen(bank: Bank) -> View:
    return look(
        Sight(
            config=bank.config,
            source=bank.source,
            forge=bank.forge,
            registry=bank.registry,
            store=bank.store,
            clock=bank.clock,
        )
    )


def test_trace_and_history_go_on_to_what_serves_it(tmp_path: Path):
    bank = Served(tmp_path)
    bank.sync()
    bank.workloads.put(replace(bank.workloads.there["4b0e"], version="1"))
    bank.sync()
    view = seen(bank)
    served = trace(view, StageKey(MODEL, "Staging")).hops[-1]
    assert served.name == "served by"
    assert served.text.startswith("Deployment ml/scorer since 20")
    assert served.text.endswith("says that it loaded version 1, image registry.example/serve@sha256:aa")
    assert [event.text for event in history(view, MODEL) if event.kind == "deployment"] == [
        "Deployment ml/scorer does not say what it loaded",
        "Deployment ml/scorer is seen so no more",
        "Deployment ml/scorer says that it loaded version 1",
    ]


def test_trace_without_a_cluster_has_no_hop_of_one(tmp_path: Path):
    bank = Served(tmp_path)
    bank.workloads.there.clear()
    bank.sync()
    assert [hop.name for hop in trace(seen(bank), StageKey(MODEL, "Staging")).hops][-1] == "in the registry"
