"""Where the hosts that an object names lead to, with a resolver in hand."""

import pytest

from stagewright.adapters.addresses import require_admitted, resolve
from stagewright.errors import UnreachableError

CLUSTER = ("10.96.0.1",)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "an address of the machine itself"),
        ("::1", "an address of the machine itself"),
        ("169.254.169.254", "a link-local address"),
        ("fe80::1", "a link-local address"),
        ("fd00:ec2::254", "metadata service"),
        ("::ffff:169.254.169.254", "a link-local address"),
        ("10.96.0.1", "the cluster's API server"),
    ],
)
@pytest.mark.parametrize(
    "url", ["https://git.example/acme/models.git", "ssh://git@git.example/acme.git", "git@git.example:acme/models.git"]
)
def test_host_that_leads_to_where_nobody_may_ask_is_not_asked(url: str, address: str, why: str):
    asked: list[str] = []

    def resolving(host: str) -> list[str]:
        asked.append(host)
        return ["192.0.2.7", address]

    with pytest.raises(UnreachableError, match=why) as caught:
        require_admitted(url, "repository", cluster=CLUSTER, proxies={}, resolving=resolving)
    assert (asked, caught.value.system) == (["git.example"], "repository")


@pytest.mark.parametrize("found", [[], ["192.0.2.7"], ["10.0.0.7", "2001:db8::7"]], ids=repr)
def test_host_that_leads_elsewhere_or_nowhere_is_left_to_whoever_connects(found: list[str]):
    require_admitted("https://git.example", "forge", cluster=CLUSTER, proxies={}, resolving=lambda _: found)
    with pytest.raises(UnreachableError):
        require_admitted("https://git.example", "forge", cluster=CLUSTER, proxies={}, resolving=lambda _: ["127.0.0.2"])


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://git.example/x", []),
        ("https://inside.example/x", ["inside.example"]),
        ("ssh://git@git.example/x", ["git.example"]),
    ],
)
def test_host_behind_a_proxy_is_the_proxys_to_judge(url: str, asked: list[str]):
    seen: list[str] = []
    proxies = {"https": "http://proxy.example:3128", "no": "inside.example"}

    def resolving(host: str) -> list[str]:
        seen.append(host)
        return []

    require_admitted(url, None, cluster=CLUSTER, proxies=proxies, resolving=resolving)
    assert seen == asked


def test_resolve_of_literal_names_of_this_machine_and_no_name():
    assert resolve("169.254.169.254") == ["169.254.169.254"]
    assert set(resolve("localhost")) <= {"127.0.0.1", "::1"}
    assert resolve("nowhere.invalid") == []
    assert resolve("a" * 300) == []
