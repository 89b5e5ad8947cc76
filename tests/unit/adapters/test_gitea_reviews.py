from datetime import UTC, datetime
from typing import Any

import pytest

from stagewright.adapters.gitea.answers import account
from stagewright.adapters.gitea.reviews import deleted_rejections, review_of
from stagewright.errors import IncompleteError
from stagewright.model.review import Account
from stagewright.model.source import PullFacts, ReviewFacts

NOOR = Account(id="3", login="noor")
HEAD = "a" * 40


def at(minute: int) -> datetime:
    return datetime(2026, 11, 24, 12, minute, tzinfo=UTC)


def row(state: str, *, dismissed: bool = False, begun: int = 5, updated: int = 9, **fields: Any) -> dict[str, Any]:
    return {
        "id": 7, "user": {"id": 3, "login": "noor"}, "state": state, "commit_id": HEAD, "dismissed": dismissed,
        "submitted_at": at(begun).isoformat(), "updated_at": at(updated).isoformat(), **fields,
    }  # fmt: skip


def event(kind: str, *, minute: int = 6, by: int | None = 3, review: int = 7, number: int = 1) -> dict[str, Any]:
    who = None if by is None else {"id": by, "login": f"user{by}"}
    return {"id": number, "type": kind, "review_id": review, "user": who, "created_at": at(minute).isoformat()}


@pytest.mark.parametrize(
    ("found", "events", "decision"),
    [
        ("APPROVED", [], "approve"),
        ("REQUEST_CHANGES", [], "reject"),
        ("COMMENT", [], "comment"),
    ],
)
def test_review_of_each_state_is_a_decision(found: str, events: list[dict[str, Any]], decision: str):
    assert review_of(row(found), events, HEAD).decision == decision


@pytest.mark.parametrize(
    ("state", "events", "decision"),
    [
        pytest.param("APPROVED", [event("dismiss_review", by=9)], "dismissed", id="an approval, by anybody"),
        pytest.param("APPROVED", [], "dismissed", id="an approval, nobody knows by whom"),
        pytest.param("REQUEST_CHANGES", [event("dismiss_review")], "dismissed", id="a rejection, by its author"),
        pytest.param("REQUEST_CHANGES", [event("dismiss_review", by=9)], "reject", id="a rejection, by another"),
        pytest.param("REQUEST_CHANGES", [event("dismiss_review", by=None)], "reject", id="a rejection, by a ghost"),
        pytest.param("REQUEST_CHANGES", [], "reject", id="a rejection, nobody knows by whom"),
        pytest.param(
            "REQUEST_CHANGES",
            [event("dismiss_review"), event("dismiss_review", by=9)],
            "reject",
            id="a rejection, by its author and by another",
        ),
        pytest.param(
            "REQUEST_CHANGES", [event("dismiss_review", review=8)], "reject", id="a rejection, another was dismissed"
        ),
        pytest.param("COMMENT", [], "comment", id="a comment"),
    ],
)
def test_dismissal_takes_an_approval_and_a_rejection_only_from_its_author(
    state: str, events: list[dict[str, Any]], decision: str
):
    assert review_of(row(state, dismissed=True), events, HEAD).decision == decision


@pytest.mark.parametrize(
    ("state", "events", "minute"),
    [
        pytest.param("APPROVED", [event("review", minute=6)], 6, id="an approval when it was handed in"),
        pytest.param("APPROVED", [], 5, id="an approval that nobody dates, as early as can be"),
        pytest.param(
            "APPROVED", [event("review", minute=6), event("review", minute=8)], 6, id="an approval with two dates"
        ),
        pytest.param("REQUEST_CHANGES", [event("review", minute=6)], 6, id="a rejection when it was handed in"),
        pytest.param("REQUEST_CHANGES", [], 9, id="a rejection that nobody dates, as late as can be"),
        pytest.param(
            "REQUEST_CHANGES", [event("review", minute=6), event("review", minute=8)], 8, id="a rejection, two dates"
        ),
        pytest.param("REQUEST_CHANGES", [event("dismiss_review", by=9)], 9, id="a rejection by its dismissal never"),
    ],
)
def test_review_is_dated_so_that_a_rejection_is_never_the_older(state: str, events: list[dict[str, Any]], minute: int):
    assert review_of(row(state), events, HEAD).first_seen == at(minute)


@pytest.mark.parametrize(
    ("state", "turned", "flaw"),
    [
        ("APPROVED", 7, "it was given before the pull request was turned to another branch"),
        ("APPROVED", 6, "it was given before the pull request was turned to another branch"),
        ("APPROVED", 5, None),
        ("REQUEST_CHANGES", 7, None),
    ],
)
def test_approval_from_before_the_base_was_changed_has_a_flaw(state: str, turned: int, flaw: str | None):
    change = event("change_target_branch", review=0, minute=turned)
    assert review_of(row(state), [event("review", minute=6), change], HEAD).flaw == flaw


def test_review_of_a_state_that_gitea_does_not_have_is_incomplete():
    with pytest.raises(IncompleteError, match="SUPER_APPROVED"):
        review_of(row("SUPER_APPROVED"), [], HEAD)


@pytest.mark.parametrize("field", ["id", "state", "submitted_at", "dismissed", "user"])
def test_review_with_a_field_of_another_shape_is_incomplete(field: str):
    with pytest.raises(IncompleteError, match=repr(field)):
        review_of(row("APPROVED") | {field: ["?"]}, [], HEAD)


@pytest.mark.parametrize("commit", [None, "", "main", "A" * 40])
@pytest.mark.parametrize(("state", "about"), [("APPROVED", "0" * 40), ("COMMENT", "0" * 40), ("REQUEST_CHANGES", HEAD)])
def test_review_without_a_commit_approves_nothing_and_rejects_the_head(commit: str | None, state: str, about: str):
    assert review_of(row(state, commit_id=commit), [], HEAD).commit == about


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ({"id": -1, "login": "Ghost"}, None),
        ({"id": 0, "login": ""}, None),
        ({"id": 3, "login": "noor"}, NOOR),
        ({"id": -2, "login": "gitea-actions"}, Account(id="-2", login="gitea-actions", bot=True)),
        ({"id": 3, "login": "noor", "is_bot": True}, Account(id="3", login="noor", bot=True)),
    ],
)
def test_account_is_a_person_a_bot_or_nobody(value: Any, expected: Account | None):
    assert account(value) == expected


def test_deleted_rejections_are_what_the_feed_alone_remembers():
    pull = PullFacts(
        id="4", title="t", url=None, base_branch="main", author=None, merged_head=HEAD, first_parent="b" * 40
    )
    line = {"op_type": "reject_pull_request", "act_user": {"id": 3, "login": "noor"}, "created": at(6).isoformat()}
    feed = [
        {**line, "id": 1, "content": "4|no", "comment_id": 20},
        {**line, "id": 2, "content": "4|no", "comment_id": 0},
        {**line, "id": 3, "content": "4|no", "comment_id": 21},
        {**line, "id": 4, "content": "44|no", "comment_id": 0},
        {**line, "id": 5, "content": "4|yes", "comment_id": 0, "op_type": "approve_pull_request"},
    ]

    found = deleted_rejections(pull, feed, [event("review", number=20)])

    assert found == tuple(
        ReviewFacts(id=f"activity-{number}", author=NOOR, decision="reject", commit=HEAD, first_seen=at(6))
        for number in (2, 3)
    )
