from collections.abc import Mapping
from typing import Any

import pytest

from stagewright.core.rules import heaviest, lower, paths_of, select, tier_of
from stagewright.model.desired import NOBODY, GovernanceValue, Value
from stagewright.model.keys import GovernanceKey, Key, parse_key
from stagewright.model.policy import Approval, Governance, Policy, Rule, StagePolicy
from stagewright.model.promotion import Promotion
from tests.fold_world import Tree, governance_value

LAW = governance_value("standard")


def rule(name: str, stages: str, tiers: str = "low medium high", *, governance: bool = False) -> Rule:
    return Rule(
        name=name,
        stages=tuple(stages.split()),
        risk_tiers=tuple(tiers.split()),  # type: ignore[arg-type] # tiers are spelled right here
        governance=governance,
        approvals=(Approval(count=1, sources=("codeowners",)),),
    )


POLICY = Policy(
    stages=(
        StagePolicy(name="Development", ungoverned=True),
        StagePolicy(name="Staging"),
        StagePolicy(name="Canary"),
        StagePolicy(name="Production"),
    ),
    default_mode="enforce",
    origin="o",
    rules=(
        rule("production-low", "Production", "low"),
        rule("production-high", "Production", "medium high"),
        rule("staging", "Staging"),
        rule("canary", "Canary", "high"),
        rule("law", "", governance=True),
    ),
)
WITHOUT_LAW = Policy(stages=POLICY.stages, default_mode="enforce", origin="o", rules=POLICY.rules[:4])


def values(changes: Mapping[str, Any]) -> Mapping[Key, Value]:
    return Tree({}, {}).with_changes(changes).values


def promotion(key: Key, *, before: Value | None = None, after: Value | None = None, spec: Any = None) -> Promotion:
    assert LAW is not None
    return Promotion(
        id="i",
        key=key,
        before=before,
        after=after,
        subject="s",
        first_parent="a",
        commit="y",
        position=1,
        parents=2,
        governance=LAW,
        spec=values({"m/@spec": spec}).get(parse_key("m/@spec")),
        card=None,
        pull=None,
    )


@pytest.mark.parametrize(
    ("key", "at_step", "authorized", "declared", "expected"),
    [
        pytest.param("m/Production", "low", "low", "low", ["production-low"], id="light everywhere"),
        pytest.param("m/Production", "medium", "low", "low", ["production-high"], id="heavier at its step"),
        pytest.param("m/Production", "low", "high", "low", ["production-high"], id="heavier as authorized"),
        pytest.param("m/Production", "low", "low", "high", ["production-high"], id="heavier as declared now"),
        pytest.param("m/Production", "low", None, "low", ["production-high"], id="no spec is authorized"),
        pytest.param("m/Production", None, "low", None, ["production-low"], id="the spec is gone from the branch"),
        pytest.param("m/Canary", "low", "low", "low", [], id="no rule for that tier"),
        pytest.param("m/Canary", "high", "high", "high", ["canary"], id="a rule for that tier"),
        pytest.param("m/Development", "low", "low", "low", [], id="an ungoverned stage"),
        pytest.param("m/Nowhere", "low", "low", "low", [], id="a stage that is none"),
    ],
)
def test_select_for_a_stage_takes_the_heaviest_tier(
    key: str, at_step: str | None, authorized: str | None, declared: str | None, expected: list[str]
):
    found = select(
        promotion(parse_key(key), after=NOBODY, spec=at_step),
        POLICY,
        values({"m/@spec": authorized}),
        values({"m/@spec": declared}),
    )
    assert [one.name for one in found.rules] == expected
    assert found.whole is True


