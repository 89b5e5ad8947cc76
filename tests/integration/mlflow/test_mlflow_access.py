"""Which MLflow, and as whom: URIs, passwords, tokens, MLflow's database without a server."""

import base64
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from stagewright.adapters.mlflow import open_registry
from stagewright.errors import ForbiddenError, StagewrightError, UnreachableError, UsageError
from stagewright.model.plan import Action
from stagewright.ports import Registry
from tests.loopback import LoopbackProxy
from tests.mlflow_server import ADMIN, ADMIN_PASSWORD, MlflowServer, RegistryBuilder

PASSWORD = "correct horse battery"


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)


def opened(uri: str, env: Mapping[str, str] | None = None) -> Registry:
    return open_registry(uri, env=env or {}, clock=FixedClock())


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("databricks", "'databricks' is not supported"),
        ("databricks://profile", "'databricks' is not supported"),
        ("databricks-uc", "'databricks-uc' is not supported"),
        ("uc:http://localhost:8080", "'uc' is not supported"),
        ("file:///srv/mlruns", "'file' is not supported"),
        ("mlruns", "'mlruns' is not supported"),
        ("/srv/mlruns", "'/srv/mlruns' is not supported"),
        ("", "'' is not supported"),
        ("s3://bucket", "'s3' is not supported"),
        (f"postgresql://mlflow:{PASSWORD}@db/mlflow", "'postgresql' is not supported"),
        (f"mysql+pymysql://mlflow:{PASSWORD}@db/mlflow", "'mysql\\+pymysql' is not supported"),
        (f"https://mlflow:{PASSWORD}@mlflow.acme.example", "holds a user or a password"),
        ("https://token@mlflow.acme.example", "holds a user or a password"),
        ("http://", "have a host"),
        ("http:///path", "have a host"),
        ("http://mlflow:0", "have a host"),
        ("http://mlflow:port", "no usable host and port"),
        ("http://mlflow:99999", "no usable host and port"),
        ("http://[::1", "no usable host and port"),
        ("http://mlflow/?workspace=a", "nothing more"),
        ("http://mlflow/#a", "nothing more"),
        ("http://mlflow/a\nb", "nothing more"),
        ("sqlite://", "path of a file"),
        ("sqlite:///", "path of a file"),
        ("sqlite:///:memory:", "path of a file"),
        ("sqlite:///a.db?mode=rwc", "path of a file"),
        ("sqlite:mlflow.db", "path of a file"),
    ],
)
def test_open_registry_at_another_kind_of_place_is_refused_by_name(uri: str, message: str):
    with pytest.raises(UsageError, match=message) as caught:
        opened(uri)
    assert PASSWORD not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"MLFLOW_TRACKING_TOKEN": "a\nb"}, "MLFLOW_TRACKING_TOKEN holds a line break"),
        ({"MLFLOW_TRACKING_PASSWORD": f"{PASSWORD}\r\n"}, "MLFLOW_TRACKING_PASSWORD holds a line break"),
        ({"MLFLOW_TRACKING_USERNAME": "a\x00"}, "MLFLOW_TRACKING_USERNAME holds a line break"),
        ({"MLFLOW_TRACKING_INSECURE_TLS": "maybe"}, "neither true nor false"),
        (
            {"MLFLOW_TRACKING_INSECURE_TLS": "true", "MLFLOW_TRACKING_SERVER_CERT_PATH": "/ca.pem"},
            "TLS settings contradict",
        ),
    ],
)
def test_open_registry_with_unusable_settings_is_refused_without_quoting_them(env: Mapping[str, str], message: str):
    with pytest.raises(UsageError, match=message) as caught:
        opened("http://127.0.0.1:5000", env)
    assert PASSWORD not in str(caught.value) + caught.value.hint


def credentials_file(home: Path, text: str) -> dict[str, str]:
    (home / ".mlflow").mkdir()
    (home / ".mlflow" / "credentials").write_text(text)
    return {"HOME": str(home)}


