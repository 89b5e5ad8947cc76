"""A copy of one kind of objects, kept up to date: the official client's `SharedInformer` with its traps closed.

`SharedInformer` lists, watches, keeps the cache, starts again after `410 Gone`, and tells what it missed. It asks
through one function, and `_ListWatch` is that function: lists in pages, as an object with `items` and `metadata` (a
plain JSON list is a dict, whose `items` is a method); watches with bookmarks, a time limit on the server's side and one
on the wire (a connection whose other end is gone would hang for ever); waits between attempts (it would try again at
once); and knows when the first list has arrived. Exceptions of handlers would be swallowed: ours only fill a queue.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

from kubernetes.client.exceptions import ApiException
from kubernetes.informer import SharedInformer

from stagewright.adapters.kubernetes.client import (
    JSON,
    METADATA_EVENTS,
    METADATA_ONLY,
    Cluster,
    Object,
    Resource,
    translated,
)
from stagewright.errors import ForbiddenError, StagewrightError, UnreachableError

# The server ends a watch after this long; the wire may be silent for a little longer, and bookmarks come each minute.
WATCH_S = 280
SILENCE_S = 300.0
# Between two attempts, and the most that doubling it comes to.
SHORTEST_S = 1.0
LONGEST_S = 60.0
STOP_WITHIN_S = 0.5

Change = Literal["ADDED", "MODIFIED", "DELETED"]
_log = logging.getLogger(__name__)
# it prints whole tracebacks, with headers, of what `_failed` tells in a line
logging.getLogger("kubernetes.informer.informer").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which objects: of one namespace or (None) of all, and only those with these labels."""

    resource: Resource
    namespace: str | None
    labels: str = ""
    metadata_only: bool = False

    def __str__(self) -> str:
        place = f" in {self.namespace}" if self.namespace is not None else ""
        return f"{self.resource}{place}" + (f" with {self.labels}" if self.labels else "")


class Informer:
    """The objects of one selection. `changed` is called for each change, from the thread that watches: be quick."""

    def __init__(
        self,
        cluster: Cluster,
        selection: Selection,
        changed: Callable[[Change, Object], None],
        *,
        fraction: Callable[[], float],
    ) -> None:
        """`fraction` is a random number below 1, which spreads the attempts of many."""
        self.selection = selection
        self._source = _ListWatch(cluster, selection, fraction)
        self._informer = SharedInformer(list_func=self._source.call)
        for change in ("ADDED", "MODIFIED", "DELETED"):
            self._informer.add_event_handler(change, lambda found, change=change: changed(change, found))
        self._informer.add_event_handler("ERROR", self._source.failed)

    def start(self) -> None:
        """Begin to list and to watch, in a thread of its own."""
        self._informer.start()

    def stop(self) -> None:
        """End the watch, and its thread."""
        self._source.stopping.set()
        # it joins its thread, which may wait for an answer that does not come: nobody waits for that
        ending = threading.Thread(target=self._informer.stop, name="informer-stop", daemon=True)
        ending.start()
        ending.join(STOP_WITHIN_S)

    @property
    def synced(self) -> bool:
        """Whether everything there was at the start has arrived."""
        return self._source.watching.is_set()

    @property
    def live(self) -> bool:
        """Whether changes arrive just now: the last attempt to list or to watch did not fail."""
        return self.synced and self._source.failures == 0

    @property
    def denied(self) -> bool:
        """Whether the API server does not let us watch these."""
        return self._source.denied

    def get(self, namespace: str, name: str) -> Object | None:
        """An object as it was last seen."""
        found: Object | None = self._informer.cache.get_by_key(f"{namespace}/{name}")
        return found

    def keys(self) -> tuple[str, ...]:
        """`namespace/name` of every object, sorted."""
        return tuple(sorted(self._informer.cache.list_keys()))


class _ListWatch:
    """What `SharedInformer` asks through, from its one thread."""

    def __init__(self, cluster: Cluster, selection: Selection, fraction: Callable[[], float]) -> None:
        self.stopping = threading.Event()
        self.watching = threading.Event()
        self.failures = 0
        self.denied = False
        self._cluster = cluster
        self._selection = selection
        self._fraction = fraction

    def call(
        self, *, watch: bool = False, resource_version: str = "", timeout_seconds: int = WATCH_S, **_options: object
    ) -> Any:
        """List, or open a watch.

        :rtype: object
        """
        # the line above is read by the client: it takes each event's object as plain JSON then
        chosen = self._selection
        if not watch:
            listed = self._list()
            self._succeeded()
            return listed
        if self.watching.is_set():
            # a stream that ended: never twice in the same second
            self._pause(SHORTEST_S)
        # what was listed is in the cache by now, and was told of
        self.watching.set()
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_seconds),
            "labelSelector": chosen.labels,
        }
        response = self._cluster.watch_response(
            chosen.resource,
            chosen.namespace,
            query=query,
            accept=METADATA_EVENTS if chosen.metadata_only else JSON,
            timeout_s=SILENCE_S,
        )
        self._succeeded()
        return response

    def failed(self, error: object) -> None:
        """Wait before the next attempt; `SharedInformer` itself would not."""
        if self.stopping.is_set():
            return
        self.failures += 1
        told = error if isinstance(error, StagewrightError) else translated(_exception(error), "a watch")
        if isinstance(told, ForbiddenError) != self.denied or self.failures == 1:
            _log.warning("cannot watch %s for now: %s", self._selection, told)
        self.denied = isinstance(told, ForbiddenError)
        ceiling = min(LONGEST_S, SHORTEST_S * 2.0 ** min(self.failures, 16))
        self._pause(SHORTEST_S + self._fraction() * (ceiling - SHORTEST_S))

    def _list(self) -> SimpleNamespace:
        chosen = self._selection
        accept = METADATA_ONLY if chosen.metadata_only else JSON
        items: list[Object] = []
        version = ""
        for page in self._cluster.pages(chosen.resource, chosen.namespace, labels=chosen.labels, accept=accept):
            items += page.get("items") or []
            version = page["metadata"]["resourceVersion"]
        return SimpleNamespace(items=items, metadata=SimpleNamespace(resource_version=version))

    def _succeeded(self) -> None:
        self.failures, self.denied = 0, False

    def _pause(self, seconds: float) -> None:
        if self.stopping.wait(seconds):
            raise UnreachableError("no more is asked: it is being stopped")


def _exception(error: object) -> Exception:
    return error if isinstance(error, Exception) else ApiException(status=0, reason="an event of no known kind")
