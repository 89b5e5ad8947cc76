"""Desired state: what the documents at one commit declare."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from stagewright.model.keys import Key

RiskTier = Literal["low", "medium", "high"]
TIERS: tuple[RiskTier, ...] = ("low", "medium", "high")
HIGHEST_TIER: RiskTier = "high"
Mode = Literal["observe", "report", "enforce"]
MODES: tuple[Mode, ...] = ("observe", "report", "enforce")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """Who trained a version. `declared`: the pull request says so, the reviewers sign it off; else MLflow said so."""

    name: str
    declared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntry:
    """One version with everything that pins it. Digests are `sha256:` and 64 lower-case hex digits.

    At least one of run_id, model_id and source is given.
    """

    version: int
    digest: str
    evidence: str
    run_id: str | None = None
    model_id: str | None = None
    source: str | None = None
    trainer: Trainer | None = None


class Nobody(Enum):
    """`Production: none`: the stage is governed, and no version may hold it."""

    NOBODY = "none"


NOBODY = Nobody.NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What a model is for and how heavy its rules are. `mode` None leaves it to the policy's default."""

    owner: str | None
    purpose: str | None
    risk_tier: RiskTier
    card: str | None
    mode: Mode | None
    registered_model: str
    withdrawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeOwnersLines:
    """The lines of one CODEOWNERS file that can match a governed path, in their order."""

    location: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernanceValue:
    """Who may say yes to what, by content: git blob ids, and the code-owner lines that matter."""

    policy: str | None
    allowed_signers: str | None
    codeowners: tuple[CodeOwnersLines, ...]


StageValue = StageEntry | Nobody
Value = GovernanceValue | Spec | StageEntry | Nobody
# A key that is not in the map is absent: released, not governed.
Values = Mapping[Key, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentProblem:
    """A document that could not be used: it proposes nothing and blocks its own model only."""

    file: str
    line: int
    column: int
    reason: str
    hint: str
    model: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    """effective(commit): per file the last valid document on the first-parent chain up to `commit`.

    `cards` holds for each model whose card exists the card's content digest at this commit.
    """

    commit: str
    values: Values
    cards: Mapping[str, str]
    problems: tuple[DocumentProblem, ...] = ()
