"""Whoever may write to MLflow must not be able to make a change that no longer fits into one entry of the ledger."""

from pathlib import Path

from stagewright.core.plan import MAX_ACTIONS
from stagewright.ledger import predicates as entry
from tests.bank import MODEL, Bank, answers

PRODUCTION = f"{MODEL}/Production"


def begun(root: Path, versions: int = 2) -> Bank:
    bank = Bank(root)
    for _ in range(versions):
        bank.train()
    bank.sync()
    return bank


def test_long_tag_under_our_name_stops_no_promotion(tmp_path: Path):
    bank = begun(tmp_path)
    bank.memory_registry.stored(MODEL, 1).tags["stagewright.ledger-index"] = "x" * 100_000
    bank.promote(MODEL, {"Staging": 1}, "noor")
    assert answers(bank.sync()) == {f"{MODEL}/Staging": "approved"}
    assert bank.aliases() == {"challenger": 1}
    (intent,) = bank.entries(entry.Intent)
    assert [(a.type, a.before) for a in intent.actions] == [("alias", None), ("tag", None)]
    bank.verified()


def test_hundreds_of_versions_moved_by_hand_are_put_back_in_several_intents(tmp_path: Path):
    bank = begun(tmp_path, versions=600)
    bank.promote(MODEL, {"Staging": 1, "Production": 1}, "noor", "mo")
    bank.sync()
    for number in range(2, 600):
        bank.memory_registry.stored(MODEL, number).stage = "Production"
    bank.memory_registry.set_alias(MODEL, "champion", 2)
    bank.sync()
    assert bank.aliases() == {"challenger": 1, "champion": 1}
    for _ in range(3):
        bank.sync()
    assert {number for number, stage in bank.stages().items() if stage == "Production"} == {1}
    sizes = [len(one.actions) for one in bank.entries(entry.Intent) if one.key == PRODUCTION]
    assert max(sizes) == MAX_ACTIONS + 1  # and the tag
    assert bank.sync().applied == ()
    bank.verified()


def test_one_version_moved_by_hand_is_put_back_in_one_intent(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1, "Production": 1}, "noor", "mo")
    bank.sync()
    before = len(bank.entries(entry.Intent))
    bank.memory_registry.stored(MODEL, 2).stage = "Production"
    bank.sync()
    assert bank.stages() == {1: "Production", 2: "Archived"}
    assert len(bank.entries(entry.Intent)) == before + 1
    bank.verified()
