"""What people decided about the acceptance of another history, and who made what it holds."""

from datetime import datetime

from stagewright.app.desired import DesiredReader
from stagewright.app.memory import Memory
from stagewright.app.outside import Outside
from stagewright.core.acceptance import history_document, history_subject
from stagewright.core.change import touched_keys
from stagewright.errors import IncompleteError, NotFoundError
from stagewright.model.conversation import OpenPull
from stagewright.model.keys import GovernanceKey
from stagewright.model.review import CommitFacts, PullRequest, Reach, Review
from stagewright.model.source import REGULAR_MODES, PullFacts, ReviewFacts, SourceCommit

FOLDER = "accepted-histories"


def document_path(path: str, after: str) -> str:
    """Where the file lies, below the source's folder, that asks for acceptance on a forge with accounts."""
    return f"{path}/{FOLDER}/{after}.json" if path else f"{FOLDER}/{after}.json"


class HistoryReviews:
    """Reads the decisions about one acceptance, as a pull request that holds them."""

    def __init__(
        self, outside: Outside, desired: DesiredReader, memory: Memory, *, path: str, branch: str, now: datetime
    ) -> None:
        self._outside = outside
        self._source = outside.source
        self._desired = desired
        self._memory = memory
        self._path = path
        self._branch = branch
        self._now = now

    def of(self, origin: str, before: str, after: str) -> tuple[int | None, PullRequest]:
        """The number of the open pull request that asks for it, where there is one, and the decisions.

        Commits of the new history that change what is declared are told with who is proven to have made them.
        """
        subject = history_subject(origin, before, after)
        made = tuple(
            CommitFacts(
                id=commit.id,
                actors=(commit.signer,) if commit.signer else (),
                named=(),
                touched=frozenset({GovernanceKey()}),
            )
            for commit in self._source.commits(reachable_from=after, not_from=before)
            if self._changes(commit)
        )
        conversation = self._outside.conversation
        if conversation is None:
            return None, _on_tags(after, subject, made, self._tags(after, subject))
        wanted = history_document(origin, before, after)
        for pull in conversation.open_pulls():
            if pull.facts.base_branch == self._branch and self._asks(pull.facts.merged_head, after, wanted):
                return pull.number, self._carried(pull, after, subject, wanted, made)
        return None, _on_tags(after, subject, made, ())

    def _changes(self, commit: SourceCommit) -> bool:
        parents = [self._desired.at(parent) for parent in commit.parents]
        return bool(touched_keys(self._desired.at(commit.id), parents))

    def _tags(self, after: str, subject: str) -> tuple[Review, ...]:
        current = {review.id: review for review in self._outside.forge.observations()}
        known = {**self._memory.reviews, **current}
        about = [r for r in known.values() if subject in (r.claims or ()) or self._withdraws(r, known, subject)]
        return tuple(
            _review(
                review,
                first_seen=self._memory.seen.get(review.id, self._now),
                in_pull=review.commit == after,
                subject=subject,
                present=review.id in current and review.id not in self._memory.withdrawn,
            )
            for review in about
        )

    @staticmethod
    def _withdraws(review: ReviewFacts, known: dict[str, ReviewFacts], subject: str) -> bool:
        return any(named in known and subject in (known[named].claims or ()) for named in review.withdraws)

    def _asks(self, commit: str, after: str, wanted: bytes) -> bool:
        """Whether a commit holds the file that asks for it, and stands on the new history."""
        try:
            files = {file.path: file for file in self._source.tree(commit).files}
            file = files.get(document_path(self._path, after))
            stands = self._source.merge_bases(commit, after) == (after,)
            right = file is not None and file.mode in REGULAR_MODES and file.size == len(wanted)
            return stands and right and file is not None and self._source.blob(file.blob) == wanted
        except NotFoundError:
            return False

    def _carried(
        self, pull: OpenPull, after: str, subject: str, wanted: bytes, made: tuple[CommitFacts, ...]
    ) -> PullRequest:
        facts: PullFacts = pull.facts
        own = self._source.commits(reachable_from=facts.merged_head, not_from=after)
        pushers = dict(facts.commit_actors)
        asking = tuple(
            CommitFacts(
                id=commit.id,
                actors=tuple(actor for actor in (commit.signer, pushers.get(commit.id)) if actor is not None),
                named=commit.named,
                touched=frozenset({GovernanceKey()}),
            )
            for commit in own
        )
        inside = {commit.id for commit in own}
        reviews = []
        for review in self._outside.forge.reviews(facts):
            if review.first_seen is None:
                raise IncompleteError(f"review {review.id} has no time", hint="it is read next time")
            asked = review.commit in inside and self._asks(review.commit, after, wanted)
            reviews.append(
                _review(
                    review,
                    first_seen=review.first_seen,
                    in_pull=review.commit in inside,
                    subject=subject if asked or review.decision == "reject" else None,
                    present=True,
                )
            )
        return PullRequest(
            id=facts.id,
            title=facts.title,
            url=facts.url,
            base_branch=facts.base_branch,
            author=facts.author,
            head=_reach(facts.merged_head, in_pull=True, subject=subject),
            commits=(*asking, *made),
            reviews=tuple(reviews),
        )


def _on_tags(after: str, subject: str, made: tuple[CommitFacts, ...], reviews: tuple[Review, ...]) -> PullRequest:
    return PullRequest(
        id=after,
        title=f"Accept the history of {after[:12]}",
        url=None,
        base_branch="",
        author=None,
        head=_reach(after, in_pull=True, subject=subject),
        commits=made,
        reviews=reviews,
    )


def _review(review: ReviewFacts, *, first_seen: datetime, in_pull: bool, subject: str | None, present: bool) -> Review:
    return Review(
        id=review.id,
        author=review.author,
        decision=review.decision,
        first_seen=first_seen,
        reach=_reach(review.commit, in_pull=in_pull, subject=subject),
        claims=review.claims,
        withdraws=review.withdraws,
        standing=review.standing,
        present=present,
        flaw=review.flaw,
    )


def _reach(commit: str, *, in_pull: bool, subject: str | None) -> Reach:
    return Reach(
        commit=commit,
        in_pull=in_pull,
        ancestor_of_first_parent=False,
        merge_bases=1,
        subjects=frozenset() if subject is None else frozenset({subject}),
    )
