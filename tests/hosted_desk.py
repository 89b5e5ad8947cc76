"""A desk whose people review on a forge with accounts: real git, a real ledger, and a forge in memory.

    desk = HostedDesk(tmp_path)
    desk.begin()
    desk.run("dana", "promote", …)          # opens pull request 1
    desk.run("cody", "approve", "--pr", "1", "--yes")
    desk.merge_pull(1)

Whoever runs a command has their own token: what they open and review is theirs.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from stagewright import bootstrap
from stagewright.adapters.clock import SystemClock
from stagewright.adapters.git.source import GitSource
from stagewright.bootstrap import engine, moves
from stagewright.bootstrap.places import Place, mirror_of
from stagewright.model.conversation import OpenPull, PullLink
from stagewright.model.review import DecisionText
from stagewright.model.source import PullFacts, ReviewFacts
from stagewright.model.sync import RegistrySync
from tests.cli_desk import PEOPLE, Desk, Told
from tests.fakes.conversation import FakeConversation, FakePullRequests
from tests.fakes.forge import FakeForge
from tests.hosted_bank import account

FORGE = """\
    type: gitea
    url: "https://forge.example"
    repository: acme/models
    webhook: {secretFiles: [keys/webhook]}
"""
SECRET = b"a secret of the webhooks"


class DeskPullRequests(FakePullRequests):
    """A person's access, which sees the branches of the origin."""

    desk: "HostedDesk"

    def open(self, branch: str, *, title: str, body: str) -> PullLink:
        """See the port."""
        self.desk.propose(branch, self.who.login)
        return super().open(branch, title=title, body=body)

    def decide(self, number: int, decision: DecisionText, *, commit: str) -> str:
        """See the port."""
        made = super().decide(number, decision, commit=commit)
        review = ReviewFacts(
            id=made, author=self.who, decision=decision.decision, commit=commit, first_seen=SystemClock().now(),
        )  # fmt: skip
        self.desk.forge.review(self.desk.pulls[number].facts, review)
        return made


class HostedDesk(Desk):
    """A desk on a forge with accounts."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.forge = FakeForge(may_write=tuple(account(name) for name in PEOPLE))
        self.talk = FakeConversation()
        self.pulls: dict[int, OpenPull] = {}
        self.people = {name: self._access(name) for name in PEOPLE}
        self.branches: dict[str, int] = {}

    def _access(self, name: str) -> DeskPullRequests:
        made = DeskPullRequests(talk=self.talk, who=account(name))
        made.desk = self
        return made

    def init(self, *more: str, people: Sequence[str] = PEOPLE) -> Told:
        """As on the desk, and then moved to the forge."""
        told = super().init(*more, people=people)
        self.config.write_text(self.config.read_text().replace("    type: git\n", FORGE))
        (self.home / "keys" / "webhook").write_bytes(SECRET + b"\n")
        return told

    def save(self) -> None:
        """See `Desk`; what the forge holds is kept with it."""
        super().save()
        people = {name: (own.decisions, own.bodies, own.candidates) for name, own in self.people.items()}
        self._kept = deepcopy((self.forge, self.talk, self.pulls, self.branches, people))

    def restore(self) -> None:
        """See `Desk`."""
        super().restore()
        self.forge, self.talk, self.pulls, self.branches, people = deepcopy(self._kept)
        self.people = {name: self._access(name) for name in PEOPLE}
        for name, own in self.people.items():
            own.decisions, own.bodies, own.candidates = people[name]

    def run(self, who: str, *arguments: str, expect: int | None = 0) -> Told:
        """See `Desk`; the forge is the one in memory, and the access that of `who`."""

        def place(config: RegistrySync, env: Mapping[str, str], *_telemetry: object) -> Place:
            source = GitSource(url=config.url, branch=config.branch, path=config.path, mirror=mirror_of(config, env))
            if config.forge == "git":
                return Place(source=source, forge=self.forge)
            return Place(source=source, forge=self.forge, conversation=self.talk, pull_requests=self.people[who])

        with pytest.MonkeyPatch.context() as patch:
            for module in (bootstrap, engine, moves):
                patch.setattr(module, "place_of", place)
            return super().run(who, *arguments, expect=expect)

    def origin(self, *arguments: str) -> str:
        """What git says in the origin."""
        return self.git(self.home / "origin.git", *arguments)

    def propose(self, branch: str, by: str) -> None:
        """Say what the pull request of a branch is."""
        number = self.branches.setdefault(branch, len(self.branches) + 1)
        head, main = self.origin("rev-parse", branch), self.origin("rev-parse", "main")
        commits = self.origin("rev-list", head, f"^{main}").split()
        facts = PullFacts(
            id=str(number),
            title=branch,
            url=f"https://forge.example/pulls/{number}",
            base_branch="main",
            author=account(by),
            merged_head=head,
            first_parent=main,
            commit_actors=tuple((commit, account(by)) for commit in commits),
        )
        self.pulls[number] = OpenPull(number=number, facts=facts, draft=False)
        self.people[by].candidates[branch] = self.pulls[number]

    def merge_pull(self, number: int) -> str:
        """Merge a pull request; the merge's id."""
        (branch,) = [name for name, own in self.branches.items() if own == number]
        before = self.origin("rev-parse", "main")
        made = self.merge(branch)
        self.forge.merged(made, replace(self.pulls[number].facts, first_parent=before, brought=(made,)))
        self.talk.closed(number)
        return made
