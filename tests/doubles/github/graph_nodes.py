"""What the double's world looks like in GitHub's GraphQL API: objects with a type's name and its fields."""

from typing import Any

import pygit2

from tests.doubles.github.accounts import Account, Identity, Team, at_least
from tests.doubles.github.clock import timestamp
from tests.doubles.github.gitstore import NOBODY
from tests.doubles.github.graph_objects import Node, connection, refuse
from tests.doubles.github.render import commit_node_id, node_id, text
from tests.doubles.github.render_pulls import RenderPulls, maybe
from tests.doubles.github.repository import CheckRun, Comment, Event, Pull, Repository, Review, Status

MERGEABLE = {True: "MERGEABLE", False: "CONFLICTING", None: "UNKNOWN"}
EVENTS = {
    "review_dismissed": "ReviewDismissedEvent", "merged": "MergedEvent", "closed": "ClosedEvent",
    "reopened": "ReopenedEvent", "head_ref_force_pushed": "HeadRefForcePushedEvent",
    "base_ref_changed": "BaseRefChangedEvent", "renamed": "RenamedTitleEvent",
    "base_ref_force_pushed": "BaseRefForcePushedEvent", "base_ref_deleted": "BaseRefDeletedEvent",
    "review_requested": "ReviewRequestedEvent", "review_request_removed": "ReviewRequestRemovedEvent",
    "added_to_merge_queue": "AddedToMergeQueueEvent", "removed_from_merge_queue": "RemovedFromMergeQueueEvent",
}  # fmt: skip


