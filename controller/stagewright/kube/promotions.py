"""The queue of promotions as objects of the cluster: a view of the ledger, bounded, and written where it changed.

    kubectl get promotions
    NAME                MODEL        STAGE       FROM  TO  PR  VERDICT  MISSING                       AGE
    bank-4f1c9a20d3e5   credit-risk  Production  8     9   41  pending  approvals: 1 of 2, mrm: none  3m

Everything in it is in the ledger, which alone is the record: who deletes or edits a row changes nothing, and sees it
come back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stagewright.app.memory import Memory
from stagewright.ledger import predicates as entry
from stagewright.model.keys import GOVERNANCE_TEXT, SPEC_TEXT, GovernanceKey, Key, SpecKey, StageKey, parse_key
from stagewright.model.plan import Blocked

API_VERSION = "stagewright.dev/v1alpha1"
KIND = "Promotion"
SYNC_LABEL = "stagewright.dev/sync"
MANAGED_BY = ("app.kubernetes.io/managed-by", "stagewright")

# What waits is shown up to this many, the newest first; of what is over only the newest.
OPEN_ROWS = 500
FINISHED_ROWS = 20
# In one sync; the next one goes on.
MAX_WRITES = 200
MAX_MISSING = 20
MAX_TEXT = 256

Object = Mapping[str, Any]
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One promotion as an object: its name, `spec` and `status`."""

    name: str
    spec: Object
    status: Object


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChanges:
    """What makes the objects there are into the rows there should be: to make, to put right, and to delete by name."""

    create: tuple[Row, ...]
    update: tuple[Row, ...]
    delete: tuple[str, ...]


def rows_of(sync: str, memory: Memory, blocked: Sequence[Blocked] = ()) -> tuple[Row, ...]:
    """The rows of the RegistrySync named `sync`, the newest first: what waits or is blocked, and the last ones over."""
    barred = {block.key: block.reason for block in blocked}
    applied = _applied(memory)
    waiting: list[Row] = []
    over: list[Row] = []
    for promotion, (index, verdict) in sorted(memory.verdicts.items(), key=lambda item: item[1][0], reverse=True):
        if len(waiting) == OPEN_ROWS and len(over) == FINISHED_ROWS:
            break
        key = parse_key(verdict.key)
        bar = barred.get(key) if memory.authorized_by.get(key) == promotion and isinstance(key, StageKey) else None
        is_open = promotion not in memory.superseded and (verdict.verdict == "pending" or bar is not None)
        place, most = (waiting, OPEN_ROWS) if is_open else (over, FINISHED_ROWS)
        if len(place) < most:
            place.append(_row(sync, memory, key, index, verdict, bar, applied.get(promotion)))
    return (*waiting, *over)


def changes(wanted: Sequence[Row], found: Mapping[str, Object]) -> RowChanges:
    """What has to be written, MAX_WRITES at most. `found` are the objects there are, by name."""
    create = [row for row in wanted if row.name not in found]
    update = [row for row in wanted if row.name in found and _differs(row, found[row.name])]
    names = {row.name for row in wanted}
    delete = sorted(name for name in found if name not in names)
    room = MAX_WRITES
    kept_delete = delete[:room]
    room -= len(kept_delete)
    kept_update = update[:room]
    room -= len(kept_update)
    return RowChanges(create=tuple(create[:room]), update=tuple(kept_update), delete=tuple(kept_delete))


def manifest(row: Row, *, sync: str, uid: str) -> dict[str, Any]:
    """The object of a row, without its status, owned by its RegistrySync: it goes where that goes."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": row.name,
            "labels": {SYNC_LABEL: sync, MANAGED_BY[0]: MANAGED_BY[1]},
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": "RegistrySync",
                    "name": sync,
                    "uid": uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": dict(row.spec),
    }


def _differs(row: Row, found: Object) -> bool:
    return bool(found.get("spec") != row.spec or found.get("status") != row.status)


def _row(
    sync: str,
    memory: Memory,
    key: Key,
    index: int,
    verdict: entry.Verdict,
    bar: str | None,
    applied: datetime | None,
) -> Row:
    model, stage = _names(key)
    spec = {
        "sync": sync,
        "promotionId": verdict.promotion,
        "model": model,
        "stage": stage,
        "from": shown(verdict.from_),
        "to": shown(verdict.to),
        "commit": verdict.commit,
        "pullRequest": _pull(verdict.pull),
        "proposer": _text(verdict.proposer.login or verdict.proposer.id) if verdict.proposer else None,
    }
    closed = verdict.promotion in memory.superseded
    lacking = [_text(f"{r.name}: {r.detail}") for r in verdict.requirements if r.state != "satisfied"]
    missing = [] if closed else ([_text(bar)] if bar is not None else lacking[:MAX_MISSING])
    since = memory.pending_since.get(verdict.promotion, (index, verdict.recorded_at))[1]
    status = {
        "verdict": "superseded" if closed else "blocked" if bar is not None else verdict.verdict,
        "missing": missing,
        # a column of kubectl shows a list as JSON
        "summary": _text("; ".join(missing)) if missing else None,
        "reason": _text(verdict.reason),
        "since": stamp(since),
        "decidedAt": stamp(verdict.recorded_at) if verdict.verdict != "pending" else None,
        "appliedAt": stamp(applied) if applied is not None else None,
        "ledgerIndex": index,
    }
    return Row(name=f"{sync}-{verdict.promotion[:12]}", spec=_present(spec), status=_present(status))


def _applied(memory: Memory) -> dict[str, datetime]:
    """When each promotion was applied last."""
    return {
        memory.intents[intent].cause.id: outcome.recorded_at
        for intent, (_, outcome) in memory.outcomes.items()
        if outcome.result == "applied" and memory.intents[intent].cause.kind == "promotion"
    }


def _names(key: Key) -> tuple[str, str]:
    match key:
        case GovernanceKey():
            return GOVERNANCE_TEXT, GOVERNANCE_TEXT
        case SpecKey(model):
            return model, SPEC_TEXT
        case StageKey(model, stage):
            return model, stage


def _pull(pull: entry.Pull | None) -> str | None:
    """`https://forge/…/pull/41` where the forge has pages; else what names it there, of a commit its beginning."""
    if pull is None:
        return None
    return _text(pull.url or (pull.id[:12] if _COMMIT.fullmatch(pull.id) else pull.id))


def shown(value: object) -> str:
    """A value of the ledger in a cell: a version, `none`, `-` where it is absent, or that it changed."""
    match value:
        case None:
            return "-"
        case "none":
            return "none"
        case {"version": int(version)}:
            return str(version)
        case _:
            return "changed"


def stamp(time: datetime) -> str:
    """A time as the API spells it: `2026-11-24T09:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(text: str) -> str:
    """Somebody's text in one short line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…"


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
