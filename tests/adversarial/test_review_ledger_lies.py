"""An insider with both of the controller's keys writes into the ledger past the controller.

What was never approved must not verify, whatever kind of entry is bent for it. The honest ledger beside it does.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stagewright.ledger import predicates as p
from stagewright.ledger.chronicle import Chronicle
from stagewright.ledger.log import Ledger
from stagewright.ledger.statement import Statement, commit_subject
from stagewright.ledger.verification import verify
from tests.bank import MODEL, Bank
from tests.fakes.ledger_store import SeedSigner

TWIN, KEY, FORGED = "churn", f"{MODEL}/Production", "fa" * 32


class Insider(Ledger):
    """A writer that asks no rule."""

    def _admit(self, statements: Any, signer: str) -> Chronicle:
        chronicle = self._new_chronicle()
        for entry in self._tree.entries(0):
            chronicle.admit(self.entry(entry[0]).statement, signer)
        for statement in statements:
            chronicle.admit(statement, signer)
        return chronicle


def begun(root: Path) -> Bank:
    """Version 1 of one model runs in Production, by the book; versions 2 were never looked at."""
    bank = Bank(root, prepare=lambda bank: {f"models/{TWIN}.yaml": bank.text(TWIN, card=None)})
    for model in (MODEL, TWIN):
        bank.train(model)
        bank.train(model)
    bank.sync()
    bank.promote(MODEL, {"Staging": 1, "Production": 1}, "noor", "mo")
    bank.sync()
    bank.verified()
    return bank


def fields(bank: Bank) -> dict[str, Any]:
    return bank.entries(p.Intent)[-1].model_dump(include=set(p.Header.model_fields), by_alias=False) | {
        "recorded_at": bank.clock.now(),
        "epoch": bank.entries(p.Intent)[-1].epoch,
    }


def stated(predicate: p.Predicate) -> Statement:
    return Statement(subject=(commit_subject("x", "c0" * 20),), predicate=predicate)


def alias(after: str, *, model: str = MODEL) -> tuple[p.Action, ...]:
    return (p.Action(type="alias", model=model, target="champion", version=int(after), before=None, after=after),)


def by_drift(bank: Bank) -> list[p.Predicate]:
    own = fields(bank)
    drift = p.Drift(
        **own,
        id=FORGED,
        model=MODEL,
        stage="Production",
        expected={"champion": "2"},
        found={"champion": "1"},
        first_seen=bank.clock.now(),
        last_seen=bank.clock.now(),
        decision="corrected",
    )
    return [drift, p.Intent(**own, cause=p.Cause(kind="drift", id=FORGED), key=KEY, actions=alias("2"))]


def by_restore(bank: Bank) -> list[p.Predicate]:
    own = fields(bank)
    before = [v for v in bank.entries(p.Verdict) if v.key == KEY][-1]
    restored = before.model_copy(
        update={
            **own,
            "promotion": FORGED,
            "to": {**before.to, "version": 2},
            "restore": True,
            "requirements": (),
            "sign_offs": (),
        }
    )
    return [restored, p.Intent(**own, cause=p.Cause(kind="promotion", id=FORGED), key=KEY, actions=alias("2"))]


def by_asking_nobody(bank: Bank) -> list[p.Predicate]:
    restored, intent = by_restore(bank)
    return [restored.model_copy(update={"restore": False}), intent]


def by_another_models_approval(bank: Bank) -> list[p.Predicate]:
    before = [v for v in bank.entries(p.Verdict) if v.key == KEY and v.verdict == "approved"][-1]
    cause = p.Cause(kind="promotion", id=before.promotion)
    return [p.Intent(**fields(bank), cause=cause, key=KEY, actions=alias("1", model=TWIN))]


def by_another_versions_stage(bank: Bank) -> list[p.Predicate]:
    before = [v for v in bank.entries(p.Verdict) if v.key == KEY and v.verdict == "approved"][-1]
    cause = p.Cause(kind="promotion", id=before.promotion)
    moved = p.Action(type="stage", model=MODEL, target="stage", version=2, before="None", after="Production")
    return [p.Intent(**fields(bank), cause=cause, key=KEY, actions=(moved,))]


LIES = (by_drift, by_restore, by_asking_nobody, by_another_models_approval, by_another_versions_stage)


@pytest.mark.parametrize("lie", LIES)
def test_lie_that_the_keys_can_sign_does_not_verify(tmp_path: Path, lie: Callable[[Bank], list[p.Predicate]]):
    bank = begun(tmp_path)
    told = lie(bank)
    insider = Insider.open(
        bank.store, origin=bank.ledger().origin, log_signer=SeedSigner(1), entry_signer=SeedSigner(2)
    )
    indices = insider.append([stated(one) for one in told])
    (intent,) = (one for one in told if isinstance(one, p.Intent))
    after = tuple(action.after for action in intent.actions)
    outcome = p.Outcome(**fields(bank), intent=indices[-1], result="applied", recovered=False, after=after, error=None)
    insider.append([stated(outcome)])
    report = verify(bank.store, log_key=bank.ledger().log_key, checkpoints=())
    assert [step.number for step in report.steps if step.status == "FAIL"] == [11]
    assert not report.verified


def test_honest_correction_beside_them_verifies(tmp_path: Path):
    bank = begun(tmp_path)
    bank.memory_registry.set_alias(MODEL, "champion", 2)
    bank.memory_registry.stored(MODEL, 2).stage = "Production"
    bank.sync()
    assert (bank.aliases()["champion"], bank.stages()[2]) == (1, "Archived")
    bank.verified()
