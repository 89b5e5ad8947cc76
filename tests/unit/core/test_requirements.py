from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from stagewright.core.fold import genesis
from stagewright.core.requirements import after, contradictions, evidence, identity, registered_name, version_facts
from stagewright.errors import IncompleteError
from stagewright.model.desired import NOBODY, DesiredState, StageEntry
from stagewright.model.keys import SpecKey, StageKey
from stagewright.model.policy import Rule
from stagewright.model.promotion import Promotion
from stagewright.model.state import State
from tests.fold_world import START, Tree, World, digest, governance_value, spec
from tests.fold_world import version_facts as facts_of

STAGING = StageKey("credit", "Staging")
SPEC = SpecKey("credit")
LAW = governance_value("standard")
assert LAW is not None
ENTRY = StageEntry(
    version=2,
    digest=digest("artifacts credit 2"),
    evidence=digest("evidence credit 2"),
    run_id="run of credit 2",
    model_id="model of credit 2",
    source="models:/credit/2",
)
PROMOTION = Promotion(
    id="i",
    key=STAGING,
    before=None,
    after=ENTRY,
    subject="s",
    first_parent="a",
    commit="y",
    position=1,
    parents=2,
    governance=LAW,
    spec=spec("credit", "high"),
    card="sha256:card",
    pull=None,
)
RULE = Rule(
    name="rule",
    stages=("Staging",),
    risk_tiers=("high",),
    governance=False,
    approvals=(),
    evidence=("owner", "purpose", "card", "datasets", "digest"),
    after=("Development", "Staging"),
)


def state(changes: Mapping[str, Any]) -> State:
    declared = DesiredState(commit="g", values=Tree({}, {}).with_changes(changes).values, cards={})
    held = {k: v for k, v in declared.values.items() if isinstance(k, StageKey) and isinstance(v, StageEntry)}
    return genesis(origin="o", declared=declared, adopted=held, now=START)


@pytest.mark.parametrize(
    ("authorized", "expected"),
    [
        pytest.param({}, "credit", id="no spec: its own name"),
        pytest.param({"credit/@spec": "low"}, "credit", id="a spec with its own name"),
        pytest.param({"credit/@spec": {"tier": "low", "name": "credit-eu"}}, "credit-eu", id="a spec with another"),
    ],
)
def test_registered_name_of_a_model_is_the_authorized_one(authorized: dict[str, Any], expected: str):
    assert registered_name(state(authorized).authorized, "credit") == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param(SPEC, spec("credit", "low"), id="a spec"),
        pytest.param(STAGING, NOBODY, id="nobody"),
        pytest.param(STAGING, None, id="released"),
    ],
)
def test_version_facts_of_what_brings_no_version_are_none(key: Any, value: Any):
    assert version_facts(replace(PROMOTION, key=key, after=value), state({}), World().facts()) is None


def test_version_facts_are_those_of_the_registered_name():
    world = World()
    world.versions["credit-eu", 2] = facts_of("credit-eu", 2)
    named = state({"credit/@spec": {"tier": "low", "name": "credit-eu"}})
    assert version_facts(PROMOTION, named, world.facts()) == facts_of("credit-eu", 2)


def test_version_facts_that_the_registry_denies_are_none():
    world = World()
    world.versions["credit", 2] = None
    assert version_facts(PROMOTION, state({}), world.facts()) is None


def test_version_facts_that_were_not_asked_for_are_an_incomplete_answer():
    facts = replace(World().facts(), versions={})
    with pytest.raises(IncompleteError, match="nothing is known of version 2 of 'credit'"):
        version_facts(PROMOTION, state({}), facts)


