"""What every `Forge` does, checked on the one in memory and on git alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

import pytest

from stagewright.adapters.git.forge import GitForge
from stagewright.adapters.git.source import GitSource
from stagewright.errors import NotFoundError
from stagewright.model.review import SigningKey
from stagewright.model.source import PullFacts, ReviewFacts
from stagewright.ports import Forge
from tests.fakes.forge import FakeForge
from tests.git_world import World, person

SUBJECT = "7" * 64


class Host(Protocol):
    """A repository with people, whose pull requests a forge tells."""

    world: World
    forge: Forge

    def merge(self, branch: str) -> str: ...
    def review(self, name: str, decision: Literal["approve", "reject"], commit: str) -> str: ...
    def withdraw(self, review: str) -> None: ...
    def refresh(self) -> None: ...


class FakeHost:
    def __init__(self, root: Path) -> None:
        self.world = World(root / "world")
        self.forge = FakeForge()
        self._reviews: list[ReviewFacts] = []
        self._pulls: list[PullFacts] = []

    def merge(self, branch: str) -> str:
        first_parent, head = self.world.head(), self.world.head(branch)
        merge = self.world.merge(branch, by="maintainer")
        pull = PullFacts(
            id=merge, title=f"Merge branch '{branch}'", url=None, base_branch="main", author=key("dana"),
            merged_head=head, first_parent=first_parent,
        )  # fmt: skip
        self._pulls.append(pull)
        self.forge.merged(merge, pull)
        return merge

    def review(self, name: str, decision: Literal["approve", "reject"], commit: str) -> str:
        made = ReviewFacts(
            id=f"{len(self._reviews):040x}", author=key(name), decision=decision, commit=commit, first_seen=None,
            claims=frozenset({SUBJECT}), standing=decision == "reject",
        )  # fmt: skip
        self._reviews.append(made)
        return made.id

    def withdraw(self, review: str) -> None:
        self._reviews = [kept for kept in self._reviews if kept.id != review]

    def refresh(self) -> None:
        for pull in self._pulls:
            listed = self.world.git_origin("rev-list", pull.merged_head, f"^{pull.first_parent}").split()
            self.forge.withdraw(pull, [review.id for review in self.forge.reviews(pull)])
            self.forge.review(pull, *(review for review in self._reviews if review.commit in listed))


class GitHost:
    def __init__(self, root: Path) -> None:
        self.world = World(root / "world")
        self._source = GitSource(url=str(self.world.origin), branch="main", mirror=root / "mirror")
        self.forge = GitForge(self._source)

    def merge(self, branch: str) -> str:
        return self.world.merge(branch, by="maintainer")

    def review(self, name: str, decision: Literal["approve", "reject"], commit: str) -> str:
        return self.world.decide(name, decision, commit, [SUBJECT])

    def withdraw(self, review: str) -> None:
        self.world.delete_tag(review)

    def refresh(self) -> None:
        self._source.fetch()


def key(name: str) -> SigningKey:
    return SigningKey(fingerprint=person(name).fingerprint)


@pytest.fixture(params=[FakeHost, GitHost], ids=["fake", "git"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    build: Callable[[Path], Host] = request.param
    return build(tmp_path)


def merged(host: Host) -> tuple[str, PullFacts]:
    """One branch of dana's, merged: its head, and what the forge says."""
    first_parent = host.world.head()
    head = host.world.commit("dana", {"a": "1\n"}, branch="promote")
    merge = host.merge("promote")
    host.refresh()
    pull = host.forge.pull(merge, first_parent)
    assert pull is not None
    return head, pull


def test_pull_of_a_merge_tells_head_base_and_author(host: Host):
    head, pull = merged(host)

    assert (pull.merged_head, pull.first_parent, pull.base_branch, pull.author, pull.title) == (
        head, host.world.first, "main", key("dana"), "Merge branch 'promote'",
    )  # fmt: skip


def test_pull_asked_twice_is_the_same(host: Host):
    _, pull = merged(host)

    assert host.forge.pull(host.world.head(), host.world.first) == pull


def test_pull_of_a_straight_push_is_none(host: Host):
    pushed = host.world.push_main("dana", {"a": "1\n"})
    host.refresh()

    assert host.forge.pull(pushed, host.world.first) is None


def test_reviews_of_a_pull_without_any_are_none(host: Host):
    _, pull = merged(host)

    assert host.forge.reviews(pull) == ()


def test_reviews_tell_who_decided_what_on_which_commit(host: Host):
    head, pull = merged(host)
    approval = host.review("noor", "approve", head)
    rejection = host.review("ravi", "reject", head)
    host.refresh()

    found = {review.id: review for review in host.forge.reviews(pull)}

    assert {
        oid: (review.author, review.decision, review.commit, review.claims, review.standing, review.flaw)
        for oid, review in found.items()
    } == {
        approval: (key("noor"), "approve", head, frozenset({SUBJECT}), False, None),
        rejection: (key("ravi"), "reject", head, frozenset({SUBJECT}), True, None),
    }


def test_reviews_do_not_mix_pull_requests(host: Host):
    head, pull = merged(host)
    base = host.world.head()
    other = host.world.commit("ravi", {"b": "1\n"}, branch="other")
    merge = host.merge("other")
    first, second = host.review("noor", "approve", head), host.review("noor", "approve", other)
    host.refresh()
    later = host.forge.pull(merge, base)
    assert later is not None

    assert [review.id for review in host.forge.reviews(pull)] == [first]
    assert [review.id for review in host.forge.reviews(later)] == [second]


def test_reviews_that_were_taken_back_are_gone(host: Host):
    head, pull = merged(host)
    approval = host.review("noor", "approve", head)
    host.refresh()
    assert [review.id for review in host.forge.reviews(pull)] == [approval]

    host.withdraw(approval)
    host.refresh()

    assert host.forge.reviews(pull) == ()


def test_members_of_a_team_that_does_not_exist_are_not_found(host: Host):
    with pytest.raises(NotFoundError, match="@acme/nobody"):
        host.forge.members("@acme/nobody")
