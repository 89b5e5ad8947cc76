"""A small bank whose people use Stagewright: real git, real SSH keys, a real ledger, a registry in memory.

    bank = Bank(tmp_path)                                  # policy, people, one model; nothing was synced yet
    bank.sync()                                            # genesis
    pull = bank.propose("credit-risk", {"Staging": 2})     # @dana's branch, with every pin filled in
    bank.approve("noor", pull)                             # a signed tag on its head
    bank.merge(pull)
    bank.sync()
    assert bank.aliases("credit-risk") == {"challenger": 2}

`@noor` and `@olga` own the models, `@mo`, `@pat` and `@rita` are the model risk group, `@dana` and `@eve` train.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stagewright.adapters.directory import DirectoryStore
from stagewright.adapters.fence_local import LocalFence
from stagewright.adapters.git.forge import GitForge
from stagewright.adapters.git.signoffs import observation_flaw
from stagewright.adapters.git.source import GitSource
from stagewright.app.desired import DesiredReader
from stagewright.app.memory import Memory, remember
from stagewright.app.recall import recall
from stagewright.app.sync import Outside, Syncer, SyncReport
from stagewright.core.change import subjects
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.ledger.report import Report
from stagewright.ledger.verification import verify
from stagewright.model.evidence import Evidence, EvidenceRun, Metric
from stagewright.model.state import State
from stagewright.model.sync import KeyReference, RegistrySync
from stagewright.model.verdict import Verdict
from stagewright.ports import Claims, Fence, LedgerStore, Registry, Unclaimed
from tests.fakes.ledger_store import SeedSigner
from tests.fakes.registry import InMemoryRegistry
from tests.git_world import LEDGER, World, person
from tests.quick_world import Content, QuickWorld

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MODEL = "credit-risk"
IMAGE = "registry.example.com/stagewright@sha256:" + "ab" * 32
PEOPLE = ("dana", "eve", "noor", "olga", "mo", "pat", "rita", "maintainer")
OWNERS = "/models/ @noor @olga\n"

Json = Any


def rule(name: str, *stages: str, approvals: Iterable[tuple[int, str]], **more: Json) -> dict[str, Json]:
    """One rule of a policy, for stages (or, without any, the governance)."""
    tiers = more.pop("tiers", None)
    match = {"stages": list(stages)} if stages else {"governance": True}
    asked = [{"count": count, "from": [source]} for count, source in approvals]
    return {
        "name": name,
        "match": match | ({"riskTiers": tiers} if tiers else {}),
        "require": {"approvals": asked} | more,
    }


LIGHT = rule("light", "Staging", approvals=[(1, "codeowners")])
HEAVY = rule(
    "heavy",
    "Production",
    approvals=[(1, "codeowners"), (1, "@acme/model-risk")],
    independentOf=["author", "committers", "trainer"],
    evidence=["owner", "purpose", "card", "digest"],
    after=["Staging"],
)
GOVERNANCE = rule("governance", approvals=[(2, "@acme/model-risk")])
STAGES: Mapping[str, Json] = {
    "Development": {"ungoverned": True},
    "Staging": {"aliases": ["challenger"]},
    "Production": {"aliases": ["champion"], "mlflowStage": "Production"},
}


def policy(
    *rules: Mapping[str, Json],
    stages: Mapping[str, Json] = STAGES,
    mode: str = "enforce",
    origin: str = LEDGER,
    people: Iterable[str] = PEOPLE,
    risk: Iterable[str] = ("mo", "pat", "rita"),
    **more: Json,
) -> str:
    """A PromotionPolicy; JSON is YAML."""
    spec = {
        "stages": dict(stages),
        "defaultMode": mode,
        "ledger": origin,
        "rules": list(rules or (LIGHT, HEAVY, GOVERNANCE)),
        "people": {f"@{name}": {"email": f"{name}@example.com", "mlflow": [name]} for name in people},
        "groups": {"@acme/model-risk": [f"@{name}" for name in risk]},
    }
    return document("PromotionPolicy", spec | more)


def document(kind: str, spec: Mapping[str, Json], **metadata: str) -> str:
    """A document of the project's API, as JSON with one value to a line."""
    named = {"metadata": metadata} if metadata else {}
    return json.dumps({"apiVersion": "stagewright.dev/v1alpha1", "kind": kind, **named, "spec": spec}, indent=2) + "\n"


