"""A forge in memory: pull requests, reviews and teams as a test tells them.

forge = FakeForge()
forge.merged(merge_commit, pull)
forge.review(pull, approval)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stagewright.errors import IncompleteError, NotFoundError, UnreachableError
from stagewright.model.review import Account
from stagewright.model.source import PullFacts, ReviewFacts


@dataclass
class FakeForge:
    """`away` and `incomplete` make every answer the error of that kind; `asked` are the commits asked about.

    Of the commit `gap` no pull request can be told.
    """

    away: bool = False
    incomplete: bool = False
    teams: dict[str, tuple[str, ...]] = field(default_factory=dict)
    may_write: tuple[Account, ...] | None = None
    asked: list[str] = field(default_factory=list)
    gap: str = ""
    others: tuple[Account, ...] = ()
    looked_up: list[str] = field(default_factory=list)
    _pulls: dict[str, PullFacts] = field(default_factory=dict)
    _reviews: dict[str, dict[str, ReviewFacts]] = field(default_factory=dict)

    def merged(self, commit: str, pull: PullFacts) -> None:
        """Say that `pull` brought `commit`."""
        self._pulls[commit] = pull

    def review(self, pull: PullFacts, *reviews: ReviewFacts) -> None:
        """Add reviews to a pull request, or change those of the same ids."""
        self._reviews.setdefault(pull.id, {}).update({review.id: review for review in reviews})

    def withdraw(self, pull: PullFacts, ids: Iterable[str]) -> None:
        """Make reviews vanish."""
        for gone in ids:
            del self._reviews[pull.id][gone]

    def pull(self, commit: str, first_parent: str) -> PullFacts | None:
        """See the port."""
        self._answer()
        self.asked.append(commit)
        if commit == self.gap:
            raise IncompleteError("a page was missing")
        found = self._pulls.get(commit)
        assert found is None or found.brought or found.first_parent == first_parent
        return found

    def reviews(self, pull: PullFacts) -> tuple[ReviewFacts, ...]:
        """See the port."""
        self._answer()
        return tuple(self._reviews.get(pull.id, {}).values())

    def observations(self) -> tuple[ReviewFacts, ...]:
        """Every review without a flaw, whatever its pull request."""
        self._answer()
        found = [review for reviews in self._reviews.values() for review in reviews.values()]
        return tuple(sorted((review for review in found if review.flaw is None), key=lambda review: review.id))

    def members(self, team: str) -> tuple[str, ...]:
        """See the port."""
        self._answer()
        if team not in self.teams:
            raise NotFoundError(f"no team {team!r}")
        return self.teams[team]

    def accounts(self, logins: Sequence[str]) -> dict[str, str | None] | None:
        """See the port: whoever may write, and `others`."""
        self._answer()
        if self.may_write is None:
            return None
        self.looked_up += logins
        known = {who.login.casefold(): who.id for who in (*self.may_write, *self.others)}
        return {login: known.get(login.casefold()) for login in logins}

    def writers(self) -> tuple[Account, ...] | None:
        """See the port."""
        self._answer()
        return self.may_write

    def _answer(self) -> None:
        if self.away:
            raise UnreachableError("the forge is away")
        if self.incomplete:
            raise IncompleteError("the forge left out a page")
