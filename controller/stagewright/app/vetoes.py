"""Rejections on a forge with accounts, beyond their pull request: the same change in another one is rejected still.

The ledger keeps those that were seen, with the subjects that they are of. What has become of one, its own pull
request tells at the moment when it matters.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from stagewright.errors import NotFoundError
from stagewright.model.review import Account, PullRequest
from stagewright.model.source import KnownRejection, PullFacts, ReviewFacts
from stagewright.ports import Forge

Proposed = Callable[[str], frozenset[str]]
"""The subjects that a commit proposes; none where it cannot be read."""


def rejections_in(pull: PullRequest, voices: Collection[str]) -> tuple[KnownRejection, ...]:
    """The rejections of a pull request by accounts whose ids are among `voices`, with what they reject."""
    return tuple(
        KnownRejection(
            review=review.id,
            pull=pull.id,
            author=review.author,
            commit=review.reach.commit,
            subjects=review.reach.subjects,
            first_seen=review.first_seen,
        )
        for review in pull.reviews
        # one that names its subjects is signed, or was recalled from here
        if review.decision == "reject" and review.claims is None and review.flaw is None
        if isinstance(review.author, Account) and review.author.id in voices
        if review.reach.subjects
    )


def standing(
    pull: PullFacts,
    shown: Collection[str],
    wanted: frozenset[str],
    known: Mapping[str, KnownRejection],
    *,
    forge: Forge,
    proposed: Proposed,
) -> tuple[ReviewFacts, ...]:
    """The rejections known of what `pull` proposes, the `wanted` subjects, that it does not show among its own reviews.

    `shown` are the ids of those. A rejection that its own pull request does not show any more stands.
    """
    found = []
    pages: dict[str, tuple[ReviewFacts, ...]] = {}
    for _, rejection in sorted(known.items()):
        left = rejection.subjects & wanted
        if not left or rejection.review in shown:
            continue
        if rejection.pull != pull.id:
            if rejection.pull not in pages:
                pages[rejection.pull] = _reviews(forge, rejection, pull)
            left -= _lifted(rejection, pages[rejection.pull], proposed)
        if left:
            found.append(
                ReviewFacts(
                    id=rejection.review,
                    author=rejection.author,
                    decision="reject",
                    commit=rejection.commit,
                    first_seen=rejection.first_seen,
                    claims=left,
                )
            )
    return tuple(found)


def _reviews(forge: Forge, rejection: KnownRejection, onto: PullFacts) -> tuple[ReviewFacts, ...]:
    """The reviews of the rejection's own pull request as they are now; none where that is gone."""
    there = replace(onto, id=rejection.pull, merged_head=rejection.commit, brought=(), commit_actors=())
    try:
        return forge.reviews(there)
    except NotFoundError:
        return ()


def _lifted(rejection: KnownRejection, reviews: tuple[ReviewFacts, ...], proposed: Proposed) -> frozenset[str]:
    """The subjects that its author does not reject any more: it was dismissed by them, or they approved later on."""
    own = [
        review for review in reviews if isinstance(review.author, Account) and review.author.id == rejection.author.id
    ]
    if any(review.id == rejection.review and review.decision == "dismissed" for review in own):
        return rejection.subjects
    later = [
        review.commit
        for review in own
        if review.decision == "approve" and not review.flaw
        if review.first_seen is not None and review.first_seen > rejection.first_seen
    ]
    return frozenset().union(*(proposed(commit) for commit in later))
