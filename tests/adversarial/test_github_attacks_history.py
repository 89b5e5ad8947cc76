"""How commits come onto main of GitHub past what was reviewed. The numbers are those of docs/threat-model.md."""

from pathlib import Path

import pytest

from stagewright.app.acceptance import Acceptor
from stagewright.core.acceptance import history_document
from stagewright.errors import UsageError
from stagewright.ledger import predicates as entry
from tests.adversarial.attacked_bank import (
    FILE,
    LONG_AGO,
    PRODUCTION,
    SPEC,
    TWIN,
    TWIN_FILE,
    begun,
    honest,
    of,
    stopped,
    verified,
)
from tests.bank import MODEL, answers

NO_REVIEWED_HEAD = "the merge brought what no reviewed head had"
PROTECTED = {"required_pull_request_reviews": {"required_approving_review_count": 1}}


def test_01_push_straight_to_main_with_git(tmp_path: Path):
    with begun(tmp_path) as bank:
        text = bank.text({"Staging": 1}).encode()
        bank.world.person("maintainer").push("acme/models", "main", {FILE: text})
        honest(bank)
        stopped(bank, "was pushed without a pull request", "refused")


def test_01_push_that_imitates_a_squash_of_an_approved_pull_request(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        text = bank.text({"Staging": 2}).encode()
        bank.world.person("maintainer").push("acme/models", "main", {FILE: text}, message=f"Promote (#{number})")
        honest(bank, how="squash")
        stopped(bank, "was pushed without a pull request", "refused")


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_02_admin_merges_past_the_protection(tmp_path: Path, how: str):
    with begun(tmp_path) as bank:
        bank.world.hosted.protection["main"] = PROTECTED
        number = bank.propose({"Staging": 1})
        refused = bank.world.person("olga").ask("PUT", f"/repos/acme/models/pulls/{number}/merge", {})
        assert refused.status_code == 405
        bank.merge(number, how)
        honest(bank, how=how)
        stopped(bank, "0 of 1 given; 1 more from: @noor, @olga")


def test_07_evil_merge_changes_the_entry(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.craft([bank.head(), bank.pull(number).head_sha], of(bank, {"Staging": 2}), branch="main")
        assert bank.pull(number).merged is not None
        honest(bank)
        stopped(bank, NO_REVIEWED_HEAD, "refused")


def test_07_evil_merge_adds_a_model_to_an_approved_pull_request(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1}, model=TWIN)
        bank.review("noor", number)
        twin = {TWIN_FILE: bank.text({"Staging": 1}, TWIN)}
        bank.craft([bank.head(), bank.pull(number).head_sha], {**of(bank, {"Staging": 1}), **twin}, branch="main")
        stopped(bank, NO_REVIEWED_HEAD, "refused")


def test_07_octopus_merge(tmp_path: Path):
    with begun(tmp_path) as bank:
        one, two = bank.propose({"Staging": 1}), bank.open({"README.md": "Harmless.\n"})
        bank.review("noor", one)
        heads = [bank.pull(number).head_sha for number in (one, two)]
        bank.craft([bank.head(), *heads], of(bank, {"Staging": 1}), branch="main")
        honest(bank)
        report = bank.sync()
        # two pull requests came by one commit: of neither is it certain that it brought it
        assert ("at once: which is not certain" in report.waiting, report.verdicts) == (True, ())
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {})


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_08_51_merge_whose_result_differs_from_the_reviewed_head(tmp_path: Path, how: str):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.push({f"cards/{MODEL}.md": "No limits known.\n"})
        bank.merge(number, how)
        honest(bank, how=how)
        stopped(bank, NO_REVIEWED_HEAD, "refused")


def test_09_merged_into_another_branch_that_is_then_pushed_to_main(tmp_path: Path):
    with begun(tmp_path) as bank:
        bank.world.push("maintainer", "dev", bank.head())
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.world.call("PATCH", f"/pulls/{number}", {"base": "dev"}, by="dana")
        bank.merge(number, "squash")
        bank.world.push("maintainer", "main", bank.world.head("dev"))
        honest(bank)
        stopped(bank, "it was opened against 'dev', not 'main'", "refused")


