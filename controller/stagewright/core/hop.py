"""The deployment hop: which sightings of workloads are news, and which workloads have to be rolled."""

from collections.abc import Mapping
from datetime import datetime

from stagewright.model.keys import StageKey
from stagewright.model.workload import Move, Sighting, Workload


def news(
    known: Mapping[str, Sighting], seen: tuple[Workload, ...], gone: frozenset[str], now: datetime
) -> tuple[tuple[Sighting, ...], tuple[Sighting, ...]]:
    """What has ended and what has begun, each in the order of namespace, kind and name.

    `known` is by uid. `gone` are uids that are not there any more: one that is merely being rolled out is neither seen
    nor gone, and stays as it was last seen.
    """
    begun = tuple(
        Sighting(workload=workload, since=now)
        for workload in sorted(seen, key=_order)
        if workload.uid not in known or _told(known[workload.uid].workload) != _told(workload)
    )
    again = {sighting.workload.uid for sighting in begun}
    ended = tuple(
        known[uid]
        for uid in sorted(known, key=lambda uid: _order(known[uid].workload))
        if uid in gone or (uid in again and uid in known)
    )
    return ended, begun


def due(seen: tuple[Workload, ...], moves: Mapping[StageKey, Move]) -> tuple[tuple[Workload, int], ...]:
    """The workloads to roll, each with the intent that it is rolled for.

    A workload is rolled once for each change of its stage, and not for one that is older than itself: it began with it.
    """
    found = []
    for workload in sorted(seen, key=_order):
        move = moves.get(StageKey(workload.model, workload.stage))
        if move is None or not workload.may_roll:
            continue
        done = workload.rolled_for is not None and workload.rolled_for >= move.intent
        if not done and (workload.rolled_for is not None or workload.created_at <= move.at):
            found.append((workload, move.intent))
    return tuple(found)


def _told(workload: Workload) -> tuple[object, ...]:
    """What of a workload the ledger tells; what it allows and when it was made is not news."""
    return (
        workload.kind, workload.namespace, workload.name, workload.model, workload.stage,
        workload.images, workload.version, workload.rolled_for,
    )  # fmt: skip


def _order(workload: Workload) -> tuple[str, str, str, str]:
    return workload.namespace, workload.kind, workload.name, workload.uid
