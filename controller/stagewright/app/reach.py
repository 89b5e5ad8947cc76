"""Which systems answered in a sync: what is asked of repository, forge and registry, listened to as it passes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from stagewright.errors import ForbiddenError, ForeignAnswerError, StagewrightError, System, UnreachableError
from stagewright.model.actual import ActualModel, ActualState, VersionFacts
from stagewright.model.plan import Action
from stagewright.model.review import Account
from stagewright.model.source import PullFacts, ReviewFacts, SourceCommit, SourceTree
from stagewright.ports import Forge, Registry, Source

Answered = Literal["well", "foreign", "forbidden", "not"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How a system answered in one sync: as it should, as something else does, with a refusal, or not at all.

    `message` is the first error, with what to do about it; empty where all went well.
    """

    system: System
    answered: Answered
    message: str = ""


class Watch:
    """Listens for the length of one sync."""

    def __init__(self) -> None:
        self._heard: dict[System, Reached] = {}

    @property
    def reached(self) -> tuple[Reached, ...]:
        """Every system that was asked anything so far."""
        return tuple(self._heard.values())

    @contextmanager
    def asking(self, system: System) -> Iterator[None]:
        """Hear how a question to `system` ends, and say in its error whom it was put to."""
        try:
            yield
        except StagewrightError as error:
            asked = error.system = error.system or system
            answered = answer_of(error)
            if answered != "well" and self._heard.get(asked, _well(asked)).answered == "well":
                self._heard[asked] = Reached(system=asked, answered=answered, message=told(error))
            raise
        self._heard.setdefault(system, _well(system))


def answer_of(error: StagewrightError) -> Answered:
    """How the system answered that an error is about."""
    match error:
        case ForeignAnswerError():
            return "foreign"
        case UnreachableError():
            return "not"
        case ForbiddenError():
            return "forbidden"
        case _:
            return "well"


def told(error: StagewrightError) -> str:
    """An error with its remedy, in one line."""
    return f"{error} ({error.hint})" if error.hint else str(error)


def _well(system: System) -> Reached:
    return Reached(system=system, answered="well")


@dataclass(frozen=True, slots=True)
class WatchedSource:
    """A `Source` that is listened to; what it answers from the mirror says nothing of its reach."""

    inner: Source
    watch: Watch

    def fetch(self) -> str:
        """See the port."""
        with self.watch.asking("repository"):
            return self.inner.fetch()

    def first_parents(self, after: str, head: str) -> tuple[str, ...]:
        """See the port."""
        return self.inner.first_parents(after, head)

    def tree(self, commit: str) -> SourceTree:
        """See the port."""
        return self.inner.tree(commit)

    def blob(self, blob: str) -> bytes:
        """See the port."""
        return self.inner.blob(blob)

    def merge_bases(self, one: str, other: str) -> tuple[str, ...]:
        """See the port."""
        return self.inner.merge_bases(one, other)

    def commits(self, *, reachable_from: str, not_from: str) -> tuple[SourceCommit, ...]:
        """See the port."""
        return self.inner.commits(reachable_from=reachable_from, not_from=not_from)


@dataclass(frozen=True, slots=True)
class WatchedRegistry:
    """A `Registry` that is listened to; a version's files may lie elsewhere, and say nothing of its reach."""

    inner: Registry
    watch: Watch

    def snapshot(self) -> ActualState:
        """See the port."""
        with self.watch.asking("registry"):
            return self.inner.snapshot()

    def model(self, name: str) -> ActualModel | None:
        """See the port."""
        with self.watch.asking("registry"):
            return self.inner.model(name)

    def version_facts(self, name: str, version: int) -> VersionFacts | None:
        """See the port."""
        return self.inner.version_facts(name, version)

    def apply(self, action: Action) -> None:
        """See the port."""
        with self.watch.asking("registry"):
            self.inner.apply(action)


@dataclass(frozen=True, slots=True)
class WatchedForge:
    """A `Forge` that is listened to."""

    inner: Forge
    watch: Watch

    def pull(self, commit: str, first_parent: str) -> PullFacts | None:
        """See the port."""
        with self.watch.asking("forge"):
            return self.inner.pull(commit, first_parent)

    def reviews(self, pull: PullFacts) -> tuple[ReviewFacts, ...]:
        """See the port."""
        with self.watch.asking("forge"):
            return self.inner.reviews(pull)

    def observations(self) -> tuple[ReviewFacts, ...]:
        """See the port."""
        with self.watch.asking("forge"):
            return self.inner.observations()

    def members(self, team: str) -> tuple[str, ...]:
        """See the port."""
        with self.watch.asking("forge"):
            return self.inner.members(team)

    def accounts(self, logins: Sequence[str]) -> Mapping[str, str | None] | None:
        """See the port."""
        with self.watch.asking("forge"):
            return self.inner.accounts(logins)

    def writers(self) -> tuple[Account, ...] | None:
        """See the port."""
        with self.watch.asking("forge"):
            return self.inner.writers()