def test_09_base_turned_to_main_after_the_approval(tmp_path: Path):
    """Against `dev`, which holds the promotion already, the reviewer is shown a word in a README."""
    with begun(tmp_path) as bank:
        bank.world.push("dana", "dev", bank.head())
        bank.world.put("dana", of(bank, {"Staging": 1}), branch="dev")
        bank.world.put("dana", {"README.md": "A word.\n"}, branch="words", start="dev")
        number = bank.world.open("words", base="dev")
        bank.review("noor", number)
        bank.clock.forward(seconds=5)
        bank.world.call("PATCH", f"/pulls/{number}", {"base": "main"}, by="dana")
        bank.merge(number)
        honest(bank)
        stopped(bank, "was given before the pull request was turned to main")
        bank.review("olga", number)
        bank.sync()
        assert bank.aliases() == {"challenger": 1}


def test_33_forced_push_to_a_history_where_it_was_always_so(tmp_path: Path):
    with begun(tmp_path) as bank:
        honest(bank)
        bank.sync()
        good = bank.head()
        bank.craft([bank.first], of(bank, {"Staging": 1}), branch="main")
        report = bank.sync()
        assert ("not on the first-parent history" in report.stalled, report.verdicts, report.applied) == (True, (), ())
        assert [alarm.type for alarm in bank.entries(entry.Alarm)] == ["history"]
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {"challenger": 1})
        bank.world.push("maintainer", "main", good)
        assert bank.sync().stalled == ""
        verified(bank)


def test_33_history_is_accepted_by_nobody_but_those_who_may_change_the_governance(tmp_path: Path):
    with begun(tmp_path) as bank:
        honest(bank)
        bank.sync()
        before, size = bank.recorded().revision, bank.ledger().size
        after = bank.craft([bank.first], of(bank, {"Staging": 1}), branch="main")
        assert bank.sync().stalled != ""
        text = history_document(bank.recorded().genesis.origin, before, after).decode()
        ask = {f"accepted-histories/{after}.json": text}
        number = bank.open(ask, by="mo", title="Accept")
        # owners of models, and only one of those who may
        for who in ("noor", "olga", "pat"):
            bank.review(who, number)
        acceptor = Acceptor(bank.config, bank.outside())
        assert acceptor.proposed(before, after).evaluation.answer == "pending"
        with pytest.raises(UsageError, match="is not accepted yet"):
            acceptor.accept(before, after, who=None, reason="It was always so")
        assert (bank.entries(entry.Rebind), bank.sync().stalled != "") == ([], True)
        assert bank.ledger().size > size
        # the honest twin: two of those who may, and what was always so runs all the same only once it is reviewed
        bank.review("rita", number)
        acceptor.accept(before, after, who=None, reason="A secret was removed from history")
        assert bank.sync().stalled == ""
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {"challenger": 1})
        bank.promote({"Staging": 2}, "noor")
        bank.sync()
        assert bank.aliases() == {"challenger": 2}
        verified(bank)


def test_55_foxtrot(tmp_path: Path):
    with begun(tmp_path) as bank:
        honest(bank)
        bank.sync()
        good = bank.head()
        mine = bank.craft([bank.first], of(bank, {"Staging": 1}), by="olga", branch="mine")
        bank.craft([mine, good], {TWIN_FILE: bank.text({"Staging": 1}, TWIN)}, by="olga", branch="main")
        report = bank.sync()
        assert ("not on the first-parent" in report.stalled or "swapped its parents" in report.stalled) is True
        assert (report.verdicts, bank.aliases(), bank.aliases(TWIN)) == ((), {}, {"challenger": 1})
        bank.world.push("maintainer", "main", good)
        assert bank.sync().stalled == ""
        verified(bank)


def test_34_revert_of_a_revert_replays_no_old_approval(tmp_path: Path):
    with begun(tmp_path) as bank:
        bank.promote({"Staging": 1}, "noor")
        bank.sync()
        bank.promote({}, "noor")
        bank.sync()
        bank.registry.models[MODEL].aliases.clear()
        again = bank.propose({"Staging": 1})
        bank.merge(again)
        honest(bank)
        stopped(bank, "1 more from: @noor, @olga")
        bank.review("noor", again)
        bank.sync()
        assert bank.aliases() == {"challenger": 1}


def test_34_old_head_opened_and_merged_again_by_hand(tmp_path: Path):
    with begun(tmp_path) as bank:
        first = bank.pull(bank.promote({"Staging": 1}, "noor")).head_sha
        bank.sync()
        bank.promote({}, "noor")
        bank.sync()
        bank.registry.models[MODEL].aliases.clear()
        bank.craft([bank.head(), first], of(bank, {"Staging": 1}), branch="main")
        honest(bank)
        stopped(bank, "was pushed without a pull request", "refused")


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_40_queue_lends_no_approval_from_one_pull_request_to_another(tmp_path: Path, method: str):
    with begun(tmp_path) as bank:
        attack, twin = bank.propose({"Staging": 1}), bank.propose({"Staging": 1}, model=TWIN)
        bank.review("noor", twin)
        bank.world.hosted.queue_method = method
        maintainer = bank.world.person("maintainer").account
        for number in (attack, twin):
            bank.github.forge.enqueue(bank.world.hosted, bank.pull(number), maintainer)
        bank.clock.forward(seconds=1)
        assert len(bank.github.forge.run_queue(bank.world.hosted)) == 2
        stopped(bank, "0 of 1 given; 1 more from: @noor, @olga")


