"""What a verdict says: its reason, its requirements, who could give what is missing. Answers are in tests/vectors."""

from dataclasses import replace
from typing import Any

import pytest

from stagewright.core.change import promotions_of
from stagewright.core.fold import genesis
from stagewright.core.judge import authorized_governance, evaluate, governance_of, judge, refusal
from stagewright.errors import IncompleteError
from stagewright.model.desired import GovernanceValue, StageEntry
from stagewright.model.keys import GovernanceKey, StageKey
from stagewright.model.policy import Governance
from stagewright.model.promotion import Promotion
from stagewright.model.state import Facts, State
from stagewright.model.verdict import Verdict
from tests.fold_world import ORIGIN, START, World, governance, governance_value

NO_LAW = GovernanceValue(policy=None, allowed_signers=None, codeowners=())


class Case:
    """@dana proposes `change`; the reviews named approve or reject it; it is merged."""

    def __init__(self, change: dict[str, Any], reviews: str = "", *, law: Any = "standard", slip: Any = None) -> None:
        world = World()
        declared = world.begin({"@governance": law, "credit/@spec": "high", "credit/Staging": 1})
        adopted = {k: v for k, v in declared.values.items() if isinstance(k, StageKey) and isinstance(v, StageEntry)}
        self.state: State = genesis(origin=ORIGIN, declared=declared, adopted=adopted, now=START)
        world.commit("dana", "p", change)
        for review in reviews.split():
            world.review(review.removeprefix("!"), "p", "reject" if review.startswith("!") else "approve", name=review)
        step = world.merge("p", "merge", slip or {})
        (self.promotion,) = promotions_of(ORIGIN, step, authorized_governance(self.state))
        self.facts: Facts = world.facts()

    def verdict(self, **difference: Any) -> Verdict:
        return judge(replace(self.promotion, **difference), self.state, self.facts)


def test_judge_approved_promotion_says_what_it_rests_on():
    case = Case({"credit/Staging": 2}, "omar")
    verdict = case.verdict()
    assert (verdict.answer, verdict.restore, verdict.reason) == ("approved", False, "every requirement is satisfied")
    assert [(r.rule, r.name, r.state) for r in verdict.requirements] == [
        ("identity", "pins", "satisfied"),
        ("staging", "1 approval from codeowners", "satisfied"),
        ("staging", "independent of author", "satisfied"),
        ("staging", "independent of committers", "satisfied"),
    ]
    assert verdict.requirements[1].detail == "given by @omar"
    assert verdict.requirements[1].facts == ("@omar",)
    assert verdict.requirements[2].facts == ("@dana opened the pull request", "@tess trained the version")
    assert [(s.review, s.person, s.counted) for s in verdict.sign_offs] == [("omar", "@omar", True)]
    digest = governance(authorized_governance(case.state)).digest
    assert (verdict.governance_at_step, verdict.governance_now) == (digest, digest)


@pytest.mark.parametrize(
    ("reviews", "law", "name", "detail", "candidates"),
    [
        pytest.param(
            "",
            "standard",
            "1 approval from codeowners",
            "0 of 1 given; 1 more from: @olga, @omar",
            ("@olga", "@omar"),
            id="none of one",
        ),
        pytest.param(
            "omar",
            "two-owners",
            "2 approvals from codeowners",
            "1 of 2 given; 1 more from: @olga",
            ("@olga",),
            id="one of two",
        ),
        pytest.param(
            "",
            {"policy": "anybody", "owners": "by-mail"},
            "1 approval from codeowners or @acme/risk",
            "0 of 1 given; 1 more from: @omar, @rita, @rob",
            ("@omar", "@rita", "@rob"),
            id="either of two sources",
        ),
        pytest.param(
            "olga !omar",
            "standard",
            "no open rejection",
            "veto by @omar: each must approve or withdraw it",
            ("@omar",),
            id="a veto",
        ),
    ],
)
def test_judge_pending_promotion_says_who_can_give_what_is_missing(
    reviews: str, law: Any, name: str, detail: str, candidates: tuple[str, ...]
):
    verdict = Case({"credit/Staging": 2}, reviews, law=law).verdict()
    missing = [r for r in verdict.requirements if r.state == "missing"]
    assert verdict.answer == "pending"
    assert [(r.name, r.detail, r.candidates) for r in missing] == [(name, detail, candidates)]
    assert verdict.reason == f"{name}: {detail}"