@pytest.mark.parametrize("text", [f"mlflow_tracking_password = {PASSWORD}\n", f"[mlflow]\n{PASSWORD}\n"])
def test_open_registry_with_a_broken_credentials_file_does_not_quote_it(tmp_path: Path, text: str):
    with pytest.raises(UsageError, match="cannot be read as MLflow reads it") as caught:
        opened("http://127.0.0.1:5000", credentials_file(tmp_path, text))
    assert PASSWORD not in repr(caught.value) + repr(caught.value.__cause__)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("env", "file", "header"),
    [
        pytest.param({}, "", None, id="nobody"),
        pytest.param({}, "[other]\n", None, id="a file about something else"),
        pytest.param(
            {"MLFLOW_TRACKING_USERNAME": "sam", "MLFLOW_TRACKING_PASSWORD": PASSWORD}, "", f"sam:{PASSWORD}", id="basic"
        ),
        pytest.param(
            {},
            f"[mlflow]\nmlflow_tracking_username = sam\nmlflow_tracking_password = {PASSWORD}\n",
            f"sam:{PASSWORD}",
            id="the credentials file",
        ),
        pytest.param(
            {"MLFLOW_TRACKING_USERNAME": "dana"},
            f"[mlflow]\nmlflow_tracking_username = sam\nmlflow_tracking_password = {PASSWORD}\n",
            f"dana:{PASSWORD}",
            id="the environment wins",
        ),
        pytest.param({"MLFLOW_TRACKING_TOKEN": "t0ken"}, "", "Bearer t0ken", id="token"),
    ],
)
def test_registry_says_who_asks_as_mlflow_does(tmp_path: Path, env: dict[str, str], file: str, header: str | None):
    expected = header
    if header is not None and not header.startswith("Bearer"):
        expected = "Basic " + base64.b64encode(header.encode()).decode()
    with LoopbackProxy() as proxy:
        proxy.token = "somebody else's"
        with pytest.raises(ForbiddenError):
            opened(proxy.uri, {**credentials_file(tmp_path, file), **env}).snapshot()
        assert proxy.authorizations == [expected]


def test_registry_with_a_bearer_token_reads_and_writes(builder: RegistryBuilder):
    name = builder.model(builder.unique("credit"))
    builder.version(name)
    with LoopbackProxy(builder.server.uri) as proxy:
        proxy.token = "t0ken"
        registry = opened(proxy.uri, {"MLFLOW_TRACKING_TOKEN": "t0ken"})
        registry.apply(Action(kind="alias", model=name, target="champion", before=None, after="1"))
        facts = registry.version_facts(name, 1)
        assert facts is not None
        assert facts.flaw is None
        assert registry.snapshot().models[name].aliases == {"champion": 1}
        assert set(proxy.authorizations) == {"Bearer t0ken"}


@dataclass(frozen=True)
class Accounts:
    """The server with passwords, a model on it, and accounts of the permissions that docs/mlflow.md names."""

    server: MlflowServer
    model: str

    def registry(self, username: str, password: str = PASSWORD) -> Registry:
        env = {"MLFLOW_TRACKING_USERNAME": username, "MLFLOW_TRACKING_PASSWORD": password}
        return opened(self.server.uri, env)


@pytest.fixture(scope="module")
def accounts(mlflow_auth_server: MlflowServer) -> Accounts:
    admin = RegistryBuilder(mlflow_auth_server, auth=(ADMIN, ADMIN_PASSWORD))
    name = admin.model(admin.unique("credit"))
    admin.register(name, source="s3://models/credit")
    for username, permission in (("reader", "READ"), ("editor", "EDIT"), ("manager", "MANAGE")):
        admin.call("POST", "users/create", {"username": username, "password": PASSWORD})
        reply = requests.post(
            f"{mlflow_auth_server.uri}/api/3.0/mlflow/users/permissions/grant",
            json={
                "username": username,
                "resource_type": "registered_model",
                "resource_id": name,
                "permission": permission,
            },
            auth=(ADMIN, ADMIN_PASSWORD),
            timeout=30,
        )
        reply.raise_for_status()
    return Accounts(server=mlflow_auth_server, model=name)


