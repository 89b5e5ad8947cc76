"""What is shown to GitHub, and where it comes from."""

from pathlib import Path

import pytest

from stagewright.adapters.clock import SystemClock
from stagewright.adapters.github.access import AppCredentials, TokenCredentials, environment_token
from stagewright.adapters.github.opening import open_client
from stagewright.errors import ForbiddenError, UsageError
from stagewright.model.sync import AppInstallation, HostedForge, KeyReference


def gh(folder: Path, script: str) -> dict[str, str]:
    """An environment with a `gh` of that script in it."""
    program = folder / "gh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": str(folder)}


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"GH_TOKEN": "ghp_one", "GITHUB_TOKEN": "ghp_two"}, "ghp_one"),
        ({"GITHUB_TOKEN": "ghp_two\n"}, "ghp_two"),
        ({"GH_TOKEN": "", "GITHUB_TOKEN": "ghp_two"}, "ghp_two"),
        ({"PATH": "/nowhere"}, None),
    ],
)
def test_environment_token_of_variables(env: dict[str, str], expected: str | None):
    assert environment_token(env, "github.com") == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('[ "$*" = "auth token --hostname git.example.com" ] && echo ghp_of_gh', "ghp_of_gh"),
        ("echo ghp_of_gh; exit 1", None),
        ("echo no token; exit 0", None),
    ],
    ids=["logged in", "failed", "said something else"],
)
def test_environment_token_of_gh(tmp_path: Path, script: str, expected: str | None):
    assert environment_token(gh(tmp_path, script), "git.example.com") == expected


@pytest.mark.parametrize("token", ["", "a b c d", "ghp_1\nX-Evil: 1", "ghp_ü"])
def test_token_that_is_none_is_refused_and_not_repeated(token: str):
    with pytest.raises(UsageError, match="no token") as raised:
        TokenCredentials(token=token)

    assert not token or token not in str(raised.value)


def test_token_is_not_printed():
    assert "ghp_secret" not in repr(TokenCredentials(token="ghp_secret"))


@pytest.mark.parametrize(
    "key", ["", "hunter2", "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----"]
)
def test_key_that_is_none_is_refused_and_not_repeated(key: str):
    with pytest.raises(UsageError, match="no RSA key in PEM") as raised:
        AppCredentials(app="1", installation=2, private_key=key, clock=SystemClock())

    assert "hunter2" not in f"{raised.value} {raised.value.__cause__}"


def test_opening_without_anything_to_show_says_what_to_do(tmp_path: Path):
    choice = HostedForge(type="github", url="https://github.com", repository="acme/models")

    with pytest.raises(ForbiddenError, match=r"no token for https://github\.com") as raised:
        open_client(choice, {"PATH": str(tmp_path)}, SystemClock())

    assert "GH_TOKEN" in raised.value.hint


def test_opening_with_a_key_that_is_not_there_says_which(tmp_path: Path):
    key = KeyReference(scheme="file", location=str(tmp_path / "app.pem"))
    choice = HostedForge(
        type="github", url="https://github.com", repository="acme/models",
        app=AppInstallation(id="1", installation=2, private_key=key),
    )  # fmt: skip

    with pytest.raises(UsageError, match=r"app\.pem cannot be read"):
        open_client(choice, {}, SystemClock())


def test_opening_with_a_token_file(tmp_path: Path):
    file = tmp_path / "token"
    file.write_text("ghp_filed\n")
    choice = HostedForge(type="github", url="https://git.example.com", repository="acme/models", token_file=str(file))

    client = open_client(choice, {}, SystemClock())

    assert (client.address.api, client.git_credentials().username, client.git_credentials().password) == (
        "https://git.example.com/api/v3", "x-access-token", "ghp_filed",
    )  # fmt: skip
