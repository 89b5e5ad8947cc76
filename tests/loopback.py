"""A reverse proxy on loopback that counts what passes through it, and that can be told to misbehave.

with LoopbackProxy(server.uri) as proxy:
    proxy.token = "s3cret"                 # asks for `Authorization: Bearer s3cret`
    proxy.answers.append(Answer(status=503, headers={"Retry-After": "0"}))
    open_registry(proxy.uri, …)
    proxy.requests                         # [("GET", "/api/2.0/mlflow/registered-models/search"), …]
"""

import http.client
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "te", "upgrade", "date", "server"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the proxy says instead of the server.

    `forward`: the server is asked first, so that a write happens and only its reply is lost.
    `cut`: the connection ends after the body, whatever Content-Length promised.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    forward: bool = False
    cut: bool = False


class LoopbackProxy:
    """Passes requests on to `upstream` and notes them; `answers` are given first, in their order, one each.

    `instead` says what a path gets, `always` what every other path gets.
    """

    def __init__(
        self, upstream: str = "http://127.0.0.1:9", *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
    ) -> None:
        self.upstream = urlsplit(upstream)
        self.requests: list[tuple[str, str]] = []
        self.targets: list[str] = []
        self.authorizations: list[str | None] = []
        self.headers: list[Mapping[str, str]] = []
        self.bodies: list[bytes] = []
        self.answers: deque[Answer] = deque()
        self.always: Answer | None = None
        self.instead: dict[str, Answer] = {}
        self.token: str | None = None
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
                pass

            def pass_on(self) -> None:
                proxy._serve(self)

            do_GET = do_POST = do_PATCH = do_DELETE = pass_on  # noqa: N815 -- http.server looks for these names

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self._server.daemon_threads = True
        self._tls = tls is not None
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def uri(self) -> str:
        address, port = self._server.server_address[:2]
        return f"http{'s' * self._tls}://{address!s}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        authorization = handler.headers.get("Authorization")
        self.requests.append((handler.command, urlsplit(handler.path).path))
        self.targets.append(handler.path)
        self.authorizations.append(authorization)
        self.headers.append(dict(handler.headers.items()))
        self.bodies.append(body)
        if self.token is not None and authorization != f"Bearer {self.token}":
            _send(handler, 401, {"Content-Type": "text/plain"}, b"who are you?")
            return
        answer = self.answers.popleft() if self.answers else self.instead.get(self.requests[-1][1], self.always)
        if answer is None or answer.forward:
            status, headers, data = self._ask(handler, body)
            if answer is None:
                _send(handler, status, headers, data)
                return
        _send(handler, answer.status, answer.headers, answer.body, cut=answer.cut)

    def _ask(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.upstream.hostname or "", self.upstream.port, timeout=30)
        headers = {name: text for name, text in handler.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["Host"] = self.upstream.netloc
        connection.request(handler.command, handler.path, body=body, headers={**headers, "Connection": "close"})
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, dict(reply.getheaders()), data


def _send(
    handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes, *, cut: bool = False
) -> None:
    handler.send_response(status)
    for name, text in headers.items():
        if name.lower() not in HOP_BY_HOP | {"content-length"} or (cut and name.lower() == "content-length"):
            handler.send_header(name, text)
    if not (cut and any(name.lower() == "content-length" for name in headers)):
        handler.send_header("Content-Length", str(len(body)))
    # as RFC 9112 section 9.6 asks for, so that the client does not take the connection for one that stays open
    if cut or handler.close_connection:
        handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)
