"""A bank whose people use the GitHub double: reviews, merges, comments, checks and deployments are its own.

bank = GitHubBank(github, tmp_path)
bank.train()
bank.sync()                                          # genesis
number = bank.propose({"Staging": 1})                # dana opens a pull request
bank.review("noor", number)
bank.merge(number, "squash")
bank.sync()
assert bank.aliases() == {"challenger": 1}

The people are those of `tests.bank`; the registry and the ledger are in memory.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from stagewright.adapters.fence_local import LocalFence
from stagewright.adapters.github.conversation import GitHubConversation
from stagewright.adapters.github.forge import GRACE, GitHubForge
from stagewright.app.sync import Outside, Syncer
from stagewright.model.sync import HostedForge, KeyReference, RegistrySync
from tests.bank import MODEL, OWNERS, PEOPLE, Remembered, policy
from tests.doubles.github.double import GitHubDouble
from tests.fakes.ledger_store import MemoryStore, SeedSigner
from tests.fakes.registry import InMemoryRegistry
from tests.github_world import GitHubWorld
from tests.hosted_bank import MLFLOW, HostedBank


class SharedClock:
    """The double's clock, that both sides go by."""

    def __init__(self, github: GitHubDouble) -> None:
        self._github = github

    @property
    def time(self) -> datetime:
        return self.now()

    def now(self) -> datetime:
        return self._github.world.clock.now()

    def forward(self, **span: float) -> None:
        self._github.world.clock.advance(**span)


class GitHubBank(HostedBank):
    """What `HostedBank` is in memory, on the double; its acts on pull requests take their number."""

    def __init__(self, github: GitHubDouble, root: Path, *, app: bool = True, grace: timedelta = GRACE) -> None:
        self.clock = SharedClock(github)  # type: ignore[assignment] -- moved like the clock of a hand
        self.registry = InMemoryRegistry(self.clock)
        self.store = MemoryStore()
        self.known = Remembered()
        self.app = app
        self._grace = grace
        files = {
            "stagewright.yaml": policy(),
            "CODEOWNERS": OWNERS,
            f"models/{MODEL}.yaml": self.text({}),
            f"cards/{MODEL}.md": "What it is for, and what it is not for.\n",
        }
        writers = tuple(name for name in PEOPLE if name != "maintainer")
        self.world = GitHubWorld(github, root / "world", app=app, files=files, writers=writers)
        self.config = RegistrySync(
            name="bank",
            url=self.world.source.url,
            branch="main",
            path="",
            forge=HostedForge(type="github", url=github.url, repository=self.world.hosted.full_name),
            registry_uri=MLFLOW,
            ledger_directory="/ledger",
            log_key=KeyReference(scheme="file", location="log.pem"),
            entry_key=KeyReference(scheme="file", location="entry.pem"),
            trust_root=self.world.first,
            mirror=None,
            interval=timedelta(minutes=1),
            suspend=False,
            dry_run=False,
        )
        self.restart()

    def outside(self) -> Outside:
        client = self.world.connect(app=self.app)
        source = self.world.mirror(client)
        forge = GitHubForge(client, source, grace=self._grace)
        return Outside(
            source=source,
            forge=forge,
            registry=self.registry,
            store=self.store,
            log_signer=SeedSigner(1),
            entry_signer=SeedSigner(2),
            clock=self.clock,
            exclusive=nullcontext,
            known=self.known,
            fence=LocalFence(self.config.name),
            conversation=GitHubConversation(client, source, forge),
        )

    def restart(self) -> None:
        self._syncer = Syncer(self.config, self.outside())

    def propose(  # type: ignore[override] -- a number is what GitHub gives
        self, stages: Mapping[str, Any], *, by: str = "dana", title: str = "Promote", branch: str = "promote"
    ) -> int:
        """A pull request from main as it is now, whose document has these stages; its number."""
        self.world.put(by, {f"models/{MODEL}.yaml": self.text(stages)}, branch=branch)
        return self.world.open(branch, by=by, title=title)

    def review(self, who: str, pull: int, decision: str = "approve") -> int:  # type: ignore[override] -- as above
        """A review of the head as it is now; its id."""
        self.clock.forward(seconds=1)
        return self.world.review(who, pull, decision)

    def merge(self, pull: int, how: str = "merge") -> str:  # type: ignore[override] -- as above
        """Merge a pull request in one of GitHub's ways."""
        return self.world.merge_pull(pull, method=how)

    def comment(self, pull: int) -> str:
        """What the controller says on a pull request; empty where it says nothing."""
        people = {person.login for person in self.world.people.values()} - {"robot"}
        own = [c.body for c in self.world.hosted.pulls[pull].comments if c.author.login not in people]
        assert len(own) <= 1
        return own[0] if own else ""

    def mark(self, commit: str) -> str:
        """How the controller marked a commit; empty where it did not."""
        if self.app:
            found = [run.conclusion or run.status for run in self.world.hosted.checks if run.head == commit]
        else:
            found = [status.state for status in self.world.hosted.statuses if status.commit == commit]
        return found[-1] if found else ""
