"""Status: for each governed pair what is asked for, what is authorized, what MLflow shows, and why they differ."""

from dataclasses import dataclass
from datetime import datetime

from stagewright.app.adoption import holder
from stagewright.app.beginning import moved_from
from stagewright.app.view import View
from stagewright.core.judge import authorized_governance
from stagewright.core.plan import mode_of, plan
from stagewright.core.requirements import registered_name
from stagewright.core.rules import review_target
from stagewright.errors import StalledError
from stagewright.ledger import predicates as entry
from stagewright.model.desired import DocumentProblem, Nobody, StageEntry, Value
from stagewright.model.keys import Key, StageKey, key_order
from stagewright.model.plan import Plan
from stagewright.model.policy import Policy

NOTHING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a promotion still lacks. `candidates` are the people who could give it."""

    requirement: str
    detail: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One key. Versions are numbers as text, `none` where nobody holds the stage, `-` where there is nothing to say.

    `state` is one of Synced, Pending, Refused, Drifted, Blocked, Differs, Unauthorized, Behind.
    Of one that waits, `since` says since when, `due` until when the policy wants it reviewed, and `overdue` whether
    that has passed; all of them by the ledger.
    """

    key: str
    model: str
    stage: str
    mode: str
    declared: str
    authorized: str
    actual: str
    state: str
    why: str
    promotion: str | None
    waiting: tuple[Waiting, ...]
    since: datetime | None = None
    due: datetime | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The whole picture. `behind` counts the commits on the branch that were not walked yet."""

    name: str
    origin: str
    head: str | None
    away: str
    revision: str
    behind: int
    stalled: str
    rows: tuple[Row, ...]
    problems: tuple[DocumentProblem, ...]
    alarms: tuple[entry.Alarm, ...]
    unmanaged: int
    ledger_size: int
    root: str


def status(view: View) -> Status:
    """Compare what is asked for, authorized and actual. Reads the registry once."""
    state, memory = view.state, view.memory
    policy = view.desired.governance(authorized_governance(state)).policy
    actual = view.sight.registry.snapshot()
    made = plan(state, policy, actual) if policy else Plan(pairs=(), blocked=(), unmanaged=0)
    head = view.desired.at(view.head or state.revision)
    behind, rewritten = _behind(view)
    keys: set[Key] = {key for key in (*head.values, *state.authorized) if isinstance(key, StageKey)}
    keys |= {key for key in (*head.values, *state.authorized) if head.values.get(key) != state.authorized.get(key)}
    stages = {stage.name: stage for stage in policy.stages} if policy else {}
    rows = []
    for key in sorted(keys, key=key_order):
        found = NOTHING
        if isinstance(key, StageKey) and key.stage in stages:
            model = actual.models.get(registered_name(state.authorized, key.model))
            version = holder(stages[key.stage], model)
            found = "none" if version is None else str(version)
        rows.append(_row(view, key, head.values.get(key), policy, made, found))
    return Status(
        name=view.sight.config.name,
        origin=state.origin,
        head=view.head,
        away=view.away,
        revision=state.revision,
        behind=behind,
        stalled=moved_from(view.sight.config, memory.binding) or rewritten,
        rows=tuple(rows),
        problems=head.problems,
        alarms=tuple(memory.alarms.values()),
        unmanaged=made.unmanaged,
        ledger_size=view.ledger.size,
        root=view.ledger.root.hex(),
    )


def _row(view: View, key: Key, declared: Value | None, policy: Policy | None, made: Plan, actual: str) -> Row:
    state, why, promotion, waiting = _judged(view, key, declared, made)
    model, _, stage = str(key).partition("/")
    since, due = _clock(view, key, policy) if state == "Pending" else (None, None)
    return Row(
        key=str(key),
        model=model,
        stage=stage,
        mode=mode_of(view.state, policy, model) if policy and isinstance(key, StageKey) else NOTHING,
        declared=shown(declared),
        authorized=shown(view.state.authorized.get(key)),
        actual=actual,
        state=state,
        why=why,
        promotion=promotion,
        waiting=waiting,
        since=since,
        due=due,
        overdue=due is not None and view.sight.clock.now() >= due,
    )


def _clock(view: View, key: Key, policy: Policy | None) -> tuple[datetime | None, datetime | None]:
    """Since when the open promotion of a key waits, and until when it should be reviewed."""
    promotion = view.state.open[key]
    since = view.memory.pending_since[promotion.id][1]
    if policy is None:
        return since, None
    target = review_target(promotion, policy, view.state.authorized, view.state.declared.values)
    return since, None if target is None else since + target


def _judged(
    view: View, key: Key, declared: Value | None, made: Plan
) -> tuple[str, str, str | None, tuple[Waiting, ...]]:
    """State, reason, promotion and what is missing, the gravest first."""
    memory = view.memory
    for blocked in made.blocked:
        if blocked.key == key:
            return "Blocked", blocked.reason, None, ()
    last = memory.last_verdict.get(key)
    if declared != view.state.authorized.get(key):
        if key in memory.open:
            _, verdict = memory.verdicts[memory.open[key].id]
            return "Pending", verdict.reason, verdict.promotion, _waiting(verdict)
        if last is not None and declared == view.state.declared.values.get(key):
            _, verdict = memory.verdicts[last]
            return "Refused", verdict.reason, last, _waiting(verdict)
        if key in memory.unauthorized:
            return "Unauthorized", "the trust root declared it, and nobody signed it off: propose it again", None, ()
        return "Behind", "not judged yet: run `stagewright sync`", None, ()
    for pair in made.pairs:
        if pair.key == key:
            moves = ", ".join(f"{a.target}: {a.before or 'nobody'} → {a.after or 'nobody'}" for a in pair.actions)
            if not pair.write:
                return "Differs", f"left as it is, as the mode says: {moves or 'nothing to move'}", last, ()
            return ("Drifted" if pair.drift else "Behind"), f"the next sync puts it right: {moves}", last, ()
    return "Synced", "", last, ()


def _waiting(verdict: entry.Verdict) -> tuple[Waiting, ...]:
    return tuple(
        Waiting(requirement=f"{r.rule}: {r.name}", detail=r.detail, state=r.state)
        for r in verdict.requirements
        if r.state != "satisfied"
    )


def _behind(view: View) -> tuple[int, str]:
    """How many commits were not walked yet; or why they cannot be."""
    if view.head is None or view.head == view.state.revision:
        return 0, ""
    try:
        return len(view.sight.source.first_parents(view.state.revision, view.head)), ""
    except StalledError as error:
        return 0, str(error)


def shown(value: Value | None) -> str:
    """A value in a table cell."""
    match value:
        case None:
            return NOTHING
        case StageEntry(version=version):
            return str(version)
        case Nobody():
            return "none"
        case _:
            return "changed"
