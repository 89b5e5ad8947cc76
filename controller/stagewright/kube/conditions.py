"""The conditions of a RegistrySync: what each means, and how findings become them.

`Ready` is the summary. `Reconciling` and `Stalled` are there only while they are True (as kstatus wants them); the
others stay as they were last found when an attempt could not tell.

    - type: Ready
      status: "False"
      reason: RegistryUnreachable
      message: "MLflow at https://mlflow.example does not answer: ConnectTimeout (is it running, …?)"
      observedGeneration: 3
      lastTransitionTime: "2026-11-24T09:00:00Z"
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

MAX_MESSAGE_BYTES = 1024
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")

Standing = Literal["True", "False", "Unknown"]


class ConditionType(StrEnum):
    """What there is to tell of an object, in the order in which it is told."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    HISTORY_VERIFIED = "HistoryVerified"
    SIGNED_OFF = "SignedOff"
    LEDGER_SOUND = "LedgerSound"
    REGISTRY_REACHABLE = "RegistryReachable"
    FORGE_REACHABLE = "ForgeReachable"


# there only while they are True
ABNORMAL = frozenset({ConditionType.RECONCILING, ConditionType.STALLED})


class Reason(StrEnum):
    """Why a condition is as it is, in one word for programs."""

    # all is well
    SYNCED = "Synced"
    DRY_RUN = "DryRun"
    VERIFIED = "Verified"
    SIGNED_OFF = "SignedOff"
    ANSWERED = "Answered"
    # not an error
    SUSPENDED = "Suspended"
    PENDING = "Pending"
    RETRYING = "Retrying"
    WAITING = "Waiting"
    # the authors of documents and promotions act
    REFUSED = "Refused"
    INVALID_DOCUMENTS = "InvalidDocuments"
    BLOCKED = "Blocked"
    # whoever keeps the object acts
    INVALID_SPEC = "InvalidSpec"
    INVALID_CONFIGURATION = "InvalidConfiguration"
    REFERENCE_NOT_FOUND = "ReferenceNotFound"
    NOT_FOUND = "NotFound"
    REGISTRY_CLAIMED = "RegistryClaimed"
    CONFIGURATION_MOVED = "ConfigurationMoved"
    HISTORY_REWRITTEN = "HistoryRewritten"
    PERSON_NEEDED = "PersonNeeded"
    LEDGER_DAMAGED = "LedgerDamaged"
    LEDGER_MISSING = "LedgerMissing"
    LEDGER_DISCONTINUOUS = "LedgerDiscontinuous"
    # a retry may do
    ACCESS_DENIED = "AccessDenied"
    FOREIGN_ANSWER = "ForeignAnswer"
    UNREACHABLE = "Unreachable"
    REGISTRY_UNREACHABLE = "RegistryUnreachable"
    FORGE_UNREACHABLE = "ForgeUnreachable"
    LEDGER_BUSY = "LedgerBusy"
    APPLY_FAILED = "ApplyFailed"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one condition stands after an attempt."""

    type: ConditionType
    status: Standing
    reason: Reason
    message: str


def conditions(
    findings: Sequence[Finding], before: Sequence[Mapping[str, Any]], *, generation: int, at: datetime
) -> list[dict[str, Any]]:
    """The findings as the API has them, in order, with the conditions of `before` that nothing was found about.

    `lastTransitionTime` is `at` where the status is not what it was, else what it was.
    """
    found = {finding.type: finding for finding in findings}
    old = {str(condition.get("type")): condition for condition in before}
    made = []
    for kind in ConditionType:
        finding, kept = found.get(kind), old.get(kind)
        if finding is None:
            if kept is not None and kind not in ABNORMAL:
                made.append(dict(kept))
            continue
        same = kept is not None and kept.get("status") == finding.status and "lastTransitionTime" in kept
        made.append(
            {
                "type": str(kind),
                "status": finding.status,
                "reason": str(finding.reason),
                "message": sentence(finding.message),
                "observedGeneration": generation,
                "lastTransitionTime": kept["lastTransitionTime"] if kept and same else stamp(at),
            }
        )
    return made


def sentence(text: str) -> str:
    """Anybody's text in one line of at most MAX_MESSAGE_BYTES, without what a URL may hold before its host."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    line = _CREDENTIALS.sub("…@", line)
    data = line.encode("utf-8", "replace")
    if len(data) <= MAX_MESSAGE_BYTES:
        return data.decode()
    return f"{data[: MAX_MESSAGE_BYTES - 3].decode(errors='ignore')}…"


def stamp(time: datetime) -> str:
    """A time as the API spells it: `2026-11-24T09:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
