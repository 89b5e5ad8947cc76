"""A bank on GitHub's double that people attack: whatever can be done over its API and git can be done here.

    with begun(tmp_path) as bank:                       # two models, two versions each; the ledger has begun
        number = bank.propose({"Staging": 1})           # @dana's pull request
        bank.craft([bank.head(), bank.pull(number).head_sha], {…}, branch="main")      # an evil merge
        honest(bank)                                    # the same on the twin, by the book
        stopped(bank, "the merge brought what no reviewed head had", "refused")

The people are those of `tests.bank`, and the controller's is the real adapter; registry and ledger are in memory. There
is one clock, which is the double's.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import FileMode

from stagewright.adapters.fence_local import LocalFence
from stagewright.adapters.git.source import GitSource
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.conversation import GitHubConversation
from stagewright.adapters.github.forge import GitHubForge
from stagewright.app.sync import Outside, Syncer, SyncReport
from stagewright.ledger.verification import verify
from stagewright.model.keys import parse_key
from stagewright.model.sync import HostedForge, KeyReference, RegistrySync
from tests.bank import GOVERNANCE, MODEL, OWNERS, PEOPLE, Remembered, document, policy, rule
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.repository import Pull
from tests.fakes.ledger_store import MemoryStore, SeedSigner
from tests.fakes.registry import InMemoryRegistry
from tests.github_world import GitHubWorld
from tests.hosted_bank import MLFLOW, HostedBank

Json = Any
Files = Mapping[str, str | bytes | None]

TWIN = "churn"
STAGING, PRODUCTION, SPEC = f"{MODEL}/Staging", f"{MODEL}/Production", f"{MODEL}/@spec"
FILE, TWIN_FILE = f"models/{MODEL}.yaml", f"models/{TWIN}.yaml"
BOTH = policy(rule("both", "Staging", approvals=[(1, "codeowners"), (1, "@acme/model-risk")]), GOVERNANCE)
TWO = policy(rule("two", "Staging", approvals=[(2, "codeowners")]), GOVERNANCE)
LONG_AGO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class DoublesTime:
    """The double's clock, which a hand may move on."""

    github: GitHubDouble

    def now(self) -> datetime:
        return self.github.world.clock.now()

    def forward(self, **span: float) -> None:
        self.github.world.clock.advance(**span)


