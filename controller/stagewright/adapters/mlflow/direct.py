"""MLflow's sqlite database without a server: the same answers as the REST API gives, from MLflow's own store.

For one machine: a laptop, a CI job, the demo. Needs the whole of `mlflow`, the extra `local`.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any, Literal

from mlflow.exceptions import MlflowException
from mlflow.utils.proto_json_utils import message_to_json

from stagewright.adapters.mlflow.gateway import Answer, Fields
from stagewright.errors import InvalidError, NotFoundError, UnreachableError, UsageError

# Of MLflow's schema: what must be there before its store may open the file, for it creates what it does not find.
TABLES = frozenset({"alembic_version", "registered_models", "model_versions", "runs"})


class DirectGateway:
    """The answers of MLflow's REST API, out of the database at `path`."""

    def __init__(self, path: Path) -> None:
        """UsageError: no such file, not MLflow's, of another version of MLflow, or `mlflow` is not installed whole."""
        self._path = path
        _check_database(path)
        try:
            from mlflow.entities.model_registry import ModelVersionTag  # noqa: PLC0415 -- only with the extra `local`
            from mlflow.store.model_registry.sqlalchemy_store import (  # noqa: PLC0415 -- same
                SqlAlchemyStore as RegistryStore,
            )
            from mlflow.store.tracking.sqlalchemy_store import (  # noqa: PLC0415 -- same
                SqlAlchemyStore as TrackingStore,
            )
        except ImportError as error:
            raise UsageError(
                "sqlite registries need the whole of MLflow, which is not installed",
                hint="pip install 'stagewright[local]', or give the URI of an MLflow server",
            ) from error
        self._tag = ModelVersionTag
        try:
            self._registry: Any = RegistryStore(f"sqlite:///{path}")
            # never used to write artifacts, so it needs no root for them
            self._tracking: Any = TrackingStore(f"sqlite:///{path}", str(path.parent))
        except MlflowException as error:
            raise UsageError(
                f"{path} cannot be used by this version of MLflow: {error.message}"[:500],
                hint="mlflow db upgrade, after a backup",
            ) from error

    @property
    def place(self) -> str:
        """The database's path."""
        return f"MLflow in {self._path}"

    def get(self, path: str, fields: Fields) -> Answer | None:
        """See Gateway."""
        try:
            return self._answer(path, {name: field for name, field in fields.items() if field != ""})
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise self._translated(path, error) from error

    def send(self, method: Literal["POST", "DELETE"], path: str, fields: Fields) -> None:
        """See Gateway."""
        try:
            self._write(method, path, fields)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                raise NotFoundError(f"{self.place} does not know what {method} {path} is about") from error
            raise self._translated(path, error) from error

    def _answer(self, path: str, fields: Fields) -> Answer:
        match path.split("/"):
            case ["registered-models", "search"]:
                return _page("registered_models", self._registry.search_registered_models(**_search(fields)))
            case ["model-versions", "search"]:
                return _page("model_versions", self._registry.search_model_versions(**_search(fields)))
            case ["registered-models", "get"]:
                return {"registered_model": _json(self._registry.get_registered_model(fields["name"]))}
            case ["model-versions", "get"]:
                found = self._registry.get_model_version(fields["name"], fields["version"])
                return {"model_version": _json(found)}
            case ["model-versions", "get-download-uri"]:
                uri = self._registry.get_model_version_download_uri(fields["name"], fields["version"])
                return {"artifact_uri": uri}
            case ["runs", "get"]:
                return {"run": _json(self._tracking.get_run(fields["run_id"]))}
            case ["logged-models", model_id]:
                return {"model": _json(self._tracking.get_logged_model(model_id))}
        raise AssertionError(f"no read asks for {path}")

    def _write(self, method: str, path: str, fields: Fields) -> None:
        match (method, path):
            case ("POST", "registered-models/alias"):
                self._registry.set_registered_model_alias(fields["name"], fields["alias"], fields["version"])
            case ("DELETE", "registered-models/alias"):
                self._registry.delete_registered_model_alias(fields["name"], fields["alias"])
            case ("POST", "model-versions/transition-stage"):
                self._registry.transition_model_version_stage(
                    fields["name"],
                    fields["version"],
                    fields["stage"],
                    archive_existing_versions=fields["archive_existing_versions"],
                )
            case ("POST", "model-versions/set-tag"):
                tag = self._tag(fields["key"], fields["value"])
                self._registry.set_model_version_tag(fields["name"], fields["version"], tag)
            case ("DELETE", "model-versions/delete-tag"):
                self._registry.delete_model_version_tag(fields["name"], fields["version"], fields["key"])
            case _:
                raise AssertionError(f"no write asks for {method} {path}")

    def _translated(self, path: str, error: MlflowException) -> InvalidError | UnreachableError:
        message = str(error.message)[:500]
        if error.error_code in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}:
            return InvalidError(f"{self.place} refuses {path}: {message!r}")
        return UnreachableError(f"{self.place} cannot answer {path}: {message!r}")


def _check_database(path: Path) -> None:
    hint = "give the path of the file that `mlflow server --backend-store-uri sqlite:///…` uses"
    if not path.is_file():
        raise UsageError(f"there is no database at {path}", hint=hint)
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        raise UnreachableError(f"{path} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise UsageError(f"{path} is no sqlite database: {error}", hint=hint) from error
    if not tables >= TABLES:
        raise UsageError(f"{path} is not MLflow's: {', '.join(sorted(TABLES - tables))} not there", hint=hint)


def _search(fields: Fields) -> dict[str, Any]:
    names = {"filter": "filter_string"}
    arguments: dict[str, Any] = {names.get(name, name): field for name, field in fields.items()}
    return arguments | {"max_results": int(arguments["max_results"])}


def _page(name: str, found: Any) -> Answer:
    answer: Answer = {name: [_json(one) for one in found]}
    return answer | ({"next_page_token": found.token} if found.token else {})


def _json(entity: Any) -> Answer:
    """An entity of MLflow's as its server spells it in an answer."""
    answer: Answer = json.loads(message_to_json(entity.to_proto()))
    return answer
