"""The rules that entries must keep among each other: one state machine, for the writer and for the verifier alike.

So whatever the ledger admits verifies, and what an insider writes around it does not. Each breach belongs to a step of
`ledger.verification`: 7 keys, 9 order, 10 intents and outcomes, 11 nothing applied that was not approved.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from stagewright.ledger.dsse import canonical_json
from stagewright.ledger.keys import decode_base64, key_id
from stagewright.ledger.predicates import (
    Adoption,
    Drift,
    Epoch,
    Genesis,
    Intent,
    Key,
    Outcome,
    Rebind,
    Revision,
    SignOff,
    Superseded,
    Verdict,
    in_evidence,
)
from stagewright.ledger.statement import Statement

KEYS, ORDER, INTENTS, APPROVALS = 7, 9, 10, 11
BINDING = ("branch", "forge", "path", "registry", "repository")
"""What a ledger is bound to, and a `rebind` moves."""
HISTORY = "history"
_GOVERNANCE, _ARCHIVED = "@governance", "Archived"
_LOG_KEY_AT, _ENTRY_KEY_AT = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A rule that an entry breaks."""

    step: int
    reason: str


class Chronicle:
    """What the entries admitted so far say together. `entry_keys` maps the id of every key named to its raw bytes."""

    def __init__(self, origin: str, log_key: bytes) -> None:
        self.size = 0
        self.entry_keys: dict[str, bytes] = {}
        self._origin = origin
        self._log_key = log_key
        self._signer = ""
        self._beginning = True
        self._latest: datetime | None = None
        self._turns: list[Epoch] = []
        self._intents: dict[int, tuple[Intent, list[str]]] = {}
        self._closed_intents: set[int] = set()
        self._approved: dict[str, Verdict] = {}
        self._ended: dict[str, str] = {}
        self._authorized: dict[str, JsonValue] = {}
        self._corrected: dict[str, str] = {}
        self._binding: dict[str, str] = {}
        self._revision = ""

    def unfinished(self) -> list[tuple[int, Breach]]:
        """What is missing if the log ends here, with the index of the entry that wants it."""
        missing = [
            (index, Breach(step=INTENTS, reason="an intent without an outcome; the next sync closes it"))
            for index in self._intents
            if index not in self._closed_intents
        ]
        if self.size <= _ENTRY_KEY_AT:
            missing.append((self.size, Breach(step=KEYS, reason="the log ends before it has named its keys")))
        return missing

    def admit(self, statement: Statement, signer: str) -> list[Breach]:
        """Take in the next entry, signed by the key with id `signer`; say which rules it breaks. It counts anyway."""
        found = [*self._order(statement), *self._keys(statement, signer), *self._content(statement)]
        self.size += 1
        return found

    def _order(self, statement: Statement) -> list[Breach]:
        found = []
        predicate = statement.predicate
        if isinstance(predicate, Genesis) != (self.size == 0):
            found.append(Breach(step=ORDER, reason="a log begins with its genesis, and has only one"))
        if isinstance(predicate, Genesis) and predicate.origin != self._origin:
            found.append(Breach(step=ORDER, reason=f"the genesis is of {predicate.origin!r}, not {self._origin!r}"))
        if self._latest and predicate.recorded_at < self._latest:
            found.append(Breach(step=ORDER, reason="its time lies before that of the entry before it"))
        found += self._turn(predicate.epoch)
        self._beginning = self._beginning and isinstance(predicate, Genesis | Key | Adoption)
        if isinstance(predicate, Adoption) and not self._beginning:
            found.append(Breach(step=ORDER, reason="an adoption belongs to the beginning of a log, and nowhere else"))
        self._latest = max(self._latest or predicate.recorded_at, predicate.recorded_at)
        return found

    def _turn(self, epoch: Epoch) -> list[Breach]:
        """An epoch never runs back, whichever lease it is of: a turn that is over stays over."""
        if not self._turns:
            self._turns.append(epoch)
        last = self._turns[-1]
        if epoch == last:
            return []
        if epoch.transitions < last.transitions:
            over = f"its epoch {epoch.transitions} of lease {epoch.lease!r} is over"
            reason = f"{over}: {last.transitions} of lease {last.lease!r} has written already"
            return [Breach(step=ORDER, reason=reason)]
        same = [turn for turn in self._turns if (turn.lease, turn.transitions) == (epoch.lease, epoch.transitions)]
        self._turns += [epoch] if epoch not in same else []
        if {turn.holder for turn in same} - {epoch.holder}:
            reason = f"its epoch {epoch.transitions} of lease {epoch.lease!r} is that of another holder"
            return [Breach(step=ORDER, reason=reason)]
        return []

    def _keys(self, statement: Statement, signer: str) -> list[Breach]:
        """Entry 1 names the log's key, entry 2 the entries' first key; later `key` entries replace the latter."""
        found = []
        self._signer = self._signer or signer
        if signer != self._signer:
            found.append(Breach(step=KEYS, reason=f"signed by key {signer}, but {self._signer} is current"))
        predicate = statement.predicate
        if not isinstance(predicate, Key):
            if self.size in {_LOG_KEY_AT, _ENTRY_KEY_AT}:
                found.append(Breach(step=KEYS, reason="entries 1 and 2 name the first keys of the log and its entries"))
            return found
        raw = decode_base64(predicate.new_key, what="the new key")
        new = key_id(raw)
        if self.size == _LOG_KEY_AT:
            expected: tuple[object, ...] = ("log", None, key_id(self._log_key))
        elif self.size == _ENTRY_KEY_AT:
            expected = ("entry", None, self._signer)
        else:
            expected = ("entry", self._signer, new)
        if (predicate.role, predicate.old_key_id, new) != expected:
            found.append(
                Breach(step=KEYS, reason=f"names a {predicate.role} key that does not follow from those before")
            )
        elif predicate.role == "entry":
            self._signer = new
            self.entry_keys[new] = raw
        return found

    def _content(self, statement: Statement) -> list[Breach]:
        match statement.predicate:
            case Genesis(governance=governance, adopted=adopted) as genesis:
                self._binding = {name: getattr(genesis, name) for name in BINDING}
                self._revision = genesis.trust_root
                self._authorized |= {_GOVERNANCE: governance} | {one.key: one.value for one in adopted}
            case Adoption(adopted=adopted):
                self._authorized |= {one.key: one.value for one in adopted}
            case Verdict() as verdict:
                return self._verdict(verdict)
            case Superseded(promotion=promotion):
                return self._end(promotion, "superseded")
            case Revision(to=to):
                self._revision = to
            case Rebind() as rebind:
                return self._rebind(rebind)
            case Drift(id=drift, model=model, stage=stage, decision="corrected"):
                self._corrected[drift] = f"{model}/{stage}"
            case Intent() as intent:
                # judged now: what is approved after it does not count
                self._intents[self.size] = intent, self._unjustified(intent)
            case Outcome() as outcome:
                return self._outcome(outcome)
            case _:
                pass
        return []

    def _rebind(self, rebind: Rebind) -> list[Breach]:
        """A move starts from where the ledger is; a history is accepted by those who may change the governance."""
        if set(rebind.before) != {HISTORY}:
            whole = rebind.before == self._binding and set(rebind.after) == set(BINDING)
            self._binding = rebind.after
            return [] if whole else [Breach(step=ORDER, reason="moves another configuration than the ledger's")]
        found = []
        if rebind.before[HISTORY] != self._revision or set(rebind.after) != {HISTORY}:
            reason = f"accepts a history after {rebind.before[HISTORY]}, and the ledger is at {self._revision}"
            found.append(Breach(step=ORDER, reason=reason))
        if rebind.governance != _digest(self._authorized.get(_GOVERNANCE)):
            found.append(Breach(step=APPROVALS, reason="accepts a history under a governance that is not authorized"))
        unmet = [requirement.name for requirement in rebind.requirements if requirement.state != "satisfied"]
        if unmet or not (rebind.requirements and _signed(rebind.sign_offs)):
            missing = ", ".join(unmet) or "nobody's approval was required and counted"
            found.append(Breach(step=APPROVALS, reason=f"accepts a history that was not signed off: {missing}"))
        return found

    def _verdict(self, verdict: Verdict) -> list[Breach]:
        found = self._end(verdict.promotion, verdict.verdict)
        unmet = [requirement.name for requirement in verdict.requirements if requirement.state != "satisfied"]
        if verdict.verdict == "approved":
            if unmet:
                found.append(Breach(step=APPROVALS, reason=f"approved, although not satisfied: {', '.join(unmet)}"))
            found += [Breach(step=APPROVALS, reason=reason) for reason in self._unfounded(verdict)]
            self._approved[verdict.promotion] = verdict
            self._authorized[verdict.key] = verdict.to
        return found

    def _unfounded(self, verdict: Verdict) -> list[str]:
        """Why an approval cannot have come about by the rules: a restore changes nothing, all others are signed off."""
        if verdict.restore:
            same = _digest(verdict.to) == _digest(self._authorized.get(verdict.key))
            return [] if same else [f"a restore of {verdict.key} to what was not authorized"]
        signed = _signed(verdict.sign_offs) and verdict.requirements
        return [] if signed else ["approved, although nobody's approval was required and counted"]

    def _end(self, promotion: str, how: str) -> list[Breach]:
        before = self._ended.get(promotion)
        if before is not None:
            reason = f"promotion {promotion} is {how}, but it was {before} before, which is final"
            return [Breach(step=APPROVALS, reason=reason)]
        if how != "pending":
            self._ended[promotion] = how
        return []

    def _outcome(self, outcome: Outcome) -> list[Breach]:
        if outcome.intent not in self._intents:
            return [Breach(step=INTENTS, reason=f"an outcome of entry {outcome.intent}, which is no intent before it")]
        found = []
        intent, unjustified = self._intents[outcome.intent]
        if outcome.intent in self._closed_intents:
            found.append(Breach(step=INTENTS, reason=f"a second outcome of intent {outcome.intent}"))
        self._closed_intents.add(outcome.intent)
        if outcome.result == "applied":
            if outcome.after != tuple(action.after for action in intent.actions):
                reason = f"applied, but what was read back is not what intent {outcome.intent} wanted"
                found.append(Breach(step=INTENTS, reason=reason))
            reasons = (f"applies intent {outcome.intent}: {reason}" for reason in unjustified)
            found += [Breach(step=APPROVALS, reason=reason) for reason in reasons]
        return found

    def _unjustified(self, intent: Intent) -> list[str]:
        """Why nothing up to now allows this intent."""
        cause = intent.cause
        if cause.kind == "drift":
            if cause.id not in self._corrected:
                return [f"no drift {cause.id} was to be corrected"]
            if self._corrected[cause.id] != intent.key:
                return [f"it is about {intent.key}, drift {cause.id} about {self._corrected[cause.id]}"]
            return self._unwanted(intent)
        verdict = self._approved.get(cause.id)
        if verdict is None:
            return [f"promotion {cause.id} has no approved verdict before it"]
        if verdict.key != intent.key:
            return [f"it is about {intent.key}, promotion {cause.id} about {verdict.key}"]
        if verdict.to != self._authorized[intent.key]:
            return [f"promotion {cause.id} is not what was last approved for {intent.key}"]
        return self._unwanted(intent)

    def _unwanted(self, intent: Intent) -> list[str]:
        """The actions that lead elsewhere than to what is authorized for the key: adopted, or approved last."""
        wanted = self._authorized.get(intent.key)
        if wanted is None:
            return [f"nothing is authorized for {intent.key}"]
        version = wanted.get("version") if isinstance(wanted, dict) else None
        name = self._registered(intent.key.partition("/")[0])
        found = [
            f"it writes to {other!r}, and {intent.key} is {name!r}"
            for other in sorted({action.model for action in intent.actions} - {name})
            if name is not None
        ]
        for action in intent.actions:
            if action.type == "alias" and action.after != (None if version is None else str(version)):
                found.append(f"an alias moves to version {action.after}, approved was {version}")
            # only the version that is wanted moves up; what had its place is put away
            if action.type == "stage" and (action.version == version) == (action.after == _ARCHIVED):
                found.append(f"version {action.version} moves to {action.after}, approved was {version}")
            if action.type == "tag" and action.version != version:
                found.append(f"version {action.version} is marked, approved was {version}")
        return found

    def _registered(self, model: str) -> str | None:
        """The model's name in the registry; None where its spec is kept as evidence, which is not read here."""
        spec = self._authorized.get(f"{model}/@spec")
        if not isinstance(spec, dict) or in_evidence(spec):
            return None if isinstance(spec, dict) else model
        name = spec.get("registeredModel")
        return name if isinstance(name, str) else model


def _signed(lines: tuple[SignOff, ...]) -> bool:
    return any(line.counted and line.meaning == "approve" for line in lines)


def _digest(value: JsonValue) -> str:
    """What a value is known by, whether it stands in an entry or is kept as evidence."""
    return in_evidence(value) or f"sha256:{hashlib.sha256(canonical_json(value)).hexdigest()}"
