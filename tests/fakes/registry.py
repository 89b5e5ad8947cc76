"""A registry in memory that works, and that can be told to fail in the two ways that look alike from outside.

registry = InMemoryRegistry(clock)
version = registry.add_version("credit-risk", files={"MLmodel": b"…"}, evidence=Evidence(…))
registry.lose_next_write()    # UnreachableError, and it did not happen
registry.lose_next_reply()    # UnreachableError, and it did happen
registry.down = True          # every call is an UnreachableError
registry.requests             # what was asked: ["snapshot", "model credit-risk", "apply alias …"]
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from stagewright.core.digest import artifact_digest
from stagewright.core.evidence import evidence_digest, evidence_text
from stagewright.errors import InvalidError, NotFoundError, UnreachableError
from stagewright.model.actual import READY, ActualModel, ActualState, ActualVersion, DataSet, VersionFacts
from stagewright.model.evidence import Evidence
from stagewright.model.plan import Action
from stagewright.ports import Clock

LEDGER_INDEX_TAG = "stagewright.ledger-index"
STAGES = {"none": "None", "staging": "Staging", "production": "Production", "archived": "Archived"}
_ALIAS = re.compile(r"(?!(?:latest|v[0-9]+)$)[A-Za-z0-9_-]+", re.IGNORECASE)


@dataclass(slots=True, kw_only=True)
class StoredVersion:
    """One version; change its fields to play what people do behind one's back."""

    stage: str = "None"
    status: str = READY
    source: str | None = None
    model_id: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    data_sets: tuple[DataSet, ...] = ()
    run_gone: bool = False
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class StoredModel:
    """One registered model. `last` is the highest number ever given, which is not given again."""

    aliases: dict[str, int] = field(default_factory=dict)
    versions: dict[int, StoredVersion] = field(default_factory=dict)
    last: int = 0


class InMemoryRegistry:
    """The Registry port over dictionaries, with MLflow's rules for names, stages and what does not exist."""

    def __init__(self, clock: Clock | Callable[[], datetime]) -> None:
        self._now = clock if callable(clock) else clock.now
        self.models: dict[str, StoredModel] = {}
        self.requests: list[str] = []
        self.down = False
        self._faults: list[Literal["write", "reply"]] = []

    # what people do, through MLflow and not through the port

    def add_version(
        self,
        name: str,
        *,
        files: Mapping[str, bytes] | None = None,
        evidence: Evidence | None = None,
        data_sets: tuple[DataSet, ...] = (),
        source: str | None = None,
        model_id: str | None = None,
    ) -> int:
        """Register a version, and the model with its first one; answers with the number."""
        model = self.models.setdefault(name, StoredModel())
        model.last += 1
        model.versions[model.last] = StoredVersion(
            files=dict({"MLmodel": b"flavors: {}\n"} if files is None else files),
            evidence=evidence or Evidence(),
            data_sets=data_sets,
            source=source or f"mlflow-artifacts:/0/{name}/{model.last}/artifacts/model",
            model_id=model_id,
        )
        return model.last

    def stored(self, name: str, version: int) -> StoredVersion:
        """The version itself, to be changed."""
        return self.models[name].versions[version]

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Move an alias behind the controller's back."""
        self.models[name].aliases[alias] = version

    def delete_version(self, name: str, version: int) -> None:
        """Delete a version; its aliases go with it, and nobody is told."""
        model = self.models[name]
        del model.versions[version]
        model.aliases = {alias: number for alias, number in model.aliases.items() if number != version}

    def lose_next_write(self) -> None:
        """The next write does not happen, and its caller cannot know."""
        self._faults.append("write")

    def lose_next_reply(self) -> None:
        """The next write happens, and its caller cannot know."""
        self._faults.append("reply")

    # the port

    def snapshot(self) -> ActualState:
        self._asked("snapshot")
        return ActualState(observed_at=self._now(), models={name: self._actual(name) for name in sorted(self.models)})

    def model(self, name: str) -> ActualModel | None:
        self._asked(f"model {name}")
        return self._actual(name) if name in self.models else None

    def version_facts(self, name: str, version: int) -> VersionFacts | None:
        self._asked(f"version_facts {name} {version}")
        stored = self.models.get(name, StoredModel()).versions.get(version)
        if stored is None:
            return None
        run = stored.evidence.run
        facts = VersionFacts(
            name=name,
            version=version,
            status=stored.status,
            run_id=None if run is None else run.id,
            model_id=stored.model_id,
            source=stored.source,
            digest=None,
            evidence=None,
            evidence_document=None,
            data_sets=() if stored.run_gone else stored.data_sets,
            metrics={} if stored.run_gone else {metric.name: metric.value for metric in stored.evidence.metrics},
            source_commit=None if stored.run_gone else stored.evidence.source_commit,
            trainer=None if stored.run_gone else stored.evidence.trainer,
        )
        flaws = []
        try:
            pairs = [(path, hashlib.sha256(content).hexdigest()) for path, content in stored.files.items()]
            facts = replace(facts, digest=artifact_digest(pairs))
        except InvalidError as error:
            flaws.append(f"no artifact digest: {error}")
        if stored.run_gone:
            flaws.append(f"no evidence: run {facts.run_id!r} is not there")
        else:
            text = evidence_text(stored.evidence)
            facts = replace(facts, evidence=evidence_digest(text), evidence_document=text)
        return replace(facts, flaw="; ".join(flaws) or None)

    def apply(self, action: Action) -> None:
        self._asked(f"apply {action.kind} {action.model} {action.target} {action.after}")
        fault = self._faults.pop(0) if self._faults else None
        if fault != "write":
            self._apply(action)
        if fault is not None:
            raise UnreachableError("the registry does not answer: injected")

    def _apply(self, action: Action) -> None:
        model = self.models.get(action.model)
        if model is None:
            raise NotFoundError(f"no registered model {action.model!r}")
        match action.kind:
            case "alias":
                if not _ALIAS.fullmatch(action.target):
                    raise InvalidError(f"{action.target!r} is no alias")
                if action.after is None:
                    model.aliases.pop(action.target, None)
                else:
                    self._version(model, action.after)
                    model.aliases[action.target] = int(action.after)
            case "stage":
                stored = self._version(model, action.target)
                stage = STAGES.get((action.after or "").lower())
                if stage is None:
                    raise InvalidError(f"{action.after!r} is no stage of MLflow's")
                stored.stage = stage
            case "tag":
                number, _, key = action.target.partition("/")
                stored = self._version(model, number)
                if action.after is None:
                    stored.tags.pop(key, None)
                else:
                    stored.tags[key] = action.after

    def _version(self, model: StoredModel, number: str) -> StoredVersion:
        stored = model.versions.get(int(number))
        if stored is None:
            raise NotFoundError(f"no version {number}")
        return stored

    def _asked(self, what: str) -> None:
        self.requests.append(what)
        if self.down:
            raise UnreachableError("the registry does not answer: it is down")

    def _actual(self, name: str) -> ActualModel:
        model = self.models[name]
        return ActualModel(
            name=name,
            aliases=dict(model.aliases),
            versions={
                number: ActualVersion(
                    version=number,
                    stage=stored.stage,
                    status=stored.status,
                    run_id=None if stored.evidence.run is None else stored.evidence.run.id,
                    model_id=stored.model_id,
                    source=stored.source,
                    ledger_index=_index(stored.tags.get(LEDGER_INDEX_TAG, "")),
                )
                for number, stored in sorted(model.versions.items())
            },
        )


def _index(tag: str) -> str | None:
    """Only a number is ours."""
    return tag if re.fullmatch("[0-9]{1,16}", tag) else None
