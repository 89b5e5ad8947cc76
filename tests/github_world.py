"""A repository on the GitHub double with people in it, seen through the adapter.

with GitHubDouble(tmp_path / "github") as github:
    world = GitHubWorld(github, tmp_path / "world")
    head = world.commit("dana", {"models/a.yaml": "…"}, branch="promote")
    number = world.open("promote", by="dana")
    world.review("noor", number, "approve", commit=head)
    merge = world.merge_pull(number, by="maintainer", method="squash")

`dana`, `noor` and `ravi` may push, `maintainer` owns the organization. Everybody pushes with a token of their own, and
the controller comes as the App `stagewright`, or with the token of `robot`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stagewright.adapters.git.source import GitSource
from stagewright.adapters.github import GITHUB_REFS
from stagewright.adapters.github.access import AppCredentials, Credentials, TokenCredentials
from stagewright.adapters.github.address import GitHubAddress
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.conversation import GitHubConversation
from stagewright.adapters.github.examination import PERMISSIONS
from stagewright.adapters.github.forge import GitHubForge
from stagewright.adapters.github.pull_requests import GitHubPullRequests
from stagewright.model.review import Account
from tests.doubles.github.accounts import Team
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.gitstore import Signed
from tests.doubles.github.person import Person
from tests.git_world import BRANCH, FIRST_SECOND, World, environment, run

WRITERS = ("dana", "noor", "ravi")
EVENTS = {"approve": "APPROVE", "reject": "REQUEST_CHANGES", "comment": "COMMENT"}


class GitHubWorld(World):
    """The same acts as in `World`, on a forge."""

    def __init__(
        self,
        github: GitHubDouble,
        root: Path,
        *,
        app: bool = False,
        files: Mapping[str, str | bytes | None] | None = None,
        writers: Iterable[str] = WRITERS,
    ) -> None:
        self.github = github
        self.root = root
        self.env = environment(root)
        self._seconds = FIRST_SECOND
        self._tags = 0
        root.mkdir(parents=True, exist_ok=True)
        world = github.world
        self.people: dict[str, Person] = {}
        self.organization = world.organization("acme", self.person("maintainer").account)
        self.hosted = world.repository(self.organization, "models")
        for name in writers:
            world.join(self.organization, self.person(name).account)
            self.hosted.collaborators[self.person(name).account.id] = "push"
        world.join(self.organization, self.person("robot").account)
        self.hosted.collaborators[self.person("robot").account.id] = "maintain"
        self.app = world.app("stagewright", self.organization, permissions=dict(PERMISSIONS))
        self.installation = world.install(self.app, self.organization)
        self.origin = world.git.path(self.hosted.id)
        self.first = self.put("maintainer", files or {"README.md": "Desired state.\n"})
        self.client = self.connect(app=app)
        self.source = self.mirror(self.client)
        self.forge = GitHubForge(self.client, self.source, grace=timedelta(0))
        self.conversation = GitHubConversation(self.client, self.source, self.forge)
        self.pull_requests = GitHubPullRequests(self.client, self.source, self.forge)

    # -- the adapter ---------------------------------------------------------------------------------------------

    def credentials(self, *, app: bool = False, name: str = "robot") -> Credentials:
        """What the controller, or a person, shows."""
        if not app:
            return TokenCredentials(token=self.person(name).token.secret)
        return AppCredentials(
            app=str(self.app.id),
            installation=self.installation.id,
            private_key=self.app.private_key,
            clock=self.github.world.clock,
        )

    def connect(self, *, app: bool = False, name: str = "robot") -> GitHubClient:
        """A client that never sleeps; its clock is the double's."""
        address = GitHubAddress(url=self.github.url, repository=self.hosted.full_name)
        return GitHubClient(
            address,
            self.credentials(app=app, name=name),
            clock=self.github.world.clock,
            sleep=lambda _: None,
            write_pause_s=0,
        )

    def mirror(self, client: GitHubClient, *, branch: str = BRANCH, folder: str = "mirror") -> GitSource:
        """A mirror of the repository, not fetched yet."""
        url = f"{self.github.url}/{self.hosted.full_name}.git"
        return GitSource(
            url=url,
            branch=branch,
            mirror=self.root / folder,
            credentials=client.git_credentials,
            refs=GITHUB_REFS,
        )

    def fetch(self) -> str:
        """Let the adapter see what was pushed; the branch's head."""
        return self.source.fetch()

    # -- what the forge knows ------------------------------------------------------------------------------------

    def person(self, name: str) -> Person:
        """That person, with a token."""
        if name not in self.people:
            self.people[name] = Person(self.github, name)
        return self.people[name]

    def account(self, name: str) -> Account:
        """Who that person is to the forge."""
        who = self.person(name).account
        return Account(id=str(who.id), login=who.login)

    def team(self, name: str, *members: str, parent: Team | None = None) -> Team:
        """A team of the organization."""
        accounts = [self.person(member).account for member in members]
        return self.github.world.team(self.organization, name, *accounts, parent=parent)

    def clone(self, name: str) -> Path:
        """The work tree of that person; it pushes with their token."""
        path = self.root / f"clone-{name}"
        if not path.exists():
            run("git", "init", "-q", "--template=", str(path), cwd=self.root, env=self.env)
            remote = self.person(name).remote(self.hosted.full_name)
            run("git", "remote", "add", "origin", remote, cwd=path, env=self.env)
            self.configure(path, name)
        return path

    # -- what people do, in process: commits without signatures, as people make most of them ---------------------

    def put(
        self, name: str, files: Mapping[str, str | bytes | None], *, branch: str = BRANCH, start: str = BRANCH
    ) -> str:
        """Commit files on a branch, made from `start` if it is new, and push that; the commit."""
        git, own = self.github.world.git, self.hosted.id
        parent = git.tip(own, branch) or git.resolve(own, start)
        self._seconds += 60
        at = datetime.fromtimestamp(self._seconds, tz=UTC)
        who = (name, f"{name}@example.com")
        content = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        made = git.commit(own, parent, content, "Change the desired state", by=Signed(who, who, at))
        self.push(name, branch, made)
        return made

    def push(self, name: str, branch: str, commit: str | None) -> None:
        """Let a branch name a commit, or nothing, as a push of that person's does; by force where it needs that."""
        with self.github.lock:
            before = self.github.world.git.branches(self.hosted.id)
            self.github.world.git.move(self.hosted.id, branch, commit)
            self.github.forge.refs_changed(self.hosted, self.person(name).account, before)

    def quick_merge(self, name: str, branch: str, *, into: str = BRANCH) -> str:
        """Merge a branch into another by hand, and push that; the merge's id."""
        git, own = self.github.world.git, self.hosted.id
        self._seconds += 60
        at = datetime.fromtimestamp(self._seconds, tz=UTC)
        who = (name, f"{name}@example.com")
        made = git.merge(own, self.head(into), self.head(branch), "Merge by hand", by=Signed(who, who, at))
        assert made is not None
        self.push(name, into, made)
        return made

    def open_here(self, branch: str, *, by: str = "dana") -> int:
        """A branch with one commit and its pull request; its number."""
        self.put(by, {f"{branch}.txt": "1\n"}, branch=branch)
        pull = self.github.forge.open(
            self.hosted,
            self.person(by).account,
            base=BRANCH,
            head_repo=self.hosted,
            head_ref=branch,
            title=f"Promote on {branch}",
            body=None,
            draft=False,
        )
        return pull.number

    # -- what people do ------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, *, by: str = "maintainer") -> Any:
        """One request below the repository, which has to succeed."""
        return self.person(by).call(method, f"/repos/{self.hosted.full_name}{path}", body)

    def open(self, branch: str, *, by: str = "dana", title: str | None = None, base: str = BRANCH) -> int:
        """Open a pull request; its number."""
        return self.person(by).open(self.hosted.full_name, branch, base=base, title=title or f"Promote on {branch}")

    def review(self, name: str, number: int, decision: str, *, commit: str | None = None) -> int:
        """Review a pull request, at its head or at another commit; the review's id."""
        return self.person(name).review(self.hosted.full_name, number, EVENTS[decision], commit=commit)

    def dismiss(self, name: str, number: int, review: int) -> None:
        """Dismiss a review."""
        self.person(name).dismiss(self.hosted.full_name, number, review)

    def merge_pull(self, number: int, *, by: str = "maintainer", method: str = "merge") -> str:
        """Merge a pull request; the new head of the branch."""
        return self.person(by).merge(self.hosted.full_name, number, method)

    def merged(self, branch: str = "promote", *, method: str = "merge", commits: int = 1) -> tuple[int, str, str]:
        """A pull request of dana's that the maintainer merged: its number, its head, and the branch's new head."""
        head = ""
        for at in range(commits):
            head = self.put("dana", {f"{branch}-{at}.txt": f"{at}\n"}, branch=branch)
        number = self.open(branch)
        return number, head, self.merge_pull(number, method=method)

    # -- what was asked ------------------------------------------------------------------------------------------

    def spent(self) -> int:
        """Forget what was asked so far; how many points of the limits it cost."""
        seen = [one for one in self.github.seen if one.template is not None]
        self.github.seen.clear()
        return sum(one.points for one in seen)

    def writes(self) -> list[str]:
        """Forget what was asked so far; the writes among it, without queries and tokens."""
        reading = {None, "/graphql", "/app/installations/{installation_id}/access_tokens"}
        seen = [one for one in self.github.seen if one.method != "GET" and one.template not in reading]
        self.github.seen.clear()
        return [f"{one.method} {one.template}" for one in seen]
