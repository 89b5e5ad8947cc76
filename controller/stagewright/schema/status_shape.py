"""The form of what the controller writes: the status of a RegistrySync, and the custom resource Promotion."""

from typing import Annotated, Literal

from pydantic import Field

from stagewright.schema.shape import Shape, pattern

Timestamp = Annotated[
    str, Field(json_schema_extra={"format": "date-time"}, max_length=64, description="a time, as the API spells it")
]
Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
Told = Annotated[str, Field(max_length=1024)]
Short = Annotated[str, Field(max_length=256)]
ConditionWord = Literal["True", "False", "Unknown"]


class ConditionShape(Shape):
    """One condition, as every object of Kubernetes has them."""

    type: Annotated[str, pattern(r"^[A-Z][A-Za-z]*$", "a condition's type: a word in CamelCase", max_length=64)] = (
        Field(description="What is told of: Ready, Reconciling, Stalled, HistoryVerified, SignedOff and so on.")
    )
    status: ConditionWord = Field(description="True, False or Unknown.")
    reason: Annotated[
        str, pattern(r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", "a reason: a word in CamelCase", max_length=128)
    ] = Field(description="Why, in one word for programs.")
    message: Told = Field(default="", description="Why, and what to do about it, in sentences for people.")
    last_transition_time: Timestamp = Field(description="When the status last changed.")
    observed_generation: Count | None = Field(default=None, description="The generation that it was told of.")


class CountsShape(Shape):
    """Governed pairs of model and stage, by how they stand."""

    synced: Count = Field(description="MLflow shows what is authorized.")
    pending: Count = Field(description="Promotions that wait for sign-offs.")
    blocked: Count = Field(description="What is authorized cannot be applied as things stand.")
    drifted: Count = Field(description="MLflow was changed by hand, and is not put right yet.")
    unmanaged: Count = Field(description="Aliases and stages in MLflow that no document names.")


class LedgerStatusShape(Shape):
    """The ledger as the controller left it."""

    origin: Short = Field(description="The ledger's name, the first line of its checkpoints.")
    size: Count = Field(description="How many entries it holds.")
    root: Short = Field(description="The root hash over all of them, hex.")
    checkpoint: Annotated[str, Field(max_length=8192)] = Field(
        description="The signed checkpoint (C2SP tlog-checkpoint), by which a ledger put back or forked is noticed."
    )
    delivered: Count | None = Field(
        default=None, description="The size up to which every notification has been delivered."
    )


class HistoryShape(Shape):
    """One sync of the recent past that changed something, or failed otherwise than the one before."""

    at: Timestamp = Field(description="When it ended.")
    revision: Short | None = Field(default=None, description="The commit up to which it got.")
    result: Short = Field(description="The reason of its Ready condition.")
    message: Told = Field(description="What it did, or why it did not.")


class RegistrySyncStatusShape(Shape):
    """What the controller found and did; written by it alone."""

    observed_generation: Count | None = Field(
        default=None, description="The generation of the spec that this tells of."
    )
    conditions: Annotated[list[ConditionShape], Field(max_length=16)] | None = Field(
        default=None, description="How it stands; Ready is the summary of the others."
    )
    revision: Short | None = Field(
        default=None, description="Branch and commit up to which MLflow follows, for people: main@4b0e0f2e9f0c."
    )
    last_attempted_revision: Short | None = Field(default=None, description="The branch's head at the last try.")
    last_applied_revision: Short | None = Field(
        default=None, description="The commit up to which history was judged and MLflow follows it."
    )
    last_handled_reconcile_at: Told | None = Field(
        default=None,
        description="The value of the annotation stagewright.dev/reconcile-requested-at that was handled last.",
    )
    counts: CountsShape | None = Field(
        default=None, description="Governed pairs of model and stage, by how they stand."
    )
    ledger: LedgerStatusShape | None = Field(default=None, description="The ledger as the controller left it.")
    history: Annotated[list[HistoryShape], Field(max_length=10)] | None = Field(
        default=None, description="Recent syncs, the newest first."
    )


class PromotionSpecShape(Shape):
    """What is proposed. It was merged already: a verdict decides whether it is applied."""

    sync: Short = Field(description="The RegistrySync that it belongs to.")
    promotion_id: Annotated[str, pattern(r"^[0-9a-f]{64}$", "a promotion's id: 64 lower-case hex digits")] = Field(
        description="The promotion's id in the ledger, 64 hex digits."
    )
    model: Short = Field(description="The model, or @governance for the rules themselves.")
    stage: Short = Field(description="The stage, @spec for the model's description, @governance for the rules.")
    from_: Short = Field(alias="from", description="What was declared before: a version, none, - or changed.")
    to: Short = Field(description="What is declared since: a version, none, - or changed.")
    commit: Short = Field(description="The commit that brought it onto the branch.")
    pull_request: Short | None = Field(default=None, description="The pull request, by its page where it has one.")
    proposer: Short | None = Field(default=None, description="Who proposed it, where that is known.")


class PromotionStatusShape(Shape):
    """What was decided, as of the last sync."""

    verdict: Literal["approved", "pending", "refused", "blocked", "superseded"] = Field(
        description="The policy's answer; blocked: approved, and cannot be applied; superseded: a later one came."
    )
    missing: Annotated[list[Short], Field(max_length=20)] | None = Field(
        default=None, description="What it still lacks, one requirement each."
    )
    summary: Short | None = Field(default=None, description="What it still lacks, in one line.")
    reason: Short | None = Field(default=None, description="The answer in a sentence.")
    since: Timestamp | None = Field(default=None, description="Since when it waits.")
    decided_at: Timestamp | None = Field(default=None, description="When it was decided for good.")
    applied_at: Timestamp | None = Field(default=None, description="When MLflow last followed it.")
    ledger_index: Count | None = Field(default=None, description="The index of its last verdict in the ledger.")