WRITES = {
    "set an alias": Action(kind="alias", model="", target="champion", before=None, after="1"),
    "move a stage": Action(kind="stage", model="", target="1", before="None", after="Staging"),
    "set a tag": Action(kind="tag", model="", target="1/stagewright.ledger-index", before=None, after="117"),
    "delete an alias": Action(kind="alias", model="", target="champion", before="1", after=None),
    "delete a tag": Action(kind="tag", model="", target="1/stagewright.ledger-index", before="117", after=None),
}


@pytest.mark.parametrize(
    ("username", "allowed"),
    [
        ("reader", []),
        ("editor", ["set an alias", "move a stage", "set a tag"]),
        ("manager", list(WRITES)),
    ],
)
def test_registry_with_basic_auth_lets_in_by_permission(accounts: Accounts, username: str, allowed: list[str]):
    registry = accounts.registry(username)
    assert sorted(registry.snapshot().models[accounts.model].versions) == [1]
    done = []
    for name, action in WRITES.items():
        try:
            registry.apply(replace(action, model=accounts.model))
        except ForbiddenError as error:
            assert "403" in str(error)  # noqa: PT017 -- which writes raise is what the table says
        else:
            done.append(name)
    assert done == allowed


def test_registry_with_basic_auth_and_a_wrong_password_is_forbidden(accounts: Accounts):
    with pytest.raises(ForbiddenError, match="401"):
        accounts.registry("reader", "another").snapshot()
    with pytest.raises(ForbiddenError, match="401"):
        opened(accounts.server.uri).snapshot()


def test_sqlite_registry_that_is_not_there_is_refused_and_not_made(tmp_path: Path):
    with pytest.raises(UsageError, match="there is no database at"):
        opened(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert list(tmp_path.iterdir()) == []


def test_sqlite_registry_that_is_another_programs_is_refused_and_left_alone(tmp_path: Path):
    path = tmp_path / "accounts.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE accounts (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="is not MLflow's: alembic_version"):
        opened(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_sqlite_registry_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "mlflow.db").write_bytes(b"not a database, but long enough to be looked at as one" * 100)
    with pytest.raises(UsageError, match="is no sqlite database"):
        opened(f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_sqlite_registry_of_another_version_of_mlflow_is_refused(tmp_path: Path, mlflow_server: MlflowServer):
    path = tmp_path / "old.db"
    with sqlite3.connect(mlflow_server.database) as source, sqlite3.connect(path) as copy:
        source.backup(copy)
        copy.execute("UPDATE alembic_version SET version_num = '000000000000'")
    source.close()
    copy.close()
    with pytest.raises(UsageError, match="cannot be used by this version of MLflow") as caught:
        opened(f"sqlite:///{path}")
    assert caught.value.hint == "mlflow db upgrade, after a backup"


def test_sqlite_registry_without_the_whole_of_mlflow_says_what_to_install(
    mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "mlflow.store.model_registry.sqlalchemy_store", None)
    with pytest.raises(UsageError, match="whole of MLflow") as caught:
        opened(f"sqlite:///{mlflow_server.database}")
    assert "stagewright[local]" in caught.value.hint


def test_sqlite_registry_with_files_behind_a_proxy_says_so(builder: RegistryBuilder):
    name = builder.model(builder.unique("credit"))
    version = builder.version(name)
    facts = opened(f"sqlite:///{builder.server.database}").version_facts(name, version)
    assert facts is not None
    assert facts.digest is None
    assert "behind the artifact proxy of an MLflow server" in str(facts.flaw)


def test_sqlite_registry_that_breaks_is_unreachable(tmp_path: Path, mlflow_server: MlflowServer):
    path = tmp_path / "copy.db"
    with sqlite3.connect(mlflow_server.database) as source, sqlite3.connect(path) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    registry = opened(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE registered_model_aliases")
    connection.close()
    with pytest.raises(UnreachableError, match="cannot answer registered-models/search"):
        registry.snapshot()
    with pytest.raises(StagewrightError):
        registry.apply(Action(kind="alias", model="a", target="champion", before=None, after="1"))
