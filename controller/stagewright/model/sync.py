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
class SourceAccess:
    """Who the controller is to the repository, and whom it trusts there, by files.

    A user with a password or token over https, a private key over ssh; `known_hosts_file` holds the hosts to trust
    instead of the user's, `ca_file` the certificates instead of the system's.
    """

    username_file: str | None = None
    password_file: str | None = None
    private_key_file: str | None = None
    passphrase_file: str | None = None
    known_hosts_file: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2Client:
    """A client of an OAuth 2 server, which gets its tokens by client credentials (RFC 6749, section 4.4)."""

    token_url: str
    client_id: str
    client_secret_file: str
    scopes: tuple[str, ...] = ()
    audience: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAccess:
    """Who the controller is to MLflow, by files that are read again for each request: a rotated one needs no restart.

    `headers_folder` holds one file per header, named as the header. `plugin` is a way of MLflow's own to authenticate
    (an entry point of `mlflow.request_auth_provider`). `artifacts` are the kinds of place (`file`, `s3`) that may
    be read with what the process itself holds; None means all that there are.
    """

    username_file: str | None = None
    password_file: str | None = None
    token_file: str | None = None
    oauth2: OAuth2Client | None = None
    ca_file: str | None = None
    client_certificate_file: str | None = None
    client_key_file: str | None = None
    headers_folder: str | None = None
    plugin: str | None = None
    artifacts: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Place:
    """A ledger in a bucket. `prefix` has no slash at its ends.

    `credentials_folder` holds `access-key-id` and `secret-access-key` (and maybe `session-token`); None leaves the
    credentials to the process's own identity.
    """

    bucket: str
    prefix: str
    endpoint: str | None = None
    region: str | None = None
    credentials_folder: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySync:
    """One configuration. Paths are absolute; `path` is a folder of the repository, "" its root.

    Without `source_access` the forge's own credentials, or none, are shown to the repository.
    The ledger lies in `ledger_directory`, unless `ledger_s3` says where else. Without `registry_access` the
    environment says who we are to MLflow.
    `trust_root` is the commit (40 hex digits) that a new ledger begins from; `mirror` None leaves its place to the
    caller. `repository_bytes` is the most that the mirror may hold; with it, each fetch has a process of its own, which
    is ended where it takes too long: then nobody vouches for the repository's server.
    """

    name: str
    url: str
    source_access: SourceAccess | None = None
    branch: str
    path: str
    forge: ForgeChoice
    registry_uri: str
    registry_access: RegistryAccess | None = None
    ledger_directory: str
    ledger_s3: S3Place | None = None
    log_key: KeyReference
    entry_key: KeyReference
    trust_root: str | None
    mirror: str | None
    interval: timedelta
    suspend: bool
    dry_run: bool
    repository_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterEpoch:
    """Whose turn it is to write: a lease, how often it had changed hands, and the hand.

    No two holders ever have the same lease with the same `transitions`; a later turn has more of them.
    """

    lease: str
    transitions: int
    holder: str
