"""What a merge brought onto the branch, by each of GitHub's ways, told from git and the branch's activity.

A ── M               a merge commit: M, whose second parent is the head
A ── s               a squash: one commit with one parent
A ── r1 ── r2        a rebase: a commit for each; GitHub names only the last as the merge's
A ── M1 ── s2        a merge queue: one push brings a group, and each pull request has its own part of it
A ── c1 ── c2        a push of the head itself, merged by hand; where c1 is another's head, that one brought it

Git alone cannot tell a squash from the last commit of a rebase: the move of the branch says how many there were.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.github.activity import MERGES, Activity
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.records import PullRecord
from stagewright.errors import IncompleteError, NotFoundError

QUEUE = "merge_queue_merge"

# The merged pull requests that each of these commits came by.
Came = Callable[[Sequence[str]], Sequence[tuple[PullRecord, ...]]]


class Merges:
    """Tells what pull requests brought."""

    def __init__(
        self, client: GitHubClient, source: GitSource, activity: Activity, came: Came, *, grace: timedelta
    ) -> None:
        self._client = client
        self._grace = grace
        self._source = source
        self._activity = activity
        self._came = came

    def brought(self, pull: PullRecord, commit: str) -> tuple[str, ...]:
        """The commits of the branch that a merged pull request brought, in order; none where `commit` is none of them.

        IncompleteError where that is not certain (yet).
        """
        parents = self._parents(commit)
        if len(parents) > 1:
            named = pull.merge_commit == commit and not self._has(parents[0], pull.head)
            return (commit,) if pull.head in parents[1:] or named else ()
        last = pull.merge_commit
        if last is None or len(self._parents(last)) != 1:
            return ()
        made = self._own(pull, self._parents(last)[0])
        if made == 0:
            # the branch had the head before: it came by another commit, or straight
            return ()
        if made == 1 and last != pull.head:
            return (commit,) if commit == last else ()
        run = self._run(pull, last)
        return run if commit in run else ()

    def require_straight(self, commit: str) -> None:
        """IncompleteError where a commit that no pull request is known to have brought may have come by one."""
        found = self._activity.that_brought(commit)
        if found is None:
            raise IncompleteError(
                f"GitHub does not tell (yet) how commit {commit[:12]} came onto {self._source.branch}",
                hint="it is asked again; activity that was never recorded needs a new trust root",
            )
        if found[0].kind in MERGES:
            raise IncompleteError(
                f"GitHub says that a merge brought commit {commit[:12]}, and does not say (yet) of which pull request"
            )
        age = self._client.server_time - found[0].at
        if age < self._grace:
            raise IncompleteError(
                f"commit {commit[:12]} was pushed {max(0, int(age.total_seconds()))} s ago; GitHub may not have noticed"
                " yet that it merges a pull request",
                hint=f"it is certain after {int(self._grace.total_seconds())} s",
            )

    def _run(self, pull: PullRecord, last: str) -> tuple[str, ...]:
        found = self._activity.that_brought(last)
        if found is None:
            raise IncompleteError(f"GitHub does not tell (yet) how much of {self._source.branch} came with {last[:12]}")
        move, chain = found
        chain = chain[: chain.index(last) + 1]
        if move.kind == QUEUE:
            return self._part(pull, chain)
        if move.kind in MERGES:
            return chain
        # a push that brought the head itself is a merge by hand; any other is not the pull request's
        return self._stacked(pull, chain) if last == pull.head else ()

    def _stacked(self, pull: PullRecord, chain: tuple[str, ...]) -> tuple[str, ...]:
        """What a push of a head brought, without what ends with the nearest merge of another pull request in it."""
        below = chain[:-1]
        others = {
            below.index(one.merge_commit): one
            for came in (self._came(below) if below else ())
            for one in came
            if one.number != pull.number and one.base == pull.base and one.merge_commit in below
        }
        if not others:
            return chain
        nearest = max(others)
        other = others[nearest]
        if other.head not in {below[nearest], *self._parents(below[nearest])[1:]}:
            raise IncompleteError(
                f"one push brought pull requests {other.number} and {pull.number}, and where the one ends and the other"
                " begins is not certain",
                hint="it cannot be told: put the branch back and merge them one by one, or name a new trust root",
            )
        return chain[nearest + 1 :]

    def _part(self, pull: PullRecord, chain: tuple[str, ...]) -> tuple[str, ...]:
        """The end of a group that is the pull request's own."""
        came = [frozenset(one.number for one in pulls) for pulls in self._came(chain)]
        if not all(came):
            missing = next(commit for commit, numbers in zip(chain, came, strict=True) if not numbers)
            raise IncompleteError(f"GitHub does not say (yet) by which pull request of a group {missing[:12]} came")
        start = len(chain)
        while start > 0 and pull.number in came[start - 1]:
            start -= 1
        if any(len(numbers) != 1 for numbers in came[start:]):
            raise IncompleteError(f"commits of the group that brought pull request {pull.number} are of several")
        return chain[start:]

    def _own(self, pull: PullRecord, onto: str) -> int:
        """How many commits of its own, merges aside, a pull request proposed."""
        try:
            commits = self._source.commits(reachable_from=pull.head, not_from=onto)
        except NotFoundError as error:
            raise IncompleteError(
                f"the head {pull.head[:12]} of pull request {pull.number} is not in the mirror (yet)",
                hint="refs/pull/*/head must be fetched",
            ) from error
        return len([commit for commit in commits if len(commit.parents) < 2])

    def _parents(self, commit: str) -> tuple[str, ...]:
        try:
            return self._source.commit(commit).parents
        except NotFoundError as error:
            raise IncompleteError(f"commit {commit[:12]} is not in the mirror (yet)") from error

    def _has(self, commit: str, ancestor: str) -> bool:
        try:
            return self._source.merge_bases(ancestor, commit) == (ancestor,)
        except NotFoundError:
            return False
