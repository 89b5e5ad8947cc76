"""The workers: threads that take one object after the other from the queue, and show where they are stuck."""

import logging
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from stagewright.kube.queue import Seconds, WorkQueue

_log = logging.getLogger(__name__)


class Workers:
    """A number of threads that reconcile what the queue gives out, until it is shut down."""

    def __init__(
        self,
        queue: WorkQueue[str],
        reconcile: Callable[[str], None],
        *,
        count: int,
        clock: Seconds,
        stuck_after_s: float,
        busy: Callable[[int, int], None] = lambda _busy, _count: None,
        crashed: Callable[[str, str], None] = lambda _key, _what: None,
    ) -> None:
        """`reconcile` says itself when the key is due again. `busy` hears how many of how many have one in hand.

        `crashed` hears of what ended by an exception that nobody thought of: the key, and kind and place.
        """
        self._queue = queue
        self._reconcile = reconcile
        self._count = count
        self._clock = clock
        self._stuck_after_s = stuck_after_s
        self._busy = busy
        self._crashed = crashed
        self._lock = threading.Lock()
        self._hands: dict[int, tuple[str, float]] = {}
        # daemons: what does not end in time must not keep the process from ending
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"worker-{number}", daemon=True)
            for number in range(1, count + 1)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def join(self, within_s: float) -> bool:
        """Wait until every worker has ended what it has in hand; whether all did so in time. Shut the queue before."""
        end = self._clock() + within_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, end - self._clock()))
        return not any(thread.is_alive() for thread in self._threads)

    def stuck(self) -> tuple[str, ...]:
        """Who has had one object for too long, for people: `worker 2 at ml/bank for 931 s`; or is gone."""
        now = self._clock()
        with self._lock:
            hands = dict(self._hands)
        late = [
            f"worker {number} at {key} for {now - since:.0f} s"
            for number, (key, since) in sorted(hands.items())
            if now - since > self._stuck_after_s
        ]
        gone = [f"{t.name} has ended" for t in self._threads if t.ident is not None and not t.is_alive()]
        return (*late, *gone)

    def _work(self, number: int) -> None:
        while (key := self._queue.get()) is not None:
            self._take(number, key)
            try:
                self._reconcile(key)
            except Exception as error:  # noqa: BLE001 # one object that nobody thought of must not stop all the others
                # its own text may hold anything
                what = f"{type(error).__name__} in {_place(error)}"
                _log.error("crashed: %s", what, extra={"sync": key})
                self._queue.add_rate_limited(key)
                self._crashed(key, what)
            finally:
                self._put(number)
                self._queue.done(key)

    def _take(self, number: int, key: str) -> None:
        with self._lock:
            self._hands[number] = key, self._clock()
            busy = len(self._hands)
        self._busy(busy, self._count)

    def _put(self, number: int) -> None:
        with self._lock:
            del self._hands[number]
            busy = len(self._hands)
        self._busy(busy, self._count)


def _place(error: Exception) -> str:
    """The last line of ours that an exception came through: `reconcile.py:93`."""
    root = f"{Path(__file__).parents[1]}/"
    ours = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(root)]
    return f"{ours[-1].filename.removeprefix(root)}:{ours[-1].lineno}" if ours else "another library"
