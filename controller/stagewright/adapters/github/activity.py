"""The activity of a repository: every move of a branch, and whose it was. Commits name anybody; this names who pushed.

    GET /repos/{owner}/{repo}/activity?ref=refs/heads/main
    [{"id": 91, "ref": "refs/heads/main", "before": "1f3…", "after": "98c…", "timestamp": "2026-11-24T22:18:55Z",
      "activity_type": "pr_merge", "actor": {"login": "dana", "id": 1003, "type": "User", …}}, …]      newest first

Types: push, force_push, branch_creation, branch_deletion, pr_merge, merge_queue_merge. `before` of a branch that is
made and `after` of one that is deleted are forty zeros.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.github.answers import account, rows
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.rows import Row, moment, number, text
from stagewright.errors import ForbiddenError, IncompleteError, InvalidError, NotFoundError, StalledError
from stagewright.model.review import Account
from stagewright.model.source import SourceCommit

# The commits of a pull request, and perhaps others, that a tip has; None when it cannot be read any more.
Has = Callable[[str], frozenset[str] | None]

HEADS = "refs/heads/"
NOTHING = "0" * 40
MERGES = frozenset({"pr_merge", "merge_queue_merge"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move of a branch. `before` and `after` None: it was not there."""

    id: int
    kind: str
    before: str | None
    after: str | None
    actor: Account | None
    at: datetime


class Activity:
    """Reads the moves of branches."""

    def __init__(self, client: GitHubClient, source: GitSource) -> None:
        self._client = client
        self._source = source

    def of(self, repository: str, branch: str, *, spare: bool = False) -> tuple[Move, ...]:
        """Every move of a branch, oldest first. `repository` is "owner/name"; ForbiddenError, NotFoundError."""
        found = self._client.rows(f"/repos/{repository}/activity", {"ref": HEADS + branch}, spare=spare)
        return tuple(sorted((move_of(row, HEADS + branch) for row in found), key=lambda move: (move.at, move.id)))

    def that_brought(self, commit: str) -> tuple[Move, tuple[str, ...]] | None:
        """The move of the configured branch that brought a commit onto its first-parent chain, and all that it brought.

        None while GitHub does not tell of one.
        """
        chains: dict[int, tuple[str, ...]] = {}
        ref = HEADS + self._source.branch

        def enough(found: tuple[Row, ...]) -> bool:
            for row in found:
                move = move_of(row, ref)
                if move.id not in chains:
                    chains[move.id] = self._chain(move)
            return any(commit in chain for chain in chains.values())

        found = self._client.first_rows(f"{self._client.repo}/activity", {"ref": ref}, enough)
        for row in found:
            move = move_of(row, ref)
            if commit in chains[move.id]:
                return move, chains[move.id]
        return None

    def left_behind(self, repository: str, tip: str, onto: str) -> frozenset[str] | None:
        """The commits that a tip has and `onto` has not, where no branch has it any more; None: GitHub forgot it."""
        try:
            answer = self._client.row(f"/repos/{repository}/compare/{onto}...{tip}")
        except (ForbiddenError, InvalidError, NotFoundError):
            return None
        found = frozenset(text(row, "sha") for row in rows(answer, "commits"))
        return found if number(answer, "total_commits") == len(found) else None

    def _chain(self, move: Move) -> tuple[str, ...]:
        if move.before is None or move.after is None:
            return ()
        try:
            return self._source.first_parents(move.before, move.after)
        except (NotFoundError, StalledError):
            # a forced move, or commits that are no longer there: not this branch's history any more
            return ()


def move_of(row: Row, ref: str) -> Move:
    """One row. IncompleteError for one of another ref: its pushers are not this branch's."""
    before, after = text(row, "before"), text(row, "after")
    if text(row, "ref") != ref:
        raise IncompleteError(f"GitHub shows the activity of {text(row, 'ref')!r} when asked for that of {ref}")
    return Move(
        id=number(row, "id"),
        kind=text(row, "activity_type"),
        before=None if before == NOTHING else before,
        after=None if after == NOTHING else after,
        actor=account(row.get("actor")),
        at=moment(row, "timestamp"),
    )


def pushers(
    commits: Iterable[SourceCommit], moves: Iterable[Move], has: Has, *, opened: datetime
) -> tuple[tuple[str, Account], ...]:
    """Who pushed each of a pull request's `commits`; those of whom it is not certain are left out.

    `moves` are those of its head branch, oldest first; `has` says what other tips have; `opened` when the pull request
    was. A commit is whoever's move brought it first. It is nobody's for certain where moves are missing, or one before
    it cannot be read any more: that one may have brought it as well. Nor is what a bot pushed anybody's: who made the
    bot do it is not told.
    """
    inside = {commit.id: commit for commit in commits}
    seen: set[str] = set()
    found: list[tuple[str, Account]] = []
    suspects: set[Account | None] = set()
    at: str | None = None
    first = True
    for move in moves:
        if first and move.before is None and move.at > opened:
            # the branch had another name, or was made anew: who pushed before is not told
            suspects.add(None)
        if move.before is not None and (first or move.before != at):
            earlier = _reached(move.before, inside, has)
            seen |= earlier or frozenset()
            suspects |= {None} if earlier is None else set()
        first, at = False, move.after
        if move.after is None:
            continue
        who = None if move.actor is None or move.actor.bot else move.actor
        reached = _reached(move.after, inside, has)
        if reached is None:
            suspects.add(who)
            continue
        if who is not None and suspects <= {who}:
            found += [(commit, who) for commit in sorted(reached - seen)]
        seen |= reached
    return tuple(sorted(found))


def _reached(tip: str, inside: Mapping[str, SourceCommit], has: Has) -> frozenset[str] | None:
    """Those of the commits that a tip has; None when it cannot be read any more."""
    if tip not in inside:
        found = has(tip)
        return None if found is None else found & inside.keys()
    reached, queue = {tip}, [tip]
    while queue:
        parents = {parent for parent in inside[queue.pop()].parents if parent in inside} - reached
        reached |= parents
        queue += parents
    return frozenset(reached)
