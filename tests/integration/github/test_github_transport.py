"""How GitHub is reached: its own CA, a proxy, Enterprise Server and its API's two halves, and what is logged of it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from stagewright.adapters.clock import SystemClock
from stagewright.adapters.github.access import TokenCredentials
from stagewright.adapters.github.address import GitHubAddress
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.pulls import PullReader
from stagewright.errors import NotFoundError, UnreachableError
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.faults import Fault
from tests.github_world import GitHubWorld


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[GitHubDouble]:
    with GitHubDouble(tmp_path / "secured", tls=True) as double:
        yield double


def client_of(double: GitHubDouble, *, url: str | None = None, ca: Path | None = None) -> GitHubClient:
    ada = double.world.account("ada")
    double.world.repository(ada, "models")
    token = double.world.token(ada)
    address = GitHubAddress(url=url or double.url, repository="ada/models", ca=ca)
    return GitHubClient(
        address, TokenCredentials(token=token.secret), clock=SystemClock(), sleep=lambda _: None, write_pause_s=0
    )


def test_own_ca_is_trusted_when_it_is_named(secured: GitHubDouble):
    client = client_of(secured, ca=secured.certificate)

    assert client.row(client.repo)["full_name"] == "ada/models"


def test_unknown_ca_is_not_trusted(secured: GitHubDouble):
    client = client_of(secured)

    with pytest.raises(UnreachableError, match=r"does not answer: (SSLError|MaxRetryError)"):
        client.row(client.repo)
    assert secured.seen == []


def test_proxy_of_the_environment_is_used(github: GitHubDouble, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", github.url)
    monkeypatch.setenv("http_proxy", github.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    client = client_of(github, url="http://127.0.0.1:9")

    assert client.row(client.repo)["full_name"] == "ada/models"


def test_password_of_a_netrc_is_not_sent(github: GitHubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login x password ghp_of_somebody_else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client = client_of(github)

    assert client.row("/user")["login"] == "ada"


def test_enterprise_server_is_asked_below_its_own_paths(world: GitHubWorld, github: GitHubDouble):
    number, _, _ = world.merged()
    github.seen.clear()

    PullReader(world.client).of_numbers((number,))
    world.client.row(world.client.repo)

    assert [one.path for one in github.seen] == ["/api/graphql", "/api/v3/repos/acme/models"]


def test_writes_are_sent_once(world: GitHubWorld, github: GitHubDouble):
    fault = github.faults.add(Fault(kind="status", path="/statuses/", method="POST", status=502, times=None))

    with pytest.raises(UnreachableError, match="answers 502"):
        world.client.send("POST", f"{world.client.repo}/statuses/{world.first}", {"state": "success"})

    assert fault.met == 1


def test_redirect_is_never_followed_with_the_token(world: GitHubWorld, github: GitHubDouble):
    location = f"{github.url}/somewhere/else"
    github.faults.add(Fault(kind="status", path="/collaborators", status=307, headers={"Location": location}))
    github.seen.clear()

    with pytest.raises(UnreachableError, match="with a redirect"):
        world.client.rows(f"{world.client.repo}/collaborators")

    assert [one.path for one in github.seen if "somewhere" in one.path] == []


def test_missing_thing_is_told_from_a_missing_repository(world: GitHubWorld):
    with pytest.raises(NotFoundError, match="/repos/acme/models/pulls/9"):
        world.client.row(f"{world.client.repo}/pulls/9")

    world.hosted.gone = True
    with pytest.raises(UnreachableError, match="acme/models is gone"):
        world.client.row(f"{world.client.repo}/pulls/9")


def test_answer_that_says_nothing_changed_is_the_one_before(world: GitHubWorld, github: GitHubDouble):
    before = world.client.rows(f"{world.client.repo}/collaborators")
    github.seen.clear()

    again = world.client.rows(f"{world.client.repo}/collaborators")

    assert (again, [(one.status, one.points) for one in github.seen]) == (before, [(304, 0)])


def test_tokens_are_in_no_log(app_world: GitHubWorld, github: GitHubDouble, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    app_world.forge.writers()

    secrets = [token.secret for token in github.world.tokens.values()]
    assert [secret for secret in secrets if secret in caplog.text] == []
    assert len(secrets) > 1


def test_mirror_holds_the_heads_of_pull_requests_and_not_their_trial_merges(world: GitHubWorld):
    number, head, merge = world.merged()
    world.push("dana", "promote", None)
    world.git_origin("update-ref", f"refs/pull/{number}/merge", merge)

    world.fetch()

    assert world.source.refs("refs/pull/") == {f"refs/pull/{number}/head": head}


def test_git_is_shown_a_token_that_has_not_ended(app_world: GitHubWorld, github: GitHubDouble):
    app_world.fetch()
    github.world.clock.advance(hours=2)
    head = app_world.put("dana", {"a.txt": "1\n"})

    assert app_world.fetch() == head
