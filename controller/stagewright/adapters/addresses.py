"""What the hosts that an object names resolve to, judged before anything is asked of them.

A name is looked up again when it is connected to, and may lead elsewhere by then: whoever owns the name can do that on
purpose. What is asked of such a host is little (a path that the protocol fixes, and no answer is passed on), and a
NetworkPolicy closes the rest.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlsplit

from requests.utils import should_bypass_proxies

from stagewright.errors import System, UnreachableError
from stagewright.schema.url_policy import address_flaw

_SCP = re.compile(r"[A-Za-z0-9._-]+@([^/:@]+):")
Resolve = Callable[[str], list[str]]


def resolve(host: str) -> list[str]:
    """The addresses of a host; none where it has no address now."""
    try:
        return [str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


def require_admitted(
    url: str,
    system: System | None,
    *,
    cluster: Collection[str],
    proxies: Mapping[str, str],
    resolving: Resolve = resolve,
) -> None:
    """UnreachableError where the host of `url` leads to an address that nobody may ask through us.

    A host without an address is left to whoever connects; one that a proxy connects to is the proxy's to judge.
    """
    scp = _SCP.match(url) if "://" not in url else None
    parts = urlsplit(url)
    host = scp[1] if scp else parts.hostname
    behind_a_proxy = parts.scheme in proxies and not should_bypass_proxies(url, proxies.get("no", ""))
    if host is None or behind_a_proxy:
        return
    for address in resolving(host):
        flaw = address_flaw(ipaddress.ip_address(address), cluster)
        if flaw:
            error = UnreachableError(
                f"the host {host} leads to {flaw}, and is not asked anything",
                hint="name a host that leads elsewhere, or let the operator allow such addresses",
            )
            error.system = system
            raise error
