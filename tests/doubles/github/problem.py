"""How the double says no."""

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


class Problem(Exception):  # noqa: N818 -- an answer like any other, not a fault of the double
    """An answer of 3xx, 4xx or 5xx, with GitHub's body for it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[Any] | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
        if errors is not None:
            self.body["errors"] = errors
        self.body.update(more or {})


def not_found() -> Problem:
    """404: there is none, or it may not be known that there is one."""
    return Problem(404, "Not Found")


def unprocessable(message: str, *, resource: str, field: str, code: str = "custom") -> Problem:
    """422 with one entry in `errors`."""
    error = {"resource": resource, "field": field, "code": code, "message": message}
    return Problem(422, "Validation Failed", errors=[error])
