"""A repository of the double and everything in it that is not git's."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.doubles.github.accounts import Account, App, Level, Team


@dataclass(slots=True, kw_only=True, eq=False)
class Activity:
    """One change of one ref, and whose it was: pushes, merges, branches made and deleted."""

    id: int
    kind: str
    ref: str
    before: str
    after: str
    actor: Account | None
    at: datetime


@dataclass(slots=True, kw_only=True, eq=False)
class Event:
    """One line of a pull request's timeline. `facts` are what its kind adds."""

    id: int
    kind: str
    actor: Account | None
    at: datetime
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Comment:
    """A comment on a pull request; `app` when an App wrote it."""

    id: int
    author: Account
    body: str
    created: datetime
    updated: datetime
    app: App | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Review:
    """A review; `commit` is the head that the reviewer saw."""

    id: int
    author: Account
    state: str
    body: str
    commit: str
    submitted: datetime | None


@dataclass(slots=True, kw_only=True, eq=False)
class Pull:
    """A pull request. `brought` are the commits of the base branch that its merge made, in order."""

    id: int
    number: int
    title: str
    body: str | None
    author: Account
    base_ref: str
    base_sha: str
    head_repo: "Repository | None"
    head_owner: Account
    head_ref: str
    head_sha: str
    created: datetime
    updated: datetime
    draft: bool = False
    state: str = "open"
    closed: datetime | None = None
    merged: datetime | None = None
    merged_by: Account | None = None
    merge_commit: str | None = None
    brought: tuple[str, ...] = ()
    commits: tuple[str, ...] | None = None
    reviews: list[Review] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    asked: list[Account] = field(default_factory=list)
    asked_teams: list[Team] = field(default_factory=list)
    queued_by: Account | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class CheckRun:
    """A check of an App on a commit."""

    id: int
    suite: int
    app: App
    name: str
    head: str
    status: str
    conclusion: str | None
    details_url: str | None
    external_id: str
    started: datetime | None
    completed: datetime | None
    output: dict[str, Any]


@dataclass(slots=True, kw_only=True, eq=False)
class Status:
    """A commit status; the newest of a context is the one that counts."""

    id: int
    commit: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account
    at: datetime


@dataclass(slots=True, kw_only=True, eq=False)
class DeploymentStatus:
    """What became of a deployment."""

    id: int
    state: str
    description: str
    environment: str
    log_url: str
    environment_url: str
    creator: Account
    app: App | None
    at: datetime


@dataclass(slots=True, kw_only=True, eq=False)
class Deployment:
    """A deployment, with its statuses in the order they came."""

    id: int
    sha: str
    ref: str
    task: str
    environment: str
    description: str | None
    payload: Any
    production: bool
    transient: bool
    creator: Account
    app: App | None
    at: datetime
    statuses: list[DeploymentStatus] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class Delivery:
    """One sending of a webhook, and the answer."""

    id: int
    guid: str
    event: str
    action: str | None
    headers: dict[str, str]
    body: bytes
    at: datetime
    redelivery: bool
    status_code: int
    status: str
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Hook:
    """A webhook of a repository."""

    id: int
    url: str
    secret: str
    events: tuple[str, ...]
    active: bool
    created: datetime
    deliveries: list[Delivery] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class DeployKey:
    """A key that reads, or pushes in the name of whoever added it."""

    id: int
    title: str
    key: str
    read_only: bool
    added_by: Account
    at: datetime


@dataclass(slots=True, kw_only=True, eq=False)
class Repository:
    """A repository. `archived`, `gone` and `moved` (earlier owner/name pairs lead here) are how one goes away."""

    id: int
    owner: Account
    name: str
    private: bool
    created: datetime
    default_branch: str = "main"
    parent: "Repository | None" = None
    archived: bool = False
    gone: bool = False
    collaborators: dict[int, Level] = field(default_factory=dict)
    teams: dict[int, Level] = field(default_factory=dict)
    protection: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    methods: set[str] = field(default_factory=lambda: {"merge", "squash", "rebase"})
    queue_method: str | None = None
    queue: list[Pull] = field(default_factory=list)
    pulls: dict[int, Pull] = field(default_factory=dict)
    activity: list[Activity] = field(default_factory=list)
    checks: list[CheckRun] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    keys: list[DeployKey] = field(default_factory=list)
    pushed: datetime | None = None

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner.login}/{self.name}"

    def __hash__(self) -> int:
        return self.id
