"""Intent, write, read back, outcome: how a plan reaches MLflow exactly once, although MLflow has no transactions.

    intent durable → read again (moved? outcome `none`) → write → read back → outcome durable

Every intent gets exactly one outcome, and only `applied` asserts a change. An intent that was left open by a crash or
a lost reply is closed by reading, never by writing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from stagewright.app.journal import Journal
from stagewright.app.record import OutcomeResult, Scribe, clipped, recall_action
from stagewright.core.identity import canonical_digest
from stagewright.core.plan import tag_action
from stagewright.core.requirements import contradictions
from stagewright.errors import ForbiddenError, LeaseLostError, StagewrightError, UnreachableError
from stagewright.ledger import predicates as entry
from stagewright.ledger.statement import Subject, commit_subject
from stagewright.model.actual import READY, ActualModel, VersionFacts
from stagewright.model.desired import StageEntry
from stagewright.model.keys import StageKey
from stagewright.model.plan import Action, Blocked, PairPlan
from stagewright.ports import Registry

# After failures in a row the next try waits 0, 1, 3, 7 … minutes, and never longer than this.
LONGEST_WAIT = timedelta(hours=1)
# A pair that is put back this often in this time is fought over.
CONTESTED = 3
CONTEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one pair of the plan. `result` is the outcome's, or `blocked`, or `reported`.

    `intent` is the ledger index of the intent; None where nothing was tried.
    """

    pair: PairPlan
    result: str
    detail: str
    intent: int | None = None


