"""What a sync would write to MLflow, for every way in which actual and authorized can differ."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagewright.core.fold import genesis, put
from stagewright.core.plan import mode_of, plan, tag_action
from stagewright.model.actual import ActualModel, ActualState, ActualVersion
from stagewright.model.desired import DesiredState, StageEntry, StageValue
from stagewright.model.keys import StageKey, parse_key
from stagewright.model.plan import Action, PairPlan
from stagewright.model.policy import Policy, StagePolicy
from stagewright.model.state import State
from tests.fold_world import START, Tree, entry

POLICY = Policy(
    stages=(
        StagePolicy(name="Development", ungoverned=True, aliases=("dev",)),
        StagePolicy(name="Staging", aliases=("challenger",), mlflow_stage="Staging"),
        StagePolicy(name="Shadow", aliases=("shadow", "mirror")),
        StagePolicy(name="Production", aliases=("champion",), mlflow_stage="Production"),
    ),
    default_mode="enforce",
    origin="o",
    rules=(),
)


def state(changes: Mapping[str, Any], held: Mapping[str, Any] | None = None) -> State:
    """What is authorized; and what each pair holds by the ledger, where that is something else (`~`: nothing)."""
    declared = DesiredState(commit="g", values=Tree({}, {}).with_changes(changes).values, cards={})
    adopted = {k: v for k, v in declared.values.items() if isinstance(k, StageKey) and isinstance(v, StageValue)}
    made = genesis(origin="o", declared=declared, adopted=adopted, now=START)
    for name, said in (held or {}).items():
        key = parse_key(name)
        assert isinstance(key, StageKey)
        value = entry(key.model, said)
        if isinstance(value, StageValue):
            made = put(made, key, value, since=START, cause="before")
        else:
            made = replace(made, held={k: h for k, h in made.held.items() if k != key})
    return replace(made, authorized_by=dict.fromkeys(made.authorized, "promotion"))


def registry(
    aliases: dict[str, int], *, name: str = "credit", more: dict[str, Any] | None = None, **stages: str
) -> ActualState:
    """Versions 1 to 3 with their stages (`v2="Staging"`), and the aliases."""
    versions = {}
    for number in (1, 2, 3):
        pins = entry(name, number)
        assert isinstance(pins, StageEntry)
        versions[number] = ActualVersion(
            version=number,
            stage=stages.get(f"v{number}", "None"),
            status="READY",
            run_id=pins.run_id,
            model_id="m",
            source="s",
        )
    versions[2] = replace(versions[2], **(more or {}))
    return ActualState(observed_at=START, models={name: ActualModel(name=name, aliases=aliases, versions=versions)})


def written(found: PairPlan) -> list[str]:
    return [f"{a.kind} {a.target}: {a.before} → {a.after}" for a in found.actions]


@pytest.mark.parametrize(
    ("authorized", "held", "actual", "expected"),
    [
        pytest.param(
            {"credit/Staging": 1}, {}, registry({"challenger": 1}, v1="Staging"), {}, id="all is as it should be"
        ),
        pytest.param(
            {"credit/Staging": 2},
            {"credit/Staging": 1},
            registry({"challenger": 1}, v1="Staging"),
            {
                "credit/Staging promotion": [
                    "alias challenger: 1 → 2",
                    "stage 1: Staging → Archived",
                    "stage 2: None → Staging",
                ]
            },
            id="a promotion moves alias and stage, and archives the former",
        ),
        pytest.param(
            {"credit/Staging": 2},
            {"credit/Staging": None},
            registry({}),
            {"credit/Staging promotion": ["alias challenger: None → 2", "stage 2: None → Staging"]},
            id="the first version of a stage",
        ),
        pytest.param(
            {"credit/Shadow": 2},
            {"credit/Shadow": 1},
            registry({"shadow": 1, "mirror": 1}),
            {"credit/Shadow promotion": ["alias shadow: 1 → 2", "alias mirror: 1 → 2"]},
            id="a stage with two aliases and no MLflow stage",
        ),
        pytest.param(
            {"credit/Staging": "none"},
            {"credit/Staging": 1},
            registry({"challenger": 1}, v1="Staging", v3="Staging"),
            {
                "credit/Staging promotion": [
                    "alias challenger: 1 → None",
                    "stage 1: Staging → Archived",
                    "stage 3: Staging → Archived",
                ]
            },
            id="a stage that is taken from everybody",
        ),
        pytest.param(
            {"credit/Staging": "none"},
            {},
            ActualState(observed_at=START, models={}),
            {},
            id="nobody holds it, and the model is not there either",
        ),
        pytest.param({}, {}, registry({"challenger": 1}, v1="Staging"), {}, id="a released stage is left as it is"),
        pytest.param(
            {"credit/Staging": 2},
            {"credit/Staging": 1},
            registry({"challenger": 2}, v2="Staging"),
            {"credit/Staging promotion": []},
            id="a promotion that somebody carried out by hand has still to be recorded",
        ),
        pytest.param(
            {"credit/Staging": 1},
            {},
            registry({"challenger": 3}, v1="Staging"),
            {"credit/Staging drift": ["alias challenger: 3 → 1"]},
            id="an alias that was moved by hand is drift",
        ),
        pytest.param(
            {"credit/Staging": 1},
            {},
            registry({"challenger": 1}, v3="Staging"),
            {"credit/Staging drift": ["stage 1: None → Staging", "stage 3: Staging → Archived"]},
            id="a stage that was moved by hand is drift",
        ),
        pytest.param(
            {"credit/Staging": 2, "credit/Production": 2},
            {"credit/Staging": 2, "credit/Production": 1},
            registry({"challenger": 2, "champion": 1}, v1="Production", v2="Staging"),
            {
                "credit/Production promotion": [
                    "alias champion: 1 → 2",
                    "stage 1: Production → Archived",
                    "stage 2: Staging → Production",
                ]
            },
            id="one version in two stages has the MLflow stage of the heavier, and Staging is content",
        ),
        pytest.param(
            {"credit/Staging": 3, "credit/Production": 2},
            {"credit/Staging": 2, "credit/Production": 1},
            registry({"challenger": 2, "champion": 1}, v1="Production", v2="Staging"),
            {
                "credit/Production promotion": [
                    "alias champion: 1 → 2",
                    "stage 1: Production → Archived",
                    "stage 2: Staging → Production",
                ],
                "credit/Staging promotion": ["alias challenger: 2 → 3", "stage 3: None → Staging"],
            },
            id="a version that moves up is not archived on the way",
        ),
        pytest.param(
            {"credit/Staging": 1, "credit/Production": 3},
            {"credit/Staging": 3, "credit/Production": 1},
            registry({"challenger": 3, "champion": 1}, v1="Production", v3="Staging"),
            {
                "credit/Production promotion": ["alias champion: 1 → 3", "stage 3: Staging → Production"],
                "credit/Staging promotion": ["alias challenger: 3 → 1", "stage 1: Production → Staging"],
            },
            id="two versions change places",
        ),
        pytest.param(
            {"credit/@spec": {"tier": "low", "name": "credit-eu"}, "credit/Shadow": 2},
            {"credit/Shadow": None},
            registry({}, name="credit-eu", more={"run_id": "run of credit 2"}),
            {"credit/Shadow promotion": ["alias shadow: None → 2", "alias mirror: None → 2"]},
            id="a model under another registered name",
        ),
    ],
)
def test_plan_of_a_difference_is_the_writes_that_mend_it(
    authorized: dict[str, Any], held: dict[str, Any], actual: ActualState, expected: dict[str, list[str]]
):
    found = plan(state(authorized, held), POLICY, actual)
    assert {f"{pair.key} {'drift' if pair.drift else pair.cause}": written(pair) for pair in found.pairs} == expected
    assert found.blocked == ()
    assert {pair.cause for pair in found.pairs if pair.drift} <= {"drift"}


@pytest.mark.parametrize(
    ("entry_said", "more", "reason", "identity"),
    [
        pytest.param(2, {"run_id": "x"}, "its run id is x, signed off was run of credit 2", True, id="another run"),
        pytest.param({"v": 2, "model-id": "x"}, {}, "its model id is m, signed off was x", True, id="another model id"),
        pytest.param({"v": 2, "source": "x"}, {}, "its source is s, signed off was x", True, id="another source"),
        pytest.param(2, {"status": "PENDING"}, "version 2 of 'credit' is PENDING, not READY", False, id="not ready"),
        pytest.param(9, {}, "MLflow has no version 9 of 'credit'", True, id="no such version"),
    ],
)
def test_plan_of_a_version_that_is_not_what_was_signed_off_is_blocked(
    entry_said: Any, more: dict[str, Any], reason: str, identity: bool
):
    found = plan(state({"credit/Staging": entry_said}, {"credit/Staging": 1}), POLICY, registry({}, more=more))
    assert found.pairs == ()
    (blocked,) = found.blocked
    assert (str(blocked.key), blocked.identity) == ("credit/Staging", identity)
    assert reason in blocked.reason


def test_plan_of_a_model_that_is_not_there_is_blocked():
    found = plan(state({"credit/Staging": 1}), POLICY, ActualState(observed_at=START, models={}))
    assert [(str(b.key), b.reason, b.identity) for b in found.blocked] == [
        ("credit/Staging", "MLflow has no version 1 of 'credit'", True)
    ]


@pytest.mark.parametrize("stage", ["Development", "Canary"])
def test_plan_of_a_stage_that_the_policy_does_not_govern_is_blocked(stage: str):
    found = plan(state({f"credit/{stage}": 1}), POLICY, registry({}))
    assert [(b.reason, b.identity) for b in found.blocked] == [(f"the policy governs no stage {stage!r}", False)]


def test_plan_of_two_models_on_one_registered_name_writes_for_neither():
    shared = {"toy/@spec": {"tier": "low", "name": "Credit"}, "toy/Production": 1, "credit/Production": 2}
    found = plan(state(shared), POLICY, registry({"champion": 3}))
    assert found.pairs == ()
    assert [(str(b.key), b.reason, b.identity) for b in found.blocked] == [
        ("credit/Production", "'credit' in MLflow is also that of the model toy", True),
        ("toy/Production", "'Credit' in MLflow is also that of the model credit", True),
    ]


def test_plan_archives_what_a_blocked_stage_wanted():
    wanted = {"credit/Staging": "none", "credit/Production": {"v": 2, "run": "another"}}
    found = plan(state(wanted, {"credit/Staging": 2}), POLICY, registry({"challenger": 2}, v2="Staging"))
    assert [written(pair) for pair in found.pairs] == [["alias challenger: 2 → None", "stage 2: Staging → Archived"]]
    assert [str(b.key) for b in found.blocked] == ["credit/Production"]


@pytest.mark.parametrize(
    ("mode", "promotion", "drift"),
    [
        pytest.param("enforce", True, True, id="enforce applies and corrects"),
        pytest.param("report", True, False, id="report applies, and only reports drift"),
        pytest.param("observe", False, False, id="observe shows the difference"),
        pytest.param(None, True, True, id="the policy's default"),
    ],
)
def test_plan_writes_what_the_mode_allows(mode: str | None, promotion: bool, drift: bool):
    spec = {"credit/@spec": {"tier": "low", "mode": mode}}
    moved = plan(state({**spec, "credit/Staging": 2}, {"credit/Staging": 1}), POLICY, registry({"challenger": 1}))
    drifted = plan(state({**spec, "credit/Staging": 1}), POLICY, registry({"challenger": 2}))
    assert [(p.drift, p.write) for p in moved.pairs] == [(False, promotion)]
    assert [(p.drift, p.write) for p in drifted.pairs] == [(True, drift)]
    assert all(pair.actions for pair in (*moved.pairs, *drifted.pairs))


def test_mode_of_a_model_without_an_authorized_spec_is_the_default():
    assert mode_of(state({}), replace(POLICY, default_mode="observe"), "credit") == "observe"


def test_plan_counts_the_aliases_that_git_does_not_name():
    actual = registry({"champion": 1, "challenger": 1, "dev": 2, "canary": 3}, v1="Staging")
    assert plan(state({"credit/Staging": 1}), POLICY, actual).unmanaged == 3
    assert plan(state({}), POLICY, actual).unmanaged == 4
    assert plan(state({"other/Staging": "none"}), POLICY, actual).unmanaged == 4
    assert plan(state({"credit/Development": 1}), POLICY, actual).unmanaged == 4


def test_plan_is_ordered_by_key():
    actual = ActualState(
        observed_at=START, models={**registry({}).models, **registry({}, name="ads", v1="None").models}
    )
    wanted = {"credit/Shadow": 1, "ads/Staging": 1, "ads/Production": 1}
    found = plan(state(wanted, dict.fromkeys(wanted)), POLICY, actual)
    assert [str(pair.key) for pair in found.pairs] == ["ads/Production", "ads/Staging", "credit/Shadow"]
    assert [pair.registered for pair in found.pairs] == ["ads", "ads", "credit"]


def test_tag_action_names_the_ledger_index_on_the_version():
    (pair,) = plan(state({"credit/Staging": 2}, {"credit/Staging": 1}), POLICY, registry({})).pairs
    assert tag_action(pair, "4", 17) == Action(
        kind="tag", model="credit", target="2/stagewright.ledger-index", before="4", after="17"
    )


def test_tag_action_of_nobody_is_none():
    (pair,) = plan(state({"credit/Staging": "none"}, {"credit/Staging": 1}), POLICY, registry({})).pairs
    assert tag_action(pair, None, 17) is None


WANTED = st.sampled_from([None, "none", 1, 2, 3])
STAGES = st.sampled_from(["None", "Staging", "Production", "Archived"])
NUMBERS = st.none() | st.integers(1, 3)


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(
    authorized=st.fixed_dictionaries({f"credit/{stage}": WANTED for stage in ("Staging", "Shadow", "Production")}),
    aliases=st.fixed_dictionaries(dict.fromkeys(("challenger", "shadow", "mirror", "champion", "dev"), NUMBERS)),
    stages=st.fixed_dictionaries(dict.fromkeys(("v1", "v2", "v3"), STAGES)),
)
def test_plan_carried_out_in_order_finds_what_it_expects_and_leaves_nothing_to_do(
    authorized: dict[str, Any], aliases: dict[str, int | None], stages: dict[str, str]
):
    wanted = state(authorized)
    actual = registry({name: number for name, number in aliases.items() if number is not None}, **stages)
    model = actual.models["credit"]
    for pair in plan(wanted, POLICY, actual).pairs:
        for action in pair.actions:
            model = carried_out(model, action)
    assert plan(wanted, POLICY, replace(actual, models={"credit": model})).pairs == ()
    assert model.aliases.get("dev") == aliases["dev"]


def carried_out(model: ActualModel, action: Action) -> ActualModel:
    """The model once MLflow has done the action, which has to find what it expects."""
    if action.kind == "alias":
        found = model.aliases.get(action.target)
        assert (None if found is None else str(found)) == action.before
        left = {name: number for name, number in model.aliases.items() if name != action.target}
        return replace(model, aliases=left if action.after is None else {**left, action.target: int(action.after)})
    number = int(action.target)
    assert model.versions[number].stage == action.before
    assert action.after is not None
    return replace(model, versions={**model.versions, number: replace(model.versions[number], stage=action.after)})
