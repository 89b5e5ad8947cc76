"""Beginning: what the registry holds now is adopted, not approved."""

import rfc8785

from stagewright.app.facts import FactReader
from stagewright.core.requirements import registered_name
from stagewright.errors import InvalidError
from stagewright.model.actual import ActualModel, ActualState, VersionFacts
from stagewright.model.codec import Json
from stagewright.model.desired import NOBODY, StageEntry, StageValue, Trainer, Values
from stagewright.model.keys import StageKey
from stagewright.model.policy import Policy, StagePolicy


def holder(stage: StagePolicy, model: ActualModel | None) -> int | None:
    """The version that holds a stage in MLflow: by its first alias that is set, else by its MLflow stage."""
    if model is None:
        return None
    for alias in stage.aliases:
        if alias in model.aliases:
            return model.aliases[alias]
    there = [v.version for v in model.versions.values() if stage.mlflow_stage and v.stage == stage.mlflow_stage]
    return max(there, default=None)


def adopt(values: Values, policy: Policy, actual: ActualState, facts: FactReader) -> dict[StageKey, StageValue]:
    """For each governed pair that `values` name, what the registry holds, pinned as it is now."""
    stages = {stage.name: stage for stage in policy.stages if not stage.ungoverned}
    adopted: dict[StageKey, StageValue] = {}
    for key in values:
        if isinstance(key, StageKey) and key.stage in stages:
            name = registered_name(values, key.model)
            version = holder(stages[key.stage], actual.models.get(name))
            adopted[key] = NOBODY if version is None else pin(name, facts.version(name, version))
    return adopted


def pin(name: str, facts: VersionFacts | None, trainer: Trainer | None = None) -> StageEntry:
    """A version with everything that pins it. InvalidError when it cannot be pinned, with the reason."""
    if facts is None:
        raise InvalidError(f"MLflow has no such version of {name!r}", hint="list its versions in MLflow")
    if facts.digest is None or facts.evidence is None:
        raise InvalidError(
            f"version {facts.version} of {name!r} cannot be pinned: {facts.flaw or 'its digests cannot be computed'}",
            hint="register a version whose artifacts can be read, and name that",
        )
    return StageEntry(
        version=facts.version,
        digest=facts.digest,
        evidence=facts.evidence,
        run_id=facts.run_id,
        model_id=facts.model_id,
        source=None if facts.run_id or facts.model_id else facts.source,
        trainer=trainer,
    )


def snapshot_body(actual: ActualState) -> bytes:
    """The registry as adopted, for the evidence store: RFC 8785 JSON."""
    models: dict[str, Json] = {
        name: {
            "aliases": dict(model.aliases),
            "versions": {
                str(number): {"stage": v.stage, "status": v.status, "runId": v.run_id, "source": v.source}
                for number, v in model.versions.items()
            },
        }
        for name, model in actual.models.items()
    }
    return rfc8785.dumps({"models": models})
