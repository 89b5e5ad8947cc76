"""From authorized to actual: modes, drift, both mappings, identity at the last moment, and what one sync costs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stagewright.errors import ForbiddenError
from stagewright.ledger import predicates as entry
from stagewright.model.evidence import Metric
from stagewright.model.plan import Action
from tests.bank import GOVERNANCE, LIGHT, MODEL, STAGES, Bank, answers, policy, rule, verdict_on
from tests.fakes.registry import InMemoryRegistry

STAGING, PRODUCTION = f"{MODEL}/Staging", f"{MODEL}/Production"
PLAIN = rule("plain", "Production", approvals=[(1, "codeowners")])


def begun(root: Path, *, versions: int = 2, **options: Any) -> Bank:
    bank = Bank(root, **options)
    for _ in range(versions):
        bank.train()
    bank.sync()
    return bank


def results(bank: Bank) -> list[str]:
    return [outcome.result for outcome in bank.entries(entry.Outcome)]


# -- modes -------------------------------------------------------------------------------------------------------


def moded(root: Path, mode: str) -> Bank:
    """A bank whose model stands in a mode, with version 1 promoted to Staging and challenger moved by hand to 2."""
    bank = Bank(root, prepare=lambda bank: {f"models/{MODEL}.yaml": bank.text(MODEL, {}, mode=mode)})
    bank.train()
    bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor", mode=mode)
    bank.sync()
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    return bank


def test_mode_observe_gives_verdicts_and_writes_nothing(tmp_path: Path):
    bank = moded(tmp_path, "observe")
    assert [v.verdict for v in bank.entries(entry.Verdict)] == ["approved"]
    report = bank.sync()
    assert [a.result for a in report.applied] == ["reported"]
    assert (bank.entries(entry.Intent), bank.aliases()) == ([], {"challenger": 2})
    size = bank.ledger().size
    assert bank.sync().ledger_size == size
    bank.verified()


def test_mode_report_applies_promotions_and_reports_drift_once(tmp_path: Path):
    bank = moded(tmp_path, "report")
    assert results(bank) == ["applied"]
    report = bank.sync()
    assert [(a.pair.drift, a.result) for a in report.applied] == [(True, "reported")]
    size = bank.ledger().size
    bank.restart()
    assert bank.sync().ledger_size == size
    (drift,) = bank.entries(entry.Drift)
    assert (drift.decision, drift.expected, drift.found) == ("reported", {"challenger": "1"}, {"challenger": "2"})
    assert bank.aliases() == {"challenger": 2}
    # other drift is another entry
    bank.memory_registry.models[MODEL].aliases.clear()
    bank.sync()
    assert [d.found for d in bank.entries(entry.Drift)] == [{"challenger": "2"}, {"challenger": None}]
    bank.verified()


def test_mode_enforce_corrects_drift_and_records_it(tmp_path: Path):
    bank = moded(tmp_path, "enforce")
    report = bank.sync()
    assert [(a.pair.drift, a.result) for a in report.applied] == [(True, "applied")]
    assert bank.aliases() == {"challenger": 1}
    assert bank.kinds(bank.ledger().size - 3) == ["drift", "intent", "outcome"]
    (drift,) = bank.entries(entry.Drift)
    assert (drift.decision, bank.entries(entry.Intent)[-1].cause.id) == ("corrected", drift.id)
    bank.verified()


def test_mode_raised_to_enforce_applies_what_was_only_observed(tmp_path: Path):
    bank = moded(tmp_path, "observe")
    bank.sync()
    pull = bank.propose(MODEL, {"Staging": 1}, mode="enforce")
    bank.approve("noor", pull)
    bank.approve("mo", pull)
    bank.merge(pull)
    report = bank.sync()
    assert answers(report) == {f"{MODEL}/@spec": "approved"}
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


# -- how a stage shows in MLflow ---------------------------------------------------------------------------------


def test_alias_and_mlflow_stage_move_together_and_the_old_version_is_archived(tmp_path: Path):
    bank = begun(tmp_path, rules=policy(LIGHT, PLAIN, GOVERNANCE))
    bank.promote(MODEL, {"Production": 1}, "noor")
    bank.sync()
    bank.promote(MODEL, {"Production": 2}, "noor")
    bank.sync()
    assert (bank.aliases(), bank.stages()) == ({"champion": 2}, {1: "Archived", 2: "Production"})
    bank.memory_registry.stored(MODEL, 1).stage = "Production"
    report = bank.sync()
    assert [(a.pair.drift, a.result) for a in report.applied] == [(True, "applied")]
    assert bank.stages() == {1: "Archived", 2: "Production"}
    bank.promote(MODEL, {"Production": "none"}, "noor")
    bank.sync()
    assert (bank.aliases(), bank.stages()) == ({}, {1: "Archived", 2: "Archived"})
    bank.verified()


def test_registered_name_of_the_authorized_spec_is_what_is_written_to(tmp_path: Path):
    bank = Bank(
        tmp_path, prepare=lambda bank: {f"models/{MODEL}.yaml": bank.text(MODEL, {}, registeredModel="Credit Risk v2")}
    )
    bank.train("Credit Risk v2", run="run-1")
    bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor", registeredModel="Credit Risk v2")
    bank.sync()
    assert (bank.aliases("Credit Risk v2"), bank.aliases()) == ({"challenger": 1}, {})
    assert bank.memory_registry.stored("Credit Risk v2", 1).tags == {"stagewright.ledger-index": "6"}
    bank.verified()


def test_alias_set_by_hand_beforehand_is_adopted_by_the_promotion_with_an_intent(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.memory_registry.set_alias(MODEL, "challenger", 1)
    bank.sync()
    assert results(bank) == ["applied"]
    assert [a.type for a in bank.entries(entry.Intent)[0].actions] == ["tag"]
    bank.verified()


def test_stage_that_the_policy_does_not_declare_is_refused(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1, "Shadow": 1}, "noor", "mo")
    report = bank.sync()
    assert answers(report) == {STAGING: "approved", f"{MODEL}/Shadow": "refused"}
    assert "no rule of the policy matches" in verdict_on(report, f"{MODEL}/Shadow").reason
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_stage_that_the_policy_ceases_to_govern_is_left_alone_with_one_alarm(tmp_path: Path):
    stages = {**STAGES, "Staging": {"ungoverned": True}}
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    pull = bank.branch({"stagewright.yaml": policy(PLAIN, GOVERNANCE, stages=stages)})
    bank.approve("mo", pull)
    bank.approve("pat", pull)
    bank.merge(pull)
    report = bank.sync()
    assert [b.reason for b in report.blocked] == ["the policy governs no stage 'Staging'"]
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    size = bank.ledger().size
    assert bank.sync().ledger_size == size
    assert bank.aliases() == {"challenger": 2}
    bank.verified()


# -- identity at the last moment ---------------------------------------------------------------------------------


class Late(InMemoryRegistry):
    """Something happens behind the controller's back once a version was looked at in depth so many times."""

    looks = 0
    after = 1
    happen: Callable[[], None] = staticmethod(lambda: None)

    def version_facts(self, name: str, version: int) -> Any:
        found = super().version_facts(name, version)
        self.looks += 1
        if self.looks == self.after:
            self.happen()
        return found


