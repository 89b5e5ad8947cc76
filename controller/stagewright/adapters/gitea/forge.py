"""The `Forge` port on Gitea: which pull request brought a commit, who reviewed it, who is in a team.

Gitea merges in five styles. A merge and a rebase with a merge commit bring one commit with two parents. A squash,
a rebase and a fast-forward bring commits with one parent each, and Gitea knows only the last of them
(`merge_commit_sha`): how many there were is told by the push that the merge was, in the activity feed.
"""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import quote

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.gitea.answers import account
from stagewright.adapters.gitea.client import GiteaClient, Row, checked_repository
from stagewright.adapters.gitea.pulls import PullReader
from stagewright.adapters.gitea.pushes import Push
from stagewright.adapters.gitea.reviews import read_reviews
from stagewright.adapters.rows import below, flag, moment, number, text
from stagewright.errors import ForbiddenError, IncompleteError, NotFoundError, StalledError
from stagewright.model.review import Account
from stagewright.model.source import PullFacts, ReviewFacts

# Gitea marks a pull request as merged after the branch has moved, and detects merges by hand later still.
GRACE = timedelta(minutes=2)
MAX_LOOK_AHEAD = 100
WRITE = frozenset({"write", "admin", "owner"})


class GiteaForge:
    """Pull requests, reviews and people of one repository."""

    def __init__(self, client: GiteaClient, source: GitSource, *, repository: str, grace: timedelta = GRACE) -> None:
        """`repository` is "owner/name"; `source` its mirror, fetched with `refs/pull/*`.

        A push is held to have come without a pull request only when it is older than `grace`, by Gitea's own clock.
        """
        self._client = client
        self._source = source
        self._repository = checked_repository(repository)
        self._grace = grace
        self._own = ""
        self._merged: set[str] = set()
        self.pulls = PullReader(client, source, repository)

    def pull(self, commit: str, first_parent: str) -> PullFacts | None:
        """See the port. Of a merge that brought several commits, `first_parent` in the answer is that of the first."""
        parents = self._source.commit(commit).parents
        if not parents or parents[0] != first_parent:
            raise StalledError(f"{first_parent} is not the first parent of {commit}")
        row = self._merged_as(commit)
        self.pulls.refresh()
        pushes = self.pulls.branch_pushes()
        push = self._push_of(commit, pushes)
        if row is not None and len(parents) > 1:
            return self._facts(row, first_parent, (), push)
        if push is None:
            if row is not None:
                raise self._untold(commit)
            self._require_settled(commit, pushes)
            return None
        if row is not None and push.after != commit and self.pulls.head_of(row) != commit:
            # marked as merged by hand, in the middle of a push: the rest of the push belongs to nobody
            return self._facts(row, first_parent, (commit,), push)
        if push.before is not None and push.after is not None:
            part = self._part(commit, self._source.first_parents(push.before, push.after))
            if part is not None:
                found, brought = part
                return self._facts(found, self._source.commit(brought[0]).parents[0], brought, push)
        self._require_old(commit, push)
        return None

    def reviews(self, pull: PullFacts) -> tuple[ReviewFacts, ...]:
        """See the port; `reviews` says what Gitea makes of them."""
        feed, merged = self.pulls.feed(), pull.id in self._merged
        return read_reviews(self._client, self._repository, pull, feed, merged=merged)

    def observations(self) -> tuple[ReviewFacts, ...]:
        """Always none: Gitea keeps its own times."""
        return ()

    def members(self, team: str) -> tuple[str, ...]:
        """See the port; `team` is "@org/team". Gitea's teams have no teams within them.

        ForbiddenError where the organization does not show its teams to this token: to take that for "nobody" would
        overlook the rejection of a member.
        """
        org, _, name = team.removeprefix("@").partition("/")
        try:
            teams = self._client.rows(f"/orgs/{quote(org, safe='')}/teams")
        except NotFoundError as error:
            raise ForbiddenError(
                f"{self._client.place} shows no organization {org!r} to this token",
                hint="make its account a member of the organization, with the scope read:organization",
            ) from error
        for row in teams:
            if text(row, "name").casefold() == name.casefold():
                return tuple(sorted(who.id for who in self._team(row)))
        raise NotFoundError(f"{self._client.place} has no team {team}", hint="name a team that is there, or a group")

    def writers(self) -> tuple[Account, ...]:
        """See the port: whoever a team or an access of their own lets write; the token's own account never.

        Administrators of the whole server are not among them unless they are one of these.
        """
        found = {who.id: who for team in self._writing_teams() for who in self._team(team)}
        for row in self._client.plain_rows(f"/repos/{self._repository}/assignees"):
            who = account(row)
            if who is not None and who.id not in found and who.id != self._own_id() and self._may_write(who):
                found[who.id] = who
        return tuple(found[key] for key in sorted(found, key=int))

    def accounts(self, logins: Sequence[str]) -> dict[str, str | None]:
        """See the port; an account that hides from this token is none."""
        return {login: self._account_of(login) for login in logins}

    def _account_of(self, login: str) -> str | None:
        try:
            found = account(self._client.get(f"/users/{quote(login, safe='')}"))
        except NotFoundError:
            # the name that an account had once leads to the one that it has now
            return None
        return found.id if found is not None and found.login.casefold() == login.casefold() else None

    def _writing_teams(self) -> list[Row]:
        """The teams that write by a unit of theirs: for their members Gitea tells the permission "none"."""
        owner = text(below(self._repo(), "owner"), "login")
        if self._client.get(f"/orgs/{quote(owner)}") is None:
            return []
        teams = self._client.plain_rows(f"/repos/{self._repository}/teams")
        return [
            team
            for team in teams
            if text(team, "permission") not in {"admin", "owner"}
            and (team.get("units_map") or {}).get("repo.code", text(team, "permission")) in WRITE
        ]

    def _may_write(self, who: Account) -> bool:
        path = f"/repos/{self._repository}/collaborators/{quote(who.login)}/permission"
        return text(self._client.row(path, f"account {who.login}"), "permission") in WRITE

    def _team(self, team: Row) -> list[Account]:
        """The members of a team without the token's own account, which is nobody's voice."""
        try:
            rows = self._client.rows(f"/teams/{number(team, 'id')}/members")
        except ForbiddenError as error:
            raise ForbiddenError(
                f"{self._client.place} does not tell the members of the team {text(team, 'name')!r} to this token",
                hint="make its account a member of that team, or an owner of the organization: Gitea tells them alone",
            ) from error
        return [who for who in map(account, rows) if who is not None and who.id != self._own_id()]

    def _own_id(self) -> str:
        if not self._own:
            self._own = str(number(self._client.row("/user", "account"), "id"))
        return self._own

    def _repo(self) -> Row:
        return self._client.row(f"/repos/{self._repository}", f"repository {self._repository}")

    def _merged_as(self, commit: str) -> Row | None:
        """The pull request whose merge, squash or last commit this is."""
        found = self._client.get(f"/repos/{self._repository}/commits/{commit}/pull")
        if found is None:
            # a repository that is gone or hidden answers 404 as well
            self._repo()
            return None
        if not isinstance(found, dict) or not flag(found, "merged") or found.get("merge_commit_sha") != commit:
            raise IncompleteError(f"{self._client.place} names a pull request for {commit} that did not bring it")
        return found

    def _part(self, commit: str, chain: tuple[str, ...]) -> tuple[Row, tuple[str, ...]] | None:
        """Of a push of several commits, whose the one is, and what that pull request brought with it; None: nobody's.

        What was pushed as it was proposed may hold the heads of several pull requests, one on top of the other: each
        has what lies between the merge below and its own head.
        """
        last = self._merged_plainly(chain[-1])
        if last is not None and self.pulls.head_of(last) != chain[-1]:
            # a rebase: Gitea's own push, and nothing else is in it
            return last, chain
        at = chain.index(commit)
        for end, above in enumerate(chain[at : at + MAX_LOOK_AHEAD], at):
            row = self._merged_plainly(above)
            if row is not None and self.pulls.head_of(row) == above:
                start = next((b + 1 for b in range(at - 1, -1, -1) if self._merged_as(chain[b]) is not None), 0)
                return row, chain[start : end + 1]
        return None

    def _merged_plainly(self, commit: str) -> Row | None:
        return self._merged_as(commit) if len(self._source.commit(commit).parents) == 1 else None

    def _facts(self, row: Row, first_parent: str, brought: tuple[str, ...], push: Push | None) -> PullFacts:
        # of a merge that was declared by hand, `merged_at` is what the commit claims; the push is not later than that
        at = moment(row, "merged_at")
        at = min(at, push.created) if push is not None else at
        facts = self.pulls.merged(row, first_parent=first_parent, brought=brought, at=at)
        self._merged.add(facts.id)
        return facts

    def _push_of(self, commit: str, pushes: tuple[Push, ...]) -> Push | None:
        """The push that brought a commit onto the first-parent chain of the branch."""
        for push in reversed(pushes):
            if push.before is None or push.after is None:
                continue
            try:
                if commit in self._source.first_parents(push.before, push.after):
                    return push
            except (NotFoundError, StalledError):
                # a forced push, or commits that are no longer there: not this branch's history any more
                continue
        return None

    def _require_settled(self, commit: str, pushes: tuple[Push, ...]) -> None:
        """IncompleteError where a pull request that was merged later can have brought a commit of an unknown push."""
        befores = {push.before for push in pushes}
        chain = (commit, *self._source.first_parents(commit, self._source.last_head()))
        for later in chain[:MAX_LOOK_AHEAD]:
            if later != commit and self._merged_as(later) is not None and len(self._source.commit(later).parents) == 1:
                break
            if later in befores:
                # the next push is known, and nothing between here and there is the end of a merge
                return
        raise self._untold(commit)

    def _untold(self, commit: str) -> IncompleteError:
        return IncompleteError(
            f"{self._client.place} does not show the push that brought {commit[:12]}, so that its pull request is not"
            " certain",
            hint="activity that its author hides is shown to site administrators only; docs/forges.md says what to do",
        )

    def _require_old(self, commit: str, push: Push) -> None:
        age = self._client.server_time - push.created
        if age < self._grace:
            raise IncompleteError(
                f"{commit[:12]} came without a pull request {max(0, int(age.total_seconds()))} s ago, which Gitea may"
                " not have noticed yet",
                hint=f"it is certain after {int(self._grace.total_seconds())} s",
            )
