"""The controller: caches, queue, workers, webhooks and leadership, started in order and ended in order.

caches fill → wait for the lease ⇄ lead: every object is looked at, and then when it is due or somebody asks
SIGTERM: nothing more is taken up → what is in hand ends → the lease is released → exit
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from stagewright.kube.caches import SyncCache
from stagewright.kube.engines import EngineShelf
from stagewright.kube.observer import Observer
from stagewright.kube.queue import Seconds, WorkQueue
from stagewright.kube.worker import Workers

_log = logging.getLogger(__name__)

# How often it looks whether the caches are filled, and tells how deep the queue is.
BEAT_S = 1.0
# It says what it waits for this often.
SAY_EVERY_S = 30.0


class Feed(Protocol):
    """An informer."""

    def start(self) -> None:
        """Begin to list and to watch."""
        ...

    def stop(self) -> None:
        """End it."""
        ...

    @property
    def synced(self) -> bool:
        """Whether everything there was at the start has arrived."""
        ...


class Candidate(Protocol):
    """This process as a candidate for the lease."""

    def start(self, *, elected: Callable[[int], None], deposed: Callable[[], None]) -> None:
        """Begin to ask for the lease. `elected` hears the transitions of ours each time that it becomes ours."""
        ...

    def release(self) -> None:
        """Ask no more, and give the lease back where we hold it: the next process need not wait until it ends."""
        ...

    @property
    def leading(self) -> bool:
        """Whether the lease is ours now."""
        ...

    def stuck(self) -> tuple[str, ...]:
        """What of it does not move, for people."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a controller consists of. `needed` must have arrived before it is ready; `feeds` are all, these too.

    `elected` is called when this process begins to lead, before it looks at anything.
    """

    queue: WorkQueue[str]
    workers: Workers
    cache: SyncCache
    engines: EngineShelf
    feeds: Sequence[Feed]
    needed: Sequence[Feed]
    candidate: Candidate
    observer: Observer
    seconds: Seconds
    grace_s: float
    elected: Callable[[], None] = lambda: None


class Controller:
    """One process. `run` lasts until `stop` is called, from any thread or a signal; it implements `Health`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stopping = threading.Event()
        self._ready = threading.Event()

    @property
    def ready(self) -> bool:
        """See `Health`."""
        return self._ready.is_set() and not self._stopping.is_set()

    @property
    def leader(self) -> bool:
        """See `Health`."""
        return self._parts.candidate.leading

    def stuck(self) -> tuple[str, ...]:
        """See `Health`."""
        return (*self._parts.workers.stuck(), *self._parts.candidate.stuck())

    def stop(self) -> None:
        """End: finish what is in hand, release the lease."""
        self._stopping.set()

    def run(self) -> bool:
        """Work until stopped; whether everything in hand ended in time."""
        parts = self._parts
        for feed in parts.feeds:
            feed.start()
        try:
            if self._wait_for_caches():
                self._ready.set()
                _log.info("ready: %d objects", len(parts.cache.every_key()))
                parts.workers.start()
                parts.candidate.start(elected=self._elected, deposed=self._deposed)
                while not self._stopping.wait(BEAT_S):
                    parts.observer.queued(parts.queue.depth)
            return self._end()
        finally:
            for feed in parts.feeds:
                feed.stop()

    def _wait_for_caches(self) -> bool:
        said = self._parts.seconds()
        while missing := [feed for feed in self._parts.needed if not feed.synced]:
            if self._stopping.wait(BEAT_S / 4):
                return False
            if self._parts.seconds() - said > SAY_EVERY_S:
                said = self._parts.seconds()
                _log.warning("waiting for the cluster: %d of its lists are missing yet", len(missing))
        return True

    def _end(self) -> bool:
        parts = self._parts
        _log.info("stopping: what is in hand ends first")
        parts.queue.shut_down()
        ended = parts.workers.join(parts.grace_s)
        if not ended:
            _log.warning("not all of it ended in %.0f s; the ledger shows what was open", parts.grace_s)
        # a sync that goes on has no turn to write any more once this returns
        parts.candidate.release()
        _log.info("stopped")
        return ended

    def _elected(self, transitions: int) -> None:
        """We lead: look at everything."""
        parts = self._parts
        parts.engines.drop_all()
        parts.elected()
        parts.observer.leading(leader=True, transitions=transitions)
        for key in parts.cache.every_key():
            parts.queue.add(key)

    def _deposed(self) -> None:
        """Somebody else leads: what is under way is stopped by its fence."""
        self._parts.observer.leading(leader=False, transitions=0)
