"""Who we are to GitHub: an App's bot, or the account of a token. Only what that one wrote is ever taken for ours.

A comment by an App:
    {"user": {"login": "stagewright[bot]", "type": "Bot", …}, "performed_via_github_app": {"id": 12, …}, …}
"""

from stagewright.adapters.github.answers import account, optional_below
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.rows import Row, number, text
from stagewright.errors import ForbiddenError


class Myself:
    """Asks once, and recognises what is ours."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client
        self._app: int | None = None
        self._account: int | None = None

    def app(self) -> int:
        """The App's id. ForbiddenError for a token."""
        if self._app is None:
            self._app = number(self._client.as_app("/app"), "id")
        return self._app

    def account(self) -> int:
        """The id of the token's account. ForbiddenError where it is nobody's."""
        if self._account is None:
            who = account(self._client.row("/user"))
            if who is None:
                raise ForbiddenError(f"{self._client.place} says that the token is nobody's")
            self._account = int(who.id)
        return self._account

    def wrote(self, row: Row, field: str = "user") -> bool:
        """Whether a row's author, in this field of it, is us."""
        who = optional_below(row, field)
        if who is None:
            return False
        if not self._client.is_app:
            return number(who, "id") == self.account()
        app = optional_below(row, "performed_via_github_app")
        return text(who, "type") == "Bot" and app is not None and number(app, "id") == self.app()
