"""Reviews as two APIs tell them, and what they decide."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stagewright.adapters.github.records import NO_COMMIT, Dismissal, PullRecord, ReviewRecord, facts_of, held_against
from stagewright.errors import IncompleteError
from stagewright.model.review import Account, Decision

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NOOR, ADA = Account(id="2", login="noor"), Account(id="9", login="ada")
COMMIT, OTHER = "a" * 40, "b" * 40


def review(own: int = 1, state: str = "APPROVED", commit: str = COMMIT, author: Account | None = NOOR) -> ReviewRecord:
    return ReviewRecord(id=own, state=state, author=author, commit=commit, at=AT)


def pull(*reviews: ReviewRecord, dismissals: tuple[Dismissal, ...] = (), turned: datetime | None = None) -> PullRecord:
    return PullRecord(
        number=7, title="Promote", url="https://github.com/acme/models/pull/7", state="MERGED", draft=False,
        created=AT, updated=AT, merged=AT, base="main", head_branch="promote", head=COMMIT,
        head_repository="acme/models", author=None, merge_commit=OTHER, reviews=reviews, dismissals=dismissals,
        turned=turned,
    )  # fmt: skip


def row(
    own: int = 1, state: str = "APPROVED", commit: str | None = COMMIT, author: Account | None = NOOR
) -> dict[str, Any]:
    user = None if author is None else {"id": int(author.id), "login": author.login, "type": "User"}
    return {"id": own, "state": state, "commit_id": commit, "user": user}


@pytest.mark.parametrize(
    ("told", "listed", "commit"),
    [
        (review(), row(), COMMIT),
        (review(commit=NO_COMMIT), row(), COMMIT),
        (review(), row(commit=None), COMMIT),
        (review(commit=NO_COMMIT), row(commit=None), NO_COMMIT),
        (review(), row(state="DISMISSED"), None),
        (review(), row(commit=OTHER), None),
        (review(), row(own=2), None),
        (review(author=None), row(author=None), COMMIT),
        (review(author=None), row(), None),
        (review(), row(author=None), None),
        (review(), row(author=ADA), None),
    ],
    ids=[
        "the same", "GraphQL forgot the commit", "REST forgot the commit", "both forgot it", "another state",
        "another commit", "another review", "both say nobody's", "GraphQL says nobody's", "REST says nobody's",
        "another author",
    ],
)  # fmt: skip
def test_review_of_two_apis(told: ReviewRecord, listed: dict[str, Any], commit: str | None):
    found = held_against(pull(told), [listed, {"id": 99, "state": "PENDING"}])

    assert (None if found is None else [one.commit for one in found.reviews]) == (None if commit is None else [commit])


@pytest.mark.parametrize(("told", "listed"), [([review()], []), ([], [row()])], ids=["REST lacks it", "GraphQL does"])
def test_reviews_that_one_of_two_apis_lacks(told: list[ReviewRecord], listed: list[dict[str, Any]]):
    assert held_against(pull(*told), listed) is None


@pytest.mark.parametrize(
    ("was", "by", "author", "decision"),
    [
        ("APPROVED", NOOR, NOOR, "dismissed"),
        ("APPROVED", ADA, NOOR, "dismissed"),
        ("CHANGES_REQUESTED", NOOR, NOOR, "dismissed"),
        ("CHANGES_REQUESTED", ADA, NOOR, "reject"),
        ("CHANGES_REQUESTED", None, NOOR, "reject"),
        ("CHANGES_REQUESTED", ADA, None, "reject"),
        ("CHANGES_REQUESTED", None, None, "reject"),
    ],
)
def test_dismissed_review(was: str, by: Account | None, author: Account | None, decision: Decision):
    event = Dismissal(review=1, was=was, actor=by, at=AT)

    (found,) = facts_of(pull(review(state="DISMISSED", author=author), dismissals=(event,)))

    assert found.decision == decision


@pytest.mark.parametrize("state", ["DISMISSED", "LGTM", "approved"])
def test_review_that_is_not_understood_is_incomplete(state: str):
    event = Dismissal(review=2, was="APPROVED", actor=NOOR, at=AT)

    with pytest.raises(IncompleteError, match="review 1 "):
        facts_of(pull(replace(review(), state=state), dismissals=(event,)))


@pytest.mark.parametrize(
    ("state", "minutes", "flawed"),
    [("APPROVED", 1, True), ("APPROVED", 0, True), ("APPROVED", -1, False), ("CHANGES_REQUESTED", 1, False)],
    ids=["approved before", "approved at the same second", "approved after", "rejected before"],
)
def test_review_of_a_pull_request_that_was_turned_to_another_branch(state: str, minutes: int, *, flawed: bool):
    (found,) = facts_of(pull(review(state=state), turned=AT + timedelta(minutes=minutes)))

    why = "it was given before the pull request was turned to main, or main was moved by force"
    assert found.flaw == (why if flawed else None)
