"""What `doctor` looks at on GitHub: what the credentials may do, and whether the repository is set up to match.

Nothing of this decides anything: reviews are counted whatever branch protection says.
"""

from collections.abc import Callable

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.github.answers import rows
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.forge import GitHubForge
from stagewright.adapters.rows import Row, below, flag, text
from stagewright.errors import ForbiddenError, NotFoundError, StagewrightError
from stagewright.model.conversation import Finding

# What an App must be granted, and for what. docs/forges.md has the same table.
PERMISSIONS = {
    "contents": "read",
    "metadata": "read",
    "pull_requests": "write",
    "checks": "write",
    "deployments": "write",
    "members": "read",
}
SCOPES = ("repo", "read:org")
EVENTS = frozenset({"push", "pull_request", "pull_request_review"})
_LEVELS = ("", "read", "write", "admin")


class Examination:
    """Looks at one repository, each thing by itself."""

    def __init__(self, client: GitHubClient, source: GitSource, forge: GitHubForge) -> None:
        self._client = client
        self._source = source
        self._forge = forge

    def findings(self) -> tuple[Finding, ...]:
        """Every finding, whatever the others are."""
        looks: tuple[tuple[str, Callable[[], Finding]], ...] = (
            ("access", self._app if self._client.is_app else self._token),
            ("repository", self._repository),
            ("activity", self._activity),
            ("code owners", self._owners),
            ("CODEOWNERS on GitHub", self._skipped),
            ("branch protection", self._protection),
            ("deploy keys", self._keys),
            ("webhook", self._webhook),
        )
        found = []
        for name, look in looks:
            try:
                found.append(look())
            except StagewrightError as error:
                remedy = error.hint or "try again, and look at the forge's own status page"
                found.append(Finding(name=name, fine=False, detail=str(error), remedy=remedy))
        return tuple(found)

    def _app(self) -> Finding:
        app = self._client.as_app("/app")
        granted = below(app, "permissions")
        weak = [
            f"{name}: {wanted}"
            for name, wanted in PERMISSIONS.items()
            if _LEVELS.index(str(granted.get(name) or "")) < _LEVELS.index(wanted)
        ]
        if weak:
            return Finding(
                name="access",
                fine=False,
                detail=f"the App {text(app, 'slug')} lacks the permissions {', '.join(weak)}",
                remedy="grant them on the App's page, and accept them where it is installed",
            )
        return Finding(name="access", fine=True, detail=f"the App {text(app, 'slug')}", remedy="")

    def _token(self) -> Finding:
        user, scopes = self._client.scopes()
        missing = [] if scopes is None else [scope for scope in SCOPES if not _held(scope, scopes)]
        if missing:
            return Finding(
                name="access",
                fine=False,
                detail=f"the token of {user} lacks the scopes {', '.join(missing)}",
                remedy=f"gh auth refresh --scopes {','.join(missing)}",
            )
        kind = "a fine-grained token" if scopes is None else "a token"
        return Finding(name="access", fine=True, detail=f"{kind} of {user}", remedy="")

    def _repository(self) -> Finding:
        row = self._client.row(self._client.repo)
        name = text(row, "full_name")
        if flag(row, "archived"):
            return Finding(name="repository", fine=False, detail=f"{name} is archived", remedy="unarchive it")
        pushes = self._client.is_app or below(row, "permissions").get("push") is True
        return Finding(
            name="repository",
            fine=pushes,
            detail=name if pushes else f"{name} can only be read: nothing can be proposed, or said on pull requests",
            remedy="" if pushes else "give the account write access",
        )

    def _activity(self) -> Finding:
        fields = {"ref": f"refs/heads/{self._source.branch}"}
        self._client.first_rows(f"{self._client.repo}/activity", fields, lambda _: True)
        return Finding(name="activity", fine=True, detail="GitHub tells who pushed", remedy="")

    def _owners(self) -> Finding:
        return Finding(
            name="code owners", fine=True, detail=f"{len(self._forge.writers())} accounts may write", remedy=""
        )

    def _skipped(self) -> Finding:
        name = "CODEOWNERS on GitHub"
        try:
            answer = self._client.row(f"{self._client.repo}/codeowners/errors")
        except NotFoundError:
            return Finding(name=name, fine=True, detail="it has none", remedy="")
        told = "; ".join(f"{text(e, 'path')}:{e.get('line')}: {text(e, 'kind')}" for e in rows(answer, "errors"))
        return Finding(name=name, fine=not told, detail=told or "no errors", remedy="mend these lines" if told else "")

    def _protection(self) -> Finding:
        name, branch = "branch protection", self._source.branch
        try:
            rule = self._client.row(f"{self._client.repo}/branches/{branch}/protection")
        except ForbiddenError:
            return _unseen(name, "these credentials may not read it; Stagewright does not rely on it")
        except NotFoundError:
            return Finding(
                name=name,
                fine=False,
                detail=f"{branch} is not protected",
                remedy="require pull requests and the check `stagewright`: what comes without is refused anyway",
            )
        gaps = _gaps(rule)
        return Finding(
            name=name,
            fine=not gaps,
            detail=f"{branch}: {'; '.join(gaps)}" if gaps else f"{branch} agrees with the policy",
            remedy="mend it in the repository's settings, so that GitHub asks for what is asked for here"
            if gaps
            else "",
        )

    def _keys(self) -> Finding:
        name = "deploy keys"
        try:
            found = self._client.rows(f"{self._client.repo}/keys")
        except (ForbiddenError, NotFoundError):
            return _unseen(
                name, "these credentials may not see them; one that writes pushes in the name of who added it"
            )
        writing = [text(key, "title") for key in found if not flag(key, "read_only")]
        told = f"{', '.join(map(repr, writing))} may write, in the name of whoever added it"
        return Finding(
            name=name,
            fine=not writing,
            detail=told if writing else "none may write",
            remedy="make it read-only, or let an App push: who uses a key is not known" if writing else "",
        )

    def _webhook(self) -> Finding:
        try:
            hooks = self._client.rows(f"{self._client.repo}/hooks")
        except (ForbiddenError, NotFoundError):
            return _unseen("webhook", "these credentials may not see it; without one, polling finds the same later")
        useful = [hook for hook in hooks if flag(hook, "active") and {*hook.get("events", ())} & {*EVENTS, "*"}]
        if not useful:
            return _unseen("webhook", "none; polling finds the same later")
        last = [hook.get("last_response") or {} for hook in useful]
        bad = [response for response in last if isinstance(response.get("code"), int) and response["code"] >= 300]
        return Finding(
            name="webhook",
            fine=not bad,
            detail=f"its last delivery was answered {bad[0]['code']}" if bad else f"{len(useful)} active",
            remedy="check its url and secret, and that GitHub can reach it" if bad else "",
        )


def _gaps(rule: Row) -> list[str]:
    """What branch protection lets through that is refused here."""
    reviews = rule.get("required_pull_request_reviews")
    gaps = []
    if not isinstance(reviews, dict):
        gaps.append("pull requests are not required")
    elif reviews.get("require_code_owner_reviews") is not True:
        gaps.append("reviews by code owners are not required")
    checks = rule.get("required_status_checks") or {}
    contexts = {*checks.get("contexts", ()), *(check.get("context") for check in checks.get("checks", ()))}
    if "stagewright" not in contexts:
        gaps.append("the check `stagewright` is not required")
    if (rule.get("enforce_admins") or {}).get("enabled") is not True:
        gaps.append("administrators may go past it")
    if (rule.get("allow_force_pushes") or {}).get("enabled") is True:
        gaps.append("pushes may be forced")
    return gaps


def _unseen(name: str, detail: str) -> Finding:
    return Finding(name=name, fine=True, detail=detail, remedy="")


def _held(scope: str, scopes: frozenset[str]) -> bool:
    wider = {"read:org": {"write:org", "admin:org"}}
    return bool({scope, *wider.get(scope, ())} & scopes)
