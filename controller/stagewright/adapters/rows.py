"""The rows of a forge's answers, read strictly: a field that is not what its API documents makes them incomplete."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stagewright.errors import IncompleteError

Row = Mapping[str, Any]


def number(row: Row, name: str) -> int:
    """A whole number."""
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise odd(name, value)
    return value


def text(row: Row, name: str) -> str:
    """A string."""
    value = row.get(name)
    if not isinstance(value, str):
        raise odd(name, value)
    return value


def flag(row: Row, name: str) -> bool:
    """True or false."""
    value = row.get(name)
    if not isinstance(value, bool):
        raise odd(name, value)
    return value


def below(row: Row, name: str) -> Row:
    """An object within an object."""
    value = row.get(name)
    if not isinstance(value, dict):
        raise odd(name, value)
    return value


def moment(row: Row, name: str) -> datetime:
    """A time, `2026-11-24T22:18:55Z` or with another offset: in UTC."""
    value = text(row, name)
    try:
        told = datetime.fromisoformat(value)
    except ValueError as error:
        raise odd(name, value) from error
    if told.tzinfo is None:
        raise odd(name, value)
    return told.astimezone(UTC)


def odd(name: str, value: object) -> IncompleteError:
    """What to raise for a field that holds something else."""
    return IncompleteError(f"the forge's answer has no {name!r} as its API documents it, but {str(value)[:80]!r}")
