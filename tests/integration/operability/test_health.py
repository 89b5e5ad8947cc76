"""Probes and scrapes over a real socket: what they are told, and that no stranger can hold the door shut."""

import http.client
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from stagewright.adapters.http_server import MAX_CONNECTIONS, PageServer
from stagewright.errors import UsageError
from stagewright.kube.health import health_pages, metrics_pages
from stagewright.kube.metrics import Build, Metrics


@dataclass
class Figures:
    ready: bool = True
    leader: bool = False
    late: tuple[str, ...] = ()

    def stuck(self) -> tuple[str, ...]:
        return self.late


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest.fixture
def port(figures: Figures) -> Iterator[int]:
    pages = {**health_pages(figures), **metrics_pages(Metrics(Build(version="1.2.3")).expose)}
    with PageServer(("127.0.0.1", 0), pages, name="pages") as server:
        yield server.port


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    reply = connection.getresponse()
    body = reply.read().decode()
    connection.close()
    return reply.status, reply.headers.get("Content-Type", ""), body


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_healthz_names_what_is_stuck_and_is_well_again(port: int, figures: Figures):
    assert ask(port, "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
    figures.late = ("worker 2 at ml/bank for 931 s", "watch of Secrets for 700 s")
    status, _, body = ask(port, "/healthz")
    assert (status, body) == (503, "stuck: worker 2 at ml/bank for 931 s\nstuck: watch of Secrets for 700 s\n")
    figures.late = ()
    assert ask(port, "/healthz")[0] == 200


def test_readyz_waits_for_the_caches_and_lets_a_standby_be_ready(port: int, figures: Figures):
    figures.ready = False
    assert ask(port, "/readyz")[0] == 503
    figures.ready = True
    assert ask(port, "/readyz")[::2] == (200, "ok, standing by\n")
    figures.leader = True
    assert ask(port, "/readyz?verbose")[::2] == (200, "ok, leader\n")


def test_metrics_are_given_in_the_format_that_is_asked_for(port: int):
    status, content_type, body = ask(port, "/metrics")
    assert (status, content_type.partition(";")[0]) == (200, "text/plain")
    assert 'stagewright_build_info{image="",revision="",version="1.2.3"} 1.0' in body
    _, content_type, body = ask(port, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert (content_type.partition(";")[0], body.splitlines()[-1]) == ("application/openmetrics-text", "# EOF")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/", 404, id="no page"),
        pytest.param("GET", "/../healthz", 404, id="no way around"),
        pytest.param("POST", "/healthz", 405, id="only reading"),
        pytest.param("HEAD", "/healthz", 200, id="head"),
    ],
)
def test_other_requests_get_a_status_and_nothing_of_their_own_text(port: int, method: str, path: str, status: int):
    answered, _, body = ask(port, path, method)
    assert answered == status
    assert path not in body or path == "/"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"<script>alert(1)</script>\r\n\r\n", id="no request"),
        pytest.param(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", id="endless path"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="endless headers"),
    ],
)
def test_nonsense_is_refused_without_repeating_it(port: int, request_: bytes):
    answer = raw(port, request_)
    assert b" 4" in answer.splitlines()[0]
    assert b"script" not in answer
    assert ask(port, "/healthz")[0] == 200


def test_probe_gets_through_although_every_connection_is_taken(port: int):
    held = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(MAX_CONNECTIONS)]
    for connection in held:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
    assert ask(port, "/healthz")[0] == 200
    # the one that had waited longest was ended for it
    assert held[0].recv(1) == b""
    for connection in held:
        connection.close()


def test_address_that_is_taken_is_a_usage_error(port: int):
    with pytest.raises(UsageError, match=r"nothing can listen on 127\.0\.0\.1"):
        PageServer(("127.0.0.1", port), {}, name="second")