def artifacts(registry: InMemoryRegistry) -> None:
    registry.stored(MODEL, 1).files["MLmodel"] = b"something else"


def evidence(registry: InMemoryRegistry) -> None:
    stored = registry.stored(MODEL, 1)
    stored.evidence = replace(stored.evidence, metrics=(Metric(name="auc", value=0.99, step=0),))


def recreated(registry: InMemoryRegistry) -> None:
    stored = registry.stored(MODEL, 1)
    assert stored.evidence.run is not None
    stored.evidence = replace(stored.evidence, run=replace(stored.evidence.run, id="another-run"))


def unready(registry: InMemoryRegistry) -> None:
    registry.stored(MODEL, 1).status = "FAILED_REGISTRATION"


def deleted(registry: InMemoryRegistry) -> None:
    registry.delete_version(MODEL, 1)


def emptied(registry: InMemoryRegistry) -> None:
    registry.stored(MODEL, 1).files.clear()


TAMPERINGS = [artifacts, evidence, recreated, unready, deleted, emptied]


@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_version_changed_between_verdict_and_writing_is_blocked_with_one_alarm(
    tmp_path: Path, tamper: Callable[[InMemoryRegistry], None]
):
    bank = Bank(tmp_path)
    registry = Late(bank.clock)
    bank.memory_registry = bank.registry = registry
    bank.restart()
    bank.train()
    bank.sync()
    pull = bank.promote(MODEL, {"Staging": 1}, "noor")
    assert pull.subjects
    before = dict(bank.memory_registry.models[MODEL].versions[1].files), registry.stored(MODEL, 1).evidence
    registry.looks, registry.happen = 0, lambda: tamper(registry)
    report = bank.sync()
    assert answers(report) == {STAGING: "approved"}
    assert (bank.entries(entry.Intent), bank.aliases()) == ([], {})
    assert len(bank.entries(entry.Alarm)) == 1
    size = bank.ledger().size
    assert bank.sync().ledger_size == size
    if tamper is not deleted:
        # put right again, it is applied
        stored = registry.stored(MODEL, 1)
        stored.files, stored.evidence, stored.status = before[0], before[1], "READY"
        assert [a.result for a in bank.sync().applied] == ["applied"]
        assert bank.aliases() == {"challenger": 1}
    bank.verified()


