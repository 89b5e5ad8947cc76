"""The contract of `Forge` on the one in memory and on git alone."""

from pathlib import Path
from typing import Literal

import pytest

from stagewright.adapters.git.forge import GitForge
from stagewright.adapters.git.source import GitSource
from stagewright.model.review import SigningKey
from stagewright.model.source import PullFacts, ReviewFacts
from tests.fakes.forge import FakeForge
from tests.forge_contract import SUBJECT, ForgeContract, Host
from tests.git_world import World, person


def key(name: str) -> SigningKey:
    return SigningKey(fingerprint=person(name).fingerprint)


class FakeHost:
    signed = True

    def __init__(self, root: Path) -> None:
        self.world = World(root / "world")
        self.forge = FakeForge()
        self._reviews: list[ReviewFacts] = []
        self._pulls: list[PullFacts] = []

    def actor(self, name: str) -> SigningKey:
        return key(name)

    def title(self, branch: str) -> str:
        return f"Merge branch '{branch}'"

    def merge(self, branch: str) -> str:
        first_parent, head = self.world.head(), self.world.head(branch)
        merge = self.world.merge(branch, by="maintainer")
        pull = PullFacts(
            id=merge, title=self.title(branch), url=None, base_branch="main", author=key("dana"),
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
    signed = True

    def __init__(self, root: Path) -> None:
        self.world = World(root / "world")
        self._source = GitSource(url=str(self.world.origin), branch="main", mirror=root / "mirror")
        self.forge = GitForge(self._source)

    def actor(self, name: str) -> SigningKey:
        return key(name)

    def title(self, branch: str) -> str:
        return f"Merge branch '{branch}'"

    def merge(self, branch: str) -> str:
        return self.world.merge(branch, by="maintainer")

    def review(self, name: str, decision: Literal["approve", "reject"], commit: str) -> str:
        return self.world.decide(name, decision, commit, [SUBJECT])

    def withdraw(self, review: str) -> None:
        self.world.delete_tag(review)

    def refresh(self) -> None:
        self._source.fetch()


class TestFake(ForgeContract):
    @pytest.fixture
    def host(self, tmp_path: Path) -> Host:
        return FakeHost(tmp_path)


class TestGit(ForgeContract):
    @pytest.fixture
    def host(self, tmp_path: Path) -> Host:
        return GitHost(tmp_path)

    def test_writers_of_git_alone_are_not_asked_for(self, host: Host):
        assert host.forge.writers() is None
