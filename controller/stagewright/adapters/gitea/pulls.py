"""Pull requests as rows of Gitea's API and refs of its repository, made into facts.

    {"id": 7, "number": 2, "title": "…", "html_url": "…", "user": {…}, "draft": false, "base": {"ref": "main", …},
     "head": {"label": "promote", "ref": "promote", "sha": "…", "repo": {"full_name": "acme/models", …}, …},
     "merged": true, "merged_at": "2026-11-24T22:18:38Z", "merge_commit_sha": "ed98…", …}

`head.sha` is where the branch is *now*, also long after the merge; `refs/pull/2/head` is where the pull request was.
Nobody can push to that ref, and a push to the branch moves it until the merge and never after.
"""

from collections.abc import Callable
from datetime import datetime

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.gitea.answers import account
from stagewright.adapters.gitea.client import GiteaClient, Row
from stagewright.adapters.gitea.feed import Feed
from stagewright.adapters.gitea.pushes import HEADS, Push, persons, pushers, pushes_of
from stagewright.adapters.rows import below, flag, moment, number, text
from stagewright.errors import ForbiddenError, IncompleteError, NotFoundError
from stagewright.model.conversation import OpenPull
from stagewright.model.review import Account
from stagewright.model.source import PullFacts


class PullReader:
    """The pull requests of one repository. `source` is its mirror, with `refs/pull/*` in it."""

    def __init__(self, client: GiteaClient, source: GitSource, repository: str) -> None:
        self._client = client
        self._source = source
        self._repository = repository
        self._feeds: dict[str, Feed] = {}
        self._read: dict[str, tuple[tuple[Row, ...], tuple[Push, ...]]] = {}

    def refresh(self) -> None:
        """Read the activity anew when it is next wanted."""
        self._read = {}

    def feed(self) -> tuple[Row, ...]:
        """The repository's activity, oldest first, as of the first question after `refresh`."""
        return self._activity(self._repository)[0]

    def _activity(self, repository: str) -> tuple[tuple[Row, ...], tuple[Push, ...]]:
        if repository not in self._read:
            rows = self._feeds.setdefault(repository, Feed(self._client, repository)).rows()
            self._read[repository] = rows, pushes_of(rows)
        return self._read[repository]

    def merged(self, row: Row, *, first_parent: str, brought: tuple[str, ...], at: datetime) -> PullFacts:
        """A pull request that was merged `at` a time onto `first_parent`."""
        return self._facts(row, first_parent, brought, at)

    def open(self, row: Row) -> OpenPull:
        """An open one, as if it were merged now. IncompleteError while the mirror does not know it."""
        facts = self._facts(row, self._source.last_head(), (), None)
        opened = moment(row, "created_at")
        return OpenPull(number=number(row, "number"), facts=facts, draft=flag(row, "draft"), opened=opened)

    def head_of(self, row: Row) -> str:
        """Where a pull request was when it was merged, or is. IncompleteError while the mirror does not know it."""
        ref = f"refs/pull/{number(row, 'number')}/head"
        head = self._source.refs(ref).get(ref)
        if head is None:
            raise IncompleteError(
                f"the mirror of {self._source.url} does not hold {ref}", hint="the next fetch brings it: try again"
            )
        return head

    def _facts(self, row: Row, first_parent: str, brought: tuple[str, ...], until: datetime | None) -> PullFacts:
        own, head = number(row, "number"), self.head_of(row)
        return PullFacts(
            id=str(own),
            title=text(row, "title"),
            url=text(row, "html_url"),
            base_branch=text(below(row, "base"), "ref"),
            author=account(row.get("user")),
            merged_head=head,
            first_parent=first_parent,
            brought=brought,
            commit_actors=self._actors(row, head, first_parent, until),
            merged_at=until,
        )

    def _actors(
        self, row: Row, head: str, first_parent: str, until: datetime | None
    ) -> tuple[tuple[str, Account], ...]:
        side = below(row, "head")
        where = side.get("repo")
        # the head's `ref` falls back to refs/pull/… when the branch is gone; its label keeps the name
        branch = str(side.get("label") or "")
        if not isinstance(where, dict) or not branch:
            return ()
        try:
            commits = frozenset(c.id for c in self._source.commits(reachable_from=head, not_from=first_parent))
            home = text(where, "full_name").casefold() == self._repository.casefold()
            everything = self._activity(self._repository if home else text(where, "full_name"))[1]
        except (NotFoundError, ForbiddenError):
            # a fork that is gone, or private: who pushed to it cannot be known
            return ()
        base = HEADS + self._source.branch
        pushes = tuple(
            push for push in everything if (until is None or push.created <= until) and not (home and push.ref == base)
        )
        found = pushers(pushes, ref=HEADS + branch, commits=commits, reach=self._reach(commits, first_parent))
        owner, author = account(where.get("owner")), account(row.get("user"))
        return tuple(sorted(persons(found, owner=owner, author=author).items()))

    def _reach(self, commits: frozenset[str], first_parent: str) -> Callable[[str], frozenset[str] | None]:
        known: dict[str, frozenset[str] | None] = {}

        def reach(commit: str) -> frozenset[str] | None:
            if commit not in known:
                try:
                    below_it = self._source.commits(reachable_from=commit, not_from=first_parent)
                    known[commit] = commits & {c.id for c in below_it}
                except NotFoundError:
                    known[commit] = None
            return known[commit]

        return reach

    def branch_pushes(self) -> tuple[Push, ...]:
        """The pushes to the branch itself, merges included, oldest first."""
        pushes = self._activity(self._repository)[1]
        return tuple(push for push in pushes if push.ref == HEADS + self._source.branch)
