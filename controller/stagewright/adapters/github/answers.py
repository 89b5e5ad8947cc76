"""The rows of GitHub's answers, read strictly: a field that is not what the API documents makes the answer incomplete.

{"login": "noor", "id": 1003, "type": "User", "site_admin": false, …}           REST
{"__typename": "User", "login": "noor", "databaseId": 1003}                     GraphQL
"""

import json
from typing import Any, NoReturn

from stagewright.adapters.rows import Row, below, number, odd, text
from stagewright.errors import IncompleteError
from stagewright.model.review import Account

# Whoever deleted their account; what they did is shown as this account's, or as nobody's.
GHOST = "ghost"
_BOT = "[bot]"


def parse(body: str, what: str) -> Any:
    """One JSON text, as RFC 8259 knows it: no NaN, nothing after it."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise IncompleteError(f"GitHub answers {what} with broken JSON") from error


def parse_row(body: str, what: str) -> Row:
    """A JSON object."""
    return as_row(parse(body, what), what)


def as_row(value: object, what: str) -> Row:
    """The object that `what` must be."""
    if not isinstance(value, dict):
        raise IncompleteError(f"GitHub answers {what} with JSON that is no object")
    return value


def as_rows(value: object, what: str) -> tuple[Row, ...]:
    """The list of objects that `what` must be."""
    if not isinstance(value, list):
        raise IncompleteError(f"GitHub answers {what} with no list")
    return tuple(as_row(item, what) for item in value)


def big_number(row: Row, name: str) -> int:
    """A whole number that GraphQL writes as a string where it does not fit into 32 bits."""
    value = row.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and str(int(value)) == value:
        return int(value)
    return number(row, name)


def optional_text(row: Row, name: str) -> str | None:
    """A string, or null."""
    return None if row.get(name) is None else text(row, name)


def optional_below(row: Row, name: str) -> Row | None:
    """An object within an object, or null."""
    return None if row.get(name) is None else below(row, name)


def rows(row: Row, name: str) -> tuple[Row, ...]:
    """A list of objects within an object."""
    value = row.get(name)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise odd(name, value)
    return tuple(value)


def account(value: object) -> Account | None:
    """A user or bot of the REST API; None for one who was deleted."""
    if value is None:
        return None
    row = as_row(value, "an account")
    return _account(text(row, "login"), number(row, "id"), text(row, "type"))


def actor(value: object) -> Account | None:
    """A user or bot of the GraphQL API; None for one who was deleted, and for what is no account of this forge."""
    if value is None:
        return None
    row = as_row(value, "an actor")
    kind = text(row, "__typename")
    if kind not in {"User", "Bot"}:
        return None
    return _account(text(row, "login"), number(row, "databaseId"), kind)


def _account(login: str, own: int, kind: str) -> Account | None:
    if login == GHOST or kind not in {"User", "Bot"}:
        return None
    if kind == "Bot" and not login.endswith(_BOT):
        # GraphQL leaves it out
        login += _BOT
    return Account(id=str(own), login=login, bot=kind == "Bot")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
