"""The fold: from the state before a step to the state after it, and the second look at what is still open.

docs/fold.md is the specification; its laws are property tests.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from stagewright.core.change import promotions_of
from stagewright.core.judge import authorized_governance, governance_of, judge, refusal
from stagewright.core.requirements import name_after
from stagewright.errors import IncompleteError
from stagewright.model.desired import DesiredState, StageEntry, StageValue, Value
from stagewright.model.keys import GovernanceKey, Key, SpecKey, StageKey, key_order
from stagewright.model.promotion import Promotion, Step
from stagewright.model.review import PullRequest
from stagewright.model.state import Facts, Held, State
from stagewright.model.verdict import Verdict

GENESIS = "genesis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """An open promotion that a later change of its key closed, for ever."""

    promotion: Promotion
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What one step, or one second look, came to."""

    state: State
    verdicts: tuple[Verdict, ...]
    superseded: tuple[Superseded, ...] = ()


def genesis(
    *,
    origin: str,
    declared: DesiredState,
    adopted: Mapping[StageKey, StageValue],
    now: datetime,
) -> State:
    """The state at the trust root: governance and specs as declared there, stage entries as the registry holds them.

    `adopted` says for each pair that the trust root names what the registry holds. Where the two name the same
    version by the same pins, the declared entry is taken.
    """
    authorized: dict[Key, Value] = {
        key: value for key, value in declared.values.items() if isinstance(key, GovernanceKey | SpecKey)
    }
    for key, found in adopted.items():
        said = declared.values.get(key)
        authorized[key] = said if said is not None and same_version(said, found) else found
    held = {
        key: Held(value=value, since=now, cause=GENESIS)
        for key, value in authorized.items()
        if isinstance(key, StageKey) and isinstance(value, StageValue)
    }
    return State(
        origin=origin,
        revision=declared.commit,
        position=0,
        declared=declared,
        authorized=authorized,
        authorized_by=dict.fromkeys(authorized, GENESIS),
        open={},
        held=held,
        ever_held=frozenset(
            (key.model, key.stage, h.value.digest) for key, h in held.items() if isinstance(h.value, StageEntry)
        ),
    )


def same_version(said: Value, found: StageValue) -> bool:
    """Whether a declared entry names just what the registry was found to hold; who trained it is not asked."""
    if not isinstance(said, StageEntry) or not isinstance(found, StageEntry):
        return said == found
    pins = ("version", "digest", "evidence")
    given = [name for name in ("run_id", "model_id", "source") if getattr(said, name) is not None]
    return all(getattr(said, name) == getattr(found, name) for name in (*pins, *given))


def step(state: State, change: Step, facts: Facts) -> Folded:
    """Fold one step in. IncompleteError, and no new state, when a fact is missing."""
    governance = authorized_governance(state)
    ahead = replace(state, declared=change.after)
    promotions = promotions_of(state.origin, change, governance)
    flaws = _mixed(promotions, state) or _rivals(promotions, state) or _too_many(promotions, state, facts)
    verdicts = tuple(
        refusal(p, state, facts, name="one thing at a time", detail=flaws[p.id])
        if p.id in flaws
        else judge(p, ahead, facts)
        for p in promotions
    )
    superseded = tuple(Superseded(promotion=state.open[p.key], by=p.id) for p in promotions if p.key in state.open)
    closed = {s.promotion.key for s in superseded}
    after = replace(
        ahead,
        revision=change.commit,
        position=change.position,
        open={key: p for key, p in state.open.items() if key not in closed},
    )
    for verdict in verdicts:
        after = settle(after, verdict)
    return Folded(state=after, verdicts=verdicts, superseded=superseded)


def _mixed(promotions: tuple[Promotion, ...], state: State) -> dict[str, str]:
    """Why those are refused, by id, that change together with the governance, restores aside."""
    real = [p for p in promotions if p.after != state.authorized.get(p.key)]
    if len(real) < 2 or not any(isinstance(p.key, GovernanceKey) for p in real):
        return {}
    detail = "a change of the governance stands alone: propose it apart from models and stages"
    return {p.id: detail for p in real}


