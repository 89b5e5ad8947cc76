import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagewright.errors import InvalidError
from stagewright.model.codec import value_from_json, value_to_json
from stagewright.model.desired import (
    MODES,
    NOBODY,
    TIERS,
    CodeOwnersLines,
    GovernanceValue,
    Spec,
    StageEntry,
    Trainer,
)
from stagewright.model.keys import GovernanceKey, SpecKey, StageKey
from stagewright.model.state import pinned

LAW, SPEC, STAGE = GovernanceKey(), SpecKey("m"), StageKey("m", "Staging")
TEXT = st.text(max_size=8)
MAYBE = st.none() | TEXT
VALUES = st.one_of(
    st.tuples(st.sampled_from([LAW, SPEC, STAGE]), st.none()),
    st.tuples(st.just(STAGE), st.just(NOBODY)),
    st.tuples(
        st.just(STAGE),
        st.builds(
            StageEntry,
            version=st.integers(1, 10**6),
            digest=TEXT,
            evidence=TEXT,
            run_id=MAYBE,
            model_id=MAYBE,
            source=MAYBE,
            trainer=st.none() | st.builds(Trainer, name=TEXT, declared=st.booleans()),
        ),
    ),
    st.tuples(
        st.just(SPEC),
        st.builds(
            Spec,
            owner=MAYBE,
            purpose=MAYBE,
            risk_tier=st.sampled_from(TIERS),
            card=MAYBE,
            mode=st.none() | st.sampled_from(MODES),
            registered_model=TEXT,
            withdrawn=st.lists(TEXT, max_size=3).map(tuple),
        ),
    ),
    st.tuples(
        st.just(LAW),
        st.builds(
            GovernanceValue,
            policy=MAYBE,
            allowed_signers=MAYBE,
            codeowners=st.lists(
                st.builds(CodeOwnersLines, location=TEXT, lines=st.lists(TEXT, max_size=3).map(tuple)), max_size=3
            ).map(tuple),
        ),
    ),
)
ENTRY_JSON = {"version": 2, "digest": "d", "evidence": "e", "runId": "r"}
SPEC_JSON = {
    "owner": None,
    "purpose": None,
    "riskTier": "low",
    "card": None,
    "mode": None,
    "registeredModel": "m",
    "withdrawn": [],
}


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(VALUES)
def test_value_from_json_of_its_own_json_is_the_value(pair: Any):
    key, value = pair
    assert value_from_json(key, json.loads(json.dumps(value_to_json(value)))) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param(NOBODY, "none", id="nobody"),
        pytest.param(StageEntry(version=2, digest="d", evidence="e", run_id="r"), ENTRY_JSON, id="entry"),
        pytest.param(
            StageEntry(version=2, digest="d", evidence="e", trainer=Trainer(name="@t", declared=True)),
            {"version": 2, "digest": "d", "evidence": "e", "trainer": {"name": "@t", "declared": True}},
            id="entry with a trainer",
        ),
        pytest.param(
            GovernanceValue(
                policy="p", allowed_signers="s", codeowners=(CodeOwnersLines(location="CODEOWNERS", lines=("* @a",)),)
            ),
            {
                "policy": "p",
                "allowedSigners": "s",
                "codeowners": [{"location": "CODEOWNERS", "lines": ["* @a"]}],
            },
            id="governance",
        ),
    ],
)
def test_value_to_json_spells_each_kind(value: Any, expected: Any):
    assert value_to_json(value) == expected


@pytest.mark.parametrize(
    ("key", "data"),
    [
        pytest.param(STAGE, "nobody", id="stage: other text"),
        pytest.param(STAGE, 7, id="stage: a number"),
        pytest.param(STAGE, {}, id="stage: no pins"),
        pytest.param(STAGE, {**ENTRY_JSON, "more": 1}, id="stage: a field too many"),
        pytest.param(STAGE, {**ENTRY_JSON, "runId": None}, id="stage: null for a pin that is not given"),
        pytest.param(STAGE, {**ENTRY_JSON, "trainer": "@t"}, id="stage: a trainer as text"),
        pytest.param(SPEC, {**SPEC_JSON, "riskTier": "lowest"}, id="spec: unknown tier"),
        pytest.param(SPEC, {**SPEC_JSON, "mode": "dry"}, id="spec: unknown mode"),
        pytest.param(SPEC, {**SPEC_JSON, "more": 1}, id="spec: a field too many"),
        pytest.param(SPEC, {"riskTier": "low", "mode": None}, id="spec: a field too few"),
        pytest.param(SPEC, "none", id="spec: text"),
        pytest.param(LAW, {"policy": "p"}, id="governance: a field too few"),
        pytest.param(LAW, {"policy": "p", "allowedSigners": None, "codeowners": None}, id="governance: no list"),
    ],
)
def test_value_from_json_of_anything_else_is_refused(key: Any, data: Any):
    with pytest.raises(InvalidError, match=f"not a value of {key}"):
        value_from_json(key, data)


def test_pinned_value_is_the_entry_or_nothing():
    entry = StageEntry(version=2, digest="d", evidence="e")
    assert [pinned(value) for value in (entry, NOBODY, None)] == [entry, None, None]
