"""Promotions reviewed on GitHub, from the proposal to MLflow, by the real controller."""

from pathlib import Path

import pytest

from tests.bank import MODEL
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.faults import Fault
from tests.github_bank import GitHubBank


def begun(github: GitHubDouble, tmp_path: Path, *, app: bool = True) -> GitHubBank:
    bank = GitHubBank(github, tmp_path, app=app)
    bank.train()
    bank.sync()
    return bank


@pytest.mark.parametrize("app", [True, False], ids=["app", "token"])
@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_reviewed_promotion_is_applied_and_shown(github: GitHubDouble, tmp_path: Path, how: str, *, app: bool):
    bank = begun(github, tmp_path, app=app)
    number = bank.propose({"Staging": 1})
    head = bank.world.head("promote")
    bank.sync()
    waiting = (bank.mark(head), "Staging" in bank.comment(number))
    bank.review("noor", number)
    bank.sync()
    ready = bank.mark(head)
    bank.merge(number, how)
    report = bank.sync()

    assert (waiting, ready) == ((("in_progress" if app else "pending"), True), "success")
    assert [(v.answer, str(v.promotion.key)) for v in report.verdicts] == [("approved", f"{MODEL}/Staging")]
    assert (bank.aliases(), report.waiting) == ({"challenger": 1}, "")
    assert [(d.environment, [s.state for s in d.statuses]) for d in bank.world.hosted.deployments] == [
        ("Staging", ["success"])
    ]


def test_nothing_is_said_or_spent_again_while_nothing_happens(github: GitHubDouble, tmp_path: Path):
    bank = begun(github, tmp_path)
    first = bank.propose({"Staging": 1})
    bank.merge(first)
    bank.world.put("dana", {f"models/{MODEL}.yaml": bank.text({})}, branch="other")
    bank.world.open("other")
    bank.sync()
    bank.sync()
    bank.world.spent()

    for _ in range(3):
        bank.sync()

    assert bank.world.writes() == []
    bank.sync()
    assert bank.world.spent() == 0


@pytest.mark.parametrize(
    ("who", "decision"), [("dana", "approve"), ("mo", "approve"), ("noor", "comment")],
    ids=["the author", "nobody's owner", "a comment"],
)  # fmt: skip
def test_approval_that_does_not_count_applies_nothing(github: GitHubDouble, tmp_path: Path, who: str, decision: str):
    bank = begun(github, tmp_path)
    number = bank.propose({"Staging": 1}, by="maintainer" if who == "dana" else "dana")
    bank.world.put("dana", {"cards/other.md": "x\n"}, branch="promote")
    if who == "dana":
        # dana takes the pull request over, and so made what is promoted
        bank.world.put("dana", {f"models/{MODEL}.yaml": bank.text({"Staging": 1}, purpose="More.")}, branch="promote")
    bank.review(who, number, decision)
    bank.merge(number, "squash")

    report = bank.sync()

    assert {v.answer for v in report.verdicts} == {"pending"}
    assert bank.aliases() == {}
    bank.review("noor", number)
    assert bank.sync().waiting == ""


def test_veto_blocks_until_its_author_approves(github: GitHubDouble, tmp_path: Path):
    bank = begun(github, tmp_path)
    number = bank.propose({"Staging": 1})
    veto = bank.review("olga", number, "reject")
    bank.review("noor", number)
    bank.world.dismiss("maintainer", number, veto)
    bank.merge(number)
    bank.sync()
    blocked = bank.aliases()
    bank.review("olga", number, "approve")
    bank.sync()

    assert (blocked, bank.aliases()) == ({}, {"challenger": 1})


def test_straight_push_is_refused_once_it_is_certain(github: GitHubDouble, tmp_path: Path):
    bank = begun(github, tmp_path)
    bank.world.put("maintainer", {f"models/{MODEL}.yaml": bank.text({"Staging": 1})})

    early = bank.sync()
    bank.clock.forward(minutes=2)
    late = bank.sync()

    assert ("may not have noticed yet" in early.waiting, early.verdicts) == (True, ())
    assert ([v.answer for v in late.verdicts], late.waiting, bank.aliases()) == (["refused"], "", {})


def test_outage_in_the_middle_changes_nothing_in_the_end(github: GitHubDouble, tmp_path: Path):
    bank = begun(github, tmp_path)
    number = bank.propose({"Staging": 1})
    bank.review("noor", number)
    bank.merge(number, "rebase")
    github.faults.add(Fault(kind="html", path="/api/", times=None))
    before = bank.sync()
    github.faults.clear()
    after = bank.sync()

    assert (before.verdicts, "GitHub at" in before.waiting) == ((), True)
    assert ([v.answer for v in after.verdicts], bank.aliases()) == (["approved"], {"challenger": 1})


def test_restart_in_the_middle_says_nothing_twice(github: GitHubDouble, tmp_path: Path):
    bank = begun(github, tmp_path)
    number = bank.propose({"Staging": 1})
    bank.review("noor", number)
    bank.sync()
    bank.merge(number)
    bank.sync()
    bank.world.writes()

    bank.restart()
    bank.sync()

    assert bank.world.writes() == []
    assert len(bank.world.hosted.pulls[number].comments) == 1
    assert len(bank.world.hosted.deployments) == 1
