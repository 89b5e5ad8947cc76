"""What the inside asks of the outside: one protocol per system, with the guarantees its adapters give.

Every port has a working in-memory fake in `tests/fakes` and one contract suite that runs on the fake and on
the real adapter alike.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Protocol

from stagewright.model.actual import ActualModel, ActualState, VersionFacts
from stagewright.model.conversation import Deployed, Finding, OpenPull, PullLink, StatusMark
from stagewright.model.plan import Action
from stagewright.model.review import Account, DecisionText
from stagewright.model.source import PullFacts, ReviewFacts, SourceCommit, SourceTree
from stagewright.model.sync import WriterEpoch
from stagewright.model.workload import Workload


class Clock(Protocol):
    """The only source of time. A sync reads it once and passes the value down."""

    def now(self) -> datetime:
        """The time now: aware, UTC."""
        ...


class Signer(Protocol):
    """Holds one Ed25519 private key, somewhere; never hands it out."""

    @property
    def public_key(self) -> bytes:
        """The raw public key, 32 bytes (RFC 8032)."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature over `message`, 64 bytes. UnreachableError when the key cannot be used now."""
        ...


class LedgerStore(Protocol):
    """Named byte strings with durable writes and one conditional replacement.

    Names are relative POSIX paths as in C2SP tlog-tiles (`tile/0/x001/234`); a store refuses any other with UsageError.
    """

    def read(self, name: str) -> bytes | None:
        """The bytes last written under `name`, or None. Reads what this process wrote before."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Make `data` durable under `name` before returning; a reader sees all or nothing. Repeating it is harmless."""
        ...

    def replace(self, name: str, data: bytes, *, expected: bytes | None) -> None:
        """Replace `name` atomically and durably, only if it still holds `expected` (None: it must not exist).

        LedgerConflictError when it holds anything else; then nothing was written. This is the commit point.
        """
        ...

    def names(self, prefix: str) -> Iterator[str]:
        """Every name that begins with `prefix`, sorted."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Hold the store against other writers for the length of a `with` block; LedgerConflictError if it is held."""
        ...


class Fence(Protocol):
    """Whose turn it is to write. Asked before every write, so that a process whose turn is over writes nothing.

    A turn begins when a lease is taken and is over for ever once it was lost, also if the same process takes it again.
    Safe to use from several threads.
    """

    def turn(self, past: Sequence[WriterEpoch]) -> WriterEpoch:
        """Our turn, on a ledger that was written in the turns `past`, oldest first.

        It is one of more transitions than any of others there, and is raised above them where it is not. LeaseLostError
        when it is not our turn. StalledError when somebody else has written in the ledger since it was.
        """
        ...

    def writing(self, turn: WriterEpoch, seconds: float) -> AbstractContextManager[None]:
        """A write that takes at most `seconds`, for the length of a `with` block: nobody is given our turn meanwhile.

        LeaseLostError, from entering it, unless `turn` is ours still and will be for longer than that.
        """
        ...


class Known(Protocol):
    """The last checkpoint of a ledger, kept where the ledger is not: so that one lost or put back is noticed."""

    @property
    def place(self) -> str:
        """Where it is kept, for people."""
        ...

    def read(self) -> bytes | None:
        """The checkpoint that was written last (a C2SP signed note); None when none ever was."""
        ...

    def write(self, checkpoint: bytes) -> None:
        """Keep `checkpoint` instead of the one before, durably and in one step."""
        ...


