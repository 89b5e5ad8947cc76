"""Reads pull requests, many with one question where many are wanted, and holds their two lists to their counts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stagewright.adapters.github import queries
from stagewright.adapters.github.answers import Row, below, flag, number, optional_below, rows, text
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.records import PullRecord, pull_of
from stagewright.errors import IncompleteError, NotFoundError, StalledError

MAX_PAGES = 100


class PullReader:
    """The pull requests of one repository."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client
        self._repository: int | None = None

    def of_commits(self, commits: Sequence[str]) -> Mapping[str, tuple[PullRecord, ...]]:
        """The pull requests that each of at most `queries.BATCH` commits came by, merged or not."""
        repository = self._ask(queries.of_commits(commits))
        found: dict[str, tuple[PullRecord, ...]] = {}
        for at, commit in enumerate(commits):
            row = self._commit(repository, at, commit)
            listed = below(row, "associatedPullRequests")
            if flag(below(listed, "pageInfo"), "hasNextPage"):
                row = self._commit(self._ask(queries.of_commits((commit,), pulls=queries.MANY_PULLS)), 0, commit)
                listed = below(row, "associatedPullRequests")
            nodes = rows(listed, "nodes")
            if flag(below(listed, "pageInfo"), "hasNextPage") or number(listed, "totalCount") != len(nodes):
                raise IncompleteError(f"GitHub does not show every pull request that commit {commit[:12]} came by")
            found[commit] = tuple(self._whole(node) for node in nodes)
        return found

    def of_numbers(self, numbers: Iterable[int], *, spare: bool = False) -> tuple[PullRecord, ...]:
        """These pull requests, in that order. NotFoundError where there is none."""
        wanted = tuple(numbers)
        found: list[PullRecord] = []
        for start in range(0, len(wanted), queries.BATCH):
            batch = wanted[start : start + queries.BATCH]
            repository = self._ask(queries.of_numbers(batch), spare=spare)
            for at, own in enumerate(batch):
                node = optional_below(repository, f"p{at}")
                if node is None or number(node, "number") != own:
                    raise NotFoundError(f"{self._client.place} has no pull request {own}")
                found.append(self._whole(node))
        return tuple(found)

    def _commit(self, repository: Row, at: int, commit: str) -> Row:
        row = optional_below(repository, f"c{at}")
        if row is None or row.get("oid") != commit:
            raise IncompleteError(
                f"GitHub does not know commit {commit[:12]} (yet)", hint="is spec.source.url a clone of the repository?"
            )
        return row

    def _ask(self, document: str, variables: Mapping[str, Any] | None = None, *, spare: bool = False) -> Row:
        names = {"owner": self._client.address.owner, "name": self._client.address.name}
        repository = optional_below(
            self._client.query(document, {**names, **(variables or {})}, spare=spare), "repository"
        )
        if repository is None:
            # the REST API tells a new name and a loss apart
            self._client.row(self._client.repo)
            raise IncompleteError(f"{self._client.place} does not show {self._client.address.repository} to queries")
        own = number(repository, "databaseId")
        if self._repository is not None and self._repository != own:
            raise StalledError(
                f"{self._client.address.repository} is another repository than it was (id {own}, not"
                f" {self._repository})",
                hint="somebody took the name of the old one: look before anything is applied",
            )
        self._repository = own
        return repository

    def _whole(self, node: Row) -> PullRecord:
        """A pull request with both of its lists read to the end."""
        own = number(node, "number")
        listed = below(node, "reviews")
        reviews = self._rest(listed, own, queries.MORE_REVIEWS, "reviews")
        if number(listed, "totalCount") != len(reviews):
            raise IncompleteError(
                f"GitHub says that pull request {own} has {listed['totalCount']} reviews, and shows {len(reviews)}"
            )
        events = self._rest(below(node, "timelineItems"), own, queries.MORE_EVENTS, "timelineItems")
        return pull_of(node, reviews, events)

    def _rest(self, page: Row, own: int, document: str, name: str) -> tuple[Row, ...]:
        found = rows(page, "nodes")
        for _ in range(MAX_PAGES):
            info = below(page, "pageInfo")
            if not flag(info, "hasNextPage"):
                return found
            answer = self._ask(document, {"number": own, "after": text(info, "endCursor")})
            page = below(below(answer, "pullRequest"), name)
            found += rows(page, "nodes")
        raise IncompleteError(f"pull request {own} has more than {MAX_PAGES} pages of {name}")
