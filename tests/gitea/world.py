"""A repository on a real Gitea with people in it, for the tests that `make test-real` runs.

world = GiteaWorld(server, tmp_path)
head = world.commit("dana", {"models/a.yaml": "…"}, branch="promote")
number = world.open("promote", by="dana")
world.review("noor", number, "approve", commit=head)
merge = world.merge_pull(number, by="maintainer", style="squash")

`dana`, `noor` and `ravi` may write, `maintainer` and the controller's own account `robot` administer.
"""

import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.gitea.access import REFS, git_credentials
from stagewright.adapters.gitea.client import GiteaAddress, GiteaClient
from stagewright.adapters.gitea.conversation import GiteaConversation
from stagewright.adapters.gitea.forge import GRACE, GiteaForge
from stagewright.adapters.gitea.pull_requests import GiteaPullRequests
from stagewright.model.review import Account
from stagewright.model.sync import HostedForge
from tests.git_world import BRANCH, FIRST_SECOND, World, environment, run
from tests.gitea.server import GiteaError, GiteaServer, User

WRITERS = ("dana", "noor", "ravi")
EVENTS = {"approve": "APPROVED", "reject": "REQUEST_CHANGES", "comment": "COMMENT"}
PATIENCE_S = 30.0


class GiteaWorld(World):
    """The same acts as in `World`, on a forge; every person pushes with a token of their own."""

    def __init__(
        self,
        server: GiteaServer,
        root: Path,
        *,
        files: Mapping[str, str | bytes | None] | None = None,
        writers: tuple[str, ...] = WRITERS,
    ) -> None:
        """`writers` may write to the repository; `files` are those of its first commit."""
        self.server = server
        self.root = root
        self.env = environment(root) | {
            # root may read what the server's account wrote
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        self._seconds = FIRST_SECOND
        self._tags = 0
        root.mkdir(parents=True, exist_ok=True)
        self.org = server.unique("acme")
        self.repository = f"{self.org}/models"
        server.call("POST", "/orgs", {"username": self.org, "visibility": "private"})
        server.call("POST", f"/orgs/{self.org}/repos", {"name": "models", "private": True, "default_branch": BRANCH})
        styles = ("merge_commits", "rebase", "rebase_explicit", "squash_merge", "fast_forward_only_merge")
        self.patch("", {f"allow_{style}": True for style in styles} | {"allow_manual_merge": True})
        self.origin = server.folder(self.repository)
        self.team("deciders", *writers, permission="write")
        self.team("keepers", "maintainer", permission="admin")
        self.first = self.commit("maintainer", files or {"README.md": "Desired state.\n"}, message="Begin")
        self.url = f"{server.url}/{self.repository}.git"

    # -- what the forge knows ------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, *, by: str | None = None) -> Any:
        """One request below the repository."""
        who = self.server.user(by) if by is not None else None
        return self.server.call(method, f"/repos/{self.repository}{path}", body, by=who)

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """Change a setting of the repository."""
        self.server.call("PATCH", f"/repos/{self.repository}{path}", body)

    def account(self, name: str) -> Account:
        """Who that person is."""
        user = self.server.user(name)
        return Account(id=str(user.id), login=user.login)

    def team(self, name: str, *members: str, permission: str = "read", repository: bool = True) -> int:
        """A team of the organization, with access to the repository or not; its id."""
        units = {
            f"repo.{unit}": "write" if permission == "admin" else permission for unit in ("code", "issues", "pulls")
        }
        body: dict[str, Any] = {"name": name, "permission": permission}
        if permission != "admin":
            body["units_map"] = units
        made = self.server.call("POST", f"/orgs/{self.org}/teams", body)["id"]
        # Gitea tells the members of a team to its members only
        for member in (*members, "robot"):
            self.server.call("PUT", f"/teams/{made}/members/{self.server.user(member).login}")
        if repository:
            self.server.call("PUT", f"/teams/{made}/repos/{self.repository}")
        return int(made)

    def mirrored(self, name: str) -> str:
        """Another repository of the organization with the same main and the same rights; its `owner/name`."""
        made = f"{self.org}/{name}"
        self.server.call("POST", f"/orgs/{self.org}/repos", {"name": name, "private": True, "default_branch": BRANCH})
        for team in self.server.call("GET", f"/orgs/{self.org}/teams"):
            self.server.call("PUT", f"/teams/{team['id']}/repos/{made}")
        remote = self.server.remote(made, self.server.user("maintainer"))
        run("git", "push", "-q", remote, f"{self.head()}:refs/heads/{BRANCH}", cwd=self.origin, env=self.env)
        return made

    def clone(self, name: str) -> Path:
        """The work tree of that person; it pushes with their token."""
        path = self.root / f"clone-{name}"
        if not path.exists():
            user: User = self.server.user(name)
            run("git", "init", "-q", "--template=", str(path), cwd=self.root, env=self.env)
            remote = self.server.remote(self.repository, user)
            run("git", "remote", "add", "origin", remote, cwd=path, env=self.env)
            self.configure(path, name)
        return path

    # -- what people do ------------------------------------------------------------------------------------------

    def open(self, branch: str, *, by: str = "dana", title: str | None = None, base: str = BRANCH) -> int:
        """Open a pull request; its number."""
        body = {"base": base, "head": branch, "title": title or f"Promote on {branch}"}
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return int(self.call("POST", "/pulls", body, by=by)["number"])
            except GiteaError as error:
                # Gitea learns of a pushed branch in the background
                if error.status != 404 or time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def review(self, name: str, number: int, decision: str, *, commit: str | None = None) -> int:
        """Review a pull request, at its head or at another commit; the review's id."""
        body = {"event": EVENTS[decision], "body": f"I {decision}.", "commit_id": commit or ""}
        return int(self.call("POST", f"/pulls/{number}/reviews", body, by=name)["id"])

    def merge_pull(self, number: int, *, by: str = "maintainer", style: str = "merge", **options: Any) -> str:
        """Merge a pull request, when Gitea has found out that it can be; the new head of the branch."""
        self.settle(number)
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.call("POST", f"/pulls/{number}/merge", {"Do": style, **options}, by=by)
            except GiteaError as error:
                if error.status != 405 or time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                return str(self.call("GET", f"/pulls/{number}")["merge_commit_sha"])

    def settle(self, number: int) -> None:
        """Wait until the pull request has the head of its branch, which Gitea sees to in the background."""
        end = time.monotonic() + PATIENCE_S
        while True:
            row = self.call("GET", f"/pulls/{number}")
            ref = self.call("GET", f"/git/refs/pull/{number}/head")[0]["object"]["sha"]
            if ref == row["head"]["sha"] or row["merged"] or time.monotonic() > end:
                return
            time.sleep(0.05)

    def settle_feed(self, commit: str, *, branch: str = BRANCH) -> None:
        """Wait until the activity feed tells of the push to a branch that ended at a commit."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            rows = self.call("GET", "/activities/feeds?limit=50")
            told = (row["content"] for row in rows if row["ref_name"] == f"refs/heads/{branch}")
            if any(f'"HeadCommit":{{"Sha1":"{commit}"' in content for content in told):
                return
            time.sleep(0.05)
        raise AssertionError(f"the feed does not tell of {commit}")

    def settle_merged(self, *numbers: int) -> None:
        """Wait until Gitea has noticed that these were merged by a push."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if all(self.call("GET", f"/pulls/{number}")["merged"] for number in numbers):
                return
            time.sleep(0.05)
        raise AssertionError(f"{numbers} were not noticed to be merged")

    def next_second(self) -> None:
        """Wait until the server's clock, which counts in seconds, has gone on."""
        client = self.client()
        client.get("/version")
        before, end = client.server_time, time.monotonic() + PATIENCE_S
        while client.server_time <= before:
            assert time.monotonic() < end, "the server's clock stands still"
            time.sleep(0.05)
            client.get("/version")

    # -- what is tested ------------------------------------------------------------------------------------------

    def client(self, *, url: str | None = None, name: str = "robot", token: str | None = None) -> GiteaClient:
        """The adapter's own client, as that person; `url` is that of a proxy in front. It never really sleeps."""
        address = GiteaAddress(url=url or self.server.url, token=token or self.server.user(name).token)
        return GiteaClient(address, sleep=lambda _: None)

    def source(self, name: str = "mirror") -> GitSource:
        """A mirror of the repository, which knows its pull requests; not fetched yet."""
        robot = self.server.user("robot")
        return GitSource(
            url=self.url,
            branch=BRANCH,
            mirror=self.root / name,
            credentials=git_credentials(self.hosted(), {"GITEA_TOKEN": robot.token}),
            refs=REFS,
        )

    def hosted(self) -> HostedForge:
        """What a configuration says of this forge."""
        return HostedForge(type="gitea", url=self.server.url, repository=self.repository)

    def forge(self, source: GitSource, *, client: GiteaClient | None = None, grace: timedelta = GRACE) -> GiteaForge:
        """The `Forge` on this repository."""
        return GiteaForge(client or self.client(), source, repository=self.repository, grace=grace)

    def conversation(self, source: GitSource, *, client: GiteaClient | None = None) -> GiteaConversation:
        """The `Conversation` on this repository."""
        return GiteaConversation(client or self.client(), source, repository=self.repository)

    def pull_requests(self, source: GitSource, name: str = "dana") -> GiteaPullRequests:
        """That person's own access."""
        return GiteaPullRequests(self.client(name=name), source, repository=self.repository)
