"""Proposing: a change of one model's document, as a signed commit on a branch of its own."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stagewright.app.adoption import holder, pin
from stagewright.app.desired import DesiredReader
from stagewright.core.judge import NO_GOVERNANCE
from stagewright.core.markdown import code
from stagewright.core.people import SHARED_ACCOUNTS
from stagewright.errors import InvalidError, NotFoundError, UsageError
from stagewright.model.actual import ActualModel, VersionFacts
from stagewright.model.desired import (
    NOBODY,
    DesiredState,
    Mode,
    RiskTier,
    Spec,
    StageEntry,
    StageValue,
    Trainer,
)
from stagewright.model.keys import GovernanceKey, SpecKey, StageKey
from stagewright.model.policy import Policy
from stagewright.ports import Registry, Source, Workspace
from stagewright.schema.edit import new_model, set_spec_field, set_stage
from stagewright.schema.model_document import model_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change that is not pushed yet: its branch, the commit it builds on, and the file it changes from and to.

    `along` are further files of the same commit.
    """

    branch: str
    base: str
    message: str
    file: str
    before: str
    after: str
    entry: StageValue | None = None
    along: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a model that is not in the repository yet is for."""

    risk_tier: RiskTier
    owner: str | None = None
    purpose: str | None = None
    card: str | None = None
    registered_model: str | None = None


class Proposer:
    """Makes proposals in a person's name, against the branch as the remote has it."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        source: Source,
        registry: Registry,
        desired: DesiredReader,
        branch: str,
        path: str,
    ) -> None:
        self._workspace = workspace
        self._source = source
        self._registry = registry
        self._desired = desired
        self._branch = branch
        self._path = path

    def promote(
        self,
        model: str,
        stage: str,
        *,
        version: int | None,
        reason: str,
        trainer: str | None = None,
        new: Described | None = None,
        refresh: bool = False,
        along: Mapping[str, str] | None = None,
    ) -> Proposal:
        """Propose that `version` (None: nobody) holds `stage`, with every pin filled in from MLflow as it is now.

        `refresh` keeps the declared version and pins it anew. `trainer` declares who trained it, over MLflow's word.
        `along` are further files of the same commit, such as the card of a new model.
        """
        base, state = self._base()
        policy = self._policy(state)
        if stage not in {s.name for s in policy.stages if not s.ungoverned}:
            governed = ", ".join(s.name for s in policy.stages if not s.ungoverned)
            raise InvalidError(f"the policy governs no stage {stage!r}", hint=f"it governs {governed}")
        text = self._text(base, model, state, new)
        spec = state.values.get(SpecKey(model))
        name = spec.registered_model if isinstance(spec, Spec) else (new and new.registered_model) or model
        declared = state.values.get(StageKey(model, stage))
        if refresh:
            if not isinstance(declared, StageEntry):
                raise InvalidError(f"{model} declares no version for {stage}", hint="name one with --version")
            version = declared.version
        entry: StageValue = NOBODY
        if version is not None:
            facts = self._registry.version_facts(name, version)
            if facts is None:
                raise NotFoundError(f"MLflow has no version {version} of {name!r}", hint=self._known_versions(name))
            entry = pin(name, facts, self._trainer(facts, policy, trainer, declared))
        after = set_stage(text, stage, entry, order=[s.name for s in policy.stages])
        what = f"version {version}" if version is not None else "nobody"
        word = "Refresh" if refresh else "Promote"
        return self._propose(
            base,
            branch=f"promote/{model}-{stage.lower()}-{f'v{version}' if version is not None else 'none'}",
            model=model,
            after=after,
            message=f"{word} {model}: {what} for {stage}\n\n{reason}\n",
            entry=entry,
            along=along or {},
        )

    def set_mode(self, model: str, mode: Mode, *, reason: str) -> Proposal:
        """Propose another mode for a model."""
        base, state = self._base()
        text = self._text(base, model, state, None)
        return self._propose(
            base,
            branch=f"mode/{model}-{mode}",
            model=model,
            after=set_spec_field(text, "mode", mode),
            message=f"Set the mode of {model} to {mode}\n\n{reason}\n",
        )

    def adopt(self, only: Sequence[str], described: Described) -> dict[str, str]:
        """Documents, by path, for every registered model that holds a governed stage and is not declared yet.

        All in `mode: observe`: they say what is so, and change nothing. `only` narrows it to these registered models;
        NotFoundError where MLflow has no such one.
        """
        _, state = self._base()
        policy = self._policy(state)
        documents: dict[str, str] = {}
        models = self._registry.snapshot().models
        strangers = [name for name in only if name not in models]
        if strangers:
            raise NotFoundError(
                f"MLflow has no registered model {strangers[0]!r}", hint=f"it has {', '.join(sorted(models)) or 'none'}"
            )
        for name, actual in sorted(models.items()):
            declared = {v.registered_model for v in state.values.values() if isinstance(v, Spec)}
            if name in declared or (only and name not in only):
                continue
            stages = self._held(name, actual, policy)
            if stages:
                model = document_name(name)
                spec = Spec(
                    owner=described.owner,
                    purpose=described.purpose,
                    risk_tier=described.risk_tier,
                    card=described.card,
                    mode="observe",
                    registered_model=name,
                )
                documents[model_path(model, self._path)] = new_model(model, spec, stages)
        return documents

    def submit(self, proposal: Proposal) -> str:
        """Commit a proposal on what it was made from, and push its branch; the commit.

        One that was pushed before is left as it is. UsageError when the remote has a branch of that name that goes
        another way.
        """
        files = {**proposal.along, proposal.file: proposal.after}
        contents: dict[str, bytes | None] = {path: text.encode() for path, text in files.items()}
        there = self._pushed(proposal.branch)
        # a branch that was merged before, and undone since, proposes nothing any more
        waits = there is not None and self._source.merge_bases(there, proposal.base) != (there,)
        if there and waits and all(self._workspace.show(there, path) == text for path, text in contents.items()):
            return there
        return self._workspace.commit(
            branch=proposal.branch, onto=proposal.base, files=contents, message=proposal.message
        )

    def push(self, files: Mapping[str, str], *, branch: str, message: str) -> str:
        """Commit files on the branch's head and push them as `branch`; the commit."""
        base, _ = self._base()
        contents: dict[str, bytes | None] = {path: text.encode() for path, text in files.items()}
        return self._workspace.commit(branch=branch, onto=base, files=contents, message=message)

    def _pushed(self, branch: str) -> str | None:
        try:
            return self._workspace.resolve(branch)
        except NotFoundError:
            return None

    def _held(self, name: str, actual: ActualModel, policy: Policy) -> dict[str, StageValue]:
        found: dict[str, StageValue] = {}
        for stage in policy.stages:
            version = None if stage.ungoverned else holder(stage, actual)
            if version is not None:
                facts = self._registry.version_facts(name, version)
                trainer = self._trainer(facts, policy, None, None) if facts else None
                found[stage.name] = pin(name, facts, trainer)
        return found

    def _base(self) -> tuple[str, DesiredState]:
        # The mirror second: so it holds whatever the clone was shown.
        self._workspace.fetch()
        self._source.fetch()
        base = self._workspace.resolve(self._branch)
        return base, self._desired.at(base)

    def _policy(self, state: DesiredState) -> Policy:
        value = state.values.get(GovernanceKey(), NO_GOVERNANCE)
        policy = self._desired.governance(value).policy  # type: ignore[arg-type] # the value of this key is a governance
        if policy is None:
            raise UsageError(f"the branch {self._branch!r} holds no valid policy", hint="restore stagewright.yaml")
        return policy

    def _text(self, base: str, model: str, state: DesiredState, new: Described | None) -> str:
        found = self._workspace.show(base, model_path(model, self._path))
        if found is not None:
            return found.decode()
        if new is None:
            known = ", ".join(sorted(k.model for k in state.values if isinstance(k, SpecKey)))
            raise NotFoundError(
                f"no model {model!r} is declared on {self._branch}",
                hint=f"declared are {known or 'none'}; a new one needs --owner, --purpose and --risk-tier",
            )
        spec = Spec(
            owner=new.owner,
            purpose=new.purpose,
            risk_tier=new.risk_tier,
            card=new.card,
            mode=None,
            registered_model=new.registered_model or model,
        )
        return new_model(model, spec, {})

    def _trainer(self, facts: VersionFacts, policy: Policy, said: str | None, declared: object) -> Trainer | None:
        if said is not None:
            return Trainer(name=said, declared=True)
        if isinstance(declared, StageEntry) and declared.version == facts.version and declared.trainer:
            return declared.trainer
        user = facts.trainer
        if not user or user.casefold() in SHARED_ACCOUNTS:
            return None
        for person in policy.people:
            if user in person.mlflow_users:
                return Trainer(name=person.login, declared=False)
        return Trainer(name=user, declared=False)

    def _known_versions(self, name: str) -> str:
        model = self._registry.model(name)
        if model is None:
            return "register the model in MLflow first"
        return f"it has {', '.join(str(number) for number in sorted(model.versions)) or 'no version'}"

    def _propose(
        self,
        base: str,
        *,
        branch: str,
        model: str,
        after: str,
        message: str,
        entry: StageValue | None = None,
        along: Mapping[str, str] | None = None,
    ) -> Proposal:
        file = model_path(model, self._path)
        known = (self._workspace.show(base, file) or b"").decode()
        if known == after:
            raise InvalidError(f"{file} says so already", hint="there is nothing to propose")
        return Proposal(
            branch=branch,
            base=base,
            message=message,
            file=file,
            before=known,
            after=after,
            entry=entry,
            along=along or {},
        )


