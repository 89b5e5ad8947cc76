"""What one sync shows in numbers: a pure reading of its report and of the ledger's memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from stagewright.app.memory import Memory
from stagewright.app.sync import SyncReport
from stagewright.core.plan import DRIFT
from stagewright.ledger import predicates as entry
from stagewright.model.desired import StageEntry
from stagewright.model.keys import SPEC_TEXT, GovernanceKey, Key, SpecKey, StageKey, key_order, parse_key


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldVersion:
    """A version in a stage, as the controller last put it or found it there."""

    model: str
    stage: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many promotions to a stage wait, and since when the oldest does."""

    stage: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One object now. `counts` are by state, as in its status; `checkpoint_at` is when the last entry was written."""

    held: tuple[HeldVersion, ...]
    pending: tuple[Waiting, ...]
    counts: tuple[tuple[str, int], ...]
    ledger_size: int
    checkpoint_at: datetime


def picture_of(memory: Memory, report: SyncReport) -> Picture:
    """What is held, what waits, and how far the ledger is."""
    return Picture(
        held=tuple(
            HeldVersion(model=key.model, stage=key.stage, version=held.value.version)
            for key, held in sorted(memory.held.items(), key=lambda item: key_order(item[0]))
            if isinstance(held.value, StageEntry)
        ),
        pending=_pending(memory),
        counts=_counts(memory, report),
        ledger_size=report.ledger_size,
        checkpoint_at=memory.latest,
    )


def stage_of(key: Key) -> str:
    """The stage as a label: `Production`, `@spec` or `@governance`."""
    match key:
        case StageKey(stage=stage):
            return stage
        case SpecKey():
            return SPEC_TEXT
        case GovernanceKey():
            return str(key)


def first_since(memory: Memory, at: datetime, size: int) -> int:
    """The index of the first news that was written at `at` or later; `size` where there is none."""
    return min((index for index, news in memory.news if news.recorded_at >= at), default=size)


def happened(memory: Memory, start: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The counters that the news from index `start` on turn, with their labels after namespace and sync."""
    for index, news in memory.news:
        if index < start:
            continue
        match news:
            case entry.Verdict(key=key, verdict=verdict):
                yield "promotions", (stage_of(parse_key(key)), verdict)
            case entry.Drift(stage=stage):
                yield "drift_found", (stage,)
            case entry.Alarm(type=kind):
                yield "alarms", (kind,)
            case entry.Outcome(intent=intent, result=result):
                tried = memory.intents[intent]
                stage = stage_of(parse_key(tried.key))
                yield "applied", (stage, result)
                if tried.cause.kind == DRIFT and result == "applied":
                    yield "drift_corrected", (stage,)


def _pending(memory: Memory) -> tuple[Waiting, ...]:
    since: dict[str, list[datetime]] = {}
    for key, promotion in memory.open.items():
        since.setdefault(stage_of(key), []).append(memory.pending_since[promotion.id][1])
    return tuple(Waiting(stage=stage, count=len(at), oldest=min(at)) for stage, at in sorted(since.items()))


def _counts(memory: Memory, report: SyncReport) -> tuple[tuple[str, int], ...]:
    governed = {key for key in memory.authorized if isinstance(key, StageKey)}
    blocked = {b.key for b in report.blocked} | {a.pair.key for a in report.applied if a.result == "blocked"}
    last = {applied.pair.key: applied for applied in report.applied}
    away = {key for key, applied in last.items() if applied.result != "applied"}
    drifted = {key for key in away if last[key].pair.drift} - blocked
    return (
        ("synced", len(governed - blocked - away)),
        ("pending", len(memory.open)),
        ("blocked", len(blocked)),
        ("drifted", len(drifted)),
        ("unmanaged", report.unmanaged),
    )
