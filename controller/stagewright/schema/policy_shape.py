"""The form of a PromotionPolicy document."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from stagewright.schema.shape import API_VERSION, Reserved, Shape, pattern
from stagewright.schema.vocabulary import (
    Approver,
    Email,
    Line,
    Login,
    Member,
    ModeWord,
    RiskTierWord,
    StageName,
    Team,
)

Alias = Annotated[str, pattern(r"^[A-Za-z0-9_-]{1,255}$", "an alias: letters, digits, hyphens and underscores")]
Origin = Annotated[
    str,
    pattern(
        r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[1-9][0-9]{0,4})?(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){0,8}$",
        "a ledger's name: host/path without a scheme, such as stagewright.acme.example/prod",
    ),
]
MlflowUser = Annotated[str, pattern(r"^[^\s,]{1,256}$", "an MLflow user name, without spaces")]
Span = Annotated[
    str,
    pattern(r"^[1-9][0-9]{0,3}[mhd]$", "a span of time: a number and m, h or d, such as 48h (minutes, hours, days)"),
]
StageNames = Annotated[list[StageName], Field(min_length=1, max_length=50)]


class StageShape(Shape):
    """How one stage shows in MLflow."""

    ungoverned: bool = False
    aliases: Annotated[list[Alias], Field(max_length=20)] | None = None
    mlflow_stage: Literal["Staging", "Production"] | None = None
    registry: Annotated[
        Any, Reserved("stages with a registry of their own", "delete the key: one registry serves every stage")
    ] = None


class MatchShape(Shape):
    """Which promotions a rule is for."""

    stages: StageNames | None = None
    risk_tiers: Annotated[list[RiskTierWord], Field(min_length=1, max_length=20)] | None = None
    governance: bool = False


class ApprovalShape(Shape):
    """`count` different people out of those whom `from` names."""

    count: Annotated[int, Field(ge=1, le=100)]
    sources: Annotated[list[Approver], Field(alias="from", min_length=1, max_length=100)]
    role: Line | None = None


class RequireShape(Shape):
    """What a rule asks for."""

    approvals: Annotated[list[ApprovalShape], Field(min_length=1, max_length=20)]
    approvals_after_merge: Literal["count", "refuse"] = "count"
    independent_of: (
        Annotated[list[Literal["author", "committers", "trainer"]], Field(min_length=1, max_length=20)] | None
    ) = None
    evidence: (
        Annotated[list[Literal["owner", "purpose", "card", "datasets", "digest"]], Field(min_length=1, max_length=20)]
        | None
    ) = None
    after: StageNames | None = None
    metrics: Annotated[
        Any, Reserved("thresholds on metrics", "delete the key; ask for `evidence` and an approval meanwhile")
    ] = None
    soak: Annotated[Any, Reserved("soak times", "delete the key; `after` already asks for the earlier stage")] = None
    checks: Annotated[
        Any, Reserved("checks", "delete the key; let the forge's branch protection ask for them meanwhile")
    ] = None


class RuleShape(Shape):
    """One rule. Every rule that matches must hold."""

    name: Annotated[str, pattern(r"^[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?$", "a rule's name: a-z, 0-9 and hyphens")]
    match: MatchShape
    require: RequireShape
    review_target: Span = Field(default="48h", description="How long a review should take; shown, never required.")
    freeze: Annotated[Any, Reserved("freezes", "delete the key; merge nothing in that time meanwhile")] = None
    rollback: Annotated[
        Any, Reserved("lighter rules for a rollback", "delete the key: a rollback is judged as any promotion")
    ] = None
    emergency: Annotated[
        Any, Reserved("emergency promotions", "delete the key: every promotion needs its approvals")
    ] = None


class PersonShape(Shape):
    """Which e-mail addresses, MLflow users and further accounts are one person's."""

    email: (
        Annotated[
            Annotated[Email, Tag("=one")] | Annotated[list[Email], Field(max_length=20), Tag("=several")],
            Discriminator(lambda value: "=several" if isinstance(value, list) else "=one"),
        ]
        | None
    ) = None
    mlflow: Annotated[list[MlflowUser], Field(max_length=20)] | None = None
    accounts: Annotated[list[Login], Field(max_length=20)] | None = None


class LimitsShape(Shape):
    """What is too much for people to look through."""

    promotions_per_pull_request: Annotated[int, Field(ge=1, le=1000)] | None = None


class PolicySpecShape(Shape):
    """`spec`."""

    stages: Annotated[
        dict[StageName, StageShape], Field(min_length=1, max_length=50, description="Lightest first: order matters.")
    ]
    default_mode: ModeWord
    ledger: Origin
    rules: Annotated[list[RuleShape], Field(min_length=1, max_length=200)]
    people: dict[Login, PersonShape] = Field(default={}, max_length=2000)
    groups: dict[Team, Annotated[list[Member], Field(min_length=1, max_length=1000)]] = Field(
        default={}, max_length=500
    )
    registry_users_authenticated: bool = False
    limits: LimitsShape = LimitsShape()


class PolicyShape(Shape):
    """What each stage requires, and who the people are."""

    api_version: Literal["stagewright.dev/v1alpha1"] = Field(description=API_VERSION)
    kind: Literal["PromotionPolicy"]
    spec: PolicySpecShape
