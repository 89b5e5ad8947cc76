"""Where an origin lies, and what it is shown to let us in."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pygit2
from pygit2.enums import CredentialType

from stagewright.errors import ForbiddenError, IncompleteError, UsageError
from stagewright.model.sync import SourceAccess

MAX_FETCH_BYTES = 4 * 1024**3

_SCHEMES = ("https", "ssh", "http", "file")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitCredentials:
    """What an origin asks for: a user with a password or token (https), or with a private key file (ssh).

    With neither, an ssh agent is asked. Never printed. `ca` holds the certificates to trust instead of the system's,
    and `known_hosts` the hosts to trust instead of the user's (OpenSSH sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
    """

    username: str = "git"
    password: str | None = field(default=None, repr=False)
    private_key: Path | None = None
    passphrase: str = field(default="", repr=False)
    ca: Path | None = None
    known_hosts: Path | None = None

    @property
    def trusts_otherwise(self) -> bool:
        """Whether the origin is trusted otherwise than this process trusts."""
        return self.ca is not None or self.known_hosts is not None


class OriginCallbacks(pygit2.RemoteCallbacks):
    """Answers for credentials once, and only to the host they are meant for; stops a transfer that is too large."""

    def __init__(self, url: str, credentials: GitCredentials | None, max_bytes: int = MAX_FETCH_BYTES) -> None:
        super().__init__()
        self._max_bytes = max_bytes
        self._url = url
        self._credentials = credentials
        self._asked: set[CredentialType] = set()

    def credentials(
        self,
        url: str,
        username_from_url: str | None,
        allowed_types: CredentialType,
    ) -> pygit2.Username | pygit2.UserPass | pygit2.Keypair:
        """What libgit2 asks for; a second time means that the first answer was refused."""
        given = self._credentials or GitCredentials(username=username_from_url or "git")
        name = username_from_url or given.username
        if CredentialType.USERNAME in allowed_types and CredentialType.USERNAME not in self._asked:
            self._asked.add(CredentialType.USERNAME)
            return pygit2.Username(name)
        if allowed_types in self._asked or not _same_host(url, self._url):
            raise ForbiddenError(f"{self._url} refuses the credentials", hint="give others in the configuration")
        self._asked.add(allowed_types)
        if CredentialType.SSH_KEY in allowed_types:
            if given.private_key is None:
                return pygit2.KeypairFromAgent(name)
            return pygit2.Keypair(name, None, str(given.private_key), given.passphrase)
        if given.password is None or not _may_carry_secrets(url):
            raise ForbiddenError(
                f"{self._url} asks for credentials",
                hint="configure a user and a token; they are sent over https only",
            )
        return pygit2.UserPass(given.username, given.password)

    def certificate_check(self, _certificate: None, valid: bool, host: bytes | str) -> bool:
        """Whether to go on: as libgit2 found, and with the host on record alone, whatever redirects to another.

        pygit2 by itself would take any host over ssh, known or not.
        """
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        return valid and name.lower() == _host_of(self._url)

    def transfer_progress(self, stats: pygit2.remotes.TransferProgress) -> None:
        """Called by libgit2 as bytes arrive."""
        if stats.received_bytes > self._max_bytes:
            raise IncompleteError(
                f"{self._url} sends more than {self._max_bytes} bytes, which is what is left for its mirror",
                hint="make it smaller, or let the operator allow more (--max-repository-size)",
            )


def is_remote(url: str) -> bool:
    """Whether a server answers for a url, and not this machine's own disk."""
    return urlsplit(url).scheme != "file" if "://" in url else _host_of(url) != "" and not url.startswith("/")


def _host_of(url: str) -> str:
    """The host of a url, also of `user@host:path`; in lower case, without the brackets of IPv6."""
    if "://" in url:
        return urlsplit(url).hostname or ""
    return url.partition(":")[0].rpartition("@")[2].lower()


def _same_host(one: str, other: str) -> bool:
    first, second = urlsplit(one), urlsplit(other)
    if not second.scheme:  # user@host:path
        return True
    return (first.scheme, first.hostname, first.port) == (second.scheme, second.hostname, second.port)


def _may_carry_secrets(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def check_url(url: str) -> str:
    """The url as it was given. UsageError for a scheme that is not read, and for a url that carries a password."""
    parts = urlsplit(url)
    if parts.password is not None:
        raise UsageError("the source's url carries a password", hint="configure the credentials apart from the url")
    local = "://" not in url
    if not url or url.startswith("-") or "\n" in url or "::" in url.split("/", maxsplit=1)[0]:
        raise UsageError(f"{url!r} is no url of a git repository", hint="give a path, file://, https:// or ssh:// url")
    if not local and parts.scheme not in _SCHEMES:
        raise UsageError(f"{url}: the scheme {parts.scheme!r} is not read", hint="use https://, ssh:// or file://")
    if local and ":" not in url.split("/", maxsplit=1)[0]:
        return str(Path(url).absolute())
    return url


def read_credentials(access: SourceAccess) -> GitCredentials:
    """The credentials that a configuration names, read from their files now. UsageError, which repeats none."""
    return GitCredentials(
        username="git" if access.username_file is None else _line(access.username_file),
        password=None if access.password_file is None else _line(access.password_file),
        private_key=_path(access.private_key_file),
        passphrase="" if access.passphrase_file is None else _line(access.passphrase_file),
        ca=_path(access.ca_file),
        known_hosts=_path(access.known_hosts_file),
    )


def _path(file: str | None) -> Path | None:
    return None if file is None else Path(file)


def _line(file: str) -> str:
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        # the text of a decoding error quotes the file
        raise UsageError(f"{file}, a credential of the source, cannot be read") from (
            error if isinstance(error, OSError) else None
        )
    if not text or any(character in text for character in "\r\n\0"):
        raise UsageError(f"{file} is no credential: it wants one line of text", hint="write the value and nothing else")
    return text
