"""Pull requests and their reviews as GitHub's GraphQL API tells them, as values.

    {"fullDatabaseId": "1042", "state": "CHANGES_REQUESTED", "submittedAt": "2026-11-24T22:18:55Z",
     "author": {"__typename": "User", "login": "ravi", "databaseId": 1005}, "commit": {"oid": "98c…"}}
    {"__typename": "ReviewDismissedEvent", "createdAt": "…", "previousReviewState": "CHANGES_REQUESTED", "actor": {…},
     "review": {"fullDatabaseId": "1042"}}
    {"__typename": "BaseRefChangedEvent", "createdAt": "…"}          and BaseRefForcePushedEvent, BaseRefDeletedEvent

A dismissal overwrites a review's state: only the timeline says what it was before, and who did it. Nor does a review
say against which branch its author read the change.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from stagewright.adapters.github.answers import account, actor, big_number, optional_below, optional_text
from stagewright.adapters.rows import Row, below, flag, moment, number, text
from stagewright.errors import IncompleteError
from stagewright.model.review import Account, Decision
from stagewright.model.source import ReviewFacts

# A review whose commit is not told is on no commit at all.
NO_COMMIT = "0" * 40

_STATES: dict[str, Decision] = {
    "APPROVED": "approve",
    "CHANGES_REQUESTED": "reject",
    "COMMENTED": "comment",
    "DISMISSED": "dismissed",
}
PENDING = "PENDING"
_TURNS = frozenset(
    {
        "BaseRefChangedEvent",
        "AutomaticBaseChangeSucceededEvent",
        # A branch that held the change while it was reviewed, and is put back then, hid it from its reviewers.
        "BaseRefForcePushedEvent",
        "BaseRefDeletedEvent",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRecord:
    """A review that was handed in."""

    id: int
    state: str
    author: Account | None
    commit: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismissal:
    """A review was dismissed: what it was before, and by whom."""

    review: int
    was: str
    actor: Account | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRecord:
    """A pull request. `head` stays what it was when it was merged; `head_repository` None: that is gone.

    `turned` is when its base became another branch last, or that branch was moved by force or deleted; None: never.
    """

    number: int
    title: str
    url: str
    state: str
    draft: bool
    created: datetime
    updated: datetime
    merged: datetime | None
    base: str
    head_branch: str
    head: str
    head_repository: str | None
    author: Account | None
    merge_commit: str | None
    reviews: tuple[ReviewRecord, ...]
    dismissals: tuple[Dismissal, ...]
    turned: datetime | None


def pull_of(row: Row, reviews: Iterable[Row], events: Iterable[Row]) -> PullRecord:
    """One pull request with all rows of its two lists."""
    timeline = tuple(events)
    turns = [moment(event, "createdAt") for event in timeline if text(event, "__typename") in _TURNS]
    repository, merge = optional_below(row, "headRepository"), optional_below(row, "mergeCommit")
    return PullRecord(
        number=number(row, "number"),
        title=text(row, "title"),
        url=text(row, "url"),
        state=text(row, "state"),
        draft=flag(row, "isDraft"),
        created=moment(row, "createdAt"),
        updated=moment(row, "updatedAt"),
        merged=None if row.get("mergedAt") is None else moment(row, "mergedAt"),
        base=text(row, "baseRefName"),
        head_branch=text(row, "headRefName"),
        head=text(row, "headRefOid"),
        head_repository=None if repository is None else text(repository, "nameWithOwner"),
        author=actor(row.get("author")),
        merge_commit=None if merge is None else text(merge, "oid"),
        reviews=tuple(review_of(review) for review in reviews if text(review, "state") != PENDING),
        dismissals=tuple(dismissal_of(event) for event in timeline if event.get("review") is not None),
        turned=max(turns, default=None),
    )


def review_of(row: Row) -> ReviewRecord:
    """One review."""
    commit = optional_below(row, "commit")
    return ReviewRecord(
        id=big_number(row, "fullDatabaseId"),
        state=text(row, "state"),
        author=actor(row.get("author")),
        commit=NO_COMMIT if commit is None else text(commit, "oid"),
        at=moment(row, "submittedAt"),
    )


def dismissal_of(row: Row) -> Dismissal:
    """One event of the timeline."""
    return Dismissal(
        review=big_number(below(row, "review"), "fullDatabaseId"),
        was=text(row, "previousReviewState"),
        actor=actor(row.get("actor")),
        at=moment(row, "createdAt"),
    )


def held_against(pull: PullRecord, listed: Iterable[Row]) -> PullRecord | None:
    """The pull request as both APIs tell it; None where they do not tell the same reviews.

    `listed` are the rows of the REST API: `{"id": 1042, "state": "APPROVED", "commit_id": "98c…", "user": {…}, …}`. A
    commit that one of them does not know any more is the one that the other names. Both have to name the same person:
    a rejection whose author one of them leaves out would be nobody's.
    """
    shown = {number(row, "id"): row for row in listed if text(row, "state") != PENDING}
    if {review.id: review.state for review in pull.reviews} != {own: text(row, "state") for own, row in shown.items()}:
        return None
    reviews = []
    for review in pull.reviews:
        if _person(account(shown[review.id].get("user"))) != _person(review.author):
            return None
        named = optional_text(shown[review.id], "commit_id") or NO_COMMIT
        if NO_COMMIT not in {named, review.commit} and named != review.commit:
            return None
        reviews.append(replace(review, commit=named if review.commit == NO_COMMIT else review.commit))
    return replace(pull, reviews=tuple(reviews))


def _person(who: Account | None) -> str | None:
    return None if who is None or who.bot else who.id


def facts_of(pull: PullRecord) -> tuple[ReviewFacts, ...]:
    """What the reviews decide. A rejection that anybody but its author dismissed stands.

    An approval from before the pull request was turned to another base, or the base moved by force, counts for nothing:
    against that other history its author was shown another change.
    IncompleteError for a dismissed review that the timeline does not know of.
    """
    events = {event.review: event for event in sorted(pull.dismissals, key=lambda event: event.at)}
    return tuple(
        ReviewFacts(
            id=str(review.id),
            author=review.author,
            decision=_decision(review, events.get(review.id)),
            commit=review.commit,
            first_seen=review.at,
            flaw=_flaw(review, pull),
        )
        for review in pull.reviews
    )


def _flaw(review: ReviewRecord, pull: PullRecord) -> str | None:
    if review.state != "APPROVED" or pull.turned is None or review.at > pull.turned:
        return None
    return f"it was given before the pull request was turned to {pull.base}, or {pull.base} was moved by force"


def _decision(review: ReviewRecord, event: Dismissal | None) -> Decision:
    if review.state not in _STATES:
        raise IncompleteError(f"review {review.id} has the state {review.state!r}, which GitHub does not have")
    if review.state != "DISMISSED":
        return _STATES[review.state]
    if event is None:
        raise IncompleteError(f"review {review.id} was dismissed, and GitHub does not say by whom")
    own = review.author is not None and event.actor is not None and event.actor.id == review.author.id
    return "reject" if event.was == "CHANGES_REQUESTED" and not own else "dismissed"
