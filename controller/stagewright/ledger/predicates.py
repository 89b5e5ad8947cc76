"""What each kind of entry says: the predicate of its in-toto Statement, as frozen values.

In Python the fields are snake_case, in JSON camelCase (`recorded_at` is `recordedAt`, `from_` is `from`). Nothing is
coerced and no unknown field is accepted; a time has one spelling (`2026-11-24T09:00:00.000000Z`); null means absent.
Read, written and hashed with `ledger.statement`; the JSON Schemas come from `ledger.schemas`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from stagewright.ledger.observing import Coverage, Deployment, Gap, Workload
from stagewright.ledger.records import Commit, Count, Digest, Epoch, Header, Id, Predicate, Record, Text, Time

__all__ = [
    "KINDS",
    "Accounts",
    "Action",
    "Adopted",
    "Alarm",
    "Cause",
    "Coverage",
    "Deployment",
    "Drift",
    "Epoch",
    "EvidenceRef",
    "Export",
    "Gap",
    "Genesis",
    "Header",
    "Hold",
    "Intent",
    "Key",
    "Observation",
    "Outcome",
    "Person",
    "Predicate",
    "Pull",
    "Rebind",
    "Rejection",
    "Requirement",
    "Revision",
    "SignOff",
    "Superseded",
    "Verdict",
    "Workload",
    "in_evidence",
]


def in_evidence(value: JsonValue) -> str | None:
    """The digest where a value is kept as evidence, `{"evidence": "sha256:…"}`; None where it stands in the entry."""
    digest = value.get("evidence") if isinstance(value, dict) and len(value) == 1 else None
    return digest if isinstance(digest, str) else None


def _kept(*values: JsonValue) -> tuple[str, ...]:
    return tuple(sorted({digest for digest in map(in_evidence, values) if digest is not None}))


class Person(Record):
    """Somebody, by the forge's immutable id; the login is for reading. No printed name and no e-mail address."""

    id: Text
    login: str


class Adopted(Record):
    """One key as the ledger found it; `declared` is what git asked for, where that is something else."""

    key: Text
    value: JsonValue
    state: Literal["adopted", "unauthorized"]
    declared: JsonValue


class Genesis(Predicate):
    """The ledger begins. What the registry held then is adopted, not approved. Always entry 0, and only that."""

    KIND = "genesis"
    origin: Text
    repository: Text
    branch: Text
    path: str
    forge: Text
    registry: Text
    trust_root: Commit
    governance: JsonValue
    adopted: tuple[Adopted, ...]
    snapshot_digest: Digest

    @property
    def bodies(self) -> tuple[str, ...]:
        """The snapshot of the registry, and the governance where it is too large to stand here."""
        return (self.snapshot_digest, *_kept(self.governance))


class Adoption(Predicate):
    """The rest of what the genesis adopted, where that does not fit in one entry; only right after the first keys."""

    KIND = "adoption"
    adopted: Annotated[tuple[Adopted, ...], Field(min_length=1)]


class Revision(Predicate):
    """The walk reached `to`; appended in one batch with the verdicts of its steps."""

    KIND = "revision"
    from_: Commit
    to: Commit
    steps: Count


class Pull(Record):
    """The pull request that brought a promotion, as the forge showed it."""

    id: Text
    url: str | None
    head: Commit
    title: str


class Requirement(Record):
    """One thing a rule asks for, and what was found. `until` is set where time alone will satisfy it."""

    rule: str
    name: Text
    state: Literal["satisfied", "missing", "violated"]
    detail: str
    facts: tuple[str, ...]
    until: Time | None


class SignOff(Record):
    """One review as judged, whether it counted, and why. `person` is null where its author could not be told."""

    review: Text
    person: Text | None
    login: str
    role: str | None
    meaning: Literal["approve", "reject", "comment", "dismissed"]
    commit: Commit
    first_seen: Time
    counted: bool
    reason: str


class Rebind(Predicate):
    """What the ledger is bound to was moved on purpose: its configuration, or the history that it follows.

    Of a configuration `before` and `after` are whole: `{"branch": …, "forge": …, "path": …, "registry": …,
    "repository": …}`; whoever may write the ledger answers for it, and `governance` is null. Of a history that was
    accepted they are `{"history": commit}`, and the requirements are those of the governance named.
    """

    KIND = "rebind"
    before: dict[str, str]
    after: dict[str, str]
    who: Person | None
    reason: Text
    governance: Digest | None
    requirements: tuple[Requirement, ...]
    sign_offs: tuple[SignOff, ...]


class EvidenceRef(Record):
    """A named body in the evidence store."""

    name: Text
    digest: Digest


