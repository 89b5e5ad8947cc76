"""Steps of several commits: what a rebase merge brought counts as one, whatever the forge says."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest

from stagewright.ledger import predicates as entry
from stagewright.model.source import PullFacts
from tests.bank import MODEL, answers, verdict_on
from tests.hosted_bank import HostedBank, Proposal

STAGING = f"{MODEL}/Staging"
DOCUMENT = f"models/{MODEL}.yaml"


def begun(versions: int = 3) -> HostedBank:
    bank = HostedBank()
    for _ in range(versions):
        bank.train()
    bank.sync()
    return bank


def three_commits(bank: HostedBank) -> Proposal:
    """Version 1 on the way to version 2, with a README before them."""
    return bank.open(
        {"README.md": "More.\n"},
        {DOCUMENT: bank.text({"Staging": 1})},
        {DOCUMENT: bank.text({"Staging": 2})},
    )


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_pull_request_of_several_commits_is_one_promotion(how: Literal["merge", "squash", "rebase"]):
    bank = begun()
    pull = three_commits(bank)
    bank.review("noor", pull)
    made = bank.merge(pull, how)
    report = bank.sync()
    assert [(str(v.promotion.key), v.answer) for v in report.verdicts] == [(STAGING, "approved")]
    assert (report.revision, report.waiting) == (made[-1], "")
    assert bank.aliases() == {"challenger": 2}
    assert bank.state().position == len(made)


def test_states_between_the_commits_of_a_rebase_never_count():
    bank = begun()
    pull = three_commits(bank)
    bank.review("noor", pull, at=pull.commits[1][0])
    bank.merge(pull, "rebase")
    report = bank.sync()
    assert answers(report) == {STAGING: "pending"}
    assert [s.reason for s in verdict_on(report, STAGING).sign_offs] == [
        "the reviewed commit proposed something else: pins, what they replace, the card or the spec changed"
    ]
    assert bank.aliases() == {}


def test_pending_step_of_several_commits_is_approved_later():
    bank = begun()
    pull = three_commits(bank)
    bank.merge(pull, "rebase")
    assert answers(bank.sync()) == {STAGING: "pending"}
    bank.restart()
    bank.review("noor", pull)
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 2}


def test_commits_of_a_rebase_that_come_to_nothing_are_passed_in_one_step():
    bank = begun()
    text = bank.text({})
    pull = bank.open({DOCUMENT: bank.text({"Staging": 1})}, {DOCUMENT: text})
    made = bank.merge(pull, "rebase")
    report = bank.sync()
    assert (report.verdicts, report.revision, report.waiting) == ((), made[-1], "")


def test_commits_that_change_no_key_cost_no_question():
    bank = begun()
    for number in range(20):
        bank.push({"README.md": f"{number}\n"})
    report = bank.sync()
    assert (bank.forge.asked, report.revision) == ([], bank.head())


def test_pull_request_of_several_commits_costs_one_question():
    bank = begun()
    pull = three_commits(bank)
    bank.review("noor", pull)
    made = bank.merge(pull, "rebase")
    bank.sync()
    assert bank.forge.asked == [made[1]]


def test_forge_that_was_incomplete_leaves_the_whole_step_for_later():
    bank = begun()
    pull = three_commits(bank)
    bank.review("noor", pull)
    made = bank.merge(pull, "rebase")
    bank.forge.gap = made[1]
    report = bank.sync()
    assert (report.verdicts, report.revision) == ((), made[0])
    bank.restart()
    bank.forge.gap = ""
    report = bank.sync()
    assert (answers(report), report.revision) == ({STAGING: "approved"}, made[-1])
    (recorded,) = bank.entries(entry.Verdict)
    assert (recorded.base, recorded.commit, recorded.position) == (bank.first, made[-1], 3)


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (lambda pull, made: replace(pull, brought=(pull.first_parent, *made[1:])), "do not follow each other"),
        (lambda pull, made: replace(pull, brought=made[:1]), "which did not bring it"),
        (lambda pull, made: replace(pull, brought=(*made, "f" * 40)), "which the branch does not hold yet"),
        (lambda pull, made: replace(pull, brought=("f" * 40, *made)), "no commit ffff"),
        (lambda pull, made: replace(pull, first_parent=made[0]), "and the branch holds it onto"),
        (lambda pull, made: replace(pull, brought=made[1:]), "was merged onto"),
    ],
    ids=["a gap", "without the commit", "beyond the branch", "unknown", "onto another", "without the first"],
)
def test_what_does_not_fit_the_history_is_never_judged(
    lie: Callable[[PullFacts, tuple[str, ...]], PullFacts], reason: str
):
    bank = begun()
    pull = three_commits(bank)
    bank.review("noor", pull)
    made = tuple(bank.merge(pull, "rebase"))
    honest = bank.forge.pull(made[1], made[0])
    assert honest is not None
    bank.forge.merged(made[1], lie(honest, made))
    report = bank.sync()
    assert (report.verdicts, bank.aliases()) == ((), {})
    assert reason in report.waiting
    # the honest twin is applied
    bank.forge.merged(made[1], honest)
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 2}


def test_commits_that_were_judged_before_are_no_part_of_a_later_step():
    bank = begun()
    pushed = bank.push({DOCUMENT: bank.text({"Staging": 3})})
    assert answers(bank.sync()) == {STAGING: "refused"}
    pull = bank.open({DOCUMENT: bank.text({"Staging": 2})})
    bank.review("noor", pull)
    (made,) = bank.merge(pull, "squash")
    honest = bank.forge.pull(made, pushed)
    assert honest is not None
    bank.forge.merged(made, replace(honest, brought=(pushed, made), first_parent=bank.first))
    report = bank.sync()
    assert "brought commits that were judged before without it" in report.waiting
    assert bank.aliases() == {}


def test_open_promotion_for_which_another_pull_request_is_named_waits():
    bank = begun()
    pull = bank.propose({"Staging": 1})
    (made,) = bank.merge(pull, "squash")
    assert answers(bank.sync()) == {STAGING: "pending"}
    honest = bank.forge.pull(made, bank.first)
    assert honest is not None
    bank.review("noor", pull)
    bank.forge.merged(made, replace(honest, id="99"))
    report = bank.sync()
    assert (report.verdicts, bank.aliases()) == ((), {})
    assert "another pull request than before" in report.waiting
    bank.forge.merged(made, honest)
    assert answers(bank.sync()) == {STAGING: "approved"}
