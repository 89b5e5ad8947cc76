"""The `PullRequests` port on GitHub: a person's own access, for `promote`, `approve` and `doctor`."""

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.github.answers import account
from stagewright.adapters.github.client import TOKEN_HINT, GitHubClient
from stagewright.adapters.github.examination import Examination
from stagewright.adapters.github.forge import GitHubForge
from stagewright.adapters.github.records import PullRecord
from stagewright.adapters.proposing import open_once, review_text
from stagewright.adapters.rows import Row
from stagewright.errors import ForbiddenError, IncompleteError, NotFoundError
from stagewright.model.conversation import Finding, OpenPull, PullLink
from stagewright.model.review import Account, DecisionText
from stagewright.model.source import PullFacts

_EVENTS = {"approve": "APPROVE", "reject": "REQUEST_CHANGES"}
_STATES = {"approve": "APPROVED", "reject": "CHANGES_REQUESTED"}


class GitHubPullRequests:
    """What the owner of a token may do on one repository."""

    def __init__(self, client: GitHubClient, source: GitSource, forge: GitHubForge) -> None:
        """Nothing is asked yet."""
        self._client = client
        self._source = source
        self._forge = forge

    def whoami(self) -> Account:
        """See the port."""
        who = None if self._client.is_app else account(self._client.row("/user"))
        if who is None:
            raise ForbiddenError(f"{self._client.place} says that the token is nobody's", hint=TOKEN_HINT)
        return who

    def open(self, branch: str, *, title: str, body: str) -> PullLink:
        """See the port."""
        wanted = {"base": self._source.branch, "head": branch, "title": title, "body": body}
        return open_once(
            lambda: self._open_of(branch),
            lambda: self._client.send("POST", f"{self._client.repo}/pulls", wanted),
            self._client.place,
        )

    def find(self, number: int) -> OpenPull:
        """See the port. One that was merged already, and may wait for approvals still, is told as it was merged.

        NotFoundError also for one that was closed without a merge.
        """
        record = self._forge.records((number,), spare=False)[0]
        if record.state == "CLOSED":
            raise NotFoundError(f"pull request {number} was closed without a merge", hint="open it again, or a new one")
        facts = self._forge.opened(record, spare=False) if record.state == "OPEN" else self._merged(record)
        return OpenPull(number=record.number, facts=facts, draft=record.draft, opened=record.created)

    def decide(self, number: int, decision: DecisionText, *, commit: str) -> str:
        """See the port. The text names the subjects for people; what counts is the commit."""
        body = {"event": _EVENTS[decision.decision], "commit_id": commit, "body": review_text(decision)}
        made = self._client.send("POST", f"{self._client.repo}/pulls/{number}/reviews", body)
        kept = (made.get("commit_id"), made.get("state")) if isinstance(made, dict) else None
        if kept != (commit, _STATES[decision.decision]):
            raise IncompleteError(f"{self._client.place} did not keep the review as it was sent: look at it there")
        return str(made.get("id"))

    def examine(self) -> tuple[Finding, ...]:
        """See the port."""
        return Examination(self._client, self._source, self._forge).findings()

    def _merged(self, record: PullRecord) -> PullFacts:
        last = record.merge_commit
        facts = None if last is None else self._forge.pull(last, self._source.commit(last).parents[0])
        if facts is None or facts.id != str(record.number):
            raise NotFoundError(f"pull request {record.number} was merged, and not onto {self._source.branch}")
        return facts

    def _open_of(self, branch: str) -> Row | None:
        fields = {"state": "open", "head": f"{self._client.address.owner}:{branch}", "base": self._source.branch}
        found = self._client.rows(f"{self._client.repo}/pulls", fields)
        return next(iter(found), None)