class Source(Protocol):
    """The git history of one branch, read only. Replace refs, grafts and shallow boundaries are never honoured."""

    def fetch(self) -> str:
        """Bring the mirror up to date and name the branch's head commit (40 hex digits).

        UnreachableError when the origin does not answer: the mirror keeps what it had. NotFoundError: no such branch.
        """
        ...

    def first_parents(self, after: str, head: str) -> tuple[str, ...]:
        """The commits of the first-parent chain after `after` up to and with `head`, oldest first.

        StalledError when `after` is not on that chain: history was rewritten, or a merge swapped its parents.
        """
        ...

    def tree(self, commit: str) -> SourceTree:
        """A commit's parents and every file that can matter: below the source's path, and CODEOWNERS at every location.

        NotFoundError when the commit cannot be read (any more).
        """
        ...

    def blob(self, blob: str) -> bytes:
        """The content of a blob by id. NotFoundError when it cannot be read (any more)."""
        ...

    def merge_bases(self, one: str, other: str) -> tuple[str, ...]:
        """Every best common ancestor, sorted. `one` is an ancestor of `other` when the answer is just `one`."""
        ...

    def commits(self, *, reachable_from: str, not_from: str) -> tuple[SourceCommit, ...]:
        """The commits reachable from the one and not from the other, oldest first. NotFoundError as for blobs."""
        ...


class Forge(Protocol):
    """Where people propose and review. Whatever it cannot say wholly and for certain is an IncompleteError."""

    def pull(self, commit: str, first_parent: str) -> PullFacts | None:
        """The merged pull request that brought `commit` onto the branch; None when there was none, for certain.

        `first_parent` is the first parent of `commit`: of a rebase merge's commits any may be asked about.
        """
        ...

    def reviews(self, pull: PullFacts) -> tuple[ReviewFacts, ...]:
        """Every review of that pull request as it stands now, complete, in no particular order."""
        ...

    def observations(self) -> tuple[ReviewFacts, ...]:
        """Every decision whose first sight only the controller can tell; none where the forge keeps its own times."""
        ...

    def members(self, team: str) -> tuple[str, ...]:
        """Account ids of the members of a team of the forge, child teams included. NotFoundError: no such team."""
        ...

    def accounts(self, logins: Sequence[str]) -> Mapping[str, str | None] | None:
        """The id of the account that has each of these logins (`dana`) now, None where there is no such account.

        None altogether: a forge of no accounts.
        """
        ...

    def writers(self) -> tuple[Account, ...] | None:
        """Everybody who may write to the repository: a code owner who may not is none. None: a forge of no accounts."""
        ...


class Conversation(Protocol):
    """Where the controller speaks to people: on the pull requests of a forge. Saying the same again changes nothing."""

    def open_pulls(self) -> tuple[OpenPull, ...]:
        """Every open pull request against the branch, by number. IncompleteError when the list is not whole."""
        ...

    def say(self, number: int, body: str) -> None:
        """Make `body` (Markdown) the one comment of the controller on a pull request, open or merged."""
        ...

    def mark(self, mark: StatusMark) -> None:
        """Mark a commit, under the one context that is the controller's."""
        ...

    def ask(self, number: int, people: tuple[str, ...], teams: tuple[str, ...]) -> None:
        """Request reviews of people whom nobody asked yet, by login (`dana`), and of teams (`@acme/model-risk`)."""
        ...

    def deployed(self, deployment: Deployed) -> None:
        """Show an applied promotion as a deployment, where the forge has such a page."""
        ...


class PullRequests(Protocol):
    """A person's own access to a forge: what `promote` and `approve` do in their name."""

    def whoami(self) -> Account:
        """Whose token it is. ForbiddenError when it is nobody's."""
        ...

    def open(self, branch: str, *, title: str, body: str) -> PullLink:
        """The open pull request of `branch`: the one there is already, or a new one."""
        ...

    def find(self, number: int) -> OpenPull:
        """A pull request by number, as if it were merged now. NotFoundError."""
        ...

    def decide(self, number: int, decision: DecisionText, *, commit: str) -> str:
        """Review a pull request at `commit`; the review's id."""
        ...

    def examine(self) -> tuple[Finding, ...]:
        """What a token and a repository's settings allow, for `doctor`: each finding with its remedy."""
        ...


