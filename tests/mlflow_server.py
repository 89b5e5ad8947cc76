"""A real `mlflow server` on loopback, one per test process, and a builder that fills it without training anything.

Fixtures (import them into a conftest): `mlflow_server`, `mlflow_auth_server`, `builder`.

    builder.model("credit-risk")
    run = builder.run(user="dana", metrics={"auc": 0.83})
    version = builder.version("credit-risk", run=run, files={"MLmodel": b"…", "data/weights.bin": b"…"})

Files are written straight into the server's artifact store, so that names are possible that no client would send.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# MLflow tells its makers about every use unless it is told not to.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

import pytest
import requests
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag

START_TIMEOUT_S = 110.0
ADMIN = "admin"
LOOPBACK = "127.0.0.1"
ADMIN_PASSWORD = "a-password-for-tests"
API = "/api/2.0/mlflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowServer:
    """Where a running server listens and keeps its things."""

    uri: str
    folder: Path
    process: int

    @property
    def database(self) -> Path:
        return self.folder / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """What the server's artifact proxy serves as `mlflow-artifacts:/`."""
        return self.folder / "artifacts"


@contextmanager
def running_server(folder: Path, *, basic_auth: bool = False, address: str = LOOPBACK) -> Iterator[MlflowServer]:
    """An `mlflow server` for the length of a `with` block: sqlite, loopback, a free port, one worker."""
    port = free_port(address)
    command = [sys.executable, "-m", "mlflow", "server", "--host", address, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("MLFLOW_")}
    environment |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    if basic_auth:
        command += ["--app-name", "basic-auth"]
        (folder / "auth.ini").write_text(
            "[mlflow]\ndefault_permission = READ\n"
            f"database_uri = sqlite:///{folder / 'auth.db'}\n"
            f"admin_username = {ADMIN}\nadmin_password = {ADMIN_PASSWORD}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
            # each request would otherwise hash the password anew, slowly and on purpose
            "auth_cache_ttl_seconds = 60\n"
        )
        environment |= {
            "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
        }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_for(f"http://{address}:{port}/health", process, folder / "server.log")
        yield MlflowServer(uri=f"http://{address}:{port}", folder=folder, process=process.pid)
    finally:
        # the server has a child that answers; both are in the session that began with it
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port(address: str = LOOPBACK) -> int:
    """A port of this address that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url, timeout=5).status_code == requests.codes.ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise RuntimeError(f"mlflow server did not start:\n{log.read_text(errors='replace')[-4000:]}")


class RegistryBuilder:
    """Fills a server: models, runs, logged models, versions with files, and what people do behind one's back."""

    def __init__(self, server: MlflowServer, *, auth: tuple[str, str] | None = None) -> None:
        self.server = server
        self.auth = auth

    def call(self, method: str, path: str, body: Mapping[str, str | bool | None]) -> dict[str, Any]:
        """One REST call, as a person with `curl` would make it; fields that are None are left out."""
        fields = {name: text for name, text in body.items() if text is not None}
        key = "params" if method == "GET" else "json"
        url = f"{self.server.uri}{API}/{path}"
        reply = requests.request(method, url, auth=self.auth, timeout=30, **{key: fields})
        reply.raise_for_status()
        answer: dict[str, Any] = reply.json()
        return answer

    def client(self) -> MlflowClient:
        """MLflow's own client of this server (of the one without passwords)."""
        return MlflowClient(tracking_uri=self.server.uri, registry_uri=self.server.uri)

    def unique(self, prefix: str) -> str:
        """A name that no other test of this server has."""
        return f"{prefix}-{secrets.token_hex(4)}"

    def model(self, name: str) -> str:
        """A new registered model; answers with its name."""
        self.call("POST", "registered-models/create", {"name": name})
        return name

    def run(
        self,
        *,
        user: str | None = "dana",
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        data_sets: Sequence[DatasetInput] = (),
        commit: str | None = None,
        artifact_location: Path | None = None,
    ) -> str:
        """A finished run; answers with its id. `artifact_location`: its artifacts lie there, not behind the proxy."""
        client = self.client()
        experiment = "0"
        if artifact_location is not None:
            experiment = client.create_experiment(self.unique("experiment"), artifact_location=str(artifact_location))
        all_tags = {**(tags or {})}
        if user is not None:
            all_tags["mlflow.user"] = user
        if commit is not None:
            all_tags["mlflow.source.git.commit"] = commit
        run_id = str(client.create_run(experiment, tags=all_tags).info.run_id)
        for key, value in (metrics or {}).items():
            client.log_metric(run_id, key, value)
        for key, text in (params or {}).items():
            client.log_param(run_id, key, text)
        if data_sets:
            client.log_inputs(run_id, list(data_sets))
        client.set_terminated(run_id)
        return run_id

    def files(self, run_id: str, files: Mapping[str, bytes], *, at: str = "model") -> str:
        """Write files under the run's artifacts; answers with the artifact URI of the folder."""
        uri = f"{self.client().get_run(run_id).info.artifact_uri}/{at}"
        root = self.folder(uri)
        root.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return uri

    def folder(self, artifact_uri: str) -> Path:
        """Where on this disk an artifact URI of this server lies."""
        scheme, colon, path = artifact_uri.partition(":/")
        if not colon:
            return Path(artifact_uri)
        if scheme == "file":
            return Path("/" + path.lstrip("/"))
        return self.server.artifacts / path.lstrip("/")

    def version(self, name: str, *, run: str | None = None, files: Mapping[str, bytes] | None = None) -> int:
        """A new version of a registered model with these files; answers with its number."""
        run_id = run if run is not None else self.run()
        source = self.files(run_id, {"MLmodel": b"flavors: {}\n"} if files is None else files)
        return self.register(name, source=source, run=run_id)

    def register(self, name: str, *, source: str, run: str | None = None, model_id: str | None = None) -> int:
        """A version that points at `source`; answers with its number."""
        answer = self.call(
            "POST", "model-versions/create", {"name": name, "source": source, "run_id": run, "model_id": model_id}
        )
        return int(answer["model_version"]["version"])

    def alias(self, name: str, alias: str, version: int) -> None:
        """Move an alias behind the controller's back."""
        self.call("POST", "registered-models/alias", {"name": name, "alias": alias, "version": str(version)})


def data_set(
    name: str, digest: str, *, context: str = "training", source: str = '{"uri": "s3://data/x"}'
) -> DatasetInput:
    """A data set as a run logs it."""
    return DatasetInput(
        dataset=Dataset(name=name, digest=digest, source_type="s3", source=source),
        tags=[InputTag(key="mlflow.data.context", value=context)],
    )


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """One server for all tests of this process; every test uses names of its own."""
    with running_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_auth_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """The same with MLflow's basic-auth app: ADMIN and ADMIN_PASSWORD."""
    with running_server(tmp_path_factory.mktemp("mlflow-auth"), basic_auth=True) as server:
        yield server


@pytest.fixture(scope="session")
def builder(mlflow_server: MlflowServer) -> RegistryBuilder:
    """Fills `mlflow_server`."""
    return RegistryBuilder(mlflow_server)
