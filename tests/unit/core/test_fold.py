"""The state that a step leaves behind, beyond what tests/vectors tells and the laws hold."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stagewright.core.fold import GENESIS, broken, fold, genesis, in_order, judge_again, put, same_version
from stagewright.errors import IncompleteError
from stagewright.model.desired import NOBODY, StageEntry, StageValue
from stagewright.model.keys import GovernanceKey, StageKey, parse_key
from stagewright.model.state import State
from tests.fold_world import ORIGIN, START, World, entry, governance_value

STAGING, PRODUCTION = StageKey("credit", "Staging"), StageKey("credit", "Production")
LATER = START + timedelta(days=1)


def version(said: Any) -> StageValue:
    value = entry("credit", said)
    assert isinstance(value, StageValue)
    return value


def begin(world: World, adopted: dict[StageKey, StageValue] | None = None) -> State:
    declared = world.begin(
        {"@governance": "standard", "credit/@spec": "high", "credit/Staging": 1, "credit/Production": "none"}
    )
    found = {k: v for k, v in declared.values.items() if isinstance(k, StageKey) and isinstance(v, StageValue)}
    return genesis(origin=ORIGIN, declared=declared, adopted=found if adopted is None else adopted, now=START)


def test_genesis_adopts_governance_and_specs_from_git_and_entries_from_the_registry():
    world = World()
    state = begin(world, {STAGING: version(2), PRODUCTION: NOBODY})
    assert state.authorized == {
        GovernanceKey(): governance_value("standard"),
        parse_key("credit/@spec"): state.declared.values[parse_key("credit/@spec")],
        STAGING: version(2),
        PRODUCTION: NOBODY,
    }
    assert set(state.authorized_by.values()) == {GENESIS}
    assert {key: (held.value, held.since, held.cause) for key, held in state.held.items()} == {
        STAGING: (version(2), START, GENESIS),
        PRODUCTION: (NOBODY, START, GENESIS),
    }
    assert state.ever_held == {("credit", "Staging", version(2).digest)}  # type: ignore[union-attr] # 2 is an entry
    assert (state.origin, state.revision, state.position, state.open) == (ORIGIN, world.main, 0, {})


@pytest.mark.parametrize(
    ("said", "found", "same"),
    [
        pytest.param(1, 1, True, id="all pins"),
        pytest.param(1, {"v": 1, "trainer": None}, True, id="the trainer is not asked"),
        pytest.param(1, {"v": 1, "model-id": "m", "source": "s"}, True, id="a pin that is not declared is not asked"),
        pytest.param({"v": 1, "model-id": "m"}, 1, False, id="a declared pin that the registry does not have"),
        pytest.param({"v": 1, "source": "s"}, {"v": 1, "source": "t"}, False, id="another source"),
        pytest.param(1, {"v": 1, "run": "another"}, False, id="another run"),
        pytest.param(1, {"v": 1, "digest": "another"}, False, id="other artifacts"),
        pytest.param(1, {"v": 1, "evidence": "another"}, False, id="other evidence"),
        pytest.param(1, 2, False, id="another version"),
        pytest.param("none", "none", True, id="nobody"),
        pytest.param(1, "none", False, id="declared, but nobody holds it"),
        pytest.param("none", 1, False, id="nobody declared, but somebody holds it"),
    ],
)
def test_same_version_compares_the_declared_pins(said: Any, found: Any, same: bool):
    assert same_version(version(said), version(found)) is same


def test_genesis_takes_the_declared_entry_where_it_is_the_same_version():
    state = begin(World(), {STAGING: replace(version(1), trainer=None)})  # type: ignore[type-var] # 1 is an entry
    assert state.authorized[STAGING] == version(1)


def test_genesis_of_a_pair_that_git_does_not_name_adopts_it_as_found():
    shadow = StageKey("credit", "Shadow")
    assert begin(World(), {shadow: version(3)}).authorized[shadow] == version(3)


def test_fold_of_no_step_changes_nothing():
    world = World()
    state = begin(world)
    folded = fold(state, [], world.facts())
    assert (folded.state, folded.verdicts, folded.superseded) == (state, (), ())


def test_fold_moves_revision_and_position_and_says_who_superseded_what():
    world = World()
    state = begin(world)
    world.commit("dana", "one", {"credit/Staging": 2})
    first = world.merge("one", "merge", {})
    world.commit("dana", "two", {"credit/Staging": 3})
    second = world.merge("two", "merge", {})
    folded = fold(state, [first, second], world.facts())
    waiting = folded.state.open[STAGING]
    assert (folded.state.revision, folded.state.position) == (second.commit, 2)
    assert (waiting.position, waiting.commit) == (2, second.commit)
    assert [(s.promotion.position, s.by) for s in folded.superseded] == [(1, waiting.id)]
    assert folded.state.declared == second.after


def test_fold_of_an_approved_release_forgets_what_the_pair_held():
    world = World()
    state = begin(world)
    world.commit("dana", "p", {"credit/Staging": None})
    world.review("omar", "p", "approve")
    after = fold(state, [world.merge("p", "merge", {})], world.facts()).state
    assert STAGING not in after.authorized
    assert STAGING not in after.authorized_by
    assert set(after.held) == {PRODUCTION}
    assert after.ever_held == state.ever_held


def test_fold_of_an_approved_entry_names_the_promotion_and_holds_nothing_yet():
    world = World()
    state = begin(world)
    world.commit("dana", "p", {"credit/Staging": 2})
    world.review("omar", "p", "approve")
    folded = fold(state, [world.merge("p", "merge", {})], world.facts())
    assert folded.state.authorized_by[STAGING] == folded.verdicts[0].promotion.id
    assert folded.state.held == state.held


def test_fold_of_a_restore_leaves_who_authorized_it():
    world = World()
    state = begin(world)
    there, back = world.push({"credit/Staging": 2}), world.push({"credit/Staging": 1})
    folded = fold(state, [there, back], world.facts())
    assert [(v.answer, v.restore) for v in folded.verdicts] == [("refused", False), ("approved", True)]
    assert folded.state.authorized_by == state.authorized_by


def test_judge_again_reads_the_pull_request_anew():
    world = World()
    world_state = begin(world)
    world.commit("dana", "p", {"credit/Staging": 2})
    pending = fold(world_state, [world.merge("p", "merge", {})], world.facts()).state
    world.review("omar", "p", "approve")
    stale = {p.id: p.pull for p in pending.open.values()}
    assert [v.answer for v in judge_again(pending, world.facts(), stale).verdicts] == ["pending"]
    fresh = world.pulls_of(pending.open.values())
    folded = judge_again(pending, world.facts(), fresh)
    assert [v.answer for v in folded.verdicts] == ["approved"]
    assert folded.state.open == {}
    assert folded.state.authorized[STAGING] == version(2)


def test_judge_again_without_the_pull_request_is_an_incomplete_answer():
    world = World()
    state = begin(world)
    world.commit("dana", "p", {"credit/Staging": 2})
    pending = fold(state, [world.merge("p", "merge", {})], world.facts()).state
    with pytest.raises(IncompleteError, match="credit/Staging: its pull request was not read anew"):
        judge_again(pending, world.facts(), {})


def test_in_order_promotions_stand_governance_first_then_by_position_then_by_key():
    world = World()
    state = begin(world)
    steps = []
    for branch, change in (
        ("one", {"credit/Staging": 2, "credit/@spec": "medium"}),
        ("two", {"fraud/Staging": 2}),
        ("three", {"@governance": "strict"}),
    ):
        world.commit("dana", branch, change)
        steps.append(world.merge(branch, "merge", {}))
    waiting = fold(state, steps, world.facts()).state.open.values()
    expected = ["@governance", "credit/@spec", "credit/Staging", "fraud/Staging"]
    assert [str(p.key) for p in in_order(waiting)] == expected
    assert [str(p.key) for p in in_order(reversed(list(waiting)))] == expected


def test_put_records_what_a_pair_holds_and_that_it_was_ever_held():
    state = put(begin(World()), STAGING, version(2), since=LATER, cause="p")
    held = state.held[STAGING]
    assert (held.value, held.since, held.cause) == (version(2), LATER, "p")
    assert state.ever_held == {
        ("credit", "Staging", v.digest) for v in (version(1), version(2)) if isinstance(v, StageEntry)
    }


def test_put_of_nobody_was_never_held_by_any_digest():
    before = begin(World())
    state = put(before, STAGING, NOBODY, since=LATER, cause="p")
    assert state.held[STAGING].value == NOBODY
    assert state.ever_held == before.ever_held


def test_broken_interval_begins_anew():
    state = broken(begin(World()), STAGING, at=LATER)
    assert (state.held[STAGING].since, state.held[STAGING].value) == (LATER, version(1))


def test_broken_interval_of_a_pair_that_holds_nothing_changes_nothing():
    state = begin(World())
    assert broken(state, StageKey("credit", "Shadow"), at=LATER) is state