def test_judge_pending_promotion_that_nobody_is_left_for_says_so():
    verdict = Case(
        {"credit/Staging": {"v": 2, "trainer": {"declared": "@omar"}}}, law={"policy": "standard", "owners": "by-mail"}
    ).verdict()
    assert verdict.reason == "1 approval from codeowners: 0 of 1 given; 1 more from: nobody is left who could give it"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        pytest.param({"v": 2, "trainer": None}, ["independent of trainer"], id="an entry without a trainer"),
        pytest.param({"v": 2, "trainer": {"declared": "@tess"}}, [], id="a declared trainer"),
        pytest.param("none", [], id="nobody was trained"),
    ],
)
def test_judge_asks_for_the_trainer_where_the_rule_does(change: Any, names: list[str]):
    verdict = Case({"credit/Staging": change}, "omar", law="authenticated").verdict()
    assert [r.name for r in verdict.requirements if r.state == "missing"] == names


def test_judge_approval_with_a_role_names_it():
    case = Case({"credit/Staging": 2})
    value = authorized_governance(case.state)
    law = governance(value)
    assert law.policy is not None
    rules = tuple(replace(r, approvals=tuple(replace(a, role="Owner") for a in r.approvals)) for r in law.policy.rules)
    found = evaluate(case.promotion, case.state, case.facts, replace(law, policy=replace(law.policy, rules=rules)))
    assert [r.name for r in found.requirements][1] == "1 approval from codeowners as Owner"


@pytest.mark.parametrize(
    ("difference", "reason"),
    [
        pytest.param({"pull": None}, "was pushed without a pull request", id="pushed"),
        pytest.param({"parents": 3}, "has 3 parents", id="octopus"),
        pytest.param({"subject": "another"}, "the merge brought what no reviewed head had", id="another subject"),
    ],
)
def test_judge_step_that_history_refuses_is_refused_whatever_the_reviews(difference: dict[str, Any], reason: str):
    verdict = Case({"credit/Staging": 2}, "omar").verdict(**difference)
    assert (verdict.answer, verdict.sign_offs) == ("refused", ())
    assert [(r.rule, r.state) for r in verdict.requirements] == [("history", "violated")]
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("difference", "reason"),
    [
        pytest.param({"base_branch": "dev"}, "it was opened against 'dev', not 'main'", id="another base"),
        pytest.param({"subjects": None}, "cannot be read any more", id="an unreadable head"),
        pytest.param({"subjects": None, "merge_bases": 0}, "no history in common", id="an unrelated head"),
        pytest.param({"subjects": None, "merge_bases": 2}, "has 2 merge bases with the branch", id="two merge bases"),
        pytest.param({"merge_bases": 2}, "what no reviewed head had", id="a head with two merge bases"),
    ],
)
def test_judge_pull_request_that_history_refuses_is_refused(difference: dict[str, Any], reason: str):
    case = Case({"credit/Staging": 2}, "omar")
    pull = case.promotion.pull
    assert pull is not None
    base = {k: v for k, v in difference.items() if k == "base_branch"}
    head = {k: v for k, v in difference.items() if k != "base_branch"}
    verdict = case.verdict(pull=replace(pull, head=replace(pull.head, **head), **base))
    assert verdict.answer == "refused"
    assert reason in verdict.reason


def test_judge_restore_is_approved_without_requirements():
    verdict = Case({"credit/Staging": 2}).verdict(after=Case({"credit/Staging": 2}).promotion.before, pull=None)
    assert (verdict.answer, verdict.restore, verdict.requirements) == ("approved", True, ())
    assert verdict.reason == "it declares what is authorized already"


