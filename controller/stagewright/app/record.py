"""What the controller writes down: model values as entries of the ledger."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

import rfc8785
from pydantic import JsonValue

from stagewright import __version__
from stagewright.core.judge import Evaluation
from stagewright.ledger import predicates as entry
from stagewright.ledger.chronicle import HISTORY
from stagewright.ledger.records import Header
from stagewright.ledger.statement import Statement, Subject, commit_subject, model_subject
from stagewright.model.codec import Json, value_to_json
from stagewright.model.desired import StageEntry, Value, Values
from stagewright.model.keys import GovernanceKey, Key, StageKey, key_order
from stagewright.model.plan import Action, PairPlan
from stagewright.model.review import Account, Actor, SigningKey
from stagewright.model.source import KnownRejection, ReviewFacts
from stagewright.model.verdict import RequirementResult, SignOff, Verdict

# Bytes of JSON: an entry has at most 65,535, and the envelope's base64 takes a third more.
MAX_ADOPTED = 24_576
# A value that is longer as JSON is kept as evidence, and the entry names it: an entry has at most 65,535 bytes.
MAX_VALUE = 4_096
# What the payload of one entry may come to: base64 and the envelope are added to it.
MAX_PAYLOAD = 47_000
# Of 64 hex digits each.
MAX_SUBJECTS = 400
MAX_TEXT = 2_000
MAX_TITLE = 200
# How many reviews are written down: all of them, or those that count and as many of the others as there is room for.
_REVIEWS = (1_000, 100, 30)
_ACCEPTANCE_LINES = 100
Bodies = dict[str, bytes]
OutcomeResult = Literal["applied", "none", "failed", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scribe:
    """Builds entries of one sync: each carries who writes, in whose turn, and when."""

    sync: str
    epoch: entry.Epoch
    now: datetime
    origin: str
    names: Mapping[Key, str]
    image: str | None = None

    @property
    def header(self) -> Header:
        """The fields that every entry begins with."""
        return Header(recorded_at=self.now, sync=self.sync, epoch=self.epoch, controller=__version__, image=self.image)

    def genesis(
        self, binding: Mapping[str, str], *, trust_root: str, authorized: Values, declared: Values, snapshot: str
    ) -> tuple[Statement, ...]:
        """The first entries: the configuration, and every key of the trust root with what was adopted for it.

        Where something else is declared there, that is said too: it was not authorized. What does not fit in one entry
        follows in others.
        """
        first, *more = _chunks(
            _adopted(key, authorized.get(key), declared.get(key))
            for key in sorted(authorized, key=key_order)
            if not isinstance(key, GovernanceKey)
        )
        predicate = entry.Genesis(
            **self.header.fields(),
            origin=self.origin,
            repository=binding["repository"],
            branch=binding["branch"],
            path=binding["path"],
            forge=binding["forge"],
            registry=binding["registry"],
            trust_root=trust_root,
            governance=recorded(authorized.get(GovernanceKey()))[0],
            adopted=first,
            snapshot_digest=snapshot,
        )
        predicates = (predicate, *(entry.Adoption(**self.header.fields(), adopted=chunk) for chunk in more))
        return tuple(Statement(subject=self.commit(trust_root), predicate=p) for p in predicates)

    def verdict(
        self, verdict: Verdict, incumbent: Value | None, supersedes: str | None, evidence: Mapping[str, str]
    ) -> Statement:
        """The entry of a verdict. `evidence` names the bodies that the policy read, by digest.

        However many reviews people heap up, it fits: those that cannot count are left out then, and that is said.
        """
        for most in _REVIEWS:
            made = self._verdict(verdict, incumbent, supersedes, evidence, most)
            if len(bytes(made)) <= MAX_PAYLOAD:
                return made
        return self._verdict(verdict, incumbent, supersedes, evidence, 0)

    def _verdict(
        self, verdict: Verdict, incumbent: Value | None, supersedes: str | None, evidence: Mapping[str, str], most: int
    ) -> Statement:
        p = verdict.promotion
        others = [s for s in verdict.sign_offs if not s.counted]
        left_out = frozenset(s.review for s in others[most:])
        untold = f" ({len(left_out)} further reviews, none of which counts, are left out)" if left_out else ""
        predicate = entry.Verdict(
            **self.header.fields(),
            promotion=p.id,
            key=str(p.key),
            from_=recorded(p.before)[0],
            to=recorded(p.after)[0],
            incumbent=recorded(incumbent)[0],
            base=p.first_parent,
            commit=p.commit,
            position=p.position,
            pull=None
            if p.pull is None
            else entry.Pull(
                id=p.pull.id, url=p.pull.url, head=p.pull.head.commit, title=clipped(p.pull.title, MAX_TITLE)
            ),
            proposer=_person(p.pull.author) if p.pull and p.pull.author else None,
            verdict=verdict.answer,
            restore=verdict.restore,
            requirements=_requirements(verdict.requirements),
            sign_offs=_sign_offs(s for s in verdict.sign_offs if s.review not in left_out),
            governance_at_step=f"sha256:{verdict.governance_at_step}",
            governance_now=f"sha256:{verdict.governance_now}",
            members={},
            evidence=tuple(entry.EvidenceRef(name=name, digest=digest) for name, digest in sorted(evidence.items())),
            supersedes=supersedes,
            reason=clipped(verdict.reason) + untold,
        )
        return Statement(subject=self._subject(p.key, p.after, p.commit), predicate=predicate)

    def rebind(
        self, before: Mapping[str, str], after: Mapping[str, str], *, who: entry.Person | None, reason: str, commit: str
    ) -> Statement:
        """The entry of a configuration that was moved on purpose."""
        predicate = entry.Rebind(
            **self.header.fields(),
            before=dict(before),
            after=dict(after),
            who=who,
            reason=clipped(reason),
            governance=None,
            requirements=(),
            sign_offs=(),
        )
        return Statement(subject=self.commit(commit), predicate=predicate)

    def acceptance(
        self, before: str, after: str, *, who: entry.Person | None, reason: str, governance: str, found: Evaluation
    ) -> Statement:
        """The entry of a history that was accepted: the walk goes on from `after`. Sign-offs that count come first."""
        lines = sorted(found.sign_offs, key=lambda line: not line.counted)[:_ACCEPTANCE_LINES]
        predicate = entry.Rebind(
            **self.header.fields(),
            before={HISTORY: before},
            after={HISTORY: after},
            who=who,
            reason=clipped(reason),
            governance=f"sha256:{governance}",
            requirements=_requirements(found.requirements),
            sign_offs=_sign_offs(lines),
        )
        return Statement(subject=self.commit(after), predicate=predicate)

    def superseded(self, promotion: str, by: str, commit: str) -> Statement:
        """The entry that closes an open promotion for ever."""
        predicate = entry.Superseded(**self.header.fields(), promotion=promotion, by=by)
        return Statement(subject=self.commit(commit), predicate=predicate)

    def revision(self, before: str, after: str, steps: int) -> Statement:
        """The entry that moves the walk on."""
        predicate = entry.Revision(**self.header.fields(), from_=before, to=after, steps=steps)
        return Statement(subject=self.commit(after), predicate=predicate)

    def observation(self, review: ReviewFacts, key: SigningKey, body: str) -> Statement:
        """The entry of a signed decision that was seen for the first time; `body` is the digest of the raw object."""
        predicate = entry.Observation(
            **self.header.fields(),
            review=review.id,
            kind="reject" if review.decision == "reject" else "approve",
            commit=review.commit,
            key=key.fingerprint,
            subjects=tuple(sorted(review.claims or ())),
            withdraws=review.withdraws,
            body=body,
        )
        return Statement(subject=self.commit(review.commit), predicate=predicate)

    def accounts(self, governance: str, bound: Mapping[str, str | None], revision: str) -> tuple[Statement, Bodies]:
        """The entry of what the logins of a governance mean, with the body to keep where it is long."""
        data, bodies = stated({login: bound[login] for login in sorted(bound)})
        predicate = entry.Accounts(**self.header.fields(), governance=governance, bound=data)
        return Statement(subject=self.commit(revision), predicate=predicate), bodies

    def rejections(self, found: KnownRejection) -> list[Statement]:
        """The entries of a rejection on a forge with accounts: one, or more where it is of very many subjects."""
        subjects = sorted(found.subjects)
        who = entry.Person(id=found.author.id, login=found.author.login)
        parts = [tuple(subjects[at : at + MAX_SUBJECTS]) for at in range(0, len(subjects), MAX_SUBJECTS)]
        return [
            Statement(
                subject=self.commit(found.commit),
                predicate=entry.Rejection(
                    **self.header.fields(),
                    review=found.review,
                    pull=found.pull,
                    commit=found.commit,
                    who=who,
                    subjects=part,
                    first_seen=found.first_seen,
                ),
            )
            for part in parts
        ]

    def withdrawal(self, review: ReviewFacts) -> Statement:
        """The entry of a signed approval that is gone from where it was seen."""
        predicate = entry.Withdrawal(**self.header.fields(), review=review.id)
        return Statement(subject=self.commit(review.commit), predicate=predicate)

    def intent(self, pair: PairPlan, cause: entry.Cause, actions: tuple[Action, ...], revision: str) -> Statement:
        """The entry that stands before any write."""
        predicate = entry.Intent(
            **self.header.fields(), cause=cause, key=str(pair.key), actions=tuple(record_action(a) for a in actions)
        )
        return Statement(subject=self._subject(pair.key, pair.wanted, revision), predicate=predicate)

    def outcome(
        self,
        subject: tuple[Subject, ...],
        *,
        intent: int,
        result: OutcomeResult,
        recovered: bool,
        after: tuple[str | None, ...],
        error: str | None,
    ) -> Statement:
        """The entry that closes an intent."""
        predicate = entry.Outcome(
            **self.header.fields(),
            intent=intent,
            result=result,
            recovered=recovered,
            after=after,
            error=error and clipped(error),
        )
        return Statement(subject=subject, predicate=predicate)

    def drift(self, pair: PairPlan, drift_id: str, first_seen: datetime, revision: str) -> Statement:
        """The entry of a difference that no promotion explains."""
        predicate = entry.Drift(
            **self.header.fields(),
            id=drift_id,
            model=pair.key.model,
            stage=pair.key.stage,
            expected=_json({a.target: a.after for a in pair.actions}),
            found=_json({a.target: a.before for a in pair.actions}),
            first_seen=first_seen,
            last_seen=self.now,
            decision="corrected" if pair.write else "reported",
        )
        return Statement(subject=self._subject(pair.key, pair.wanted, revision), predicate=predicate)

    def alarm(self, kind: str, subject: str, message: str, revision: str) -> Statement:
        """The entry of something that a person must look at."""
        predicate = entry.Alarm(**self.header.fields(), type=kind, message=clipped(message), subject=subject)
        return Statement(subject=self.commit(revision), predicate=predicate)

    def _subject(self, key: Key, value: Value | None, commit: str) -> tuple[Subject, ...]:
        if isinstance(key, StageKey) and isinstance(value, StageEntry):
            return (model_subject(self.names.get(key, key.model), value.version, value.digest),)
        return self.commit(commit)

    def commit(self, commit: str) -> tuple[Subject, ...]:
        """The subject of what is about no version: a commit of the desired state."""
        return (commit_subject(self.origin, commit),)


def recorded(value: Value | None) -> tuple[JsonValue, Bodies]:
    """A value as an entry names it, with the body to keep as evidence where it is too large to stand there."""
    data = value_to_json(value)
    return (_json(data), {}) if isinstance(value, StageEntry) else stated(data)


def stated(data: Json) -> tuple[JsonValue, Bodies]:
    """JSON as an entry states it, with the body to keep as evidence where it is too large to stand there."""
    body = rfc8785.dumps(data)
    if len(body) <= MAX_VALUE:
        return _json(data), {}
    digest = body_digest(body)
    return {"evidence": digest}, {digest: body}


def clipped(text: str, most: int = MAX_TEXT) -> str:
    """The text, or its beginning and the mark that it was cut, in at most `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def body_digest(body: bytes) -> str:
    """`sha256:…` under which the evidence store keeps a body."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def record_action(action: Action) -> entry.Action:
    """An action as the ledger names it."""
    match action.kind:
        case "alias":
            target, version = action.target, action.after
        case "stage":
            target, version = "stage", action.target
        case _:
            version, _, target = action.target.partition("/")
    return entry.Action(
        type=action.kind,
        model=action.model,
        target=target,
        version=int(version) if version else None,
        before=action.before,
        after=action.after,
    )


def recall_action(action: entry.Action) -> Action:
    """The action that `record_action` named so."""
    target = {"alias": action.target, "stage": str(action.version), "tag": f"{action.version}/{action.target}"}
    return Action(
        kind=action.type,
        model=action.model,
        target=target[action.type],
        before=action.before,
        after=action.after,
    )


def _requirements(results: Iterable[RequirementResult]) -> tuple[entry.Requirement, ...]:
    return tuple(
        entry.Requirement(
            rule=r.rule, name=r.name, state=r.state, detail=clipped(r.detail), facts=r.facts, until=r.until
        )
        for r in results
    )


def _sign_offs(lines: Iterable[SignOff]) -> tuple[entry.SignOff, ...]:
    return tuple(
        entry.SignOff(
            review=s.review,
            person=s.person,
            login=s.person or "",
            role=s.role,
            meaning=s.decision,
            commit=s.commit,
            first_seen=s.first_seen,
            counted=s.counted,
            reason=s.reason,
        )
        for s in lines
    )


def _person(actor: Actor) -> entry.Person:
    match actor:
        case Account(id=account, login=login):
            return entry.Person(id=account, login=login)
        case SigningKey(fingerprint=fingerprint):
            return entry.Person(id=fingerprint, login="")


def _adopted(key: Key, value: Value | None, declared: Value | None) -> entry.Adopted:
    same = value == declared
    return entry.Adopted(
        key=str(key),
        value=_json(value_to_json(value)),
        state="adopted" if same else "unauthorized",
        declared=None if same else _json(value_to_json(declared)),
    )


def _chunks(adopted: Iterable[entry.Adopted]) -> list[tuple[entry.Adopted, ...]]:
    """At least one chunk, none above what fits in an entry beside its other fields."""
    chunks: list[list[entry.Adopted]] = [[]]
    size = 0
    for one in adopted:
        length = len(one.model_dump_json())
        if chunks[-1] and size + length > MAX_ADOPTED:
            chunks.append([])
            size = 0
        chunks[-1].append(one)
        size += length
    return [tuple(chunk) for chunk in chunks]


def _json(data: Json) -> JsonValue:
    return cast("JsonValue", data)  # Json says Sequence and Mapping where pydantic says list and dict
