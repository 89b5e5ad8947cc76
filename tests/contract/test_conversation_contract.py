"""The contract of `Conversation` and `PullRequests` on the ones in memory and on the GitHub double."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stagewright.adapters.github.conversation import GitHubConversation
from stagewright.adapters.github.forge import GitHubForge
from stagewright.adapters.github.pull_requests import GitHubPullRequests
from stagewright.model.conversation import Finding, OpenPull, PullLink
from stagewright.model.review import Account
from stagewright.model.source import PullFacts
from stagewright.ports import Conversation, PullRequests
from tests.conversation_contract import ConversationContract, Talk
from tests.doubles.github.double import GitHubDouble
from tests.fakes.conversation import FakeConversation, FakePullRequests
from tests.git_world import World
from tests.github_world import GitHubWorld
from tests.hosted_bank import account


class FakeTalk:
    def __init__(self, root: Path) -> None:
        self.world = World(root / "world")
        self.fake = FakeConversation(strangers={"dana", "nobody-of-that-name"})
        self.numbers: dict[str, int] = {}

    def replica(self) -> Conversation:
        return self.fake

    def access(self, name: str) -> PullRequests:
        remedied = Finding(name="protection", fine=False, detail="main can be pushed to", remedy="forbid it")
        return _Access(talk=self.fake, who=account(name), findings=(remedied,), host=self)

    def account(self, name: str) -> Account:
        return account(name)

    def comments(self, number: int) -> list[str]:
        return [self.fake.comments[number].rstrip("\n")]

    def marks(self, commit: str) -> list[tuple[str, str]]:
        mark = self.fake.marks[commit]
        return [(mark.state, mark.summary)]

    def asked(self, number: int) -> list[str]:
        return self.fake.asked[number]


class _Access(FakePullRequests):
    """Sees the branches of the world."""

    def __init__(self, *, talk: FakeConversation, who: Account, findings: tuple[Finding, ...], host: FakeTalk) -> None:
        super().__init__(talk=talk, who=who, findings=findings)
        self._host = host

    def open(self, branch: str, *, title: str, body: str) -> PullLink:
        number = self._host.numbers.setdefault(branch, len(self._host.numbers) + 1)
        facts = PullFacts(
            id=str(number), title=title, url=None, base_branch="main", author=self.who,
            merged_head=self._host.world.head(branch), first_parent=self._host.world.head(),
        )  # fmt: skip
        self.candidates[branch] = OpenPull(number=number, facts=facts, draft=False)
        return super().open(branch, title=title, body=body)


class GitHubTalk:
    def __init__(self, world: GitHubWorld, *, app: bool) -> None:
        self.world = world
        self._app = app
        self._mirrors = 0

    def replica(self) -> Conversation:
        self.world.fetch()
        client = self.world.connect(app=self._app)
        return GitHubConversation(client, self.world.source, GitHubForge(client, self.world.source))

    def access(self, name: str) -> PullRequests:
        self.world.fetch()
        client = self.world.connect(name=name)
        return GitHubPullRequests(client, self.world.source, GitHubForge(client, self.world.source))

    def account(self, name: str) -> Account:
        return self.world.account(name)

    def comments(self, number: int) -> list[str]:
        found = self.world.hosted.pulls[number].comments
        return [comment.body.partition("\n")[2].rstrip("\n") for comment in found]

    def marks(self, commit: str) -> list[tuple[str, str]]:
        if self._app:
            rows = self.world.call("GET", f"/commits/{commit}/check-runs")["check_runs"]
            states = {"success": "success", "failure": "failure", None: "pending"}
            return [(states[row["conclusion"]], row["output"]["title"]) for row in rows]
        rows = self.world.call("GET", f"/commits/{commit}/statuses")
        return [(row["state"], row["description"]) for row in reversed(rows)]

    def asked(self, number: int) -> list[str]:
        rows = self.world.call("GET", f"/pulls/{number}/requested_reviewers")["users"]
        return [row["login"] for row in rows]


class TestFake(ConversationContract):
    @pytest.fixture
    def talk(self, tmp_path: Path) -> Talk:
        return FakeTalk(tmp_path)


class TestGitHub(ConversationContract):
    @pytest.fixture(params=["token", "app"])
    def talk(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Talk]:
        with GitHubDouble(tmp_path / "github") as github:
            app = request.param == "app"
            yield GitHubTalk(GitHubWorld(github, tmp_path / "world", app=app), app=app)
