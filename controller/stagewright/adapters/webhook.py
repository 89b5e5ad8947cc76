"""A door for webhooks: whoever knows a secret may wake the loop, and that is all that anybody can do here.

    POST /webhook                                                        a controller of many: /webhook/NAMESPACE/NAME
    X-Hub-Signature-256: sha256=<hex HMAC-SHA256 over the raw body>      GitHub, Gitea, Forgejo
    X-Gitea-Signature: <the same hex, bare>                              where the first is missing
    X-GitHub-Event: push                                                 X-Gitea-Event where it is missing

The body is not parsed and nothing in it is believed: what happened is read from the forge, as if nobody had knocked.
So a replay is harmless, a flood comes to one more sync, and a lost webhook costs the time until the next poll.
TLS is a reverse proxy's business.
"""

import hmac
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from stagewright.errors import StagewrightError, UsageError

PATH = "/webhook"
# What GitHub sends at most. It is read in pieces, and never held.
MAX_BODY_BYTES = 25 * 1024**2
PIECE_BYTES = 64 * 1024
# Between two pieces, and for a whole request.
TIMEOUT_S = 5.0
DEADLINE_S = 20.0
STOP_WITHIN_S = 0.05
MAX_CONNECTIONS = 16
MIN_SECRET_BYTES = 16
# What can change a verdict or what is on the branch; the last ones are Gitea's names for reviews.
EVENTS = frozenset(
    {
        "push", "pull_request", "pull_request_review", "merge_group", "membership", "team", "repository",
        "pull_request_approved", "pull_request_rejected", "pull_request_comment", "pull_request_sync",
    }
)  # fmt: skip


def read_secrets(files: tuple[str, ...]) -> tuple[bytes, ...]:
    """The secrets in these files, one each, without what is blank around it. UsageError, which does not repeat one."""
    if not files:
        raise UsageError("no secret for webhooks is configured", hint="set spec.forge.webhook.secretFiles")
    found = []
    for file in files:
        try:
            secret = Path(file).read_bytes().strip()
        except OSError as error:
            raise UsageError(f"the secret in {file} cannot be read: {error.strerror}") from error
        if len(secret) < MIN_SECRET_BYTES:
            raise UsageError(
                f"the secret in {file} is shorter than {MIN_SECRET_BYTES} bytes", hint="make one: openssl rand -hex 32"
            )
        found.append(secret)
    return tuple(found)


def parse_address(text: str) -> tuple[str, int]:
    """`127.0.0.1:9000`, `[::1]:9000`, or `9000`, which is on this machine only."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if colon else "127.0.0.1"
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UsageError(f"{text!r} is no address to listen on", hint="write 127.0.0.1:9000, or just the port")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class Door:
    """One place to knock at. `secrets` is asked for each request, so that one can be rotated.

    `wake` is called for each webhook that is genuine; it has to be quick.
    """

    secrets: Callable[[], tuple[bytes, ...]]
    wake: Callable[[], None]


Doors = Callable[[str], Door | None]
"""The door behind a request's path; None where there is none."""


class ManyDoors:
    """Listens while a `with` block lasts."""

    def __init__(self, address: tuple[str, int], doors: Doors) -> None:
        """Port 0 takes any that is free. UsageError where nothing can listen there."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET

        class Server(_Server):
            address_family = family

        try:
            self._server = Server(address, _handler(doors))
        except OSError as error:
            raise UsageError(
                f"nothing can listen on {address[0]} port {address[1]}: {error.strerror}", hint="choose another address"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": STOP_WITHIN_S}, name="webhook", daemon=True
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


class WebhookListener(ManyDoors):
    """Listens while a `with` block lasts. `wake` is called for each webhook that is genuine; it has to be quick."""

    def __init__(
        self, address: tuple[str, int], secrets: Callable[[], tuple[bytes, ...]], wake: Callable[[], None]
    ) -> None:
        """`secrets` is asked for each request, so that one can be rotated. Port 0 takes any that is free."""
        secrets()
        door = Door(secrets, wake)
        super().__init__(address, lambda path: door if path == PATH else None)


class _Server(ThreadingHTTPServer):
    """Answers at most MAX_CONNECTIONS at once, and closes the door on the others: polling finds what they missed."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._room = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hung up in the middle is nobody's concern."""


def _handler(doors: Doors) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT_S
        server_version = "stagewright"
        sys_version = ""

        def do_POST(self) -> None:
            door = doors(self.path)
            status = self._judge(door.secrets) if door is not None else HTTPStatus.NOT_FOUND
            if door is not None and status is HTTPStatus.ACCEPTED:
                door.wake()
            self._answer(status)

        def do_GET(self) -> None:
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED if doors(self.path) else HTTPStatus.NOT_FOUND)

        def _judge(self, secrets: Callable[[], tuple[bytes, ...]]) -> HTTPStatus:
            """What to answer. ACCEPTED alone wakes."""
            length = self._one("Content-Length")
            if length is None or not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
                return HTTPStatus.LENGTH_REQUIRED
            if len(length) > 9 or int(length) > MAX_BODY_BYTES:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            try:
                known = secrets()
            except StagewrightError:
                return HTTPStatus.INTERNAL_SERVER_ERROR
            digests = [hmac.new(secret, digestmod=sha256) for secret in known]
            if not self._read(int(length), digests):
                return HTTPStatus.BAD_REQUEST
            claimed = self._claimed()
            # every secret is tried, so that the time tells nothing
            genuine = sum(hmac.compare_digest(digest.hexdigest().encode(), claimed) for digest in digests)
            if not genuine:
                return HTTPStatus.UNAUTHORIZED
            event = self._one("X-GitHub-Event") or self._one("X-Gitea-Event")
            return HTTPStatus.ACCEPTED if event in EVENTS else HTTPStatus.OK

        def _claimed(self) -> bytes:
            """The signature that the request shows; empty where it shows none in the one spelling."""
            hub = self._one("X-Hub-Signature-256")
            if "X-Hub-Signature-256" in self.headers:
                return hub.removeprefix("sha256=").encode("latin-1") if hub and hub.startswith("sha256=") else b""
            return (self._one("X-Gitea-Signature") or "").encode("latin-1")

        def _one(self, name: str) -> str | None:
            """A header that is there just once; else it is taken for missing."""
            found = self.headers.get_all(name, [])
            return str(found[0]) if len(found) == 1 else None

        def _read(self, length: int, digests: list["hmac.HMAC"]) -> bool:
            """Take the body in, piece by piece; whether it came whole and in time."""
            end = time.monotonic() + DEADLINE_S
            while length > 0:
                piece = self.rfile.read1(min(length, PIECE_BYTES))
                if not piece or time.monotonic() > end:
                    return False
                length -= len(piece)
                for digest in digests:
                    digest.update(piece)
            return True

        def _answer(self, status: HTTPStatus) -> None:
            # what was not read of the request is not taken for another one
            self.close_connection = True
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 # the base class's name
            """Nothing: a request line is a stranger's text."""

    return Handler
