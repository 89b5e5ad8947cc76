"""Where a GitHub is, and where its API is from there.

https://github.com        https://api.github.com
https://acme.ghe.com      https://api.acme.ghe.com
https://git.example.com   https://git.example.com/api/v3      (Enterprise Server)
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from stagewright.errors import UsageError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CLOUD = frozenset({"github.com", "www.github.com"})
_TENANTS = ".ghe.com"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubAddress:
    """A repository of a GitHub: `url` is where people open the forge, `repository` is "owner/name".

    `ca` is a file of certificates to trust instead of the usual ones. Proxies are the usual variables'.
    """

    url: str
    repository: str
    ca: Path | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(
                f"{self.url!r} is no url of a GitHub", hint="give it as people open it: https://github.com"
            )
        if parts.username is not None or parts.password is not None:
            raise UsageError("the forge's url carries a user or a password", hint="give the token in a file")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise UsageError(f"a token is not sent to {self.url} in clear text", hint="use https://")
        if parts.hostname.startswith("api.") and parts.hostname.endswith(("github.com", _TENANTS)):
            raise UsageError(f"{self.url} is the API's own address", hint="give the forge's, without `api.`")
        if not _REPOSITORY.fullmatch(self.repository):
            raise UsageError(f"{self.repository!r} is no repository of a GitHub", hint="write it as owner/name")

    @property
    def host(self) -> str:
        """The host's name, in lower case."""
        return urlsplit(self.url).hostname or ""

    @property
    def api(self) -> str:
        """The root of the REST API, without a slash at its end."""
        parts = urlsplit(self.url)
        if self.host in _CLOUD:
            return "https://api.github.com"
        if self.host.endswith(_TENANTS):
            return f"{parts.scheme}://api.{parts.netloc}"
        return f"{self.url.rstrip('/')}/api/v3"

    @property
    def owner(self) -> str:
        """The login of the account that the repository is of."""
        return self.repository.partition("/")[0]

    @property
    def name(self) -> str:
        """The repository's name, without its owner."""
        return self.repository.partition("/")[2]
