from dataclasses import replace
from typing import Any

import pytest

from stagewright.core.change import brought_keys, changed_keys, merged, promotions_of, subjects, touched_keys
from stagewright.core.identity import subject_of
from stagewright.model.desired import DesiredState
from stagewright.model.keys import GovernanceKey, SpecKey, StageKey
from stagewright.model.promotion import Step
from tests.fold_world import Tree, governance_value

STAGING, PRODUCTION, SPEC = StageKey("credit", "Staging"), StageKey("credit", "Production"), SpecKey("credit")
START = Tree({}, {}).with_changes(
    {"credit/@spec": "high", "credit/card": "text", "credit/Staging": 1, "fraud/Staging": 1}
)


def changed(changes: dict[str, object]) -> DesiredState:
    return START.with_changes(changes).state("c")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, (), id="nothing"),
        pytest.param({"credit/Staging": 2}, (STAGING,), id="another version"),
        pytest.param({"credit/Staging": {"v": 1, "evidence": "other"}}, (STAGING,), id="another pin"),
        pytest.param({"credit/Staging": None}, (STAGING,), id="released"),
        pytest.param({"credit/Staging": "none"}, (STAGING,), id="emptied"),
        pytest.param({"credit/card": "another text"}, (), id="a card is no key"),
        pytest.param(
            {"credit/Production": 1, "credit/@spec": "low", "fraud/Staging": 2, "@governance": "weak"},
            (GovernanceKey(), SPEC, PRODUCTION, StageKey("fraud", "Staging")),
            id="governance first, the spec before its stages",
        ),
    ],
)
def test_changed_keys_of_two_states_are_those_whose_value_differs(changes: Any, expected: Any):
    assert changed_keys(changed({}), changed(changes)) == expected


def test_subjects_of_a_step_are_those_of_its_changed_keys():
    before, after = changed({}), changed({"credit/Staging": 2, "fraud/Staging": 2})
    assert subjects("o", before, after) == {
        subject_of(origin="o", key=key, before=before.values[key], after=after)
        for key in (STAGING, StageKey("fraud", "Staging"))
    }


@pytest.mark.parametrize(
    ("now", "parents", "expected"),
    [
        pytest.param({"credit/Staging": 2}, [{}], {STAGING}, id="a value"),
        pytest.param({"credit/@spec": "low"}, [{}], {SPEC, STAGING}, id="the spec is in the subject of every stage"),
        pytest.param({"credit/card": "other"}, [{}], {SPEC, STAGING}, id="so is the card"),
        pytest.param({"credit/Staging": None}, [{}], {STAGING}, id="a key that is gone"),
        pytest.param(
            {"credit/Staging": 2, "fraud/Staging": 2},
            [{"credit/Staging": 2}, {"fraud/Staging": 2}],
            set(),
            id="a merge that takes each key from one side",
        ),
        pytest.param(
            {"credit/Staging": 3},
            [{"credit/Staging": 2}, {"credit/Staging": 1}],
            {STAGING},
            id="a merge that slips something in",
        ),
        pytest.param({}, [], {STAGING, SPEC, StageKey("fraud", "Staging")}, id="the first commit"),
    ],
)
def test_touched_keys_of_a_commit_differ_from_all_its_parents(now: Any, parents: Any, expected: Any):
    assert touched_keys(changed(now), [changed(parent) for parent in parents]) == expected


@pytest.mark.parametrize(
    ("now", "inside", "head", "base", "expected"),
    [
        pytest.param({"credit/Staging": 2}, [{"credit/Staging": 3}], {"credit/Staging": 2}, {}, {STAGING}, id="merged"),
        pytest.param({"credit/Staging": 2}, [], {"credit/Staging": 2}, {}, {STAGING}, id="begun from"),
        pytest.param(
            {"credit/Staging": 2},
            [{"credit/Staging": 3}, {"credit/Staging": 2}],
            {"credit/Staging": 2},
            {},
            set(),
            id="it stood in the pull request",
        ),
        pytest.param({"credit/Staging": 2}, [], {"credit/Staging": 3}, {}, set(), id="not what is promoted"),
        pytest.param(
            {"credit/Staging": 2}, [], {"credit/Staging": 2}, {"credit/Staging": 2}, set(), id="as the branch has it"
        ),
        pytest.param({}, [{"credit/Staging": 2}], {}, {"credit/Staging": 2}, {STAGING}, id="a key that is gone"),
    ],
)
def test_brought_keys_of_a_commit_come_from_outside_of_the_pull_request(
    now: Any, inside: Any, head: Any, base: Any, expected: Any
):
    found = brought_keys(changed(now), [changed(one) for one in inside], changed(head), changed(base))
    assert found == expected


def test_promotions_of_a_step_carry_its_facts_in_key_order():
    before, after = changed({}), replace(changed({"credit/Staging": 2, "credit/@spec": "low"}), commit="y")
    law = governance_value("standard")
    step = Step(position=3, first_parent="a", commit="y", parents=2, before=before, after=after, pull=None)
    assert law is not None
    first, second = promotions_of("o", step, law)
    assert (first.key, second.key) == (SPEC, STAGING)
    assert (second.before, second.after) == (before.values[STAGING], after.values[STAGING])
    assert (second.spec, second.card) == (after.values[SPEC], after.cards["credit"])
    assert (second.first_parent, second.commit, second.position, second.parents) == ("a", "y", 3, 2)
    assert (second.governance, second.pull) == (law, None)
    assert second.subject in subjects("o", before, after)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        pytest.param({}, {}, {}, id="nothing on either side"),
        pytest.param({"fraud/Staging": 2}, {}, {"fraud/Staging": 2}, id="ours alone"),
        pytest.param({}, {"credit/Staging": 2}, {"credit/Staging": 2}, id="theirs alone"),
        pytest.param(
            {"fraud/Staging": 2},
            {"credit/Staging": 2},
            {"credit/Staging": 2, "fraud/Staging": 2},
            id="each changes another key",
        ),
        pytest.param({"credit/Staging": 3}, {"credit/Staging": 2}, {"credit/Staging": 2}, id="both: theirs wins"),
        pytest.param({}, {"credit/Staging": None}, {"credit/Staging": None}, id="theirs releases"),
        pytest.param({"credit/card": "ours"}, {}, {"credit/card": "ours"}, id="our card"),
        pytest.param({}, {"credit/card": "theirs"}, {"credit/card": "theirs"}, id="their card"),
        pytest.param({}, {"credit/@spec": None}, {"credit/@spec": None}, id="their card is gone with its spec"),
    ],
)
def test_merged_states_hold_ours_with_what_theirs_changed(
    ours: dict[str, object], theirs: dict[str, object], expected: dict[str, object]
):
    found = merged(changed({}), changed(ours), replace(changed(theirs), commit="theirs"))
    assert found == replace(changed(expected), commit="theirs")
