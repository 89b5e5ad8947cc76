"""Whoever brings in what is promoted is no independent approver of it, however the commit graph hides them.

A value that stood on the branch once can be fetched back by a merge, or by beginning from there: such a commit differs
from one of its parents only, as an honest "Update branch" does.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bank import MODEL, Bank, Pull, answers, verdict_on

STAGING = f"{MODEL}/Staging"
FILE = f"models/{MODEL}.yaml"


def begun(root: Path) -> tuple[Bank, str]:
    """A bank with three versions, and a commit of its branch at which Staging was once declared to hold 2."""
    bank = Bank(root)
    for _ in range(3):
        bank.train()
    bank.sync()
    old = bank.world.push_main("noor", {FILE: bank.text(MODEL, {"Staging": 2})})
    bank.world.push_main("noor", {FILE: bank.text(MODEL)})
    bank.sync()
    return bank, old


def merged_in(bank: Bank, pull: Pull, old: str, text: str) -> None:
    bank.world.craft("noor", [pull.head, old], {FILE: text}, branch=pull.branch)


def merged_apart(bank: Bank, pull: Pull, old: str, text: str) -> None:
    apart = bank.world.craft("noor", [bank.world.head(), old], {FILE: text})
    bank.world.craft("noor", [pull.head, apart], {FILE: text}, branch=pull.branch)


def begun_from(bank: Bank, pull: Pull, old: str, text: str) -> None:
    apart = bank.world.craft("noor", [old], {"README.md": "Mended.\n"})
    bank.world.craft("noor", [pull.head, apart], {FILE: text}, branch=pull.branch)


@pytest.mark.parametrize("how", [merged_in, merged_apart, begun_from])
def test_old_value_fetched_back_makes_a_contributor(tmp_path: Path, how: Callable[[Bank, Pull, str, str], None]):
    bank, old = begun(tmp_path)
    pull = bank.propose(MODEL, {"Staging": 3})
    how(bank, pull, old, bank.text(MODEL, {"Staging": 2}))
    pull = bank.pull(pull.branch)
    bank.approve("noor", pull)
    bank.merge(pull)
    report = bank.sync()
    assert answers(report) == {STAGING: "pending"}
    assert "nobody approves their own work" in " ".join(s.reason for s in verdict_on(report, STAGING).sign_offs)
    assert bank.aliases() == {}
    bank.approve("olga", pull)
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 2}
    bank.verified()


def test_reviewer_who_updates_the_branch_and_mends_another_file_may_approve(tmp_path: Path):
    bank, _ = begun(tmp_path)
    pull = bank.propose(MODEL, {"Staging": 3})
    bank.world.push_main("maintainer", {"README.md": "Meanwhile.\n"})
    bank.world.update_branch(pull.branch, by="noor")
    bank.world.commit("noor", {"NOTES.md": "A word.\n"}, branch=pull.branch)
    pull = bank.pull(pull.branch)
    bank.approve("noor", pull)
    bank.merge(pull)
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 3}
    bank.verified()
