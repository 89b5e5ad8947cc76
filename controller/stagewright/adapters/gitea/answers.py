"""People in Gitea's answers.

A user: {"id": 3, "login": "noor", "is_admin": false, …}. A deleted one is null, or has the id -1 and the login Ghost.
"""

from typing import Any

from stagewright.adapters.rows import number, odd, text
from stagewright.model.review import Account

_GHOST = -1


def account(value: Any) -> Account | None:
    """A user; None for one who was deleted. Gitea's own accounts (its Actions) have ids below zero and are bots."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise odd("user", value)
    found = number(value, "id")
    if found in {_GHOST, 0}:
        return None
    return Account(id=str(found), login=text(value, "login"), bot=found < 0 or value.get("is_bot") is True)
