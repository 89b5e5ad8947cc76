from typing import Any

import pytest

from stagewright.errors import InvalidError
from stagewright.model.keys import GovernanceKey, SpecKey, StageKey, key_order, parse_key

KEYS = [
    pytest.param("@governance", GovernanceKey(), id="governance"),
    pytest.param("credit-risk/@spec", SpecKey("credit-risk"), id="spec"),
    pytest.param("credit-risk/Production", StageKey("credit-risk", "Production"), id="stage"),
]


@pytest.mark.parametrize(("text", "key"), KEYS)
def test_parse_key_of_its_own_text_is_the_key(text: Any, key: Any):
    assert parse_key(text) == key
    assert str(key) == text


@pytest.mark.parametrize("text", ["", "/", "credit", "credit/", "/Staging", "a/b/c", "@spec", "@governance/", "a//b"])
def test_parse_key_of_any_other_text_is_refused_with_a_hint(text: Any):
    with pytest.raises(InvalidError, match="no such key") as caught:
        parse_key(text)
    assert caught.value.hint == "write @governance, MODEL/@spec or MODEL/STAGE"


def test_key_order_puts_governance_first_and_each_spec_before_its_stages():
    keys = [StageKey("b", "A"), SpecKey("b"), StageKey("a", "Z"), GovernanceKey(), StageKey("a", "B"), SpecKey("a")]
    assert sorted(keys, key=key_order) == [
        GovernanceKey(),
        SpecKey("a"),
        StageKey("a", "B"),
        StageKey("a", "Z"),
        SpecKey("b"),
        StageKey("b", "A"),
    ]
