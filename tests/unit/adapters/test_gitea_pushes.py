import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from stagewright.adapters.gitea.pushes import Push, persons, pushers, pushes_of
from stagewright.errors import IncompleteError
from stagewright.model.review import Account

DANA, NOOR, RAVI = (Account(id=str(number), login=name) for number, name in enumerate(("dana", "noor", "ravi"), 2))
ACME, ACTIONS = Account(id="9", login="acme"), Account(id="-2", login="gitea-actions", bot=True)
A, B, C, D, X = (letter * 40 for letter in "abcde")
BASE = "0" * 39 + "1"
REF = "refs/heads/promote"


def user(who: Account | None) -> dict[str, Any] | None:
    return None if who is None else {"id": int(who.id), "login": who.login}


def row(
    number: int,
    who: Account | None = DANA,
    *,
    before: str = BASE,
    after: str | None = A,
    listed: tuple[str, ...] | None = None,
    length: int | None = None,
    ref: str = REF,
    kind: str = "commit_repo",
) -> dict[str, Any]:
    """One line of a feed; `after` None has no content, which begins a branch."""
    names = (after,) if listed is None else listed
    content = {
        "Commits": [{"Sha1": name} for name in names],
        "HeadCommit": {"Sha1": after},
        "CompareURL": f"acme/models/compare/{before}...{after}",
        "Len": len(names) if length is None else length,
    }
    return {
        "id": number,
        "op_type": kind,
        "act_user": user(who),
        "ref_name": ref,
        "created": "2026-11-24T22:18:30+01:00",
        "content": json.dumps(content) if after is not None and kind == "commit_repo" else "",
    }


def begun(number: int, who: Account | None = DANA, **rest: Any) -> list[dict[str, Any]]:
    """A new branch: two lines."""
    return [row(number, who, after=None, ref=rest.get("ref", REF)), row(number + 1, who, **rest)]


# a line of four commits, and a forced push that left X
HISTORY = {A: {A}, B: {A, B}, C: {A, B, C}, D: {A, B, C, D}}


def reach_of(commits: frozenset[str], unreadable: tuple[str, ...] = ()) -> Callable[[str], frozenset[str] | None]:
    return lambda commit: None if commit in unreadable else commits & HISTORY.get(commit, set())


def found(rows: list[dict[str, Any]], commits: str = "abcd", unreadable: tuple[str, ...] = ()) -> dict[str, str]:
    """Who pushed each commit: letter to login."""
    wanted = frozenset(letter * 40 for letter in commits)
    told = pushers(pushes_of(rows), ref=REF, commits=wanted, reach=reach_of(wanted, unreadable))
    return {commit[0]: who.login for commit, who in told.items()}


def test_pushes_are_read_oldest_first_and_other_lines_left_out():
    lines = [row(9, NOOR, before=A, after=B), *begun(3), row(1, kind="create_pull_request")]

    assert pushes_of(lines) == (
        Push(
            id=4, kind="create", actor=DANA, ref=REF, created=datetime(2026, 11, 24, 21, 18, 30, tzinfo=UTC),
            before=None, after=A, listed=frozenset({A}), whole=True,
        ),
        Push(
            id=9, kind="update", actor=NOOR, ref=REF, created=datetime(2026, 11, 24, 21, 18, 30, tzinfo=UTC),
            before=A, after=B, listed=frozenset({B}), whole=True,
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("{}", id="too long for Gitea's column"),
        pytest.param("[]", id="no object"),
        pytest.param("{", id="no JSON"),
        pytest.param(json.dumps({"HeadCommit": {"Sha1": "A" * 40}}), id="no commit id"),
        pytest.param(
            json.dumps({"HeadCommit": {"Sha1": A}, "CompareURL": f"a/b/compare/{B}...{C}", "Len": 1}),
            id="another head than it compares",
        ),
    ],
)
def test_push_that_is_not_told_wholly_says_nothing_of_commits(content: str):
    (push,) = pushes_of([{**row(1), "content": content}])

    assert (push.after, push.listed, push.whole) == (None, frozenset(), False)


