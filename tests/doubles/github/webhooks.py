"""The double's webhooks: payloads, signatures, and a queue that sends them one after the other."""

import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import requests

from tests.doubles.github.accounts import Account
from tests.doubles.github.clock import timestamp
from tests.doubles.github.gitstore import NOBODY
from tests.doubles.github.render import Json, node_id
from tests.doubles.github.render_pulls import RenderPulls
from tests.doubles.github.repository import Delivery, Hook, Repository
from tests.doubles.github.schemas import delivery as delivery_errors

if TYPE_CHECKING:
    from tests.doubles.github.double import GitHubDouble

TIMEOUT_S = 10
NOTHING: Any = None


def signature(secret: str, body: bytes) -> str:
    """What `X-Hub-Signature-256` holds: `sha256=` and 64 hex digits, HMAC of the raw body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Webhooks:
    """Sends what happens to the hooks of a repository and of the Apps on it, in a thread of its own."""

    def __init__(self, double: "GitHubDouble") -> None:
        self.double = double
        self._waiting: queue.Queue[tuple[Hook, Delivery] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send what waits, and end."""
        self._waiting.put(None)
        self._thread.join()

    def drain(self) -> None:
        """Wait until everything that happened so far was sent."""
        self._waiting.join()

    def happened(
        self, repository: Repository, event: str, action: str | None, sender: Account | None, about: Mapping[str, Any]
    ) -> None:
        """Tell everyone who asked to be told."""
        hooks: list[tuple[Hook, int | None]] = [(hook, None) for hook in repository.hooks]
        for one in self.double.world.installations.values():
            covers = one.repositories is None or repository.id in one.repositories
            if one.app.hook is not None and one.account is repository.owner and covers and not one.gone:
                hooks.append((one.app.hook, one.id))
        for hook, installation in hooks:
            if hook.active and ("*" in hook.events or event in hook.events):
                payload = self._payload(repository, event, action, sender, about)
                if installation is not None:
                    payload["installation"] = {"id": installation, "node_id": node_id("IN", installation)}
                self.send(hook, event, action, payload)

    def send(self, hook: Hook, event: str, action: str | None, payload: Json, *, again: Delivery | None = None) -> None:
        """Put a delivery into the queue: a new one, or one that is sent again with the guid that it had."""
        number = next(self.double.world.ids)
        body = json.dumps(payload).encode() if again is None else again.body
        guid = f"{number:08x}-0000-4000-8000-{number:012x}" if again is None else again.guid
        headers = {
            "Accept": "*/*", "Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/d0ub1e",
            "X-GitHub-Delivery": guid, "X-GitHub-Event": event, "X-GitHub-Hook-ID": str(hook.id),
            "X-GitHub-Hook-Installation-Target-Type": "repository",
        }  # fmt: skip
        if hook.secret:
            headers["X-Hub-Signature-256"] = signature(hook.secret, body)
        if again is None and self.double.checked:
            self.double.violations += delivery_errors(event, action, payload)
        made = Delivery(
            id=number, guid=guid, event=event, action=action, headers=headers, body=body,
            at=self.double.world.clock.now(), redelivery=again is not None, status_code=0, status="queued",
        )  # fmt: skip
        self._waiting.put((hook, made))

    def _work(self) -> None:
        while (taken := self._waiting.get()) is not None:
            hook, made = taken
            try:
                answer = requests.post(
                    hook.url, data=made.body, headers=made.headers, timeout=TIMEOUT_S, allow_redirects=False
                )
                made.status_code, made.status = answer.status_code, answer.reason or "OK"
                made.answer_headers, made.answer = dict(answer.headers), answer.text
            except requests.RequestException:
                made.status_code, made.status = 502, "failed to connect to host"
            hook.deliveries.append(made)
            self._waiting.task_done()
        self._waiting.task_done()

    def _payload(
        self, repository: Repository, event: str, action: str | None, sender: Account | None, about: Mapping[str, Any]
    ) -> Json:
        render = RenderPulls(self.double.forge, self.double.api, self.double.url)
        body: Json = {
            "repository": render.repository(repository, full=True) | {"custom_properties": {}},
            "sender": render.user(sender or self.double.world.ghost),
        }
        if action is not None:
            body["action"] = action
        if repository.owner.kind == "Organization":
            kept = ("login", "id", "node_id", "url", "repos_url", "events_url", "hooks_url", "issues_url",
                    "members_url", "public_members_url", "avatar_url", "description")  # fmt: skip
            whole = render.organization(repository.owner)
            body["organization"] = {name: whole[name] for name in kept}
        return body | _about(render, repository, event, about)


