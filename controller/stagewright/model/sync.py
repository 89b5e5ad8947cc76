"""What one controller keeps in step: a branch of a repository, a forge, a registry and a ledger."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

HostType = Literal["gitea", "github"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReference:
    """Where a signing key is, as a URI; `scheme` decides who reads it (`file`)."""

    scheme: str
    location: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.location}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppInstallation:
    """A GitHub App where it is installed. `id` is its app id or client id; the key signs its tokens."""

    id: str
    installation: int
    private_key: KeyReference


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedForge:
    """A forge with accounts. `url` is where people open it, without a slash at its end; `repository` is `owner/name`.

    `token_file` holds the token where no app is named and the environment gives none. `ca_file` holds the certificates
    to trust instead of the system's. `webhook_secret_files` hold the secrets that sign webhooks, two while one rotates.
    """

    type: HostType
    url: str
    repository: str
    app: AppInstallation | None = None
    token_file: str | None = None
    ca_file: str | None = None
    webhook_secret_files: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What the ledger binds: where reviews come from, and not how the controller gets in there."""
        return f"{self.type} {self.url}/{self.repository}"


# Git alone is a forge too: a merge is its pull request, a signed tag its review.
ForgeChoice = Literal["git"] | HostedForge


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySync:
    """One configuration. Paths are absolute; `path` is a folder of the repository, "" its root.

    `trust_root` is the commit (40 hex digits) that a new ledger begins from; `mirror` None leaves its place to the
    caller.
    """

    name: str
    url: str
    branch: str
    path: str
    forge: ForgeChoice
    registry_uri: str
    ledger_directory: str
    log_key: KeyReference
    entry_key: KeyReference
    trust_root: str | None
    mirror: str | None
    interval: timedelta
    suspend: bool
    dry_run: bool
