"""How a configuration's Gitea is reached, and with which token: out of a file, or out of GITEA_TOKEN."""

from collections.abc import Mapping
from pathlib import Path

from stagewright.adapters.git.access import GitCredentials
from stagewright.adapters.git.transport import DEFAULT_REFS
from stagewright.adapters.gitea.client import TOKEN_HINT, GiteaAddress, GiteaClient
from stagewright.errors import ForbiddenError, UsageError
from stagewright.model.sync import HostedForge

TOKEN_VARIABLE = "GITEA_TOKEN"  # noqa: S105 -- the name of a variable
# A pull request's commits are read from its own ref, which outlives its branch and its fork.
REFS = (*DEFAULT_REFS, "refs/pull/*")

# Gitea looks at the password alone, when that is a token.
_GIT_USER = "stagewright"


def gitea_token(forge: HostedForge, env: Mapping[str, str]) -> str:
    """The token of the configured file; of the environment where none is configured. ForbiddenError: there is none."""
    if forge.token_file is None:
        token = env.get(TOKEN_VARIABLE, "").strip()
        if not token:
            raise ForbiddenError(
                f"there is no token for {forge.url}", hint=f"set {TOKEN_VARIABLE}, or spec.forge.tokenFile"
            )
        return token
    try:
        return Path(forge.token_file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        # the text of a decoding error quotes the file
        raise UsageError(f"the token in {forge.token_file} cannot be read", hint=TOKEN_HINT) from (
            error if isinstance(error, OSError) else None
        )


def open_client(forge: HostedForge, env: Mapping[str, str]) -> GiteaClient:
    """The configured Gitea's API. Nothing is asked yet."""
    ca = Path(forge.ca_file) if forge.ca_file is not None else None
    return GiteaClient(GiteaAddress(url=forge.url, token=gitea_token(forge, env), ca=ca))


def git_credentials(forge: HostedForge, env: Mapping[str, str]) -> GitCredentials:
    """What git is shown when it reads the repository over https; never part of its url."""
    ca = Path(forge.ca_file) if forge.ca_file is not None else None
    return GitCredentials(username=_GIT_USER, password=gitea_token(forge, env), ca=ca)
