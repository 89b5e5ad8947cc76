"""Which model of MLflow a document writes to: one document each, and a light classification is not carried over.

`toy` is of the low tier, and its owners alone may promote it. Nothing that they approve may move another model.
"""

from pathlib import Path

import pytest

from tests.bank import GOVERNANCE, LIGHT, MODEL, Bank, Pull, answers, policy, rule

TOY, RIVAL = "toy", "fraud"
TIERED = policy(
    LIGHT,
    rule("heavy", "Production", approvals=[(1, "codeowners"), (1, "@acme/model-risk")], tiers=["medium", "high"]),
    rule("easy", "Production", approvals=[(1, "codeowners")], tiers=["low"]),
    GOVERNANCE,
)
STANDS = {MODEL: {"champion": 1}, TOY: {}, RIVAL: {"champion": 1}}


def begun(root: Path) -> Bank:
    """`toy` is classified as light; `fraud` runs in MLflow, and no document names it yet."""
    bank = Bank(root, rules=TIERED)
    for model in (MODEL, TOY, RIVAL):
        for _ in range(2):
            bank.train(model)
    bank.memory_registry.set_alias(RIVAL, "champion", 1)
    bank.sync()
    bank.promote(MODEL, {"Production": 1}, "noor", "mo")
    toy(bank, {}, "noor", "mo")
    assert set(answers(bank.sync()).values()) == {"approved"}
    return bank


def toy(bank: Bank, stages: dict[str, object], *approvers: str, **spec: object) -> Pull:
    return bank.promote(TOY, stages, *approvers, riskTier="low", card=None, **spec)


def aliases(bank: Bank) -> dict[str, dict[str, int]]:
    return {model: bank.aliases(model) for model in STANDS}


@pytest.mark.parametrize("name", [MODEL, MODEL.upper()])
def test_light_document_turned_to_another_documents_model_is_refused(tmp_path: Path, name: str):
    bank = begun(tmp_path)
    toy(bank, {"Production": bank.pins(2)}, "noor", "mo", registeredModel=name)
    assert answers(bank.sync())[f"{TOY}/@spec"] == "refused"
    assert aliases(bank) == STANDS
    bank.verified()


@pytest.mark.parametrize("held", ["none", 1])
def test_light_document_turned_to_a_model_that_no_document_names_waits_for_the_heavy_rule(tmp_path: Path, held: object):
    bank = begun(tmp_path)
    toy(bank, {"Production": held}, "noor")
    bank.sync()
    before = aliases(bank)
    pins = held if held == "none" else bank.pins(1, TOY)
    turned = toy(bank, {"Production": pins}, "noor", registeredModel=RIVAL)
    assert answers(bank.sync()) == {f"{TOY}/@spec": "pending"}
    assert aliases(bank) == before
    bank.approve("mo", turned)
    assert answers(bank.sync()) == {f"{TOY}/@spec": "approved"}
    bank.verified()


def test_document_turned_to_a_model_that_begins_in_the_same_step_is_refused_with_it(tmp_path: Path):
    bank = begun(tmp_path)
    toy(bank, {"Production": "none"}, "noor")
    bank.world.push_main("maintainer", {f"models/{RIVAL}.yaml": bank.text(RIVAL, {}, card=None)})
    bank.sync()
    pull = bank.branch(
        {
            f"models/{RIVAL}.yaml": bank.text(RIVAL, {"Production": 1}, card=None),
            f"models/{TOY}.yaml": bank.text(
                TOY, {"Production": "none"}, riskTier="low", card=None, registeredModel=RIVAL
            ),
        }
    )
    bank.approve("noor", pull)
    bank.approve("mo", pull)
    bank.merge(pull)
    assert answers(bank.sync()) == {f"{RIVAL}/Production": "refused", f"{TOY}/@spec": "refused"}
    assert aliases(bank) == STANDS
    bank.verified()


def test_spec_removed_while_a_stage_stays_does_not_fall_back_on_a_name_that_is_taken(tmp_path: Path):
    bank = begun(tmp_path)
    toy(bank, {"Production": "none"}, "noor", "mo", registeredModel="toy-2")
    bank.promote("other", {}, "noor", "mo", riskTier="high", card=None, registeredModel=TOY)
    assert set(answers(bank.sync()).values()) == {"approved"}
    bank.train("other")
    bank.promote("other", {"Production": bank.pins(1, TOY)}, "noor", "mo", card=None, registeredModel=TOY)
    assert answers(bank.sync()) == {"other/Production": "approved"}
    removed = bank.branch({f"models/{TOY}.yaml": None})
    bank.approve("olga", removed)
    bank.merge(removed)
    assert answers(bank.sync())[f"{TOY}/@spec"] == "refused"
    assert bank.aliases(TOY) == {"champion": 1}
    bank.verified()


def test_document_turned_to_a_free_name_by_the_book_is_followed(tmp_path: Path):
    bank = begun(tmp_path)
    toy(bank, {}, "noor", "mo", registeredModel=RIVAL)
    assert answers(bank.sync()) == {f"{TOY}/@spec": "approved"}
    toy(bank, {"Production": bank.pins(2, RIVAL)}, "noor", registeredModel=RIVAL)
    assert answers(bank.sync()) == {f"{TOY}/Production": "approved"}
    assert aliases(bank) == STANDS | {RIVAL: {"champion": 2}}
    bank.verified()
