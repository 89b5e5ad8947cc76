"""Which URLs an object of a cluster may name."""

from ipaddress import ip_address

import pytest

from stagewright.schema.url_policy import address_flaw, url_flaw

CLUSTER = ("10.96.0.1", "fd12::1")
TAKEN_SOURCES = {
    "https": "https://git.example/acme/models.git",
    "https with a port": "https://git.example:8443/acme/models.git",
    "ssh": "ssh://git@git.example:22/acme/models.git",
    "scp": "git@git.example:acme/models.git",
    "a private address": "https://10.0.0.7/models.git",
    "a private IPv6 address": "https://[fd00::7]/models.git",
    "a service": "https://gitea.forge.svc/acme/models.git",
}
MACHINE = "the controller does not ask an address of the machine itself for an object"
LINK = "the controller does not ask a link-local address, or that of a cloud's metadata service for an object"
REFUSED_SOURCES = {
    "http": ("http://git.example/models.git", "only https and ssh URLs are taken here"),
    "file": ("file:///srv/models.git", "only https and ssh URLs are taken here"),
    "git": ("git://git.example/models.git", "only https and ssh URLs are taken here"),
    "a transport": ("ext::sh -c id", "this is no URL: it holds spaces"),
    "another transport": ("fd::17", "only https and ssh URLs are taken here"),
    "a path": ("/srv/models.git", "only https and ssh URLs are taken here"),
    "an option": ("--upload-pack=id", "this is no URL"),
    "one slash": ("https:/git.example/x", "only https and ssh URLs are taken here"),
    "upper case scheme": ("HTTPS://git.example/x", "only https and ssh URLs are taken here"),
    "a backslash": ("https://git.example\\@evil.example/x", "this is no URL"),
    "a line break": ("https://git.example/\nx", "this is no URL"),
    "no host": ("https:///x", "this is no URL: its host is neither"),
    "a host that is an option": ("ssh://-oProxyCommand=id/x", "this is no URL: its host is neither"),
    "an scp host that is an option": ("git@-oProxyCommand:x", "this is no URL: its host is neither"),
    "a password": ("https://me:hunter2@git.example/x", "credentials do not belong in a URL"),
    "a token": ("https://ghp_hunter2@git.example/x", "credentials do not belong in a URL"),
    "a password for ssh": ("ssh://git:hunter2@git.example/x", "credentials do not belong in a URL"),
    "a bad port": ("https://git.example:99999/x", "this is no URL: its host or port"),
    "port 0": ("https://git.example:0/x", "this is no URL to ask at"),
    "a fragment": ("https://git.example/x#y", "this is no URL to ask at"),
    "loopback": ("https://127.0.0.1/x", MACHINE),
    "all of loopback": ("ssh://git@127.8.9.1/x", MACHINE),
    "loopback by scp": ("git@127.0.0.1:x", MACHINE),
    "IPv6 loopback": ("https://[::1]/x", MACHINE),
    "loopback as IPv6": ("https://[::ffff:127.0.0.1]/x", MACHINE),
    "loopback by NAT64": ("https://[64:ff9b::7f00:1]/x", MACHINE),
    "loopback by 6to4": ("https://[2002:7f00:1::]/x", MACHINE),
    "loopback, compatible": ("https://[::7f00:1]/x", MACHINE),
    "unspecified": ("https://0.0.0.0/x", MACHINE),
    "unspecified IPv6": ("https://[::]/x", MACHINE),
    "metadata": ("https://169.254.169.254/latest", LINK),
    "metadata by ssh": ("ssh://git@169.254.169.254/x", LINK),
    "metadata as IPv6": ("https://[fd00:ec2::254]/latest", LINK),
    "platform of Azure": ("https://168.63.129.16/machine", LINK),
    "site-local IPv6": ("https://[fec0::1]/", LINK),
    "metadata by a translation of the network's own": ("https://[64:ff9b:1::a9fe:a9fe]/latest", LINK),
    "metadata of Alibaba": ("https://100.100.100.200/latest", LINK),
    "link-local IPv6": ("https://[fe80::1]/x", LINK),
    "a zone": ("https://[fe80::1%25eth0]/x", "this is no URL: its host is neither"),
    "short loopback": ("https://127.1/x", "an address has one spelling"),
    "decimal loopback": ("https://2130706433/x", "an address has one spelling"),
    "octal loopback": ("https://0177.0.0.1/x", "an address has one spelling"),
    "hexadecimal loopback": ("https://0x7f000001/x", "an address has one spelling"),
    "the API server": ("https://10.96.0.1/x", "the controller does not ask the address of the cluster's API server"),
    "the API server by name": (
        "https://kubernetes.default.svc.cluster.local/x",
        "the controller does not ask the cluster's API server",
    ),
    "the API server by its short name": (
        "https://kubernetes/x",
        "the controller does not ask the cluster's API server",
    ),
    "localhost": ("https://localhost/x", "the controller does not ask a name of the machine itself"),
    "localhost with a dot": ("https://LOCALHOST./x", "the controller does not ask a name of the machine itself"),
    "below localhost": ("https://a.localhost/x", "the controller does not ask a name of the machine itself"),
    "metadata by name": (
        "https://metadata.google.internal/x",
        "the controller does not ask a cloud's metadata service",
    ),
    "many": ("https://224.0.0.1/x", "the controller does not ask an address of many machines"),
    "broadcast": ("https://255.255.255.255/x", "the controller does not ask an address of many machines"),
    "a percent sign in the host": ("https://git%2eexample/x", "this is no URL: its host is neither"),
    "letters that look Latin": ("https://gіt.example/x", "this is no URL"),
}


@pytest.mark.parametrize("name", TAKEN_SOURCES)
def test_url_flaw_of_a_repository_elsewhere_has_none(name: str):
    assert url_flaw(TAKEN_SOURCES[name], "source", insecure=False, cluster=CLUSTER) == ""


@pytest.mark.parametrize("name", REFUSED_SOURCES)
def test_url_flaw_of_a_repository_that_nobody_may_name_says_why(name: str):
    url, reason = REFUSED_SOURCES[name]

    found = url_flaw(url, "source", insecure=False, cluster=CLUSTER)

    assert found.startswith(reason)
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("url", "flaw"),
    [
        ("https://mlflow.example/prefix?x=1", ""),
        ("ssh://git@git.example/x", "only https URLs are taken here"),
        ("git@git.example:x", "only https URLs are taken here"),
        ("http://mlflow.example", "only https URLs are taken here"),
    ],
)
def test_url_flaw_of_a_service_takes_https_alone(url: str, flaw: str):
    assert url_flaw(url, "service", insecure=False) == flaw


@pytest.mark.parametrize(
    ("url", "flaw"),
    [
        ("http://127.0.0.1:3000/models.git", ""),
        ("file:///srv/models.git", ""),
        ("http://localhost/x", ""),
        ("http://169.254.1.1/x", ""),
        ("file://host/srv/models.git", "a file URL has no host: file:///path"),
        ("http://me:hunter2@127.0.0.1/x", "credentials do not belong in a URL: name a Secret"),
        ("ext::sh", "only https and ssh URLs are taken here"),
    ],
)
def test_url_flaw_where_insecure_urls_are_allowed_still_refuses_passwords(url: str, flaw: str):
    assert url_flaw(url, "source", insecure=True) == flaw


@pytest.mark.parametrize("address", ["93.184.216.34", "10.1.2.3", "192.168.0.1", "2001:db8::1", "fd00::1"])
def test_address_flaw_of_an_address_elsewhere_has_none(address: str):
    assert address_flaw(ip_address(address), CLUSTER) == ""
