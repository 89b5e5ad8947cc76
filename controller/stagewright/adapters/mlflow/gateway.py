"""The narrow door to MLflow: its REST calls by path, answered over HTTP or straight from the database alike."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

# A value as MLflow's REST API takes it; a list repeats the parameter.
Field = str | bool | list[str]
Fields = Mapping[str, Field]
# A JSON object, believed in nothing yet: `answers.py` reads it.
Answer = dict[str, Any]


class Gateway(Protocol):
    """MLflow's REST API, `/api/2.0/mlflow/` left out of the paths."""

    @property
    def place(self) -> str:
        """Where this MLflow is, for messages; holds no secret."""
        ...

    def get(self, path: str, fields: Fields) -> Answer | None:
        """One read, repeated a few times where MLflow is busy. None: MLflow says that the thing does not exist.

        UnreachableError, ForbiddenError; InvalidError where MLflow refuses the question.
        """
        ...

    def send(self, method: Literal["POST", "DELETE"], path: str, fields: Fields) -> None:
        """One write, one request, never repeated. UnreachableError: it may or may not have happened.

        NotFoundError, InvalidError, ForbiddenError: MLflow refused, nothing happened.
        """
        ...