def _about(render: RenderPulls, repository: Repository, event: str, about: Mapping[str, Any]) -> Json:
    url, pull = render.repository_url(repository), about.get("pull", NOTHING)
    if event == "push":
        return _push(render, repository, about)
    if event == "pull_request":
        more = {name: about[name] for name in ("before", "after", "changes") if name in about}
        whole = render.pull(repository, pull, full=True)
        return {"number": whole["number"], "pull_request": whole, **more} | _requested(render, about)
    if event == "pull_request_review":
        review = render.review(repository, pull, about["review"])
        review["state"] = review["state"].lower()
        return {"review": review, "pull_request": render.pull(repository, pull)}
    if event == "issue_comment":
        issue = render.issue(repository, pull)
        changes = {"changes": {"body": {"from": about["before"]}}} if "before" in about else {}
        return {"issue": issue, "comment": render.comment(repository, pull, about["comment"]), **changes}
    if event == "status":
        status = about["status"]
        return {
            "id": status.id, "sha": status.commit, "name": repository.full_name, "target_url": status.target_url,
            "context": status.context, "description": status.description, "state": status.state, "branches": [],
            "commit": render.commit(repository, status.commit), "created_at": timestamp(status.at),
            "updated_at": timestamp(status.at), "avatar_url": None,
        }  # fmt: skip
    if event == "check_run":
        return {"check_run": render.check(repository, about["check"])}
    deployment = render.deployment(repository, about["deployment"])
    more = {"workflow": None, "workflow_run": None}
    if event == "deployment":
        return {"deployment": deployment, **more}
    status = render.deployment_status(repository, about["deployment"], about["deployment_status"])
    return {"deployment": deployment, "deployment_status": status, "check_run": None, **more, "url": url}


def _requested(render: RenderPulls, about: Mapping[str, Any]) -> Json:
    if "reviewer" in about:
        return {"requested_reviewer": render.user(about["reviewer"])}
    return {"requested_team": render.team(about["team"])} if "team" in about else {}


def _push(render: RenderPulls, repository: Repository, about: Mapping[str, Any]) -> Json:
    before, after, git = about["before"], about["after"], render.world.git
    created, deleted = before == NOBODY, after == NOBODY
    new = () if created or deleted else git.between(repository.id, before, after)
    commits = [_commit(render, repository, commit) for commit in new[-20:]]
    head = None if deleted else _commit(render, repository, after)
    web = f"{render.web}/{repository.full_name}"
    actor = about.get("actor")
    name = actor.login if actor is not None else "ghost"
    return {
        "ref": about["ref"], "before": before, "after": after, "created": created, "deleted": deleted,
        "forced": not (created or deleted) and not git.contains(repository.id, before, after), "base_ref": None,
        "compare": f"{web}/compare/{before[:12]}...{after[:12]}", "commits": commits, "head_commit": head,
        "pusher": {"name": name, "email": f"{name}@users.noreply.github.com"},
    }  # fmt: skip


def _commit(render: RenderPulls, repository: Repository, commit: str) -> Json:
    full = render.commit(repository, commit, files=True)
    author, committer = full["commit"]["author"], full["commit"]["committer"]
    kinds = {word: [f["filename"] for f in full["files"] if f["status"] == word] for word in ("added", "removed")}
    modified = [f["filename"] for f in full["files"] if f["status"] not in kinds]
    return {
        "id": commit, "tree_id": full["commit"]["tree"]["sha"], "distinct": True, "message": full["commit"]["message"],
        "timestamp": author["date"], "url": full["html_url"], **kinds, "modified": modified,
        "author": {"name": author["name"], "email": author["email"]},
        "committer": {"name": committer["name"], "email": committer["email"]},
    }  # fmt: skip
