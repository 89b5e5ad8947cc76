"""A real Gitea on loopback, for people, and the same by TLS on an address that pods reach.

Our programs show a token to nobody in clear text, but on loopback.
"""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stagewright.demo.gitea_server import LOOPBACK, GiteaServer
from tests.certificates import Authority
from tests.gitea.server import running_gitea

_CHUNK = 65536
_IDLE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class SecureGitea:
    """`url` is where pods reach it; `authority` is the file of certificates that they have to trust."""

    server: GiteaServer
    url: str
    authority: Path


class _Front(socketserver.ThreadingTCPServer):
    """Takes TLS off, and passes on whatever is said within."""

    daemon_threads = True

    def __init__(self, address: str, tls: ssl.SSLContext, port: int) -> None:
        super().__init__((address, 0), _Handler)
        self.tls = tls
        self.upstream = (LOOPBACK, port)


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Front)
        with contextlib.suppress(OSError), socket.create_connection(self.server.upstream) as upstream:
            self.request.settimeout(_IDLE_S)
            with self.server.tls.wrap_socket(self.request, server_side=True) as client:
                back = threading.Thread(target=_pump, args=(upstream, client), daemon=True)
                back.start()
                _pump(client, upstream)
                back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def running_secure_gitea(address: str, folder: Path) -> Iterator[SecureGitea]:
    """For the length of a `with` block; what it is known by lies in `folder`."""
    authority = Authority(folder)
    certificate, key = authority.issue("gitea", address=address)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with running_gitea(hooks_to="private,loopback") as server, _Front(address, tls, server.port) as front:
        thread = threading.Thread(target=front.serve_forever, daemon=True)
        thread.start()
        port = front.server_address[1]
        try:
            yield SecureGitea(server=server, url=f"https://{address}:{port}", authority=authority.certificate)
        finally:
            front.shutdown()
            thread.join()
