"""Verdicts: the policy's answer on a promotion, as a value with its reasons."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from stagewright.model.promotion import Promotion
from stagewright.model.review import Decision

Answer = Literal["approved", "pending", "refused"]
RequirementState = Literal["satisfied", "missing", "violated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementResult:
    """One requirement of one rule. `candidates` are the people who could still give what is missing.

    `until` is the time after which it cures itself, where time alone can.
    """

    rule: str
    name: str
    state: RequirementState
    detail: str
    facts: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOff:
    """A review as judged. `person` is None when its author could not be told; `reason` says why it counts or not."""

    review: str
    person: str | None
    decision: Decision
    commit: str
    first_seen: datetime
    role: str | None
    counted: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer on one promotion. `approved` and `refused` are final, `pending` is judged again at every sync.

    `restore`: it declares what is authorized anyway, and nothing changes. `reason` is one sentence for people.
    The two governance digests are those judged under: authorized at its step, and authorized now.
    """

    promotion: Promotion
    answer: Answer
    restore: bool
    reason: str
    requirements: tuple[RequirementResult, ...]
    sign_offs: tuple[SignOff, ...]
    governance_at_step: str
    governance_now: str