class Applier:
    """Carries out plans against one registry, and writes down each step in one journal."""

    def __init__(self, registry: Registry, journal: Journal, scribe: Scribe, revision: str) -> None:
        self._registry = registry
        self._journal = journal
        self._scribe = scribe
        self._revision = revision

    def recover(self) -> tuple[tuple[int, str], ...]:
        """Close every open intent by reading the registry; the index and result of each."""
        closed = []
        for index, intent in self._journal.memory.open_intents:
            actions = tuple(recall_action(action) for action in intent.actions)
            after = self._read_back(actions)
            result = _result(actions, after)
            self._close(index, result, after, error="found open and closed by reading", recovered=True)
            closed.append((index, result))
        return tuple(closed)

    def carry_out(self, pair: PairPlan, model: ActualModel | None) -> Applied:
        """Bring one pair about. `model` is the registry's as the plan was made from."""
        if pair.drift:
            self._record_drift(pair)
        if not pair.write:
            return Applied(pair=pair, result="reported", detail="the model's mode forbids writing")
        try:
            blocked = self.examine(pair)
        except (UnreachableError, ForbiddenError) as unread:
            # one version's files may lie where nothing answers; the other pairs do not wait for them
            return Applied(pair=pair, result="blocked", detail=f"its version cannot be read: {unread}")
        if blocked is not None:
            self.alarm_once("identity", pair.key, blocked.reason)
            return Applied(pair=pair, result="blocked", detail=blocked.reason)
        cause = self._cause(pair)
        patience = self._patience(pair, cause)
        if patience:
            return Applied(pair=pair, result="failed", detail=patience)
        actions = self._with_tag(pair, model)
        (index,) = self._journal.append([self._scribe.intent(pair, cause, actions, self._revision)])
        before = self._read_back(actions)
        if before != tuple(action.before for action in actions):
            detail = "the registry moved between planning and writing; planned anew"
            self._close(index, "none", before, error=detail, recovered=False)
            return Applied(pair=pair, result="none", detail=detail, intent=index)
        error = self._write(actions)
        after = self._read_back(actions)
        result = _result(actions, after)
        self._close(index, result, after, error=error, recovered=False)
        return Applied(pair=pair, result=result, detail=error or "", intent=index)

    def examine(self, pair: PairPlan) -> Blocked | None:
        """Why the version must not be put there: it is not what was signed off, all pins and digests looked at anew.

        Where drift is corrected, the version ran before: then only its evidence may differ, with an alarm.
        """
        if not isinstance(pair.wanted, StageEntry):
            return None
        facts = self._registry.version_facts(pair.registered, pair.wanted.version)
        pinned = pair.wanted
        if pair.drift and facts is not None and facts.evidence not in {None, pinned.evidence}:
            # What was logged after the fact is an alarm. It is no reason to leave an alias on what nobody approved.
            self.alarm_once(
                "evidence", f"{pair.key} evidence", f"the evidence digest is {facts.evidence}, not {pinned.evidence}"
            )
            pinned = replace(pinned, evidence=facts.evidence or pinned.evidence)
        reason = _objection(pinned, facts)
        return Blocked(key=pair.key, reason=reason, identity=True) if reason else None

    def alarm_once(self, kind: str, subject: object, message: str) -> bool:
        """Record an alarm unless the last one on that subject says the same; whether it was recorded."""
        last = self._journal.memory.alarms.get(str(subject))
        if last is not None and last.message == clipped(message):
            return False
        self._journal.append([self._scribe.alarm(kind, str(subject), message, self._revision)])
        return True

    def _patience(self, pair: PairPlan, cause: entry.Cause) -> str:
        """Why it is not tried now: it failed several times in a row, and each try stays in the ledger for ever."""
        failed, last = self._journal.memory.failures.get((str(pair.key), cause.id), (0, self._scribe.now))
        wait = min(timedelta(minutes=2 ** max(failed - 1, 0) - 1), LONGEST_WAIT) if failed < 10 else LONGEST_WAIT
        if failed and self._scribe.now < last + wait:
            return f"it failed {failed} times in a row, and is tried again at {last + wait:%Y-%m-%d %H:%M:%S} UTC"
        return ""

    def _with_tag(self, pair: PairPlan, model: ActualModel | None) -> tuple[Action, ...]:
        version = model.versions.get(pair.wanted.version) if model and isinstance(pair.wanted, StageEntry) else None
        tag = tag_action(pair, version.ledger_index if version else None, self._journal.size)
        return (*pair.actions, tag) if tag else pair.actions

    def _cause(self, pair: PairPlan) -> entry.Cause:
        if not pair.drift:
            return entry.Cause(kind="promotion", id=pair.cause)
        return entry.Cause(kind="drift", id=self._journal.memory.drifts[pair.key].id)

    def _record_drift(self, pair: PairPlan) -> None:
        last = self._journal.memory.drifts.get(pair.key)
        found = {a.target: a.before for a in pair.actions}
        expected = {a.target: a.after for a in pair.actions}
        decision = "corrected" if pair.write else "reported"
        if last is not None and (last.found, last.expected, last.decision) == (found, expected, decision):
            return
        drift_id = canonical_digest(
            {
                "origin": self._scribe.origin,
                "key": str(pair.key),
                "expected": expected,
                "found": found,
                "index": self._journal.size,
            }
        )
        self._journal.append([self._scribe.drift(pair, drift_id, self._scribe.now, self._revision)])
        if pair.write:
            self._suspect(pair.key)

    def _suspect(self, key: StageKey) -> None:
        """Raise an alarm where corrections do not last, once a day: somebody writes against us."""
        since = self._scribe.now - CONTEST
        times = 0
        for _, news in reversed(self._journal.memory.news):
            if news.recorded_at < since:
                break
            times += isinstance(news, entry.Drift) and _corrects(news, key)
        if times >= CONTESTED:
            day = f"{self._scribe.now:%Y-%m-%d}"
            message = f"on {day} {key} was put back {times} times in an hour: something else writes to this MLflow"
            last = self._journal.memory.alarms.get(f"{key} contested")
            if last is None or not last.message.startswith(f"on {day} "):
                self.alarm_once("contested", f"{key} contested", message)

    def _write(self, actions: Sequence[Action]) -> str | None:
        """Carry out the actions in order; the error that stopped them, if one did. Its effect is read back."""
        for action in actions:
            try:
                self._registry.apply(action)
            except LeaseLostError:
                # not ours to write any more, neither here nor in the ledger: the next writer closes the intent
                raise
            except StagewrightError as error:
                return str(error)
        return None

    def _read_back(self, actions: Sequence[Action]) -> tuple[str | None, ...]:
        models = {name: self._registry.model(name) for name in sorted({action.model for action in actions})}
        return tuple(observed(action, models[action.model]) for action in actions)

    def _close(
        self, index: int, result: OutcomeResult, after: tuple[str | None, ...], *, error: str | None, recovered: bool
    ) -> None:
        closing = self._scribe.outcome(
            self._intent_subject(),
            intent=index,
            result=result,
            recovered=recovered,
            after=after,
            error=None if result == "applied" and not recovered else error,
        )
        self._journal.append([closing])
        if result == "unknown":
            key = self._journal.memory.intents[index].key
            self.alarm_once("unknown-outcome", key, f"intent {index}: the registry shows neither before nor after")

    def _intent_subject(self) -> tuple[Subject, ...]:
        return (commit_subject(self._scribe.origin, self._revision),)


def _corrects(drift: entry.Drift, key: StageKey) -> bool:
    return (drift.model, drift.stage, drift.decision) == (key.model, key.stage, "corrected")


def _objection(pinned: StageEntry, facts: VersionFacts | None) -> str:
    if facts is None:
        return f"MLflow has no version {pinned.version}"
    wrong = contradictions(pinned, facts)
    if wrong:
        return "; ".join(wrong)
    if facts.flaw or facts.digest is None or facts.evidence is None:
        return facts.flaw or "its digests cannot be computed"
    return "" if facts.status == READY else f"it is {facts.status}, not {READY}"


def observed(action: Action, model: ActualModel | None) -> str | None:
    """What an action's target holds now."""
    if model is None:
        return None
    match action.kind:
        case "alias":
            holder = model.aliases.get(action.target)
            return None if holder is None else str(holder)
        case "stage":
            version = model.versions.get(int(action.target))
            return None if version is None else version.stage
        case "tag":
            version = model.versions.get(int(action.target.partition("/")[0]))
            return None if version is None else version.ledger_index


def _result(actions: Sequence[Action], after: Sequence[str | None]) -> OutcomeResult:
    pairs = list(zip(actions, after, strict=True))
    if all(found == action.after for action, found in pairs):
        return "applied"
    if all(found in (action.before, action.after) for action, found in pairs):
        return "failed"
    return "unknown"
