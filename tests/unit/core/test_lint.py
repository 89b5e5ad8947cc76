"""What is valid and cannot work, told from the documents alone."""

from dataclasses import replace
from typing import Any

import pytest

from stagewright.core.lint import lint
from stagewright.model.desired import NOBODY, Spec, StageEntry, Value
from stagewright.model.keys import Key, SpecKey, StageKey
from stagewright.model.policy import Approval, OwnerRule, Policy, Rule, StagePolicy

FILE, CARD = "models/credit.yaml", "cards/credit.md"
OWNERS = (OwnerRule(pattern="*", owners=("@noor",), line=1),)
APPROVAL = Approval(count=1, sources=("codeowners",))
HEAVY = Rule(
    name="heavy", stages=("Staging", "Production"), risk_tiers=("low", "medium", "high"), governance=False,
    approvals=(APPROVAL,), evidence=("owner", "purpose", "card", "digest"),
)  # fmt: skip
GOVERNANCE = Rule(name="governance", stages=(), risk_tiers=(), governance=True, approvals=(APPROVAL,))
POLICY = Policy(
    stages=(
        StagePolicy(name="Development", ungoverned=True),
        StagePolicy(name="Staging", aliases=("challenger",)),
        StagePolicy(name="Production", aliases=("champion",)),
    ),
    default_mode="enforce",
    origin="ledger.example/prod",
    rules=(HEAVY, GOVERNANCE),
)
SPEC = Spec(
    owner="@noor", purpose="Score", risk_tier="high", card=CARD, mode=None, registered_model="credit", withdrawn=()
)
ENTRY = StageEntry(
    version=1, digest="sha256:1", evidence="sha256:2", run_id="r", model_id=None, source=None, trainer=None
)


def values(spec: Spec = SPEC, **stages: Value) -> dict[Key, Value]:
    named: dict[Key, Value] = {StageKey("credit", stage): value for stage, value in stages.items()}
    return {SpecKey("credit"): spec, **named}


def advice(**changes: Any) -> list[tuple[str, str]]:
    given: dict[str, Any] = {
        "policy": POLICY, "values": values(Staging=ENTRY), "owners": OWNERS, "files": frozenset({FILE, CARD}),
        "path": "",
    } | changes  # fmt: skip
    found = lint(given["policy"], "stagewright.yaml", given["values"], given["owners"], given["files"], given["path"])
    return [(one.file, one.reason) for one in found]


def without(*rules: Rule) -> Policy:
    return replace(POLICY, rules=tuple(rule for rule in POLICY.rules if rule not in rules))


@pytest.mark.parametrize(
    ("changes", "file", "why"),
    [
        ({"policy": without(GOVERNANCE)}, "stagewright.yaml", "no rule is for the governance"),
        ({"policy": replace(POLICY, rules=(replace(HEAVY, risk_tiers=("high",)), GOVERNANCE))}, "stagewright.yaml",
         "no rule is for Staging at risk tier low, medium"),
        ({"policy": replace(POLICY, rules=(replace(HEAVY, stages=("Staging",)), GOVERNANCE))}, "stagewright.yaml",
         "no rule is for Production at risk tier low, medium, high"),
        ({"owners": (OwnerRule(pattern="/models/", owners=("@noor",), line=1),)}, "stagewright.yaml",
         "CODEOWNERS gives stagewright.yaml to nobody"),
        ({"owners": (*OWNERS, OwnerRule(pattern="/models/", owners=(), line=2))}, FILE,
         "CODEOWNERS gives it to nobody"),
        ({"owners": (OwnerRule(pattern="/stagewright.yaml", owners=("@noor",), line=1),)}, FILE,
         "CODEOWNERS gives it to nobody"),
        ({"values": values(Staging=ENTRY, Shadow=ENTRY)}, FILE, "the policy governs no stage Shadow"),
        ({"values": values(Staging=ENTRY, Development=ENTRY)}, FILE, "the policy governs no stage Development"),
        ({"files": frozenset({FILE})}, FILE, "its card cards/credit.md is not there"),
        ({"values": values(replace(SPEC, purpose=None), Staging=ENTRY)}, FILE, "it names no purpose, which its rules"),
        ({"values": values(replace(SPEC, owner=None, card=None), Staging=ENTRY)}, FILE,
         "it names no card and no owner"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_told_with_its_file(changes: dict[str, Any], file: str, why: str):
    found = advice(**changes)
    assert [place for place, reason in found if why in reason] == [file], found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"values": {}},
        {"values": values(replace(SPEC, purpose=None, owner=None, card=None), Staging=NOBODY)},
        {"values": values(replace(SPEC, card=None, purpose=None), Staging=ENTRY),
         "policy": replace(POLICY, rules=(replace(HEAVY, evidence=("digest",)), GOVERNANCE))},
        {"path": "ml", "files": frozenset({"ml/cards/credit.md"})},
    ],
    ids=["all is well", "no model", "nobody holds it", "nothing is asked", "a folder"],
)  # fmt: skip
def test_what_can_work_is_not_advised_on(changes: dict[str, Any]):
    assert advice(**changes) == []
