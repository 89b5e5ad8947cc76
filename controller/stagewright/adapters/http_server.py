"""Small pages over HTTP: what a probe or a scrape asks for, and nothing else.

    GET /healthz  →  200, text/plain
    HEAD /healthz →  the same without its body
    anything else →  404, 405

One answer to a connection. Whoever asks is a stranger: connections are few and short, and when they are all taken the
one that has lasted longest is ended, so that nobody can hold the door shut for the kubelet. A page must be quick.
"""

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from stagewright.errors import UsageError

TEXT = "text/plain; charset=utf-8"
# Between two pieces of a request. Requests that come in drops are ended when others want in.
TIMEOUT_S = 5.0
STOP_WITHIN_S = 0.05
MAX_CONNECTIONS = 16

Socket = socket.socket | tuple[bytes, socket.socket]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer."""

    status: HTTPStatus
    body: bytes
    content_type: str = TEXT


Pages = Mapping[str, Callable[[str], Page]]
"""By path, without its query: what makes a page for the request's `Accept` header."""


class PageServer:
    """Answers while a `with` block lasts."""

    def __init__(self, address: tuple[str, int], pages: Pages, *, name: str) -> None:
        """Port 0 takes any that is free. UsageError where nothing can listen there."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET

        class Server(_Server):
            address_family = family

        try:
            self._server = Server(address, _handler(pages))
        except OSError as error:
            raise UsageError(
                f"nothing can listen on {address[0]} port {address[1]}: {error.strerror}", hint="choose another address"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": STOP_WITHIN_S}, name=name, daemon=True
        )

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """Talks to at most MAX_CONNECTIONS at once; who comes then takes the place of who has been there longest."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._lock = threading.Lock()
        # in the order in which they came
        self._open: dict[int, socket.socket] = {}
        super().__init__(address, handler)

    def process_request(self, request: Socket, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        with self._lock:
            if len(self._open) >= MAX_CONNECTIONS:
                _hang_up(self._open.pop(next(iter(self._open))))
            self._open[id(request)] = request
        super().process_request(request, client_address)

    def shutdown_request(self, request: Socket) -> None:
        with self._lock:
            self._open.pop(id(request), None)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hung up in the middle is nobody's concern."""


def _hang_up(connection: socket.socket) -> None:
    """Ends both directions; the thread that reads there finds its end, and closes it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it had ended by itself


def _handler(pages: Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT_S
        server_version = "stagewright"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(self._page())

        def do_HEAD(self) -> None:
            self._answer(self._page())

        def _page(self) -> Page:
            made = pages.get(self.path.partition("?")[0])
            if made is None:
                return Page(status=HTTPStatus.NOT_FOUND, body=b"not found\n")
            return made(self.headers.get("Accept", ""))

        def _answer(self, page: Page) -> None:
            self.close_connection = True
            self.send_response(page.status)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(page.body)

        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 # the base class's arguments
            """A status without the request's text in it, which the base class would repeat."""
            status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
            # what could not be parsed may have left either of them out, and a status line is wanted all the same
            self.command = getattr(self, "command", None) or "GET"
            self.request_version = "HTTP/1.0"
            self._answer(Page(status=status, body=f"{status.phrase.lower()}\n".encode()))

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 # the base class's name
            """Nothing: a request line is a stranger's text."""

    return Handler