@pytest.mark.parametrize("tamper", [artifacts, evidence, recreated])
def test_version_that_differs_from_its_pins_is_refused(tmp_path: Path, tamper: Callable[[InMemoryRegistry], None]):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    tamper(bank.memory_registry)
    report = bank.sync()
    assert answers(report) == {STAGING: "refused"}
    assert "signed off was" in verdict_on(report, STAGING).reason
    assert bank.aliases() == {}
    bank.verified()


def test_drift_to_a_version_whose_artifacts_were_swapped_is_not_corrected_but_alarmed(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    artifacts(bank.memory_registry)
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    report = bank.sync()
    assert [a.result for a in report.applied] == ["blocked"]
    assert len(bank.entries(entry.Alarm)) == 1
    size = bank.ledger().size
    assert bank.sync().ledger_size == size
    assert bank.aliases() == {"challenger": 2}


# -- documents ---------------------------------------------------------------------------------------------------


def test_bad_document_blocks_its_own_model_and_the_last_valid_one_stands(tmp_path: Path):
    bank = begun(tmp_path)
    bank.train("churn")
    bank.promote("churn", {"Staging": 1}, "noor", files={"cards/churn.md": "A card.\n"})
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    pull = bank.branch(
        {f"models/{MODEL}.yaml": "spec: [\n", "models/churn.yaml": bank.text("churn", {"Staging": 1}, purpose="New.")}
    )
    bank.approve("noor", pull)
    bank.approve("mo", pull)
    bank.merge(pull)
    report = bank.sync()
    assert answers(report) == {"churn/@spec": "approved"}
    assert [(p.file, p.model) for p in report.problems] == [(f"models/{MODEL}.yaml", MODEL)]
    assert bank.aliases() == {"challenger": 1}
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    bank.restart()
    assert [a.result for a in bank.sync().applied] == ["applied"]
    bank.promote(MODEL, {"Staging": 2}, "noor")
    report = bank.sync()
    assert (answers(report), report.problems) == ({STAGING: "approved"}, ())
    bank.verified()


def test_look_alike_newcomer_is_the_error_and_the_first_model_goes_on(tmp_path: Path):
    bank = begun(tmp_path)
    for _ in range(2):
        bank.train("model-1")
    bank.train("model-l")
    bank.promote("model-1", {"Staging": 1}, "noor", "mo")
    bank.sync()
    bank.promote("model-l", {"Staging": 1}, "noor", "mo")
    report = bank.sync()
    assert [(p.model, p.reason) for p in report.problems] == [("model-l", "the name 'model-l' looks like model-1")]
    assert bank.aliases("model-l") == {}
    bank.promote("model-1", {"Staging": 2}, "noor")
    assert answers(bank.sync()) == {"model-1/Staging": "approved"}
    assert (bank.aliases("model-1"), bank.aliases("model-l")) == ({"challenger": 2}, {})
    bank.verified()


# -- cost --------------------------------------------------------------------------------------------------------


def test_idle_sync_appends_nothing_and_reads_the_registry_once(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    size = bank.ledger().size
    bank.restart()
    bank.memory_registry.requests.clear()
    report = bank.sync()
    assert (report.ledger_size, report.applied, report.verdicts, report.observed) == (size, (), (), 0)
    assert bank.memory_registry.requests == ["snapshot"]


def test_promotion_costs_five_entries(tmp_path: Path):
    bank = begun(tmp_path)
    size = bank.ledger().size
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    assert bank.kinds(size) == ["observation", "verdict", "revision", "intent", "outcome"]


def test_commits_that_change_nothing_cost_one_entry_and_no_question_to_the_registry(tmp_path: Path):
    bank = begun(tmp_path)
    size = bank.ledger().size
    for number in range(5):
        bank.world.push_main("maintainer", {"README.md": f"{number}\n"})
    bank.memory_registry.requests.clear()
    bank.sync()
    assert bank.kinds(size) == ["revision"]
    assert bank.entries(entry.Revision)[-1].steps == 5
    assert bank.memory_registry.requests == ["snapshot"]


# -- the registry moves under the controller's hands ---------------------------------------------------------------


class Racing(InMemoryRegistry):
    """Somebody moves an alias just before it is read again."""

    race: Callable[[], None] | None = None

    def model(self, name: str) -> Any:
        if self.race:
            race, self.race = self.race, None
            race()
        return super().model(name)


def test_registry_moved_between_planning_and_writing_gives_none_and_is_planned_anew(tmp_path: Path):
    bank = Bank(tmp_path)
    registry = Racing(bank.clock)
    bank.memory_registry = bank.registry = registry
    bank.restart()
    bank.train()
    bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    registry.race = lambda: registry.set_alias(MODEL, "challenger", 2)
    assert [a.result for a in bank.sync().applied] == ["none"]
    assert [a.result for a in bank.sync().applied] == ["applied"]
    assert (results(bank), bank.aliases()) == (["none", "applied"], {"challenger": 1})
    bank.verified()


def test_write_that_shows_neither_before_nor_after_is_unknown_with_an_alarm(tmp_path: Path):
    bank = Bank(tmp_path)

    class Elsewhere(InMemoryRegistry):
        def apply(self, action: Action) -> None:
            if action.kind == "alias":
                action = replace(action, after="2")
            super().apply(action)

    registry = Elsewhere(bank.clock)
    bank.memory_registry = bank.registry = registry
    bank.restart()
    for _ in range(2):
        bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    assert [a.result for a in bank.sync().applied] == ["unknown"]
    assert [alarm.type for alarm in bank.entries(entry.Alarm)] == ["unknown-outcome"]
    bank.verified()


class Forbidding(InMemoryRegistry):
    """A server that lets nobody write, until it does."""

    forbids = True

    def apply(self, action: Action) -> None:
        if self.forbids:
            raise ForbiddenError("403: no permission to move aliases")
        super().apply(action)


def test_writes_that_fail_for_hours_are_tried_less_and_less_often(tmp_path: Path):
    bank = Bank(tmp_path)
    registry = Forbidding(bank.clock)
    bank.memory_registry = bank.registry = registry
    bank.restart()
    bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    tried = []
    for minute in range(40):
        before = bank.ledger().size
        (pair,) = bank.sync().applied
        assert (pair.result, pair.detail != "") == ("failed", True)
        if bank.ledger().size > before:
            tried.append(minute)
    assert tried == [0, 1, 2, 5, 12, 27]
    registry.forbids = False
    bank.restart()
    (pair,) = bank.sync().applied
    assert "it failed 6 times in a row, and is tried again at 2026-03-02 10:00:00 UTC" in pair.detail
    bank.clock.forward(hours=1)
    assert [a.result for a in bank.sync().applied] == ["applied"]
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_drift_is_corrected_with_an_alarm_though_somebody_logged_to_the_run_after_the_fact(tmp_path: Path):
    bank = begun(tmp_path)
    bank.train()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    evidence(bank.memory_registry)
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    report = bank.sync()
    assert [(a.result, a.pair.drift) for a in report.applied] == [("applied", True)]
    assert bank.aliases() == {"challenger": 1}
    assert [(a.type, a.subject) for a in bank.entries(entry.Alarm)] == [("evidence", f"{STAGING} evidence")]
    bank.verified()


def test_drift_is_not_corrected_to_a_version_whose_files_were_overwritten(tmp_path: Path):
    bank = begun(tmp_path)
    bank.train()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    artifacts(bank.memory_registry)
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    report = bank.sync()
    assert [a.result for a in report.applied] == ["blocked"]
    assert bank.aliases() == {"challenger": 2}
    bank.verified()
