from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagewright.core.matching import fill

PEOPLE = st.frozensets(st.sampled_from("abcde"), max_size=5)


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        pytest.param([], (), id="no slot"),
        pytest.param([""], (None,), id="nobody"),
        pytest.param(["a"], ("a",), id="one"),
        pytest.param(["a", "a"], ("a", None), id="one person fills one slot"),
        pytest.param(["ab", "a"], ("b", "a"), id="the first gives way where it can"),
        pytest.param(["ab", "bc", "a"], ("b", "c", "a"), id="a chain of giving way"),
        pytest.param(["ab", "ab", "ab"], ("b", "a", None), id="more slots than people"),
    ],
)
def test_fill_slots_gives_each_to_another_person(slots: Any, expected: Any):
    assert fill([frozenset(slot) for slot in slots]) == expected


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(st.lists(PEOPLE, max_size=5))
def test_fill_any_slots_fills_as_many_as_can_be(slots: Any):
    filled = fill(slots)
    given_to = [person for person in filled if person is not None]
    assert len(given_to) == len(set(given_to))
    assert all(person is None or person in slot for person, slot in zip(filled, slots, strict=True))
    most = max(
        sum(person in slot for person, slot in zip(line, slots, strict=False))
        for line in permutations("abcde", len(slots))
    )
    assert len(given_to) == most
