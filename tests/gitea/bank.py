"""A bank whose people use a real Gitea: reviews, merges, comments and statuses are the server's own.

bank = GiteaBank(server, tmp_path)
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
from datetime import timedelta
from pathlib import Path
from typing import Any

from stagewright.adapters.clock import SystemClock
from stagewright.adapters.fence_local import LocalFence
from stagewright.adapters.gitea.forge import GRACE
from stagewright.app.sync import Outside, Syncer, SyncReport
from stagewright.model.sync import KeyReference, RegistrySync
from tests.bank import MODEL, OWNERS, PEOPLE, HandClock, Remembered, policy
from tests.fakes.ledger_store import MemoryStore, SeedSigner
from tests.fakes.registry import InMemoryRegistry
from tests.gitea.server import GiteaServer
from tests.gitea.world import GiteaWorld
from tests.hosted_bank import MLFLOW, HostedBank


class GiteaBank(HostedBank):
    """What `HostedBank` is in memory, on a server; its acts on pull requests take their number."""

    def __init__(self, server: GiteaServer, root: Path, *, grace: timedelta = GRACE) -> None:
        self.clock = HandClock(time=SystemClock().now())
        self.registry = InMemoryRegistry(self.clock)
        self.store = MemoryStore()
        self.known = Remembered()
        files = {
            "stagewright.yaml": policy(),
            "CODEOWNERS": OWNERS,
            f"models/{MODEL}.yaml": self.text({}),
            f"cards/{MODEL}.md": "What it is for, and what it is not for.\n",
        }
        writers = tuple(name for name in PEOPLE if name != "maintainer")
        self.world = GiteaWorld(server, root / "world", files=files, writers=writers)
        self.mirror = self.world.source()
        self.config = RegistrySync(
            name="bank",
            url=self.world.url,
            branch="main",
            path="",
            forge=self.world.hosted(),
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
        self._grace = grace
        self.restart()

    def outside(self) -> Outside:
        client = self.world.client()
        return Outside(
            source=self.mirror,
            forge=self.world.forge(self.mirror, client=client, grace=self._grace),
            registry=self.registry,
            store=self.store,
            log_signer=SeedSigner(1),
            entry_signer=SeedSigner(2),
            clock=self.clock,
            exclusive=nullcontext,
            known=self.known,
            fence=LocalFence(self.config.name),
            conversation=self.world.conversation(self.mirror, client=client),
        )

    def restart(self) -> None:
        self._syncer = Syncer(self.config, self.outside())

    def sync(self) -> SyncReport:
        """One sync, once the server's feed has caught up with its branch."""
        self.world.settle_feed(self.world.head())
        return super().sync()

    def propose(  # type: ignore[override] -- a number is what a server gives
        self, stages: Mapping[str, Any], *, by: str = "dana", title: str = "Promote", branch: str = "promote"
    ) -> int:
        """A pull request from main as it is now, whose document has these stages; its number."""
        self.world.commit(by, {f"models/{MODEL}.yaml": self.text(stages)}, branch=branch, sign=False)
        number = self.world.open(branch, by=by, title=title)
        self.world.settle(number)
        self.world.settle_feed(self.world.head(branch), branch=branch)
        return number

    def review(self, who: str, pull: int, decision: str = "approve") -> int:  # type: ignore[override] -- as above
        """A review of the head as it is now; its id."""
        self.world.settle(pull)
        return self.world.review(who, pull, decision, commit=self.world.head(self._branch(pull)))

    def merge(self, pull: int, how: str = "merge", **options: Any) -> str:  # type: ignore[override] -- as above
        """Merge a pull request in one of the server's styles."""
        return self.world.merge_pull(pull, style=how, **options)

    def comment(self, pull: int) -> str:
        """What the controller says on a pull request; empty where it says nothing."""
        rows = self.world.call("GET", f"/issues/{pull}/comments")
        own = [row["body"] for row in rows if row["user"]["login"] == "robot"]
        assert len(own) <= 1
        return str(own[0]) if own else ""

    def status(self, commit: str) -> str:
        """How the controller marked a commit; empty where it did not."""
        rows = self.world.call("GET", f"/commits/{commit}/statuses")
        last = max((row for row in rows if row["context"] == "stagewright"), key=lambda row: row["id"], default=None)
        return str(last["status"]) if last else ""

    def _branch(self, pull: int) -> str:
        return str(self.world.call("GET", f"/pulls/{pull}")["head"]["label"])
