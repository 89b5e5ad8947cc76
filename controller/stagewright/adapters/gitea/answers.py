"""The rows of Gitea's answers, read strictly: a field that is not what the API documents makes the answer incomplete.

A user: {"id": 3, "login": "noor", "is_admin": false, …}. A deleted one is null, or has the id -1 and the login Ghost.
"""

from datetime import UTC, datetime
from typing import Any

from stagewright.adapters.gitea.client import Row
from stagewright.errors import IncompleteError
from stagewright.model.review import Account

_GHOST = -1


def number(row: Row, name: str) -> int:
    """A whole number."""
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _odd(name, value)
    return value


def text(row: Row, name: str) -> str:
    """A string."""
    value = row.get(name)
    if not isinstance(value, str):
        raise _odd(name, value)
    return value


def flag(row: Row, name: str) -> bool:
    """True or false."""
    value = row.get(name)
    if not isinstance(value, bool):
        raise _odd(name, value)
    return value


def below(row: Row, name: str) -> Row:
    """An object within an object."""
    value = row.get(name)
    if not isinstance(value, dict):
        raise _odd(name, value)
    return value


def moment(row: Row, name: str) -> datetime:
    """A time, `2026-11-24T22:18:55Z` or with another offset: in UTC."""
    value = text(row, name)
    try:
        told = datetime.fromisoformat(value)
    except ValueError as error:
        raise _odd(name, value) from error
    if told.tzinfo is None:
        raise _odd(name, value)
    return told.astimezone(UTC)


def account(value: Any) -> Account | None:
    """A user; None for one who was deleted. Gitea's own accounts (its Actions) have ids below zero and are bots."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _odd("user", value)
    found = number(value, "id")
    if found in {_GHOST, 0}:
        return None
    return Account(id=str(found), login=text(value, "login"), bot=found < 0 or value.get("is_bot") is True)


def _odd(name: str, value: object) -> IncompleteError:
    return IncompleteError(f"Gitea's answer has no {name!r} as its API documents it, but {str(value)[:80]!r}")
