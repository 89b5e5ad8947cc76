"""The contract of `Forge` on the GitHub double."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from stagewright.model.review import Account
from tests.doubles.github.double import GitHubDouble
from tests.forge_contract import ForgeContract, Host
from tests.github_world import GitHubWorld


class GitHubHost:
    signed = False

    def __init__(self, world: GitHubWorld) -> None:
        self.world = world
        self.forge = world.forge

    def actor(self, name: str) -> Account:
        return self.world.account(name)

    def title(self, branch: str) -> str:
        return f"Promote on {branch}"

    def merge(self, branch: str) -> str:
        return self.world.merge_pull(self._pull_of(branch))

    def review(self, name: str, decision: Literal["approve", "reject"], commit: str) -> str:
        branch = next(b for b in self.world.branches() if self.world.head(b) == commit)
        return str(self.world.review(name, self._pull_of(branch), decision, commit=commit))

    def withdraw(self, review: str) -> None:
        # nobody can delete a review on GitHub; one that is not shown any more must not be told all the same
        for pull in self.world.hosted.pulls.values():
            pull.reviews = [kept for kept in pull.reviews if str(kept.id) != review]

    def refresh(self) -> None:
        self.world.fetch()

    def _pull_of(self, branch: str) -> int:
        pulls = [p.number for p in self.world.hosted.pulls.values() if p.head_ref == branch and p.state == "open"]
        return pulls[0] if pulls else self.world.open(branch)


@pytest.fixture(params=["token", "app"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[GitHubWorld]:
    with GitHubDouble(tmp_path / "github") as github:
        yield GitHubWorld(github, tmp_path / "world", app=request.param == "app")


class TestGitHub(ForgeContract):
    @pytest.fixture
    def host(self, world: GitHubWorld) -> Host:
        return GitHubHost(world)
