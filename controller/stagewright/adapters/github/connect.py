"""From the configuration to a client: which GitHub, and what it is shown."""

from collections.abc import Mapping
from pathlib import Path

from stagewright.adapters.github.access import (
    TOKEN_VARIABLES,
    AppCredentials,
    Credentials,
    TokenCredentials,
    environment_token,
)
from stagewright.adapters.github.address import GitHubAddress
from stagewright.adapters.github.client import GitHubClient
from stagewright.errors import ForbiddenError, UsageError
from stagewright.model.sync import AppInstallation, HostedForge
from stagewright.ports import Clock

MAX_SECRET_BYTES = 64 * 1024


def address_of(choice: HostedForge) -> GitHubAddress:
    """Where the configured repository is. UsageError."""
    ca = None if choice.ca_file is None else Path(choice.ca_file)
    return GitHubAddress(url=choice.url, repository=choice.repository, ca=ca)


def controller_client(choice: HostedForge, *, env: Mapping[str, str], clock: Clock) -> GitHubClient:
    """The controller's own access: its App where there is one, else a token. ForbiddenError where there is neither."""
    address = address_of(choice)
    credentials: Credentials = _token(choice, address, env) if choice.app is None else _app(choice.app, clock)
    return GitHubClient(address, credentials, clock=clock)


def person_client(choice: HostedForge, *, env: Mapping[str, str], clock: Clock) -> GitHubClient:
    """The access of whoever works here, by a token of theirs: an App is no person. ForbiddenError."""
    address = address_of(choice)
    token = environment_token(env, address.host)
    if token is None:
        raise ForbiddenError(
            f"there is no token of yours for {address.url}", hint=f"gh auth login, or set {TOKEN_VARIABLES[0]}"
        )
    return GitHubClient(address, TokenCredentials(token=token), clock=clock)


def _app(app: AppInstallation, clock: Clock) -> AppCredentials:
    if app.private_key.scheme != "file":
        raise UsageError(f"an App's key is not read from {app.private_key.scheme}:", hint="give a file: and a path")
    key = _secret(Path(app.private_key.location), "the App's private key")
    return AppCredentials(app=app.id, installation=app.installation, private_key=key, clock=clock)


def _token(choice: HostedForge, address: GitHubAddress, env: Mapping[str, str]) -> TokenCredentials:
    token = environment_token(env, address.host)
    if token is None and choice.token_file is not None:
        token = _secret(Path(choice.token_file), "the token").strip()
    if token is None:
        raise ForbiddenError(
            f"there is no token for {address.url}",
            hint=f"set {TOKEN_VARIABLES[0]}, or name spec.forge.app or spec.forge.tokenFile",
        )
    return TokenCredentials(token=token)


def _secret(path: Path, what: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SECRET_BYTES + 1)
        if len(data) > MAX_SECRET_BYTES:
            raise UsageError(f"{path} is too large to hold {what}")
        return data.decode("ascii")
    except OSError as error:
        raise ForbiddenError(
            f"{what} in {path} cannot be read: {error.strerror}", hint="check the path and its mode"
        ) from error
    except UnicodeDecodeError:
        raise UsageError(f"{path} does not hold {what}", hint="it is text, as GitHub gave it") from None
