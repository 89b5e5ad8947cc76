"""Plans: the ordered actions that turn actual into authorized."""

from dataclasses import dataclass
from typing import Literal

from stagewright.model.desired import StageValue
from stagewright.model.keys import StageKey

ActionKind = Literal["alias", "stage", "tag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One write to MLflow, with what it expects to find.

    kind alias: `target` is the alias; `before`/`after` are version numbers as text, None where nobody holds it.
    kind stage: `target` is the version; `before`/`after` are MLflow stages.
    kind tag: `target` is `<version>/<tag key>`; `before`/`after` are values, None where the tag is not there.
    """

    kind: ActionKind
    model: str
    target: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlan:
    """What one governed pair needs. `cause` is a promotion id, or `drift` when no promotion explains the difference.

    `write` is False when the mode forbids it (observe; report for drift): then the actions only show the difference.
    """

    key: StageKey
    registered: str
    wanted: StageValue
    cause: str
    drift: bool
    write: bool
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A pair that cannot be made right: the version is not what was signed off, not ready, or not there.

    `claimed`: nothing is wrong with it, but another configuration keeps the registered model.
    """

    key: StageKey
    reason: str
    identity: bool
    claimed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a sync would do, in order. `unmanaged` counts (model, alias) pairs that git does not name."""

    pairs: tuple[PairPlan, ...]
    blocked: tuple[Blocked, ...]
    unmanaged: int
