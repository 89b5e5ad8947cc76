"""Who we are to MLflow, told anew for each request: credentials by files change without a restart.

basic authentication   username and password, a file each
bearer token           one file, such as a projected service account token, read again when it changes
OAuth 2                client credentials; the token is renewed before it ends, and when MLflow refuses it
mutual TLS             certificate and key, and whom to trust
headers                a folder with one file per header, for a proxy that asks for more
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import requests
from mlflow.utils.rest_utils import MlflowHostCreds

from stagewright.errors import ForbiddenError, UnreachableError, UsageError
from stagewright.model.sync import OAuth2Client, RegistryAccess

MAX_CREDENTIAL_BYTES = 64 * 1024
MAX_TOKEN_ANSWER_BYTES = 256 * 1024
TIMEOUT_S = 10.0
# A token is renewed when less than this is left of it, or a tenth of its life where that is less.
RENEW_BEFORE_S = 60.0
# RFC 6749 only recommends `expires_in`: without it a token is asked for anew this often.
UNSAID_LIFE_S = 300.0
_HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
# What frames a request, or is said elsewhere: a header of these names would be another request than we mean.
_RESERVED = frozenset({"host", "connection", "content-length", "transfer-encoding", "content-type", "upgrade", "te"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one request shows: MLflow's own `MlflowHostCreds`, and further headers."""

    creds: MlflowHostCreds
    headers: Mapping[str, str] = field(default_factory=dict)


class Access(Protocol):
    """Who we are to one MLflow server."""

    @property
    def address(self) -> str:
        """The server's URI, without any credentials."""
        ...

    def credentials(self) -> Credentials:
        """What the next request shows. UsageError, UnreachableError, ForbiddenError: it cannot be had."""
        ...

    def rejected(self) -> bool:
        """MLflow answered 401 to these credentials. Whether others can be had at once."""
        ...


class FixedAccess:
    """Credentials that never change, out of the environment."""

    def __init__(self, creds: MlflowHostCreds) -> None:
        """`creds` says where MLflow is, too."""
        self._credentials = Credentials(creds)

    @property
    def address(self) -> str:
        """See Access."""
        return str(self._credentials.creds.host)

    def credentials(self) -> Credentials:
        """See Access."""
        return self._credentials

    def rejected(self) -> bool:
        """See Access: there are no others."""
        return False


