"""The bytes that are hashed, written out by hand."""

import hashlib
from typing import Any

import pytest

from stagewright.core.identity import canonical_digest, promotion_id, subject_of
from stagewright.model.desired import NOBODY, DesiredState, GovernanceValue, Spec, StageEntry
from stagewright.model.keys import GovernanceKey, SpecKey, StageKey

ENTRY = StageEntry(version=2, digest="sha256:d", evidence="sha256:e", run_id="r")
SPEC = Spec(owner="@a", purpose=None, risk_tier="low", card="c.md", mode=None, registered_model="credit")
LAW = GovernanceValue(policy="p", allowed_signers=None, codeowners=())
STAGING = StageKey("credit", "Staging")

ENTRY_JSON = '{"digest":"sha256:d","evidence":"sha256:e","runId":"r","version":2}'
SPEC_JSON = (
    '{"card":"c.md","mode":null,"owner":"@a","purpose":null,"registeredModel":"credit","riskTier":"low","withdrawn":[]}'
)
LAW_JSON = '{"allowedSigners":null,"codeowners":[],"policy":"p"}'


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_canonical_digest_of_a_value_is_over_sorted_json_without_spaces():
    assert canonical_digest({"b": [1, "é"], "a": None}) == sha256('{"a":null,"b":[1,"é"]}')


def test_promotion_id_is_over_origin_commit_key_and_both_values():
    found = promotion_id(origin="o", commit="y", key=STAGING, before=None, after=ENTRY)
    assert found == sha256(f'{{"commit":"y","from":null,"key":"credit/Staging","origin":"o","to":{ENTRY_JSON}}}')


@pytest.mark.parametrize(
    ("key", "before", "expected"),
    [
        pytest.param(
            STAGING,
            NOBODY,
            f'{{"card":"sha256:c","from":"none","key":"credit/Staging","origin":"o","spec":"{sha256(SPEC_JSON)}","to":{ENTRY_JSON}}}',
            id="a stage takes in spec and card",
        ),
        pytest.param(
            SpecKey("credit"),
            None,
            f'{{"card":"sha256:c","from":null,"key":"credit/@spec","origin":"o","spec":"{sha256(SPEC_JSON)}","to":{SPEC_JSON}}}',
            id="a spec takes in the card",
        ),
        pytest.param(
            GovernanceKey(),
            None,
            f'{{"card":null,"from":null,"key":"@governance","origin":"o","spec":null,"to":{LAW_JSON}}}',
            id="the governance takes in neither",
        ),
        pytest.param(
            StageKey("other", "Staging"),
            ENTRY,
            f'{{"card":null,"from":{ENTRY_JSON},"key":"other/Staging","origin":"o","spec":null,"to":null}}',
            id="a released stage of a model without spec and card",
        ),
    ],
)
def test_subject_of_a_change_is_over_values_spec_and_card(key: Any, before: Any, expected: Any):
    after = DesiredState(
        commit="x",
        values={STAGING: ENTRY, SpecKey("credit"): SPEC, GovernanceKey(): LAW},
        cards={"credit": "sha256:c"},
    )
    assert subject_of(origin="o", key=key, before=before, after=after) == sha256(expected)
