"""Which adapters a configuration gets, and with whose credentials; nothing is asked of any forge."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stagewright.adapters.git.forge import GitForge
from stagewright.adapters.gitea.conversation import GiteaConversation
from stagewright.adapters.gitea.forge import GiteaForge
from stagewright.adapters.gitea.pull_requests import GiteaPullRequests
from stagewright.adapters.github.conversation import GitHubConversation
from stagewright.adapters.github.forge import GitHubForge
from stagewright.adapters.github.pull_requests import GitHubPullRequests
from stagewright.bootstrap.places import for_looking, in_own_name, mirror_of, place_of
from stagewright.errors import ForbiddenError, UsageError
from stagewright.model.sync import AppInstallation, ForgeChoice, HostedForge, KeyReference, RegistrySync

KEY = KeyReference(scheme="file", location="/nowhere/key.pem")
GITEA = HostedForge(type="gitea", url="https://git.example", repository="acme/models")
GITHUB = HostedForge(type="github", url="https://github.com", repository="acme/models")
APP = AppInstallation(id="1", installation=2, private_key=KEY)
NO_GH = {"PATH": "/nowhere"}


def config(root: Path, forge: ForgeChoice) -> RegistrySync:
    return RegistrySync(
        name="bank", url="https://git.example/acme/models.git", branch="main", path="", forge=forge,
        registry_uri="http://127.0.0.1:1", ledger_directory=str(root / "ledger"), log_key=KEY, entry_key=KEY,
        trust_root=None, mirror=str(root / "mirror"), interval=timedelta(minutes=1), suspend=False, dry_run=False,
    )  # fmt: skip


def test_git_alone_has_nothing_to_speak_on(tmp_path: Path):
    place = place_of(config(tmp_path, "git"), {})
    assert (type(place.forge), place.conversation, place.pull_requests) == (GitForge, None, None)


@pytest.mark.parametrize(
    ("forge", "env", "kinds"),
    [
        (GITEA, {"GITEA_TOKEN": "secret"}, (GiteaForge, GiteaConversation, GiteaPullRequests)),
        (GITHUB, {"GH_TOKEN": "secret"}, (GitHubForge, GitHubConversation, GitHubPullRequests)),
        (GITHUB, {"GITHUB_TOKEN": "secret"}, (GitHubForge, GitHubConversation, GitHubPullRequests)),
    ],
    ids=["gitea", "github by GH_TOKEN", "github by GITHUB_TOKEN"],
)
def test_forge_with_accounts_gets_its_adapters(
    tmp_path: Path, forge: HostedForge, env: dict[str, str], kinds: tuple[type, ...]
):
    place = place_of(config(tmp_path, forge), env | NO_GH)
    assert (type(place.forge), type(place.conversation), type(place.pull_requests)) == kinds


@pytest.mark.parametrize("forge", [GITEA, GITHUB], ids=["gitea", "github"])
def test_forge_without_a_token_is_forbidden(tmp_path: Path, forge: HostedForge):
    with pytest.raises(ForbiddenError, match=f"there is no token for {forge.url}"):
        place_of(config(tmp_path, forge), NO_GH)


@pytest.mark.parametrize("forge", [GITEA, GITHUB], ids=["gitea", "github"])
def test_token_is_taken_out_of_its_file(tmp_path: Path, forge: HostedForge):
    (tmp_path / "token").write_text("secret\n")
    place_of(config(tmp_path, replace(forge, token_file=str(tmp_path / "token"))), NO_GH)
    with pytest.raises(UsageError, match="cannot be read"):
        place_of(config(tmp_path, replace(forge, token_file=str(tmp_path / "other"))), NO_GH)


@pytest.mark.parametrize("content", [None, b"no key", b"\xff\xfe"], ids=["missing", "no key", "not ASCII"])
def test_key_of_an_app_that_is_none_is_refused_without_repeating_it(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "app.pem").write_bytes(content)
    key = KeyReference(scheme="file", location=str(tmp_path / "app.pem"))
    with pytest.raises(UsageError) as caught:
        place_of(config(tmp_path, replace(GITHUB, app=replace(APP, private_key=key))), NO_GH)
    assert "no key" not in str(caught.value).replace("is no RSA key", "")


def test_person_never_uses_the_credentials_of_the_controller(tmp_path: Path):
    hosted = replace(GITHUB, app=APP, token_file="/nowhere/token")
    assert in_own_name(config(tmp_path, hosted)).forge == GITHUB
    assert in_own_name(config(tmp_path, "git")).forge == "git"


def test_looking_uses_ones_own_token_where_there_is_one(tmp_path: Path):
    given = config(tmp_path, replace(GITHUB, app=APP))
    assert for_looking(given, {}) == given
    assert for_looking(given, {"GH_TOKEN": "secret"}).forge == GITHUB


def test_mirror_lies_in_the_cache_unless_said_otherwise(tmp_path: Path):
    given = config(tmp_path, "git")
    assert mirror_of(given, {}) == tmp_path / "mirror"
    assert mirror_of(replace(given, mirror=None), {"HOME": "/home/me"}) == Path(
        "/home/me/.cache/stagewright/bank/mirror.git"
    )
