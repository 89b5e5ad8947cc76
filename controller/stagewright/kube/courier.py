"""Passes news on to the receivers that each object names, at least once, and keeps nobody waiting for it.

Where a receiver was told up to is one index of the ledger. News is taken from the memory of each reconcile anew, from
that index on: so what is lost in a crash is taken again, and nothing piles up here. `passed_on` is the lowest of an
object's indices; the controller keeps it in the object's status. A receiver that fails is tried again with back-off,
and holds up only itself: its news comes in order.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Protocol

from stagewright.app.memory import Memory
from stagewright.errors import StagewrightError, UnreachableError
from stagewright.kube.logs import log_context
from stagewright.kube.metrics import Metrics
from stagewright.kube.notifications import messages, reminders, wanted
from stagewright.kube.observer import ObjectRef, Reconciled
from stagewright.kube.queue import WorkQueue
from stagewright.model.custom_resource import Notification
from stagewright.model.notification import Message
from stagewright.ports import Clock

_log = logging.getLogger(__name__)
# What is taken of an object's news for one receiver at a time; the next reconcile takes the rest.
BATCH = 100
# What one receiver is sent before the others have their turn.
TURN = 10


class Channel(Protocol):
    """A way to a receiver."""

    def deliver(self, message: Message, now: datetime) -> None:
        """Hand a message over. StagewrightError: it may not have arrived, and is sent again."""
        ...


@dataclass(slots=True, kw_only=True)
class _Receiver:
    """One receiver. It was told all news before index `told`; once `due` is delivered, all before `upto`."""

    key: str
    ref: ObjectRef
    target: Notification
    told: int
    upto: int
    due: list[tuple[int, Message]] = field(default_factory=list)
    # what there was no room for in `due`
    more: int = 0
    reminders: list[Message] = field(default_factory=list)
    reminded: dict[str, str] = field(default_factory=dict)
    failing: bool = False

    def take(self, memory: Memory, size: int, due: tuple[Message, ...] | None) -> None:
        """Take what is to be told from a memory, and the reminders that are due; None: that could not be told."""
        fresh = [
            (index, message)
            for index, message in messages(self.ref, memory, self.told)
            if wanted(self.target.filter, message)
        ]
        self.due, self.more = fresh[:BATCH], len(fresh[BATCH:])
        self.upto = fresh[BATCH][0] if self.more else size
        if due is not None:
            waiting = [reminder for reminder in due if wanted(self.target.filter, reminder)]
            self.reminders = [r for r in waiting if self.reminded.get(str(r.promotion)) != r.id]
            still = {str(r.promotion) for r in waiting}
            self.reminded = {promotion: name for promotion, name in self.reminded.items() if promotion in still}
        self._advance()

    def next(self) -> Message | None:
        """What comes next."""
        return self.due[0][1] if self.due else self.reminders[0] if self.reminders else None

    def delivered(self, message: Message) -> None:
        """Take note that a message arrived."""
        if message in self.reminders:
            self.reminders.remove(message)
            self.reminded[str(message.promotion)] = message.id
        elif self.due and self.due[0][1] == message:
            self.told = self.due.pop(0)[0] + 1
        self._advance()

    def _advance(self) -> None:
        if not self.due:
            self.told = max(self.told, self.upto)

    @property
    def waiting(self) -> int:
        """How much is due."""
        return len(self.due) + self.more + len(self.reminders)


@dataclass(slots=True, kw_only=True)
class _Box:
    """What is known of one object: its receivers, and how long its ledger was when they were looked at."""

    size: int
    receivers: list[_Receiver]


class NotificationCourier:
    """An `Observer` and a `Courier`. `take_turn` is for the workers of `queue`; every method may be called at once."""

    def __init__(
        self,
        queue: WorkQueue[str],
        *,
        channels: Callable[[Notification], Channel],
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """`channels` makes the way to a receiver; it raises nothing, and neither asks nor reads anything."""
        self._queue = queue
        self._channels = channels
        self._clock = clock
        self._metrics = metrics
        self._lock = threading.Lock()
        self._boxes: dict[ObjectRef, _Box] = {}
        self._receivers: dict[str, _Receiver] = {}
        self._serial: Iterator[int] = count()

    def reconciled(self, done: Reconciled) -> None:
        """See `Observer`: take what is to be told. What a rehearsal would have written is told to nobody."""
        if done.resource is None or done.memory is None or done.result == "rehearsed":
            return
        last = done.memory.news[-1][0] + 1 if done.memory.news else 0
        size = done.report.ledger_size if done.report is not None else max(last, done.since)
        with self._lock:
            box = self._boxes.get(done.ref)
            before = [] if box is None else list(box.receivers)
            # a receiver that was named just now is told what is new from now on
            start = done.since if box is None else box.size
            receivers = [self._receiver(done.ref, target, before, start) for target in done.resource.notifications]
            for gone in before:
                self._drop(gone)
            self._boxes[done.ref] = _Box(size=size, receivers=receivers)
            due = None
            if done.report is not None:
                due = reminders(done.ref, done.memory, done.at, dict(done.report.review_targets))
            for receiver in receivers:
                receiver.take(done.memory, size, due)
                # one that fails has its turn after its back-off
                if receiver.waiting and not receiver.failing:
                    self._queue.add(receiver.key)
            self._count(done.ref)

    def forgotten(self, ref: ObjectRef) -> None:
        """See `Observer`: what was not delivered goes with the object."""
        with self._lock:
            box = self._boxes.pop(ref, None)
            for receiver in box.receivers if box else ():
                self._drop(receiver)

    def leading(self, *, leader: bool, transitions: int) -> None:  # noqa: ARG002 # the protocol's argument
        """See `Observer`: who leads next takes from the statuses what was delivered."""
        with self._lock:
            known = () if leader else tuple(self._boxes)
        for ref in known:
            self.forgotten(ref)

    def queued(self, depth: int) -> None:
        """See `Observer`: of no interest."""

    def working(self, busy: int, workers: int) -> None:
        """See `Observer`: of no interest."""

    def passed_on(self, ref: ObjectRef) -> int | None:
        """See `Courier`."""
        with self._lock:
            box = self._boxes.get(ref)
            return None if box is None else min((r.told for r in box.receivers), default=box.size)

    def take_turn(self, key: str) -> None:
        """Send one receiver what is due, as far as its turn goes; it says itself when it is due again."""
        for _ in range(TURN):
            with self._lock:
                receiver = self._receivers.get(key)
                message = receiver.next() if receiver is not None else None
            if receiver is None or message is None:
                return
            if not self._deliver(receiver, message):
                return
        self._queue.add(key)

    def _deliver(self, receiver: _Receiver, message: Message) -> bool:
        ref, kind = receiver.ref, receiver.target.type
        failure: StagewrightError | None = None
        try:
            self._channels(receiver.target).deliver(message, self._clock.now())
        except StagewrightError as error:
            failure = error
        with self._lock:
            if receiver.key not in self._receivers:
                return False  # it was dropped meanwhile, and so were its series
            self._metrics.notified(ref, kind, delivered=failure is None)
            receiver.failing = failure is not None
            if failure is None:
                receiver.delivered(message)
                self._queue.forget(receiver.key)
            self._count(ref)
        if failure is not None:
            asked_s = failure.retry_after_s if isinstance(failure, UnreachableError) else None
            delay_s = self._queue.add_rate_limited(receiver.key, at_least_s=asked_s or 0.0)
            with log_context(namespace=ref.namespace, sync=ref.name):
                _log.warning("%s: %s; again in %.0f s", kind, failure, delay_s)
        return failure is None

    def _receiver(self, ref: ObjectRef, target: Notification, before: list[_Receiver], start: int) -> _Receiver:
        """The receiver that there was for a target, taken out of `before`; or a new one."""
        with suppress(StopIteration):
            kept = next(receiver for receiver in before if receiver.target == target)
            before.remove(kept)
            return kept
        made = _Receiver(key=f"{ref}/{next(self._serial)}", ref=ref, target=target, told=start, upto=start)
        self._receivers[made.key] = made
        return made

    def _drop(self, receiver: _Receiver) -> None:
        self._receivers.pop(receiver.key, None)
        self._queue.discard(receiver.key)

    def _count(self, ref: ObjectRef) -> None:
        """Show how much is waiting, by type; the lock is held."""
        waiting: dict[str, int] = {}
        for receiver in self._boxes[ref].receivers:
            waiting[receiver.target.type] = waiting.get(receiver.target.type, 0) + receiver.waiting
        self._metrics.waiting(ref, waiting)