@dataclass(slots=True)
class HandClock:
    """A clock that a hand moves."""

    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def forward(self, **span: float) -> None:
        self.time += timedelta(**span)


@dataclass(slots=True)
class Remembered:
    """The last checkpoint, kept in memory."""

    checkpoint: bytes | None = None
    place: str = "a drawer"

    def read(self) -> bytes | None:
        return self.checkpoint

    def write(self, checkpoint: bytes) -> None:
        self.checkpoint = checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A branch with what was proposed on it."""

    branch: str
    head: str
    subjects: tuple[str, ...]


@dataclass(slots=True)
class Model:
    """What the bank's people believe a document to hold, before it is written."""

    spec: dict[str, Json] = field(default_factory=dict)
    stages: dict[str, Json] = field(default_factory=dict)


class Bank:
    """One repository, one registry, one ledger; and a controller that a test starts by hand."""

    def __init__(
        self,
        root: Path,
        *,
        rules: str | None = None,
        signers: str | None = None,
        owners: str = OWNERS,
        models: Mapping[str, str] | None = None,
        prepare: Callable[["Bank"], Mapping[str, str]] | None = None,
        registry: Registry | None = None,
        path: str = "",
        world: type[World] = QuickWorld,
    ) -> None:
        """`models` are further files of the first commit; `prepare` makes some once the registry can be filled.

        The model `credit-risk` stands in the first commit with no stage, unless one of them says otherwise.
        """
        self.root = root
        self.clock = HandClock()
        self.memory_registry = InMemoryRegistry(self.clock)
        self.registry: Registry = registry or self.memory_registry
        self.known = Remembered()
        files = {
            "stagewright.yaml": rules or policy(),
            "allowed_signers": signers or World.allowed_signers(*PEOPLE),
            f"models/{MODEL}.yaml": self.text(MODEL),
            f"cards/{MODEL}.md": "What it is for, and what it is not for.\n",
            **(models or {}),
            **(prepare(self) if prepare else {}),
        }
        prefix = f"{path}/" if path else ""
        self.world = world(
            root / "world", files={f"{prefix}{name}": text for name, text in files.items()} | {"CODEOWNERS": owners}
        )
        self.config = RegistrySync(
            name="bank",
            url=str(self.world.origin),
            branch="main",
            path=path,
            forge="git",
            registry_uri="memory:",
            ledger_directory=str(root / "ledger"),
            log_key=KeyReference(scheme="file", location="log.pem"),
            entry_key=KeyReference(scheme="file", location="entry.pem"),
            trust_root=self.world.first,
            mirror=str(root / "mirror"),
            interval=timedelta(minutes=1),
            suspend=False,
            dry_run=False,
        )
        self.store: LedgerStore = DirectoryStore(root / "ledger")
        self.exclusive: Callable[[], AbstractContextManager[None]] = nullcontext
        self.fence: Fence = LocalFence("bank")
        self.claims: Claims = Unclaimed()
        self.origin = LEDGER
        self._pulls = 0
        self.restart()

    # -- the controller ----------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Begin again with nothing in memory: another process, on the same mirror and ledger."""
        self.source = GitSource(
            url=self.config.url, branch=self.config.branch, path=self.config.path, mirror=Path(str(self.config.mirror))
        )
        self.forge = GitForge(self.source)
        self._syncer = self.syncer()

    def outside(self) -> Outside:
        """Everything that a sync talks to."""
        return Outside(
            source=self.source,
            forge=self.forge,
            registry=self.registry,
            store=self.store,
            log_signer=SeedSigner(1),
            entry_signer=SeedSigner(2),
            clock=self.clock,
            exclusive=self.exclusive,
            known=self.known,
            fence=self.fence,
            image=IMAGE,
            claims=self.claims,
        )

    def syncer(self) -> Syncer:
        """A controller as the configuration is now."""
        return Syncer(self.config, self.outside())

    def sync(self) -> SyncReport:
        """One sync, a minute after whatever happened before."""
        self.clock.forward(minutes=1)
        return self._syncer.sync()

    def configure(self, **changes: Json) -> None:
        """Change the configuration, and start again with it."""
        self.config = replace(self.config, **changes)
        self.restart()

    def fork(self, root: Path) -> "Bank":
        """The same bank with a ledger, registry and clock of its own from here on; the repository is shared."""
        made = copy(self)
        made.root = root
        shutil.copytree(self.config.ledger_directory, root / "ledger", dirs_exist_ok=True)
        made.store = DirectoryStore(root / "ledger")
        made.clock = replace(self.clock)
        made.known = replace(self.known)
        made.memory_registry = InMemoryRegistry(made.clock)
        made.memory_registry.models = deepcopy(self.memory_registry.models)
        made.registry = made.memory_registry
        made.config = replace(self.config, ledger_directory=str(root / "ledger"))
        made.restart()
        return made

    # -- what the ledger and the registry say --------------------------------------------------------------------

    def ledger(self) -> Ledger:
        """The ledger, read anew."""
        return Ledger.read(self.store)

    def entries(self, kind: type[entry.Predicate] = entry.Predicate) -> list[Any]:
        """The predicates of one kind, in order."""
        found = [one.statement.predicate for one in self.ledger().entries()]
        return [predicate for predicate in found if isinstance(predicate, kind)]

    def kinds(self, start: int = 0) -> list[str]:
        """The kinds of the entries from `start` on."""
        return [one.statement.kind for one in self.ledger().entries(start)]

    def recorded(self) -> Memory:
        """What the ledger adds up to."""
        return remember(self.ledger())

    def state(self) -> State:
        """The fold's state as a new process would read it."""
        source = GitSource(
            url=self.config.url, branch="main", path=self.config.path, mirror=Path(str(self.config.mirror))
        )
        return recall(self.recorded(), source, DesiredReader(source, self.config.path))

    def verified(self, *checkpoints: bytes) -> Report:
        """The ledger's verification, with the keys pinned and the signatures of people checked."""
        report = verify(
            self.store,
            log_key=self.ledger().log_key,
            checkpoints=checkpoints,
            signoff_checker=observation_flaw,
        )
        assert report.verified, [step for step in report.steps if step.findings or step.status == "SKIPPED"]
        return report

    def aliases(self, model: str = MODEL) -> dict[str, int]:
        """The aliases that the registry shows."""
        return dict(self.memory_registry.models[model].aliases)

    def stages(self, model: str = MODEL) -> dict[int, str]:
        """The MLflow stage of each version."""
        return {number: stored.stage for number, stored in self.memory_registry.models[model].versions.items()}

    # -- what people do ------------------------------------------------------------------------------------------

    def train(self, model: str = MODEL, *, by: str = "dana", content: str | None = None, run: str | None = None) -> int:
        """Register a version, with a run of its own; its number."""
        number = self.memory_registry.models[model].last + 1 if model in self.memory_registry.models else 1
        made = EvidenceRun(
            id=run or f"{model}-run-{number}", experiment_id="1", status="FINISHED", lifecycle="active", user=by
        )
        return self.memory_registry.add_version(
            model,
            files={"MLmodel": (content or f"{model} {number}").encode()},
            evidence=Evidence(run=made, trainer=by, metrics=(Metric(name="auc", value=0.83, step=0),)),
        )

    def pins(self, version: int, model: str = MODEL, *, trainer: Json = None) -> dict[str, Json]:
        """The entry of a version as the registry shows it now."""
        requests = list(self.memory_registry.requests)
        facts = self.memory_registry.version_facts(model, version)
        self.memory_registry.requests[:] = requests
        assert facts is not None
        return {
            "version": version,
            "runId": facts.run_id,
            "digest": facts.digest,
            "evidence": facts.evidence,
            "trainer": trainer or {"declared": f"@{facts.trainer}"},
        }

    def text(self, name: str, stages: Mapping[str, Json] | None = None, **spec: Json) -> str:
        """A Model document. A number among the stages is a version, with all its pins filled in."""
        fields = {
            "owner": "@acme/credit",
            "purpose": "Score applications.",
            "riskTier": "high",
            "card": f"cards/{name}.md",
        } | spec
        registered = fields.get("registeredModel", name)
        held = {
            stage: self.pins(value, registered) if isinstance(value, int) else value
            for stage, value in (stages or {}).items()
        }
        given = {key: value for key, value in fields.items() if value is not None}
        return document("Model", given | {"stages": held}, name=name)

    def propose(
        self,
        model: str,
        stages: Mapping[str, Json],
        *,
        by: str = "dana",
        branch: str | None = None,
        files: Mapping[str, Content] | None = None,
        **spec: Json,
    ) -> Pull:
        """A branch from main as it is now, whose document of `model` has these stages."""
        return self.branch({f"models/{model}.yaml": self.text(model, stages, **spec), **(files or {})}, by, branch)

    def branch(
        self, files: Mapping[str, Content], by: str = "dana", branch: str | None = None, **options: Json
    ) -> Pull:
        """A branch with these files changed."""
        self._pulls += 1
        name = branch or f"change-{self._pulls}"
        self.world.commit(by, files, branch=name, **options)
        return self.pull(name)

    def pull(self, branch: str) -> Pull:
        """A branch as it is now, with the subjects that it proposes against main."""
        head, main = self.world.head(branch), self.world.head()
        return Pull(branch=branch, head=head, subjects=self.proposes(head, main))

    def proposes(self, head: str, main: str | None = None) -> tuple[str, ...]:
        """The subjects that a commit proposes against its merge base with main."""
        self.source.fetch()
        (base,) = self.source.merge_bases(head, main or self.world.head())
        desired = DesiredReader(self.source, self.config.path)
        return tuple(sorted(subjects(self.origin, desired.at(base), desired.at(head))))

    def approve(self, who: str, pull: Pull, **options: Iterable[str]) -> str:
        """A signed approval of everything that a branch proposes. The tag object's id."""
        return self.world.approve(who, pull.head, pull.subjects, **options)

    def reject(self, who: str, pull: Pull, **options: Iterable[str]) -> str:
        """A signed rejection of everything that a branch proposes. The tag object's id."""
        return self.world.reject(who, pull.head, pull.subjects, **options)

    def merge(self, pull: Pull | str, by: str = "maintainer", **options: Json) -> str:
        """Merge a branch into main. The merge commit's id."""
        return self.world.merge(pull if isinstance(pull, str) else pull.branch, by=by, **options)

    def promote(self, model: str, stages: Mapping[str, Json], *approvers: str, **options: Json) -> Pull:
        """Propose, approve and merge."""
        pull = self.propose(model, stages, **options)
        for name in approvers:
            self.approve(name, pull)
        self.merge(pull)
        return pull


def answers(report: SyncReport) -> dict[str, str]:
    """The last answer on each key of one sync."""
    return {str(verdict.promotion.key): verdict.answer for verdict in report.verdicts}


def verdict_on(report: SyncReport, key: str) -> Verdict:
    """The last verdict on a key in one sync."""
    return [verdict for verdict in report.verdicts if str(verdict.promotion.key) == key][-1]


def signers_line(name: str, options: str = 'namespaces="git"', *, principal: str | None = None) -> str:
    """A line of allowed_signers for a person's key, under another principal where one is given."""
    who = person(name)
    return f"{principal or who.email} {options} {who.public_key}\n".replace("  ", " ")
