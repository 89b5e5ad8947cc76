"""The seven laws of the fold (docs/fold.md), over random stories."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagewright.core.change import brought_keys, subjects, touched_keys
from stagewright.core.fold import Folded, fold, judge_again
from stagewright.errors import IncompleteError
from stagewright.model.desired import DesiredState
from stagewright.model.keys import GovernanceKey
from stagewright.model.policy import Governance
from stagewright.model.review import PullRequest
from stagewright.model.state import Facts
from tests.fold_world import ORIGIN, World
from tests.property import naive_fold as naive
from tests.property.stories import CHANGES, STORIES, Page, Story, run, told, without

GOVERNANCE = GovernanceKey()
law = settings(max_examples=80, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


@law
@given(STORIES)
def test_law_1_only_adopted_values_and_approved_ones_are_authorized(story: Story) -> None:
    pages = told(story)
    allowed = {(key, value) for key, value in pages[0].before.authorized.items()}
    for page in pages:
        allowed |= {
            (v.promotion.key, v.promotion.after)
            for v in page.folded.verdicts
            if v.answer == "approved" and v.promotion.after is not None
        }
        assert set(page.folded.state.authorized.items()) <= allowed
        assert set(page.folded.state.authorized_by) == set(page.folded.state.authorized)


@law
@given(STORIES)
def test_law_2_what_is_open_under_a_key_leads_to_what_is_declared(story: Story) -> None:
    for page in told(story):
        state = page.folded.state
        leads = {key: promotion.after for key, promotion in state.open.items()}
        assert leads == {key: state.declared.values.get(key) for key in state.open}
        assert {promotion.key for promotion in state.open.values()} == set(state.open)


@law
@given(STORIES)
def test_law_3_nothing_but_an_approved_governance_changes_who_judges(story: Story) -> None:
    judges = {}
    for page in told(story):
        now = page.before.authorized[GOVERNANCE]
        if page.step is not None:
            judges[page.step.position] = now
        approved = {
            v.promotion.after for v in page.folded.verdicts if v.answer == "approved" and v.promotion.key == GOVERNANCE
        }
        assert page.folded.state.authorized[GOVERNANCE] in {now, *approved}
        for verdict in page.folded.verdicts:
            assert verdict.promotion.governance == judges[verdict.promotion.position]
            digests = {naive.sha(naive.plain(value)) for value in (now, *approved) if value is not None}
            assert verdict.governance_now in digests
            assert verdict.governance_at_step == naive.sha(naive.plain(verdict.promotion.governance))


@law
@given(STORIES, st.integers(0, 12))
def test_law_4_how_history_is_cut_into_syncs_changes_nothing(story: Story, cut: int) -> None:
    pages = told(story)
    facts = pages[-1].facts
    steps = [page.step for page in pages if page.step is not None]
    start = pages[0].before
    whole = fold(start, steps, facts)
    first = fold(start, steps[:cut], facts)
    second = fold(first.state, steps[cut:], facts)
    joined = Folded(
        state=second.state,
        verdicts=first.verdicts + second.verdicts,
        superseded=first.superseded + second.superseded,
    )
    assert joined == whole


@law
@given(STORIES, st.data())
def test_law_5_a_gap_in_the_facts_never_yields_a_verdict_of_its_own(story: Story, data: st.DataObject) -> None:
    page = data.draw(st.sampled_from(told(story)), label="page")
    gaps: list[tuple[str, Any]] = [("governances", value) for value in page.facts.governances]
    gaps += [("versions", pin) for pin in page.facts.versions]
    gaps += [("teams", team) for team in page.facts.teams]
    for what, key in gaps:
        try:
            told_again = run(page, without(page.facts, what, key))
        except IncompleteError:
            continue
        assert told_again == page.folded


@law
@given(STORIES)
def test_law_5_a_pull_request_that_was_not_read_anew_yields_no_verdict(story: Story) -> None:
    for page in told(story):
        state = page.folded.state
        if state.open:
            with pytest.raises(IncompleteError, match="was not read anew"):
                judge_again(state, page.facts, {})


@law
@given(STORIES)
def test_law_6_the_order_of_anything_changes_nothing(story: Story) -> None:
    for page in told(story):
        turned = run(
            page,
            turned_facts(page.facts),
            before=replace(page.before, authorized=backwards(page.before.authorized), open=backwards(page.before.open)),
            step=None if page.step is None else turned_step(page),
            pulls={name: turned_pull(pull) for name, pull in backwards(page.pulls).items()},
        )
        assert essence(turned) == essence(page.folded)


@settings(law, max_examples=250)
@given(STORIES)
def test_law_7_the_engine_says_what_the_naive_reading_says(story: Story) -> None:
    for page in told(story):
        state = page.folded.state
        assert {v.promotion.key: (v.answer, v.restore) for v in page.folded.verdicts} == page.answers
        assert {s.promotion.id for s in page.folded.superseded} == page.closed
        assert state.authorized == page.authorized
        assert {key: promotion.id for key, promotion in state.open.items()} == page.open


@law
@given(CHANGES, CHANGES, CHANGES)
def test_subjects_and_touched_keys_are_those_of_the_naive_reading(
    one: Mapping[str, Any], two: Mapping[str, Any], three: Mapping[str, Any]
) -> None:
    world = World()
    world.begin({"@governance": "standard", "credit/@spec": "high", "credit/Staging": 1, **one})
    states = [world.state(world.main), *(world.push(changes).after for changes in (two, three))]
    for before in states:
        for after in states:
            assert subjects(ORIGIN, before, after) == naive.subjects(ORIGIN, before, after)
            assert touched_keys(after, states) == naive.touched(after, states)
            assert touched_keys(after, [before]) == naive.touched(after, [before])
            for head in states:
                for inside in ([], [before], states):
                    assert brought_keys(after, inside, head, before) == naive.brought(after, inside, head, before)


def backwards(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
    return dict(list(mapping.items())[::-1])


def turned_state(state: DesiredState) -> DesiredState:
    return replace(state, values=backwards(state.values), cards=backwards(state.cards))


def turned_pull(pull: PullRequest | None) -> PullRequest | None:
    return None if pull is None else replace(pull, reviews=pull.reviews[::-1], commits=pull.commits[::-1])


def turned_step(page: Page) -> Any:
    step = page.step
    assert step is not None
    return replace(step, before=turned_state(step.before), after=turned_state(step.after), pull=turned_pull(step.pull))


def turned_governance(governance: Governance) -> Governance:
    policy = governance.policy
    if policy is None:
        return governance
    groups = tuple(replace(group, members=group.members[::-1]) for group in policy.groups[::-1])
    turned = replace(policy, groups=groups, people=policy.people[::-1])
    return replace(governance, policy=turned, signers=governance.signers[::-1])


def turned_facts(facts: Facts) -> Facts:
    return replace(
        facts,
        governances={value: turned_governance(one) for value, one in backwards(facts.governances).items()},
        versions=backwards(facts.versions),
        teams={name: members and members[::-1] for name, members in backwards(facts.teams).items()},
    )


def essence(folded: Folded) -> Any:
    """Everything that was decided and said, in its order, without the facts it was decided on."""
    return (
        [
            (v.promotion.id, v.answer, v.restore, v.reason, v.requirements, v.sign_offs, v.governance_now)
            for v in folded.verdicts
        ],
        [(s.promotion.id, s.by) for s in folded.superseded],
        folded.state.authorized,
        {key: promotion.id for key, promotion in folded.state.open.items()},
    )