def _rivals(promotions: tuple[Promotion, ...], state: State) -> dict[str, str]:
    """Why those are refused, by id, that would put two models on one of MLflow's in the same step, restores aside."""
    named: dict[str, list[Promotion]] = {}
    for p in promotions:
        if not isinstance(p.key, GovernanceKey) and p.after is not None and p.after != state.authorized.get(p.key):
            named.setdefault(name_after(p, state.authorized).casefold(), []).append(p)
    return {
        p.id: f"{' and '.join(str(other.key) for other in rivals)} name one registered model: keep one document"
        for rivals in named.values()
        for p in rivals
        if len({str(other.key).partition("/")[0] for other in rivals}) > 1
    }


def _too_many(promotions: tuple[Promotion, ...], state: State, facts: Facts) -> dict[str, str]:
    """Why those are refused, by id, that come in greater number than the policy lets people look through at once."""
    policy = governance_of(facts, authorized_governance(state)).policy
    most = policy.promotions_per_pull if policy is not None else None
    real = [p for p in promotions if p.after != state.authorized.get(p.key)]
    if most is None or len(real) <= most:
        return {}
    detail = f"the policy lets one pull request promote {most} at most, and this one {len(real)}: split it"
    return {p.id: detail for p in real}


def settle(state: State, verdict: Verdict) -> State:
    """The state once a verdict is known: approved is authorized, pending is open, refused is closed."""
    promotion = verdict.promotion
    still_open = {key: p for key, p in state.open.items() if key != promotion.key}
    if verdict.answer == "pending":
        return replace(state, open={**still_open, promotion.key: promotion})
    if verdict.answer == "refused" or verdict.restore:
        return replace(state, open=still_open)
    authorized = {key: value for key, value in state.authorized.items() if key != promotion.key}
    authorized_by = {key: by for key, by in state.authorized_by.items() if key != promotion.key}
    if promotion.after is not None:
        authorized[promotion.key] = promotion.after
        authorized_by[promotion.key] = promotion.id
    # A released pair is nobody's business any more, and what it held breaks off.
    held = {key: h for key, h in state.held.items() if key in authorized}
    return replace(state, open=still_open, authorized=authorized, authorized_by=authorized_by, held=held)


def fold(state: State, steps: Iterable[Step], facts: Facts) -> Folded:
    """Fold many steps in, oldest first."""
    verdicts: list[Verdict] = []
    superseded: list[Superseded] = []
    for change in steps:
        folded = step(state, change, facts)
        state = folded.state
        verdicts += folded.verdicts
        superseded += folded.superseded
    return Folded(state=state, verdicts=tuple(verdicts), superseded=tuple(superseded))


def judge_again(state: State, facts: Facts, pulls: Mapping[str, PullRequest | None]) -> Folded:
    """Judge every open promotion again, governance first, then by position and key; each sees what came before it.

    `pulls` are the pull requests read anew, by promotion id; IncompleteError when one was not read.
    """
    verdicts: list[Verdict] = []
    for promotion in in_order(state.open.values()):
        if promotion.id not in pulls:
            raise IncompleteError(f"{promotion.key}: its pull request was not read anew")
        fresh = replace(promotion, pull=pulls[promotion.id])
        verdict = judge(fresh, state, facts)
        verdicts.append(verdict)
        state = settle(state, verdict)
    return Folded(state=state, verdicts=tuple(verdicts))


def in_order(promotions: Iterable[Promotion]) -> tuple[Promotion, ...]:
    """Governance first, then by the position of their step, then by key."""
    return tuple(sorted(promotions, key=lambda p: (not isinstance(p.key, GovernanceKey), p.position, key_order(p.key))))


def put(state: State, key: StageKey, value: StageValue, *, since: datetime, cause: str) -> State:
    """The state once an outcome `applied` says that `key` holds `value`."""
    held = {**state.held, key: Held(value=value, since=since, cause=cause)}
    digest = {(key.model, key.stage, value.digest)} if isinstance(value, StageEntry) else set()
    return replace(state, held=held, ever_held=state.ever_held | digest)


def broken(state: State, key: StageKey, *, at: datetime) -> State:
    """The state once drift was seen on `key`: its unbroken interval begins anew."""
    if key not in state.held:
        return state
    return replace(state, held={**state.held, key: replace(state.held[key], since=at)})
