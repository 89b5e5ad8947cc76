"""What a policy may ask beyond its approvals: approvals in time, few promotions at once, a target for the review."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stagewright.app.status import Row, status
from stagewright.app.view import Sight, look
from tests.bank import GOVERNANCE, MODEL, Bank, answers, policy, rule, verdict_on
from tests.hosted_bank import HostedBank, account

STAGING, PRODUCTION = f"{MODEL}/Staging", f"{MODEL}/Production"
IN_TIME = rule("in-time", "Staging", approvals=[(1, "codeowners")], approvalsAfterMerge="refuse")
PLAIN = rule("plain", "Production", approvals=[(1, "codeowners")])


def begun(root: Path, rules: str) -> Bank:
    bank = Bank(root, rules=rules)
    for _ in range(3):
        bank.train()
    bank.sync()
    return bank


# -- approvals from after the merge --------------------------------------------------------------------------------


def test_approval_after_the_merge_does_not_count_where_the_policy_refuses_it(tmp_path: Path):
    bank = begun(tmp_path, policy(IN_TIME, PLAIN, GOVERNANCE))
    late = bank.promote(MODEL, {"Staging": 1, "Production": 1})
    assert answers(bank.sync()) == {STAGING: "pending", PRODUCTION: "pending"}
    bank.approve("noor", late)
    report = bank.sync()
    assert answers(report) == {STAGING: "pending", PRODUCTION: "approved"}
    assert "too late, after the merge: @noor" in verdict_on(report, STAGING).reason
    assert bank.aliases() == {"champion": 1}
    # the same, proposed anew and approved in time
    bank.promote(MODEL, {"Staging": 2, "Production": 1}, "noor")
    assert answers(bank.sync()) == {STAGING: "approved"}
    bank.verified()


def test_approval_in_time_is_not_lost_by_another_after_the_merge(tmp_path: Path):
    rules = policy(rule("two", "Staging", approvals=[(2, "codeowners")], approvalsAfterMerge="refuse"), GOVERNANCE)
    bank = begun(tmp_path, rules)
    pull = bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    for who in ("noor", "olga"):
        bank.approve(who, pull)
    reason = verdict_on(bank.sync(), STAGING).reason
    assert "1 of 2 given" in reason
    assert "too late, after the merge: @olga" in reason


def test_rejection_after_the_merge_counts_all_the_same(tmp_path: Path):
    rules = policy(rule("two", "Staging", approvals=[(2, "codeowners")], approvalsAfterMerge="refuse"), GOVERNANCE)
    bank = begun(tmp_path, rules)
    pull = bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    bank.reject("olga", pull)
    assert "veto by @olga" in verdict_on(bank.sync(), STAGING).reason


@pytest.mark.parametrize("restarted", [False, True])
def test_time_of_the_merge_is_the_forges_where_it_has_one(restarted: bool):
    bank = HostedBank(rules=policy(IN_TIME, GOVERNANCE))
    bank.train()
    bank.sync()
    pull = bank.propose({"Staging": 1})
    (commit,) = bank.merge(pull)
    merged_at = bank.clock.now()
    facts = bank.forge.pull(commit, bank.first)
    assert facts is not None
    bank.forge.merged(commit, replace(facts, merged_at=merged_at))
    bank.clock.forward(minutes=5)
    bank.review("noor", pull)
    if restarted:
        bank.restart()
    report = bank.sync()
    assert answers(report) == {STAGING: "pending"}
    assert f"too late, after the merge: @{account('noor').login}" in report.verdicts[-1].reason


# -- how many at once ----------------------------------------------------------------------------------------------


def test_pull_request_that_promotes_more_than_the_policy_allows_is_refused_whole(tmp_path: Path):
    rules = policy(rule("all", "Staging", "Production", approvals=[(1, "codeowners")]), GOVERNANCE,
                   limits={"promotionsPerPullRequest": 1})  # fmt: skip
    bank = begun(tmp_path, rules)
    bank.promote(MODEL, {"Staging": 1, "Production": 1}, "noor", "olga")
    report = bank.sync()
    assert answers(report) == {STAGING: "refused", PRODUCTION: "refused"}
    assert "lets one pull request promote 1 at most, and this one 2" in verdict_on(report, STAGING).reason
    # what is restored beside it is not counted
    bank.promote(MODEL, {"Staging": 2}, "noor")
    assert answers(bank.sync()) == {STAGING: "approved", PRODUCTION: "approved"}
    assert bank.aliases() == {"challenger": 2}
    bank.verified()


# -- the review's target -------------------------------------------------------------------------------------------


def row(bank: Bank, key: str) -> Row:
    sight = Sight(
        config=bank.config, source=bank.source, forge=bank.forge, registry=bank.registry, store=bank.store,
        clock=bank.clock,
    )  # fmt: skip
    return next(one for one in status(look(sight)).rows if one.key == key)


def test_status_says_since_when_a_promotion_waits_and_until_when_it_should_be_reviewed(tmp_path: Path):
    rules = policy(IN_TIME | {"reviewTarget": "4h"}, PLAIN, GOVERNANCE)
    bank = begun(tmp_path, rules)
    bank.promote(MODEL, {"Staging": 1, "Production": 1})
    bank.sync()
    since = bank.clock.now()
    bank.clock.forward(hours=3)
    bank.sync()
    found = row(bank, STAGING)
    assert (found.since, found.due, found.overdue) == (since, since + timedelta(hours=4), False)
    assert row(bank, PRODUCTION).due == since + timedelta(hours=48)
    bank.clock.forward(hours=2)
    assert row(bank, STAGING).overdue
    assert not row(bank, PRODUCTION).overdue
    assert since.tzinfo == UTC
    assert isinstance(found.due, datetime)


def test_status_of_what_does_not_wait_has_no_clock(tmp_path: Path):
    bank = begun(tmp_path, policy(IN_TIME, PLAIN, GOVERNANCE))
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    found = row(bank, STAGING)
    assert (found.state, found.since, found.due, found.overdue) == ("Synced", None, None, False)
