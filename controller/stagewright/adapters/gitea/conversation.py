"""The `Conversation` port on Gitea: one comment, one commit status, and requests for review.

Everything is looked at before it is written, so that saying the same again, after a crash or from a second replica,
changes nothing. Only what the token's own account wrote is ever taken for one's own, whatever it looks like.
"""

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.gitea.answers import account
from stagewright.adapters.gitea.client import GiteaClient, Row, checked_repository
from stagewright.adapters.gitea.pulls import PullReader
from stagewright.adapters.rows import below, number, text
from stagewright.errors import ForbiddenError, InvalidError, NotFoundError
from stagewright.model.conversation import Deployed, OpenPull, StatusMark

CONTEXT = "stagewright"
MARKER = "<!-- stagewright: this comment is kept up to date -->"
MAX_COMMENT_CHARS = 65_000
_OPENING = "<!-- stagewright:"


class GiteaConversation:
    """What one account says on the pull requests of one repository."""

    def __init__(self, client: GiteaClient, source: GitSource, *, repository: str) -> None:
        """`repository` is "owner/name"; `source` its mirror, fetched with `refs/pull/*`."""
        self._client = client
        self._source = source
        self._repository = checked_repository(repository)
        self._pulls = PullReader(client, source, repository)
        self._self: int | None = None

    def open_pulls(self) -> tuple[OpenPull, ...]:
        """See the port."""
        self._pulls.refresh()
        rows = self._client.rows(f"/repos/{self._repository}/pulls", {"state": "open", "sort": "oldest"})
        wanted = (row for row in rows if text(below(row, "base"), "ref") == self._source.branch)
        return tuple(self._pulls.open(row) for row in sorted(wanted, key=lambda row: number(row, "number")))

    def say(self, number: int, body: str) -> None:
        """See the port. A second comment of one's own, which two replicas can have made at once, is deleted."""
        wanted = body if body.startswith(_OPENING) else f"{MARKER}\n{body}"
        if len(wanted) > MAX_COMMENT_CHARS:
            raise InvalidError(f"a comment of {len(wanted)} characters is more than {MAX_COMMENT_CHARS}")
        path = f"/repos/{self._repository}/issues"
        own = self._own_comments(f"{path}/{number}/comments")
        if not own:
            self._client.send("POST", f"{path}/{number}/comments", {"body": wanted})
        elif text(own[0], "body") != wanted:
            self._client.send("PATCH", f"{path}/comments/{own[0]['id']}", {"body": wanted})
        for other in own[1:]:
            self._client.send("DELETE", f"{path}/comments/{other['id']}")

    def mark(self, mark: StatusMark) -> None:
        """See the port. The context is `stagewright`; Gitea keeps the older ones, and shows the newest."""
        body = {
            "context": CONTEXT,
            "state": mark.state,
            "description": mark.summary,
            "target_url": mark.url or "",
        }
        rows = self._client.rows(f"/repos/{self._repository}/commits/{mark.commit}/statuses")
        own = [row for row in rows if row.get("context") == CONTEXT]
        last = max(own, key=lambda row: number(row, "id"), default=None)
        shown = last and (last.get("status"), last.get("description"), last.get("target_url"))
        if last is None or shown != (mark.state, mark.summary, mark.url or "") or not self._is_own(last, "creator"):
            self._client.send("POST", f"/repos/{self._repository}/statuses/{mark.commit}", body)

    def ask(self, number: int, people: tuple[str, ...], teams: tuple[str, ...]) -> None:
        """See the port. Who cannot be asked is left out: the author, and whoever may not read the repository.

        Nor is somebody asked again who has reviewed already: Gitea would take their review for outdated.
        """
        path = f"/repos/{self._repository}/pulls/{number}"
        row = self._client.row(path, f"pull request {number}")
        reviews = self._client.rows(f"{path}/reviews", hidden=True)
        known = [row, *reviews, *({"user": who} for who in row.get("requested_reviewers") or ())]
        logins = {str((entry.get("user") or {}).get("login")).casefold() for entry in known}
        names = {text(team, "name").casefold() for team in row.get("requested_reviewers_teams") or ()}
        org = self._repository.partition("/")[0].casefold()
        wanted: list[Row] = [{"reviewers": [login]} for login in people if login.casefold() not in logins]
        for team in teams:
            owner, _, name = team.removeprefix("@").rpartition("/")
            if owner.casefold() == org and name.casefold() not in names:
                wanted.append({"team_reviewers": [name]})
        for body in wanted:
            try:
                self._client.send("POST", f"{path}/requested_reviewers", body)
            except (InvalidError, NotFoundError, ForbiddenError):
                # one who cannot be asked is no reason not to ask the others
                continue

    def deployed(self, deployment: Deployed) -> None:
        """Nothing: Gitea has no page of deployments. The comment says what was applied."""

    def _own_comments(self, path: str) -> list[Row]:
        rows = self._client.plain_rows(path)
        own = [row for row in rows if self._is_own(row, "user") and text(row, "body").startswith(_OPENING)]
        return sorted(own, key=lambda row: number(row, "id"))

    def _is_own(self, row: Row, field: str) -> bool:
        if self._self is None:
            self._self = number(self._client.row("/user", "account"), "id")
        who = account(row.get(field))
        return who is not None and who.id == str(self._self)
