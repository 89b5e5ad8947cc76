"""How far one step of history reaches: the consecutive commits that one pull request brought (docs/fold.md).

A merge or a squash brings one commit. A rebase merge brings several, and the states between them never count:

    A ── r1 ── r2 ── r3          r1 to r3 are one step, from A to r3, whichever of them changes a key first
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from stagewright.app.desired import DesiredReader
from stagewright.core.change import changed_keys
from stagewright.errors import IncompleteError, NotFoundError
from stagewright.model.source import PullFacts
from stagewright.ports import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """One step: from `first_parent` (A) to `commit` (Y), which is `place` in the chain that was walked."""

    first_parent: str
    commit: str
    place: int


def extent(chain: Sequence[str], at: int, pull: PullFacts | None, source: Source, desired: DesiredReader) -> Extent:
    """The step that `chain[at]`, the first commit after the last step that changes a key, belongs to.

    It may begin before the chain does, with commits that were passed because they change nothing. IncompleteError when
    what the forge says does not fit the history: no verdict is drawn from that.
    """
    commit = chain[at]
    brought = (pull.brought if pull else ()) or (commit,)
    name = f"pull request {pull.id}" if pull else commit[:12]
    if commit not in brought:
        raise IncompleteError(f"the forge names {name} for commit {commit[:12]}, which did not bring it")
    if brought[-1] not in chain[at:]:
        raise IncompleteError(f"{name} brought commit {brought[-1][:12]}, which the branch does not hold yet")
    try:
        parents = [next(iter(source.tree(one).parents), "") for one in brought]
    except NotFoundError as error:
        raise IncompleteError(f"{name}: {error}") from error
    if any(parent != previous for previous, parent in zip(brought, parents[1:], strict=False)):
        raise IncompleteError(f"the commits that {name} brought do not follow each other on the branch")
    passed = [parents[0], *brought[: brought.index(commit)]]
    if any(changed_keys(desired.at(before), desired.at(after)) for before, after in pairwise(passed)):
        raise IncompleteError(f"{name} brought commits that were judged before without it")
    if pull is not None and pull.first_parent != parents[0]:
        raise IncompleteError(
            f"{name} was merged onto {pull.first_parent[:12]}, and the branch holds it onto {parents[0][:12]}"
        )
    return Extent(first_parent=parents[0], commit=brought[-1], place=chain.index(brought[-1], at))
