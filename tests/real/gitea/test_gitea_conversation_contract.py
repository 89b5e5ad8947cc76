"""The contract of `Conversation` and `PullRequests` on a real Gitea."""

import pytest

from stagewright.model.review import Account
from stagewright.ports import Conversation, PullRequests
from tests.conversation_contract import ConversationContract, Talk
from tests.gitea.world import GiteaWorld


class GiteaTalk:
    def __init__(self, world: GiteaWorld) -> None:
        self.world = world
        self._source = world.source()
        # only then does Gitea take the repository for one that can have pull requests
        world.settle_feed(world.first)

    def replica(self) -> Conversation:
        self._settle()
        return self.world.conversation(self._source)

    def access(self, name: str) -> PullRequests:
        self._settle()
        return self.world.pull_requests(self._source, name)

    def account(self, name: str) -> Account:
        return self.world.account(name)

    def comments(self, number: int) -> list[str]:
        rows = self.world.call("GET", f"/issues/{number}/comments")
        return [row["body"].partition("\n")[2].rstrip("\n") for row in rows]

    def marks(self, commit: str) -> list[tuple[str, str]]:
        rows = self.world.call("GET", f"/commits/{commit}/statuses")
        return [(row["status"], row["description"]) for row in sorted(rows, key=lambda row: row["id"])]

    def asked(self, number: int) -> list[str]:
        return [row["login"] for row in self.world.call("GET", f"/pulls/{number}")["requested_reviewers"] or ()]

    def _settle(self) -> None:
        for row in self.world.call("GET", "/pulls?state=open"):
            self.world.settle(row["number"])
        self._source.fetch()


class TestGitea(ConversationContract):
    @pytest.fixture
    def talk(self, world: GiteaWorld) -> Talk:
        return GiteaTalk(world)
