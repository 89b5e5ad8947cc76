"""The stages of a policy, and how each shows in MLflow: aliases and classic stages that no two of them share."""

import re

from stagewright.errors import DocumentError
from stagewright.model.policy import StagePolicy
from stagewright.schema.nodes import Document
from stagewright.schema.policy_shape import PolicySpecShape, StageShape

# MLflow takes `models:/name@latest` and `@v3` for something else (mlflow.utils.validation)
_VERSION_ALIAS = re.compile(r"[vV][0-9]+")


def read_stages(document: Document, spec: PolicySpecShape, problems: list[DocumentError]) -> tuple[StagePolicy, ...]:
    """The stages in the order of the document; what is wrong with them is added to `problems`."""
    stages: list[StagePolicy] = []
    names: dict[str, str] = {}
    aliases: dict[str, str] = {}
    classic: dict[str, str] = {}
    for name, shape in spec.stages.items():
        place = ("spec", "stages", name)
        other = names.setdefault(name.casefold(), name)
        if other != name:
            reason = f"the stages {other} and {name} differ only by case"
            problems.append(document.error(reason, place, at_key=True, hint="give one another name"))
        stage = _stage(document, name, shape, problems)
        for number, alias in enumerate(stage.aliases):
            owner = aliases.setdefault(alias.casefold(), name)
            problems += _alias_problems(document, (*place, "aliases", number), alias)
            if owner != name or stage.aliases[:number].count(alias):
                reason = f"the alias {alias} already shows the stage {owner}"
                hint = "an alias shows one stage; upper and lower case are the same to some registries"
                problems.append(document.error(reason, (*place, "aliases", number), hint=hint))
        if stage.mlflow_stage is not None and classic.setdefault(stage.mlflow_stage, name) != name:
            reason = f"the MLflow stage {stage.mlflow_stage} already shows the stage {classic[stage.mlflow_stage]}"
            problems.append(document.error(reason, (*place, "mlflowStage"), hint="show this stage by an alias alone"))
        stages.append(stage)
    return tuple(stages)


def _stage(document: Document, name: str, shape: StageShape, problems: list[DocumentError]) -> StagePolicy:
    place = ("spec", "stages", name)
    if shape.ungoverned:
        if shape.aliases is not None or shape.mlflow_stage is not None:
            reason = f"{name} is ungoverned: it is neither read nor written, so it shows nowhere"
            problems.append(document.error(reason, place, hint="delete aliases and mlflowStage, or govern the stage"))
        return StagePolicy(name=name, ungoverned=True)
    aliases = (name.lower(),) if shape.aliases is None else tuple(shape.aliases)
    if not aliases and shape.mlflow_stage is None:
        reason = f"{name} shows nowhere in MLflow"
        hint = "name an alias or an mlflowStage, or write ungoverned: true"
        problems.append(document.error(reason, (*place, "aliases"), hint=hint))
    return StagePolicy(name=name, aliases=aliases, mlflow_stage=shape.mlflow_stage)


def _alias_problems(document: Document, place: tuple[str | int, ...], alias: str) -> list[DocumentError]:
    if alias.casefold() == "latest" or _VERSION_ALIAS.fullmatch(alias):
        reason = f"the alias {alias} is reserved by MLflow"
        return [document.error(reason, place, hint="latest, v1, v2, … name versions there; take another word")]
    return []