class FileAccess:
    """Credentials out of files, as a configuration names them."""

    def __init__(self, host: str, access: RegistryAccess, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`host` is the server's URI. UsageError when `access` names more than one way to say who we are."""
        ways = (access.password_file, access.token_file, access.oauth2, access.plugin)
        if sum(way is not None for way in ways) > 1:
            raise UsageError(
                "the registry's access names more than one way in",
                hint="keep one of basicAuth, bearerToken, oauth2 and plugin",
            )
        self._host = host
        self._access = access
        self._tokens = None if access.oauth2 is None else OAuth2Tokens(access.oauth2, access.ca_file, monotonic)

    @property
    def address(self) -> str:
        """See Access."""
        return self._host

    def credentials(self) -> Credentials:
        """See Access."""
        access = self._access
        token = read_secret(access.token_file) if access.token_file is not None else None
        if self._tokens is not None:
            token = self._tokens.token()
        creds = MlflowHostCreds(
            host=self._host,
            username=None if access.username_file is None else read_secret(access.username_file),
            password=None if access.password_file is None else read_secret(access.password_file),
            token=token,
            auth=access.plugin,
            client_cert_path=self._certificate(),
            server_cert_path=access.ca_file,
        )
        return Credentials(creds, {} if access.headers_folder is None else read_headers(Path(access.headers_folder)))

    def rejected(self) -> bool:
        """See Access."""
        return self._tokens is not None and self._tokens.forget()

    def _certificate(self) -> Any:
        """What `requests` takes as `cert`: one file, or certificate and key."""
        access = self._access
        if access.client_certificate_file is None:
            return None
        for file in (access.client_certificate_file, access.client_key_file):
            if file is not None and not Path(file).is_file():
                raise UsageError(f"{file} is not there", hint="it is the client certificate, or its key, for MLflow")
        if access.client_key_file is None:
            return access.client_certificate_file
        return (access.client_certificate_file, access.client_key_file)


class OAuth2Tokens:
    """Access tokens by client credentials.

    POST <token URL>, client id and secret by basic authentication (RFC 6749, section 2.3.1)
    grant_type=client_credentials&scope=mlflow

    {"access_token": "…", "token_type": "Bearer", "expires_in": 3600}
    """

    def __init__(self, client: OAuth2Client, ca_file: str | None, monotonic: Callable[[], float]) -> None:
        """`monotonic` counts seconds."""
        self._client = client
        self._ca_file = ca_file
        self._monotonic = monotonic
        self._token: str | None = None
        self._renew_at = 0.0

    def token(self) -> str:
        """A token that is good for a while. ForbiddenError when the client is refused; UnreachableError."""
        if self._token is None or self._monotonic() >= self._renew_at:
            begun = self._monotonic()
            self._token, life_s = self._ask()
            self._renew_at = begun + max(life_s - min(RENEW_BEFORE_S, life_s / 10), 0.0)
        return self._token

    def forget(self) -> bool:
        """The token was refused. Whether there was one to forget."""
        had, self._token = self._token is not None, None
        return had

    def _ask(self) -> tuple[str, float]:
        client = self._client
        form = {"grant_type": "client_credentials"}
        if client.scopes:
            form["scope"] = " ".join(client.scopes)
        if client.audience is not None:
            form["audience"] = client.audience
        place = f"the token server of MLflow at {client.token_url}"
        secret = read_secret(client.client_secret_file)
        try:
            with requests.post(
                client.token_url,
                data=form,
                auth=(client.client_id, secret),
                headers={"Accept": "application/json"},
                timeout=TIMEOUT_S,
                allow_redirects=False,
                stream=True,
                verify=self._ca_file or True,
            ) as response:
                status = response.status_code
                body = response.raw.read(MAX_TOKEN_ANSWER_BYTES + 1, decode_content=True)
        except (requests.RequestException, OSError) as error:
            # its text may quote what was sent
            raise UnreachableError(f"{place} does not answer: {type(error).__name__}") from None
        if status in {requests.codes.bad_request, requests.codes.unauthorized, requests.codes.forbidden}:
            raise ForbiddenError(
                f"{place} refuses the client {client.client_id!r} with {status}",
                hint="see that its secret is current and that it may use client credentials",
            )
        return _parse_token(status, body, place)


def _parse_token(status: int, body: bytes, place: str) -> tuple[str, float]:
    try:
        answer = json.loads(body) if status == requests.codes.ok and len(body) <= MAX_TOKEN_ANSWER_BYTES else None
    except (ValueError, RecursionError):
        # the text of the error quotes the answer, and the answer may hold a token
        answer = None
    if not isinstance(answer, dict):
        raise UnreachableError(f"{place} answers {status} with something that is no token", hint="is the URL right?")
    token, kind, life = answer.get("access_token"), answer.get("token_type"), answer.get("expires_in", UNSAID_LIFE_S)
    if not isinstance(token, str) or not is_header_value(token) or not isinstance(kind, str):
        raise UnreachableError(f"{place} answers without a usable access token", hint="is the URL right?")
    if kind.lower() != "bearer":
        raise UnreachableError(f"{place} gives tokens of the type {kind[:40]!r}, and only bearer tokens are known here")
    if isinstance(life, bool) or not isinstance(life, int | float) or not 0 < life < 10**9:
        life = UNSAID_LIFE_S
    return token, float(life)


def read_secret(file: str) -> str:
    """The one line in a file, without what is blank around it. UsageError, which does not repeat it."""
    try:
        data = Path(file).read_bytes()
        text = data[:MAX_CREDENTIAL_BYTES].decode("utf-8").strip()
    except OSError as error:
        raise UsageError(f"{file}, a credential for MLflow, cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # its text quotes the file
        raise UsageError(f"{file}, a credential for MLflow, is no UTF-8") from None
    if not text or len(data) > MAX_CREDENTIAL_BYTES or not is_header_value(text):
        raise UsageError(f"{file} is no credential: it wants one line of text", hint="write the value and nothing else")
    return text


def read_headers(folder: Path) -> dict[str, str]:
    """One header per file of a folder. UsageError names what can be none."""
    try:
        # what Kubernetes mounts has folders and links of its own, which begin with two dots
        files = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("..") and entry.is_file())
    except OSError as error:
        raise UsageError(f"{folder}, headers for MLflow, cannot be read: {error.strerror}") from error
    headers = {}
    for file in files:
        if not _HEADER_NAME.fullmatch(file.name) or file.name.lower() in _RESERVED:
            raise UsageError(f"{file.name!r} can be no further header for MLflow", hint="name the file as the header")
        headers[file.name] = read_secret(str(file))
    return headers


def is_header_value(text: str) -> bool:
    """Whether `text` can stand in a header: printable Latin-1, on one line."""
    return all(" " <= character <= "\xff" and character != "\x7f" for character in text)
