"""What is shown to GitHub: a token, or an App's installation token, which lives for an hour and is renewed before.

POST /app/installations/{id}/access_tokens     with a JWT that the App's key signs (RS256, at most 10 minutes)
{"token": "ghs_…", "expires_at": "2026-11-24T23:18:55Z", "permissions": {"checks": "write", …}, …}
"""

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from github.Auth import AppAuth

from stagewright.adapters.github.answers import parse_row
from stagewright.adapters.github.exchange import Exchange, Reply
from stagewright.adapters.rows import moment, text
from stagewright.errors import ForbiddenError, UnreachableError, UsageError
from stagewright.ports import Clock

TOKEN_VARIABLES = ("GH_TOKEN", "GITHUB_TOKEN")
# A token that ends in the middle of a sync would leave it half told.
RENEW_BEFORE = timedelta(minutes=5)
JWT_LIFE_S = 540
# GitHub's clock may be behind ours.
JWT_LEEWAY_S = 60
GH_TIMEOUT_S = 10
APP_HINT = "check spec.forge.app: its id, the installation, the private key, and that it is installed on the repository"

_TOKEN = re.compile(r"[A-Za-z0-9_.-]{4,1024}")


class Credentials(Protocol):
    """Gives the secret of the moment, and another one if there is one."""

    def secret(self, exchange: Exchange) -> str:
        """What to show now."""
        ...

    def renewed(self) -> bool:
        """Forget a secret that GitHub refused. False: there is no other."""
        ...

    def app_secret(self) -> str | None:
        """What shows us as the App itself; None for a token."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCredentials:
    """A token that somebody made. Never printed."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.token):
            raise UsageError("the token of the forge is empty, or no token", hint="give one of GitHub's, on one line")

    def secret(self, exchange: Exchange) -> str:  # noqa: ARG002 -- the protocol's
        """See `Credentials`."""
        return self.token

    def renewed(self) -> bool:
        """See `Credentials`."""
        return False

    def app_secret(self) -> str | None:
        """See `Credentials`."""
        return None


class AppCredentials:
    """A GitHub App where it is installed. Its key signs, and is never sent."""

    def __init__(self, *, app: str, installation: int, private_key: str, clock: Clock) -> None:
        """`app` is its app id or client id, `private_key` PEM. UsageError when the key is none."""
        self._app = app
        self._installation = installation
        self._clock = clock
        self._sign = _signer(private_key)
        self._token: tuple[str, datetime] | None = None

    def secret(self, exchange: Exchange) -> str:
        """See `Credentials`. ForbiddenError, UnreachableError."""
        if self._token is None or self._clock.now() > self._token[1] - RENEW_BEFORE:
            reply = exchange.ask(
                self.app_secret(), "POST", f"/app/installations/{self._installation}/access_tokens", body={}
            )
            self._token = _token_of(reply)
        return self._token[0]

    def renewed(self) -> bool:
        """See `Credentials`."""
        self._token = None
        return True

    def app_secret(self) -> str:
        """See `Credentials`: a JWT for the next minutes."""
        now = int(self._clock.now().timestamp())
        made = self._sign({"iat": now - JWT_LEEWAY_S, "exp": now + JWT_LIFE_S, "iss": self._app})
        return made.decode() if isinstance(made, bytes) else made


def _signer(private_key: str) -> Callable[[dict[str, Any]], str | bytes]:
    sign = AppAuth.create_jwt_sign(private_key, "RS256")
    try:
        sign({"iat": 0})
    except Exception as error:  # noqa: BLE001 -- the JWT library and cryptography raise what they like; the text may quote the key
        raise UsageError("the App's private key is no RSA key in PEM", hint="download it from the App's page") from (
            error if isinstance(error, ImportError) else None
        )
    return sign


def _token_of(reply: Reply) -> tuple[str, datetime]:
    if reply.status in {401, 403, 404}:
        raise ForbiddenError(f"GitHub gives the App no token ({reply.status})", hint=APP_HINT)
    if reply.status != 201:
        raise UnreachableError(f"GitHub answers {reply.status} when the App asks for a token")
    row = parse_row(reply.text, "the App's token")
    token = text(row, "token")
    if not _TOKEN.fullmatch(token):
        raise UnreachableError("GitHub gives the App a token that is none")
    return token, moment(row, "expires_at")


def environment_token(env: Mapping[str, str], host: str) -> str | None:
    """The token of whoever works here: GH_TOKEN, GITHUB_TOKEN, else what `gh auth token` says for the host."""
    for name in TOKEN_VARIABLES:
        if env.get(name):
            return env[name].strip()
    try:
        # the name is fixed, the host is the configuration's own
        done = subprocess.run(  # noqa: S603
            ["gh", "auth", "token", "--hostname", host],  # noqa: S607 -- the person's own gh, wherever it is installed
            env=dict(env),
            capture_output=True,
            timeout=GH_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    token = done.stdout.decode("utf-8", "replace").strip()
    return token if done.returncode == 0 and _TOKEN.fullmatch(token) else None