def test_feed_with_a_line_of_another_shape_is_incomplete():
    with pytest.raises(IncompleteError, match="created"):
        pushes_of([{**row(1), "created": "yesterday"}])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([*begun(1, DANA, after=B)], {"a": "dana", "b": "dana"}, id="one push of two commits"),
        pytest.param(
            [*begun(1, DANA, after=A), row(5, NOOR, before=A, after=C)],
            {"a": "dana", "b": "noor", "c": "noor"},
            id="two people, one after the other",
        ),
        pytest.param(
            [*begun(1, DANA, after=A), row(5, DANA, before=B, after=C)],
            {"a": "dana", "c": "dana"},
            id="a push in between that is not shown",
        ),
        pytest.param([row(5, DANA, before=B, after=C)], {"c": "dana"}, id="a branch whose beginning is not shown"),
        pytest.param([*begun(1, None, after=A)], {}, id="an account that was deleted"),
        pytest.param(
            [*begun(1, DANA, after=A), row(4, kind="delete_branch"), *begun(5, NOOR, after=B)],
            {"a": "dana", "b": "noor"},
            id="deleted and made again",
        ),
        pytest.param(
            [*begun(1, NOOR, after=A, ref="refs/heads/draft"), *begun(5, DANA, after=B)],
            {"a": "noor", "b": "dana"},
            id="on another branch before",
        ),
        pytest.param(
            [*begun(1, DANA, after=B), *begun(5, NOOR, after=B, ref="refs/heads/copy")],
            {"a": "dana", "b": "dana"},
            id="on another branch later",
        ),
        pytest.param(
            [*begun(1, NOOR, after=A, ref="refs/heads/copy"), row(5, DANA, before=A, after=B)],
            {"b": "dana"},
            id="a copy of what somebody unseen pushed",
        ),
        pytest.param(
            [row(1, NOOR, before=A, after=B, ref="refs/heads/draft"), *begun(5, DANA, after=B)],
            {"b": "noor"},
            id="another branch that held it already when it was pushed to",
        ),
    ],
)
def test_pushers_are_named_only_where_it_is_certain(lines: list[dict[str, Any]], expected: dict[str, str]):
    commits = "abc" if any("c" * 40 in line["content"] for line in lines) else "ab"
    assert found(lines, commits) == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param(
            row(2, RAVI, after=X, listed=(A, X)), {"a": "ravi", "b": "dana"}, id="the feed lists all that it brought"
        ),
        pytest.param(row(2, RAVI, after=X, listed=(X,), length=7), {}, id="the feed lists a part"),
        pytest.param({**row(2, RAVI), "content": "{}"}, {}, id="the feed lists nothing"),
    ],
)
def test_push_whose_commits_are_gone_is_not_laid_to_who_forced_it_away(first: dict[str, Any], expected: dict[str, str]):
    lines = [row(1, RAVI, after=None), first, row(5, DANA, before=X, after=B)]

    assert found(lines, "ab", unreadable=(X,)) == expected


def test_push_after_one_that_is_not_told_leaves_everything_unknown():
    lines = [*begun(1, DANA, after=A), {**row(4, RAVI), "content": "{}"}, row(5, DANA, before=B, after=C)]

    assert found(lines, "abc") == {"a": "dana"}


def test_push_from_a_commit_that_is_gone_and_was_not_shown_leaves_everything_unknown():
    assert found([row(5, DANA, before=X, after=B)], "ab", unreadable=(X,)) == {}


@pytest.mark.parametrize(
    ("pusher", "owner", "author", "known"),
    [
        pytest.param(DANA, ACME, DANA, True, id="the author"),
        pytest.param(NOOR, ACME, DANA, True, id="somebody else"),
        pytest.param(ACME, ACME, DANA, False, id="a deploy key of an organization's repository"),
        pytest.param(NOOR, NOOR, DANA, False, id="the owner, or a deploy key of theirs"),
        pytest.param(DANA, DANA, DANA, True, id="the author in a repository of their own"),
        pytest.param(NOOR, NOOR, None, False, id="the owner, and nobody knows who opened it"),
        pytest.param(NOOR, None, DANA, True, id="a repository whose owner is gone"),
        pytest.param(ACTIONS, ACME, DANA, False, id="a bot"),
    ],
)
def test_person_behind_a_push_is_known_or_not(
    pusher: Account, owner: Account | None, author: Account | None, known: bool
):
    assert persons({A: pusher}, owner=owner, author=author) == ({A: pusher} if known else {})
