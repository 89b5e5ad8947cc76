"""The reviews of a pull request, from three places that have to agree: the list, the timeline and the activity feed.

    {"id": 2, "user": {"id": 4, "login": "ravi", …}, "state": "REQUEST_CHANGES", "commit_id": "98cc…",
     "stale": false, "official": false, "dismissed": false, "submitted_at": "2026-11-24T22:18:31Z", "updated_at": "…"}

`stale` and `official` are not read: what a review is worth is decided from its commit. What one has to know of Gitea:

* The list counts drafts of other people in, and does not show them. So its count proves nothing; but whatever the
  timeline names is in the list, or not to be had by its id either.
* `submitted_at` is when a draft was begun. A rejection that was drafted before an approval and handed in after it
  would look older; the timeline says when it was handed in.
* An administrator can dismiss somebody's rejection. The timeline says who did; a rejection that anybody but its author
  dismissed stands. (Nobody can dismiss, or review, once the pull request is merged.)
* A pull request can be turned to another branch, against which its approvers were shown another change: the timeline
  says when (`change_target_branch`), and what was approved before that is not approved.
* An administrator of the server can delete a review, with its line in the timeline. The line in the feed stays, and
  so does a rejection: until its author decides otherwise.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from stagewright.adapters.git.objects import OBJECT_ID
from stagewright.adapters.gitea.answers import account
from stagewright.adapters.gitea.client import GiteaClient, Row
from stagewright.adapters.rows import flag, moment, number, text
from stagewright.errors import IncompleteError
from stagewright.model.review import Decision
from stagewright.model.source import PullFacts, ReviewFacts

MAX_TIMELINE_PAGES = 200
# Until then an empty page is not taken for the last one while something is missing.
EMPTY_PAGES = 5

_DECISIONS: dict[str, Decision] = {"APPROVED": "approve", "REQUEST_CHANGES": "reject", "COMMENT": "comment"}
# A draft that its author alone is shown, and a question that nobody answered.
_NO_REVIEWS = frozenset({"PENDING", "REQUEST_REVIEW"})
# git's own name for no commit
_NOWHERE = "0" * 40


def read_reviews(
    client: GiteaClient, repository: str, pull: PullFacts, feed: Iterable[Row], *, merged: bool
) -> tuple[ReviewFacts, ...]:
    """Every review of a pull request, by id; deleted rejections at the end. IncompleteError where they do not agree."""
    listed = client.rows(f"/repos/{repository}/pulls/{pull.id}/reviews", hidden=True)
    timeline = _timeline(client, f"/repos/{repository}/issues/{pull.id}/timeline", listed, merged=merged)
    shown = {number(row, "id") for row in listed}
    for named in sorted({number(e, "review_id") for e in timeline if text(e, "type") == "review"} - shown):
        if client.get(f"/repos/{repository}/pulls/{pull.id}/reviews/{named}") is not None:
            raise IncompleteError(f"{client.place} leaves out review {named} of pull request {pull.id}")
    given = [row for row in sorted(listed, key=lambda r: number(r, "id")) if text(row, "state") not in _NO_REVIEWS]
    return (*(review_of(row, timeline, pull.merged_head) for row in given), *deleted_rejections(pull, feed, timeline))


def review_of(row: Row, timeline: Sequence[Row], head: str) -> ReviewFacts:
    """One row of the list, with what the timeline says of it.

    Where Gitea does not say which commit was reviewed, an approval is about none, and a rejection about the `head`.
    """
    own, state, author = number(row, "id"), text(row, "state"), account(row.get("user"))
    if state not in _DECISIONS:
        raise IncompleteError(f"review {own} has the state {state!r}, which Gitea does not have")
    decision = _DECISIONS[state]
    events = [event for event in timeline if event.get("review_id") == own]
    if decision != "comment" and flag(row, "dismissed"):
        by = [account(e.get("user")) for e in events if text(e, "type") == "dismiss_review"]
        own_doing = author is not None and bool(by) and all(who is not None and who.id == author.id for who in by)
        if decision == "approve" or own_doing:
            decision = "dismissed"
    commit = str(row.get("commit_id"))
    if not OBJECT_ID.fullmatch(commit):
        commit = head if decision == "reject" else _NOWHERE
    first_seen = _handed_in(row, decision, [e for e in events if text(e, "type") == "review"])
    turns = [moment(event, "created_at") for event in timeline if event.get("type") == "change_target_branch"]
    before = decision == "approve" and any(first_seen <= turned for turned in turns)
    return ReviewFacts(
        id=str(own),
        author=author,
        decision=decision,
        commit=commit,
        first_seen=first_seen,
        flaw="it was given before the pull request was turned to another branch" if before else None,
    )


def deleted_rejections(pull: PullFacts, feed: Iterable[Row], timeline: Iterable[Row]) -> tuple[ReviewFacts, ...]:
    """The rejections that the feed knows of and the timeline does not any more.

    Which commit they were about is gone with them: the pull request's head is taken.
    """
    there = {number(event, "id") for event in timeline}
    return tuple(
        ReviewFacts(
            id=f"activity-{number(row, 'id')}",
            author=account(row.get("act_user")),
            decision="reject",
            commit=pull.merged_head,
            first_seen=moment(row, "created"),
        )
        for row in feed
        if row.get("op_type") == "reject_pull_request"
        and text(row, "content").partition("|")[0] == pull.id
        and row.get("comment_id") not in there
    )


def _handed_in(row: Row, decision: Decision, events: list[Row]) -> datetime:
    """When a decision was given: where that is not certain, early for an approval and late for a rejection.

    Of two decisions of one person the rejection is so the one that counts.
    """
    begun = moment(row, "submitted_at")
    told = [moment(event, "created_at") for event in events]
    if decision == "reject":
        return max(begun, *told) if told else max(begun, moment(row, "updated_at"))
    return min(told, default=begun)


def _timeline(client: GiteaClient, path: str, listed: Iterable[Row], *, merged: bool) -> tuple[Row, ...]:
    """The events up to the merge, or of an open pull request up to a page that shows none.

    A page's count is only its own length. Comments on lines and references from elsewhere take up room in a page and
    are not shown, so that an empty page proves nothing: of a merged pull request the merge has to be found.
    """
    wanted = {number(row, "id") for row in listed if row.get("state") in {"APPROVED", "REQUEST_CHANGES"}}
    found: dict[int, Row] = {}
    for page in range(1, MAX_TIMELINE_PAGES + 1):
        rows, _ = client.page(path, page)
        found.update((number(row, "id"), row) for row in rows)
        told = {event.get("review_id") for event in found.values()}
        if any(text(row, "type") == "merge_pull" for row in rows):
            return tuple(found.values())
        if not rows and not merged and (wanted <= told or page > EMPTY_PAGES):
            return tuple(found.values())
    raise IncompleteError(f"{client.place} shows no end of {path} in {MAX_TIMELINE_PAGES} pages")