class Workspace(Protocol):
    """A person's clone, in whose name proposals and decisions are signed and pushed. Never touches the work tree."""

    def identity(self) -> tuple[str, str]:
        """The person's name and e-mail address. UsageError when git has none."""
        ...

    def fetch(self) -> None:
        """Bring the remote's branches and decision tags here."""
        ...

    def resolve(self, revision: str) -> str:
        """The commit that a branch of the remote, a branch here, or a commit id names. NotFoundError: none."""
        ...

    def show(self, commit: str, path: str) -> bytes | None:
        """The content of a file at a commit; None when it has no such file."""
        ...

    def commit(self, *, branch: str, onto: str | None, files: Mapping[str, bytes | None], message: str) -> str:
        """Make a signed commit of `files` (None removes one) on `onto` and push it as `branch`; its id."""
        ...

    def sign_off(self, commit: str, decision: DecisionText, *, slug: str) -> str:
        """Sign a decision on a commit and push it; its id."""
        ...


class Registry(Protocol):
    """The MLflow model registry. A read is complete or an error; a write is one request, never retried inside."""

    def snapshot(self) -> ActualState:
        """The whole registry: every model, alias and version."""
        ...

    def model(self, name: str) -> ActualModel | None:
        """One registered model as it is now, read anew; None when there is none."""
        ...

    def version_facts(self, name: str, version: int) -> VersionFacts | None:
        """One version in depth, digests computed from the artifacts themselves; None when there is no such version."""
        ...

    def apply(self, action: Action) -> None:
        """Carry out one action. UnreachableError: it may or may not have happened, read back to know."""
        ...


class Telemetry(Protocol):
    """Who listens to how the work goes: it decides nothing, raises nothing, and returns at once."""

    def span(self, name: str) -> AbstractContextManager[object]:
        """A part of a sync, for the length of a `with` block: `fetch`, `walk`, `judge` or `apply`."""
        ...

    def registry_request(self, operation: str, outcome: str, seconds: float) -> None:
        """One request to MLflow: a `read`, `write` or `artifact`, `answered`, `refused` or `unreachable`."""
        ...

    def forge_budget(self, resource: str, *, limit: int, remaining: int, reset: datetime) -> None:
        """What a forge said is left of one of its rate limits."""
        ...


class Deaf:
    """A `Telemetry` that nobody listens to."""

    def span(self, name: str) -> AbstractContextManager[object]:  # noqa: ARG002 # the port's argument
        """See Telemetry."""
        return nullcontext()

    def registry_request(self, operation: str, outcome: str, seconds: float) -> None:
        """See Telemetry."""

    def forge_budget(self, resource: str, *, limit: int, remaining: int, reset: datetime) -> None:
        """See Telemetry."""


class Claims(Protocol):
    """What other configurations keep, in so far as this process knows them: no two keep the same thing."""

    def ledger(self, origin: str, since: datetime) -> str:
        """Say which ledger is kept, and since when; who else keeps it with a better right, empty where nobody does."""
        ...

    def models(self, since: Mapping[str, datetime | None]) -> Mapping[str, str]:
        """Say which registered models are kept, by their names in lower case, with when each was first written.

        Those among them that somebody else keeps with a better right, with who that is. IncompleteError while one of
        the others has not said yet what it keeps.
        """
        ...


class Unclaimed:
    """`Claims` where there are no others."""

    def ledger(self, origin: str, since: datetime) -> str:  # noqa: ARG002 # the port's arguments
        """See Claims."""
        return ""

    def models(self, since: Mapping[str, datetime | None]) -> Mapping[str, str]:  # noqa: ARG002 # as above
        """See Claims."""
        return {}


class Workloads(Protocol):
    """What runs in a cluster and is labelled with a model and a stage."""

    def observe(self, known: frozenset[str]) -> tuple[tuple[Workload, ...], frozenset[str]]:
        """Every labelled workload that is not being rolled out just now, and which uids of `known` are gone.

        UnreachableError where the picture is not whole.
        """
        ...

    def roll(self, workload: Workload, intent: int) -> None:
        """Restart its pods, one after the other as it says itself; for the same intent a second time: nothing."""
        ...