@pytest.mark.parametrize(
    ("authorized", "to", "expected"),
    [
        pytest.param({"m/@spec": "low", "m/Staging": 1}, "low", ["staging"], id="the stage it holds"),
        pytest.param(
            {"m/@spec": "low", "m/Staging": 1, "m/Production": 1},
            "low",
            ["production-low", "staging"],
            id="every stage it holds",
        ),
        pytest.param(
            {"m/@spec": "low", "m/Production": 1}, "medium", ["production-high"], id="raised: the heavier rule"
        ),
        pytest.param(
            {"m/@spec": "high", "m/Staging": 1},
            "medium",
            ["production-high", "staging", "canary"],
            id="lowered: every governed stage at the highest tier",
        ),
        pytest.param({"m/@spec": "low", "m/Staging": 1}, None, ["staging"], id="removed"),
        pytest.param(
            {"m/@spec": "medium", "m/Staging": "none"},
            "medium",
            ["production-high", "staging"],
            id="holding nothing: every governed stage",
        ),
        pytest.param({}, "low", ["production-high", "staging", "canary"], id="new below the highest tier"),
        pytest.param({}, "high", ["production-high", "staging", "canary"], id="new at the highest tier"),
        pytest.param({"m/Staging": 1}, "high", ["staging"], id="new to a model that holds a stage"),
        pytest.param({"n/Production": 1, "m/@spec": "low", "m/Staging": 1}, "low", ["staging"], id="not another model"),
        pytest.param({"m/@spec": "low", "m/Retired": 1}, "low", [], id="a stage that no rule names any more"),
    ],
)
def test_select_for_a_spec_takes_the_stages_it_concerns(
    authorized: dict[str, Any], to: str | None, expected: list[str]
):
    key = parse_key("m/@spec")
    found = select(promotion(key, after=values({"m/@spec": to}).get(key)), POLICY, values(authorized), {})
    assert [one.name for one in found.rules] == expected
    assert found.whole is False


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(POLICY, ["law"], id="its own rule"),
        pytest.param(WITHOUT_LAW, ["production-low", "production-high", "staging", "canary"], id="or else all"),
    ],
)
def test_select_for_the_governance_takes_its_rules_or_all(policy: Policy, expected: list[str]):
    found = select(promotion(GovernanceKey()), policy, {}, {})
    assert [one.name for one in found.rules] == expected
    assert found.whole is False


def test_tiers_are_ordered_from_low_to_high():
    assert heaviest("low", "high", "medium") == "high"
    assert [lower("low", "medium"), lower("medium", "medium"), lower("high", "low")] == [True, False, False]
    assert [tier_of(None), tier_of(NOBODY), tier_of(values({"m/@spec": "medium"})[parse_key("m/@spec")])] == [
        None,
        None,
        "medium",
    ]


@pytest.mark.parametrize(
    ("key", "before", "after", "path", "expected"),
    [
        pytest.param("m/Staging", None, None, "", ("models/m.yaml",), id="a stage"),
        pytest.param("m/@spec", None, None, "risk/ml", ("risk/ml/models/m.yaml",), id="a spec below a folder"),
        pytest.param("@governance", "standard", "weak", "", ("stagewright.yaml",), id="the policy"),
        pytest.param(
            "@governance",
            "standard",
            {"policy": "weak", "signers": "without-rita"},
            "ml",
            ("ml/allowed_signers", "ml/stagewright.yaml"),
            id="policy and signers",
        ),
        pytest.param(
            "@governance", "standard", {"policy": "standard", "owners": "split"}, "ml", ("CODEOWNERS",), id="owners"
        ),
        pytest.param(
            "@governance",
            "standard",
            {"policy": "standard", "location": "docs/CODEOWNERS"},
            "",
            ("CODEOWNERS", "docs/CODEOWNERS"),
            id="owners at another location",
        ),
        pytest.param(
            "@governance", None, "standard", "", ("CODEOWNERS", "allowed_signers", "stagewright.yaml"), id="all"
        ),
    ],
)
def test_paths_of_a_promotion_are_the_files_that_change(
    key: str, before: Any, after: Any, path: str, expected: tuple[str, ...]
):
    value = GovernanceValue(policy=None, allowed_signers=None, codeowners=())
    law = Governance(value=value, digest="d", policy=None, owners=(), signers=(), path=path)
    moved = promotion(parse_key(key), before=governance_value(before), after=governance_value(after))
    assert paths_of(moved, law) == expected