@pytest.mark.parametrize(
    ("authorized", "known", "answer", "detail"),
    [
        pytest.param({}, {}, "satisfied", "is what was signed off", id="all pins hold"),
        pytest.param({}, None, "missing", "MLflow has no version 2 of 'credit'", id="no such version"),
        pytest.param({}, {"status": "PENDING"}, "missing", "is PENDING, not READY", id="not ready"),
        pytest.param({}, {"digest": None, "flaw": "an empty tree"}, "missing", "an empty tree", id="a flaw"),
        pytest.param({}, {"digest": None}, "missing", "digests cannot be computed", id="no artifact digest"),
        pytest.param({}, {"evidence": None}, "missing", "digests cannot be computed", id="no evidence digest"),
        pytest.param({}, {"flaw": "a symbolic link"}, "missing", "a symbolic link", id="a flaw beside true digests"),
        pytest.param({}, {"digest": "d"}, "violated", "the artifact digest is d", id="other artifacts"),
        pytest.param({}, {"evidence": "e"}, "violated", "the evidence digest is e", id="other evidence"),
        pytest.param({}, {"run_id": None}, "violated", "the run id is None", id="no run any more"),
        pytest.param(
            {}, {"digest": "d", "flaw": "x", "status": "PENDING"}, "violated", "the artifact digest", id="worst first"
        ),
        pytest.param(
            {"credit/@spec": {"tier": "low", "withdrawn": [2]}}, {}, "violated", "was withdrawn", id="withdrawn"
        ),
        pytest.param(
            {"credit/@spec": {"tier": "low", "withdrawn": [2]}}, None, "violated", "was withdrawn", id="and gone"
        ),
        pytest.param({"credit/@spec": {"tier": "low", "withdrawn": [3]}}, {}, "satisfied", "", id="another withdrawn"),
    ],
)
def test_identity_of_a_version_is_what_the_registry_shows(
    authorized: dict[str, Any], known: dict[str, Any] | None, answer: str, detail: str
):
    facts = None if known is None else facts_of("credit", 2, **known)
    found = identity(PROMOTION, ENTRY, facts, state(authorized))
    assert (found.rule, found.name, found.state) == ("identity", "pins", answer)
    assert detail in found.detail


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"run_id": "x"}, ["the run id is x, signed off was run of credit 2"], id="run"),
        pytest.param({"model_id": "x"}, ["the model id is x, signed off was model of credit 2"], id="model"),
        pytest.param({"source": "x"}, ["the source is x, signed off was models:/credit/2"], id="source"),
        pytest.param({"digest": None, "evidence": None}, [], id="digests that cannot be computed"),
    ],
)
def test_contradictions_of_a_version_name_each_pin_that_differs(known: dict[str, Any], expected: list[str]):
    assert contradictions(ENTRY, facts_of("credit", 2, **known)) == expected


def test_contradictions_of_pins_that_are_not_given_are_none():
    bare = replace(ENTRY, run_id=None, model_id=None, source=None)
    assert contradictions(bare, facts_of("credit", 2, run_id="x", model_id="x", source="x")) == []


@pytest.mark.parametrize(
    ("difference", "known", "lacking"),
    [
        pytest.param({}, {}, set(), id="all there"),
        pytest.param({"spec": None}, {}, {"owner", "purpose"}, id="no spec"),
        pytest.param({"spec": spec("credit", {"tier": "low", "owner": None})}, {}, {"owner"}, id="no owner"),
        pytest.param({"spec": spec("credit", {"tier": "low", "purpose": ""})}, {}, {"purpose"}, id="no purpose"),
        pytest.param({"card": None}, {}, {"card"}, id="no card"),
        pytest.param({}, {"data_sets": ()}, {"datasets"}, id="no data sets"),
        pytest.param({}, {"digest": None}, {"digest"}, id="no digest"),
        pytest.param({}, None, {"datasets", "digest"}, id="no version"),
    ],
)
def test_evidence_that_is_not_there_is_missing(
    difference: dict[str, Any], known: dict[str, Any] | None, lacking: set[str]
):
    facts = None if known is None else facts_of("credit", 2, **known)
    found = evidence(RULE, replace(PROMOTION, **difference), facts)
    assert [result.name for result in found] == [f"evidence: {kind}" for kind in RULE.evidence]
    assert {result.name.removeprefix("evidence: ") for result in found if result.state == "missing"} == lacking
    assert {result.state for result in found} <= {"satisfied", "missing"}


def test_evidence_of_a_data_set_without_digest_is_missing():
    (data,) = facts_of("credit", 2).data_sets
    facts = facts_of("credit", 2, data_sets=(replace(data, digest=""),))
    assert [r.state for r in evidence(replace(RULE, evidence=("datasets",)), PROMOTION, facts)] == ["missing"]


def test_after_a_stage_is_satisfied_by_this_very_digest():
    held = state({"credit/Staging": 2, "credit/Development": {"v": 2, "digest": "another build"}})
    found = after(RULE, STAGING, ENTRY, held)
    assert {result.name: result.state for result in found} == {
        "after Development": "missing",
        "after Staging": "satisfied",
    }