@pytest.mark.parametrize("approved", [False, True], ids=["nobody approves the lower one", "each is approved"])
def test_40_one_push_of_two_pull_requests_lends_no_approval(tmp_path: Path, approved: bool):
    """One lies on top of the other, and its branch is pushed to main: each has the commits up to its own head."""
    with begun(tmp_path) as bank:
        lower = bank.propose({"Staging": 1})
        text = bank.text({"Staging": 1}, TWIN)
        bank.world.put("dana", {TWIN_FILE: text}, branch="on-top", start=bank.pull(lower).head_ref)
        upper = bank.world.open("on-top", by="dana")
        bank.review("noor", upper)
        if approved:
            bank.review("olga", lower)
        bank.clock.forward(seconds=1)
        bank.world.push("maintainer", "main", bank.pull(upper).head_sha)
        if not approved:
            stopped(bank, "0 of 1 given; 1 more from: @noor, @olga")
        bank.sync()
        assert (bank.aliases(), bank.aliases(TWIN)) == ({"challenger": 1} if approved else {}, {"challenger": 1})


def test_41_two_approved_apart_that_break_a_rule_together(tmp_path: Path):
    """Each names the same model of MLflow as its own; there can be one."""
    with begun(tmp_path) as bank:
        bank.train("fresh")
        numbers = {
            name: bank.open({f"models/{name}.yaml": bank.text({}, name, registeredModel="fresh")})
            for name in ("mine", "yours")
        }
        for number in numbers.values():
            for who in ("noor", "mo"):
                bank.review(who, number)
        for number in numbers.values():
            bank.merge(number, "squash")
        honest(bank)
        report = stopped(bank, "'fresh' in MLflow is that of the model mine already", "refused", "yours/@spec")
        assert answers(report)["mine/@spec"] == "approved"


def test_41_52_production_merged_before_staging_waits_for_it(tmp_path: Path):
    with begun(tmp_path) as bank:
        production = bank.propose({"Production": 1})
        for who in ("noor", "mo"):
            bank.review(who, production)
        bank.merge(production)
        honest(bank)
        stopped(bank, "has never held Staging", key=PRODUCTION)


@pytest.mark.parametrize("seconds", [LONG_AGO, 4_000_000_000], ids=["long ago", "far ahead"])
def test_43_dates_of_commits_decide_nothing(tmp_path: Path, seconds: int):
    """A rejection comes after an approval by GitHub's clock, whatever the commits say of theirs."""
    with begun(tmp_path) as bank:
        bank.world._seconds = seconds
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.review("noor", number, "reject")
        bank.merge(number, "squash")
        honest(bank, how="squash")
        stopped(bank, "veto by @noor")
        judged = bank.entries(entry.Verdict)
        assert all(abs((one.recorded_at - bank.clock.now()).total_seconds()) < 3600 for one in judged)


def test_50_base_moved_so_that_another_incumbent_was_compared(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 2})
        bank.review("noor", number)
        bank.promote({"Staging": 1}, "noor")
        bank.sync()
        refused = bank.world.person("maintainer").ask("PUT", f"/repos/acme/models/pulls/{number}/merge", {})
        assert refused.status_code == 405
        bank.craft([bank.head(), bank.pull(number).head_sha], of(bank, {"Staging": 2}), branch="main")
        honest(bank)
        stopped(bank, NO_REVIEWED_HEAD, "refused")


def test_45_entry_deleted_unreviewed(tmp_path: Path):
    with begun(tmp_path) as bank:
        bank.promote({"Staging": 1}, "noor")
        honest(bank)
        bank.sync()
        bank.merge(bank.propose({}))
        stopped(bank, "1 more from: @noor, @olga")
        bank.push({FILE: None})
        stopped(bank, "was pushed without a pull request", "refused", SPEC)
        bank.registry.models[MODEL].aliases.clear()
        bank.sync()
        assert bank.aliases() == {"challenger": 1}
