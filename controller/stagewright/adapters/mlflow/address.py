"""Where MLflow is and who we are there.

    http://mlflow.internal:5000, https://mlflow.acme.example/prefix     over REST
    sqlite:///relative/mlflow.db, sqlite:////srv/mlflow.db              the database, with the extra `local`

Credentials come from where MLflow's own client takes them, never from the URI.
"""

import configparser
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from mlflow.exceptions import MlflowException
from mlflow.utils.rest_utils import MlflowHostCreds
from mlflow.version import VERSION

from stagewright.adapters.mlflow.access import Access, FileAccess, FixedAccess
from stagewright.adapters.mlflow.artifacts import ARTIFACT_PLACES
from stagewright.adapters.mlflow.direct import DirectGateway
from stagewright.adapters.mlflow.registry import MlflowRegistry
from stagewright.adapters.mlflow.rest import RestGateway
from stagewright.errors import UsageError
from stagewright.model.sync import RegistryAccess
from stagewright.ports import Clock, Registry, Telemetry

SUPPORTED = "supported: http://…, https://… and sqlite:///…"
_FILE = Path(".mlflow") / "credentials"
_TRUE = {"true": True, "1": True, "false": False, "0": False}


def open_registry(
    uri: str,
    *,
    env: Mapping[str, str],
    clock: Clock,
    access: RegistryAccess | None = None,
    telemetry: Telemetry | None = None,
) -> Registry:
    """The registry at `uri`. Asks a server nothing yet; a database must be there.

    `access` says who we are; without it MLflow's own MLFLOW_TRACKING_* variables in `env` do. UsageError: a URI that
    is not supported, that holds a password, or credentials that cannot be used. `places` are the kinds of place that
    artifacts may be read from with what this machine holds.
    """
    scheme = uri.partition(":")[0]
    if scheme in {"http", "https"}:
        places = ARTIFACT_PLACES if access is None or access.artifacts is None else access.artifacts
        return MlflowRegistry(RestGateway(_access(uri, env, access), telemetry=telemetry), clock, places=places)
    if scheme == "sqlite":
        return MlflowRegistry(DirectGateway(_database(uri)), clock)
    # no more of the URI than its scheme: that of a database holds a password
    raise UsageError(f"a registry of the kind {scheme!r} is not supported", hint=SUPPORTED)


def server_version(uri: str, *, env: Mapping[str, str], access: RegistryAccess | None = None) -> str:
    """The version of the MLflow at `uri`: the server's, or for a database that of the library which reads it."""
    if urlsplit(uri).scheme in {"http", "https"}:
        return RestGateway(_access(uri, env, access)).version()
    return str(VERSION)


def _access(uri: str, env: Mapping[str, str], access: RegistryAccess | None) -> Access:
    host = _server(uri)
    return FixedAccess(_creds(host, env)) if access is None else FileAccess(host, access)


def _server(uri: str) -> str:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise UsageError("the registry's URI has no usable host and port", hint=SUPPORTED) from error
    if "@" in parts.netloc:
        raise UsageError(
            "the registry's URI holds a user or a password",
            hint="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead",
        )
    if not parts.hostname or port == 0 or parts.query or parts.fragment or any(map(_is_control, uri)):
        raise UsageError(f"{parts.scheme}: registry URIs have a host, maybe a port and a path, nothing more")
    return uri.rstrip("/")


def _database(uri: str) -> Path:
    path = uri.removeprefix("sqlite:///")
    if path in {uri, "", ":memory:"} or "?" in path or "#" in path:
        raise UsageError("a sqlite registry is sqlite:/// and the path of a file", hint="sqlite:////srv/mlflow.db")
    return Path(path)


def _creds(host: str, env: Mapping[str, str]) -> MlflowHostCreds:
    user, password = _from_file(env)
    username = env.get("MLFLOW_TRACKING_USERNAME") or user
    password = env.get("MLFLOW_TRACKING_PASSWORD") or password
    token = env.get("MLFLOW_TRACKING_TOKEN") or None
    for name, secret in (("USERNAME", username), ("PASSWORD", password), ("TOKEN", token)):
        if secret is not None and any(map(_is_control, secret)):
            raise UsageError(f"MLFLOW_TRACKING_{name} holds a line break or another control character")
    try:
        return MlflowHostCreds(
            host=host,
            username=username,
            password=password,
            token=token,
            aws_sigv4=_flag(env, "MLFLOW_TRACKING_AWS_SIGV4"),
            auth=env.get("MLFLOW_TRACKING_AUTH"),
            ignore_tls_verification=_flag(env, "MLFLOW_TRACKING_INSECURE_TLS"),
            client_cert_path=env.get("MLFLOW_TRACKING_CLIENT_CERT_PATH"),
            server_cert_path=env.get("MLFLOW_TRACKING_SERVER_CERT_PATH"),
        )
    except MlflowException as error:
        raise UsageError("MLflow's TLS settings contradict each other", hint=str(error.message)[:300]) from error


def _from_file(env: Mapping[str, str]) -> tuple[str | None, str | None]:
    """User and password, each or neither, of `~/.mlflow/credentials`.

    [mlflow]
    mlflow_tracking_username = stagewright
    mlflow_tracking_password = …
    """
    if not env.get("HOME"):
        return None, None
    parser = configparser.ConfigParser()
    try:
        parser.read(Path(env["HOME"]) / _FILE, encoding="utf-8")
        if not parser.has_section("mlflow"):
            return None, None
        section = parser["mlflow"]
        return section.get("mlflow_tracking_username"), section.get("mlflow_tracking_password")
    except (configparser.Error, UnicodeDecodeError, OSError):
        # what went wrong is not told: the parser's messages quote the line, and so the password
        raise UsageError(
            f"~/{_FILE} cannot be read as MLflow reads it", hint="a percent sign in a password is written twice there"
        ) from None


def _flag(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "false").lower()
    if text not in _TRUE:
        raise UsageError(f"{name} is neither true nor false")
    return _TRUE[text]


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc"
