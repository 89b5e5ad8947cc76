"""What one attempt at an object came to, and when it is due again: decisions over values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stagewright.app.memory import Memory
from stagewright.app.sync import SyncReport
from stagewright.errors import (
    InvalidError,
    LedgerDamagedError,
    LedgerMissingError,
    NotFoundError,
    StagewrightError,
    StalledError,
    UnreachableError,
)
from stagewright.kube.observer import Result
from stagewright.model.custom_resource import CustomResource

# An interval is spread by this part of it, so that objects that began together do not stay together.
JITTER = 0.1
# A person mends these: trying again sooner changes nothing.
_STALLING = (InvalidError, NotFoundError, StalledError, LedgerDamagedError, LedgerMissingError)
_UNSETTLED = frozenset({"failed", "unknown", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt. `found` is the object as it was read; `resource` is None where it cannot be understood.

    `report` is None where no sync ran to its end; then `error` says why, unless the object is suspended. `checkpoint`
    is the last one known of its ledger.
    """

    found: Mapping[str, Any]
    resource: CustomResource | None
    at: datetime
    report: SyncReport | None = None
    memory: Memory | None = None
    error: StagewrightError | None = None
    checkpoint: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """When an object is due again: after a time, or (`failed`) after its back-off, but not before that time.

    `after_s` None and not failed: when it changes.
    """

    after_s: float | None = None
    failed: bool = False


def result_of(attempt: Attempt) -> Result:
    """What an attempt came to, in one word."""
    if attempt.error is not None:
        return "stalled" if isinstance(attempt.error, _STALLING) else "failed"
    if attempt.resource is not None and attempt.resource.sync.suspend:
        return "suspended"
    report = attempt.report
    if report is None:
        return "failed"
    if report.stalled:
        return "stalled"
    if attempt.resource is not None and attempt.resource.sync.dry_run:
        return "rehearsed"
    last = {applied.pair.key: applied.result for applied in report.applied}
    return "waiting" if report.waiting or _UNSETTLED & set(last.values()) else "synced"


def next_of(attempt: Attempt, fraction: float) -> Next:
    """When the object is due again. `fraction` is a random number below 1."""
    result = result_of(attempt)
    resource = attempt.resource
    if result == "suspended" or resource is None:
        return Next()
    # never before the interval, so that what is asked for is not asked for more often than that
    interval = resource.sync.interval.total_seconds() * (1.0 + JITTER * fraction)
    if result in {"failed", "waiting"}:
        asked = attempt.error.retry_after_s if isinstance(attempt.error, UnreachableError) else None
        return Next(after_s=asked or 0.0, failed=True)
    return Next(after_s=min(interval, _until_cured_s(attempt)))


def _until_cured_s(attempt: Attempt) -> float:
    """Until the first requirement of an open promotion is satisfied by time alone; for ever where there is none."""
    memory = attempt.memory
    if memory is None:
        return float("inf")
    verdicts = (memory.verdicts[promotion.id][1] for promotion in memory.open.values())
    times = (r.until for verdict in verdicts for r in verdict.requirements if r.state != "satisfied")
    return min(
        ((until - attempt.at).total_seconds() + 1.0 for until in times if until and until > attempt.at),
        default=float("inf"),
    )