@pytest.mark.parametrize(
    ("change", "difference", "reason"),
    [
        pytest.param("weak", {"before": governance_value("strict")}, "main holds an unapproved policy", id="from"),
        pytest.param("weak", {"after": None}, "it would leave no governance at all", id="none"),
        pytest.param({"policy": "no-policy"}, {}, "it would leave no policy", id="no policy"),
        pytest.param("other-ledger", {}, "the ledger is 'ledger.example/prod' for ever", id="another ledger"),
    ],
)
def test_judge_governance_that_must_not_be_is_refused(change: Any, difference: dict[str, Any], reason: str):
    verdict = Case({"@governance": change}, "rita rob").verdict(**difference)
    assert verdict.answer == "refused"
    assert verdict.reason.startswith("governance: ")
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("at_step", "now", "answer", "missing"),
    [
        pytest.param("standard", "standard", "approved", [], id="both light"),
        pytest.param("standard", "strict", "pending", ["1 approval from @acme/risk"], id="tightened"),
        pytest.param("strict", "standard", "pending", ["1 approval from @acme/risk"], id="loosened"),
        pytest.param("strict", "two-owners", "pending", ["2 approvals from codeowners"], id="a tie: that of now"),
        pytest.param("standard", {"policy": "standard", "owners": "nobody"}, "refused", [], id="now refuses"),
    ],
)
def test_judge_takes_the_worse_of_the_governance_at_its_step_and_now(
    at_step: Any, now: Any, answer: str, missing: list[str]
):
    case = Case({"credit/Staging": 2}, "omar", law=now)
    then = governance_value(at_step)
    assert then is not None
    case.facts = replace(case.facts, governances={**case.facts.governances, then: governance(then)})
    verdict = case.verdict(governance=then)
    assert verdict.answer == answer
    assert [r.name for r in verdict.requirements if r.state == "missing"] == missing
    assert verdict.governance_at_step == governance(then).digest
    assert verdict.governance_now == governance(authorized_governance(case.state)).digest


def test_judge_without_an_authorized_governance_refuses_everything():
    case = Case({"credit/Staging": 2}, "omar")
    state = replace(case.state, authorized={k: v for k, v in case.state.authorized.items() if k != GovernanceKey()})
    bare = Governance(value=NO_LAW, digest="none", policy=None, owners=(), signers=(), path="")
    facts = replace(case.facts, governances={**case.facts.governances, NO_LAW: bare})
    assert authorized_governance(state) == NO_LAW
    verdict = judge(case.promotion, state, facts)
    assert (verdict.answer, verdict.reason) == ("refused", "policy: no policy is authorized, and so nothing is allowed")


def test_judge_without_a_matching_rule_refuses():
    verdict = Case({"credit/Shadow": 2}, "omar rita").verdict()
    assert (verdict.answer, verdict.reason) == ("refused", "policy: no rule of the policy matches credit/Shadow")


def test_judge_ownerless_path_is_refused_by_name():
    verdict = Case({"credit/Staging": 2}, "omar", law={"policy": "standard", "owners": "nobody"}).verdict()
    assert verdict.reason == "1 approval from codeowners: CODEOWNERS gives models/credit.yaml to nobody"


def test_evaluate_without_a_pull_request_counts_nobody():
    case = Case({"credit/Staging": 2}, "omar")
    promotion: Promotion = replace(case.promotion, pull=None)
    found = evaluate(promotion, case.state, case.facts, governance(authorized_governance(case.state)))
    assert (found.answer, found.sign_offs) == ("pending", ())


def test_governance_of_unread_files_is_an_incomplete_answer():
    case = Case({"credit/Staging": 2}, "omar")
    with pytest.raises(IncompleteError, match="could not be read"):
        governance_of(case.facts, GovernanceValue(policy="unread", allowed_signers=None, codeowners=()))
    with pytest.raises(IncompleteError, match="could not be read"):
        judge(case.promotion, case.state, replace(case.facts, governances={}))


def test_refusal_names_its_one_reason():
    case = Case({"credit/Staging": 2}, "omar")
    verdict = refusal(case.promotion, case.state, case.facts, name="one thing", detail="at a time")
    assert (verdict.answer, verdict.reason, verdict.restore) == ("refused", "at a time", False)
    assert [(r.name, r.detail) for r in verdict.requirements] == [("one thing", "at a time")]
