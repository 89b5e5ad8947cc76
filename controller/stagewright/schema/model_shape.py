"""The form of a Model document."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from stagewright.schema.shape import API_VERSION, Reserved, Shape
from stagewright.schema.vocabulary import (
    Digest,
    Line,
    ModelName,
    ModeWord,
    RegisteredName,
    RelativePath,
    RiskTierWord,
    StageName,
    Text,
    Word,
)


class MetadataShape(Shape):
    """`metadata`."""

    name: ModelName


class DeclaredShape(Shape):
    """A trainer whom the pull request names, where MLflow says nobody."""

    declared: Line


class EntryShape(Shape):
    """One version with everything that pins it. At least one of runId, modelId and source is needed."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [key]} for key in ("runId", "modelId", "source")]}
    )

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    run_id: Word | None = None
    model_id: Word | None = None
    source: Line | None = None
    digest: Digest
    evidence: Digest
    trainer: (
        Annotated[
            Annotated[Line, Tag("=name")] | Annotated[DeclaredShape, Tag("=declared")],
            Discriminator(lambda value: "=declared" if isinstance(value, dict) else "=name"),
        ]
        | None
    ) = None
    emergency: Annotated[Any, Reserved("emergency promotions", "delete the key and ask for the ordinary approvals")] = (
        None
    )
    registry: Annotated[
        Any, Reserved("stages with a registry of their own", "delete the key: one registry serves every stage")
    ] = None


StageShape = Annotated[
    Annotated[Literal["none"], Tag("=none")] | Annotated[EntryShape, Tag("=entry")],
    Discriminator(lambda value: "=entry" if isinstance(value, (dict, EntryShape)) else "=none"),
]


_WITHDRAWN = Reserved("withdrawn versions", "empty the list; take a version from a stage by writing none")


def _no_withdrawals(value: list[Any]) -> list[Any]:
    if value:
        _WITHDRAWN.refuse(value)
    return value


class SpecShape(Shape):
    """What the model is for, how heavy its rules are, and what each stage holds."""

    owner: Text | None = None
    purpose: Text | None = None
    risk_tier: RiskTierWord
    card: RelativePath | None = None
    mode: ModeWord | None = None
    registered_model: RegisteredName | None = None
    withdrawn: Annotated[
        list[Any], AfterValidator(_no_withdrawals), Field(default=[], json_schema_extra={"maxItems": 0})
    ]
    stages: dict[StageName, StageShape] = Field(
        default={}, max_length=50, description="Only what is named here is governed."
    )


class ModelShape(Shape):
    """What one registered model should hold, stage by stage."""

    api_version: Literal["stagewright.dev/v1alpha1"] = Field(description=API_VERSION)
    kind: Literal["Model"]
    metadata: MetadataShape
    spec: SpecShape
