"""What is to be reconciled, and when: each key is queued once, and is with one worker at a time.

Many reasons to look at an object come to one look. A key that is added while a worker has it comes once more after
that. What failed comes back after a delay that doubles, of which a random part is waited, so that many objects that
failed together do not come back together.
"""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

Seconds = Callable[[], float]
"""A clock that never runs back; what its zero is does not matter."""
Fraction = Callable[[], float]
"""A random number from 0 up to, but without 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait after failures: at least `shortest_s`, at most what doubles up to `longest_s`."""

    shortest_s: float = 1.0
    longest_s: float = 600.0

    def delay_s(self, failures: int, fraction: float) -> float:
        """The delay after this many failures in a row, from 1 on."""
        # beyond that the exponent would only overflow
        ceiling = min(self.longest_s, self.shortest_s * 2.0 ** min(failures, 64))
        return self.shortest_s + fraction * (ceiling - self.shortest_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness(Generic[Key]):
    """At most `at_once` keys of one group are with workers at a time; `group_of` says which group a key is of."""

    group_of: Callable[[Key], str]
    at_once: int

    def full(self, held: Iterable[Key]) -> frozenset[str]:
        """The groups of which no more may be given out while these are with workers."""
        counts = Counter(self.group_of(key) for key in held)
        return frozenset(group for group, count in counts.items() if count >= self.at_once)


class WorkQueue(Generic[Key]):
    """A queue of keys with times. Every method may be called from any thread, and only `get` waits.

    `fairly` keeps one group of keys from having all workers.
    """

    def __init__(
        self,
        *,
        clock: Seconds,
        fraction: Fraction,
        backoff: Backoff = Backoff(),
        fairly: Fairness[Key] | None = None,
    ) -> None:
        self._fairly = fairly
        self._clock = clock
        self._fraction = fraction
        self._backoff = backoff
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}
        self._held: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._closed = False

    def add(self, key: Key) -> None:
        """Have `key` looked at now, whatever it waits for."""
        self.add_after(key, 0.0)

    def add_after(self, key: Key, delay_s: float) -> None:
        """Have `key` looked at in `delay_s` seconds, or before that where it is due sooner."""
        with self._changed:
            if self._closed:
                return
            due = self._clock() + max(0.0, delay_s)
            if due < self._due.get(key, float("inf")):
                self._due[key] = due
                self._changed.notify()

    def add_rate_limited(self, key: Key, *, at_least_s: float = 0.0) -> float:
        """Have `key`, which failed, looked at after its back-off; the delay in seconds.

        `at_least_s` is what the system that failed asked for.
        """
        with self._changed:
            self._failures[key] = self._failures.get(key, 0) + 1
            delay = max(at_least_s, self._backoff.delay_s(self._failures[key], self._fraction()))
            self.add_after(key, delay)
            return delay

    def forget(self, key: Key) -> None:
        """Forget that `key` failed: its next failure is its first."""
        with self._changed:
            self._failures.pop(key, None)

    def discard(self, key: Key) -> None:
        """Forget `key` wholly, until it is added again."""
        with self._changed:
            self._failures.pop(key, None)
            self._due.pop(key, None)

    def get(self, timeout_s: float | None = None) -> Key | None:
        """The key that is due first, for this worker alone until `done`. None: shut down, or nothing in that time."""
        with self._changed:
            end = None if timeout_s is None else self._clock() + timeout_s
            while not self._closed:
                now = self._clock()
                free = self._free()
                first = min(free, key=self._due.__getitem__, default=None)
                if first is not None and self._due[first] <= now:
                    del self._due[first]
                    self._held.add(first)
                    return first
                if end is not None and end <= now:
                    return None
                until = (self._due[first] if first is not None else None, end)
                self._changed.wait(min((at - now for at in until if at is not None), default=None))
            return None

    def done(self, key: Key) -> None:
        """The worker has ended with `key`; where it was added meanwhile, it may be taken again."""
        with self._changed:
            self._held.discard(key)
            self._changed.notify()

    def shut_down(self) -> None:
        """Give out nothing more, and let every worker that waits go."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify_all()

    def _free(self) -> Iterator[Key]:
        """The keys that may be given out once they are due; the lock is held."""
        free = (key for key in self._due if key not in self._held)
        if self._fairly is None:
            return free
        group_of, full = self._fairly.group_of, self._fairly.full(self._held)
        return (key for key in free if group_of(key) not in full)

    @property
    def depth(self) -> int:
        """How many keys are due and wait for a worker."""
        with self._changed:
            now = self._clock()
            return sum(due <= now and key not in self._held for key, due in self._due.items())
