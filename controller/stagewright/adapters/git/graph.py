"""Questions to the commit graph, answered exactly and without trusting a single date.

git orders such walks by committer date and lives with wrong answers when dates are skewed; here dates are written by
the people under review. So the walks are ordered by generation (one more than the highest of the parents), which is
computed from the objects themselves, once, and kept: a commit never changes.
"""

import heapq
from collections.abc import Callable
from typing import Final

from stagewright.errors import StalledError

_ONE: Final = 1
_OTHER: Final = 2
_STALE: Final = 4


class CommitGraph:
    """The ancestry of commits, read through `read_parents` (commit id to parents) whenever it is not known yet.

    Whatever `read_parents` raises comes through, and what was learned before stays.
    """

    def __init__(self, read_parents: Callable[[str], tuple[str, ...]]) -> None:
        self._read_parents = read_parents
        self._parents: dict[str, tuple[str, ...]] = {}
        self._generations: dict[str, int] = {}

    def parents(self, commit: str) -> tuple[str, ...]:
        """The parents of a commit, first parent first."""
        known = self._parents.get(commit)
        if known is None:
            known = self._parents[commit] = self._read_parents(commit)
        return known

    def first_parents(self, after: str, head: str) -> tuple[str, ...]:
        """The first-parent chain after `after` up to `head`, oldest first. StalledError when `after` is not on it."""
        chain: list[str] = []
        current = head
        while current != after:
            chain.append(current)
            parents = self.parents(current)
            if not parents:
                raise StalledError(
                    f"the last revision {after} is not on the first-parent history of {head}",
                    hint="history was rewritten, or a merge swapped its parents: bring the branch back to where it was",
                )
            current = parents[0]
        return tuple(reversed(chain))

    def merge_bases(self, one: str, other: str) -> tuple[str, ...]:
        """Every common ancestor that is no ancestor of another common ancestor, sorted."""
        flags: dict[str, int] = {}
        queue: list[tuple[int, str]] = []
        undecided: set[str] = set()

        def mark(commit: str, flag: int) -> None:
            if commit not in flags:
                flags[commit] = 0
                heapq.heappush(queue, (-self._generation(commit), commit))
            flags[commit] |= flag
            if flags[commit] & _STALE:
                undecided.discard(commit)
            else:
                undecided.add(commit)

        mark(one, _ONE)
        mark(other, _OTHER)
        bases: list[str] = []
        while undecided:
            # every descendant lies higher and has been taken before, so the flags of this one are final
            commit = heapq.heappop(queue)[1]
            undecided.discard(commit)
            flag = flags[commit]
            if flag == _ONE | _OTHER:
                bases.append(commit)
                flag |= _STALE
            for parent in self.parents(commit):
                mark(parent, flag)
        return tuple(sorted(bases))

    def difference(self, reachable_from: str, not_from: str) -> tuple[str, ...]:
        """The commits reachable from the one and not from the other: parents before children, ties by id."""
        flags: dict[str, int] = {}
        queue: list[tuple[int, str]] = []
        wanted: set[str] = set()

        def mark(commit: str, flag: int) -> None:
            if commit not in flags:
                flags[commit] = 0
                heapq.heappush(queue, (-self._generation(commit), commit))
            flags[commit] |= flag
            if flags[commit] & _OTHER:
                wanted.discard(commit)
            else:
                wanted.add(commit)

        mark(reachable_from, _ONE)
        mark(not_from, _OTHER)
        found: list[str] = []
        while wanted:
            commit = heapq.heappop(queue)[1]
            wanted.discard(commit)
            flag = flags[commit]
            if not flag & _OTHER:
                found.append(commit)
            for parent in self.parents(commit):
                mark(parent, flag)
        return tuple(sorted(found, key=lambda commit: (self._generation(commit), commit)))

    def _generation(self, commit: str) -> int:
        """1 for a root, else one more than the highest generation of the parents."""
        known = self._generations.get(commit)
        if known is not None:
            return known
        stack = [commit]
        while stack:
            current = stack[-1]
            parents = self.parents(current)
            unknown = [parent for parent in parents if parent not in self._generations]
            if unknown:
                stack.extend(unknown)
                continue
            self._generations[current] = 1 + max((self._generations[parent] for parent in parents), default=0)
            stack.pop()
        return self._generations[commit]
