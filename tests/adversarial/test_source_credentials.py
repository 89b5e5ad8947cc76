"""Where the forge's token goes: to the forge, and to nobody whom a configuration merely names as its repository."""

import base64
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from stagewright.adapters.git.source import GitSource
from stagewright.bootstrap.places import place_of
from stagewright.errors import ForbiddenError
from stagewright.model.sync import HostedForge, KeyReference, RegistrySync, SourceAccess
from tests.bank import Bank
from tests.certificates import Authority
from tests.git_http import GitHttpServer
from tests.git_world import World

TOKEN = "the-token-of-the-forge"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world", files={"README.md": "Desired state.\n", "CODEOWNERS": ""})


def configured(world: World, url: str, forge_url: str, folder: Path) -> RegistrySync:
    (folder / "token").write_text(TOKEN)
    key = KeyReference(scheme="file", location="none.pem")
    bank = Bank(folder / "bank").config
    forge = HostedForge(type="gitea", url=forge_url, repository="acme/models", token_file=str(folder / "token"))
    return replace(bank, url=url, forge=forge, mirror=str(world.root / "mirror"), log_key=key, entry_key=key)


def shown(server: GitHttpServer) -> set[str]:
    given = [text.removeprefix("Basic ") for text in server.authorizations if text]
    return {base64.b64decode(text).decode().partition(":")[2] for text in given}


def test_token_of_the_forge_is_shown_to_the_repository_on_it(world: World, tmp_path: Path):
    with GitHttpServer(world.root, login=f"stagewright:{TOKEN}") as forge:
        url = forge.url("origin.git")
        config = configured(world, url, url.removesuffix("/origin.git"), tmp_path)
        assert place_of(config, {}).source.fetch() == world.first
        assert shown(forge) == {TOKEN}


def test_repository_with_a_certificate_of_its_own_is_still_shown_the_token_of_the_forge(world: World, tmp_path: Path):
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, authority.issue("server")))
    with GitHttpServer(world.root, login=f"stagewright:{TOKEN}", tls=context) as forge:
        url = forge.url("origin.git")
        config = configured(world, url, url.removesuffix("/origin.git"), tmp_path)
        trusting = replace(config, source_access=SourceAccess(ca_file=str(authority.certificate)))
        assert place_of(trusting, {}).source.fetch() == world.first
        assert shown(forge) == {TOKEN}


@pytest.mark.parametrize("forge_url", ["https://git.example", "http://127.0.0.1:1", "http://localhost"])
def test_token_of_the_forge_is_shown_to_no_other_place(world: World, tmp_path: Path, forge_url: str):
    with GitHttpServer(world.root, login=f"stagewright:{TOKEN}") as elsewhere:
        config = configured(world, elsewhere.url("origin.git"), forge_url, tmp_path)
        with pytest.raises(ForbiddenError, match="asks for credentials"):
            place_of(config, {}).source.fetch()
        assert shown(elsewhere) == set()
        # a repository that lies elsewhere on purpose has credentials of its own
        (tmp_path / "password").write_text(TOKEN)
        (tmp_path / "user").write_text("stagewright")
        own = SourceAccess(username_file=str(tmp_path / "user"), password_file=str(tmp_path / "password"))
        assert place_of(replace(config, source_access=own), {}).source.fetch() == world.first


def test_repository_that_was_moved_is_not_asked_anything_before_that_is_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bank = Bank(tmp_path / "bank")
    bank.train()
    bank.sync()
    other = World(tmp_path / "other", files={"README.md": "Another desired state.\n", "CODEOWNERS": ""})
    asked: list[str] = []
    real = GitSource.fetch

    def heard(source: GitSource) -> str:
        asked.append(source.url)
        return real(source)

    monkeypatch.setattr(GitSource, "fetch", heard)
    bank.configure(url=str(other.origin))
    report = bank.sync()
    assert (asked, bool(report.stalled), bool(report.rebind)) == ([], True, True)
    bank.configure(url=str(bank.world.origin))
    bank.sync()
    assert asked == [str(bank.world.origin)]
