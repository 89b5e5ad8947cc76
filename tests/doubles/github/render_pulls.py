"""What the double's pull requests, reviews, checks and deployments look like in GitHub's REST API."""

import hashlib
from datetime import datetime
from typing import Any

from tests.doubles.github.accounts import Account
from tests.doubles.github.clock import timestamp
from tests.doubles.github.forge import Forge
from tests.doubles.github.render import Json, Render, node_id
from tests.doubles.github.repository import (
    CheckRun,
    Comment,
    Deployment,
    DeploymentStatus,
    Event,
    Pull,
    Repository,
    Review,
    Status,
)


class RenderPulls(Render):
    """Writes what stands on a pull request and its commits."""

    def __init__(self, forge: Forge, api: str, web: str) -> None:
        super().__init__(forge.world, api, web)
        self.forge = forge

    def association(self, repository: Repository, account: Account) -> str:
        """What somebody is to a repository."""
        if repository.owner is account:
            return "OWNER"
        if account.id in repository.owner.members:
            return "MEMBER"
        return "COLLABORATOR" if account.id in repository.collaborators else "NONE"

    def pull(self, repository: Repository, pull: Pull, *, full: bool = False) -> Json:
        """A pull request, as in a list or (`full`) by itself."""
        url, web = self.repository_url(repository), f"{self.web}/{repository.full_name}/pull/{pull.number}"
        this, issue = f"{url}/pulls/{pull.number}", f"{url}/issues/{pull.number}"
        head = pull.head_repo if pull.head_repo is not None and not pull.head_repo.gone else None
        links = {
            "self": this, "html": web, "issue": issue, "comments": f"{issue}/comments",
            "review_comments": f"{this}/comments", "review_comment": f"{url}/pulls/comments{{/number}}",
            "commits": f"{this}/commits", "statuses": f"{url}/statuses/{pull.head_sha}",
        }  # fmt: skip
        body = {
            "url": this, "id": pull.id, "node_id": node_id("PR", pull.id), "html_url": web,
            "diff_url": f"{web}.diff", "patch_url": f"{web}.patch", "issue_url": issue, "number": pull.number,
            "state": pull.state, "locked": False, "title": pull.title, "user": self.user(pull.author),
            "body": pull.body, "created_at": timestamp(pull.created), "updated_at": timestamp(pull.updated),
            "closed_at": maybe(pull.closed), "merged_at": maybe(pull.merged),
            "merge_commit_sha": pull.merge_commit or self._trial(pull), "assignee": None, "assignees": [],
            "requested_reviewers": [self.user(account) for account in pull.asked],
            "requested_teams": [self.team(team) for team in pull.asked_teams], "labels": [], "milestone": None,
            "draft": pull.draft, "commits_url": links["commits"], "review_comments_url": links["review_comments"],
            "review_comment_url": links["review_comment"], "comments_url": links["comments"],
            "statuses_url": links["statuses"],
            "head": self._end(pull.head_ref, pull.head_sha, head, pull.head_owner),
            "base": self._end(pull.base_ref, pull.base_sha, repository, repository.owner),
            "_links": {name: {"href": link} for name, link in links.items()},
            "author_association": self.association(repository, pull.author), "auto_merge": None,
            "active_lock_reason": None,
        }  # fmt: skip
        if not full:
            return body
        commits = self.forge.commits(repository, pull)
        base = self.world.git.open(repository.id).merge_base(pull.base_sha, pull.head_sha)
        changed = self.files(repository, str(base), pull.head_sha) if base is not None else []
        mergeable = self.forge.mergeable(repository, pull)
        state = {True: "clean", False: "dirty", None: "unknown"}[mergeable]
        return body | {
            "merged": pull.merged is not None, "mergeable": mergeable, "rebaseable": mergeable,
            "mergeable_state": state, "merged_by": self.account(pull.merged_by),
            "comments": len(pull.comments), "review_comments": 0, "maintainer_can_modify": False,
            "commits": len(commits), "additions": sum(file["additions"] for file in changed),
            "deletions": sum(file["deletions"] for file in changed), "changed_files": len(changed),
        }  # fmt: skip

    def _trial(self, pull: Pull) -> str | None:
        """The id of the trial merge that an open pull request shows: never a commit of the branch."""
        if pull.state != "open":
            return None
        return hashlib.sha1(f"{pull.id} {pull.head_sha}".encode(), usedforsecurity=False).hexdigest()

    def _end(self, ref: str, sha: str, repository: Repository | None, owner: Account) -> Json:
        return {
            "label": f"{owner.login}:{ref}", "ref": ref, "sha": sha, "user": self.user(owner),
            "repo": None if repository is None else self.repository(repository),
        }  # fmt: skip

    def review(self, repository: Repository, pull: Pull, review: Review) -> Json:
        """A review."""
        web = f"{self.web}/{repository.full_name}/pull/{pull.number}#pullrequestreview-{review.id}"
        this = f"{self.repository_url(repository)}/pulls/{pull.number}"
        body = {
            "id": review.id, "node_id": node_id("PRR", review.id), "user": self.account(review.author),
            "body": review.body, "state": review.state, "html_url": web, "pull_request_url": this,
            "author_association": self.association(repository, review.author),
            "_links": {"html": {"href": web}, "pull_request": {"href": this}}, "commit_id": review.commit,
        }  # fmt: skip
        return body if review.submitted is None else body | {"submitted_at": timestamp(review.submitted)}

    def comment(self, repository: Repository, pull: Pull, comment: Comment) -> Json:
        """A comment."""
        url = self.repository_url(repository)
        return {
            "url": f"{url}/issues/comments/{comment.id}",
            "html_url": f"{self.web}/{repository.full_name}/pull/{pull.number}#issuecomment-{comment.id}",
            "issue_url": f"{url}/issues/{pull.number}", "id": comment.id, "node_id": node_id("IC", comment.id),
            "user": self.account(comment.author), "created_at": timestamp(comment.created),
            "updated_at": timestamp(comment.updated), "body": comment.body,
            "author_association": self.association(repository, comment.author), "reactions": self._reactions(url),
            "performed_via_github_app": None if comment.app is None else self.app(comment.app),
        }  # fmt: skip

    def issue(self, repository: Repository, pull: Pull) -> Json:
        """A pull request as the issue that it is too."""
        url = f"{self.repository_url(repository)}/issues/{pull.number}"
        whole = self.pull(repository, pull)
        kept = (
            "node_id", "number", "title", "user", "state", "locked", "assignee", "assignees", "labels", "milestone",
            "created_at", "updated_at", "closed_at", "author_association", "active_lock_reason", "body", "html_url",
            "draft",
        )  # fmt: skip
        links = {
            "url": whole["url"], "html_url": whole["html_url"], "diff_url": whole["diff_url"],
            "patch_url": whole["patch_url"], "merged_at": whole["merged_at"],
        }  # fmt: skip
        return {name: whole[name] for name in kept} | {
            "id": pull.id, "url": url, "repository_url": self.repository_url(repository),
            "labels_url": f"{url}/labels{{/name}}", "comments_url": f"{url}/comments", "events_url": f"{url}/events",
            "comments": len(pull.comments), "pull_request": links, "reactions": self._reactions(url),
            "timeline_url": f"{url}/timeline", "performed_via_github_app": None, "state_reason": None,
        }  # fmt: skip

    def _reactions(self, url: str) -> Json:
        kinds = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
        return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(kinds, 0)}

    def check(self, repository: Repository, run: CheckRun) -> Json:
        """A check run."""
        url, web = self.repository_url(repository), f"{self.web}/{repository.full_name}/runs/{run.id}"
        output = {
            "title": run.output.get("title"), "summary": run.output.get("summary"), "text": run.output.get("text"),
            "annotations_count": 0, "annotations_url": f"{url}/check-runs/{run.id}/annotations",
        }  # fmt: skip
        return {
            "id": run.id, "name": run.name, "node_id": node_id("CR", run.id), "head_sha": run.head,
            "external_id": run.external_id, "url": f"{url}/check-runs/{run.id}", "html_url": web,
            "details_url": run.details_url or web, "status": run.status, "conclusion": run.conclusion,
            "started_at": maybe(run.started), "completed_at": maybe(run.completed), "output": output,
            "check_suite": {"id": run.suite}, "app": self.app(run.app), "pull_requests": [],
        }  # fmt: skip

    def status(self, repository: Repository, status: Status) -> Json:
        """A commit status."""
        return {
            "url": f"{self.repository_url(repository)}/statuses/{status.commit}",
            "avatar_url": f"{self.web}/avatars/u/{status.creator.id}", "id": status.id,
            "node_id": node_id("SC", status.id), "state": status.state, "description": status.description,
            "target_url": status.target_url, "context": status.context, "created_at": timestamp(status.at),
            "updated_at": timestamp(status.at), "creator": self.account(status.creator),
        }  # fmt: skip

    def deployment(self, repository: Repository, made: Deployment) -> Json:
        """A deployment."""
        url = f"{self.repository_url(repository)}/deployments/{made.id}"
        return {
            "url": url, "id": made.id, "node_id": node_id("DE", made.id), "sha": made.sha, "ref": made.ref,
            "task": made.task, "payload": made.payload, "original_environment": made.environment,
            "environment": made.environment, "description": made.description, "creator": self.account(made.creator),
            "created_at": timestamp(made.at), "updated_at": timestamp(made.at), "statuses_url": f"{url}/statuses",
            "repository_url": self.repository_url(repository), "transient_environment": made.transient,
            "production_environment": made.production,
            "performed_via_github_app": None if made.app is None else self.app(made.app),
        }  # fmt: skip

    def deployment_status(self, repository: Repository, made: Deployment, status: DeploymentStatus) -> Json:
        """What became of a deployment."""
        url = f"{self.repository_url(repository)}/deployments/{made.id}"
        return {
            "url": f"{url}/statuses/{status.id}", "id": status.id, "node_id": node_id("DES", status.id),
            "state": status.state, "creator": self.account(status.creator), "description": status.description,
            "environment": status.environment, "target_url": status.log_url, "created_at": timestamp(status.at),
            "updated_at": timestamp(status.at), "deployment_url": url, "log_url": status.log_url,
            "repository_url": self.repository_url(repository), "environment_url": status.environment_url,
            "performed_via_github_app": None if status.app is None else self.app(status.app),
        }  # fmt: skip

    def event(self, repository: Repository, event: Event) -> Json:
        """A line of the timeline, as `issues/{n}/events` and the timeline have it."""
        url, facts = self.repository_url(repository), event.facts
        commit = facts.get("commit") or (facts.get("after") if event.kind == "head_ref_force_pushed" else None)
        body: dict[str, Any] = {
            "id": event.id, "node_id": node_id("E", event.id), "url": f"{url}/issues/events/{event.id}",
            "actor": self.user(event.actor or self.world.ghost), "event": event.kind, "commit_id": commit,
            "commit_url": None if commit is None else f"{url}/commits/{commit}", "created_at": timestamp(event.at),
            "performed_via_github_app": None,
        }  # fmt: skip
        if event.kind == "review_dismissed":
            body["dismissed_review"] = {
                "state": facts["state"], "review_id": facts["review"].id, "dismissal_message": facts["message"]
            }  # fmt: skip
        if event.kind in {"review_requested", "review_request_removed"}:
            body["review_requester"] = body["actor"]
            if "reviewer" in facts:
                body["requested_reviewer"] = self.user(facts["reviewer"])
            else:
                body["requested_team"] = self.team(facts["team"])
        if event.kind == "renamed":
            body["rename"] = {"from": facts["before"], "to": facts["after"]}
        return body


def maybe(at: datetime | None) -> str | None:
    """A time, where there may be none."""
    return None if at is None else timestamp(at)
