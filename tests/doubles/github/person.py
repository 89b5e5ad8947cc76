"""People at work on the double: each with a token of their own, over HTTP and git as on GitHub.

dana = Person(github, "dana")
dana.push("acme/models", "promote", {"models/a.yaml": b"..."})
number = dana.open("acme/models", "promote")
noor.review("acme/models", number, "APPROVE")
merge = ada.merge("acme/models", number, "squash")
"""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from tests.doubles.github.accounts import Account
from tests.doubles.github.double import GitHubDouble
from tests.git_world import environment

TIMEOUT_S = 30


class Person:
    """A user of the double; the account is made where there is none of that login."""

    def __init__(self, github: GitHubDouble, login: str, *scopes: str) -> None:
        self.github = github
        self.account: Account = github.world.find_account(login) or github.world.account(login)
        self.token = github.world.token(self.account, *(scopes or ("repo", "read:org")))
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {self.token.secret}"

    @property
    def login(self) -> str:
        """The login, as it is now."""
        return self.account.login

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
        """Send a request to the API, whatever comes of it."""
        address = path if path.startswith("http") else self.github.api + path
        return self._session.request(method, address, json=body, params=query, timeout=TIMEOUT_S)

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Send a request that has to succeed; the JSON of its answer."""
        answer = self.ask(method, path, body, **query)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    # git

    def remote(self, name: str) -> str:
        """A repository's address for git, with the token in it: for git in tests alone."""
        return self.github.url.replace("//", f"//x-access-token:{self.token.secret}@", 1) + f"/{name}.git"

    def git(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run git under this person's name, whatever comes of it."""
        env = environment(cwd) | {
            "GIT_AUTHOR_NAME": self.login, "GIT_COMMITTER_NAME": self.login,
            "GIT_AUTHOR_EMAIL": self.account.email, "GIT_COMMITTER_EMAIL": self.account.email,
        }  # fmt: skip
        return subprocess.run(["git", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)

    def push(
        self, name: str, branch: str, files: Mapping[str, bytes | None], *, onto: str = "main", message: str = ""
    ) -> str:
        """Commit files on a branch (made from `onto` where there is none) in a clone, and push it; the commit."""
        with tempfile.TemporaryDirectory() as folder:
            clone = Path(folder)
            self._git("init", "-q", cwd=clone)
            found = self._git("ls-remote", self.remote(name), f"refs/heads/{branch}", f"refs/heads/{onto}", cwd=clone)
            there = {line.split("\t")[1].removeprefix("refs/heads/") for line in found.splitlines()}
            start = branch if branch in there else onto
            if start in there:
                self._git("fetch", "-q", self.remote(name), f"refs/heads/{start}", cwd=clone)
                self._git("checkout", "-q", "-b", "work", "FETCH_HEAD", cwd=clone)
            for path, content in files.items():
                place = clone / path
                if content is None:
                    place.unlink()
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            self._git("add", "-A", cwd=clone)
            text = message or f"Change {', '.join(files)}"
            self._git("commit", "-q", "--allow-empty", "-m", text, cwd=clone)
            self._git("push", "-q", self.remote(name), f"HEAD:refs/heads/{branch}", cwd=clone)
            return self._git("rev-parse", "HEAD", cwd=clone).strip()

    def _git(self, *arguments: str, cwd: Path) -> str:
        done = self.git(*arguments, cwd=cwd)
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout

    # pull requests

    def open(
        self, name: str, branch: str, *, base: str = "main", title: str = "", body: str = "", draft: bool = False
    ) -> int:
        """Open a pull request from a branch, or from `owner:branch`; its number."""
        asked = {"head": branch, "base": base, "title": title or f"Merge {branch}", "body": body, "draft": draft}
        return int(self.call("POST", f"/repos/{name}/pulls", asked)["number"])

    def review(self, name: str, number: int, event: str, *, body: str = "", commit: str | None = None) -> int:
        """Review a pull request: APPROVE, REQUEST_CHANGES or COMMENT; the review's id."""
        asked = {"event": event, "body": body or event.lower(), **({"commit_id": commit} if commit else {})}
        return int(self.call("POST", f"/repos/{name}/pulls/{number}/reviews", asked)["id"])

    def dismiss(self, name: str, number: int, review: int, message: str = "outdated") -> None:
        """Dismiss a review."""
        path = f"/repos/{name}/pulls/{number}/reviews/{review}/dismissals"
        self.call("PUT", path, {"message": message, "event": "DISMISS"})

    def merge(self, name: str, number: int, method: str = "merge") -> str:
        """Merge a pull request: merge, squash or rebase; the commit that the base branch has then."""
        return str(self.call("PUT", f"/repos/{name}/pulls/{number}/merge", {"merge_method": method})["sha"])
