"""A bank's day on a real Gitea: what was reviewed there runs, and what was not does not."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from stagewright.ledger import predicates as entry
from tests.bank import MODEL
from tests.gitea.bank import GiteaBank
from tests.gitea.server import GiteaError, GiteaServer

STYLES = ("merge", "rebase", "rebase-merge", "squash", "fast-forward-only")


@pytest.fixture
def bank(gitea: GiteaServer, tmp_path: Path) -> GiteaBank:
    """A bank with one version trained, whose ledger has begun."""
    made = GiteaBank(gitea, tmp_path, grace=timedelta(0))
    made.train()
    made.sync()
    return made


@pytest.mark.parametrize("style", STYLES)
def test_reviewed_promotion_runs_after_a_merge_of_each_style(bank: GiteaBank, style: str):
    number = bank.propose({"Staging": 1})
    head = bank.world.head("promote")
    bank.sync()
    before = bank.status(head), bank.comment(number)
    bank.review("noor", number)
    bank.sync()
    approved = bank.status(head)
    bank.merge(number, style)

    report = bank.sync()

    assert (report.waiting, report.stalled, [verdict.answer for verdict in report.verdicts]) == ("", "", ["approved"])
    assert bank.aliases() == {"challenger": 1}
    assert (before[0], approved) == ("pending", "success")
    assert "@noor" in before[1]
    assert "Applied" in bank.comment(number)


def test_rebased_pull_request_of_several_commits_is_one_step(bank: GiteaBank):
    bank.train()
    bank.world.commit("dana", {f"models/{MODEL}.yaml": bank.text({"Staging": 2})}, branch="promote", sign=False)
    number = bank.propose({"Staging": 1})
    bank.review("noor", number)
    bank.world.push_main("eve", {"README.md": "Other.\n"})
    bank.sync()
    bank.merge(number, "rebase")

    report = bank.sync()

    assert [verdict.answer for verdict in report.verdicts] == ["approved"]
    assert bank.aliases() == {"challenger": 1}


def unreviewed(bank: GiteaBank, number: int) -> None:
    bank.merge(number, force_merge=True)


def by_nobody_entitled(bank: GiteaBank, number: int) -> None:
    bank.review("eve", number)
    bank.merge(number)


def dismissed(bank: GiteaBank, number: int) -> None:
    review = bank.review("noor", number)
    bank.world.call("POST", f"/pulls/{number}/reviews/{review}/dismissals", {"message": "no"}, by="maintainer")
    bank.merge(number)


def pushed_after_approval(bank: GiteaBank, number: int) -> None:
    bank.review("noor", number)
    bank.train()
    bank.world.commit("dana", {f"models/{MODEL}.yaml": bank.text({"Staging": 2})}, branch="promote", sign=False)
    bank.world.settle(number)
    bank.merge(number)


def vetoed(bank: GiteaBank, number: int) -> None:
    bank.review("noor", number)
    bank.review("olga", number, "reject")
    bank.merge(number, force_merge=True)


def veto_dismissed(bank: GiteaBank, number: int) -> None:
    bank.review("noor", number)
    review = bank.review("olga", number, "reject")
    bank.world.call("POST", f"/pulls/{number}/reviews/{review}/dismissals", {"message": "go"}, by="maintainer")
    bank.merge(number)


def veto_deleted(bank: GiteaBank, number: int) -> None:
    bank.review("noor", number)
    review = bank.review("olga", number, "reject")
    bank.world.call("DELETE", f"/pulls/{number}/reviews/{review}")
    bank.merge(number)


def own_content(bank: GiteaBank, number: int) -> None:
    bank.train()
    bank.world.commit("noor", {f"models/{MODEL}.yaml": bank.text({"Staging": 2})}, branch="promote", sign=False)
    bank.review("noor", number)
    bank.merge(number)


def commented(bank: GiteaBank, number: int) -> None:
    bank.review("noor", number, "comment")
    bank.merge(number)


def owner_without_access(bank: GiteaBank, number: int) -> None:
    team = next(
        row for row in bank.world.server.call("GET", f"/orgs/{bank.world.org}/teams") if row["name"] == "deciders"
    )
    bank.world.server.call("DELETE", f"/teams/{team['id']}/members/noor")
    bank.world.team("readers", "noor")
    bank.review("noor", number)
    bank.merge(number)


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [
        pytest.param(unreviewed, "given", id="an administrator merges past everything"),
        pytest.param(by_nobody_entitled, "given", id="somebody who owns nothing approves"),
        pytest.param(dismissed, "given", id="the approval is dismissed"),
        pytest.param(pushed_after_approval, "given", id="another version is pushed after the approval"),
        pytest.param(vetoed, "veto by @olga", id="a request for changes is disregarded"),
        pytest.param(veto_dismissed, "veto by @olga", id="a request for changes is dismissed by another"),
        pytest.param(veto_deleted, "veto by @olga", id="a request for changes is deleted"),
        pytest.param(own_content, "given", id="the reviewer pushed what they approve"),
        pytest.param(commented, "given", id="a comment says it is fine"),
        pytest.param(owner_without_access, "given", id="the owner may not write any more"),
    ],
)
def test_promotion_that_was_not_signed_off_does_not_run(
    bank: GiteaBank, attempt: Callable[[GiteaBank, int], None], reason: str
):
    number = bank.propose({"Staging": 1})
    attempt(bank, number)

    report = bank.sync()

    (verdict,) = report.verdicts
    assert verdict.answer == "pending"
    assert [r.detail for r in verdict.requirements if r.state == "missing" and reason in r.detail] != []
    assert bank.aliases() == {}


def test_push_straight_to_main_is_refused_once_that_is_certain(gitea: GiteaServer, tmp_path: Path):
    bank = GiteaBank(gitea, tmp_path)
    bank.train()
    bank.sync()
    bank.world.push_main("noor", {f"models/{MODEL}.yaml": bank.text({"Staging": 1})})

    waiting = bank.sync()
    bank._grace = timedelta(0)
    bank.restart()
    certain = bank.sync()

    assert (waiting.verdicts, "without a pull request" in waiting.waiting) == ((), True)
    assert [verdict.answer for verdict in certain.verdicts] == ["refused"]
    assert bank.aliases() == {}


def test_nobody_approves_their_own_pull_request_on_gitea(bank: GiteaBank):
    number = bank.propose({"Staging": 1}, by="noor")

    with pytest.raises(GiteaError, match="own pull"):
        bank.review("noor", number)


def test_owner_who_was_renamed_is_the_same_person_and_whoever_took_the_name_is_not(bank: GiteaBank):
    server, taker = bank.world.server, bank.world.server.unique("mallory")
    bank.world.team("takers", taker, permission="write")
    bank.train()
    server.call("POST", "/admin/users/noor/rename", {"new_username": "noor-gone"})
    server.call("POST", f"/admin/users/{taker}/rename", {"new_username": "noor"})
    try:
        bank.restart()
        first = bank.propose({"Staging": 1})
        bank.review(taker, first)
        bank.merge(first)
        taken = bank.sync()
        second = bank.propose({"Staging": 2}, branch="again")
        bank.review("noor", second)
        bank.merge(second)
        renamed = bank.sync()
    finally:
        server.call("POST", "/admin/users/noor/rename", {"new_username": taker})
        server.call("POST", "/admin/users/noor-gone/rename", {"new_username": "noor"})

    assert [verdict.answer for verdict in taken.verdicts] == ["pending"]
    assert [verdict.answer for verdict in renamed.verdicts] == ["approved"]
    assert [alarm.subject for alarm in bank.entries(entry.Alarm)] == ["login @noor"]
    assert bank.aliases() == {"challenger": 2}


def test_updated_branch_keeps_its_approval(bank: GiteaBank):
    number = bank.propose({"Staging": 1})
    bank.review("noor", number)
    bank.world.push_main("eve", {"README.md": "Other.\n"})
    bank.world.settle(number)
    bank.world.call("POST", f"/pulls/{number}/update?style=merge", by="noor")
    bank.world.settle_feed(bank.world.head("promote"), branch="promote")
    bank.merge(number)

    report = bank.sync()

    assert [verdict.answer for verdict in report.verdicts] == ["approved"]
    assert bank.aliases() == {"challenger": 1}


def test_restarted_controller_says_nothing_twice(bank: GiteaBank):
    number = bank.propose({"Staging": 1})
    head = bank.world.head("promote")
    bank.sync()
    said, marks = bank.comment(number), bank.world.call("GET", f"/commits/{head}/statuses")

    bank.restart()
    bank.sync()

    assert bank.comment(number) != ""
    assert len(bank.world.call("GET", f"/commits/{head}/statuses")) == len(marks) == 1
    assert len(bank.world.call("GET", f"/issues/{number}/comments")) == 1
    assert said.splitlines()[0] == bank.comment(number).splitlines()[0]
