"""What happened, as Events on a RegistrySync: only what is new, with the promotion's id, never once per loop.

The ledger is written only on change, so its new entries are what happened. Conditions tell what is; an Event is made
of one that changed.

    kubectl get events --field-selector involvedObject.name=bank
    Normal   PromotionApproved   credit-risk/Production: approved … (promotion 4f1c9a20d3e5)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stagewright.app.memory import Memory
from stagewright.ledger import predicates as entry

# In one sync; one more tells how many there were besides.
MAX_EVENTS = 25
MAX_NOTE = 1000

Severity = Literal["Normal", "Warning"]
_VERDICTS: Mapping[str, tuple[Severity, str]] = {
    "approved": ("Normal", "PromotionApproved"),
    "pending": ("Normal", "PromotionPending"),
    "refused": ("Warning", "PromotionRefused"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One Event of `events.k8s.io/v1`. `action` is what was done, `note` a sentence for people."""

    severity: Severity
    reason: str
    action: str
    note: str


def happenings(memory: Memory, since: int) -> tuple[Happening, ...]:
    """What the ledger's entries from index `since` on tell, the oldest first, MAX_EVENTS and one more at most."""
    found = [_of(item, memory) for index, item in memory.news if index >= since]
    told = [happening for happening in found if happening is not None]
    if len(told) <= MAX_EVENTS:
        return tuple(told)
    more = Happening(
        severity="Normal",
        reason="MoreHappened",
        action="Sync",
        note=f"{len(told) - MAX_EVENTS} more entries: `stagewright ledger log` shows them all",
    )
    return (*told[:MAX_EVENTS], more)


def transition(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> tuple[Happening, ...]:
    """An Event where `Ready` turned, or is for another reason what it was; both are lists of conditions."""
    old, new = _ready(before), _ready(after)
    if new is None or old == new:
        return ()
    status, reason = new
    message = next(str(c.get("message", "")) for c in after if c.get("type") == "Ready")
    return (
        Happening(
            severity="Normal" if status == "True" else "Warning", reason=reason, action="Sync", note=_note(message)
        ),
    )


def _ready(conditions: Sequence[Mapping[str, Any]]) -> tuple[str, str] | None:
    return next(((str(c.get("status")), str(c.get("reason"))) for c in conditions if c.get("type") == "Ready"), None)


def _of(item: entry.Verdict | entry.Outcome | entry.Drift | entry.Alarm, memory: Memory) -> Happening | None:
    match item:
        case entry.Verdict():
            severity, reason = _VERDICTS[item.verdict]
            note = f"{item.key}: {item.verdict}, {item.reason} (promotion {item.promotion[:12]})"
            return Happening(severity=severity, reason=reason, action="Judge", note=_note(note))
        case entry.Outcome():
            intent = memory.intents[item.intent]
            moves = ", ".join(f"{a.target}: {a.before or 'nobody'} → {a.after or 'nobody'}" for a in intent.actions)
            cause = f"{intent.cause.kind} {intent.cause.id[:12]}, intent {item.intent}"
            good = item.result == "applied"
            reason = ("DriftCorrected" if intent.cause.kind == "drift" else "Applied") if good else "ApplyFailed"
            note = f"{intent.key}: {item.result}, {moves or 'nothing to move'} ({cause})"
            if item.error and not good:
                note = f"{note}: {item.error}"
            return Happening(severity="Normal" if good else "Warning", reason=reason, action="Apply", note=_note(note))
        case entry.Drift():
            note = f"{item.model}/{item.stage}: the registry differs from what is authorized, {item.decision}"
            return Happening(severity="Warning", reason="DriftFound", action="Compare", note=_note(note))
        case entry.Alarm():
            return Happening(
                severity="Warning", reason="Alarm", action="Sync", note=_note(f"{item.subject}: {item.message}")
            )


def _note(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_NOTE else f"{line[: MAX_NOTE - 1]}…"
