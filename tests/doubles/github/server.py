"""The double on its port: HTTP in, git and the API behind it, faults between."""

import base64
import gzip
import json
import ssl
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tests.doubles.github.accounts import Identity, at_least
from tests.doubles.github.faults import HTML, Fault, shortened
from tests.doubles.github.problem import Problem
from tests.doubles.github.world import visible
from tests.git_world import environment

if TYPE_CHECKING:
    from tests.doubles.github.double import GitHubDouble

GIT = ("/info/refs", "/git-upload-pack", "/git-receive-pack")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, still quoted."""
        return urlsplit(self.target).path

    def secret(self) -> str | None:
        """The token that was shown, by any of the ways that GitHub takes one."""
        kind, _, rest = (self.headers.get("Authorization") or "").partition(" ")
        if kind.lower() in {"bearer", "token"}:
            return rest.strip()
        if kind.lower() == "basic":
            try:
                user, _, password = base64.b64decode(rest).decode().partition(":")
            except ValueError as error:
                raise Problem(401, "Bad credentials") from error
            return password if password and password != "x-oauth-basic" else user
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An answer as it goes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def server(double: "GitHubDouble") -> ThreadingHTTPServer:
    """A server on a free port of loopback for a double."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1
        timeout = 60

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            pass

        def serve(self) -> None:
            incoming = Incoming(method=self.command, target=self.path, headers=self.headers, body=_body(self))
            fault = double.faults.meet(self.command, incoming.path)
            outgoing = None
            if fault is None or fault.forward or fault.kind in {"short", "stale", "truncated", "empty"}:
                outgoing = double.answer(incoming)
                outgoing = double.remembered(incoming, outgoing, stale=fault is not None and fault.kind == "stale")
            if fault is None and outgoing is not None:
                self.send(outgoing)
            elif fault is not None:
                self.fail(fault, outgoing or Outgoing(status=200, headers={}, body=b"[" + b" " * 64 + b"]"))

        def send(self, outgoing: Outgoing, *, cut: bool = False) -> None:
            self.send_response_only(outgoing.status)
            for name, text in outgoing.headers.items():
                self.send_header(name, text)
            if outgoing.status != 304:
                self.send_header("Content-Length", str(len(outgoing.body)))
            if cut:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(outgoing.body[: len(outgoing.body) // 2] if cut else outgoing.body)
            self.wfile.flush()

        def fail(self, fault: Fault, real: Outgoing) -> None:
            kinds = {"Content-Type": "application/json; charset=utf-8", **fault.headers}
            if fault.kind == "hang":
                double.faults.released.wait()
                self.close_connection = True
            elif fault.kind == "reset":
                self.close_connection = True
            elif fault.kind == "truncated":
                self.close_connection = True
                self.send(real, cut=True)
            elif fault.kind == "html":
                page = {"Content-Type": "text/html; charset=utf-8", **fault.headers}
                self.send(Outgoing(status=200, headers=page, body=HTML))
            elif fault.kind == "empty":
                body = b"[]" if real.body[:1] in {b"[", b""} else b"{}"
                self.send(Outgoing(status=200, headers=kinds, body=body))
            elif fault.kind == "stale":
                self.send(real)
            elif fault.kind == "short":
                headers = {name: text for name, text in real.headers.items() if name not in {"Link", "ETag"}}
                body = json.dumps(shortened(json.loads(real.body))).encode()
                self.send(Outgoing(status=real.status, headers=headers, body=body))
            elif fault.kind == "body":
                self.send(Outgoing(status=200, headers=kinds, body=fault.body))
            else:
                text = fault.body or json.dumps({"message": "Server Error"}).encode()
                self.send(Outgoing(status=fault.status, headers=kinds, body=text))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 -- http.server looks for these names

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 -- the base class
            # whoever goes away in the middle is no fault of the double
            if not isinstance(sys.exception(), ConnectionError | TimeoutError | ssl.SSLError):
                double.violations.append(traceback.format_exc())

    made = Server(("127.0.0.1", 0), Handler)
    if double.certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(double.certificate)
        # the handshake happens in the thread of its connection, so that one who never ends it keeps nobody waiting
        made.socket = context.wrap_socket(made.socket, server_side=True, do_handshake_on_connect=False)
    return made


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


# git


def is_git(path: str) -> bool:
    """Whether a path is git's smart protocol."""
    return any(path.endswith(tail) and path.count("/") >= 3 for tail in GIT)


def answer_git(double: "GitHubDouble", incoming: Incoming) -> Outgoing:
    """Let git answer, for those who may; a push is noted with whose it was."""
    tail = next(tail for tail in GIT if incoming.path.endswith(tail))
    owner, _, name = unquote(incoming.path.removesuffix(tail)).strip("/").removesuffix(".git").partition("/")
    query = urlsplit(incoming.target).query
    push = tail == "/git-receive-pack" or "service=git-receive-pack" in query
    try:
        identity = double.world.identify(incoming.secret())
        repository, moved = double.world.find_repository(owner, name)
        repository = visible(double.world, repository, identity)
    except Problem as problem:
        # to git, what may not be seen is asked for a password first
        if problem.status == 404 and incoming.secret() is not None:
            return Outgoing(status=404, headers={"Content-Type": "text/plain"}, body=b"Repository not found.")
        return Outgoing(status=401, headers={"WWW-Authenticate": 'Basic realm="GitHub"'}, body=b"")
    if moved:
        there = f"{double.url}/{repository.full_name}.git{tail}" + (f"?{query}" if query else "")
        return Outgoing(status=301, headers={"Location": there}, body=b"")
    if push and (problem_text := _refusal(double, repository, identity)):
        status = 401 if identity.account is None else 403
        headers = {"WWW-Authenticate": 'Basic realm="GitHub"'} if status == 401 else {"Content-Type": "text/plain"}
        return Outgoing(status=status, headers=headers, body=problem_text.encode())
    if tail != "/git-receive-pack":
        return _backend(double, repository.id, tail, query, incoming, protected=())
    with double.lock:
        before = double.world.git.branches(repository.id)
        admin = at_least(double.world.seen_by(repository, identity), "admin")
        protected = tuple(
            f"refs/heads/{branch}"
            for branch, rules in repository.protection.items()
            if (not admin or rules.get("enforce_admins")) and rules.get("required_pull_request_reviews")
        )
        outgoing = _backend(double, repository.id, tail, query, incoming, protected=protected)
        double.forge.refs_changed(repository, identity.account, before)
    return outgoing


def _refusal(double: "GitHubDouble", repository: Any, identity: Identity) -> str | None:
    if identity.account is None:
        return "Authentication required"
    if repository.archived:
        return "This repository was archived so it is read-only."
    if not at_least(double.world.seen_by(repository, identity), "push"):
        return f"Permission to {repository.full_name}.git denied to {identity.account.login}."
    return None


def _backend(
    double: "GitHubDouble", repository: int, tail: str, query: str, incoming: Incoming, *, protected: tuple[str, ...]
) -> Outgoing:
    body = incoming.body
    if incoming.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    env = environment(double.world.git.root) | {
        "GIT_PROJECT_ROOT": str(double.world.git.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": incoming.method,
        "PATH_INFO": f"/{repository}.git{tail}",
        "QUERY_STRING": query,
        "CONTENT_TYPE": incoming.headers.get("Content-Type") or "",
        "CONTENT_LENGTH": str(len(body)),
        "GIT_PROTOCOL": incoming.headers.get("Git-Protocol") or "",
        "REMOTE_USER": "double",
        "DOUBLE_PROTECTED": "\n".join(protected),
    }
    done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=False)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(fields.pop("Status", "200").split(" ")[0])
    return Outgoing(status=status, headers=fields, body=content)


def start(made: ThreadingHTTPServer) -> threading.Thread:
    """Serve in the background."""
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    return thread
