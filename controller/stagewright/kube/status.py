"""The status of a RegistrySync, from an attempt at it and from the status before: the same attempt, the same status."""

from collections.abc import Mapping
from typing import Any

from stagewright.kube.attempt import Attempt
from stagewright.kube.conditions import ConditionType, conditions, sentence, stamp
from stagewright.kube.findings import findings_of
from stagewright.kube.picture import picture_of
from stagewright.ledger.checkpoint import checkpoint_of
from stagewright.ledger.note import parse_note
from stagewright.schema.custom_resource import REQUESTED_AT

MAX_HISTORY = 10
MAX_CHECKPOINT = 8192

Status = dict[str, Any]


def status_of(attempt: Attempt) -> Status:
    """The whole status; what the attempt could not tell stays as it was. Nothing in it is None.

    `counts` need the ledger's memory, so a dry run leaves them as they were.
    """
    before: Mapping[str, Any] = attempt.found.get("status") or {}
    metadata = attempt.found["metadata"]
    generation = metadata.get("generation", 0)
    told = conditions(findings_of(attempt), before.get("conditions") or (), generation=generation, at=attempt.at)
    ready = next(condition for condition in told if condition["type"] == ConditionType.READY)
    status: Status = {"observedGeneration": generation, "conditions": told}
    requested = (metadata.get("annotations") or {}).get(REQUESTED_AT)
    status["lastHandledReconcileAt"] = sentence(requested) if isinstance(requested, str) else None
    status |= _revisions(attempt, before, ready["status"] == "True")
    status["counts"] = _counts(attempt) or before.get("counts")
    status["ledger"] = _ledger(attempt, before)
    status["history"] = _history(attempt, before, ready)
    return {key: value for key, value in status.items() if value is not None}


def _revisions(attempt: Attempt, before: Mapping[str, Any], ready: bool) -> Status:
    """How far the branch and the registry are."""
    kept = {key: before.get(key) for key in ("revision", "lastAttemptedRevision", "lastAppliedRevision")}
    report = attempt.report
    if report is None or attempt.resource is None:
        return kept
    found = {"lastAttemptedRevision": report.head or kept["lastAttemptedRevision"]}
    if not attempt.resource.sync.dry_run:
        found["revision"] = f"{attempt.resource.sync.branch}@{report.revision[:12]}"
        if ready:
            found["lastAppliedRevision"] = report.revision
    return kept | found


def _counts(attempt: Attempt) -> dict[str, int] | None:
    # where it stalls, nothing is compared with the registry
    if attempt.memory is None or attempt.report is None or attempt.report.stalled:
        return None
    return dict(picture_of(attempt.memory, attempt.report).counts)


def _ledger(attempt: Attempt, before: Mapping[str, Any]) -> Status | None:
    """The last checkpoint known, whole and in parts; the controller takes it for what it is only by its signature."""
    kept: Status | None = before.get("ledger")
    if attempt.checkpoint is None or len(attempt.checkpoint) > MAX_CHECKPOINT:
        return kept
    text = attempt.checkpoint.decode()
    if kept is not None and kept.get("checkpoint") == text:
        return kept
    checkpoint = checkpoint_of(parse_note(attempt.checkpoint))
    made: Status = {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "checkpoint": text,
    }
    return (kept or {}) | made


def _history(attempt: Attempt, before: Mapping[str, Any], ready: Mapping[str, Any]) -> list[Status] | None:
    """Recent attempts, the newest first: those that wrote something, or ended otherwise than the one before."""
    kept: list[Status] = list(before.get("history") or [])
    report = attempt.report
    written = report.ledger_size - ((before.get("ledger") or {}).get("size") or 0) if report is not None else 0
    if written <= 0 and kept and kept[0].get("result") == ready["reason"]:
        return kept
    wrote = f"Entries written to the ledger: {written}. " if written > 0 else ""
    made: Status = {
        "at": stamp(attempt.at),
        "revision": report.revision if report is not None else None,
        "result": ready["reason"],
        "message": sentence(f"{wrote}{ready['message']}"),
    }
    same = bool(kept) and all(kept[0].get(key) == made[key] for key in ("revision", "result", "message"))
    if same:
        return kept
    return [{key: value for key, value in made.items() if value is not None}, *kept][:MAX_HISTORY]
