"""The plan: what turns the registry's actual state into the authorized one, over governed pairs only."""

from collections.abc import Iterable, Mapping
from itertools import islice

from stagewright.core.requirements import names_held, registered_name
from stagewright.model.actual import READY, ActualModel, ActualState
from stagewright.model.desired import Mode, Spec, StageEntry, StageValue
from stagewright.model.keys import SpecKey, StageKey, key_order
from stagewright.model.plan import Action, Blocked, PairPlan, Plan
from stagewright.model.policy import Policy, StagePolicy
from stagewright.model.state import State

ARCHIVED = "Archived"
LEDGER_TAG = "stagewright.ledger-index"
DRIFT = "drift"
# What one intent holds; it has to fit in a ledger entry. Whoever may write to MLflow can make thousands necessary, and
# then the rest is planned anew in the next round.
MAX_ACTIONS = 32


def mode_of(state: State, policy: Policy, model: str) -> Mode:
    """The mode that is authorized for a model: its spec's, else the policy's default."""
    spec = state.authorized.get(SpecKey(model))
    return (spec.mode if isinstance(spec, Spec) else None) or policy.default_mode


def plan(state: State, policy: Policy, actual: ActualState) -> Plan:
    """What each governed pair needs. A pair whose version is not what was signed off is blocked, never replaced."""
    pairs: list[PairPlan] = []
    blocked: list[Blocked] = []
    stages = {stage.name: stage for stage in policy.stages if not stage.ungoverned}
    governed = [
        (key, value)
        for key, value in state.authorized.items()
        if isinstance(key, StageKey) and isinstance(value, StageValue)
    ]
    sound: dict[StageKey, StageValue] = {}
    held = names_held(state.authorized)
    for key, value in sorted(governed, key=lambda pair: key_order(pair[0])):
        name = registered_name(state.authorized, key.model)
        flaw = _shared(key, name, held) or _flaw(key, value, stages, name, actual.models.get(name))
        if flaw is None:
            sound[key] = value
        else:
            blocked.append(flaw)
    for key, value in sound.items():
        name = registered_name(state.authorized, key.model)
        places = _places(policy, sound, key.model)
        needed = _actions(stages[key.stage], value, name, actual.models.get(name), places)
        actions = tuple(islice(needed, MAX_ACTIONS))
        pairs += _pair(state, policy, key, value, name, actions)
    return Plan(pairs=tuple(pairs), blocked=tuple(blocked), unmanaged=_unmanaged(state, stages, actual))


def _pair(
    state: State, policy: Policy, key: StageKey, value: StageValue, name: str, actions: tuple[Action, ...]
) -> list[PairPlan]:
    held = state.held.get(key)
    promoted = held is None or held.value != value
    if not promoted and not actions:
        return []
    mode = mode_of(state, policy, key.model)
    return [
        PairPlan(
            key=key,
            registered=name,
            wanted=value,
            cause=state.authorized_by[key] if promoted else DRIFT,
            drift=not promoted,
            write=mode == "enforce" or (mode == "report" and promoted),
            actions=actions,
        )
    ]


def _shared(key: StageKey, name: str, held: Mapping[str, frozenset[str]]) -> Blocked | None:
    others = sorted(held[name.casefold()] - {key.model})
    if not others:
        return None
    return Blocked(key=key, reason=f"{name!r} in MLflow is also that of the model {', '.join(others)}", identity=True)


def _flaw(
    key: StageKey, value: StageValue, stages: dict[str, StagePolicy], name: str, model: ActualModel | None
) -> Blocked | None:
    if key.stage not in stages:
        return Blocked(key=key, reason=f"the policy governs no stage {key.stage!r}", identity=False)
    if not isinstance(value, StageEntry):
        return None
    version = model.versions.get(value.version) if model else None
    if version is None:
        return Blocked(key=key, reason=f"MLflow has no version {value.version} of {name!r}", identity=True)
    if version.status != READY:
        reason = f"version {value.version} of {name!r} is {version.status}, not {READY}"
        return Blocked(key=key, reason=reason, identity=False)
    pins = (
        ("run id", value.run_id, version.run_id),
        ("model id", value.model_id, version.model_id),
        ("source", value.source, version.source),
    )
    wrong = [
        f"its {what} is {found}, signed off was {said}" for what, said, found in pairs_given(pins) if said != found
    ]
    if wrong:
        return Blocked(key=key, reason=f"version {value.version} of {name!r}: {'; '.join(wrong)}", identity=True)
    return None


def pairs_given(pins: Iterable[tuple[str, str | None, str | None]]) -> list[tuple[str, str, str | None]]:
    """The pins that an entry gives, with what was found for each."""
    return [(what, said, found) for what, said, found in pins if said is not None]


def _places(policy: Policy, sound: Mapping[StageKey, StageValue], model: str) -> dict[int, str]:
    """The MLflow stage of each version of a model that is to have one; it has but one, and the heaviest stage says."""
    wanted = [(sound.get(StageKey(model, stage.name)), stage.mlflow_stage) for stage in policy.stages]
    return {value.version: place for value, place in wanted if isinstance(value, StageEntry) and place is not None}


def _actions(
    stage: StagePolicy, value: StageValue, name: str, model: ActualModel | None, places: Mapping[int, str]
) -> Iterable[Action]:
    wanted = value.version if isinstance(value, StageEntry) else None
    for alias in stage.aliases:
        holder = model.aliases.get(alias) if model else None
        if holder != wanted:
            yield Action(kind="alias", model=name, target=alias, before=_text(holder), after=_text(wanted))
    if stage.mlflow_stage is None or model is None:
        return
    for number, version in sorted(model.versions.items()):
        there = version.stage == stage.mlflow_stage
        place = places.get(number)
        if place == stage.mlflow_stage and not there:
            yield _transition(name, number, version.stage, stage.mlflow_stage)
        # A version that another stage wants goes there by that stage's own action, not by way of the archive.
        if there and place is None:
            yield _transition(name, number, version.stage, ARCHIVED)


def _transition(name: str, version: int, before: str, after: str) -> Action:
    return Action(kind="stage", model=name, target=str(version), before=before, after=after)


def _text(version: int | None) -> str | None:
    return None if version is None else str(version)


def tag_action(pair: PairPlan, before: str | None, index: int) -> Action | None:
    """The tag for people that names the intent at ledger `index`; none where no version is put there."""
    if not isinstance(pair.wanted, StageEntry):
        return None
    target = f"{pair.wanted.version}/{LEDGER_TAG}"
    return Action(kind="tag", model=pair.registered, target=target, before=before, after=str(index))


def _unmanaged(state: State, stages: dict[str, StagePolicy], actual: ActualState) -> int:
    governed = {
        (registered_name(state.authorized, key.model), alias)
        for key in state.authorized
        if isinstance(key, StageKey) and key.stage in stages
        for alias in stages[key.stage].aliases
    }
    return sum((name, alias) not in governed for name, model in actual.models.items() for alias in model.aliases)
