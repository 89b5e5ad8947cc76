"""The informer against an API server that does what a real one does on a bad day."""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes import client

from stagewright.adapters.kubernetes.client import CONFIG_MAPS, Cluster
from stagewright.adapters.kubernetes.informer import Informer, Selection

LONG_S = 30.0
Json = dict[str, Any]


def _object(name: str, version: int) -> Json:
    return {"metadata": {"namespace": "ml", "name": name, "resourceVersion": str(version)}}


def _page(*items: Json, version: int, more: str = "") -> Json:
    return {"items": list(items), "metadata": {"resourceVersion": str(version), "continue": more}}


class ApiServer:
    """Answers lists with the pages of `lists`, and watches with the events of `watches`; `asked` are the queries."""

    def __init__(self) -> None:
        self.lists: queue.Queue[Json | int] = queue.Queue()
        self.watches: queue.Queue[list[Json] | int] = queue.Queue()
        self.asked: queue.Queue[dict[str, str]] = queue.Queue()
        self.ended = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
                pass

            def do_GET(self) -> None:
                outer._answer(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def cluster(self) -> Cluster:
        settings = client.Configuration()
        settings.host = f"http://127.0.0.1:{self._server.server_address[1]}"
        return Cluster(client.ApiClient(settings))

    def close(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        self.asked.put(query)
        if "watch" not in query:
            answer = self.lists.get(timeout=LONG_S)
            self._head(request, 200 if isinstance(answer, dict) else answer)
            self._chunk(request, json.dumps(answer if isinstance(answer, dict) else {}).encode())
            self._chunk(request, b"")
            return
        events = self.watches.get(timeout=LONG_S)
        self._head(request, 200 if isinstance(events, list) else events)
        for event in events if isinstance(events, list) else ():
            if event["type"] == "HANG":
                self.ended.wait(LONG_S)
                break
            self._chunk(request, json.dumps(event).encode() + b"\n")
        self._chunk(request, b"")

    def _chunk(self, request: BaseHTTPRequestHandler, data: bytes) -> None:
        with suppress(OSError):  # whoever asked has gone
            request.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            request.wfile.flush()

    def _head(self, request: BaseHTTPRequestHandler, status: int) -> None:
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()


HANG: Json = {"type": "HANG"}


def _event(kind: str, name: str, version: int) -> Json:
    return {"type": kind, "object": _object(name, version)}


def _gone() -> Json:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    return {"type": "ERROR", "object": status}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    made = ApiServer()
    yield made
    made.close()


class Watching:
    """An informer with what it saw."""

    def __init__(self, server: ApiServer, pauses: Callable[[float], None]) -> None:
        self.seen: queue.Queue[tuple[str, str]] = queue.Queue()
        selection = Selection(resource=CONFIG_MAPS, namespace="ml", labels="a=b")
        self.informer = Informer(
            server.cluster(),
            selection,
            lambda change, found: self.seen.put((change, found["metadata"]["name"])),
            fraction=lambda: 0.0,
        )
        source = self.informer._source
        source._pause = pauses  # type: ignore[method-assign] # nothing is waited for here

    def next(self) -> tuple[str, str]:
        return self.seen.get(timeout=LONG_S)


@pytest.fixture
def pauses() -> list[float]:
    """How long it would have waited."""
    return []


@pytest.fixture
def watching(server: ApiServer, pauses: list[float]) -> Iterator[Watching]:
    made = Watching(server, pauses.append)
    yield made
    server.ended.set()
    made.informer.stop()


def test_informer_lists_in_pages_then_watches_from_there(server: ApiServer, watching: Watching):
    server.lists.put(_page(_object("one", 3), version=7, more="next"))
    server.lists.put(_page(_object("two", 4), version=7))
    server.watches.put([_event("ADDED", "three", 8), _event("MODIFIED", "one", 9), _event("DELETED", "two", 10), HANG])

    watching.informer.start()

    assert [watching.next() for _ in range(5)] == [
        ("ADDED", "one"), ("ADDED", "two"), ("ADDED", "three"), ("MODIFIED", "one"), ("DELETED", "two"),
    ]  # fmt: skip
    assert watching.informer.synced
    assert watching.informer.live
    assert watching.informer.keys() == ("ml/one", "ml/three")
    first, second, watch = (server.asked.get(timeout=LONG_S) for _ in range(3))
    assert (first["labelSelector"], first["limit"], second["continue"]) == ("a=b", "500", "next")
    assert (watch["resourceVersion"], watch["allowWatchBookmarks"], watch["timeoutSeconds"]) == ("7", "true", "280")


def test_informer_goes_on_from_the_last_bookmark_where_a_watch_ends(server: ApiServer, watching: Watching):
    server.lists.put(_page(version=7))
    server.watches.put([{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "90"}}}])
    server.watches.put([_event("ADDED", "late", 91), HANG])

    watching.informer.start()

    assert watching.next() == ("ADDED", "late")
    asked = [server.asked.get(timeout=LONG_S) for _ in range(3)]
    assert [query.get("resourceVersion") for query in asked] == [None, "7", "90"]


def test_informer_lists_anew_where_its_version_is_too_old_and_tells_what_it_missed(
    server: ApiServer, watching: Watching
):
    server.lists.put(_page(_object("one", 3), _object("two", 4), version=7))
    server.watches.put([_gone()])
    # the client tries once more by itself
    server.watches.put([_gone()])
    server.lists.put(_page(_object("two", 4), _object("three", 95), version=99))
    server.watches.put([HANG])

    watching.informer.start()

    assert [watching.next() for _ in range(5)] == [
        ("ADDED", "one"), ("ADDED", "two"), ("DELETED", "one"), ("MODIFIED", "two"), ("ADDED", "three"),
    ]  # fmt: skip
    assert watching.informer.keys() == ("ml/three", "ml/two")


def test_informer_waits_longer_after_each_failure_and_recovers(
    server: ApiServer, watching: Watching, pauses: list[float]
):
    server.lists.put(_page(version=7))
    for status in (500, 503, 429):
        server.watches.put(status)
    server.watches.put([_event("ADDED", "one", 8), HANG])

    watching.informer.start()

    assert watching.next() == ("ADDED", "one")
    assert watching.informer.live
    assert len(pauses) >= 3


def test_informer_that_may_not_watch_is_denied_and_not_live(server: ApiServer, pauses: list[float]):
    stopped = threading.Event()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        stopped.set()

    watching = Watching(server, pause)
    server.lists.put(_page(version=7))
    server.watches.put(403)
    watching.informer.start()

    assert stopped.wait(LONG_S)
    assert watching.informer.denied
    assert not watching.informer.live
    assert watching.informer.synced
    server.watches.put([HANG])
    server.ended.set()
    watching.informer.stop()
