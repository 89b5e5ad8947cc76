"""What was reviewed on GitHub, and under which governance. The numbers are those of docs/threat-model.md."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stagewright.ledger import predicates as entry
from stagewright.model.evidence import Metric
from stagewright.model.sync import HostedForge
from tests.adversarial.attacked_bank import (
    BOTH,
    FILE,
    PRODUCTION,
    SPEC,
    TWIN,
    TWIN_FILE,
    TWO,
    AttackedBank,
    begun,
    honest,
    of,
    stopped,
    verified,
)
from tests.bank import GOVERNANCE, HEAVY, MODEL, OWNERS, answers, policy, rule

SOMETHING_ELSE = "the reviewed commit proposed something else"
WEAK = policy(rule("weak", "Staging", approvals=[(1, "@dana")]), GOVERNANCE)
WEAKENED: Mapping[str, Mapping[str, str]] = {
    "policy": {"stagewright.yaml": WEAK},
    "code owners": {"CODEOWNERS": "/models/ @dana @eve\n"},
    "code owners elsewhere (13)": {".github/CODEOWNERS": "* @dana @eve\n"},
}


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_05_commit_after_the_approval(tmp_path: Path, how: str):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.put(number, of(bank, {"Staging": 2}))
        bank.merge(number, how)
        twin = bank.propose({"Staging": 1}, model=TWIN)
        bank.review("noor", twin)
        bank.put(twin, {"README.md": "A word more.\n"})
        bank.merge(twin, how)
        stopped(bank, SOMETHING_ELSE)


def test_06_update_of_the_branch_that_slips_in_a_change(tmp_path: Path):
    with begun(tmp_path) as bank:
        number, twin = bank.propose({"Staging": 1}), bank.propose({"Staging": 1}, model=TWIN)
        bank.review("noor", number)
        bank.review("noor", twin)
        main = bank.push({"README.md": "More.\n"})
        pull = bank.pull(number)
        bank.craft([pull.head_sha, main], of(bank, {"Staging": 2}), by="dana", branch=pull.head_ref)
        bank.world.call("PUT", f"/pulls/{twin}/update-branch", by="dana")
        bank.merge(number, "squash")
        bank.merge(twin, "squash")
        stopped(bank, SOMETHING_ELSE)


@pytest.mark.parametrize("collected", [False, True], ids=["kept (06)", "collected (49)"])
def test_06_49_forced_push_to_a_head_that_nobody_reviewed(tmp_path: Path, collected: bool):
    """It proposes the same. What was reviewed cannot be read any more, or is not of the pull request."""
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        anew = {**of(bank, {"Staging": 1}), "README.md": "Rebased.\n"}
        bank.craft([bank.head()], anew, by="dana", branch=bank.pull(number).head_ref)
        bank.merge(number)
        honest(bank)
        if collected:
            bank.world.git_origin("reflog", "expire", "--expire=now", "--all")
            bank.world.git_origin("gc", "-q", "--prune=now")
            (tmp_path / "world" / "mirror").rename(tmp_path / "lost")
            bank.restart()
        stopped(bank, "the reviewed commit does not belong to the pull request")


def test_51_card_edited_on_the_branch_after_the_review(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.put(number, {f"cards/{MODEL}.md": "No limits known.\n"})
        bank.merge(number, "squash")
        honest(bank)
        stopped(bank, SOMETHING_ELSE)


def test_27_promotion_hidden_in_anothers_pull_request(tmp_path: Path):
    """The light rule is met for all that the reviewer saw; the heavy one is asked of the other, and shown first."""
    with begun(tmp_path) as bank:
        number = bank.open(
            {TWIN_FILE: bank.text({"Staging": 1}, TWIN), **{f"docs/{at}.md": "Words.\n" for at in range(300)}},
            of(bank, {"Production": 1}),
            title="Try churn in Staging",
        )
        bank.review("noor", number)
        bank.sync()
        (said,) = bank.comments(number)
        assert -1 < said.index(f"`{PRODUCTION}`") < said.index(f"`{TWIN}/Staging`")
        bank.merge(number, "squash")
        stopped(bank, "0 of 1 given", key=PRODUCTION)


def test_31_32_attributes_and_length_that_hide_the_change(tmp_path: Path):
    """The page shows what the files say, whatever GitHub collapses; and they are read as they are stored."""
    hiding = (
        f"models/{MODEL}.yaml -diff linguist-generated filter=swap ident export-subst working-tree-encoding=UTF-16\n"
    )
    with begun(tmp_path, rules=policy(rule("two", "Staging", approvals=[(2, "codeowners")]), GOVERNANCE)) as bank:
        number = bank.open(
            {".gitattributes": hiding, "notebook.ipynb": "x" * 2_000_000, **of(bank, {"Staging": 2})},
            title="Tidy the notebooks",
        )
        bank.review("noor", number)
        bank.sync()
        (said,) = bank.comments(number)
        assert ("version 2" in said, "1 of 2 given; 1 more from: @olga" in said) == (True, True)
        bank.merge(number, "squash")
        honest(bank, "noor", "olga")
        stopped(bank, "1 of 2 given")
        assert bank.aliases() == {}


def test_32_more_promotions_in_one_pull_request_than_the_policy_allows(tmp_path: Path):
    both = rule("both", "Staging", "Production", approvals=[(1, "codeowners")])
    with begun(tmp_path, rules=policy(both, GOVERNANCE, limits={"promotionsPerPullRequest": 1})) as bank:
        number = bank.propose({"Staging": 1, "Production": 2})
        bank.review("noor", number)
        bank.merge(number, "squash")
        honest(bank)
        stopped(bank, "lets one pull request promote 1 at most", "refused")
        assert bank.aliases() == {}


@pytest.mark.parametrize("file", WEAKENED)
def test_10_governance_changed_in_the_same_pull_request(tmp_path: Path, file: str):
    with begun(tmp_path) as bank:
        number = bank.open({**WEAKENED[file], **of(bank, {"Staging": 1})}, by="noor")
        for who in ("dana", "eve", "mo", "pat", "olga"):
            bank.review(who, number)
        bank.merge(number, "squash")
        honest(bank)
        stopped(bank, "a change of the governance stands alone", "refused")


@pytest.mark.parametrize("file", WEAKENED)
@pytest.mark.parametrize("how", ["small pull request", "push (56)"])
def test_11_bar_lowered_beforehand(tmp_path: Path, file: str, how: str):
    with begun(tmp_path) as bank:
        if how == "push (56)":
            bank.push(WEAKENED[file])
        else:
            lowered = bank.open(WEAKENED[file], by="eve")
            bank.review("mo", lowered)
            bank.merge(lowered)
        number = bank.propose({"Staging": 1}, by="noor")
        for who in ("dana", "eve"):
            bank.review(who, number)
        bank.merge(number)
        honest(bank)
        stopped(bank, "1 more from: @olga")


def test_57_typo_fix_on_top_of_an_unapproved_policy(tmp_path: Path):
    with begun(tmp_path) as bank:
        bank.push(WEAKENED["policy"])
        fixed = WEAK.replace('"weak"', '"weak-1"')
        number = bank.open({"stagewright.yaml": fixed})
        for who in ("mo", "pat", "rita"):
            bank.review(who, number)
        bank.merge(number)
        honest(bank)
        stopped(bank, "main holds an unapproved policy: restore it first", "refused", "@governance")
        bank.merge(bank.open({"stagewright.yaml": policy()}))
        assert answers(bank.sync()) == {"@governance": "approved"}
        anew = bank.open({"stagewright.yaml": fixed})
        for who in ("mo", "pat"):
            bank.review(who, anew)
        bank.merge(anew)
        assert answers(bank.sync()) == {"@governance": "approved"}


def test_12_later_line_takes_the_path_away_from_its_owners(tmp_path: Path):
    with begun(tmp_path, owners=f"{OWNERS}/models/{MODEL}.yaml\n") as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.merge(number)
        honest(bank)
        stopped(bank, f"CODEOWNERS gives models/{MODEL}.yaml to nobody", "refused")


def test_58_tier_lowered_first_then_the_light_rule(tmp_path: Path):
    light = rule("light", "Staging", approvals=[(1, "codeowners")], tiers=["low"])
    heavy = rule("heavy", "Staging", approvals=[(1, "codeowners"), (1, "@acme/model-risk")], tiers=["medium", "high"])
    with begun(tmp_path, rules=policy(light, heavy, GOVERNANCE)) as bank:
        lowered = bank.promote({}, "noor", riskTier="low")
        assert answers(bank.sync()) == {SPEC: "pending"}
        bank.promote({"Staging": 1}, "noor", riskTier="low")
        honest(bank, "noor", "mo")
        stopped(bank, "@acme/model-risk")
        bank.review("mo", lowered)
        bank.sync()
        assert bank.aliases() == {"challenger": 1}


def test_59_nothing_that_no_rule_matches(tmp_path: Path):
    with begun(tmp_path, rules=policy(rule("plain", "Staging", approvals=[(1, "codeowners")]), GOVERNANCE)) as bank:
        bank.promote({"Production": 1}, "noor", "olga", "mo", "pat")
        honest(bank)
        stopped(bank, f"no rule of the policy matches {PRODUCTION}", "refused", PRODUCTION)


def test_66_policy_tightened_while_the_promotion_waits(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.merge(number)
        bank.sync()
        tighter = bank.open({"stagewright.yaml": TWO})
        for who in ("mo", "pat"):
            bank.review(who, tighter)
        bank.merge(tighter)
        bank.sync()
        bank.clock.forward(days=90)
        bank.review("noor", number)
        honest(bank, "noor", "olga")
        stopped(bank, "1 of 2 given")
        bank.review("olga", number)
        bank.sync()
        assert bank.aliases() == {"challenger": 1}


# -- what is not there to be abused (yet) --------------------------------------------------------------------------


def with_checks(rules: dict[str, Any]) -> None:
    rules["rules"][0]["require"]["checks"] = ["validation"]


def with_emergency(rules: dict[str, Any]) -> None:
    rules["rules"][0]["emergency"] = {"approvals": [{"count": 1, "from": ["@dana"]}], "ratifyWithin": "24h"}


def with_rollback(rules: dict[str, Any]) -> None:
    rules["rules"][0]["rollback"] = {"within": "30d", "approvals": [{"count": 1, "from": ["@dana"]}]}


UNSUPPORTED: Mapping[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "checks (25, 26)": (with_checks, "checks are not supported yet"),
    "emergency (42)": (with_emergency, "emergency promotions are not supported yet"),
    "rollback (44)": (with_rollback, "lighter rules for a rollback are not supported yet"),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_25_26_42_44_light_path_that_the_policy_cannot_hold_yet(tmp_path: Path, case: str):
    """Such a policy is no valid document, whoever approves it; the one before goes on judging."""
    change, why = UNSUPPORTED[case]
    known = json.loads(policy())
    change(known["spec"])
    with begun(tmp_path) as bank:
        number = bank.open({"stagewright.yaml": json.dumps(known, indent=2)})
        for who in ("mo", "pat"):
            bank.review(who, number)
        bank.merge(number)
        attack = bank.propose({"Staging": 1})
        bank.review("eve", attack)
        bank.merge(attack)
        honest(bank)
        report = stopped(bank, "0 of 1 given; 1 more from: @noor, @olga")
        assert [problem.reason for problem in report.problems] == [why]


def test_25_26_green_checks_and_statuses_are_no_evidence(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        head = bank.pull(number).head_sha
        for context in ("stagewright", "validation"):
            bank.world.call("POST", f"/statuses/{head}", {"state": "success", "context": context}, by="dana")
        bank.merge(number)
        honest(bank)
        stopped(bank, "0 of 1 given; 1 more from: @noor, @olga")


def test_42_emergency_in_an_entry_is_no_valid_document(tmp_path: Path):
    with begun(tmp_path) as bank:
        pins = bank.pins(1) | {"emergency": True}
        bank.promote({"Staging": pins}, "noor", "mo")
        honest(bank)
        report = bank.sync()
        assert {problem.file for problem in report.problems} == {FILE}
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {"challenger": 1})
        verified(bank)


def test_44_rollback_is_judged_like_any_promotion(tmp_path: Path):
    with begun(tmp_path) as bank:
        for version in (1, 2):
            bank.promote({"Staging": version}, "noor")
            bank.sync()
        bank.promote({"Staging": 1})
        honest(bank)
        stopped(bank, "0 of 1 given; 1 more from: @noor, @olga")
        assert bank.aliases() == {"challenger": 2}


def test_44_withdrawn_is_refused_rather_than_read_over(tmp_path: Path):
    with begun(tmp_path) as bank:
        digest = bank.pins(1)["digest"]
        bank.promote({"Staging": 1}, "noor", withdrawn=[{"digest": digest, "reason": "It drifts."}])
        honest(bank)
        report = bank.sync()
        assert {problem.file for problem in report.problems} == {FILE}
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {"challenger": 1})
        verified(bank)


# -- configuration and registry --------------------------------------------------------------------------------------


def test_61_configuration_turned_to_another_repository(tmp_path: Path):
    with begun(tmp_path) as bank:
        honest(bank)
        bank.sync()
        before, forge = bank.config, bank.config.forge
        assert isinstance(forge, HostedForge)
        for changed in (
            {"forge": replace(forge, repository="mallory/models")},
            {"forge": replace(forge, url="https://mallory.example")},
            {"url": f"{bank.github.url}/mallory/models.git"},
            {"branch": "dev"},
            {"registry_uri": "https://other.example"},
        ):
            bank.configure(**changed)
            bank.promote({"Staging": 1})
            report = bank.sync()
            assert (report.stalled != "", report.verdicts, report.applied) == (True, (), ()), changed
            bank.config = before
        bank.restart()
        assert bank.sync().stalled == ""
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {"challenger": 1})


def overwritten(bank: AttackedBank) -> None:
    bank.registry.stored(MODEL, 1).files["MLmodel"] = b"something else"


def better_metric(bank: AttackedBank) -> None:
    stored = bank.registry.stored(MODEL, 1)
    stored.evidence = replace(stored.evidence, metrics=(Metric(name="auc", value=0.99, step=0),))


@pytest.mark.parametrize("swap", [overwritten, better_metric])
def test_35_51_62_version_changed_between_review_and_merge(tmp_path: Path, swap: Callable[[AttackedBank], None]):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        swap(bank)
        bank.merge(number, "squash")
        honest(bank)
        stopped(bank, "signed off was", "refused")


def test_48_68_alias_set_by_hand_before_it_is_approved(tmp_path: Path):
    with begun(tmp_path, rules=BOTH) as bank:
        bank.promote({"Staging": 1}, "noor", "mo")
        honest(bank, "noor", "mo")
        bank.sync()
        bank.promote({"Staging": 2}, "noor")
        bank.registry.set_alias(MODEL, "challenger", 2)
        stopped_at = bank.sync()
        assert answers(stopped_at) == {f"{MODEL}/Staging": "pending"}
        assert (bank.aliases(), bank.aliases(TWIN)) == ({"challenger": 1}, {"challenger": 1})
        assert [(d.found, d.decision) for d in bank.entries(entry.Drift)] == [({"challenger": "2"}, "corrected")]


def test_52_straight_to_production(tmp_path: Path):
    with begun(
        tmp_path, rules=policy(rule("light", "Staging", approvals=[(1, "codeowners")]), HEAVY, GOVERNANCE)
    ) as bank:
        bank.promote({"Production": 1}, "noor", "mo", how="squash")
        honest(bank)
        stopped(bank, "has never held Staging", key=PRODUCTION)
