"""The door for webhooks, over real sockets: who may wake the loop, and that nobody can do anything else."""

import hmac
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from stagewright.adapters.webhook import (
    EVENTS,
    MAX_BODY_BYTES,
    MAX_CONNECTIONS,
    WebhookListener,
    parse_address,
    read_secrets,
)
from stagewright.errors import UsageError

OLD, NEW, OTHER = b"the old secret of it", b"the new secret of it", b"somebody else's secret"
BODY = b'{"ref": "refs/heads/main"}'


@dataclass
class Door:
    """A listener, and how often it woke."""

    port: int
    woken: list[None]

    def post(self, body: bytes = BODY, *, path: str = "/webhook", method: str = "POST", **headers: str) -> int:
        """The status of one request. `_` in a header's name is `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body if method == "POST" else None, named)
            answer = connection.getresponse()
            assert answer.read() == b""
            return answer.status
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """What is answered to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(4096), b""))


def signed(body: bytes = BODY, secret: bytes = NEW) -> str:
    return hmac.new(secret, body, sha256).hexdigest()


@contextmanager
def door(secrets: Callable[[], tuple[bytes, ...]] = lambda: (NEW,)) -> Iterator[Door]:
    woken: list[None] = []
    with WebhookListener(("127.0.0.1", 0), secrets, lambda: woken.append(None)) as listener:
        yield Door(listener.port, woken)


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Hub_Signature_256": f"sha256={signed()}", "X_GitHub_Event": "push"},
        {"X_Gitea_Signature": signed(), "X_Gitea_Event": "push"},
        {
            "X_Hub_Signature_256": f"sha256={signed()}", "X_Gitea_Signature": signed(), "X_GitHub_Event": "push",
            "X_Gitea_Event": "push",
        },
    ],
    ids=["GitHub", "Gitea alone", "Gitea"],
)  # fmt: skip
def test_genuine_webhook_wakes(headers: dict[str, str]):
    with door() as at:
        assert at.post(**headers) == 202
        assert len(at.woken) == 1


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_named_event_wakes(event: str):
    with door() as at:
        assert at.post(X_Hub_Signature_256=f"sha256={signed()}", X_GitHub_Event=event) == 202
        assert len(at.woken) == 1


@pytest.mark.parametrize("event", ["ping", "star", "issues", "PUSH", "pushx", ""])
def test_event_that_is_not_named_is_taken_and_wakes_nobody(event: str):
    with door() as at:
        assert at.post(X_Hub_Signature_256=f"sha256={signed()}", X_GitHub_Event=event) == 200
        assert at.woken == []


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY, {}),
        (BODY, {"X_Hub_Signature_256": f"sha256={signed(secret=OTHER)}"}),
        (BODY + b" ", {"X_Hub_Signature_256": f"sha256={signed()}"}),
        (BODY, {"X_Hub_Signature_256": signed()}),
        (BODY, {"X_Hub_Signature_256": f"sha1={signed()}"}),
        (BODY, {"X_Hub_Signature_256": f"sha256={signed().upper()}"}),
        (BODY, {"X_Hub_Signature_256": f"sha256={signed()[:-1]}"}),
        (BODY, {"X_Hub_Signature_256": "sha256="}),
        (BODY, {"X_Hub_Signature_256": "sha256=\xff"}),
        (BODY, {"X_Hub_Signature_256": "sha256=", "X_Gitea_Signature": signed()}),
        (BODY, {"X_Gitea_Signature": ""}),
        (b"", {"X_Hub_Signature_256": f"sha256={signed(b'', b'')}"}),
    ],
    ids=[
        "unsigned", "another secret", "another body", "no algorithm", "another algorithm", "upper case", "cut short",
        "empty", "not ASCII", "a wrong one beside a right one", "a bare empty one", "no secret at all",
    ],
)  # fmt: skip
def test_forged_webhook_is_refused_and_wakes_nobody(body: bytes, headers: dict[str, str]):
    with door() as at:
        assert at.post(body, X_GitHub_Event="push", **headers) == 401
        assert at.woken == []
        # the honest twin
        assert at.post(X_GitHub_Event="push", X_Hub_Signature_256=f"sha256={signed()}") == 202


def test_signature_given_twice_counts_for_none():
    head = f"POST /webhook HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: push\r\nContent-Length: {len(BODY)}\r\n"
    line = f"X-Hub-Signature-256: sha256={signed()}\r\n"
    with door() as at:
        assert at.raw(f"{head}{line}{line}\r\n".encode() + BODY).startswith(b"HTTP/1.0 401 ")
        assert at.woken == []


