"""A bank on a forge with accounts, all of it in memory: source, forge, registry, ledger and conversation are fakes.

    bank = HostedBank()
    bank.train()
    bank.sync()                                          # genesis
    pull = bank.propose({"Staging": 1})                  # @dana opens a pull request
    bank.review("noor", pull)
    bank.merge(pull, "rebase")                           # or "merge", "squash"
    bank.sync()
    assert bank.aliases() == {"challenger": 1}

`@noor` and `@olga` own the models, `@mo`, `@pat` and `@rita` are the model risk group, `@dana` and `@eve` train.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

from stagewright.adapters.fence_local import LocalFence
from stagewright.app.desired import DesiredReader
from stagewright.app.memory import Memory, remember
from stagewright.app.recall import recall
from stagewright.app.sync import Outside, Syncer, SyncReport
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.model.conversation import OpenPull
from stagewright.model.evidence import Evidence, EvidenceRun, Metric
from stagewright.model.review import Account, Decision
from stagewright.model.source import PullFacts, ReviewFacts
from stagewright.model.state import State
from stagewright.model.sync import HostedForge, KeyReference, RegistrySync
from tests.bank import MODEL, OWNERS, PEOPLE, HandClock, Remembered, document, policy
from tests.fakes.conversation import FakeConversation
from tests.fakes.forge import FakeForge
from tests.fakes.ledger_store import MemoryStore, SeedSigner
from tests.fakes.registry import InMemoryRegistry
from tests.fakes.source import FakeSource

Json = Any
Files = Mapping[str, str | None]
MLFLOW = "https://mlflow.example"


def account(name: str) -> Account:
    return Account(id=f"id-{name}", login=name, bot=name.endswith("[bot]"))


@dataclass(slots=True)
class Proposal:
    """A pull request; `commits` are those of its branch with the files that each changed."""

    number: int
    author: str
    title: str
    base: str
    commits: list[tuple[str, Files, str]] = field(default_factory=list)

    @property
    def head(self) -> str:
        return self.commits[-1][0] if self.commits else self.base


class HostedBank:
    """One repository, one registry, one ledger; a test starts the controller by hand."""

    def __init__(
        self, *, rules: str | None = None, owners: str = OWNERS, files: Files | None = None, registry_uri: str = MLFLOW
    ) -> None:
        self.clock = HandClock()
        self.source = FakeSource()
        self.forge = FakeForge(may_write=tuple(account(name) for name in PEOPLE))
        self.talk = FakeConversation()
        self.registry = InMemoryRegistry(self.clock)
        self.store = MemoryStore()
        self.known = Remembered()
        self.first = self.source.commit(
            {
                "stagewright.yaml": rules or policy(),
                "CODEOWNERS": owners,
                f"models/{MODEL}.yaml": self.text({}),
                f"cards/{MODEL}.md": "What it is for, and what it is not for.\n",
                **{path: text for path, text in (files or {}).items() if text is not None},
            }
        )
        self.config = RegistrySync(
            name="bank",
            url="https://forge.example/acme/models.git",
            branch="main",
            path="",
            forge=HostedForge(type="gitea", url="https://forge.example", repository="acme/models"),
            registry_uri=registry_uri,
            ledger_directory="/ledger",
            log_key=KeyReference(scheme="file", location="log.pem"),
            entry_key=KeyReference(scheme="file", location="entry.pem"),
            trust_root=self.first,
            mirror=None,
            interval=timedelta(minutes=1),
            suspend=False,
            dry_run=False,
        )
        self.pulls: list[Proposal] = []
        self._reviews = 0
        self.restart()

    # -- the controller

    def restart(self) -> None:
        """Begin again with nothing in memory."""
        self._syncer = Syncer(self.config, self.outside())

    def outside(self) -> Outside:
        return Outside(
            source=self.source,
            forge=self.forge,
            registry=self.registry,
            store=self.store,
            log_signer=SeedSigner(1),
            entry_signer=SeedSigner(2),
            clock=self.clock,
            exclusive=nullcontext,
            known=self.known,
            fence=LocalFence(self.config.name),
            conversation=self.talk,
        )

    def sync(self) -> SyncReport:
        """One sync, a minute after whatever happened before."""
        self.clock.forward(minutes=1)
        return self._syncer.sync()

    # -- what the ledger and the registry say

    def ledger(self) -> Ledger:
        return Ledger.read(self.store)

    def entries(self, kind: type[entry.Predicate] = entry.Predicate) -> list[Any]:
        found = [one.statement.predicate for one in self.ledger().entries()]
        return [predicate for predicate in found if isinstance(predicate, kind)]

    def recorded(self) -> Memory:
        return remember(self.ledger())

    def state(self) -> State:
        return recall(self.recorded(), self.source, DesiredReader(self.source, ""))

    def aliases(self, model: str = MODEL) -> dict[str, int]:
        return dict(self.registry.models[model].aliases)

    # -- what people do

    def head(self) -> str:
        return self.source.heads["main"]

    def train(self, model: str = MODEL, *, by: str = "dana", auc: float = 0.83, **metrics: float) -> int:
        """Register a version, with a run of its own; its number."""
        number = self.registry.models[model].last + 1 if model in self.registry.models else 1
        run = EvidenceRun(id=f"{number:032x}", experiment_id="3", status="FINISHED", lifecycle="active", user=by)
        shown = {"auc": auc, **metrics}
        return self.registry.add_version(
            model,
            files={"MLmodel": f"{model} {number}".encode()},
            evidence=Evidence(
                run=run,
                trainer=by,
                metrics=tuple(Metric(name=name, value=value, step=0) for name, value in shown.items()),
            ),
        )

    def pins(self, version: int, model: str = MODEL) -> dict[str, Json]:
        facts = self.registry.version_facts(model, version)
        assert facts is not None
        return {
            "version": version,
            "runId": facts.run_id,
            "digest": facts.digest,
            "evidence": facts.evidence,
            "trainer": {"declared": f"@{facts.trainer}"},
        }

    def text(self, stages: Mapping[str, Json], name: str = MODEL, **spec: Json) -> str:
        """A Model document. A number among the stages is a version, with all its pins filled in."""
        fields = {
            "owner": "@acme/credit",
            "purpose": "Score applications.",
            "riskTier": "high",
            "card": f"cards/{name}.md",
        } | spec
        held = {stage: self.pins(value, name) if isinstance(value, int) else value for stage, value in stages.items()}
        return document("Model", fields | {"stages": held}, name=name)

    def propose(
        self, stages: Mapping[str, Json], *, by: str = "dana", title: str = "Promote", model: str = MODEL, **spec: Json
    ) -> Proposal:
        """A pull request from main as it is now, whose document has these stages."""
        return self.open({f"models/{model}.yaml": self.text(stages, model, **spec)}, by=by, title=title)

    def open(self, *commits: Files, by: str = "dana", title: str = "Promote") -> Proposal:
        """A pull request with one commit for each of these sets of files."""
        pull = Proposal(number=len(self.pulls) + 1, author=by, title=title, base=self.head())
        self.pulls.append(pull)
        for files in commits:
            self.commit(pull, files, by=by)
        return pull

    def commit(self, pull: Proposal, files: Files, *, by: str = "dana") -> None:
        """One more commit on the branch of a pull request."""
        made = self.source.commit(files, parents=(pull.head,), branch=f"pull-{pull.number}")
        pull.commits.append((made, files, by))
        self.talk.opened(self.facts_of(pull))

    def facts_of(self, pull: Proposal, *, draft: bool = False, opened: Any = None) -> OpenPull:
        """The open pull request as its forge would tell."""
        return OpenPull(
            number=pull.number,
            facts=self._facts(pull, self.head()),
            draft=draft,
            opened=opened or self.clock.time,
        )

    def review(self, who: str, pull: Proposal, decision: Decision = "approve", *, at: str | None = None) -> str:
        """A review of the head, or of another commit; its id."""
        self._reviews += 1
        self.clock.forward(seconds=1)
        made = ReviewFacts(
            id=f"review-{self._reviews}",
            author=account(who),
            decision=decision,
            commit=at or pull.head,
            first_seen=self.clock.time,
        )
        self.forge.review(self._facts(pull, self.head()), made)
        return made.id

    def merge(self, pull: Proposal, how: Literal["merge", "squash", "rebase"] = "merge") -> Sequence[str]:
        """Merge a pull request; the commits that this put on main."""
        before = self.head()
        changed = {path: text for _, files, _ in pull.commits for path, text in files.items()}
        match how:
            case "merge":
                made = [self.source.commit(changed, parents=(before, pull.head))]
            case "squash":
                made = [self.source.commit(changed, parents=(before,))]
            case "rebase":
                made, onto = [], before
                for _, files, _ in pull.commits:
                    onto = self.source.commit(files, parents=(onto,))
                    made.append(onto)
        facts = replace(self._facts(pull, before), brought=tuple(made))
        for commit in made:
            self.forge.merged(commit, facts)
        self.talk.closed(pull.number)
        return made

    def push(self, files: Files) -> str:
        """A commit on main that no pull request brought."""
        return self.source.commit(files, parents=(self.head(),))

    def promote(self, stages: Mapping[str, Json], *approvers: str, how: Literal["merge", "squash", "rebase"] = "merge",
                **options: Json) -> Proposal:  # fmt: skip
        """Propose, approve and merge."""
        pull = self.propose(stages, **options)
        for name in approvers:
            self.review(name, pull)
        self.merge(pull, how)
        return pull

    def _facts(self, pull: Proposal, onto: str) -> PullFacts:
        return PullFacts(
            id=str(pull.number),
            title=pull.title,
            url=f"https://forge.example/acme/models/pulls/{pull.number}",
            base_branch="main",
            author=account(pull.author),
            merged_head=pull.head,
            first_parent=onto,
            commit_actors=tuple((commit, account(by)) for commit, _, by in pull.commits),
        )


def lines(page: str) -> list[str]:
    """A page without its marks of code, line by line."""
    return [re.sub("`+", "", line) for line in page.splitlines() if line]
