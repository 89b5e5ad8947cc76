from pathlib import Path

import pytest

from stagewright.adapters.gitea.access import git_credentials, gitea_token, open_client
from stagewright.errors import ForbiddenError, UsageError
from stagewright.model.sync import HostedForge


def forge(token_file: Path | None = None) -> HostedForge:
    return HostedForge(
        type="gitea",
        url="https://git.example.com",
        repository="acme/models",
        token_file=str(token_file) if token_file else None,
    )


def test_token_comes_out_of_the_file_that_is_configured(tmp_path: Path):
    file = tmp_path / "token"
    file.write_text("from-the-file\n")

    assert gitea_token(forge(file), {"GITEA_TOKEN": "from-the-environment"}) == "from-the-file"


def test_token_comes_out_of_the_environment_where_no_file_is_configured():
    assert gitea_token(forge(), {"GITEA_TOKEN": " from-the-environment\n"}) == "from-the-environment"


@pytest.mark.parametrize("env", [{}, {"GITEA_TOKEN": " "}, {"GH_TOKEN": "github's"}])
def test_token_that_nobody_gives_is_asked_for(env: dict[str, str]):
    with pytest.raises(ForbiddenError, match=r"no token for https://git\.example\.com") as caught:
        gitea_token(forge(), env)

    assert "GITEA_TOKEN" in caught.value.hint


def test_token_file_that_is_no_text_is_not_quoted(tmp_path: Path):
    file = tmp_path / "token"
    file.write_bytes(b"secret\xff")

    with pytest.raises(UsageError, match="cannot be read") as caught:
        gitea_token(forge(file), {})

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_token_file_that_is_not_there_is_said_to_be(tmp_path: Path):
    with pytest.raises(UsageError, match="nowhere"):
        gitea_token(forge(tmp_path / "nowhere"), {})


def test_credentials_of_git_hold_the_token_and_print_none():
    credentials = git_credentials(forge(), {"GITEA_TOKEN": "s3cret"})

    assert credentials.password == "s3cret"
    assert "s3cret" not in repr(credentials) + repr(open_client(forge(), {"GITEA_TOKEN": "s3cret"}))
