"""The `Conversation` port on GitHub: one comment, one mark, requests for review, deployments.

Everything is looked at before it is written, so that saying the same again, after a crash or from a second replica,
changes nothing. Only what we wrote ourselves is ever taken for ours, whatever it looks like.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.github.answers import account, rows
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.deployments import show_deployment
from stagewright.adapters.github.forge import GitHubForge
from stagewright.adapters.github.marks import mark_commit
from stagewright.adapters.github.myself import Myself
from stagewright.adapters.rows import Row, flag, moment, number, text
from stagewright.errors import ForbiddenError, InvalidError, NotFoundError
from stagewright.model.conversation import Deployed, OpenPull, StatusMark

MARKER = "<!-- stagewright: this comment is kept up to date -->"
MAX_COMMENT_CHARS = 65_536
# GitHub tells time in whole seconds.
SAME_MOMENT = timedelta(seconds=2)
_OPENING = "<!-- stagewright:"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What an open pull request was shown for. Not `settled`: it may change again and still have the same time."""

    updated: datetime
    onto: str
    settled: bool


class GitHubConversation:
    """What the controller says on one repository; `forge` is the one that it judges by."""

    def __init__(self, client: GitHubClient, source: GitSource, forge: GitHubForge) -> None:
        """Nothing is asked yet."""
        self._client = client
        self._source = source
        self._forge = forge
        self._myself = Myself(client)
        self._shown: dict[int, tuple[_Seen, OpenPull]] = {}

    def open_pulls(self) -> tuple[OpenPull, ...]:
        """See the port; as of the last fetch. These are served from what the rate limit has to spare.

        ForbiddenError when the repository is archived: nothing can be said on it.
        """
        if flag(self._client.row(self._client.repo, spare=True), "archived"):
            raise ForbiddenError(f"the repository {self._client.address.repository} is archived", hint="unarchive it")
        fields = {"state": "open", "base": self._source.branch, "sort": "created", "direction": "asc"}
        found = self._client.rows(f"{self._client.repo}/pulls", fields, spare=True)
        settled = self._client.server_time - SAME_MOMENT
        listed = {
            number(row, "number"): _Seen(
                updated=moment(row, "updated_at"),
                onto=self._source.last_head(),
                settled=moment(row, "updated_at") < settled,
            )
            for row in found
        }
        known = {own: seen for own, (seen, _) in self._shown.items() if seen.settled}
        stale = [own for own, seen in listed.items() if known.get(own) != seen]
        self._shown = {own: shown for own, shown in self._shown.items() if own in listed}
        for record in self._forge.records(stale, spare=True):
            # what was pushed after the fetch is shown after the next: on a busy repository a list that waited for the
            # mirror to have everything would never come
            if record.state == "OPEN" and record.base == self._source.branch and self._forge.mirrors(record):
                facts = self._forge.opened(record, spare=True)
                pull = OpenPull(number=record.number, facts=facts, draft=record.draft, opened=record.created)
                self._shown[record.number] = (listed[record.number], pull)
            else:
                self._shown.pop(record.number, None)
        return tuple(self._shown[own][1] for own in sorted(self._shown))

    def say(self, number: int, body: str) -> None:
        """See the port. A second comment of ours, which two replicas can have made at once, is deleted."""
        wanted = body if body.startswith(_OPENING) else f"{MARKER}\n{body}"
        if len(wanted) > MAX_COMMENT_CHARS:
            raise InvalidError(f"a comment of {len(wanted)} characters is more than {MAX_COMMENT_CHARS}")
        path = f"{self._client.repo}/issues/{number}/comments"
        own = self._own_comments(path)
        if not own:
            self._client.send("POST", path, {"body": wanted})
            own = self._own_comments(path)
        elif text(own[0], "body") != wanted:
            self._client.send("PATCH", f"{self._client.repo}/issues/comments/{own[0]['id']}", {"body": wanted})
        for other in own[1:]:
            try:
                self._client.send("DELETE", f"{self._client.repo}/issues/comments/{other['id']}")
            except NotFoundError:
                # another replica was faster
                continue

    def mark(self, mark: StatusMark) -> None:
        """See the port: a check run for an App, a commit status for a token."""
        mark_commit(self._client, self._myself, mark)

    def ask(self, number: int, people: tuple[str, ...], teams: tuple[str, ...]) -> None:
        """See the port. Who cannot be asked is left out: the author, and whoever may not read the repository.

        Nor is somebody asked again who has reviewed already.
        """
        path = f"{self._client.repo}/pulls/{number}"
        asked = self._client.row(f"{path}/requested_reviewers")
        reviews = self._client.rows(f"{path}/reviews")
        known = [account(row.get("user")) for row in (self._client.row(path), *reviews)]
        logins = {who.login.casefold() for who in known if who is not None}
        logins |= {text(row, "login").casefold() for row in rows(asked, "users")}
        slugs = {text(row, "slug").casefold() for row in rows(asked, "teams")}
        new = [name for name in (p.removeprefix("@") for p in people) if name.casefold() not in logins]
        organization = self._client.address.owner.casefold()
        fresh = []
        for team in teams:
            owner, _, slug = team.removeprefix("@").rpartition("/")
            if owner.casefold() in {"", organization} and slug.casefold() not in slugs:
                fresh.append(slug)
        self._request(f"{path}/requested_reviewers", new, fresh)

    def deployed(self, deployment: Deployed) -> None:
        """See the port: a GitHub deployment to the environment of the stage's name, with its status."""
        show_deployment(self._client, self._myself, deployment)

    def _request(self, path: str, people: list[str], teams: list[str]) -> None:
        if not people and not teams:
            return
        try:
            self._client.send("POST", path, {"reviewers": people, "team_reviewers": teams})
        except InvalidError:
            # one who cannot be asked is no reason not to ask the others
            one_by_one: list[Mapping[str, Any]] = [{"reviewers": [name]} for name in people]
            one_by_one += [{"team_reviewers": [slug]} for slug in teams]
            for body in one_by_one if len(one_by_one) > 1 else ():
                try:
                    self._client.send("POST", path, body)
                except InvalidError:
                    continue

    def _own_comments(self, path: str) -> list[Row]:
        found = [row for row in self._client.rows(path) if (row.get("body") or "").startswith(_OPENING)]
        return sorted((row for row in found if self._myself.wrote(row)), key=lambda row: number(row, "id"))
