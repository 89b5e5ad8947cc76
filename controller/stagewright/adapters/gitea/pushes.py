r"""Who pushed what, from a repository's activity feed.

A push, as `GET /repos/{owner}/{repo}/activities/feeds` tells it (`content` is JSON in a string):

    {"id": 13, "op_type": "commit_repo", "act_user": {"id": 3, "login": "noor", …}, "ref_name": "refs/heads/promote",
     "created": "2026-11-24T22:18:30Z", "content": "{\"Commits\": [{\"Sha1\": \"98cc…\", …}], \"Len\": 1,
     \"HeadCommit\": {\"Sha1\": \"98cc…\"}, \"CompareURL\": \"acme/models/compare/3649…...98cc…\"}"}

A new branch is two such rows, the first with an empty `content`. The feed is not the whole truth: people can hide
their activity from everybody but site administrators. So nobody is ever taken for the pusher of a commit that
may have come with a push that is not shown.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from stagewright.adapters.gitea.answers import account
from stagewright.adapters.gitea.client import Row
from stagewright.adapters.rows import moment, number, text
from stagewright.model.review import Account

HEADS = "refs/heads/"

_COMPARE = re.compile(r"[^/]+/[^/]+/compare/(?P<before>[0-9a-f]{40})\.\.\.(?P<after>[0-9a-f]{40})")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One change of one branch. `before` is None for a new branch; `after` where Gitea does not tell, and when deleted.

    `listed` are the newest commits that it names, `whole` says that these are all that it brought.
    """

    id: int
    kind: Literal["create", "update", "delete"]
    actor: Account | None
    ref: str
    created: datetime
    before: str | None
    after: str | None
    listed: frozenset[str]
    whole: bool


def pushes_of(rows: Iterable[Row]) -> tuple[Push, ...]:
    """The pushes of a feed, oldest first."""
    found: list[Push] = []
    new: set[str] = set()
    for row in sorted(rows, key=lambda r: number(r, "id")):
        ref, kind = str(row.get("ref_name") or ""), text(row, "op_type")
        if kind not in {"commit_repo", "delete_branch"}:
            continue
        if not ref.startswith("refs/"):
            ref = HEADS + ref
        if kind == "delete_branch":
            new.discard(ref)
            found.append(_push(row, ref, "delete", {}))
        elif not row.get("content"):
            new.add(ref)
        else:
            found.append(_push(row, ref, "create" if ref in new else "update", _content(row)))
            new.discard(ref)
    return tuple(found)


def pushers(
    pushes: Iterable[Push], *, ref: str, commits: frozenset[str], reach: Callable[[str], frozenset[str] | None]
) -> Mapping[str, Account]:
    """Who brought each of `commits` to its repository first, where that is certain. `ref` is the pull request's branch.

    `reach` says which of the commits can be reached from one; None when that one cannot be read any more.
    """
    everything = tuple(pushes)
    own = _first_on(ref, everything, commits, reach)
    result = {commit: push.actor for commit, push in own.items() if push is not None and push.actor is not None}
    for push in everything:
        if push.ref == ref or push.after is None:
            continue
        shown = (reach(push.after) or frozenset()) | (push.listed & commits)
        for commit in shown:
            brought = own.get(commit)
            if brought is not None and push.id < brought.id:
                # it lay on another branch before: whoever pushed it there made it
                own[commit] = push
                result.pop(commit, None)
                older = reach(push.before) if push.before is not None else frozenset()
                if push.actor is not None and older is not None and commit not in older:
                    result[commit] = push.actor
    return result


def persons(found: Mapping[str, Account], *, owner: Account | None, author: Account | None) -> Mapping[str, Account]:
    """Those of `found` who are known to be the person who pushed.

    Whoever holds a deploy key pushes as the `owner` of the repository, which may be an organization: so the owner
    counts only as the `author` of the pull request. A bot pushes what somebody told it to.
    """
    return {
        commit: who
        for commit, who in found.items()
        if not who.bot and (owner is None or who.id != owner.id or (author is not None and who.id == author.id))
    }


def _first_on(
    ref: str, pushes: tuple[Push, ...], commits: frozenset[str], reach: Callable[[str], frozenset[str] | None]
) -> dict[str, Push | None]:
    """The push that first put each commit on a branch; None for those that may have come with one that is not shown."""
    found: dict[str, Push | None] = {}
    tip: str | None = None
    for push in pushes:
        if push.ref != ref:
            continue
        if push.kind == "delete":
            tip = None
            continue
        followed = push.kind == "create" or (push.before is not None and push.before == tip)
        tip = push.after
        shown = reach(push.after) if push.after is not None else None
        if not followed:
            # somebody moved the branch in between, and the feed does not say who
            hidden = reach(push.before) if push.before is not None else None
            for commit in commits if hidden is None else hidden:
                found.setdefault(commit, None)
        for commit in (push.listed & commits) | (shown or frozenset()):
            found.setdefault(commit, push)
        if shown is None and not push.whole:
            for commit in commits:
                found.setdefault(commit, None)
    return found


def _push(row: Row, ref: str, kind: Literal["create", "update", "delete"], content: Row) -> Push:
    commits = content.get("Commits")
    names = [c.get("Sha1") for c in commits if isinstance(c, dict)] if isinstance(commits, list) else []
    listed = frozenset(name for name in names if isinstance(name, str) and _COMMIT.fullmatch(name))
    head = content.get("HeadCommit")
    after = head.get("Sha1") if isinstance(head, dict) else None
    compared = _COMPARE.fullmatch(str(content.get("CompareURL")))
    if not isinstance(after, str) or not _COMMIT.fullmatch(after) or (compared and compared["after"] != after):
        after = None
    return Push(
        id=number(row, "id"),
        kind=kind,
        actor=account(row.get("act_user")),
        ref=ref,
        created=moment(row, "created"),
        before=compared["before"] if compared and kind == "update" else None,
        after=after,
        listed=listed if after is not None else frozenset(),
        whole=after is not None and content.get("Len") == len(listed),
    )


def _content(row: Row) -> Row:
    # Gitea writes {} where the list of commits was too long for its column
    try:
        content = json.loads(text(row, "content"))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
