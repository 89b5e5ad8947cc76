"""Posts to addresses that somebody else chose: what is refused, what is not followed, and what nobody gets to see."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stagewright.adapters import outbound
from stagewright.adapters.outbound import Outbound
from stagewright.errors import InvalidError, UnreachableError
from tests.certificates import Authority
from tests.integration.operability.receiving import Receiver

STRICT, LOOSE = Outbound(cluster=("10.96.0.1",)), Outbound(insecure=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of one connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://hooks.example/x", id="no TLS"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("https://127.0.0.1/x", id="loopback"),
        pytest.param("https://[::1]/x", id="loopback of IPv6"),
        pytest.param("https://[::ffff:127.0.0.1]/x", id="loopback mapped"),
        pytest.param("https://2130706433/x", id="loopback as a number"),
        pytest.param("https://localhost/x", id="localhost"),
        pytest.param("https://169.254.169.254/latest/", id="link-local"),
        pytest.param("https://kubernetes.default.svc/api", id="the API server by name"),
        pytest.param("https://10.96.0.1/api", id="the API server by address"),
        pytest.param("https://user:S3CRETvalue1@hooks.example/", id="a password"),
        pytest.param("https://hooks.example/a b", id="a blank"),
        pytest.param("https://hooks.example/a\r\nHost: x", id="a line break"),
        pytest.param("", id="nothing"),
    ],
)
def test_url_is_refused_before_anything_is_resolved(url: str, monkeypatch: pytest.MonkeyPatch):
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **_: asked.append(arguments))
    with pytest.raises(InvalidError, match="the receiver's URL is refused") as caught:
        STRICT.post(url, b"{}", {})
    assert asked == []
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["127.0.0.1"], id="loopback"),
        pytest.param(["93.184.216.34", "169.254.169.254"], id="one of several"),
        pytest.param(["fe80::1%eth0"], id="link-local"),
        pytest.param(["10.96.0.1"], id="the API server"),
    ],
)
def test_name_that_leads_where_nobody_may_go_is_refused(addresses: list[str], monkeypatch: pytest.MonkeyPatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("it connected"))
    with pytest.raises(InvalidError, match="the receiver's name leads to"):
        STRICT.post("https://hooks.example/x", b"{}", {})


def test_address_that_was_judged_is_the_one_that_is_connected_to(receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    port = receiver.server.server_address[1]
    answers = iter(["127.0.0.1", "169.254.169.254"])
    kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    real = socket.getaddrinfo

    def resolve(host: str, *rest: object, **more: object) -> object:
        return [(*kind, (next(answers), port))] if host == "hooks.example" else real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    LOOSE.post(f"http://hooks.example:{port}/hook?a=b", b"{}", {"X-Y": "z"})
    (one,) = receiver.received
    assert (one.path, one.headers["host"], one.headers["x-y"]) == ("/hook?a=b", f"hooks.example:{port}", "z")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_a_failure_and_is_not_followed(status: int, receiver: Receiver):
    with Receiver() as target:
        receiver.losses.append(status)
        receiver.headers = {"Location": target.url}
        with pytest.raises(UnreachableError, match="redirects are not followed"):
            LOOSE.post(receiver.url, b"{}", {})
        assert (receiver.requests, target.requests) == (1, 0)


@pytest.mark.parametrize(
    ("header", "expected"), [("30", 30.0), ("999999", 3600.0), ("soon", None), ("-1", None), ("", None)]
)
def test_retry_after_is_taken_in_seconds_and_bounded(header: str, expected: float | None, receiver: Receiver):
    receiver.losses.append(503)
    receiver.headers = {"Retry-After": header}
    with pytest.raises(UnreachableError, match="the receiver answers 503") as caught:
        LOOSE.post(receiver.url, b"{}", {})
    assert caught.value.retry_after_s == expected


def test_receiver_that_dribbles_is_hung_up_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outbound, "DEADLINE_S", 0.1)

    def dribble(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 2")
        # until the other side hangs up
        while connection.recv(4096):
            pass

    with serving(dribble) as port, pytest.raises(UnreachableError, match="does not answer"):
        LOOSE.post(f"http://127.0.0.1:{port}/", b"{}", {})


def test_body_of_an_answer_is_not_read():
    def endless(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nx")

    with serving(endless) as port:
        LOOSE.post(f"http://127.0.0.1:{port}/", b"{}", {})


def test_errors_hold_no_part_of_the_url():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(UnreachableError) as caught:
        LOOSE.post(f"http://127.0.0.1:{port}/services/S3CRETvalue1", b"{}", {})
    assert "S3CRET" not in str(caught.value) + caught.value.hint
    assert caught.value.__cause__ is None


def test_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Receiver() as secure:
        secure.server.socket = context.wrap_socket(secure.server.socket, server_side=True)
        url = secure.url.replace("http://", "https://")
        with pytest.raises(UnreachableError, match="SSLCertVerificationError"):
            LOOSE.post(url, b"{}", {})
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        LOOSE.post(url, b"{}", {})
        assert secure.requests == 1


def test_proxy_is_asked_to_connect_and_resolves_the_name_itself():
    heard: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        heard.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with serving(refuse) as port:
        out = Outbound(proxies={"https": f"http://dana:pa%40ss@127.0.0.1:{port}", "no": "other.example"})
        with pytest.raises(UnreachableError, match="the proxy answers 407"):
            out.post("https://hooks.example/S3CRETvalue1", b"{}", {})
    assert heard[0].split(b"\r\n")[:3] == [
        b"CONNECT hooks.example:443 HTTP/1.1",
        b"Host: hooks.example:443",
        b"Proxy-Authorization: Basic ZGFuYTpwYUBzcw==",
    ]


def test_proxy_gets_a_plain_request_whole(receiver: Receiver):
    proxy = f"127.0.0.1:{receiver.server.server_address[1]}"
    out = Outbound(insecure=True, proxies={"http": proxy})
    out.post("http://hooks.example/hook", b"{}", {})
    assert receiver.received[0].path == "http://hooks.example/hook"


def test_host_that_the_proxy_is_not_for_is_asked_itself(receiver: Receiver):
    out = Outbound(insecure=True, proxies={"http": "http://127.0.0.1:9", "no": "127.0.0.1"})
    out.post(receiver.url, b"{}", {})
    assert receiver.received[0].path == "/hook"
