"""Where a GitHub's API is, from where people open it."""

import pytest

from stagewright.adapters.github.address import GitHubAddress
from stagewright.errors import UsageError


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://GitHub.com/", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://git.example.com", "https://git.example.com/api/v3"),
        ("https://git.example.com:8443/", "https://git.example.com:8443/api/v3"),
        ("https://notgithub.com", "https://notgithub.com/api/v3"),
        ("https://evil-ghe.com", "https://evil-ghe.com/api/v3"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9/api/v3"),
    ],
)
def test_api_of_each_kind(url: str, api: str):
    assert GitHubAddress(url=url, repository="acme/models").api == api


@pytest.mark.parametrize(
    ("url", "repository", "said"),
    [
        ("http://git.example.com", "acme/models", "in clear text"),
        ("https://user:pw@git.example.com", "acme/models", "carries a user or a password"),
        ("https://api.github.com", "acme/models", "the API's own address"),
        ("https://api.acme.ghe.com", "acme/models", "the API's own address"),
        ("ssh://git.example.com", "acme/models", "no url of a GitHub"),
        ("https://git.example.com?x=1", "acme/models", "no url of a GitHub"),
        ("https://github.com", "models", "no repository of a GitHub"),
        ("https://github.com", "acme/models/../x", "no repository of a GitHub"),
        ("https://github.com", "acme/mod els", "no repository of a GitHub"),
    ],
)
def test_address_that_is_refused(url: str, repository: str, said: str):
    with pytest.raises(UsageError, match=said) as raised:
        GitHubAddress(url=url, repository=repository)

    assert ":pw@" not in str(raised.value)


def test_owner_and_name():
    address = GitHubAddress(url="https://github.com", repository="acme/models.v2")

    assert (address.owner, address.name, address.host) == ("acme", "models.v2", "github.com")
