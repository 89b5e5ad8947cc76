"""What people with an interest try on the git forge, end to end: real history, real signatures, a real ledger.

The numbers are those of the threat model's table (docs/threat-model.md). Each attack leaves the registry where it was
and says why, and the honest twin beside it (the model `churn`) is applied.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stagewright.app.rebind import Rebinder
from stagewright.errors import StalledError, UsageError
from stagewright.ledger import predicates as entry
from stagewright.model.evidence import Metric
from stagewright.model.keys import parse_key
from tests.bank import GOVERNANCE, HEAVY, MODEL, OWNERS, PEOPLE, Bank, Pull, answers, policy, rule, signers_line
from tests.git_world import World, decision_message, person

TWIN = "churn"
STAGING, PRODUCTION, SPEC = f"{MODEL}/Staging", f"{MODEL}/Production", f"{MODEL}/@spec"
BOTH = rule("both", "Staging", approvals=[(1, "codeowners"), (1, "@acme/model-risk")])
TWO = rule("two", "Staging", approvals=[(2, "codeowners")])
BOTH_GOVERNED = policy(BOTH, GOVERNANCE)
LIGHT_GOVERNANCE = rule("governance", approvals=[(1, "codeowners")])
PLAIN = rule("plain", "Production", approvals=[(1, "codeowners")])


def begun(root: Path, **options: Any) -> Bank:
    """Two models with two versions each, none of them promoted; the ledger has begun."""
    bank = Bank(root, prepare=lambda bank: {f"models/{TWIN}.yaml": bank.text(TWIN, card=None)}, **options)
    for model in (MODEL, TWIN):
        for _ in range(2):
            bank.train(model)
    bank.sync()
    return bank


def propose(bank: Bank, model: str = MODEL, version: int = 1, stage: str = "Staging", **options: Any) -> Pull:
    """A version into one stage of a model, on a branch."""
    spec = {"card": None} if model == TWIN else {}
    return bank.propose(model, {stage: version}, **spec, **options)


def honest(bank: Bank, *approvers: str, **options: Any) -> None:
    """The same change on the twin, by the book."""
    pull = propose(bank, TWIN, **options)
    for name in approvers or ("noor",):
        bank.approve(name, pull)
    bank.merge(pull)


def stopped(bank: Bank, why: str, answer: str = "pending", key: str = STAGING) -> None:
    """One sync: the attack got `answer` for a reason that holds `why`, and only the honest twin moved."""
    before = bank.aliases()
    bank.sync()
    memory = bank.recorded()
    _, verdict = memory.verdicts[memory.last_verdict[parse_key(key)]]
    said = [verdict.reason, *(s.reason for s in verdict.sign_offs)]
    assert verdict.verdict == answer, said
    assert any(why in text for text in said), said
    assert (bank.aliases(), bank.aliases(TWIN)) == (before, {"challenger": 1})
    bank.verified()


# -- history -----------------------------------------------------------------------------------------------------


def test_01_push_straight_to_main(tmp_path: Path):
    bank = begun(tmp_path)
    bank.world.push_main("maintainer", {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1})})
    pushed = bank.world.head()
    bank.approve("noor", Pull(branch="main", head=pushed, subjects=("0" * 64,)))
    honest(bank)
    stopped(bank, "was pushed without a pull request", "refused")


def test_07_evil_merge_changes_the_entry(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    bank.approve("noor", pull)
    bank.world.merge(pull.branch, "maintainer", files={f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})})
    honest(bank)
    stopped(bank, "the merge brought what no reviewed head had", "refused")


def test_07_evil_merge_adds_a_model_to_an_approved_pull_request(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank, TWIN)
    bank.approve("noor", pull)
    bank.world.merge(pull.branch, "maintainer", files={f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1})})
    stopped(bank, "the merge brought what no reviewed head had", "refused")


def test_07_octopus_merge(tmp_path: Path):
    bank = begun(tmp_path)
    one, two = propose(bank), bank.branch({"README.md": "Harmless.\n"})
    bank.approve("noor", one)
    bank.world.craft(
        "maintainer", [bank.world.head(), one.head, two.head],
        {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1})}, branch="main",
    )  # fmt: skip
    honest(bank)
    stopped(bank, "has 3 parents", "refused")


def test_33_forced_push_to_a_history_where_it_was_always_so(tmp_path: Path):
    bank = begun(tmp_path)
    honest(bank)
    bank.sync()
    good = bank.world.head()
    bank.world.plant([], {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1})}, branch="main")
    report = bank.sync()
    assert ("not on the first-parent history" in report.stalled, report.verdicts, report.applied) == (True, (), ())
    assert [alarm.type for alarm in bank.entries(entry.Alarm)] == ["history"]
    assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {"challenger": 1})
    bank.world.force("main", good)
    assert bank.sync().stalled == ""
    bank.verified()


def test_34_revert_of_a_revert_replays_no_old_approval(tmp_path: Path):
    bank = begun(tmp_path)
    first = bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    bank.promote(MODEL, {}, "noor")
    bank.sync()
    bank.memory_registry.models[MODEL].aliases.clear()
    again = propose(bank)
    assert again.subjects == first.subjects
    bank.merge(again)
    honest(bank)
    stopped(bank, "1 more from: @noor, @olga")
    bank.approve("noor", again)
    bank.sync()
    assert bank.aliases() == {"challenger": 1}


def test_34_old_head_merged_again_by_hand(tmp_path: Path):
    bank = begun(tmp_path)
    first = bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    bank.promote(MODEL, {}, "noor")
    bank.sync()
    bank.memory_registry.models[MODEL].aliases.clear()
    files = {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1})}
    bank.world.craft("maintainer", [bank.world.head(), first.head], files, branch="main")
    honest(bank)
    stopped(bank, "the merge brought what no reviewed head had", "refused")


def test_50_base_moved_so_that_another_incumbent_was_compared(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank, version=2)
    bank.approve("noor", pull)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    files = {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}
    bank.world.craft("maintainer", [bank.world.head(), pull.head], files, branch="main")
    honest(bank)
    stopped(bank, "the merge brought what no reviewed head had", "refused")


def test_55_foxtrot(tmp_path: Path):
    bank = begun(tmp_path)
    honest(bank)
    bank.sync()
    good = bank.world.head()
    files = {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1})}
    mine = bank.world.craft("olga", [bank.world.first], files)
    bank.world.craft("olga", [mine, good], files, branch="main")
    report = bank.sync()
    assert ("a merge swapped its parents" in report.stalled or "not on the first-parent" in report.stalled) is True
    assert (report.verdicts, bank.aliases(), bank.aliases(TWIN)) == ((), {}, {"challenger": 1})
    bank.world.force("main", good)
    assert bank.sync().stalled == ""
    bank.verified()


# -- whose approval counts ---------------------------------------------------------------------------------------


def test_03_approval_of_ones_own_work(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank, by="noor")
    bank.approve("noor", pull)
    bank.merge(pull)
    honest(bank, "olga", by="noor")
    stopped(bank, "nobody approves their own work")


def test_04_commit_to_a_colleagues_branch_then_approve_it(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    bank.world.commit("olga", {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}, branch=pull.branch)
    pull = bank.pull(pull.branch)
    bank.approve("olga", pull)
    bank.merge(pull)
    # updating a colleague's branch costs the reviewer nothing
    twin = propose(bank, TWIN)
    bank.world.push_main("maintainer", {"README.md": "More.\n"})
    bank.world.update_branch(twin.branch, "olga")
    bank.approve("olga", bank.pull(twin.branch))
    bank.merge(twin)
    stopped(bank, "@olga made commit")


def test_54_commit_in_a_colleagues_name(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    bank.world.commit(
        "olga", {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}, branch=pull.branch,
        author="dana <dana@example.com>",
    )  # fmt: skip
    pull = bank.pull(pull.branch)
    bank.approve("olga", pull)
    bank.merge(pull)
    honest(bank, "olga")
    stopped(bank, "@olga made commit")


def test_54_unsigned_commit_in_a_colleagues_name(tmp_path: Path):
    bank = begun(tmp_path)
    pull = bank.branch(
        {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1})}, by="olga", author="dana <dana@example.com>",
        sign=False,
    )  # fmt: skip
    bank.approve("olga", pull)
    bank.merge(pull)
    honest(bank, "olga")
    stopped(bank, "is not proven")


def test_15_veto_after_ones_own_approval(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    bank.approve("noor", pull)
    bank.sync()
    bank.reject("noor", pull)
    bank.approve("olga", pull)
    bank.merge(pull)
    twin = propose(bank, TWIN)
    veto = bank.reject("noor", twin)
    bank.sync()
    bank.approve("noor", twin, withdraws=[veto])
    bank.merge(twin)
    stopped(bank, "veto by @noor")


@pytest.mark.parametrize("seen", [False, True], ids=["never seen", "seen once"])
def test_17_withdrawn_approval(tmp_path: Path, seen: bool):
    bank = begun(tmp_path)
    pull = propose(bank)
    tag = bank.approve("noor", pull)
    if seen:
        bank.sync()
    bank.world.delete_tag(tag)
    bank.merge(pull)
    honest(bank)
    stopped(bank, "it was withdrawn" if seen else "1 more from")


def test_19_approval_after_the_merge_counts_for_what_is_pending_only(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    bank.world.merge(pull.branch, "maintainer", files={f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})})
    twin = propose(bank, TWIN)
    bank.merge(twin)
    assert answers(bank.sync()) == {STAGING: "refused", f"{TWIN}/Staging": "pending"}
    bank.approve("noor", pull)
    bank.approve("noor", twin)
    stopped(bank, "the merge brought what no reviewed head had", "refused")
    given = bank.entries(entry.Verdict)[-1].sign_offs
    merged = bank.entries(entry.Verdict)[-2].recorded_at
    assert [s.first_seen > merged for s in given] == [True]


def test_24_one_person_in_both_groups(tmp_path: Path):
    bank = begun(tmp_path, rules=BOTH_GOVERNED, owners="/models/ @noor @olga @mo\n")
    pull = propose(bank)
    bank.approve("mo", pull)
    bank.merge(pull)
    honest(bank, "mo", "noor")
    stopped(bank, "0 of 1 given")


@pytest.mark.parametrize("lines", ["one line", "two lines, pushed"])
def test_47_one_key_under_two_principals(tmp_path: Path, lines: str):
    others = World.allowed_signers(*(n for n in PEOPLE if n not in {"noor", "olga"}))
    both = signers_line("noor", principal="noor@example.com,olga@example.com")
    twice = signers_line("noor") + signers_line("noor", principal="olga@example.com")
    first = both if lines == "one line" else signers_line("noor") + signers_line("olga")
    owners = "/models/ @noor @olga @mo\n"
    bank = begun(tmp_path, rules=policy(TWO, GOVERNANCE), signers=others + first, owners=owners)
    if lines != "one line":
        bank.world.push_main("maintainer", {"allowed_signers": others + twice})
    pull = propose(bank)
    bank.approve("noor", pull)
    bank.approve("noor", pull)
    bank.merge(pull)
    honest(bank, "noor", "mo")
    stopped(bank, "1 of 2 given")


# -- what was reviewed -------------------------------------------------------------------------------------------


def test_05_commit_after_the_approval(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    bank.approve("noor", pull)
    bank.world.commit("dana", {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}, branch=pull.branch)
    bank.merge(pull)
    twin = propose(bank, TWIN)
    bank.approve("noor", twin)
    bank.world.commit("dana", {"README.md": "A word more.\n"}, branch=twin.branch)
    bank.merge(twin)
    stopped(bank, "it names other subjects than this promotion's")


def test_06_update_of_the_branch_that_slips_in_a_change(tmp_path: Path):
    bank = begun(tmp_path)
    pull, twin = propose(bank), propose(bank, TWIN)
    bank.approve("noor", pull)
    bank.approve("noor", twin)
    bank.world.push_main("maintainer", {"README.md": "More.\n"})
    slipped = {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}
    bank.world.merge("main", "dana", into=pull.branch, files=slipped)
    bank.world.merge("main", "dana", into=twin.branch)
    bank.merge(pull)
    bank.merge(twin)
    stopped(bank, "it names other subjects than this promotion's")


def test_06_rebase_to_a_head_that_nobody_reviewed(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    bank.approve("noor", pull)
    files = {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1}), "README.md": "Rebased.\n"}
    bank.world.craft("dana", [bank.world.head()], files, branch=pull.branch)
    bank.merge(pull)
    honest(bank)
    stopped(bank, "1 more from: @noor, @olga")


def test_27_promotion_hidden_in_another_ones_pull_request(tmp_path: Path):
    bank = begun(tmp_path)
    twin = bank.text(TWIN, {"Staging": 1}, card=None)
    pull = bank.branch({f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1}), f"models/{TWIN}.yaml": twin})
    assert len(pull.subjects) == 2
    alone = bank.branch({f"models/{TWIN}.yaml": twin})
    bank.approve("noor", replace(pull, subjects=alone.subjects))
    bank.merge(pull)
    stopped(bank, "it names other subjects than this promotion's")


def test_49_reviewed_commit_that_cannot_be_read_any_more(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    tag = bank.approve("noor", pull)
    bank.sync()
    bank.world.delete_tag(tag)
    bank.world.craft(
        "dana", [bank.world.head()], {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}, branch=pull.branch
    )
    bank.merge(pull)
    honest(bank)
    bank.world.git_origin("reflog", "expire", "--expire=now", "--all")
    bank.world.git_origin("prune", "--expire=now")
    (tmp_path / "mirror").rename(tmp_path / "lost")
    bank.restart()
    stopped(bank, "1 more from: @noor, @olga")


@pytest.mark.parametrize("where", ["on the branch", "on main"])
def test_51_card_edited_after_the_review(tmp_path: Path, where: str):
    bank = begun(tmp_path)
    pull = propose(bank)
    bank.approve("noor", pull)
    branch = pull.branch if where == "on the branch" else "main"
    bank.world.commit("dana", {f"cards/{MODEL}.md": "No limits known.\n"}, branch=branch)
    bank.merge(pull)
    honest(bank)
    if where == "on the branch":
        stopped(bank, "it names other subjects than this promotion's")
    else:
        stopped(bank, "the merge brought what no reviewed head had", "refused")


def test_61_ledger_bound_to_a_repository_of_other_history(tmp_path: Path):
    bank = begun(tmp_path)
    honest(bank)
    bank.sync()
    size, mine = bank.ledger().size, Bank(tmp_path / "mallory", rules=policy(PLAIN, LIGHT_GOVERNANCE))
    before = bank.config.url
    bank.configure(url=str(mine.world.origin))
    with pytest.raises(StalledError, match="the ledger cannot be bound to this branch"):
        Rebinder(bank.config, bank.outside()).proposed()
    assert (bank.ledger().size, bank.aliases(TWIN)) == (size, {"challenger": 1})
    # the same history at another place is followed
    shutil.copytree(before, tmp_path / "moved.git")
    bank.configure(url=str(tmp_path / "moved.git"))
    rebinder = Rebinder(bank.config, bank.outside())
    rebinder.rebind(digest=rebinder.proposed().digest, who=None, reason="The server was renamed")
    assert bank.sync().stalled == ""
    bank.verified()


def test_63_approval_signed_in_a_sandbox(tmp_path: Path):
    bank = begun(tmp_path)
    elsewhere = Bank(tmp_path / "sandbox", rules=policy(origin="sandbox.example/test"))
    elsewhere.train()
    pull = propose(bank)
    bank.world.approve("noor", pull.head, ["5" * 64], origin="sandbox.example/test")
    bank.merge(pull)
    honest(bank)
    stopped(bank, "it names other subjects than this promotion's")


# -- tags --------------------------------------------------------------------------------------------------------


def moved(bank: Bank, pull: Pull) -> None:
    tag = bank.approve("noor", pull)
    bank.world.put_tag(bank.world.repository[tag].read_raw(), ref="stagewright/elsewhere")
    bank.world.repository.references.delete(
        next(f"refs/tags/{n}" for n in bank.world.tag_names() if n != "stagewright/elsewhere")
    )


def other_commit(bank: Bank, pull: Pull) -> None:
    bank.world.approve("noor", bank.world.first, pull.subjects)


def other_namespace(bank: Bank, pull: Pull) -> None:
    bank.world.raw_tag("noor", target=pull.head, message=decision_message("approve", pull.subjects), namespace="file")


def borrowed_signature(bank: Bank, pull: Pull) -> None:
    tag = bank.world.approve("noor", bank.world.first, pull.subjects)
    raw = bank.world.repository[tag].read_raw()
    signature = raw[raw.index(b"-----BEGIN SSH SIGNATURE-----") :]
    message = decision_message("approve", pull.subjects)
    bank.world.raw_tag("noor", target=pull.head, message=message, signature=signature, tag="stagewright/borrowed")


def unsigned(bank: Bank, pull: Pull) -> None:
    bank.world.raw_tag("noor", target=pull.head, message=decision_message("approve", pull.subjects), namespace=None)


def stranger(bank: Bank, pull: Pull) -> None:
    bank.approve("mallory", pull)


def tag_of_a_tag(bank: Bank, pull: Pull) -> None:
    inner = bank.world.raw_tag("eve", target=pull.head, message="Nothing to see.\n", tag="v1")
    message = decision_message("approve", pull.subjects)
    bank.world.raw_tag("noor", target=inner, message=message, kind="tag", tag="stagewright/outer")


TAGS: Mapping[str, tuple[Callable[[Bank, Pull], None], str]] = {
    "moved to another name": (moved, "but was signed as"),
    "on another commit": (other_commit, "1 more from"),
    "signed for another namespace": (other_namespace, "namespace"),
    "with a signature of another tag": (borrowed_signature, "it does not fit these bytes"),
    "unsigned": (unsigned, "it is not signed"),
    "by a stranger": (stranger, "is not among the allowed signers"),
    "of a tag": (tag_of_a_tag, "not of a commit"),
}


@pytest.mark.parametrize("forge", TAGS)
def test_46_forged_tag(tmp_path: Path, forge: str):
    attack, why = TAGS[forge]
    bank = begun(tmp_path)
    pull = propose(bank)
    attack(bank, pull)
    bank.merge(pull)
    honest(bank)
    stopped(bank, why)


SIGNERS = {
    "expired key": ('namespaces="git",valid-before="20260301Z"', "had expired when first seen"),
    "key not valid yet": ('namespaces="git",valid-after="20270301Z"', "was not valid yet when first seen"),
    "key for another namespace": ('namespaces="file"', "is not for the namespace git"),
    "commented line": ("#", "is not among the allowed signers"),
}


@pytest.mark.parametrize("case", SIGNERS)
def test_46_key_that_allowed_signers_does_not_admit(tmp_path: Path, case: str):
    options, why = SIGNERS[case]
    line = signers_line("noor", options)
    line = f"# {signers_line('noor')}" if options == "#" else line
    bank = begun(tmp_path, signers=World.allowed_signers(*(n for n in PEOPLE if n != "noor")) + line)
    pull = propose(bank)
    bank.approve("noor", pull)
    bank.merge(pull)
    honest(bank, "olga")
    stopped(bank, why)


@pytest.mark.parametrize("options", ["cert-authority", "no-such-option", 'namespaces="git",verify-required'])
def test_46_options_that_are_not_understood_make_the_file_invalid(tmp_path: Path, options: str):
    bank = begun(tmp_path)
    text = World.allowed_signers(*PEOPLE) + signers_line("mallory", options)
    pull = bank.branch({"allowed_signers": text})
    for name in ("mo", "pat"):
        bank.world.approve(name, pull.head, ["6" * 64])
    bank.merge(pull)
    attack = propose(bank)
    bank.approve("mallory", attack)
    bank.merge(attack)
    honest(bank)
    stopped(bank, "is not among the allowed signers")


def test_64_expired_key_signs_with_an_old_date(tmp_path: Path):
    line = signers_line("noor", 'namespaces="git",valid-before="20260302101500Z"')
    bank = begun(tmp_path, signers=World.allowed_signers(*(n for n in PEOPLE if n != "noor")) + line)
    twin = propose(bank, TWIN)
    bank.approve("noor", twin)
    bank.sync()
    bank.clock.forward(hours=3)
    pull = propose(bank)
    bank.approve("noor", pull)  # its tagger line says 2023
    bank.merge(pull)
    bank.merge(twin)
    stopped(bank, "had expired when first seen")


def test_64_key_removed_while_the_promotion_waits(tmp_path: Path):
    bank = begun(tmp_path, rules=policy(BOTH, GOVERNANCE))
    pull = propose(bank)
    bank.approve("noor", pull)
    bank.merge(pull)
    bank.sync()
    removal = bank.branch({"allowed_signers": World.allowed_signers(*(n for n in PEOPLE if n != "noor"))})
    bank.approve("mo", removal)
    bank.approve("pat", removal)
    bank.merge(removal)
    bank.sync()
    bank.approve("mo", pull)
    honest(bank, "olga", "mo")
    stopped(bank, "is not among the allowed signers")
    bank.approve("olga", pull)
    bank.sync()
    assert bank.aliases() == {"challenger": 1}


def test_65_colleagues_rejection_deleted(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    veto = bank.reject("olga", pull)
    bank.sync()
    bank.world.delete_tag(veto)
    bank.approve("noor", pull)
    bank.merge(pull)
    honest(bank)
    stopped(bank, "veto by @olga")


# -- governance --------------------------------------------------------------------------------------------------

WEAK = rule("weak", "Staging", approvals=[(1, "@dana")])
WEAKENED: Mapping[str, Mapping[str, str]] = {
    "policy": {"stagewright.yaml": policy(WEAK, GOVERNANCE)},
    "code owners": {"CODEOWNERS": "/models/ @dana @eve\n"},
    "allowed signers": {"allowed_signers": World.allowed_signers(*PEOPLE, "mallory")},
    "code owners elsewhere (13)": {".github/CODEOWNERS": "* @dana @eve\n"},
}


@pytest.mark.parametrize("file", WEAKENED)
def test_10_governance_changed_in_the_same_pull_request(tmp_path: Path, file: str):
    bank = begun(tmp_path)
    pull = bank.branch({**WEAKENED[file], f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1})}, by="noor")
    for name in ("dana", "eve", "mallory", "mo", "pat", "olga"):
        bank.approve(name, pull)
    bank.merge(pull)
    honest(bank)
    stopped(bank, "a change of the governance stands alone", "refused")


@pytest.mark.parametrize("file", WEAKENED)
@pytest.mark.parametrize("how", ["small pull request", "push (56)"])
def test_11_bar_lowered_beforehand(tmp_path: Path, file: str, how: str):
    bank = begun(tmp_path)
    if how == "push (56)":
        bank.world.push_main("maintainer", WEAKENED[file])
    else:
        lowered = bank.branch(WEAKENED[file], by="eve")
        bank.approve("mo", lowered)
        bank.merge(lowered)
    pull = propose(bank, by="noor")
    for name in ("dana", "eve", "mallory"):
        bank.approve(name, pull)
    bank.merge(pull)
    honest(bank)
    stopped(bank, "1 more from: @olga")


def test_57_typo_fix_on_top_of_an_unapproved_policy(tmp_path: Path):
    bank = begun(tmp_path)
    bank.world.push_main("maintainer", WEAKENED["policy"])
    fixed = policy(WEAK | {"name": "weak-1"}, GOVERNANCE)
    pull = bank.branch({"stagewright.yaml": fixed})
    for name in ("mo", "pat", "rita"):
        bank.approve(name, pull)
    bank.merge(pull)
    honest(bank)
    stopped(bank, "main holds an unapproved policy: restore it first", "refused", "@governance")
    restored = bank.branch({"stagewright.yaml": policy()})
    bank.merge(restored)
    assert answers(bank.sync()) == {"@governance": "approved"}
    anew = bank.branch({"stagewright.yaml": fixed})
    bank.approve("mo", anew)
    bank.approve("pat", anew)
    bank.merge(anew)
    assert answers(bank.sync()) == {"@governance": "approved"}
    bank.verified()


def test_12_later_line_takes_the_path_away_from_its_owners(tmp_path: Path):
    bank = begun(tmp_path, owners=f"{OWNERS}/models/{MODEL}.yaml\n")
    pull = propose(bank)
    bank.approve("noor", pull)
    bank.merge(pull)
    honest(bank)
    stopped(bank, f"CODEOWNERS gives models/{MODEL}.yaml to nobody", "refused")


def test_58_tier_lowered_first_then_the_light_rule(tmp_path: Path):
    light = rule("light", "Staging", approvals=[(1, "codeowners")], tiers=["low"])
    heavy = rule("heavy", "Staging", approvals=[(1, "codeowners"), (1, "@acme/model-risk")], tiers=["medium", "high"])
    bank = begun(tmp_path, rules=policy(light, heavy, GOVERNANCE))
    lowered = bank.propose(MODEL, {}, riskTier="low")
    bank.approve("noor", lowered)
    bank.merge(lowered)
    assert answers(bank.sync()) == {SPEC: "pending"}
    pull = bank.propose(MODEL, {"Staging": 1}, riskTier="low")
    bank.approve("noor", pull)
    bank.merge(pull)
    honest(bank, "noor", "mo")
    stopped(bank, "@acme/model-risk")
    bank.approve("mo", lowered)
    assert answers(bank.sync()) == {SPEC: "approved", STAGING: "approved"}
    assert bank.aliases() == {"challenger": 1}


def test_59_nothing_that_no_rule_matches(tmp_path: Path):
    only_low = rule("light", "Staging", approvals=[(1, "codeowners")], tiers=["low"])
    bank = Bank(
        tmp_path,
        rules=policy(only_low, GOVERNANCE),
        prepare=lambda bank: {f"models/{TWIN}.yaml": bank.text(TWIN, card=None, riskTier="low")},
    )
    bank.train()
    bank.train(TWIN)
    bank.sync()
    pull = propose(bank)
    for name in ("noor", "olga", "mo", "pat"):
        bank.approve(name, pull)
    bank.merge(pull)
    bank.promote(TWIN, {"Staging": 1}, "noor", card=None, riskTier="low")
    stopped(bank, f"no rule of the policy matches {STAGING}", "refused")


def test_60_policy_pushed_before_the_controller_ever_ran(tmp_path: Path):
    bank = Bank(tmp_path, prepare=lambda bank: {f"models/{TWIN}.yaml": bank.text(TWIN, card=None)})
    bank.train()
    bank.train(TWIN)
    bank.world.push_main("dana", WEAKENED["policy"])
    root = bank.config.trust_root
    bank.configure(trust_root=None)
    with pytest.raises(UsageError, match="no commit to begin it from"):
        bank.sync()
    bank.configure(trust_root=root)
    pull = propose(bank, by="eve")
    bank.approve("dana", pull)
    bank.merge(pull)
    honest(bank)
    stopped(bank, "1 more from: @noor, @olga")


def test_66_policy_tightened_while_the_promotion_waits(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    bank.merge(pull)
    bank.sync()
    tighter = bank.branch({"stagewright.yaml": policy(TWO, HEAVY, GOVERNANCE)})
    bank.approve("mo", tighter)
    bank.approve("pat", tighter)
    bank.merge(tighter)
    bank.sync()
    bank.clock.forward(days=90)
    bank.approve("noor", pull)
    honest(bank, "noor", "olga")
    stopped(bank, "1 of 2 given")
    bank.approve("olga", pull)
    bank.sync()
    assert bank.aliases() == {"challenger": 1}


# -- documents ---------------------------------------------------------------------------------------------------


def yaml_of(bank: Bank) -> str:
    pins = "\n".join(f"      {key}: {value}" for key, value in bank.pins(1).items() if key != "trainer")
    return (
        "apiVersion: stagewright.dev/v1alpha1\nkind: Model\nmetadata:\n  name: credit-risk\n"
        f"spec:\n  riskTier: high\n  stages:\n    Staging:\n{pins}\n"
    )


TRICKS: Mapping[str, Callable[[str], str | bytes]] = {
    "duplicate key": lambda text: text + "    Staging: none\n",
    "anchor and alias": lambda text: text.replace("riskTier: high", "riskTier: &t high\n  purpose: *t"),
    "merge key": lambda text: text.replace("    Staging:\n", "    Staging:\n      <<: {version: 2}\n"),
    "tag": lambda text: text.replace("riskTier: high", "riskTier: !!str high"),
    "python object": lambda text: text.replace("riskTier: high", "riskTier: !!python/name:os.system"),
    "second document": lambda text: f"{text}---\n{text}",
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "next line": lambda text: text.replace("riskTier: high", "riskTier: high\u0085  owner: me"),
    "bidirectional override": lambda text: text.replace("riskTier: high", "owner: \u202eme\n  riskTier: high"),
    "another number": lambda text: text.replace("version: 1", "version: 0x1"),
    "unknown key": lambda text: text + "  approved: true\n",
    "UTF-16": lambda text: text.encode("utf-16"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_28_document_that_two_readers_read_differently(tmp_path: Path, trick: str):
    bank = begun(tmp_path)
    honest_text = yaml_of(bank)
    files = {
        f"models/{MODEL}.yaml": TRICKS[trick](honest_text),
        f"models/{TWIN}.yaml": bank.text(TWIN, {"Staging": 1}, card=None),
    }
    pull = bank.branch(files)
    bank.approve("noor", pull)
    bank.merge(pull)
    report = bank.sync()
    assert answers(report) == {f"{TWIN}/Staging": "approved"}
    assert {problem.file for problem in report.problems} == {f"models/{MODEL}.yaml"}
    assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {"challenger": 1})
    # the same text without the trick is a proposal like any other
    assert bank.branch({f"models/{MODEL}.yaml": honest_text}).subjects != ()
    bank.verified()


NAMES = {
    "Cyrillic letter": "credit-r\u0456sk",
    "other case": "Credit-Risk",
    "space at the end": "credit-risk ",
    "dash of another width": "credit\u2010risk",
}


@pytest.mark.parametrize("case", NAMES)
def test_29_name_that_looks_like_another(tmp_path: Path, case: str):
    bank = begun(tmp_path)
    name = NAMES[case]
    bank.train(name, run="run-1")
    text = bank.text(MODEL, {"Staging": 2}).replace('"name": "credit-risk"', f'"name": "{name}"')
    pull = bank.branch({f"models/{name}.yaml": text, f"models/{TWIN}.yaml": bank.text(TWIN, {"Staging": 1}, card=None)})
    bank.approve("noor", pull)
    bank.approve("mo", pull)
    bank.merge(pull)
    report = bank.sync()
    assert answers(report) == {f"{TWIN}/Staging": "approved"}
    assert [problem.file for problem in report.problems] == [f"models/{name}.yaml"]
    assert (bank.aliases(), bank.aliases(name), bank.aliases(TWIN)) == ({}, {}, {"challenger": 1})
    bank.verified()


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "4" * 64 + "\nsize 700\n"


@pytest.mark.parametrize("kind", ["symbolic link", "submodule", "LFS pointer"])
def test_30_no_regular_file_in_place_of_a_document(tmp_path: Path, kind: str):
    bank = begun(tmp_path)
    aside = bank.text(MODEL, {"Staging": 1})
    instead: dict[str, Any] = {
        "symbolic link": (0o120000, "../aside/credit-risk.yaml"),
        "submodule": (0o160000, "8" * 40),
        "LFS pointer": LFS,
    }
    twin = bank.text(TWIN, {"Staging": 1}, card=None)
    pull = bank.branch(
        {"aside/credit-risk.yaml": aside, f"models/{MODEL}.yaml": instead[kind], f"models/{TWIN}.yaml": twin}
    )
    bank.approve("noor", pull)
    bank.merge(pull)
    report = bank.sync()
    assert answers(report) == {f"{TWIN}/Staging": "approved"}
    assert [problem.file for problem in report.problems] == [f"models/{MODEL}.yaml"]
    assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {"challenger": 1})
    bank.verified()


def test_31_attributes_that_hide_the_change(tmp_path: Path):
    bank = begun(tmp_path)
    hiding = f"models/{MODEL}.yaml -diff linguist-generated filter=swap ident export-subst\n"
    shown = bank.branch({"README.md": "Only a word.\n"})
    pull = bank.branch(
        {".gitattributes": hiding, f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1}), "README.md": "Word.\n"}
    )
    bank.approve("noor", replace(pull, subjects=shown.subjects or ("9" * 64,)))
    bank.merge(pull)
    honest(bank)
    stopped(bank, "it names other subjects than this promotion's")


def test_45_entry_deleted_unreviewed(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    honest(bank)
    bank.sync()
    bank.merge(bank.propose(MODEL, {}))
    bank.world.push_main("maintainer", {"README.md": "More.\n"})
    stopped(bank, "1 more from: @noor, @olga")
    bank.world.push_main("maintainer", {f"models/{MODEL}.yaml": None})
    stopped(bank, "was pushed without a pull request", "refused", SPEC)
    bank.memory_registry.models[MODEL].aliases.clear()
    bank.sync()
    assert bank.aliases() == {"challenger": 1}


@pytest.mark.parametrize("text", ["spec: [", "", LFS, "apiVersion: v1\n"], ids=["broken", "empty", "LFS", "other kind"])
def test_67_invalid_document_pushed_to_read_as_removed(tmp_path: Path, text: str):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    honest(bank)
    bank.sync()
    bank.world.push_main("maintainer", {f"models/{MODEL}.yaml": text})
    report = bank.sync()
    assert (report.verdicts, {p.model for p in report.problems}) == ((), {MODEL})
    assert (bank.aliases(), bank.aliases(TWIN)) == ({"challenger": 1}, {"challenger": 1})
    bank.promote(MODEL, {"Staging": 2}, "noor")
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 2}
    bank.verified()


# -- the registry and the ledger ---------------------------------------------------------------------------------


def recreate(bank: Bank) -> None:
    del bank.memory_registry.models[MODEL]
    bank.train(MODEL, by="eve", content="something else", run="run-of-eve")


def overwrite(bank: Bank) -> None:
    bank.memory_registry.stored(MODEL, 1).files["MLmodel"] = b"something else"


def better_metric(bank: Bank) -> None:
    stored = bank.memory_registry.stored(MODEL, 1)
    stored.evidence = replace(stored.evidence, metrics=(Metric(name="auc", value=0.99, step=0),))


def colleagues_name(bank: Bank) -> None:
    stored = bank.memory_registry.stored(MODEL, 1)
    stored.evidence = replace(stored.evidence, trainer="eve")


@pytest.mark.parametrize("when", ["before the merge", "after it was applied"])
@pytest.mark.parametrize("swap", [recreate, overwrite, better_metric, colleagues_name])
def test_35_62_version_changed_after_the_review(tmp_path: Path, swap: Callable[[Bank], None], when: str):
    bank = begun(tmp_path)
    pull = propose(bank)
    bank.approve("noor", pull)
    if when == "before the merge":
        swap(bank)
        bank.merge(pull)
        honest(bank)
        stopped(bank, "signed off was", "refused")
        return
    bank.merge(pull)
    honest(bank)
    bank.sync()
    swap(bank)
    bank.memory_registry.models[MODEL].aliases.clear()
    report = bank.sync()
    done = [a.result for a in report.applied if a.pair.key == parse_key(STAGING)]
    alarms = [alarm.type for alarm in bank.entries(entry.Alarm)]
    if swap in {recreate, overwrite}:
        assert (bank.aliases(), alarms) == ({}, ["identity"])
        assert done in ([], ["blocked"])
    else:
        # the very artifacts that were approved go back to where they were, and what was logged since is an alarm
        assert (bank.aliases(), alarms, done) == ({"challenger": 1}, ["evidence"], ["applied"])
    bank.verified()


def test_62_trainer_as_a_client_set_tag_shows_nobodys_independence(tmp_path: Path):
    heavy = rule("heavy", "Staging", approvals=[(1, "@acme/model-risk")], independentOf=["trainer"])
    bank = begun(tmp_path, rules=policy(heavy, GOVERNANCE))
    said = bank.pins(1, trainer="eve")
    pull = bank.propose(MODEL, {"Staging": said})
    bank.approve("mo", pull)
    bank.merge(pull)
    honest(bank, "mo")
    stopped(bank, "MLflow's word on who trained it is not authenticated")


def test_48_direct_edit_of_aliases_and_tags(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    honest(bank)
    bank.sync()
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    bank.memory_registry.stored(MODEL, 2).tags["stagewright.ledger-index"] = "5"
    bank.sync()
    assert (bank.aliases(), bank.aliases(TWIN)) == ({"challenger": 1}, {"challenger": 1})
    assert [(d.found, d.decision) for d in bank.entries(entry.Drift)] == [({"challenger": "2"}, "corrected")]
    bank.verified()


def test_68_alias_set_by_hand_before_it_is_approved(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    honest(bank)
    bank.sync()
    bank.merge(propose(bank, version=2))
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    report = bank.sync()
    assert answers(report) == {STAGING: "pending"}
    assert (bank.aliases(), bank.aliases(TWIN)) == ({"challenger": 1}, {"challenger": 1})
    assert [d.found for d in bank.entries(entry.Drift)] == [{"challenger": "2"}]
    bank.verified()


def test_52_straight_to_production(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank, stage="Production")
    bank.approve("noor", pull)
    bank.approve("mo", pull)
    bank.merge(pull)
    honest(bank)
    stopped(bank, "has never held Staging", key=PRODUCTION)


def test_52_same_number_with_another_digest_went_through_staging(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    honest(bank)
    bank.sync()
    recreate(bank)
    pull = bank.propose(MODEL, {"Production": 1})
    bank.approve("noor", pull)
    bank.approve("mo", pull)
    bank.merge(pull)
    bank.memory_registry.models[MODEL].aliases.clear()
    stopped(bank, "has never held Staging", key=PRODUCTION)


def test_two_new_documents_on_one_registered_model_in_one_step(tmp_path: Path):
    bank = begun(tmp_path)
    bank.train("churn-2")
    texts = {name: bank.text(name, {"Staging": 1}, card=None, registeredModel="churn-2") for name in ("mine", "yours")}
    pull = bank.branch({f"models/{name}.yaml": text for name, text in texts.items()})
    for name in ("noor", "olga", "mo"):
        bank.approve(name, pull)
    bank.merge(pull)
    honest(bank)
    stopped(bank, "mine/@spec and yours/@spec name one registered model", "refused", "mine/@spec")
    assert bank.aliases("churn-2") == {}


@pytest.mark.parametrize("first", ["new document", "renamed by a push, then a new document"])
def test_another_document_on_a_colleagues_registered_model(tmp_path: Path, first: str):
    """Whoever owns one document could move the aliases of another team's model, and the two would fight for ever."""
    bank = begun(tmp_path, owners=f"{OWNERS}/models/mine.yaml @eve @pat\n")
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    if first != "new document":
        moved_away = bank.text(MODEL, {"Staging": bank.pins(1)}, registeredModel="elsewhere")
        bank.world.push_main("maintainer", {f"models/{MODEL}.yaml": moved_away})
    text = bank.text("mine", {"Staging": bank.pins(2)}, card=None, registeredModel=MODEL)
    pull = bank.branch({"models/mine.yaml": text})
    for name in ("eve", "pat", "mo"):
        bank.approve(name, pull)
    bank.merge(pull)
    honest(bank)
    stopped(bank, f"'{MODEL}' in MLflow is that of the model {MODEL} already", "refused", "mine/@spec")
    size = bank.ledger().size
    assert bank.sync().ledger_size == size
    assert bank.aliases() == {"challenger": 1}


def test_53_ledger_deleted_so_that_a_tampered_registry_is_adopted(tmp_path: Path):
    bank = begun(tmp_path)
    honest(bank)
    bank.sync()
    bank.memory_registry.set_alias(MODEL, "champion", 2)
    (tmp_path / "ledger").rename(tmp_path / "hidden")
    with pytest.raises(StalledError, match="the ledger is missing, although one is known"):
        bank.sync()
    (tmp_path / "hidden").rename(tmp_path / "ledger")
    assert bank.sync().stalled == ""
    assert bank.aliases(TWIN) == {"challenger": 1}
    bank.verified()


def test_01_pushed_person_is_nobody_without_a_key(tmp_path: Path):
    """The one name that the attacks above lend themselves: it has a key, and no line anywhere admits it."""
    assert person("mallory").fingerprint not in World.allowed_signers(*PEOPLE)
    assert person("mallory").public_key not in Bank(tmp_path).world.allowed_signers(*PEOPLE)
