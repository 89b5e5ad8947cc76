"""A signed rejection is of what it names. Committing the same anew, or elsewhere, does not shake it off."""

from pathlib import Path

import pytest

from tests.bank import GOVERNANCE, MODEL, Bank, Pull, answers, policy, rule, verdict_on

STAGING = f"{MODEL}/Staging"
BOTH = policy(rule("both", "Staging", approvals=[(1, "codeowners"), (1, "@acme/model-risk")]), GOVERNANCE)


def begun(root: Path) -> Bank:
    bank = Bank(root, rules=BOTH)
    for _ in range(2):
        bank.train()
    bank.sync()
    return bank


def again(bank: Bank, version: int = 1) -> Pull:
    """The change of a branch that was rejected, committed anew on another one, approved by two others, and merged."""
    pull = bank.propose(MODEL, {"Staging": version})
    bank.approve("noor", pull)
    bank.approve("pat", pull)
    bank.merge(pull)
    return pull


@pytest.mark.parametrize("deleted", [False, True], ids=["the tag is there", "the tag is deleted"])
def test_rejected_change_committed_anew_is_rejected_still(tmp_path: Path, deleted: bool):
    bank = begun(tmp_path)
    pull = bank.propose(MODEL, {"Staging": 1})
    tag = bank.reject("mo", pull)
    bank.sync()
    bank.world.delete_branch(pull.branch)
    if deleted:
        bank.world.delete_tag(tag)
    merged = again(bank)
    assert merged.head != pull.head
    report = bank.sync()
    assert answers(report) == {STAGING: "pending"}
    assert "veto by @mo" in verdict_on(report, STAGING).reason
    assert bank.aliases() == {}
    bank.approve("mo", merged, withdraws=[tag])
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_rejection_that_its_author_withdrew_on_the_old_branch_blocks_no_new_one(tmp_path: Path):
    bank = begun(tmp_path)
    pull = bank.propose(MODEL, {"Staging": 1})
    tag = bank.reject("mo", pull)
    bank.approve("mo", pull, withdraws=[tag])
    bank.sync()
    bank.world.delete_branch(pull.branch)
    again(bank)
    assert answers(bank.sync()) == {STAGING: "approved"}
    bank.verified()


@pytest.mark.parametrize("withdrawing", ["noor", "mallory"])
def test_nobody_else_withdraws_it_elsewhere(tmp_path: Path, withdrawing: str):
    bank = begun(tmp_path)
    pull = bank.propose(MODEL, {"Staging": 1})
    tag = bank.reject("mo", pull)
    bank.approve(withdrawing, pull, withdraws=[tag])
    bank.sync()
    again(bank)
    assert answers(bank.sync()) == {STAGING: "pending"}
    assert bank.aliases() == {}
    bank.verified()


def test_another_change_is_not_rejected_with_it_and_a_stranger_rejects_nothing(tmp_path: Path):
    bank = begun(tmp_path)
    bank.reject("mo", bank.propose(MODEL, {"Staging": 1}))
    other = bank.propose(MODEL, {"Staging": 2})
    bank.reject("mallory", other)
    bank.world.delete_branch(other.branch)
    bank.sync()
    again(bank, version=2)
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 2}
    bank.verified()