class AttackedBank(HostedBank):
    """What `HostedBank` is in memory, on the double; its acts on pull requests take their number."""

    def __init__(
        self,
        github: GitHubDouble,
        root: Path,
        *,
        rules: str | None = None,
        owners: str = OWNERS,
        files: Files | None = None,
        app: bool = False,
        grace: timedelta = timedelta(0),
        others: Sequence[str] = (),
    ) -> None:
        self.github = github
        self.clock = DoublesTime(github)  # type: ignore[assignment] -- the double's instead of a hand's
        self.registry = InMemoryRegistry(self.clock)
        self.store = MemoryStore()
        self.known = Remembered()
        self._app, self._grace, self._branches = app, grace, 0
        began = {
            "stagewright.yaml": rules or policy(),
            "CODEOWNERS": owners,
            FILE: blank(MODEL),
            TWIN_FILE: blank(TWIN),
            f"cards/{MODEL}.md": "What it is for, and what it is not for.\n",
        }
        self.world = GitHubWorld(github, root / "world", app=app, files={**began, **(files or {})})
        for name in (*PEOPLE, *others):
            self.admit(name)
        self.first = self.world.first
        self.config = RegistrySync(
            name="bank",
            url=f"{github.url}/{self.world.hosted.full_name}.git",
            branch="main",
            path="",
            forge=HostedForge(type="github", url=github.url, repository=self.world.hosted.full_name),
            registry_uri=MLFLOW,
            ledger_directory="/ledger",
            log_key=KeyReference(scheme="file", location="log.pem"),
            entry_key=KeyReference(scheme="file", location="entry.pem"),
            trust_root=self.first,
            mirror=None,
            interval=timedelta(minutes=1),
            suspend=False,
            dry_run=False,
        )
        self.restart()

    # -- the controller

    def restart(self) -> None:
        """Begin again with nothing in memory but the mirror."""
        self.client: GitHubClient = self.world.connect(app=self._app)
        self.mirror: GitSource = self.world.mirror(self.client)
        super().restart()

    def outside(self) -> Outside:
        forge = GitHubForge(self.client, self.mirror, grace=self._grace)
        return Outside(
            source=self.mirror,
            forge=forge,
            registry=self.registry,
            store=self.store,
            log_signer=SeedSigner(1),
            entry_signer=SeedSigner(2),
            clock=self.clock,
            exclusive=nullcontext,
            known=self.known,
            fence=LocalFence(self.config.name),
            conversation=GitHubConversation(self.client, self.mirror, forge),
        )

    def configure(self, **changes: Json) -> None:
        """Change the configuration, and start again with it."""
        self.config = replace(self.config, **changes)
        self._syncer = Syncer(self.config, self.outside())

    # -- what people do

    def admit(self, name: str, level: Any = "push") -> None:
        """Let somebody write to the repository, or do less there."""
        self.world.hosted.collaborators.setdefault(self.world.person(name).account.id, level)

    def head(self) -> str:
        return self.world.head()

    def pull(self, number: int) -> Pull:
        """What the double holds of a pull request."""
        return self.world.hosted.pulls[number]

    def put(self, number: int, files: Files, *, by: str = "dana") -> str:
        """One more commit on the branch of a pull request, pushed by somebody; its id."""
        self.clock.forward(seconds=1)
        return self.world.put(by, files, branch=self.pull(number).head_ref)

    def propose(  # type: ignore[override] -- a number is what a forge gives
        self, stages: Mapping[str, Json], *, by: str = "dana", title: str = "Promote", model: str = MODEL, **spec: Json
    ) -> int:
        """A pull request from main as it is now, whose document has these stages; its number."""
        return self.open({f"models/{model}.yaml": self.text(stages, model, **spec)}, by=by, title=title)

    def open(self, *commits: Files, by: str = "dana", title: str = "Promote") -> int:  # type: ignore[override] -- as above
        """A pull request with one commit for each of these sets of files; its number."""
        self._branches += 1
        branch = f"change-{self._branches}"
        for files in commits:
            self.clock.forward(seconds=1)
            self.world.put(by, files, branch=branch)
        return self.world.open(branch, by=by, title=title)

    def review(self, who: str, pull: int, decision: str = "approve", *, at: str | None = None) -> int:  # type: ignore[override] -- as above
        """A review of the head as it is now, or of another commit; its id."""
        self.clock.forward(seconds=1)
        return self.world.review(who, pull, decision, commit=at)

    def merge(self, pull: int, how: str = "merge", *, by: str = "maintainer") -> str:  # type: ignore[override] -- as above
        """Merge a pull request in one of GitHub's ways; the new head of main."""
        self.clock.forward(seconds=1)
        return self.world.merge_pull(pull, by=by, method=how)

    def promote(  # type: ignore[override] -- as above
        self, stages: Mapping[str, Json], *approvers: str, how: str = "merge", **options: Json
    ) -> int:
        """Propose, approve and merge."""
        number = self.propose(stages, **options)
        for name in approvers:
            self.review(name, number)
        self.merge(number, how)
        return number

    def push(self, files: Files, *, by: str = "maintainer") -> str:
        """A commit on main that no pull request brought."""
        self.clock.forward(seconds=1)
        return self.world.put(by, files)

    def craft(self, parents: Sequence[str], files: Files, *, by: str = "maintainer", branch: str | None = None) -> str:
        """A commit with any parents, pushed to a branch if one is named; its tree is the first parent's with `files`.

        Its dates are what its author likes them to be: of the year 2001.
        """
        git = self.github.world.git.open(self.world.hosted.id)
        index = pygit2.Index()
        index.read_tree(git[parents[0]].peel(pygit2.Tree))
        for path, content in files.items():
            if content is None:
                index.remove(path)
            else:
                blob = git.create_blob(content.encode() if isinstance(content, str) else content)
                index.add(pygit2.IndexEntry(path, blob, FileMode.BLOB))
        who = pygit2.Signature(by, f"{by}@example.com", LONG_AGO, 0)
        tree = index.write_tree(git)
        made = str(git.create_commit(None, who, who, "By hand", tree, [pygit2.Oid(hex=parent) for parent in parents]))
        if branch:
            self.clock.forward(seconds=1)
            self.world.push(by, branch, made)
        return made

    # -- what is said

    def comments(self, number: int) -> list[str]:
        """The comments of the controller on a pull request."""
        own = "stagewright[bot]" if self._app else "robot"
        return [comment.body for comment in self.pull(number).comments if comment.author.login == own]


def blank(name: str) -> str:
    """The document of a model that holds no stage."""
    fields = {"owner": "@acme/credit", "purpose": "Score applications.", "riskTier": "high"}
    return document("Model", fields | {"card": f"cards/{name}.md", "stages": {}}, name=name)


@contextmanager
def begun(root: Path, **options: Any) -> Iterator[AttackedBank]:
    """Two models with two versions each, none of them promoted; the ledger has begun."""
    with GitHubDouble(root / "github") as github:
        bank = AttackedBank(github, root, **options)
        for model in (MODEL, TWIN):
            for _ in range(2):
                bank.train(model)
        bank.sync()
        yield bank


def of(bank: AttackedBank, stages: Mapping[str, Json] | None = None, **spec: Json) -> Files:
    """The file of the attacked model with these stages."""
    return {FILE: bank.text(stages or {}, **spec)}


def honest(bank: AttackedBank, *approvers: str, how: str = "merge", **options: Any) -> None:
    """The same change on the twin, by the book."""
    bank.promote({"Staging": 1}, *(approvers or ("noor",)), how=how, model=TWIN, **options)


def stopped(bank: AttackedBank, why: str, answer: str = "pending", key: str = STAGING) -> SyncReport:
    """One sync: the attack got `answer` for a reason that holds `why`, and only the honest twin moved."""
    before = bank.aliases()
    report = bank.sync()
    memory = bank.recorded()
    _, verdict = memory.verdicts[memory.last_verdict[parse_key(key)]]
    said = [verdict.reason, *(s.reason for s in verdict.sign_offs)]
    assert verdict.verdict == answer, said
    assert any(why in text for text in said), said
    assert (bank.aliases(), bank.aliases(TWIN)) == (before, {"challenger": 1})
    verified(bank)
    return report


def verified(bank: AttackedBank) -> None:
    """The ledger holds together, whatever was tried."""
    report = verify(bank.store, log_key=bank.ledger().log_key, checkpoints=())
    assert report.verified, [step for step in report.steps if step.findings]