def document_name(registered: str) -> str:
    """A document's name for a registered model: lower case, digits and hyphens."""
    name = re.sub(r"[^a-z0-9]+", "-", registered.lower()).strip("-")[:63].strip("-")
    if not name:
        raise InvalidError(
            f"no document can be named after {registered!r}", hint="declare it by hand with spec.registeredModel"
        )
    return name


def pull_text(proposal: Proposal, reason: str) -> tuple[str, str]:
    """Title and body of the pull request of a proposal. What MLflow says stands there as code."""
    title = proposal.message.partition("\n")[0]
    lines = [f"- {code(proposal.file)}", *(f"- {code(path)}" for path in sorted(proposal.along))]
    entry = proposal.entry
    if isinstance(entry, StageEntry):
        pins = (
            ("version", str(entry.version)),
            ("run", entry.run_id),
            ("model id", entry.model_id),
            ("source", entry.source),
            ("artifacts", entry.digest),
            ("evidence", entry.evidence),
            ("trained by", entry.trainer.name if entry.trainer else None),
        )
        lines += [f"- {name} {code(text)}" for name, text in pins if text is not None]
    why = reason.strip() or "No reason was given."
    after = (
        "Approving this pull request signs off just what it proposes now: a change of it needs new approvals, "
        "updating its branch does not. What is missing, and who can give it, the controller says below."
    )
    return title, "\n\n".join([why, "\n".join(lines), after])
