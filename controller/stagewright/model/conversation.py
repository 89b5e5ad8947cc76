"""What is said on a forge about a pull request, and what a forge says of one that is open."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from stagewright.model.source import PullFacts

Mark = Literal["success", "pending", "failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPull:
    """An open pull request: its facts as if it were merged onto `facts.first_parent` now. `number` is the forge's.

    `opened` is when, by the forge's clock; None where it does not say.
    """

    number: int
    facts: PullFacts
    draft: bool
    opened: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMark:
    """What a commit is marked with: one state and one line (at most 140 characters), under one context."""

    commit: str
    state: Mark
    summary: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """An applied promotion, for the forge's own page of deployments. `entry` is the ledger index of its outcome."""

    commit: str
    environment: str
    description: str
    promotion: str
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PullLink:
    """A pull request to go to. `created`: it was opened just now, and not found open already."""

    number: int
    url: str
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that `doctor` looked at on a forge. `remedy` is empty where nothing has to be done."""

    name: str
    fine: bool
    detail: str
    remedy: str
