"""Promotions: one change of one key, from one declared value to another, introduced by one step of history."""

from dataclasses import dataclass
from datetime import datetime

from stagewright.model.desired import DesiredState, GovernanceValue, Value
from stagewright.model.keys import Key
from stagewright.model.review import PullRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of first-parent history: from `first_parent` (A) to `commit` (Y, its last commit).

    `position` counts the steps since genesis, from 1. `parents` is how many parents Y has. `pull` None: nobody
    opened a pull request for it.
    """

    position: int
    first_parent: str
    commit: str
    parents: int
    before: DesiredState
    after: DesiredState
    pull: PullRequest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """P. `before` and `after` are the declared values (None: absent); `id` and `subject` are hex SHA-256.

    `governance` is what was authorized just before its step. `spec` and `card` are those of its model at Y.
    `parents` and `pull` are the facts of its step; the reviews in `pull` are read anew at each judgement.
    `since` is when the ledger judged it first; None: it is judged for the first time now.
    """

    id: str
    key: Key
    before: Value | None
    after: Value | None
    subject: str
    first_parent: str
    commit: str
    position: int
    parents: int
    governance: GovernanceValue
    spec: Value | None
    card: str | None
    pull: PullRequest | None
    since: datetime | None = None
