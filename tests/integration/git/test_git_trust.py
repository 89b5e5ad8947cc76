"""Origins that are trusted otherwise than the machine trusts: over https with certificates of their own."""

import json
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from stagewright.adapters.git import apart
from stagewright.adapters.git.access import GitCredentials, read_credentials
from stagewright.adapters.git.source import GitSource
from stagewright.errors import ForbiddenError, NotFoundError, StagewrightError, UnreachableError, UsageError
from stagewright.model.sync import SourceAccess
from tests.certificates import Authority
from tests.git_http import GitHttpServer
from tests.git_world import World

LOGIN = "robot:s3cret"


def context(authority: Authority) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*map(str, authority.issue("server")))
    return made


def reading(world: World, url: str, credentials: GitCredentials, branch: str = "main") -> GitSource:
    return GitSource(url=url, branch=branch, mirror=world.root / "mirror", credentials=credentials)


def test_fetch_over_https_with_the_origins_own_authority(world: World, tmp_path: Path):
    authority = Authority(tmp_path)
    shown = GitCredentials(username="robot", password="s3cret", ca=authority.certificate)
    with GitHttpServer(world.root, login=LOGIN, tls=context(authority)) as server:
        git = reading(world, server.url("origin.git"), shown)
        assert git.fetch() == world.first
        # what another process wrote into the mirror is read here
        assert git.tree(world.first).files
        world.commit("dana", {"a.txt": "a"}, branch="change")
        merged = world.merge("change", "noor")
        assert git.fetch() == merged
        assert git.first_parents(world.first, merged) == (merged,)


@pytest.mark.parametrize("trusted", ["the system's", "another"])
def test_fetch_over_https_from_an_authority_that_is_not_trusted_is_unreachable(
    world: World, tmp_path: Path, trusted: str
):
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    shown = GitCredentials(
        username="robot", password="s3cret", ca=None if trusted == "the system's" else stranger.certificate
    )
    with GitHttpServer(world.root, login=LOGIN, tls=context(authority)) as server:
        with pytest.raises(UnreachableError, match="certificate"):
            reading(world, server.url("origin.git"), shown).fetch()
        assert server.requests == []


def test_fetch_over_https_follows_no_redirect_to_another_host(world: World, tmp_path: Path):
    authority = Authority(tmp_path)
    shown = GitCredentials(username="robot", password="s3cret", ca=authority.certificate)
    with (
        GitHttpServer(world.root, login=LOGIN, tls=context(authority)) as other,
        GitHttpServer(world.root, login=LOGIN, tls=context(authority)) as server,
    ):
        elsewhere = other.url("origin.git").replace("127.0.0.1", "localhost")
        assert reading(world, elsewhere, shown).fetch() == world.first
        asked = len(other.requests)
        server.redirect = f"{elsewhere}/info/refs?service=git-upload-pack"
        with pytest.raises(UnreachableError, match="certificate"):
            GitSource(
                url=server.url("origin.git"), branch="main", mirror=world.root / "other", credentials=shown
            ).fetch()
        assert len(other.requests) == asked


@pytest.mark.parametrize(
    ("password", "branch", "kind"),
    [("wrong", "main", ForbiddenError), ("s3cret", "nothing", NotFoundError)],
    ids=["wrong password", "no such branch"],
)
def test_error_of_a_fetch_apart_is_the_error_that_it_is(
    world: World, tmp_path: Path, password: str, branch: str, kind: type[StagewrightError]
):
    authority = Authority(tmp_path)
    shown = GitCredentials(username="robot", password=password, ca=authority.certificate)
    with (
        GitHttpServer(world.root, login=LOGIN, tls=context(authority)) as server,
        pytest.raises(kind) as caught,
    ):
        reading(world, server.url("origin.git"), shown, branch).fetch()
    assert type(caught.value) is kind
    assert caught.value.hint
    assert password not in str(caught.value) + caught.value.hint


def test_fetch_apart_keeps_secrets_out_of_its_arguments_and_environment(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    authority = Authority(tmp_path)
    seen: list[tuple[list[str], dict[str, str], bytes]] = []
    real = subprocess.run

    def watched(arguments: list[str], *, input: bytes, env: dict[str, str], **rest: object) -> object:  # noqa: A002 -- subprocess names it so
        if "stagewright.adapters.git.apart" in arguments:
            seen.append((arguments, env, input))
        return real(arguments, input=input, env=env, **rest)  # type: ignore[call-overload] # as it was called

    monkeypatch.setattr(apart.subprocess, "run", watched)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of somebody else")
    shown = GitCredentials(username="robot", password="s3cret", ca=authority.certificate)
    with GitHttpServer(world.root, login=LOGIN, tls=context(authority)) as server:
        reading(world, server.url("origin.git"), shown).fetch()
    ((arguments, env, given),) = seen
    assert "s3cret" not in " ".join(arguments) + json.dumps(env)
    assert "MLFLOW_TRACKING_PASSWORD" not in env
    assert json.loads(given)["password"] == "s3cret"


def test_fetch_apart_that_ends_without_an_answer_is_unreachable(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(apart.sys, "executable", "/bin/false")
    shown = GitCredentials(ca=Authority(tmp_path).certificate)
    with pytest.raises(UnreachableError, match="ended without an answer"):
        reading(world, "https://127.0.0.1:9/origin.git", shown).fetch()
    assert sys.executable == "/bin/false"


@pytest.mark.parametrize("what", ["ca", "known_hosts"])
def test_what_is_to_be_trusted_and_is_not_there_is_told(world: World, tmp_path: Path, what: str):
    shown = GitCredentials(**{what: tmp_path / "none"})  # type: ignore[arg-type] # a row of the table
    with pytest.raises(UsageError):
        reading(world, "https://127.0.0.1:9/origin.git", shown).fetch()


def test_read_credentials_reads_each_file_and_repeats_none(tmp_path: Path):
    for name, text in {"user": "robot\n", "password": "s3cret\n", "passphrase": "open\n", "two": "s3cret\nb"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    place = str(tmp_path)
    assert read_credentials(
        SourceAccess(username_file=f"{place}/user", password_file=f"{place}/password", ca_file=f"{place}/ca")
    ) == GitCredentials(username="robot", password="s3cret", ca=tmp_path / "ca")
    assert read_credentials(
        SourceAccess(
            private_key_file=f"{place}/identity",
            passphrase_file=f"{place}/passphrase",
            known_hosts_file=f"{place}/known_hosts",
        )
    ) == GitCredentials(private_key=tmp_path / "identity", passphrase="open", known_hosts=tmp_path / "known_hosts")
    for wrong in ("two", "none"):
        with pytest.raises(UsageError) as caught:
            read_credentials(SourceAccess(password_file=f"{place}/{wrong}"))
        assert "s3cret" not in str(caught.value) + caught.value.hint
