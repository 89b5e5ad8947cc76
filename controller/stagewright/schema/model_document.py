"""The Model document: one registered model, what it is for and what each of its stages holds.

apiVersion: stagewright.dev/v1alpha1
kind: Model
metadata:
  name: credit-risk
spec:
  riskTier: high
  stages:
    Staging:
      version: 9
      runId: 41f0…
      digest: sha256:…
      evidence: sha256:…
    Production: none
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stagewright.errors import DocumentError
from stagewright.model.desired import NOBODY, Spec, StageEntry, StageValue, Trainer
from stagewright.schema.model_shape import DeclaredShape, EntryShape, ModelShape
from stagewright.schema.nodes import Document, raise_problems
from stagewright.schema.shape import read_shape
from stagewright.schema.yaml import parse_yaml

FOLDER = "models"
SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDocument:
    """One Model as declared. `stages` are in the order of the document; an absent stage is not governed."""

    name: str
    spec: Spec
    stages: Mapping[str, StageValue]


def model_path(name: str, root: str = "") -> str:
    """Where the document of that model lies below the source's path `root` ("" is the repository's root)."""
    return f"{root}/{FOLDER}/{name}{SUFFIX}" if root else f"{FOLDER}/{name}{SUFFIX}"


def model_name(file: str) -> str | None:
    """The model that a file declares by its place, `…/models/<name>.yaml`; None for any other file."""
    folder, _, base = file.rpartition("/")
    in_folder = folder == FOLDER or folder.endswith(f"/{FOLDER}")
    return base.removesuffix(SUFFIX) if in_folder and base.endswith(SUFFIX) and base != SUFFIX else None


def parse_model(data: bytes, file: str) -> ModelDocument:
    """The Model in `data`; DocumentError with every problem found, each at its line and column."""
    document = parse_yaml(data, file)
    shape = read_shape(document, ModelShape)
    name, spec = shape.metadata.name, shape.spec
    problems: list[DocumentError] = []
    if model_name(file) != name:
        problems.append(
            document.error(
                f"the file of the model {name!r} is {FOLDER}/{name}{SUFFIX}",
                ("metadata", "name"),
                hint="rename the file or the model",
            )
        )
    stages: dict[str, StageValue] = {}
    for stage, entry in spec.stages.items():
        if isinstance(entry, EntryShape):
            if entry.run_id is None and entry.model_id is None and entry.source is None:
                reason = f"{stage} pins no origin: one of runId, modelId and source is needed"
                problems.append(
                    document.error(reason, ("spec", "stages", stage), hint="`stagewright promote` fills it in")
                )
            stages[stage] = _entry(entry)
        else:
            stages[stage] = NOBODY
    problems += _case_twins(document, stages)
    raise_problems(problems)
    return ModelDocument(
        name=name,
        spec=Spec(
            owner=spec.owner,
            purpose=spec.purpose,
            risk_tier=spec.risk_tier,
            card=spec.card,
            mode=spec.mode,
            registered_model=spec.registered_model or name,
        ),
        stages=stages,
    )


def _entry(shape: EntryShape) -> StageEntry:
    trainer = shape.trainer
    return StageEntry(
        version=shape.version,
        digest=shape.digest,
        evidence=shape.evidence,
        run_id=shape.run_id,
        model_id=shape.model_id,
        source=shape.source,
        trainer=None if trainer is None else _trainer(trainer),
    )


def _trainer(shape: str | DeclaredShape) -> Trainer:
    if isinstance(shape, DeclaredShape):
        return Trainer(name=shape.declared, declared=True)
    return Trainer(name=shape, declared=False)


def _case_twins(document: Document, stages: Mapping[str, StageValue]) -> list[DocumentError]:
    seen: dict[str, str] = {}
    problems = []
    for stage in stages:
        first = seen.setdefault(stage.casefold(), stage)
        if first != stage:
            reason = f"the stages {first} and {stage} differ only by case"
            problems.append(document.error(reason, ("spec", "stages", stage), at_key=True, hint="keep one"))
    return problems