def test_two_secrets_are_taken_while_one_rotates_and_the_old_one_no_longer_after_that():
    known = [(OLD,), (NEW, OLD), (NEW,)]
    answers = []
    with door(lambda: known[0]) as at:
        while known:
            answers.append([at.post(X_Hub_Signature_256=f"sha256={signed(secret=s)}", X_GitHub_Event="push")
                            for s in (OLD, NEW)])  # fmt: skip
            if len(known) == 1:
                break
            known.pop(0)
    assert answers == [[202, 401], [202, 202], [401, 202]]


def test_secret_that_cannot_be_read_any_more_lets_nobody_in(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_bytes(NEW + b"\n")
    with door(lambda: read_secrets((str(file),))) as at:
        headers = {"X_Hub_Signature_256": f"sha256={signed()}", "X_GitHub_Event": "push"}
        assert at.post(**headers) == 202
        file.unlink()
        assert at.post(**headers) == 500
        assert len(at.woken) == 1


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (f"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n", 413),
        (f"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: {'9' * 5000}\r\n\r\n", 413),
        ("POST /webhook HTTP/1.1\r\nHost: x\r\n\r\n", 411),
        ("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 411),
        ("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 411),
        ("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 411),
        ("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 404),
        ("POST /webhook/../x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 404),
        ("GET /webhook HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ("DELETE /webhook HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    ],
    ids=[
        "too large", "far too large", "no length", "a negative length", "two lengths", "chunked", "cut short",
        "elsewhere", "up and away", "GET", "GET elsewhere", "DELETE",
    ],
)  # fmt: skip
def test_request_that_is_no_webhook_is_refused(request_: str, status: int):
    with door() as at:
        assert int(at.raw(request_.encode()).split(b" ")[1]) == status
        assert at.woken == []


def test_body_of_the_largest_size_is_taken():
    body = b"x" * MAX_BODY_BYTES
    with door() as at:
        assert at.post(body, X_Hub_Signature_256=f"sha256={signed(body)}", X_GitHub_Event="push") == 202


def test_flood_of_replays_wakes_and_harms_nobody():
    one = threading.Event()
    with WebhookListener(("127.0.0.1", 0), lambda: (NEW,), one.set) as listener:
        at = Door(listener.port, [])
        headers = {"X_Hub_Signature_256": f"sha256={signed()}", "X_GitHub_Event": "push"}
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: at.post(**headers), range(100)))
    assert set(found) == {202}
    assert one.is_set()


def test_connections_that_say_nothing_leave_the_door_shut_and_open_it_again_as_they_go():
    with door() as at:
        held = [socket.create_connection(("127.0.0.1", at.port)) for _ in range(MAX_CONNECTIONS)]
        for connection in held:
            connection.sendall(b"POST /webhook HTTP/1.1\r\n")
        with socket.create_connection(("127.0.0.1", at.port), timeout=10) as late:
            assert late.recv(1) == b""
        for connection in held:
            connection.close()
        answer = 0
        while answer != 202:
            try:
                answer = at.post(X_Hub_Signature_256=f"sha256={signed()}", X_GitHub_Event="push")
            except (OSError, http.client.HTTPException):
                continue
        assert len(at.woken) == 1


def test_listener_tells_nothing_about_itself():
    with door() as at:
        answer = at.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Python" not in answer
    assert b"\r\nServer: stagewright \r\n" in answer


def test_listener_at_an_address_in_use_says_so():
    with door() as at, pytest.raises(UsageError, match=f"nothing can listen on 127.0.0.1 port {at.port}"):
        WebhookListener(("127.0.0.1", at.port), lambda: (NEW,), lambda: None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read"), (b"", "shorter than 16 bytes"), (b"hunter2hunter2!\n", "shorter than 16 bytes")],
)
def test_secret_that_is_none_is_refused_without_repeating_it(tmp_path: Path, content: bytes | None, reason: str):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=reason) as caught:
        read_secrets((str(file),))
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_no_secret_at_all_is_refused():
    with pytest.raises(UsageError, match="no secret for webhooks is configured"):
        read_secrets(())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)), ("[::1]:9000", ("::1", 9000)), ("9000", ("127.0.0.1", 9000)),
        ("hooks.internal:80", ("hooks.internal", 80)),
    ],
)  # fmt: skip
def test_parse_address_takes_host_and_port(text: str, address: tuple[str, int]):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", ":9000", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:٣"])
def test_parse_address_of_anything_else_is_refused(text: str):
    with pytest.raises(UsageError, match="no address to listen on"):
        parse_address(text)
