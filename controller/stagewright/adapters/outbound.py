"""One POST to an address that somebody else chose, who must not reach through us what they cannot reach themselves.

The URL's spelling is judged first (`schema.url_policy`), then every address that its host resolves to, and just such an
address is connected to: a name that resolves differently a moment later gains nothing. No redirect is followed, and of
the answer only the status is read. Where the environment names a proxy, that one resolves and connects instead.
"""

import base64
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import SplitResult, unquote, urlsplit

from requests.utils import should_bypass_proxies

from stagewright.errors import InvalidError, UnreachableError
from stagewright.schema.url_policy import address_flaw, url_flaw

# Between two bytes, and for a delivery as a whole.
TIMEOUT_S = 5.0
DEADLINE_S = 10.0
LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """How to get out. `insecure` admits http and every address; `cluster` holds the API server's.

    `proxies` are URLs by scheme, with hosts to leave out under `no`, as `urllib.request.getproxies_environment` has it.
    """

    insecure: bool = False
    cluster: tuple[str, ...] = ()
    proxies: Mapping[str, str] = field(default_factory=dict)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Deliver `body`; returns when a 2xx status was read. The messages of errors hold no part of the URL.

        InvalidError: the URL, or what it leads to, is not admitted. UnreachableError: everything else.
        """
        flaw = url_flaw(url, "service", insecure=self.insecure, cluster=self.cluster)
        if flaw:
            raise InvalidError(f"the receiver's URL is refused: {flaw}", hint="give another URL")
        parts = urlsplit(url)
        try:
            with self._connection(parts) as connection:
                target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
                if parts.scheme == "http" and self._proxy(parts) is not None:
                    target = url
                connection.request("POST", target, body=body, headers={**headers, "Connection": "close"})
                response = connection.getresponse()
                status, retry_after = response.status, response.headers.get("Retry-After", "")
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"the receiver does not answer: {type(error).__name__}") from None
        _judge(status, retry_after)

    @contextmanager
    def _connection(self, parts: SplitResult) -> Iterator[http.client.HTTPConnection]:
        host = str(parts.hostname)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        proxy = self._proxy(parts)
        address = (str(proxy.hostname), proxy.port or 3128) if proxy else (self._admitted(host, port), port)
        wire = socket.create_connection(address, TIMEOUT_S)
        # whoever sends one byte at a time would keep the time-out from ever running out
        end = threading.Timer(DEADLINE_S, _hang_up, (wire,))
        end.daemon = True
        end.start()
        try:
            if proxy is not None and parts.scheme == "https":
                _through(proxy, wire, host, port)
            if parts.scheme == "https":
                wire = ssl.create_default_context().wrap_socket(wire, server_hostname=host)
            connection = http.client.HTTPConnection(host, port)
            connection.sock = wire
            yield connection
        finally:
            end.cancel()
            wire.close()

    def _proxy(self, parts: SplitResult) -> SplitResult | None:
        named = self.proxies.get(parts.scheme)
        if not named or should_bypass_proxies(parts.geturl(), self.proxies.get("no", "")):
            return None
        return urlsplit(named if "://" in named else f"http://{named}")

    def _admitted(self, host: str, port: int) -> str:
        """An address of the host, all of which may be asked."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise UnreachableError("the receiver's name cannot be resolved") from None
        addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
        flaws = [address_flaw(ipaddress.ip_address(address), self.cluster) for address in addresses]
        flaw = next((flaw for flaw in flaws if flaw), "")
        if flaw and not self.insecure:
            raise InvalidError(f"the receiver's name leads to {flaw}", hint="give a URL that leads elsewhere")
        return addresses[0]


def _judge(status: int, retry_after: str) -> None:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status < HTTPStatus.BAD_REQUEST:
        raise UnreachableError(f"the receiver answers {status}: redirects are not followed", hint="give the final URL")
    asked = float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10 else None
    wait_s = None if asked is None else min(asked, LONGEST_WAIT_S)
    raise UnreachableError(f"the receiver answers {status}", retry_after_s=wait_s)


def _through(proxy: SplitResult, wire: socket.socket, host: str, port: int) -> None:
    """Have a proxy connect us (RFC 9110, section 9.3.6)."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.username is not None:
        shown = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(shown).decode()}")
    wire.sendall("\r\n".join((*lines, "", "")).encode())
    response = http.client.HTTPResponse(wire, method="CONNECT")
    response.begin()
    if response.status != HTTPStatus.OK:
        raise UnreachableError(f"the proxy answers {response.status} and does not connect to the receiver")


def _hang_up(wire: socket.socket) -> None:
    try:
        wire.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself
