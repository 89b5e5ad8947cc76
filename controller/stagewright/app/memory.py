"""What the controller remembers: the ledger read back into the fold's state and everything that goes with it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import JsonValue

from stagewright.core.fold import GENESIS
from stagewright.core.identity import canonical_digest
from stagewright.core.requirements import registered_name
from stagewright.errors import LedgerDamagedError
from stagewright.ledger import predicates as entry
from stagewright.ledger.chronicle import HISTORY
from stagewright.ledger.log import Ledger
from stagewright.model.codec import value_from_json, value_to_json
from stagewright.model.desired import NOBODY, GovernanceValue, Nobody, StageEntry, Value
from stagewright.model.keys import GovernanceKey, Key, StageKey, parse_key
from stagewright.model.review import Account, SigningKey
from stagewright.model.source import KnownRejection, ReviewFacts
from stagewright.model.state import Held
from stagewright.model.workload import Move, Sighting, Workload

News = entry.Verdict | entry.Outcome | entry.Drift | entry.Alarm
"""The entries that people want to hear of."""
Bodies = Callable[[str], bytes | None]
"""The evidence store: a body by its digest, None when it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPromotion:
    """A pending promotion as the ledger keeps it; the rest of it is read from git again."""

    id: str
    key: Key
    before: Value | None
    after: Value | None
    first_parent: str
    commit: str
    position: int
    governance: GovernanceValue


@dataclass(slots=True, kw_only=True)
class Memory:
    """The ledger's contents by what they are asked for. Grows by `take`, entry by entry; never shrinks."""

    genesis: entry.Genesis
    binding: Mapping[str, str]
    revision: str
    latest: datetime
    bodies: Bodies
    position: int = 0
    # the entry that the binding stands in
    bound_since: int = 0
    authorized: dict[Key, Value] = field(default_factory=dict)
    authorized_by: dict[Key, str] = field(default_factory=dict)
    open: dict[Key, OpenPromotion] = field(default_factory=dict)
    held: dict[StageKey, Held] = field(default_factory=dict)
    ever_held: set[tuple[str, str, str]] = field(default_factory=set)
    governances: dict[str, GovernanceValue] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)
    reviews: dict[str, ReviewFacts] = field(default_factory=dict)
    rejections: dict[str, KnownRejection] = field(default_factory=dict)
    # by governance digest, the logins that it names with the ids that they mean; and whose logins were looked up last
    accounts: dict[str, Mapping[str, str | None]] = field(default_factory=dict)
    bound: str = ""
    withdrawn: set[str] = field(default_factory=set)
    verdicts: dict[str, tuple[int, entry.Verdict]] = field(default_factory=dict)
    last_verdict: dict[Key, str] = field(default_factory=dict)
    superseded: dict[str, str] = field(default_factory=dict)
    superseded_at: dict[str, int] = field(default_factory=dict)
    intents: dict[int, entry.Intent] = field(default_factory=dict)
    outcomes: dict[int, tuple[int, entry.Outcome]] = field(default_factory=dict)
    drifts: dict[StageKey, entry.Drift] = field(default_factory=dict)
    alarms: dict[str, entry.Alarm] = field(default_factory=dict)
    # by name in MLflow, in lower case: when this ledger first adopted or wrote something there
    first_written: dict[str, datetime] = field(default_factory=dict)
    # by uid, the workloads that were seen and not seen to end; and the last change of what each stage shows
    sightings: dict[str, Sighting] = field(default_factory=dict)
    moves: dict[StageKey, Move] = field(default_factory=dict)
    unauthorized: dict[Key, Value | None] = field(default_factory=dict)
    # by key and cause: how often in a row it was tried and not applied, and when last
    failures: dict[tuple[str, str], tuple[int, datetime]] = field(default_factory=dict)
    # by promotion: since when it waits, also where it was judged several times since
    pending_since: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    news: list[tuple[int, News]] = field(default_factory=list)
    # the turns that wrote, oldest first
    epochs: list[entry.Epoch] = field(default_factory=list)
    _wanted: dict[int, Value] = field(default_factory=dict)

    @property
    def open_intents(self) -> tuple[tuple[int, entry.Intent], ...]:
        """The intents that have no outcome yet, in order."""
        return tuple((index, intent) for index, intent in self.intents.items() if index not in self.outcomes)

    def take(self, index: int, predicate: entry.Predicate) -> None:
        """Remember one entry."""
        self.latest = max(self.latest, predicate.recorded_at)
        if self.epochs[-1] != predicate.epoch and predicate.epoch not in self.epochs:
            self.epochs.append(predicate.epoch)
        if isinstance(predicate, News):
            self.news.append((index, predicate))
        match predicate:
            case entry.Verdict():
                self._verdict(index, predicate)
            case entry.Adoption(adopted=adopted, recorded_at=at):
                self.adopt(adopted, at)
            case entry.Rebind():
                self._rebind(index, predicate)
            case entry.Superseded(promotion=promotion, by=by):
                self.superseded[promotion], self.superseded_at[promotion] = by, index
                self.open = {key: p for key, p in self.open.items() if p.id != promotion}
            case entry.Revision(to=to, steps=steps):
                self.revision = to
                self.position += steps
            case entry.Observation():
                self._observation(predicate)
            case entry.Accounts(governance=governance, bound=bound):
                self._bind(governance, self._logins(bound))
            case entry.Rejection():
                self._rejection(predicate)
            case entry.Withdrawal(review=review):
                self.withdrawn.add(review)
            case entry.Intent():
                self.intents[index] = predicate
                self._wanted[index] = self.authorized.get(parse_key(predicate.key), NOBODY)
            case entry.Outcome():
                self._outcome(index, predicate)
            case entry.Drift():
                self._drift(predicate)
            case entry.Deployment():
                self._deployment(predicate)
            case entry.Alarm(subject=subject):
                self.alarms[subject] = predicate
            case _:
                pass  # the other kinds tell people something, and change nothing that is decided

    def adopt(self, found: tuple[entry.Adopted, ...], at: datetime) -> None:
        """Remember what the genesis took over."""
        for adopted in found:
            key = parse_key(adopted.key)
            value = value_from_json(key, adopted.value)
            self._authorize(key, value, GENESIS)
            if isinstance(key, StageKey) and isinstance(value, StageEntry | Nobody):
                self.hold(key, value, since=at, cause=GENESIS)
            if adopted.state == "unauthorized":
                self.unauthorized[key] = value_from_json(key, adopted.declared)
        for key in self.held:
            self.first_written.setdefault(registered_name(self.authorized, key.model).casefold(), at)

    def value(self, key: Key, data: JsonValue) -> Value | None:
        """A value as an entry gives it, read from the evidence where it is kept there.

        LedgerDamagedError when the evidence is gone: what is authorized cannot be known then.
        """
        return value_from_json(key, self._whole(data, f"a value of {key}"))

    def _bind(self, governance: str, bound: Mapping[str, str | None]) -> None:
        before = self.accounts.get(self.bound, {})
        self.accounts[governance], self.bound = bound, governance
        # whoever has a login that is named no more, or that means another account by now, is no cause for alarm
        for login in [login for login, own in before.items() if bound.get(login, "") != own]:
            self.alarms.pop(f"login {login}", None)

    def _logins(self, bound: JsonValue) -> dict[str, str | None]:
        found = self._whole(bound, "the accounts of a governance")
        told = found.items() if isinstance(found, dict) else ()
        return {login: own for login, own in told if own is None or isinstance(own, str)}

    def _whole(self, data: JsonValue, what: str) -> JsonValue:
        digest = entry.in_evidence(data)
        if digest is None:
            return data
        body = self.bodies(digest)
        if body is None:
            raise LedgerDamagedError(f"the evidence {digest}, {what}, is missing", hint="restore it")
        whole: JsonValue = json.loads(body)
        return whole

    def _rebind(self, index: int, rebind: entry.Rebind) -> None:
        if HISTORY not in rebind.before:
            if _host(rebind.after["forge"]) != _host(rebind.before["forge"]):
                # another forge numbers its accounts otherwise: whom the logins mean is asked there
                self.accounts, self.bound = {}, ""
            self.binding, self.bound_since = {**self.binding, **rebind.after}, index
            self.alarms.pop("configuration", None)
            return
        self.alarms.pop("history", None)
        # what was approved in the history that was left is not on this one's branch, and must not serve again
        still_open = {waiting.id for waiting in self.open.values()}
        listed = {
            promotion: {s.review for s in verdict.sign_offs if s.meaning == "approve"}
            for promotion, (_, verdict) in self.verdicts.items()
        }
        spent = set().union(*(reviews for promotion, reviews in listed.items() if promotion not in still_open))
        self.withdrawn |= spent.difference(*(listed[promotion] for promotion in still_open))

    def _verdict(self, index: int, verdict: entry.Verdict) -> None:
        key = parse_key(verdict.key)
        after = self.value(key, verdict.to)
        self.verdicts[verdict.promotion] = (index, verdict)
        self.last_verdict[key] = verdict.promotion
        self.open = {k: p for k, p in self.open.items() if p.id != verdict.promotion}
        if verdict.verdict == "pending":
            self.pending_since.setdefault(verdict.promotion, (index, verdict.recorded_at))
            self.open[key] = OpenPromotion(
                id=verdict.promotion,
                key=key,
                before=self.value(key, verdict.from_),
                after=after,
                first_parent=verdict.base,
                commit=verdict.commit,
                position=verdict.position,
                governance=self._governance(verdict.governance_at_step),
            )
        elif verdict.verdict == "approved" and not verdict.restore:
            self._authorize(key, after, verdict.promotion)
        if verdict.verdict == "approved":
            self.unauthorized.pop(key, None)

    def _authorize(self, key: Key, after: Value | None, promotion: str) -> None:
        if after is None:
            self.authorized.pop(key, None)
            self.authorized_by.pop(key, None)
            self.held = {k: h for k, h in self.held.items() if k != key}
            return
        self.authorized[key] = after
        self.authorized_by[key] = promotion
        if isinstance(after, GovernanceValue):
            self.governances[governance_digest(after)] = after

    def _governance(self, digest: str) -> GovernanceValue:
        if digest not in self.governances:
            raise LedgerDamagedError(f"a verdict names a governance that was never authorized: {digest}")
        return self.governances[digest]

    def _observation(self, seen: entry.Observation) -> None:
        self.seen[seen.review] = seen.recorded_at
        self.reviews[seen.review] = ReviewFacts(
            id=seen.review,
            author=SigningKey(fingerprint=seen.key),
            decision=seen.kind,
            commit=seen.commit,
            first_seen=None,
            claims=frozenset(seen.subjects),
            withdraws=seen.withdraws,
            standing=seen.kind == "reject",
        )

    def _rejection(self, seen: entry.Rejection) -> None:
        before = self.rejections.get(seen.review)
        self.rejections[seen.review] = KnownRejection(
            review=seen.review,
            pull=seen.pull,
            author=Account(id=seen.who.id, login=seen.who.login),
            commit=seen.commit,
            subjects=frozenset(seen.subjects) | (before.subjects if before else frozenset()),
            first_seen=seen.first_seen,
        )

    def _outcome(self, index: int, outcome: entry.Outcome) -> None:
        self.outcomes[outcome.intent] = (index, outcome)
        intent = self.intents[outcome.intent]
        key, wanted = parse_key(intent.key), self._wanted[outcome.intent]
        attempt = intent.key, intent.cause.id
        if outcome.result == "applied":
            self.failures.pop(attempt, None)
        else:
            self.failures[attempt] = self.failures.get(attempt, (0, outcome.recorded_at))[0] + 1, outcome.recorded_at
        if outcome.result != "applied" or not isinstance(key, StageKey):
            return
        for action in intent.actions:
            self.first_written.setdefault(action.model.casefold(), outcome.recorded_at)
        if isinstance(wanted, StageEntry | Nobody):
            self.hold(key, wanted, since=outcome.recorded_at, cause=intent.cause.id)
        if any(action.type != "tag" for action in intent.actions):
            self.moves[key] = Move(intent=outcome.intent, at=outcome.recorded_at)

    def _deployment(self, seen: entry.Deployment) -> None:
        if seen.to is not None:
            self.sightings.pop(seen.workload.uid, None)
            return
        workload = Workload(
            kind=seen.workload.kind,
            namespace=seen.workload.namespace,
            name=seen.workload.name,
            uid=seen.workload.uid,
            model=seen.model,
            stage=seen.stage,
            images=seen.images,
            version=seen.version,
            rolled_for=seen.rolled_for,
            created_at=seen.from_,
        )
        self.sightings[workload.uid] = Sighting(workload=workload, since=seen.from_)

    def hold(self, key: StageKey, value: StageEntry | Nobody, *, since: datetime, cause: str) -> None:
        """Remember that `key` holds `value` from `since` on."""
        self.held[key] = Held(value=value, since=since, cause=cause)
        self.drifts.pop(key, None)
        if isinstance(value, StageEntry):
            self.ever_held.add((key.model, key.stage, value.digest))

    def _drift(self, drift: entry.Drift) -> None:
        key = StageKey(drift.model, drift.stage)
        self.drifts[key] = drift
        if key in self.held:
            self.held[key] = replace(self.held[key], since=drift.recorded_at)


