from dataclasses import replace

import pytest

from stagewright.core.asking import MAX_PEOPLE, Wanted, wanted
from stagewright.core.requirements import approval_name
from stagewright.model.policy import Approval, Group, Policy, Rule, StagePolicy
from stagewright.model.verdict import RequirementResult, Verdict
from tests.unit.core.test_review_page import proposed

GROUP = Group(name="@acme/Risk", members=("@mo", "@pat"))


def policy(*approvals: Approval) -> Policy:
    rule = Rule(
        name="heavy", stages=("Production",), risk_tiers=("low", "medium", "high"), governance=False,
        approvals=approvals,
    )  # fmt: skip
    stages = (StagePolicy(name="Production"),)
    return Policy(stages=stages, default_mode="enforce", origin="o", rules=(rule,), groups=(GROUP,))


def verdict(approval: Approval, *candidates: str, state: str = "missing") -> Verdict:
    result = RequirementResult(
        rule="heavy", name=approval_name(approval), state=state, detail="", candidates=candidates  # type: ignore[arg-type] # one of the three
    )  # fmt: skip
    return replace(proposed().verdict, requirements=(result,))


@pytest.mark.parametrize(
    ("sources", "candidates", "people", "teams"),
    [
        (("codeowners",), ("@noor",), (), ()),
        (("codeowners", "@acme/risk"), ("@noor", "@mo"), (), ()),
        (("@acme/risk",), ("@mo", "@pat"), ("mo", "pat"), ()),
        (("@acme/model-risk",), ("@mo",), (), ("@acme/model-risk",)),
        (("@mo",), ("@mo",), ("mo",), ()),
        (("mo@acme.example",), ("mo@acme.example",), (), ()),
        (("@acme/risk",), ("id 7", "@acme/x"), (), ()),
        (("@acme/risk",), tuple(f"@p{n}" for n in range(20)), tuple(f"p{n}" for n in range(MAX_PEOPLE)), ()),
    ],
    ids=[
        "owners, whom the forge asks", "owners or others", "a group of the policy", "a team of the forge", "one person",
        "an address", "people without a login", "too many",
    ],
)  # fmt: skip
def test_wanted_are_those_whom_nobody_else_asks(
    sources: tuple[str, ...], candidates: tuple[str, ...], people: tuple[str, ...], teams: tuple[str, ...]
):
    approval = Approval(count=1, sources=sources)
    assert wanted([verdict(approval, *candidates)], policy(approval), {}, {}) == Wanted(people=people, teams=teams)


def test_wanted_of_what_is_given_already_is_nobody():
    approval = Approval(count=1, sources=("@acme/risk",))
    given = verdict(approval, state="satisfied")
    assert wanted([given], policy(approval), {}, {}) == Wanted(people=(), teams=())


def test_wanted_for_two_promotions_are_asked_once():
    approval = Approval(count=1, sources=("@acme/risk",))
    both = [verdict(approval, "@mo"), verdict(approval, "@mo", "@pat")]
    assert wanted(both, policy(approval), {}, {}).people == ("mo", "pat")
