"""Which URLs an object of a cluster may name, so that the controller is nobody's proxy into its own network.

Only the spelling is judged here, and literal addresses. What a name resolves to has to be judged with `address_flaw`
when it is connected to. Addresses that only the machine or its cloud should reach:

    127.0.0.0/8, ::1, 0.0.0.0/8, ::                      the machine itself (RFC 6890)
    169.254.0.0/16, fe80::/10                            link-local, with the metadata services of most clouds
    fec0::/10                                            site-local, which RFC 3879 gave up
    fd00:ec2::/32, 100.100.100.200, 192.0.0.192          the metadata services of others
    168.63.129.16                                        the platform of Azure's virtual machines (their documentation)
    64:ff9b:1::/48                                       translation within one network (RFC 8215): it leads anywhere
    multicast, and IPv6 that stands for one of the above (mapped, NAT64, 6to4)
"""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal
from urllib.parse import SplitResult, urlsplit

Purpose = Literal["source", "service"]
Address = IPv4Address | IPv6Address

_METADATA = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "fec0::/10",
        "fd00:ec2::/32",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "64:ff9b:1::/48",
    )
)
_THIS_MACHINE = tuple(ip_network(text) for text in ("127.0.0.0/8", "0.0.0.0/8", "::1", "::"))
_NAT64, _6TO4 = ip_network("64:ff9b::/96"), ip_network("2002::/16")
_LOCAL_NAMES = ("localhost", "localdomain", "ip6-localhost", "ip6-loopback")
_METADATA_NAMES = (
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.com",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.tencentyun.com",
)
_API_NAMES = re.compile(r"kubernetes(\.default(\.svc(\..+)?)?)?")
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*\.?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_SCP = re.compile(r"(?P<user>[A-Za-z0-9._-]+)@(?P<host>[^/:@]+):(?P<path>.+)")
_VISIBLE = re.compile(r"[!-\[\]-~]+")


def address_flaw(address: Address, cluster: Collection[str] = ()) -> str:
    """Why nothing may be asked at this address; empty where it may. `cluster` holds addresses of the API server."""
    if isinstance(address, IPv6Address):
        within = _embedded(address)
        if within is not None:
            return address_flaw(within, cluster)
    if str(address) in cluster:
        return "the address of the cluster's API server"
    if any(address in network for network in _METADATA if network.version == address.version):
        return "a link-local address, or that of a cloud's metadata service"
    if any(address in network for network in _THIS_MACHINE if network.version == address.version):
        return "an address of the machine itself"
    if address.is_multicast or address == IPv4Address("255.255.255.255"):
        return "an address of many machines"
    return ""


def url_flaw(url: str, purpose: Purpose, *, insecure: bool, cluster: Collection[str] = ()) -> str:
    """Why an object may not name `url`; empty where it may. The answer repeats no part of the URL.

    `purpose` is a git repository (https and ssh), or a service (https). `insecure` admits http, file and any address;
    a password is never admitted.
    """
    if not _VISIBLE.fullmatch(url) or url.startswith("-"):
        return "this is no URL: it holds spaces, backslashes or other characters that have to be encoded"
    scp = _SCP.fullmatch(url) if purpose == "source" and "://" not in url else None
    if scp:
        return _host_flaw(scp["host"], insecure=insecure, cluster=cluster)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "this is no URL: its host or port cannot be read"
    schemes = {"source": ("https", "ssh"), "service": ("https",)}[purpose]
    more = {"source": ("http", "file"), "service": ("http",)}[purpose] if insecure else ()
    if parts.scheme not in (*schemes, *more) or not url.startswith(f"{parts.scheme}://"):
        return f"only {' and '.join(schemes)} URLs are taken here"
    if parts.scheme == "file":
        return "" if not parts.netloc else "a file URL has no host: file:///path"
    if _has_secret(parts):
        return "credentials do not belong in a URL: name a Secret"
    if port == 0 or parts.fragment or "#" in url:
        return "this is no URL to ask at: it has a fragment, or the port 0"
    return _host_flaw(parts.netloc.rpartition("@")[2], insecure=insecure, cluster=cluster)


def _has_secret(parts: SplitResult) -> bool:
    user, at, _ = parts.netloc.rpartition("@")
    # the name alone is a token at many forges; ssh needs one, and keeps no secret in it
    return bool(at) and (parts.scheme != "ssh" or not re.fullmatch(r"[A-Za-z0-9._-]+", user))


def _host_flaw(netloc: str, *, insecure: bool, cluster: Collection[str]) -> str:
    """What is wrong with `host`, `host:port` or `[ipv6]:port`."""
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](:[0-9]*)?", netloc)
    host = bracketed[1] if bracketed else netloc.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if address is not None:
        return "" if insecure else _told(address_flaw(address, cluster))
    if bracketed or not _HOST.fullmatch(host):
        return "this is no URL: its host is neither a name nor an address"
    name = host.lower().rstrip(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return "an address has one spelling: four decimal numbers, or IPv6 in brackets"
    if insecure:
        return ""
    if name in _LOCAL_NAMES or name.endswith(tuple(f".{local}" for local in _LOCAL_NAMES[:2])):
        return _told("a name of the machine itself")
    if name in _METADATA_NAMES:
        return _told("a cloud's metadata service")
    if name in cluster or _API_NAMES.fullmatch(name):
        return _told("the cluster's API server")
    return ""


def _told(flaw: str) -> str:
    return f"the controller does not ask {flaw} for an object" if flaw else ""


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return address.sixtofour
    if 1 < int(address) <= 0xFFFFFFFF:  # ::a.b.c.d, obsolete, and still routed by some
        return IPv4Address(int(address))
    return None
