"""The bank whose people work on Gitea: what is a signature and a merge by git alone is a review and a button there."""

import time
from collections.abc import Sequence
from typing import Any

from stagewright.demo.bank import BRANCH, Bank
from stagewright.demo.controller import Controller
from stagewright.demo.gitea_server import GiteaError, GiteaServer
from stagewright.demo.narration import DifferentError
from stagewright.demo.people import Person
from stagewright.demo.server import POLL_S
from stagewright.demo.terminal import Answer

ORG = "bank"
REPOSITORY = f"{ORG}/models"
CONTROLLER = "stagewright"
# Approves with the command the first times, later on Gitea's page as the others do, which is a call of its API here.
BY_COMMAND = "cody"
TIMES_BY_COMMAND = 2
PATIENCE_S = 60.0


class GiteaBank(Bank):
    """The same acts as in `Bank`, on a pull request wherever a branch is named."""

    def __init__(self, shared: Bank, gitea: GiteaServer, controller: Controller) -> None:
        """`shared` is the bank as it is on any forge."""
        people = dict(shared.people)
        super().__init__(
            directory=shared.directory,
            narrator=shared.narrator,
            server=shared.server,
            terminal=shared.terminal,
            people=people,
        )
        self.people: dict[str, Person] = people
        self.gitea = gitea
        self.controller = controller
        self.numbers: dict[str, int] = {}
        # what the scenes of the two minutes pass on to each other: commits by what they are, and when they are over
        self.pushed: dict[str, str] = {}
        self.certain_at = 0.0
        self._by_command = 0

    # -- what people do

    def call(self, method: str, path: str, body: Any = None, *, by: str = "max") -> Any:
        """One request below the repository, as a person."""
        return self.gitea.call(method, f"/repos/{REPOSITORY}{path}", body, by=self.gitea.user(by))

    def approve(self, who: str, branch: str) -> None:
        """Review the pull request of a branch."""
        number = self.settled(branch)
        if who == BY_COMMAND and self._by_command < TIMES_BY_COMMAND:
            self._by_command += 1
            self.stagewright(who, "approve", "--pr", str(number), "--yes", only=("~",))
            return
        self.narrator.act(who, f"approves pull request {number} on Gitea")
        head = self.call("GET", f"/pulls/{number}")["head"]["sha"]
        self.call("POST", f"/pulls/{number}/reviews", {"event": "APPROVED", "commit_id": head, "body": ""}, by=who)

    def merge(self, branch: str, *, into: str = BRANCH, who: str = "max", style: str = "merge") -> None:
        """Press "merge" on the pull request of a branch; "update branch" on that of `into`, where main is merged."""
        if into != BRANCH:
            number = self.settled(into)
            self.narrator.act(who, f"updates the branch of pull request {number} on Gitea")
            self.call("POST", f"/pulls/{number}/update?style=merge", by=who)
            self.settled(into)
            return
        number = self.settled(branch)
        self.narrator.act(who, f"merges pull request {number} on Gitea{'' if style == 'merge' else f' ({style})'}")
        # Gitea finds out in the background that it can be merged
        self._patiently(
            "POST", f"/pulls/{number}/merge", {"Do": style, "delete_branch_after_merge": True}, by=who, until_not=405
        )
        del self.numbers[branch]

    def revert(self, commit: str, why: str) -> None:
        """Take a commit of main back, by a pull request."""
        self.take_back((commit,), why)

    def take_back(self, commits: Sequence[str], why: str) -> None:
        """Take commits of main back, the newest first, by one pull request of the maintainer."""
        self.on_branch("max", BRANCH)
        branch = f"revert/{commits[0][:10]}"
        self.git("max", "checkout", "--quiet", "-B", branch)
        for commit in commits:
            several = len(self.git("max", "rev-list", "--parents", "-1", commit).split()) > 2
            mainline = ("-m", "1") if several else ()
            self.narrator.command("max", f"git revert {' '.join((*mainline, commit[:10]))}")
            self.git("max", "revert", "--no-edit", *mainline, commit)
        self.narrator.say(f"  # {why}")
        self.push("max", branch)
        body = {"base": BRANCH, "head": branch, "title": f"Revert: {why}"}
        # Gitea learns of a pushed branch in the background
        number = int(self._patiently("POST", "/pulls", body, by="max", until_not=404)["number"])
        self.numbers[branch] = number
        self.narrator.act("max", f"opens pull request {number} on Gitea")
        self.merge(branch)

    def sync(self, *only: str) -> Answer:
        """See that the controller, woken by a webhook, comes to the head of main; what it printed.

        Before it is started, one sync as any CI runs it.
        """
        if not self.controller.running:
            return super().sync(*only)
        self.narrator.act(CONTROLLER, "was woken by a webhook of Gitea, and says")
        return self.read_on(*only, at=self.head(BRANCH))

    def wake(self, word: str, *only: str, at: str | None = None) -> Answer:
        """Wake the controller by a signal, since no webhook tells; what it printed until it says `word`."""
        self.narrator.command("max", f"kill -USR1 {self.controller.pid}")
        self.controller.wake()
        return self.read_on(*only, at=at, word=word)

    def read_on(self, *only: str, at: str | None = None, word: str = "") -> Answer:
        """What the controller printed until it came to a commit, and until it says `word`."""
        told = self.controller.read_on(at=at, word=word)
        # the same wait is told at every webhook, and one that is over by now is not worth telling
        said = [line for text in dict.fromkeys(sync.text for sync in told) for line in text.splitlines()]
        lines = [line for line in said if "nothing to do" not in line and _worth_telling(line, word)]
        text = self._short("\n".join(lines))
        self.narrator.output(text, only)
        return Answer(exit=0, out=text, err="")

    def service_environment(self) -> dict[str, str]:
        """What the controller runs under: Max's without his token, for it has one of its own."""
        return {name: text for name, text in self.people["max"].environment().items() if name != "GITEA_TOKEN"}

    # -- what can be seen

    def number(self, branch: str) -> int:
        """The open pull request of a branch."""
        if branch not in self.numbers:
            rows = self.call("GET", "/pulls?state=open&limit=50")
            self.numbers |= {row["head"]["ref"]: int(row["number"]) for row in rows}
        return self.numbers[branch]

    def settled(self, branch: str) -> int:
        """The open pull request of a branch, once Gitea has seen in the background what was pushed to it."""
        number = self.number(branch)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            ref = self.call("GET", f"/git/refs/pull/{number}/head")[0]["object"]["sha"]
            if ref == self.head(branch) == self.call("GET", f"/pulls/{number}")["head"]["sha"]:
                return number
            time.sleep(POLL_S)
        raise DifferentError(f"Gitea shows the head of pull request {number}", expected=self.head(branch), actual="not")

    def check_said(self, what: str, number: int, words: Sequence[str]) -> None:
        """Check that the controller's one comment on a pull request comes to hold all these words."""
        end = time.monotonic() + PATIENCE_S
        while True:
            rows = self.call("GET", f"/issues/{number}/comments")
            own = [row["body"] for row in rows if row["user"]["login"] == CONTROLLER]
            text = own[0] if len(own) == 1 else f"{len(own)} comments"
            if all(word in text for word in words) or time.monotonic() > end:
                self.narrator.check_holds(what, text=text, words=words)
                return
            time.sleep(POLL_S)

    def check_marked(self, what: str, commit: str, state: str) -> None:
        """Check that the controller's newest status of a commit comes to be this one."""
        end = time.monotonic() + PATIENCE_S
        while True:
            rows = self.call("GET", f"/commits/{commit}/statuses")
            own = [row for row in rows if row["context"] == CONTROLLER and row["creator"]["login"] == CONTROLLER]
            found = max(own, key=lambda row: int(row["id"]))["status"] if own else "none"
            if found == state or time.monotonic() > end:
                self.narrator.check(what, actual=found, expected=state)
                return
            time.sleep(POLL_S)

    def _patiently(self, method: str, path: str, body: Any, *, by: str, until_not: int) -> Any:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.call(method, path, body, by=by)
            except GiteaError as error:
                if error.status != until_not or time.monotonic() > end:
                    raise
                time.sleep(POLL_S)


def _worth_telling(line: str, word: str) -> bool:
    return not line.startswith("… waiting") or (bool(word) and word in line)
