"""Reads pull requests, many with one question where many are wanted, and holds their two lists to their counts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stagewright.adapters.github import queries
from stagewright.adapters.github.answers import as_rows, optional_below, rows
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.records import PullRecord, pull_of
from stagewright.adapters.rows import Row, below, flag, number, text
from stagewright.errors import IncompleteError, NotFoundError, StalledError

MAX_PAGES = 100


class PullReader:
    """The pull requests of one repository."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client
        self._repository: int | None = None

    def of_commits(self, commits: Sequence[str]) -> Mapping[str, tuple[PullRecord, ...]]:
        """The pull requests that each of at most `queries.BATCH` commits came by, merged or not.

        A commit that GitHub does not know (yet) is left out.
        """
        repository = self._ask(queries.of_commits(commits))
        found: dict[str, tuple[PullRecord, ...]] = {}
        for at, commit in enumerate(commits):
            row = optional_below(repository, f"c{at}")
            if row is not None and row.get("oid") == commit:
                nodes = self._came(below(row, "associatedPullRequests"), commit)
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

    def _came(self, page: Row, commit: str) -> list[Row]:
        """Every pull request of this repository that a commit came by; the list may hold others', and hidden ones."""
        found: list[Row] = []
        for _ in range(MAX_PAGES):
            nodes = page.get("nodes")
            shown = [node for node in nodes if node is not None] if isinstance(nodes, list) else nodes
            found += [node for node in as_rows(shown, "a query") if self._is_here(node)]
            info = below(page, "pageInfo")
            if not flag(info, "hasNextPage"):
                return found
            answer = self._ask(queries.MORE_PULLS, {"commit": commit, "after": text(info, "endCursor")})
            page = below(below(answer, "object"), "associatedPullRequests")
        raise IncompleteError(f"commit {commit[:12]} came by more than {MAX_PAGES} pages of pull requests")

    def _is_here(self, node: Row) -> bool:
        place = (
            f"{self._client.address.url.rstrip('/')}/{self._client.address.repository}/pull/{number(node, 'number')}"
        )
        return text(node, "url").casefold() == place.casefold()

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
        # drafts of other people may be counted, and are not shown; the REST API tells if anything else is missing
        if number(listed, "totalCount") < len(reviews):
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
