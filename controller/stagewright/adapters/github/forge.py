"""The `Forge` port on GitHub: pull requests, reviews and people of one repository, believed where they agree.

A question to the GraphQL API brings a merge with everything said about it; the REST API, whose reads cost nothing while
nothing changes, is what it is held against. Branch protection is never asked: reviews are counted elsewhere.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import quote

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.github.activity import MERGES, Activity, pushers
from stagewright.adapters.github.answers import account
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.merges import Merges
from stagewright.adapters.github.pulls import PullReader
from stagewright.adapters.github.queries import BATCH
from stagewright.adapters.github.records import PullRecord, facts_of, held_against
from stagewright.adapters.rows import Row, below, flag, moment, number, text
from stagewright.errors import ForbiddenError, IncompleteError, NotFoundError, StalledError, UnreachableError
from stagewright.model.review import Account
from stagewright.model.source import PullFacts, ReviewFacts, SourceCommit

# GitHub notices merges by hand some time after the push that they are.
GRACE = timedelta(minutes=2)
# How far the clocks of a move and of the pull request that was merged by it may be apart.
SAME_MERGE = timedelta(minutes=10)
MAX_KEPT = 4096


class GitHubForge:
    """One repository; `source` is its mirror, fetched with `refs/pull/*/head`."""

    def __init__(self, client: GitHubClient, source: GitSource, *, grace: timedelta = GRACE) -> None:
        """A push is held to have come without a pull request only when it is older than `grace`, by GitHub's clock."""
        self._client = client
        self._source = source
        self._activity = Activity(client, source)
        self._reader = PullReader(client)
        self._merges = Merges(client, source, self._activity, self._came, grace=grace)
        # asked about ahead of their turn; each answer is used once
        self._ahead: dict[str, tuple[PullRecord, ...]] = {}
        # a merged pull request whose pushers are all known does not change any more
        self._settled: dict[str, PullFacts] = {}
        self._records: dict[str, PullRecord] = {}

    def pull(self, commit: str, first_parent: str) -> PullFacts | None:
        """See the port. Of a merge that brought several commits, `first_parent` in the answer is that of the first."""
        parents = self._source.commit(commit).parents
        if not parents or parents[0] != first_parent:
            raise StalledError(f"{first_parent} is not the first parent of {commit}")
        if commit in self._settled:
            return self._settled[commit]
        with _incomplete():
            found = self._bringer(commit, self._candidates(commit, first_parent))
            if found is None:
                found = self._bringer(commit, self._merged_by_list(commit))
            if found is None:
                self._merges.require_straight(commit)
                return None
            return self._merged(*found)

    def reviews(self, pull: PullFacts) -> tuple[ReviewFacts, ...]:
        """See the port. The two APIs must show the same reviews, or none are believed."""
        with _incomplete():
            listed = self._client.rows(f"{self._client.repo}/pulls/{pull.id}/reviews")
            known = self._records.get(pull.id)
            record = None if known is None else held_against(known, listed)
            if record is None:
                record = held_against(self._keep(self._reader.of_numbers((int(pull.id),))[0]), listed)
            if record is None:
                raise IncompleteError(
                    f"GitHub's two APIs do not agree about the reviews of pull request {pull.id}",
                    hint="one of them is behind: they are asked again",
                )
            return facts_of(record)

    def observations(self) -> tuple[ReviewFacts, ...]:
        """Always none: GitHub keeps its own times."""
        return ()

    def members(self, team: str) -> tuple[str, ...]:
        """See the port; `team` is "@org/team", child teams are part of it.

        ForbiddenError where the organization does not show its teams: to take that for "nobody" would overlook the
        rejection of a member.
        """
        organization, _, slug = team.removeprefix("@").partition("/")
        with _incomplete():
            try:
                found = self._client.rows(f"/orgs/{quote(organization)}/teams/{quote(slug)}/members")
            except NotFoundError as error:
                raise self._no_team(team, organization, slug) from error
            people = (account(row) for row in found)
            return tuple(sorted((who.id for who in people if who is not None), key=int))

    def writers(self) -> tuple[Account, ...]:
        """See the port: everybody who may push, by whatever way they came by it."""
        with _incomplete():
            found = self._client.rows(f"{self._client.repo}/collaborators", {"affiliation": "all"})
            people = (account(row) for row in found if flag(below(row, "permissions"), "push"))
            return tuple(sorted((who for who in people if who is not None), key=lambda who: int(who.id)))

    def accounts(self, logins: Sequence[str]) -> dict[str, str | None]:
        """See the port."""
        with _incomplete():
            return {login: self._account_of(login) for login in logins}

    def _account_of(self, login: str) -> str | None:
        try:
            row = self._client.row(f"/users/{quote(login, safe='')}")
        except NotFoundError:
            return None
        who = account(row) if text(row, "type") in {"User", "Bot"} else None
        return who.id if who is not None and who.login.casefold() == login.casefold() else None

    # open pull requests, which `GitHubConversation` lists

    def records(self, numbers: Sequence[int], *, spare: bool) -> tuple[PullRecord, ...]:
        """Pull requests by number, as they are now."""
        return tuple(self._keep(record) for record in self._reader.of_numbers(numbers, spare=spare))

    def mirrors(self, record: PullRecord) -> bool:
        """Whether the mirror has the head of a pull request (already)."""
        try:
            self._source.commit(record.head)
        except NotFoundError:
            return False
        return True

    def opened(self, record: PullRecord, *, spare: bool) -> PullFacts:
        """An open pull request as if it were merged onto the branch's head now."""
        onto = self._source.last_head()
        return self._facts(record, onto, (), self._pushers(record, onto, spare=spare)[1])

    # what a commit came by

    def _candidates(self, commit: str, first_parent: str) -> tuple[PullRecord, ...]:
        if commit not in self._ahead:
            chain = self._source.first_parents(first_parent, self._source.last_head())
            wanted = [one for one in chain[:BATCH] if one not in self._settled]
            self._ahead = dict(self._reader.of_commits(wanted))
        return _known(self._ahead.pop(commit, None), commit)

    def _came(self, commits: Sequence[str]) -> list[tuple[PullRecord, ...]]:
        """The merged pull requests that each commit came by."""
        found: list[tuple[PullRecord, ...]] = []
        for start in range(0, len(commits), BATCH):
            batch = commits[start : start + BATCH]
            answer = self._reader.of_commits(batch)
            told = (_known(answer.get(one), one) for one in batch)
            found += [tuple(pull for pull in pulls if pull.merged is not None) for pulls in told]
        return found

    def _merged_by_list(self, commit: str) -> tuple[PullRecord, ...]:
        """For a branch that is not the default one: those whose merge ended the move that brought the commit."""
        found = self._activity.that_brought(commit)
        if found is None or found[0].kind not in MERGES:
            return ()
        move, chain = found

        def enough(rows: tuple[Row, ...]) -> bool:
            return moment(rows[-1], "updated_at") < move.at - SAME_MERGE if rows else True

        fields = {"state": "closed", "base": self._source.branch, "sort": "updated", "direction": "desc"}
        listed = self._client.first_rows(f"{self._client.repo}/pulls", fields, enough)
        numbers = [number(row, "number") for row in listed if row.get("merge_commit_sha") in chain]
        return self._reader.of_numbers(dict.fromkeys(numbers))

    def _bringer(self, commit: str, candidates: Sequence[PullRecord]) -> tuple[PullRecord, tuple[str, ...]] | None:
        """The one of the candidates that brought a commit, and all that it brought.

        Of two with the same head, which GitHub takes both for merged, it is the one that was merged first.
        """
        told = ((record, self._merges.brought(record, commit)) for record in candidates if record.merged is not None)
        found = sorted(((r, brought) for r, brought in told if brought), key=lambda one: self._order(one[0]))
        if len(found) > 1 and self._order(found[0][0]) == self._order(found[1][0]):
            names = " and ".join(str(record.number) for record, _ in found)
            raise IncompleteError(f"commit {commit[:12]} came by pull requests {names} at once: which is not certain")
        return found[0] if found else None

    def _order(self, record: PullRecord) -> tuple[bool, float, bool]:
        at = record.merged.timestamp() if record.merged is not None else 0.0
        return record.base != self._source.branch, at, self._is_fork(record)

    def _merged(self, record: PullRecord, brought: tuple[str, ...]) -> PullFacts:
        onto = self._source.commit(brought[0]).parents[0]
        whole, actors = self._pushers(record, onto, spare=False)
        facts = self._facts(self._keep(record), onto, brought, actors)
        if whole:
            self._settled.update(dict.fromkeys(brought, facts))
            while len(self._settled) > MAX_KEPT:
                del self._settled[next(iter(self._settled))]
        return facts

    def _facts(
        self, record: PullRecord, onto: str, brought: tuple[str, ...], actors: tuple[tuple[str, Account], ...]
    ) -> PullFacts:
        return PullFacts(
            id=str(record.number),
            title=record.title,
            url=record.url,
            base_branch=record.base,
            author=record.author,
            merged_head=record.head,
            first_parent=onto,
            brought=brought,
            commit_actors=actors,
            merged_at=record.merged,
        )

    def _pushers(self, record: PullRecord, onto: str, *, spare: bool) -> tuple[bool, tuple[tuple[str, Account], ...]]:
        """Who pushed the commits, and whether that is known of all of them."""
        commits = self._commits(record, onto)
        repository = record.head_repository
        if repository is None:
            return False, ()
        try:
            moves = self._activity.of(repository, record.head_branch, spare=spare)
        except (ForbiddenError, NotFoundError):
            if not self._is_fork(record):
                raise
            # a fork that does not show its activity: whoever signed is known, and nobody else
            return False, ()
        several = len({move.actor for move in moves if move.after is not None}) > 1

        def has(tip: str) -> frozenset[str] | None:
            try:
                return frozenset(c.id for c in self._source.commits(reachable_from=tip, not_from=onto))
            except NotFoundError:
                # what was pushed over is only of interest where more than one has pushed
                return self._activity.left_behind(repository, tip, onto) if several else None

        found = pushers(commits, moves, has, opened=record.created)
        return len(found) == len(commits), found

    def _commits(self, record: PullRecord, onto: str) -> tuple[SourceCommit, ...]:
        try:
            return self._source.commits(reachable_from=record.head, not_from=onto)
        except NotFoundError as error:
            raise IncompleteError(
                f"the head {record.head[:12]} of pull request {record.number} is not in the mirror (yet)"
            ) from error

    def _is_fork(self, record: PullRecord) -> bool:
        return (record.head_repository or "").casefold() != self._client.address.repository.casefold()

    def _keep(self, record: PullRecord) -> PullRecord:
        self._records.pop(str(record.number), None)
        self._records[str(record.number)] = record
        while len(self._records) > MAX_KEPT:
            del self._records[next(iter(self._records))]
        return record

    def _no_team(self, team: str, organization: str, slug: str) -> Exception:
        try:
            teams = self._client.rows(f"/orgs/{quote(organization)}/teams")
        except (ForbiddenError, NotFoundError):
            return ForbiddenError(
                f"{self._client.place} shows no teams of {organization!r}",
                hint="the App needs the permission members: read, a token the scope read:org",
            )
        if any(text(row, "slug").casefold() == slug.casefold() for row in teams):
            return IncompleteError(f"{self._client.place} lists the team {team}, and does not show its members")
        return NotFoundError(f"{self._client.place} has no team {team}", hint="name a team that is there, or a group")


def _known(pulls: tuple[PullRecord, ...] | None, commit: str) -> tuple[PullRecord, ...]:
    if pulls is None:
        raise IncompleteError(
            f"GitHub does not know commit {commit[:12]} (yet)", hint="is spec.source.url a clone of the repository?"
        )
    return pulls


@contextmanager
def _incomplete() -> Iterator[None]:
    """No answer is not a part of one either: whoever asks waits, and decides nothing."""
    try:
        yield
    except IncompleteError:
        raise
    except UnreachableError as error:
        raise IncompleteError(str(error), hint=error.hint, retry_after_s=error.retry_after_s) from error
