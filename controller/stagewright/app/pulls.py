"""Pull requests as the core wants them: raw facts of forge and git, related to one step of history."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from types import MappingProxyType

from stagewright.app.desired import DesiredReader
from stagewright.app.vetoes import standing
from stagewright.core.change import brought_keys, subjects, touched_keys
from stagewright.errors import IncompleteError, NotFoundError
from stagewright.model.review import CommitFacts, PullRequest, Reach, Review
from stagewright.model.source import KnownRejection, PullFacts, ReviewFacts, SourceCommit
from stagewright.ports import Forge, Source


class PullReader:
    """Relates what a forge says about a pull request to the step that it brought, as of `now`."""

    def __init__(self, source: Source, forge: Forge, desired: DesiredReader, *, origin: str, now: datetime) -> None:
        self._source = source
        self._forge = forge
        self._desired = desired
        self._origin = origin
        self._now = now

    def found(self, commit: str) -> PullFacts | None:
        """The pull request that brought `commit` onto the branch; None when there was none."""
        return self._forge.pull(commit, self._source.tree(commit).parents[0])

    def related(
        self,
        pull: PullFacts,
        seen: Mapping[str, datetime],
        once: Mapping[str, ReviewFacts],
        withdrawn: AbstractSet[str] = frozenset(),
        rejections: Mapping[str, KnownRejection] = MappingProxyType({}),
    ) -> PullRequest:
        """The pull request with its commits and reviews, each related to the step it brings.

        `seen` says when each review was first seen; `once` are reviews that were seen once, by id: those which the
        forge does not show any more, or that were gone at some time (`withdrawn`), are told as no longer present.
        `rejections` are those that were seen on any pull request of a forge with accounts.
        """
        try:
            commits = self._source.commits(reachable_from=pull.merged_head, not_from=pull.first_parent)
        except NotFoundError as error:
            raise IncompleteError(f"pull request {pull.id}: {error}", hint="fetch its commits again") from error
        inside = frozenset(commit.id for commit in commits)
        reviews = [review for review in self._forge.reviews(pull) if review.id not in withdrawn]
        shown = frozenset(review.id for review in reviews)
        lost = [review for review in once.values() if review.id not in shown and review.commit in inside]
        head = self.reach(pull.merged_head, pull.first_parent, inside)
        current = {review.id: review for review in self._forge.observations()}
        elsewhere = _rejections_elsewhere({**once, **current}, inside, head.subjects or frozenset())
        vetoes = standing(
            pull,
            shown,
            head.subjects or frozenset(),
            rejections,
            forge=self._forge,
            proposed=lambda commit: self.reach(commit, pull.first_parent, inside).subjects or frozenset(),
        )
        return PullRequest(
            id=pull.id,
            title=pull.title,
            url=pull.url,
            base_branch=pull.base_branch,
            author=pull.author,
            merged_at=pull.merged_at,
            head=head,
            commits=tuple(self._commit(commit, pull, inside) for commit in commits),
            reviews=(
                *(self._review(review, pull, inside, seen, present=True) for review in reviews),
                *(self._review(review, pull, inside, seen, present=False) for review in lost),
                *(self._review(review, pull, inside, seen, present=review.id in current) for review in elsewhere),
                *(self._review(review, pull, inside, seen, present=True) for review in vetoes),
            ),
        )

    def reach(self, commit: str, first_parent: str, inside: frozenset[str]) -> Reach:
        """How a commit lies to the step onto `first_parent`, and what it proposes there."""
        bases: tuple[str, ...] = ()
        proposed: frozenset[str] | None = None
        try:
            bases = self._source.merge_bases(commit, first_parent)
            if len(bases) == 1:
                proposed = subjects(self._origin, self._desired.at(bases[0]), self._desired.at(commit))
        except NotFoundError:
            proposed = None
        return Reach(
            commit=commit,
            in_pull=commit in inside,
            ancestor_of_first_parent=bases == (commit,),
            merge_bases=len(bases),
            subjects=proposed,
        )

    def _commit(self, commit: SourceCommit, pull: PullFacts, inside: frozenset[str]) -> CommitFacts:
        made_by = [actor for actor in (commit.signer, dict(pull.commit_actors).get(commit.id)) if actor is not None]
        state = self._desired.at(commit.id)
        parents = {parent: self._desired.at(parent) for parent in commit.parents}
        brought = brought_keys(
            state,
            [known for parent, known in parents.items() if parent in inside],
            self._desired.at(pull.merged_head),
            self._desired.at(pull.first_parent),
        )
        return CommitFacts(
            id=commit.id,
            actors=tuple(made_by),
            named=commit.named,
            touched=touched_keys(state, list(parents.values())) | brought,
        )

    def _review(
        self,
        review: ReviewFacts,
        pull: PullFacts,
        inside: frozenset[str],
        seen: Mapping[str, datetime],
        *,
        present: bool,
    ) -> Review:
        first_seen = review.first_seen or seen.get(review.id)
        if first_seen is None and review.flaw is not None:
            # What can never count is never recorded as seen, and must not keep the walk waiting for it.
            first_seen = self._now
        if first_seen is None:
            raise IncompleteError(f"review {review.id} appeared while the facts were read", hint="it is read next time")
        return Review(
            id=review.id,
            author=review.author,
            decision=review.decision,
            first_seen=first_seen,
            reach=self.reach(review.commit, pull.first_parent, inside),
            claims=review.claims,
            withdraws=review.withdraws,
            standing=review.standing,
            present=present,
            flaw=review.flaw,
        )


def _rejections_elsewhere(
    known: Mapping[str, ReviewFacts], inside: frozenset[str], proposed: frozenset[str]
) -> list[ReviewFacts]:
    """Signed rejections of what is proposed, on commits of other branches, and what withdraws a rejection there.

    A rejected branch that is committed anew under another id proposes the same by name.
    """
    standing = [review for review in known.values() if review.standing and review.claims]
    vetoes = [
        review for review in standing if review.commit not in inside and proposed & (review.claims or frozenset())
    ]
    rejections = {review.id for review in standing if review.commit in inside} | {review.id for review in vetoes}
    lifting = [r for r in known.values() if r.commit not in inside and rejections & set(r.withdraws)]
    return [review for _, review in sorted({review.id: review for review in (*vetoes, *lifting)}.items())]
