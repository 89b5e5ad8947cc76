"""What the double's accounts, repositories and commits look like in GitHub's REST API."""

import base64
import itertools
from datetime import UTC, datetime
from typing import Any

import pygit2

from tests.doubles.github.accounts import LEVELS, Account, App, Installation, Level, Team, at_least
from tests.doubles.github.clock import timestamp
from tests.doubles.github.repository import Activity, Repository
from tests.doubles.github.world import World

Json = dict[str, Any]
ROLE = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin", "none": "none"}
# the repository's links: name → what follows its address
REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
    "downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}", "issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
    "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers", "subscription_url": "/subscription",
    "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}  # fmt: skip
USER_LINKS = {
    "followers_url": "/followers", "following_url": "/following{/other_user}", "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}", "subscriptions_url": "/subscriptions", "organizations_url": "/orgs",
    "repos_url": "/repos", "events_url": "/events{/privacy}", "received_events_url": "/received_events",
}  # fmt: skip


def node_id(prefix: str, number: int) -> str:
    """An opaque id of the GraphQL kind: `PR_kwAAAPk`."""
    return f"{prefix}_kw" + base64.urlsafe_b64encode(number.to_bytes(8, "big")).decode().rstrip("=")


def commit_node_id(repository: Repository, commit: str) -> str:
    """The opaque id of a commit, which belongs to a repository."""
    return "C_kw" + base64.urlsafe_b64encode(f"{repository.id}{commit}".encode()).decode().rstrip("=")


