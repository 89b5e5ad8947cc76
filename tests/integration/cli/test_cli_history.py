"""`history accept` and `approve --history`: a branch that was rewritten, followed once people agreed."""

from pathlib import Path

import pytest

from stagewright.model.review import DecisionText, TagDecision
from tests.cli_desk import ORIGIN, Desk
from tests.hosted_desk import HostedDesk


def rewritten(desk: Desk) -> tuple[str, str]:
    """A commit on main that a sync has seen, and what somebody made of it afterwards."""
    clone = desk.clone("max")
    desk.git(clone, "fetch", "-q", "origin")
    desk.git(clone, "checkout", "-q", "-B", "main", "origin/main")
    (clone / "NOTES.md").write_text("A password, by mistake.\n")
    desk.git(clone, "add", "NOTES.md")
    desk.git(clone, "commit", "-q", "-m", "Note something")
    desk.git(clone, "push", "-q", "origin", "main")
    desk.run("max", "sync", "--once")
    before = desk.git(clone, "rev-parse", "HEAD")
    (clone / "NOTES.md").write_text("Nothing.\n")
    desk.git(clone, "commit", "-q", "-a", "--amend", "-m", "Note nothing")
    desk.git(clone, "push", "-q", "-f", "origin", "main")
    return before, desk.git(clone, "rev-parse", "HEAD")


def accept(desk: Desk, before: str, after: str, *more: str, expect: int) -> str:
    span = ("--from", before, "--to", after, "--reason", "A password was removed")
    told = desk.run("max", "history", "accept", *span, *more, expect=expect)
    return told.out + told.err


def test_rewritten_branch_is_followed_once_those_who_may_agreed(begun: Desk):
    before, after = rewritten(begun)
    stalled = begun.run("max", "sync", "--once", expect=1)
    assert f"stagewright history accept --from {before} --to {after}" in stalled.err
    told = accept(begun, before, after, "--yes", expect=8)
    assert f"stagewright approve --history {before}..{after}" in told
    assert "1 commits are left, 1 are new" in told
    signed = begun.run("cody", "approve", "--history", f"{before}..{after}", "--yes")
    assert f"goes on from commit {after} instead of {before}" in signed.out
    assert "0 of 2 given" in accept(begun, before, after, "--dry-run", expect=8)
    begun.run("mo", "reject", "--history", f"{before}..{after}", "--reason", "Why?", "--yes")
    assert "veto by @mo" in accept(begun, before, after, "--dry-run", expect=8)
    for name in ("mo", "pat"):
        begun.run(name, "approve", "--history", f"{before}..{after}", "--yes")
    assert "nothing was recorded" in accept(begun, before, after, "--dry-run", expect=0)
    begun.run("max", "sync", "--once", expect=1)
    assert "recorded as entry" in accept(begun, before, after, "--yes", expect=0)
    assert "stalled" not in begun.run("max", "sync", "--once").out
    assert "there is nothing to accept" in accept(begun, after, after, expect=2)


def test_approval_of_a_history_shows_what_it_declares_otherwise(begun: Desk):
    before, _ = rewritten(begun)
    after = begun.edit("max", {"models/credit-risk.yaml": document(begun)}, branch="main", message="Change the purpose")
    shown = begun.run("mo", "approve", "--history", f"{before}..{after}", "--yes").out
    assert "credit-risk/@spec  is declared otherwise there" in shown


def document(desk: Desk) -> str:
    text = (desk.clone("max") / "models/credit-risk.yaml").read_text()
    return text.replace("purpose: Score", "purpose: Score otherwise")


@pytest.mark.parametrize("span", ["1234..5678", "main", f"{'0' * 40}.."])
def test_history_has_to_be_named_in_full(begun: Desk, span: str):
    assert "is no whole commit id" in begun.run("mo", "approve", "--history", span, "--yes", expect=2).err


def test_history_without_a_verb_is_that_of_a_model(begun: Desk):
    named = begun.run("max", "history", "credit-risk", "-o", "name").out
    assert named == begun.run("max", "history", "of", "credit-risk", "-o", "name").out
    assert named != ""


# -- a forge with accounts ---------------------------------------------------------------------------------------


@pytest.fixture
def hosted(tmp_path: Path) -> HostedDesk:
    desk = HostedDesk(tmp_path)
    desk.version()
    desk.begin()
    return desk


def review(desk: HostedDesk, who: str, number: int, decision: TagDecision, commit: str | None = None) -> None:
    head = commit or desk.pulls[number].facts.merged_head
    desk.people[who].decide(number, DecisionText(decision=decision, subjects=("0" * 64,)), commit=head)


def test_on_a_forge_an_open_pull_request_carries_the_approvals(hosted: HostedDesk):
    before, after = rewritten(hosted)
    assert "nothing was opened" in accept(hosted, before, after, "--dry-run", expect=8)
    assert "opened https://forge.example/" in accept(hosted, before, after, "--yes", expect=8)
    (number,) = hosted.pulls
    head = hosted.pulls[number].facts.merged_head
    (file,) = hosted.origin("diff", "--name-only", after, head).split()
    assert hosted.origin("show", f"{head}:{file}") == (
        f'{{"history":{{"from":"{before}","to":"{after}"}},"origin":"{ORIGIN}"}}'
    )
    # whoever asks does not approve, and the file is what is approved
    review(hosted, "max", number, "approve")
    review(hosted, "mo", number, "approve")
    review(hosted, "pat", number, "approve", commit=after)
    assert "1 of 2 given" in accept(hosted, before, after, "--yes", expect=8)
    assert len(hosted.pulls) == 1
    review(hosted, "pat", number, "reject")
    assert "veto by" in accept(hosted, before, after, "--yes", expect=8)
    review(hosted, "pat", number, "approve")
    assert "recorded as entry" in accept(hosted, before, after, "--yes", expect=0)
    assert "stalled" not in hosted.run("max", "sync", "--once").out


def test_on_a_forge_a_pull_request_that_asks_for_another_history_carries_nothing(hosted: HostedDesk):
    before, after = rewritten(hosted)
    accept(hosted, before, after, "--yes", expect=8)
    (number,) = hosted.pulls
    for name in ("mo", "pat"):
        review(hosted, name, number, "approve")
    later = hosted.edit("max", {"NOTES.md": "More.\n"}, branch="main")
    assert "0 of 2 given" in accept(hosted, before, later, "--dry-run", expect=8)
    assert "2 of 2" not in accept(hosted, before, later, "--dry-run", expect=8)
    assert "given by" in accept(hosted, before, after, "--dry-run", expect=0)


def test_on_a_forge_nobody_signs_a_tag(hosted: HostedDesk):
    before, after = rewritten(hosted)
    told = hosted.run("mo", "approve", "--history", f"{before}..{after}", "--yes", expect=2)
    assert "approved on the page of its pull request" in told.err
