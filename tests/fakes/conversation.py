"""A forge's pull requests in memory: what the controller says there, and what a person does with their own access.

talk = FakeConversation()
talk.opened(pull)
talk.comments[7], talk.marks[commit], talk.asked[7], talk.deployments["<promotion id>"]
talk.writes     # every change, in order: ["say 7", "mark 4f1c…", "ask 7 noor", "deployed …"]
"""

from dataclasses import dataclass, field

from stagewright.errors import IncompleteError, NotFoundError, StagewrightError, UnreachableError
from stagewright.model.conversation import Deployed, Finding, OpenPull, PullLink, StatusMark
from stagewright.model.review import Account, DecisionText


@dataclass
class FakeConversation:
    """`away` and `incomplete` make every answer that error; `broken` is raised for the pull requests it names.

    `strangers` cannot be asked for a review.
    """

    away: bool = False
    incomplete: bool = False
    broken: dict[int, StagewrightError] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    comments: dict[int, str] = field(default_factory=dict)
    marks: dict[str, StatusMark] = field(default_factory=dict)
    asked: dict[int, list[str]] = field(default_factory=dict)
    deployments: dict[str, Deployed] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    calls: int = 0
    _pulls: dict[int, OpenPull] = field(default_factory=dict)

    def opened(self, pull: OpenPull) -> None:
        """Open a pull request, or change one."""
        self._pulls[pull.number] = pull

    def closed(self, number: int) -> None:
        """Close or merge one."""
        del self._pulls[number]

    def open_pulls(self) -> tuple[OpenPull, ...]:
        """See the port."""
        self._answer()
        return tuple(pull for _, pull in sorted(self._pulls.items()))

    def say(self, number: int, body: str) -> None:
        """See the port."""
        self._answer(number)
        if self.comments.get(number) != body:
            self.comments[number] = body
            self.writes.append(f"say {number}")

    def mark(self, mark: StatusMark) -> None:
        """See the port."""
        self._answer()
        if self.marks.get(mark.commit) != mark:
            self.marks[mark.commit] = mark
            self.writes.append(f"mark {mark.commit[:12]}")

    def ask(self, number: int, people: tuple[str, ...], teams: tuple[str, ...]) -> None:
        """See the port."""
        self._answer(number)
        known = self.asked.setdefault(number, [])
        for who in (*people, *teams):
            if who not in known and who not in self.strangers:
                known.append(who)
                self.writes.append(f"ask {number} {who}")

    def deployed(self, deployment: Deployed) -> None:
        """See the port."""
        self._answer()
        if self.deployments.get(deployment.promotion) != deployment:
            self.deployments[deployment.promotion] = deployment
            self.writes.append(f"deployed {deployment.environment}")

    def _answer(self, number: int = 0) -> None:
        self.calls += 1
        if self.away:
            raise UnreachableError("the forge is away")
        if self.incomplete:
            raise IncompleteError("the forge left out a page")
        if number in self.broken:
            raise self.broken[number]


@dataclass
class FakePullRequests:
    """One person's access. What they open and decide is kept in `talk` and in `decisions`."""

    talk: FakeConversation
    who: Account
    findings: tuple[Finding, ...] = ()
    candidates: dict[str, OpenPull] = field(default_factory=dict)
    bodies: dict[int, tuple[str, str]] = field(default_factory=dict)
    decisions: list[tuple[int, DecisionText, str]] = field(default_factory=list)

    def whoami(self) -> Account:
        """See the port."""
        return self.who

    def open(self, branch: str, *, title: str, body: str) -> PullLink:
        """See the port. `candidates` says what a branch would be as a pull request."""
        pull = self.candidates[branch]
        there = any(one.number == pull.number for one in self.talk.open_pulls())
        if not there:
            self.talk.opened(pull)
            self.bodies[pull.number] = (title, body)
        return PullLink(number=pull.number, url=f"https://forge.example/pulls/{pull.number}", created=not there)

    def find(self, number: int) -> OpenPull:
        """See the port."""
        for pull in self.talk.open_pulls():
            if pull.number == number:
                return pull
        raise NotFoundError(f"there is no pull request {number}")

    def decide(self, number: int, decision: DecisionText, *, commit: str) -> str:
        """See the port."""
        self.find(number)
        self.decisions.append((number, decision, commit))
        return f"{self.who.login}-{len(self.decisions)}"

    def examine(self) -> tuple[Finding, ...]:
        """See the port."""
        return self.findings