class Render:
    """Writes JSON with the addresses that the request came in by. `api` and `web` have no slash at their end."""

    def __init__(self, world: World, api: str, web: str) -> None:
        self.world = world
        self.api = api
        self.web = web

    # accounts

    def account(self, account: Account | None) -> Json | None:
        """A simple user, where there may be none: an account that is gone is none."""
        return None if account is None or account.deleted else self.user(account)

    def user(self, account: Account) -> Json:
        """A simple user, where there has to be one: an account that is gone is the ghost."""
        if account.deleted:
            account = self.world.ghost
        url = f"{self.api}/users/{account.login}"
        return {
            "login": account.login, "id": account.id, "node_id": node_id(account.kind[0], account.id),
            "avatar_url": f"{self.web}/avatars/u/{account.id}", "gravatar_id": "", "url": url,
            "html_url": f"{self.web}/{account.login}", **{name: url + tail for name, tail in USER_LINKS.items()},
            "type": account.kind, "site_admin": account.site_admin, "user_view_type": "public",
        }  # fmt: skip

    def profile(self, account: Account) -> Json:
        """A public user."""
        return self.user(account) | {
            "name": None, "company": None, "blog": "", "location": None, "email": None, "hireable": None, "bio": None,
            "twitter_username": None, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
            "created_at": timestamp(account.created), "updated_at": timestamp(account.created),
        }  # fmt: skip

    def own_profile(self, account: Account) -> Json:
        """What a user sees of themselves."""
        return self.profile(account) | {
            "collaborators": 0, "disk_usage": 0, "owned_private_repos": 0, "private_gists": 0,
            "total_private_repos": 0, "two_factor_authentication": True, "user_view_type": "private",
        }  # fmt: skip

    def collaborator(self, account: Account, level: Level) -> Json:
        """A user with what they may do to a repository."""
        return self.user(account) | {"permissions": permissions(level), "role_name": ROLE[level]}

    def team(self, team: Team, *, full: bool = False) -> Json:
        """A team; `full` with counts and its organization."""
        parent = None if team.parent is None else self._team(team.parent)
        body = self._team(team) | {"parent": parent}
        if not full:
            return body | {"permissions": permissions("pull")}
        repositories = sum(team.id in repository.teams for repository in self.world.repositories.values())
        return body | {
            "created_at": timestamp(team.created), "updated_at": timestamp(team.created),
            "members_count": len(team.members()), "repos_count": repositories,
            "organization": self.organization(team.organization),
        }  # fmt: skip

    def organization(self, organization: Account) -> Json:
        """An organization."""
        url = f"{self.api}/orgs/{organization.login}"
        return {
            "login": organization.login, "id": organization.id, "node_id": node_id("O", organization.id), "url": url,
            "repos_url": f"{url}/repos", "events_url": f"{url}/events", "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues", "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "avatar_url": f"{self.web}/avatars/u/{organization.id}", "description": None,
            "has_organization_projects": True, "has_repository_projects": True, "public_repos": 0, "public_gists": 0,
            "followers": 0, "following": 0, "html_url": f"{self.web}/{organization.login}",
            "created_at": timestamp(organization.created), "updated_at": timestamp(organization.created),
            "type": "Organization", "archived_at": None,
        }  # fmt: skip

    def _team(self, team: Team) -> Json:
        url = f"{self.api}/organizations/{team.organization.id}/team/{team.id}"
        return {
            "id": team.id, "node_id": node_id("T", team.id), "url": url, "name": team.name, "slug": team.slug,
            "html_url": f"{self.web}/orgs/{team.organization.login}/teams/{team.slug}", "description": None,
            "privacy": "closed", "notification_setting": "notifications_enabled", "permission": "pull",
            "members_url": url + "/members{/member}", "repositories_url": url + "/repos", "type": "organization",
            "organization_id": team.organization.id,
        }  # fmt: skip

    def app(self, app: App) -> Json:
        """An App as others see it."""
        return {
            "id": app.id, "client_id": app.client_id, "slug": app.slug, "node_id": node_id("A", app.id),
            "owner": self.user(app.owner), "name": app.slug, "description": None,
            "external_url": f"{self.web}/apps/{app.slug}", "html_url": f"{self.web}/apps/{app.slug}",
            "created_at": timestamp(app.created), "updated_at": timestamp(app.created),
            "permissions": app.permissions, "events": list(app.events),
        }  # fmt: skip

    def installation(self, made: Installation) -> Json:
        """An installation of an App."""
        return {
            "id": made.id, "app_id": made.app.id, "client_id": made.app.client_id, "app_slug": made.app.slug,
            "target_id": made.account.id, "target_type": made.account.kind, "single_file_name": None,
            "has_multiple_single_files": False, "single_file_paths": [],
            "repository_selection": "all" if made.repositories is None else "selected",
            "access_tokens_url": f"{self.api}/app/installations/{made.id}/access_tokens",
            "html_url": f"{self.web}/settings/installations/{made.id}",
            "repositories_url": f"{self.api}/installation/repositories", "events": list(made.app.events),
            "account": self.user(made.account), "permissions": made.permissions,
            "created_at": timestamp(made.created), "updated_at": timestamp(made.created),
            "suspended_by": None, "suspended_at": None,
        }  # fmt: skip

    # repositories

    def repository_url(self, repository: Repository) -> str:
        """Where a repository is in the API."""
        return f"{self.api}/repos/{repository.full_name}"

    def clone_url(self, repository: Repository) -> str:
        """Where git finds a repository."""
        return f"{self.web}/{repository.full_name}.git"

    def repository(self, repository: Repository, level: Level = "pull", *, full: bool = False) -> Json:
        """A repository, with what the caller may do to it."""
        url, web = self.repository_url(repository), f"{self.web}/{repository.full_name}"
        links = {name: url + tail for name, tail in REPOSITORY_LINKS.items()}
        issues = sum(pull.state == "open" for pull in repository.pulls.values())
        body = {
            "id": repository.id, "node_id": node_id("R", repository.id), "name": repository.name,
            "full_name": repository.full_name, "private": repository.private, "owner": self.user(repository.owner),
            "html_url": web, "description": None, "fork": repository.parent is not None, "url": url, **links,
            "archive_url": url + "/{archive_format}{/ref}",
            "created_at": timestamp(repository.created), "updated_at": timestamp(repository.created),
            "pushed_at": timestamp(repository.pushed or repository.created), "git_url": f"git:{web[5:]}.git",
            "ssh_url": f"ssh://git@{web[7:]}.git", "clone_url": web + ".git", "svn_url": web, "homepage": None,
            "size": 1, "stargazers_count": 0, "watchers_count": 0, "language": None, "has_issues": True,
            "has_projects": True, "has_downloads": True, "has_wiki": True, "has_pages": False,
            "has_discussions": False, "forks_count": 0, "mirror_url": None, "archived": repository.archived,
            "disabled": False, "open_issues_count": issues, "license": None, "allow_forking": True,
            "is_template": False, "web_commit_signoff_required": False, "topics": [],
            "visibility": "private" if repository.private else "public", "forks": 0, "open_issues": issues,
            "watchers": 0, "default_branch": repository.default_branch, "permissions": permissions(level),
        }  # fmt: skip
        if not full:
            return body
        if at_least(level, "push"):
            body |= {
                "allow_squash_merge": "squash" in repository.methods,
                "allow_merge_commit": "merge" in repository.methods,
                "allow_rebase_merge": "rebase" in repository.methods,
                "allow_auto_merge": False, "delete_branch_on_merge": False, "allow_update_branch": True,
            }  # fmt: skip
        if repository.parent is not None:
            body |= {"parent": self.repository(repository.parent), "source": self.repository(repository.parent)}
        return body | {"network_count": 0, "subscribers_count": 0}

    def activity(self, activity: Activity) -> Json:
        """A change of a ref."""
        return {
            "id": activity.id, "node_id": node_id("PSH", activity.id), "before": activity.before,
            "after": activity.after, "ref": activity.ref, "timestamp": timestamp(activity.at),
            "activity_type": activity.kind, "actor": self.account(activity.actor),
        }  # fmt: skip

    # commits

    def author_of(self, signature: pygit2.Signature) -> Account | None:
        """The account that GitHub takes an address for: the one whose noreply address it is. Anybody can write it."""
        email = text(signature.raw_email)
        return next((a for a in self.world.accounts.values() if a.email == email and not a.deleted), None)

    def commit(self, repository: Repository, commit: str, *, files: bool = False) -> Json:
        """A commit; `files` with what it changed."""
        git = self.world.git.open(repository.id)
        found = git[commit].peel(pygit2.Commit)
        url, web = self.repository_url(repository), f"{self.web}/{repository.full_name}"
        author, committer = self.author_of(found.author), self.author_of(found.committer)
        body = {
            "sha": commit, "node_id": commit_node_id(repository, commit),
            "commit": {
                "author": _signature(found.author), "committer": _signature(found.committer),
                "message": text(found.raw_message).rstrip("\n"),
                "tree": {"sha": str(found.tree_id), "url": f"{url}/git/trees/{found.tree_id}"},
                "url": f"{url}/git/commits/{commit}", "comment_count": 0,
                "verification": {
                    "verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None
                },
            },
            "url": f"{url}/commits/{commit}", "html_url": f"{web}/commit/{commit}",
            "comments_url": f"{url}/commits/{commit}/comments", "author": self.account(author),
            "committer": self.account(committer),
            "parents": [
                {"sha": str(parent), "url": f"{url}/commits/{parent}", "html_url": f"{web}/commit/{parent}"}
                for parent in found.parent_ids
            ],
        }  # fmt: skip
        if files:
            base = str(found.parent_ids[0]) if found.parent_ids else None
            changed = self.files(repository, base, commit)
            added, removed = (sum(file[key] for file in changed) for key in ("additions", "deletions"))
            body |= {"stats": {"additions": added, "deletions": removed, "total": added + removed}, "files": changed}
        return body

    def git_commit(self, repository: Repository, commit: str) -> Json:
        """A commit as git knows it, without accounts."""
        whole = self.commit(repository, commit)
        kept = ("author", "committer", "message", "tree", "verification")
        return {name: whole["commit"][name] for name in kept} | {
            "sha": commit, "node_id": whole["node_id"], "url": whole["commit"]["url"], "html_url": whole["html_url"],
            "parents": whole["parents"],
        }  # fmt: skip

    def files(self, repository: Repository, base: str | None, head: str) -> list[Json]:
        """What changed between two commits, file by file."""
        git = self.world.git.open(repository.id)
        tree = git[head].peel(pygit2.Tree)
        diff = tree.diff_to_tree(swap=True) if base is None else git[base].peel(pygit2.Tree).diff_to_tree(tree)
        words = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "T": "changed"}
        url, web, changed = self.repository_url(repository), f"{self.web}/{repository.full_name}", []
        for patch in diff:
            assert patch is not None
            delta, (_, added, removed) = patch.delta, patch.line_stats
            path = text(delta.new_file.raw_path)
            _, hunks, lines = text(patch.data).partition("@@")
            sha = delta.old_file.id if delta.status_char() == "D" else delta.new_file.id
            changed.append(
                {
                    "sha": str(sha),
                    "filename": path,
                    "status": words[delta.status_char()],
                    "additions": added,
                    "deletions": removed,
                    "changes": added + removed,
                    "blob_url": f"{web}/blob/{head}/{path}",
                    "raw_url": f"{web}/raw/{head}/{path}",
                    "contents_url": f"{url}/contents/{path}?ref={head}",
                    "patch": hunks + lines,
                }
            )
        return changed


def text(raw: bytes) -> str:
    """Bytes of git as JSON can hold them: what is no UTF-8 is replaced."""
    return raw.decode(errors="replace")


def permissions(level: Level) -> Json:
    """A level as GitHub spells it out."""
    held = LEVELS[1 : LEVELS.index(level) + 1]
    return {name: name in held for name in itertools.islice(LEVELS, 1, None)}


def _signature(signature: pygit2.Signature) -> Json:
    at = timestamp(datetime.fromtimestamp(signature.time, tz=UTC))
    return {"name": text(signature.raw_name), "email": text(signature.raw_email), "date": at}
