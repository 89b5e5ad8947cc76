"""One reconcile: an object of the cluster in, a sync, and what it came to written back.

The order is that of what must not be lost: the sync writes ledger and MLflow; rows and Events tell of it; the status,
which remembers how far was told, comes last. Whatever fails in between is told again by the next reconcile.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stagewright.errors import ConflictError, InvalidError, LeaseLostError, NotFoundError, StagewrightError
from stagewright.kube.attempt import Attempt, next_of, result_of
from stagewright.kube.caches import key_of
from stagewright.kube.consent import consent_of
from stagewright.kube.engines import EngineShelf
from stagewright.kube.events import Happening, happenings, transition
from stagewright.kube.observer import Courier, ObjectRef, Observer, Reconciled
from stagewright.kube.outside import Cache, Object, Objects, References
from stagewright.kube.picture import first_since
from stagewright.kube.queue import Fraction, Seconds, WorkQueue
from stagewright.kube.rows import RowWriter
from stagewright.model.custom_resource import Places
from stagewright.ports import Clock
from stagewright.schema.custom_resource import FINALIZER, REQUESTED_AT, parse_custom_resource

_log = logging.getLogger(__name__)

# Between two looks that webhooks ask for.
KNOCK_EVERY_S = 2.0

Statuses = Callable[[Attempt], Mapping[str, Any]]
"""The status that follows from an attempt and from the status before it."""

Conditioned = Callable[[ObjectRef, Iterable[tuple[str, str]]], None]
"""What hears of the conditions of an object, type and status, after each reconcile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Everything that a reconcile talks to. `leading` says whether this process may write.

    `tried` hears the uid of each object after an attempt at it, however that ended.
    """

    cache: Cache
    objects: Objects
    rows: RowWriter
    references: References
    engines: EngineShelf
    remove_engine: Callable[[str, str], None]
    statuses: Statuses
    observer: Observer
    courier: Courier | None
    conditions: Conditioned
    leading: Callable[[], bool]
    queue: WorkQueue[str]
    clock: Clock
    seconds: Seconds
    fraction: Fraction
    places: Places
    tried: Callable[[str], None] = lambda _uid: None


class Reconciler:
    """Reconciles one object after the other; a call for each worker, at most one for the same object."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._lock = threading.Lock()
        self._knocked: set[str] = set()
        self._knocked_at: dict[str, float] = {}

    def knock(self, key: str) -> None:
        """Have the object looked at now: the forge knocked, at this process or at any other.

        Knocks that come soon after one another wait for the end of KNOCK_EVERY_S, and come to one look: whoever repeats
        a genuine webhook can make nobody busy.
        """
        now = self._around.seconds()
        with self._lock:
            wait = max(0.0, self._knocked_at.get(key, float("-inf")) + KNOCK_EVERY_S - now)
            if wait == 0.0:
                self._knocked_at[key] = now
            if not self._around.leading():
                # its leader hears of it by way of the API server
                self._knocked.add(key)
        self._around.queue.add_after(key, wait)

    def reconcile(self, key: str) -> None:
        """Look at the object `namespace/name`, and say when it is due again."""
        around = self._around
        namespace, _, name = key.partition("/")
        found = around.cache.get(namespace, name)
        if found is None:
            self._forget(key)
        elif not around.leading():
            self._stand_by(found)
            with self._lock:
                knocked = key in self._knocked
                self._knocked.discard(key)
            if knocked:
                self._guarded(key, self._pass_on, found)
        elif found["metadata"].get("deletionTimestamp"):
            self._guarded(key, self._finalize, found)
        else:
            self._guarded(key, self._sync, found)

    def crashed(self, key: str, what: str) -> None:
        """Show on the object that a reconcile of it ended by an exception that nobody thought of."""
        around = self._around
        namespace, _, name = key.partition("/")
        found = around.cache.get(namespace, name)
        if found is None or not around.leading():
            return
        error = StagewrightError(f"the controller crashed: {what}", hint="report it; it is tried again meanwhile")
        attempt = Attempt(
            found=found,
            resource=around.references.resource(key),
            at=around.clock.now(),
            error=error,
            checkpoint=_checkpoint(found),
        )
        try:
            self._tell(found, attempt)
        except StagewrightError as untold:
            _log.warning("the cluster did not take the status: %s", untold, extra={"sync": key})

    def _guarded(self, key: str, step: Callable[[str, Object], None], found: Object) -> None:
        """Do it; what the cluster did not take is tried again after the object's back-off."""
        try:
            step(key, found)
        except LeaseLostError as error:
            # it may be ours still, or again: then it goes on
            self._around.queue.add_rate_limited(key)
            _log.info("left to whoever leads: %s", error, extra={"sync": key})
        except (ConflictError, NotFoundError):
            # the cache is behind, and will have caught up by then; an object that is gone is let go then
            self._around.queue.add_rate_limited(key)
        except StagewrightError as error:
            delay = self._around.queue.add_rate_limited(key)
            _log.warning("the cluster did not take it, again in %.0f s: %s", delay, error, extra={"sync": key})

    def _stand_by(self, found: Object) -> None:
        """Have the files at hand that webhooks are checked with, and that a take-over needs."""
        try:
            self._around.references.materialise(parse_custom_resource(found, places=self._around.places))
        except StagewrightError as error:
            _log.debug("not at hand yet: %s", error, extra={"sync": key_of(found)})
        else:
            _log.debug("standing by with what it refers to", extra={"sync": key_of(found)})

    def _pass_on(self, _key: str, found: Object) -> None:
        """Tell the process that leads that the forge knocked."""
        metadata = found["metadata"]
        at = f"webhook at {self._around.clock.now():%Y-%m-%dT%H:%M:%S.%fZ}"
        self._around.objects.annotate(metadata["namespace"], metadata["name"], REQUESTED_AT, at)

    def _forget(self, key: str) -> None:
        """Forget an object that is gone."""
        around = self._around
        around.queue.discard(key)
        with self._lock:
            self._knocked.discard(key)
            self._knocked_at.pop(key, None)
        namespace, _, name = key.partition("/")
        uid = around.engines.drop(key)
        for gone in around.references.forget_object(namespace, name) | ({uid} if uid else set()):
            around.remove_engine(namespace, gone)
            around.observer.forgotten(ObjectRef(namespace=namespace, name=name, uid=gone))

    def _finalize(self, key: str, found: Object) -> None:
        """Remove what is ours in the cluster and on the disk; never the ledger, never anything in MLflow."""
        around = self._around
        metadata = found["metadata"]
        namespace, name, uid = metadata["namespace"], metadata["name"], metadata["uid"]
        around.rows.remove(namespace, name)
        self._forget(key)
        # what was made before a restart is not remembered
        around.references.forget_object(namespace, name, uid)
        around.remove_engine(namespace, uid)
        finalizers = [f for f in metadata.get("finalizers") or [] if f != FINALIZER]
        if finalizers != metadata.get("finalizers"):
            around.objects.set_finalizers(found, finalizers)
        _log.info("let go: the ledger and MLflow stay as they are", extra={"sync": key})

    def _sync(self, key: str, found: Object) -> None:
        around = self._around
        finalizers = list(found["metadata"].get("finalizers") or [])
        if FINALIZER not in finalizers:
            found = around.objects.set_finalizers(found, [*finalizers, FINALIZER])
        at, began = around.clock.now(), around.seconds()
        try:
            attempt = self._attempt(found, Attempt(found=found, resource=None, at=at))
        finally:
            around.tried(found["metadata"]["uid"])
        done = Reconciled(
            ref=_ref(found),
            resource=attempt.resource,
            result=result_of(attempt),
            at=at,
            duration_s=around.seconds() - began,
            report=attempt.report,
            memory=attempt.memory,
            error=attempt.error,
            since=_since(attempt),
        )
        around.observer.reconciled(done)
        if around.leading():
            self._tell(found, attempt)
        self._schedule(key, attempt)

    def _attempt(self, found: Object, attempt: Attempt) -> Attempt:
        """Understand the object, fetch what it refers to, and sync."""
        around = self._around
        kept = _checkpoint(found)
        try:
            resource = parse_custom_resource(found, places=around.places)
        except InvalidError as error:
            return replace(attempt, error=error, checkpoint=kept)
        attempt = replace(attempt, resource=resource, checkpoint=kept)
        if resource.sync.suspend:
            return attempt
        engine = None
        try:
            engine = around.engines.engine(resource, around.references.materialise(resource), kept)
            report = engine.sync(consent_of(found))
        except LeaseLostError:
            raise
        except StagewrightError as error:
            attempt = replace(attempt, error=error)
        else:
            attempt = replace(attempt, report=report)
        if engine is None:
            return attempt
        return replace(attempt, memory=engine.memory, checkpoint=engine.checkpoint or kept)

    def _tell(self, found: Object, attempt: Attempt) -> None:
        """Rows, Events, status: in this order, so that what was not told is told by the next reconcile."""
        around = self._around
        told: list[Happening] = []
        if attempt.memory is not None and attempt.report is not None:
            around.rows.write(found, attempt.memory, attempt.report.blocked)
        if attempt.memory is not None:
            told += happenings(attempt.memory, _told_up_to(attempt))
        status = self._status(attempt)
        conditions = status.get("conditions") or []
        around.conditions(_ref(found), [(str(c["type"]), str(c["status"])) for c in conditions])
        before = found.get("status") or {}
        told += transition(before.get("conditions") or [], conditions)
        for happening in told:
            self._emit(found, happening, attempt)
        try:
            around.objects.set_status(found, status)
        except ConflictError:
            self._again(found, attempt)

    def _again(self, found: Object, attempt: Attempt) -> None:
        """Set the status of an object that changed while it was synced; unless it is another one by now."""
        metadata = found["metadata"]
        now = self._around.objects.read(metadata["namespace"], metadata["name"])
        if now is None or now["metadata"]["uid"] != metadata["uid"]:
            return
        self._around.objects.set_status(now, self._status(replace(attempt, found=now)))

    def _status(self, attempt: Attempt) -> dict[str, Any]:
        status = dict(self._around.statuses(attempt))
        if "ledger" in status:
            passed_on = self._around.courier.passed_on(_ref(attempt.found)) if self._around.courier else None
            status["ledger"] = {**status["ledger"], "delivered": _since(attempt) if passed_on is None else passed_on}
        return status

    def _emit(self, found: Object, happening: Happening, attempt: Attempt) -> None:
        try:
            self._around.objects.emit(
                found,
                severity=happening.severity,
                reason=happening.reason,
                action=happening.action,
                note=happening.note,
                at=attempt.at,
            )
        except StagewrightError as error:
            # an Event is a courtesy: the ledger and the status have it, too
            _log.warning("an Event was not taken: %s", error)

    def _schedule(self, key: str, attempt: Attempt) -> None:
        queue = self._around.queue
        due = next_of(attempt, self._around.fraction())
        if due.failed:
            delay = queue.add_rate_limited(key, at_least_s=due.after_s or 0.0)
            why = attempt.error or (attempt.report.waiting if attempt.report else "")
            _log.warning("again in %.0f s: %s", delay, why, extra={"sync": key})
            return
        queue.forget(key)
        if due.after_s is not None:
            queue.add_after(key, due.after_s)