class Verdict(Predicate):
    """A promotion was judged. `position` is that of its step in first-parent history; null values are absent keys."""

    KIND = "verdict"
    promotion: Id
    key: Text
    from_: JsonValue
    to: JsonValue
    incumbent: JsonValue
    base: Commit
    commit: Commit
    position: Count
    pull: Pull | None
    proposer: Person | None
    verdict: Literal["approved", "pending", "refused"]
    restore: bool
    requirements: tuple[Requirement, ...]
    sign_offs: tuple[SignOff, ...]
    governance_at_step: Digest
    governance_now: Digest
    members: dict[str, tuple[Person, ...]]
    evidence: tuple[EvidenceRef, ...]
    supersedes: Id | None
    reason: str

    @property
    def bodies(self) -> tuple[str, ...]:
        """What the policy read, and the values that are too large to stand here."""
        return (*(ref.digest for ref in self.evidence), *_kept(self.from_, self.to, self.incumbent))


class Superseded(Predicate):
    """An open promotion was closed for ever: a later one changed the same key."""

    KIND = "superseded"
    promotion: Id
    by: Id


class Observation(Predicate):
    """The controller saw this signed decision for the first time; `body` is the raw signed object.

    `key` is the fingerprint of the key that signed it, as `ssh-keygen -l` prints it.
    """

    KIND = "observation"
    review: Text
    kind: Literal["approve", "reject"]
    commit: Commit
    key: Text
    subjects: tuple[Text, ...]
    withdraws: tuple[Text, ...]
    body: Digest

    @property
    def bodies(self) -> tuple[str, ...]:
        """The raw signed object."""
        return (self.body,)


class Accounts(Predicate):
    """The accounts that the logins of a governance mean from now on, by id: `{"@noor": "1003", "@mo": null}`.

    Null is a login that nobody had then, and that means nobody.
    """

    KIND = "accounts"
    governance: Digest
    bound: JsonValue

    @property
    def bodies(self) -> tuple[str, ...]:
        """The map, where it is too large to stand here."""
        return _kept(self.bound)


class Rejection(Predicate):
    """A review of `pull` on a forge with accounts rejected these subjects: so in any other pull request, too.

    It stands until its author says otherwise, there or where it is judged. A second entry adds subjects to the first.
    """

    KIND = "rejection"
    review: Text
    pull: Text
    commit: Commit
    who: Person
    subjects: Annotated[tuple[Text, ...], Field(min_length=1)]
    first_seen: Time


class Withdrawal(Predicate):
    """A signed approval that was seen once is gone from where people sign: it never counts again."""

    KIND = "withdrawal"
    review: Text


class Cause(Record):
    """What an intent carries out."""

    kind: Literal["promotion", "drift"]
    id: Id


class Action(Record):
    """One write to the registry. `target` is the alias, the stage or the tag's key; null before or after is absent."""

    type: Literal["alias", "stage", "tag"]
    model: Text
    target: Text
    version: Annotated[int, Field(ge=1)] | None
    before: str | None
    after: str | None


class Intent(Predicate):
    """The registry is about to be changed; durable before the first write."""

    KIND = "intent"
    cause: Cause
    key: Text
    actions: tuple[Action, ...]


class Outcome(Predicate):
    """What became of an intent; `after` is what each action's target was read back as, in order."""

    KIND = "outcome"
    intent: Count
    result: Literal["applied", "none", "failed", "unknown"]
    recovered: bool
    after: tuple[str | None, ...]
    error: str | None


class Hold(Predicate):
    """A person stopped the correction of one pair for a time."""

    KIND = "hold"
    key: Text
    until: Time
    reason: Text
    who: Person
    ratified_by: Person | None


class Drift(Predicate):
    """The registry differs, and no promotion in flight explains it."""

    KIND = "drift"
    id: Id
    model: Text
    stage: Text
    expected: JsonValue
    found: JsonValue
    first_seen: Time
    last_seen: Time
    decision: Literal["corrected", "reported"]


class Alarm(Predicate):
    """Something a person must look at."""

    KIND = "alarm"
    type: Text
    message: Text
    subject: str


class Key(Predicate):
    """A signing key begins: of entries from the next index on, or of checkpoints.

    `new_key` is the raw Ed25519 public key, base64; `old_key_id` is null for the first of its role. The entry is
    signed by the old key.
    """

    KIND = "key"
    old_key_id: Text | None
    new_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
    role: Literal["entry", "log"]
    reason: Text


class Export(Predicate):
    """Someone took an evidence pack."""

    KIND = "export"
    selection: JsonValue
    digest: Digest
    who: Person


KINDS: Mapping[str, type[Predicate]] = {
    kind.KIND: kind
    for kind in (
        Genesis,
        Adoption,
        Rebind,
        Revision,
        Verdict,
        Superseded,
        Observation,
        Accounts,
        Rejection,
        Withdrawal,
        Intent,
        Outcome,
        Hold,
        Drift,
        Alarm,
        Key,
        Deployment,
        Coverage,
        Export,
    )
}
"""Every kind of entry by its name."""
