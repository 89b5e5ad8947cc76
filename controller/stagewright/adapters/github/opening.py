"""How a configuration's GitHub is reached: as an App, with a token out of a file, or with one's own."""

from collections.abc import Mapping
from pathlib import Path

from stagewright.adapters.github.access import AppCredentials, Credentials, TokenCredentials, environment_token
from stagewright.adapters.github.address import GitHubAddress
from stagewright.adapters.github.client import GitHubClient
from stagewright.errors import ForbiddenError, UsageError
from stagewright.model.sync import HostedForge
from stagewright.ports import Clock, Telemetry


def open_client(
    forge: HostedForge, env: Mapping[str, str], clock: Clock, telemetry: Telemetry | None = None
) -> GitHubClient:
    """The configured repository's API. Nothing is asked yet. ForbiddenError: there is nothing to show it."""
    address = GitHubAddress(
        url=forge.url, repository=forge.repository, ca=Path(forge.ca_file) if forge.ca_file is not None else None
    )
    credentials = _credentials(forge, env, clock, address.host)
    return GitHubClient(address, credentials, clock=clock, telemetry=telemetry)


def _credentials(forge: HostedForge, env: Mapping[str, str], clock: Clock, host: str) -> Credentials:
    if forge.app is not None:
        return AppCredentials(
            app=forge.app.id,
            installation=forge.app.installation,
            private_key=_secret(forge.app.private_key.location, "the App's private key"),
            clock=clock,
        )
    if forge.token_file is not None:
        return TokenCredentials(token=_secret(forge.token_file, "the token"))
    token = environment_token(env, host)
    if token is None:
        raise ForbiddenError(
            f"there is no token for {forge.url}",
            hint="set GH_TOKEN, log in with `gh auth login`, or configure spec.forge.app or tokenFile",
        )
    return TokenCredentials(token=token)


def _secret(file: str, what: str) -> str:
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        # the text of a decoding error quotes the file
        raise UsageError(f"{what} in {file} cannot be read", hint="check the path and who may read it") from (
            error if isinstance(error, OSError) else None
        )