def _ref(found: Object) -> ObjectRef:
    metadata = found["metadata"]
    return ObjectRef(namespace=metadata["namespace"], name=metadata["name"], uid=metadata["uid"])


def _checkpoint(found: Object) -> bytes | None:
    """The signed note in `status.ledger.checkpoint`."""
    text = (found.get("status") or {}).get("ledger", {}).get("checkpoint")
    return text.encode() if isinstance(text, str) and text else None


def _told_up_to(attempt: Attempt) -> int:
    """From which entry of the ledger on the status has not told yet."""
    return _entry(attempt, "size")


def _since(attempt: Attempt) -> int:
    """From which entry of the ledger on news is to be passed on."""
    return _entry(attempt, "delivered")


def _entry(attempt: Attempt, field: str) -> int:
    """A place in the ledger that the status names. Whoever may write the status can name any: none beyond the end."""
    place = ((attempt.found.get("status") or {}).get("ledger") or {}).get(field)
    if not isinstance(place, int) or isinstance(place, bool):
        return _beginning(attempt)
    end = _end(attempt)
    return max(0, place) if end is None else max(0, min(place, end))


def _end(attempt: Attempt) -> int | None:
    """How many entries the ledger has, where this attempt came so far as to know."""
    if attempt.report is not None:
        return attempt.report.ledger_size
    if attempt.memory is None:
        return None
    return attempt.memory.news[-1][0] + 1 if attempt.memory.news else 0


def _beginning(attempt: Attempt) -> int:
    """Where a status that says nothing begins: what is older than this attempt is history, and no news."""
    if attempt.memory is None:
        return 0
    return first_since(attempt.memory, attempt.at, attempt.report.ledger_size if attempt.report else 0)
