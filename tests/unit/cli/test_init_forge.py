"""Which forge `init` takes a repository's address for."""

import pytest

from stagewright.cli.init import _forge
from stagewright.errors import UsageError
from stagewright.model.sync import HostedForge


@pytest.mark.parametrize(
    ("kind", "url", "repository", "place", "name"),
    [
        ("github", None, "https://github.com/acme/models.git", "https://github.com", "acme/models"),
        ("github", None, "https://github.com/acme/models", "https://github.com", "acme/models"),
        ("github", None, "git@github.com:acme/models.git", "https://github.com", "acme/models"),
        ("github", "https://ghe.example/", "git@ghe.example:acme/models.git", "https://ghe.example", "acme/models"),
        ("gitea", None, "http://127.0.0.1:3000/acme/models.git", "http://127.0.0.1:3000", "acme/models"),
        ("gitea", "https://x.example/git", "https://x.example/git/a/b.c.git", "https://x.example/git", "a/b.c"),
        ("gitea", "https://x.example", "ssh://git@x.example:2222/a/b.git", "https://x.example", "a/b"),
    ],
)
def test_forge_of_a_repository_follows_from_its_address(
    kind: str, url: str | None, repository: str, place: str, name: str
):
    found = _forge(kind, url, repository)
    assert isinstance(found, HostedForge)
    assert (found.type, found.url, found.repository) == (kind, place, name)


def test_git_alone_needs_no_address():
    assert _forge("git", None, None) == "git"


@pytest.mark.parametrize(
    ("kind", "url", "repository", "reason"),
    [
        ("gitlab", None, None, "'gitlab' is no forge"),
        ("git", "https://x.example", None, "git alone has no address"),
        ("github", None, None, "the repository has to be there"),
        ("github", None, "/srv/origin.git", "the repository has to be there"),
        ("github", None, "https://github.com/models", "the repository has to be there"),
        ("github", None, "https://u:p@github.com/a/b", "the repository has to be there"),
        ("gitea", None, "git@x.example:a/b.git", "the address of gitea does not follow"),
    ],
)
def test_forge_that_does_not_follow_is_asked_for(kind: str, url: str | None, repository: str | None, reason: str):
    with pytest.raises(UsageError, match=reason) as caught:
        _forge(kind, url, repository)
    assert caught.value.hint
