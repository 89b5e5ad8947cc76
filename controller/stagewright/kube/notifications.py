"""Which news there is to tell, and to whom: decisions over values.

Everything but reminders is an entry of the ledger, told by its index: where a receiver was told up to is one number,
and after a crash it is told again under the same id. Reminders come from how long a promotion waits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from stagewright.app.memory import Memory, News
from stagewright.errors import InvalidError
from stagewright.kube.observer import ObjectRef
from stagewright.kube.picture import stage_of
from stagewright.ledger import predicates as entry
from stagewright.ledger.records import format_time
from stagewright.model.codec import Json
from stagewright.model.custom_resource import NotificationFilter
from stagewright.model.keys import GovernanceKey, Key, parse_key
from stagewright.model.notification import Message

REMIND_EVERY = timedelta(hours=24)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waited:
    """Why a reminder is due: it waits since then, for so long, and should have been reviewed after `target`."""

    since: datetime
    span: timedelta
    target: timedelta | None

    @property
    def overdue(self) -> bool:
        return self.target is not None and self.span >= self.target


def messages(ref: ObjectRef, memory: Memory, start: int) -> Iterator[tuple[int, Message]]:
    """The news from index `start` on, in order, each with its index."""
    for index, news in memory.news:
        made = _message(ref, memory, index, news) if index >= start else None
        if made is not None:
            yield index, made


def reminders(ref: ObjectRef, memory: Memory, now: datetime, targets: Mapping[str, timedelta]) -> tuple[Message, ...]:
    """For each promotion that waits for long, the reminder that was due last.

    One is due each day, and when a review should be done: `targets` says for each promotion how long it should take.
    """
    found = []
    for promotion in memory.open.values():
        index, since = memory.pending_since[promotion.id]
        target, waits = targets.get(promotion.id), now - since
        spans = (waits // REMIND_EVERY * REMIND_EVERY, target)
        # a reconcile is dated by its beginning, and what it found waiting just now waits since later
        due = [span for span in spans if span is not None and timedelta(0) < span <= waits]
        if due:
            waited = _Waited(since=since, span=max(due), target=target)
            _, verdict = memory.verdicts[promotion.id]
            found.append(_verdict(ref, memory, f"{index}/{_spelled(waited.span)}", verdict, waited))
    return tuple(found)


def wanted(choice: NotificationFilter, message: Message) -> bool:
    """Whether a filter lets a message through. What is about no model or stage concerns all of them."""
    return (
        message.kind in choice.kinds
        and (choice.stages is None or not message.stage or message.stage in choice.stages)
        and (choice.models is None or not message.model or message.model in choice.models)
    )


def _message(ref: ObjectRef, memory: Memory, index: int, news: News) -> Message | None:
    match news:
        case entry.Verdict():
            return _verdict(ref, memory, str(index), news)
        case entry.Outcome(result="none"):
            return None  # planned anew within the same sync
        case entry.Outcome():
            return _outcome(ref, memory, index, news)
        case entry.Drift():
            return _drift(ref, memory, index, news)
        case entry.Alarm():
            return _alarm(ref, memory, index, news)


def _verdict(
    ref: ObjectRef, memory: Memory, name: str, verdict: entry.Verdict, waited: _Waited | None = None
) -> Message:
    model, stage = _place(verdict.key)
    missing = [f"{r.rule}: {r.name}: {r.detail}" for r in verdict.requirements if r.state != "satisfied"]
    details: dict[str, Json] = {
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "missing": list(missing),
        "proposer": (verdict.proposer.login or None) if verdict.proposer else None,
        "from": _version(verdict.from_),
        "to": _version(verdict.to),
    }
    summary, at = f"{verdict.key} is {verdict.verdict}: {verdict.reason}", verdict.recorded_at
    if verdict.verdict == "pending":
        summary = f"{verdict.key} is merged and waits: {len(missing)} of its requirements are not satisfied yet"
        details["waitingSince"] = format_time(memory.pending_since[verdict.promotion][1])
    if waited is not None:
        at = waited.since + waited.span
        late = ", and should have been reviewed by now" if waited.overdue else ""
        summary = f"{verdict.key} has waited for {_spelled(waited.span)}{late}"
        details |= {
            "waitingHours": waited.span / _HOUR,
            "reviewDue": format_time(waited.since + waited.target) if waited.target is not None else None,
            "overdue": waited.overdue,
        }
    return Message(
        id=name,
        origin=memory.genesis.origin,
        kind="pending" if verdict.verdict == "pending" else "verdict",
        at=at,
        namespace=ref.namespace,
        sync=ref.name,
        subject=verdict.key,
        model=model,
        stage=stage,
        summary=summary,
        promotion=verdict.promotion,
        commit=verdict.commit,
        pull_url=verdict.pull.url if verdict.pull else None,
        pull_title=verdict.pull.title if verdict.pull else None,
        details=details,
    )


def _outcome(ref: ObjectRef, memory: Memory, index: int, outcome: entry.Outcome) -> Message:
    tried = memory.intents[outcome.intent]
    model, stage = _place(tried.key)
    moves = ", ".join(f"{a.target}: {a.before or 'nobody'} to {a.after or 'nobody'}" for a in tried.actions)
    said = {"applied": f"{tried.key} is in MLflow ({moves})", "failed": f"{tried.key} could not be written to MLflow"}
    return Message(
        id=str(index),
        origin=memory.genesis.origin,
        kind="applied",
        at=outcome.recorded_at,
        namespace=ref.namespace,
        sync=ref.name,
        subject=tried.key,
        model=model,
        stage=stage,
        summary=said.get(outcome.result, f"nobody can tell what became of {tried.key} in MLflow"),
        promotion=tried.cause.id if tried.cause.kind == "promotion" else None,
        details={
            "result": outcome.result,
            "cause": tried.cause.kind,
            "recovered": outcome.recovered,
            "error": outcome.error,
            "changes": [
                {"model": a.model, "kind": a.type, "target": a.target, "before": a.before, "after": a.after}
                for a in tried.actions
            ],
        },
    )


def _drift(ref: ObjectRef, memory: Memory, index: int, drift: entry.Drift) -> Message:
    subject = f"{drift.model}/{drift.stage}"
    done = "it is put back" if drift.decision == "corrected" else "it is left, as the model's mode says"
    return Message(
        id=str(index),
        origin=memory.genesis.origin,
        kind="drift",
        at=drift.recorded_at,
        namespace=ref.namespace,
        sync=ref.name,
        subject=subject,
        model=drift.model,
        stage=drift.stage,
        summary=f"{subject} was changed in MLflow and nobody promoted that; {done}",
        details={"decision": drift.decision, "expected": drift.expected, "found": drift.found},
    )


def _alarm(ref: ObjectRef, memory: Memory, index: int, alarm: entry.Alarm) -> Message:
    model, stage = _place(alarm.subject.partition(" ")[0])
    return Message(
        id=str(index),
        origin=memory.genesis.origin,
        kind="alarm",
        at=alarm.recorded_at,
        namespace=ref.namespace,
        sync=ref.name,
        subject=alarm.subject,
        model=model,
        stage=stage,
        summary=f"alarm ({alarm.type}) on {alarm.subject}: {alarm.message}",
        details={"type": alarm.type, "message": alarm.message},
    )


def _place(text: str) -> tuple[str, str]:
    """Model and stage of a key as text; empty where it is about neither, such as the alarm on `history`."""
    try:
        key: Key = parse_key(text)
    except InvalidError:
        return "", ""
    return ("", stage_of(key)) if isinstance(key, GovernanceKey) else (key.model, stage_of(key))


def _version(value: JsonValue) -> Json:
    """The version that a stage's value names; None where it names none."""
    return value.get("version") if isinstance(value, dict) and isinstance(value.get("version"), int) else None


def _spelled(span: timedelta) -> str:
    """`48h`, or in minutes where that is no whole number: `90m`."""
    hours, rest = divmod(span, _HOUR)
    return f"{span // timedelta(minutes=1)}m" if rest else f"{hours}h"
