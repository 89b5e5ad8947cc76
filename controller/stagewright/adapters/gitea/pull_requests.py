"""The `PullRequests` port on Gitea: a person's own access, for `promote`, `approve` and `doctor`."""

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.gitea.answers import account
from stagewright.adapters.gitea.client import TOKEN_HINT, GiteaClient, Row, checked_repository
from stagewright.adapters.gitea.forge import GiteaForge
from stagewright.adapters.proposing import open_once, review_text
from stagewright.adapters.rows import below, flag, text
from stagewright.errors import ForbiddenError, IncompleteError, NotFoundError
from stagewright.model.conversation import Finding, OpenPull, PullLink
from stagewright.model.review import Account, DecisionText

_EVENTS = {"approve": "APPROVED", "reject": "REQUEST_CHANGES"}


class GiteaPullRequests:
    """What the owner of a token may do on one repository."""

    def __init__(self, client: GiteaClient, source: GitSource, *, repository: str) -> None:
        """`repository` is "owner/name"; `source` its mirror, fetched with `refs/pull/*`."""
        self._client = client
        self._source = source
        self._repository = checked_repository(repository)
        self._path = f"/repos/{repository}"
        self._forge = GiteaForge(client, source, repository=repository)

    def whoami(self) -> Account:
        """See the port."""
        who = account(self._client.row("/user", "account"))
        if who is None:
            raise ForbiddenError(f"{self._client.place} says that the token is nobody's", hint=TOKEN_HINT)
        return who

    def open(self, branch: str, *, title: str, body: str) -> PullLink:
        """See the port."""
        wanted = {"base": self._source.branch, "head": branch, "title": title, "body": body}
        return open_once(
            lambda: self._open_of(branch),
            lambda: self._client.send("POST", f"{self._path}/pulls", wanted),
            self._client.place,
        )

    def find(self, number: int) -> OpenPull:
        """See the port. NotFoundError also for one that was merged already."""
        row = self._client.row(f"{self._path}/pulls/{number}", f"pull request {number}")
        if flag(row, "merged"):
            raise NotFoundError(
                f"pull request {number} was merged, as {str(row.get('merge_commit_sha'))[:12]}",
                hint="on Gitea nobody can review it any more: ask `stagewright status` what became of it",
            )
        self._forge.pulls.refresh()
        return self._forge.pulls.open(row)

    def decide(self, number: int, decision: DecisionText, *, commit: str) -> str:
        """See the port. The text names the subjects for people; what counts is the commit. Not after the merge."""
        body = {"event": _EVENTS[decision.decision], "commit_id": commit, "body": review_text(decision)}
        made = self._client.send("POST", f"{self._path}/pulls/{number}/reviews", body)
        if not isinstance(made, dict) or made.get("commit_id") != commit:
            raise IncompleteError(f"{self._client.place} did not keep the review as it was sent: look at it there")
        return str(made.get("id"))

    def examine(self) -> tuple[Finding, ...]:
        """See the port."""
        user = self._client.row("/user", "account")
        repository = self._client.row(self._path, f"repository {self._repository}")
        may = below(repository, "permissions")
        findings = [
            Finding(name="forge", fine=True, detail=f"{self._client.place}, as {text(user, 'login')}", remedy=""),
            _hidden_activity(user),
            Finding(
                name="repository",
                fine=not flag(repository, "archived"),
                detail=f"{self._repository} is archived" if flag(repository, "archived") else self._repository,
                remedy="unarchive it" if flag(repository, "archived") else "",
            ),
            Finding(
                name="write access",
                fine=may.get("push") is True,
                detail="comments and commit statuses can be written" if may.get("push") else "it can be read only",
                remedy="" if may.get("push") else "the controller's account needs write access to show its status",
            ),
            self._owners(),
            self._protection(),
        ]
        if repository.get("allow_manual_merge") is True:
            findings.append(
                Finding(
                    name="merges by hand",
                    fine=False,
                    detail="a commit can be declared the merge of a pull request afterwards",
                    remedy="switch off `manually merged` in the repository's settings",
                )
            )
        return tuple(findings)

    def _owners(self) -> Finding:
        try:
            writers = self._forge.writers()
        except ForbiddenError as error:
            return Finding(
                name="code owners",
                fine=False,
                detail=f"who may write to the repository cannot be read: {error}",
                remedy="make the controller's account an administrator of the repository, and a member of the"
                " organization",
            )
        return Finding(name="code owners", fine=True, detail=f"{len(writers)} accounts may write", remedy="")

    def _protection(self) -> Finding:
        try:
            rules = self._client.plain_rows(f"{self._path}/branch_protections")
        except ForbiddenError:
            return Finding(
                name="branch protection",
                fine=True,
                detail="this token may not read it; Stagewright does not rely on it",
                remedy="",
            )
        own = [rule for rule in rules if rule.get("rule_name") == self._source.branch]
        closed = any(rule.get("enable_push") is False for rule in own)
        return Finding(
            name="branch protection",
            fine=closed,
            detail=f"nobody can push to {self._source.branch}" if closed else f"{self._source.branch} can be pushed to",
            remedy="" if closed else "forbid pushes to it: what comes without a pull request is refused anyway",
        )

    def _open_of(self, branch: str) -> Row | None:
        for row in self._client.rows(f"{self._path}/pulls", {"state": "open"}):
            head = below(row, "head")
            repository = head.get("repo")
            home = isinstance(repository, dict) and str(repository.get("full_name")).casefold()
            if (
                text(below(row, "base"), "ref") == self._source.branch
                and head.get("label") == branch
                and home == self._repository.casefold()
            ):
                return row
        return None


def _hidden_activity(user: Row) -> Finding:
    if user.get("is_admin") is True:
        return Finding(name="activity", fine=True, detail="the token sees every push", remedy="")
    return Finding(
        name="activity",
        fine=True,
        detail="pushes of people who hide their activity are not shown to it: nobody is known for their commits",
        remedy="sign commits, or use the token of a site administrator",
    )