class Nodes:
    """Writes the world for one caller."""

    def __init__(self, render: RenderPulls, identity: Identity) -> None:
        self.render = render
        self.forge = render.forge
        self.world = render.world
        self.identity = identity

    def granted(self, permission: str) -> None:
        """Refuse an App without a permission."""
        token = self.identity.token
        if token is not None and token.installation is not None and permission not in token.permissions:
            raise refuse("FORBIDDEN", "Resource not accessible by integration")

    # people

    def actor(self, account: Account | None) -> Node | None:
        """A person, a bot (whose login has no `[bot]` here) or an organization; nobody when the account is gone."""
        if account is None or account.deleted:
            return None
        fields: dict[str, Any] = {
            "id": node_id(account.kind[0], account.id), "databaseId": account.id,
            "login": account.login.removesuffix("[bot]"), "url": f"{self.render.web}/{account.login}", "name": None,
        }  # fmt: skip
        if account.kind == "Organization":
            fields |= {"team": lambda slug: self._team_of(account, slug)}
        return Node(account.kind, fields)

    def _team_of(self, organization: Account, slug: str) -> Node | None:
        token = self.identity.token
        if self.identity.installation is None and token is not None:
            if not {"read:org", "write:org", "admin:org"} & set(token.scopes):
                text = "Your token has not been granted the required scopes to execute this query."
                raise refuse("INSUFFICIENT_SCOPES", text)
            if token.account.id not in organization.members:
                return None
        self.granted("members")
        team = self.world.find_team(organization.login, slug)
        return None if team is None else self.team(team)

    def team(self, team: Team) -> Node:
        """A team with its members."""

        def members(**arguments: Any) -> Node:
            kind = arguments.get("membership", "ALL")
            listed = [
                member for member in team.members() if kind == "ALL" or (kind == "IMMEDIATE") is (member in team.direct)
            ]
            return connection("members", listed, arguments, self._user)

        return Node(
            "Team",
            {
                "id": node_id("T", team.id), "databaseId": team.id, "slug": team.slug, "name": team.name,
                "combinedSlug": f"{team.organization.login}/{team.slug}", "members": members,
                "parentTeam": None if team.parent is None else self.team(team.parent),
            },
        )  # fmt: skip

    def _user(self, account: Account) -> Node:
        found = self.actor(account)
        assert found is not None
        return found

    # repositories and commits

    def repository(self, repository: Repository) -> Node:
        """A repository."""
        level = self.world.seen_by(repository, self.identity)
        words = {"pull": "READ", "triage": "TRIAGE", "push": "WRITE", "maintain": "MAINTAIN", "admin": "ADMIN"}
        return Node(
            "Repository",
            {
                "id": node_id("R", repository.id), "databaseId": repository.id, "name": repository.name,
                "nameWithOwner": repository.full_name, "url": f"{self.render.web}/{repository.full_name}",
                "isArchived": repository.archived, "isDisabled": False, "isPrivate": repository.private,
                "isFork": repository.parent is not None, "owner": self.actor(repository.owner),
                "viewerPermission": words.get(level), "object": lambda **a: self._object(repository, **a),
                "defaultBranchRef": lambda: self._ref(repository, f"refs/heads/{repository.default_branch}"),
                "ref": lambda qualifiedName: self._ref(repository, qualifiedName),  # noqa: N803 -- the schema's name
                "pullRequest": lambda number: self._numbered(repository, number),
                "pullRequests": lambda **a: self._pulls(repository, **a),
            },
        )  # fmt: skip

    def _ref(self, repository: Repository, name: str) -> Node | None:
        branch = name.removeprefix("refs/heads/")
        tip = self.world.git.tip(repository.id, branch)
        if tip is None:
            return None
        number = f"REF_{repository.id}_{branch}"
        target = self.commit(repository, tip)
        return Node("Ref", {"id": number, "name": branch, "prefix": "refs/heads/", "target": target})

    def _object(self, repository: Repository, *, oid: str | None = None, expression: str | None = None) -> Node | None:
        self.granted("contents")
        found = self.world.git.resolve(repository.id, oid or expression or "")
        return None if found is None else self.commit(repository, found)

    def _numbered(self, repository: Repository, number: int) -> Node:
        self.granted("pull_requests")
        found = repository.pulls.get(number)
        if found is None:
            raise refuse("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
        return self.pull(repository, found)

    def _pulls(self, repository: Repository, **arguments: Any) -> Node:
        self.granted("pull_requests")
        states, base, head = (arguments.get(name) for name in ("states", "baseRefName", "headRefName"))
        listed = [
            pull
            for pull in repository.pulls.values()
            if (states is None or _state(pull) in states)
            and base in {None, pull.base_ref}
            and head in {None, pull.head_ref}
        ]
        order = arguments.get("orderBy")
        if order is not None:
            key = {"UPDATED_AT": lambda p: (p.updated, p.number)}.get(order["field"], lambda p: p.number)
            listed.sort(key=key, reverse=order["direction"] == "DESC")
        return connection("pullRequests", listed, arguments, lambda pull: self.pull(repository, pull))

    def commit(self, repository: Repository, commit: str) -> Node:
        """A commit."""
        git = self.world.git.open(repository.id)
        found = git[commit].peel(pygit2.Commit)

        def associated(**arguments: Any) -> Node:
            self.granted("pull_requests")
            listed = self.forge.associated(repository, commit)
            return connection("associatedPullRequests", listed, arguments, lambda pull: self.pull(repository, pull))

        def parents(**arguments: Any) -> Node:
            listed = [str(parent) for parent in found.parent_ids]
            return connection("parents", listed, arguments, lambda parent: self.commit(repository, parent))

        return Node(
            "Commit",
            {
                "id": commit_node_id(repository, commit), "oid": commit, "message": text(found.raw_message),
                "url": f"{self.render.web}/{repository.full_name}/commit/{commit}",
                "committedDate": self.render.commit(repository, commit)["commit"]["committer"]["date"],
                "author": self._git_actor(found.author), "committer": self._git_actor(found.committer),
                "parents": parents, "associatedPullRequests": associated,
                "statusCheckRollup": lambda: self._rollup(repository, commit),
                "repository": self.repository(repository),
            },
        )  # fmt: skip

    def _git_actor(self, signature: pygit2.Signature) -> Node:
        user = self.render.author_of(signature)
        is_user = user is not None and user.kind == "User"
        fields = {
            "name": text(signature.raw_name),
            "email": text(signature.raw_email),
            "user": self.actor(user) if is_user else None,
        }
        return Node("GitActor", fields)

    def _rollup(self, repository: Repository, commit: str) -> Node | None:
        newest: dict[tuple[str, int], CheckRun | Status] = {}
        for run in repository.checks:
            if run.head == commit:
                newest[run.name, run.app.id] = run
        for status in repository.statuses:
            if status.commit == commit:
                newest[status.context, 0] = status
        listed = list(newest.values())
        if not listed:
            return None

        def contexts(**arguments: Any) -> Node:
            return connection("contexts", listed, arguments, self._context)

        words = {(one.conclusion or "pending") if isinstance(one, CheckRun) else one.state for one in listed}
        bad = words - {"success", "neutral", "skipped", "pending"}
        state = "FAILURE" if bad else "PENDING" if "pending" in words else "SUCCESS"
        return Node("StatusCheckRollup", {"id": f"SCR_{commit}", "state": state, "contexts": contexts})

    def _context(self, one: CheckRun | Status) -> Node:
        if isinstance(one, Status):
            fields = {
                "id": node_id("SC", one.id), "context": one.context, "state": one.state.upper(),
                "description": one.description, "targetUrl": one.target_url, "creator": self.actor(one.creator),
                "createdAt": timestamp(one.at),
            }  # fmt: skip
            return Node("StatusContext", fields)
        app = {"id": node_id("A", one.app.id), "databaseId": one.app.id, "slug": one.app.slug, "name": one.app.slug}
        suite = {"id": node_id("CS", one.suite), "databaseId": one.suite, "app": Node("App", app)}
        fields = {
            "id": node_id("CR", one.id), "databaseId": one.id, "name": one.name, "status": one.status.upper(),
            "conclusion": None if one.conclusion is None else one.conclusion.upper(),
            "checkSuite": Node("CheckSuite", suite),
        }  # fmt: skip
        return Node("CheckRun", fields)

    # pull requests

    def pull(self, repository: Repository, pull: Pull) -> Node:
        """A pull request with all that hangs on it."""
        gone = pull.head_repo is None or pull.head_repo.gone
        merge = None if pull.merge_commit is None else self.commit(repository, pull.merge_commit)
        head_repository = None if gone or pull.head_repo is None else pull.head_repo

        def reviews(**arguments: Any) -> Node:
            states = arguments.get("states")
            listed = [
                review
                for review in pull.reviews
                if (review.state != "PENDING" or review.author is self.identity.account)
                and (states is None or review.state in states)
                and arguments.get("author") in {None, review.author.login}
            ]
            return connection("reviews", listed, arguments, lambda review: self.review(repository, pull, review))

        def commits(**arguments: Any) -> Node:
            def write(commit: str) -> Node:
                number = f"PURC_{pull.id}_{commit}"
                return Node("PullRequestCommit", {"id": number, "commit": self.commit(repository, commit)})

            return connection("commits", self.forge.commits(repository, pull), arguments, write)

        def comments(**arguments: Any) -> Node:
            return connection("comments", pull.comments, arguments, lambda one: self._comment(repository, pull, one))

        def asked(**arguments: Any) -> Node:
            def write(one: Account | Team) -> Node:
                who = self.team(one) if isinstance(one, Team) else self.actor(one)
                return Node("ReviewRequest", {"id": node_id("RR", one.id), "requestedReviewer": who})

            return connection("reviewRequests", [*pull.asked, *pull.asked_teams], arguments, write)

        return Node(
            "PullRequest",
            {
                "id": node_id("PR", pull.id), "databaseId": pull.id, "fullDatabaseId": str(pull.id),
                "number": pull.number, "title": pull.title, "body": pull.body or "", "state": _state(pull),
                "url": f"{self.render.web}/{repository.full_name}/pull/{pull.number}", "isDraft": pull.draft,
                "closed": pull.state == "closed", "closedAt": maybe(pull.closed), "merged": pull.merged is not None,
                "mergedAt": maybe(pull.merged), "mergedBy": self.actor(pull.merged_by), "mergeCommit": merge,
                "author": self.actor(pull.author), "baseRefName": pull.base_ref, "baseRefOid": pull.base_sha,
                "authorAssociation": self.render.association(repository, pull.author),
                "headRefName": pull.head_ref, "headRefOid": pull.head_sha,
                "headRepository": None if head_repository is None else self.repository(head_repository),
                "headRepositoryOwner": self.actor(pull.head_owner), "repository": self.repository(repository),
                "baseRepository": self.repository(repository),
                "isCrossRepository": pull.head_repo is not repository, "createdAt": timestamp(pull.created),
                "updatedAt": timestamp(pull.updated), "isInMergeQueue": pull in repository.queue,
                "mergeable": lambda: MERGEABLE[self.forge.mergeable(repository, pull)], "reviews": reviews,
                "commits": commits, "comments": comments, "reviewRequests": asked,
                "timelineItems": lambda **a: self._timeline(repository, pull, **a),
                "baseRef": lambda: self._ref(repository, f"refs/heads/{pull.base_ref}"),
            },
        )  # fmt: skip

    def review(self, repository: Repository, pull: Pull, review: Review) -> Node:
        """A review."""
        web = f"{self.render.web}/{repository.full_name}/pull/{pull.number}#pullrequestreview-{review.id}"
        return Node(
            "PullRequestReview",
            {
                "id": node_id("PRR", review.id), "databaseId": review.id, "fullDatabaseId": str(review.id),
                "author": self.actor(review.author), "state": review.state, "body": review.body, "url": web,
                "commit": lambda: self._readable(repository, review.commit), "submittedAt": maybe(review.submitted),
                "createdAt": timestamp(review.submitted or pull.created),
                "updatedAt": timestamp(review.submitted or pull.created),
                "authorAssociation": self.render.association(repository, review.author),
                "authorCanPushToRepository": at_least(self.world.level(repository, review.author), "push"),
            },
        )  # fmt: skip

    def _readable(self, repository: Repository, commit: str) -> Node | None:
        known = commit != NOBODY and commit in self.world.git.open(repository.id)
        return self.commit(repository, commit) if known else None

    def _comment(self, repository: Repository, pull: Pull, comment: Comment) -> Node:
        web = f"{self.render.web}/{repository.full_name}/pull/{pull.number}#issuecomment-{comment.id}"
        return Node(
            "IssueComment",
            {
                "id": node_id("IC", comment.id), "databaseId": comment.id, "fullDatabaseId": str(comment.id),
                "author": self.actor(comment.author), "body": comment.body, "url": web,
                "createdAt": timestamp(comment.created), "updatedAt": timestamp(comment.updated),
                "viewerDidAuthor": comment.author is self.identity.account,
            },
        )  # fmt: skip

    def _timeline(self, repository: Repository, pull: Pull, **arguments: Any) -> Node:
        kinds = arguments.get("itemTypes")
        lines: list[tuple[int, str, Event | Review | Comment]] = [
            (event.id, _kind(event), event) for event in pull.events
        ]
        lines += [(r.id, "PULL_REQUEST_REVIEW", r) for r in pull.reviews if r.state != "PENDING"]
        lines += [(comment.id, "ISSUE_COMMENT", comment) for comment in pull.comments]
        listed = [line for _, kind, line in sorted(lines, key=lambda line: line[0]) if kinds is None or kind in kinds]

        def write(line: Event | Review | Comment) -> Node:
            if isinstance(line, Review):
                return self.review(repository, pull, line)
            if isinstance(line, Comment):
                return self._comment(repository, pull, line)
            return self._event(repository, pull, line)

        return connection(
            "timelineItems", listed, arguments, write, filteredCount=len(listed), updatedAt=timestamp(pull.updated)
        )

    def _event(self, repository: Repository, pull: Pull, event: Event) -> Node:
        facts = event.facts
        fields: dict[str, Any] = {
            "id": node_id("E", event.id), "actor": self.actor(event.actor), "createdAt": timestamp(event.at),
            "pullRequest": lambda: self.pull(repository, pull),
        }  # fmt: skip
        if event.kind == "review_dismissed":
            fields |= {
                "databaseId": event.id, "previousReviewState": facts["state"].upper(),
                "dismissalMessage": facts["message"],
                "review": lambda: self.review(repository, pull, facts["review"]),
            }  # fmt: skip
        elif event.kind == "merged":
            commit = lambda: self._readable(repository, facts["commit"])  # noqa: E731 -- one field of many
            fields |= {"commit": commit, "mergeRefName": pull.base_ref}
        elif event.kind in {"head_ref_force_pushed", "base_ref_force_pushed"}:
            fields |= {
                "beforeCommit": lambda: self._readable(repository, facts["before"]),
                "afterCommit": lambda: self._readable(repository, facts["after"]),
            }
        elif event.kind == "base_ref_changed":
            more = {"previousRefName": facts["before"], "currentRefName": facts["after"], "databaseId": event.id}
            fields |= more
        elif event.kind == "base_ref_deleted":
            fields["baseRefName"] = pull.base_ref
        elif event.kind == "renamed":
            fields |= {"previousTitle": facts["before"], "currentTitle": facts["after"]}
        elif event.kind in {"review_requested", "review_request_removed"}:
            who = facts.get("team") or facts["reviewer"]
            fields["requestedReviewer"] = self.team(who) if isinstance(who, Team) else self.actor(who)
        elif event.kind == "added_to_merge_queue":
            fields["enqueuer"] = self.actor(event.actor)
        return Node(EVENTS[event.kind], fields)


def _kind(event: Event) -> str:
    """`ReviewDismissedEvent` as the enumeration of kinds spells it: `REVIEW_DISMISSED_EVENT`."""
    return f"{event.kind.upper()}_EVENT" if event.kind != "renamed" else "RENAMED_TITLE_EVENT"


def _state(pull: Pull) -> str:
    return "MERGED" if pull.merged is not None else pull.state.upper()
