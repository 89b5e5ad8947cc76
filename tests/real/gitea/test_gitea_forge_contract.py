"""The contract of `Forge` on a real Gitea."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from stagewright.model.review import Account
from tests.forge_contract import ForgeContract, Host
from tests.gitea.server import GiteaServer
from tests.gitea.world import GiteaWorld


class GiteaHost:
    signed = False

    def __init__(self, server: GiteaServer, root: Path) -> None:
        self.world = GiteaWorld(server, root / "world")
        self._source = self.world.source()
        self.forge = self.world.forge(self._source, grace=timedelta(0))
        self._pulls: dict[str, int] = {}
        self._reviews: dict[str, tuple[str, int]] = {}

    def actor(self, name: str) -> Account:
        return self.world.account(name)

    def title(self, branch: str) -> str:
        return f"Promote on {branch}"

    def merge(self, branch: str) -> str:
        merge = self.world.merge_pull(self._pull(branch))
        self.world.settle_feed(merge)
        return merge

    def review(self, name: str, decision: Literal["approve", "reject"], commit: str) -> str:
        branch = next(b for b in self.world.branches() if b != "main" and self.world.head(b) == commit)
        review = str(self.world.review(name, self._pull(branch), decision, commit=commit))
        self._reviews[review] = (name, self._pull(branch))
        return review

    def withdraw(self, review: str) -> None:
        name, number = self._reviews[review]
        self.world.call("DELETE", f"/pulls/{number}/reviews/{review}", by=name)

    def refresh(self) -> None:
        head = self._source.fetch()
        self.world.settle_feed(head)

    def _pull(self, branch: str) -> int:
        if branch not in self._pulls:
            self._pulls[branch] = self.world.open(branch)
        return self._pulls[branch]


class TestGitea(ForgeContract):
    @pytest.fixture
    def host(self, gitea: GiteaServer, tmp_path: Path) -> Host:
        return GiteaHost(gitea, tmp_path)

    # the team of the contract belongs to an organization that this server has as well
    @pytest.fixture(autouse=True)
    def _acme(self, gitea: GiteaServer) -> None:
        if not any(org["username"] == "acme" for org in gitea.call("GET", "/orgs?limit=50")):
            gitea.call("POST", "/orgs", {"username": "acme"})
            gitea.call(
                "PUT", f"/teams/{gitea.call('GET', '/orgs/acme/teams')[0]['id']}/members/{gitea.user('robot').login}"
            )
