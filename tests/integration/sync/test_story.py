"""The happy path, end to end: genesis, a promotion to each stage, an idle sync, and a ledger that verifies."""

from pathlib import Path

import pytest

from tests.bank import MODEL, Bank, answers
from tests.git_world import World
from tests.quick_world import QuickWorld


@pytest.mark.parametrize("world", [World, QuickWorld], ids=["git itself", "in process"])
def test_story_of_one_model_from_genesis_to_production(tmp_path: Path, world: type[World]):
    bank = Bank(tmp_path, world=world)
    version = bank.train()

    began = bank.sync()
    assert (began.began, began.stalled, began.waiting, began.verdicts) == (True, "", "", ())

    staging = bank.promote(MODEL, {"Staging": version}, "noor")
    report = bank.sync()
    assert answers(report) == {f"{MODEL}/Staging": "approved"}
    assert bank.aliases() == {"challenger": 1}

    both = bank.promote(MODEL, {"Staging": version, "Production": version}, "noor", "mo")
    report = bank.sync()
    assert answers(report) == {f"{MODEL}/Production": "approved"}
    assert bank.aliases() == {"challenger": 1, "champion": 1}
    assert bank.stages() == {1: "Production"}
    assert staging.head != both.head

    size = bank.ledger().size
    report = bank.sync()
    assert (report.ledger_size, report.applied, report.verdicts) == (size, (), ())
    bank.verified()