def _host(forge: str) -> str:
    """`github https://github.com` of `github https://github.com/acme/models`."""
    return forge.rsplit("/", 2)[0]


def governance_digest(value: GovernanceValue) -> str:
    """`sha256:…` of a governance, as verdicts name it."""
    return f"sha256:{canonical_digest(value_to_json(value))}"


def remember(ledger: Ledger) -> Memory:
    """Read a ledger back, from its genesis on."""
    memory: Memory | None = None
    for found in ledger.entries():
        predicate = found.statement.predicate
        if isinstance(predicate, entry.Genesis):
            memory = _begin(predicate, ledger.evidence)
        elif memory is None:
            raise LedgerDamagedError("the ledger does not begin with a genesis")
        else:
            memory.take(found.index, predicate)
    if memory is None:
        raise LedgerDamagedError("the ledger holds no entry")
    return memory


def _begin(genesis: entry.Genesis, bodies: Bodies) -> Memory:
    binding = {
        "repository": genesis.repository,
        "branch": genesis.branch,
        "path": genesis.path,
        "forge": genesis.forge,
        "registry": genesis.registry,
        "origin": genesis.origin,
    }
    memory = Memory(
        genesis=genesis, binding=binding, revision=genesis.trust_root, latest=genesis.recorded_at, bodies=bodies
    )
    governance = memory.value(GovernanceKey(), genesis.governance)
    memory.epochs.append(genesis.epoch)
    memory._authorize(GovernanceKey(), governance, GENESIS)  # noqa: SLF001 # its own constructor, as a function
    memory.adopt(genesis.adopted, genesis.recorded_at)
    return memory
