"""What runs in a cluster and says which model's stage it serves."""

from dataclasses import dataclass
from datetime import datetime

MODEL_LABEL = "stagewright.dev/model"
STAGE_LABEL = "stagewright.dev/stage"
VERSION_ANNOTATION = "stagewright.dev/loaded-version"
ROLLED_ANNOTATION = "stagewright.dev/rolled-for"
RESTART_ANNOTATION = "stagewright.dev/restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A labelled workload that is not being rolled out just now.

    `images` are the images of its pods by digest where that is known, sorted. `version` is what its pods say they
    loaded; None where they say nothing, or not the same. `rolled_for` is the intent it was rolled for last.
    `may_roll` is false where its owner wants no restart by us.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    model: str
    stage: str
    images: tuple[str, ...]
    version: str | None
    rolled_for: int | None
    created_at: datetime
    may_roll: bool = True

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What the ledger says of a workload: seen so, since then."""

    workload: Workload
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The last time that what a stage shows was changed: the intent's index in the ledger, and when it was done."""

    intent: int
    at: datetime
