"""What the controller says on pull requests, open and merged: within one sync, never twice, and never in the way."""

from dataclasses import replace

import pytest

from stagewright.app.memory import remember
from stagewright.app.outcome_pages import newest_entries
from stagewright.errors import ForbiddenError, IncompleteError, UnreachableError
from stagewright.ledger import predicates as entry
from stagewright.ledger.checkpoint import open_checkpoint
from stagewright.ledger.note import parse_verifier_key
from tests.bank import GOVERNANCE, HEAVY, LIGHT, MODEL, answers, policy, rule
from tests.hosted_bank import HostedBank, Proposal, lines

STAGING, PRODUCTION = f"{MODEL}/Staging", f"{MODEL}/Production"


def begun(versions: int = 3, **options: str) -> HostedBank:
    bank = HostedBank(**options)
    for number in range(versions):
        bank.train(auc=0.80 + number / 100)
    bank.sync()
    return bank


def mark(bank: HostedBank, pull: Proposal) -> tuple[str, str]:
    found = bank.talk.marks[pull.head]
    return found.state, found.summary


# -- open ------------------------------------------------------------------------------------------------------------


def test_open_pull_request_is_marked_and_told_what_it_lacks():
    bank = begun()
    pull = bank.propose({"Staging": 1})
    assert bank.sync().waiting == ""
    assert mark(bank, pull) == (
        "pending", f"{STAGING}: 1 approval from codeowners: 0 of 1 given; 1 more from: @noor, @olga",
    )  # fmt: skip
    told = lines(bank.talk.comments[pull.number])
    assert f"### … pending: {STAGING}" in told
    assert "- … missing light: 1 approval from codeowners: 0 of 1 given; 1 more from: @noor, @olga" in told
    assert "- @dana opened the pull request" in told
    assert "- credit-risk alias challenger: nobody → 1" in told
    assert told[-1].endswith(f"Ask again yourself: stagewright check {pull.head}.")


def test_open_pull_request_links_to_mlflow_and_compares_with_what_runs():
    bank = begun()
    bank.promote({"Staging": 1}, "noor")
    bank.sync()
    pull = bank.propose({"Staging": 2})
    bank.sync()
    told = lines(bank.talk.comments[pull.number])
    assert (
        f"It brings [version 2](https://mlflow.example/#/models/{MODEL}/versions/2), trained in "
        f"[this run](https://mlflow.example/#/experiments/3/runs/{2:032x})."
    ) in told
    assert f"It replaces [version 1](https://mlflow.example/#/models/{MODEL}/versions/1)" in "\n".join(told)
    assert "| auc | 0.8 | 0.81 | +0.01 |" in told
    assert "- credit-risk alias challenger: 1 → 2" in told


@pytest.mark.parametrize("uri", ["sqlite:////srv/mlflow.db", "https://mlflow.example/x)](https://evil.example"])
def test_registry_without_pages_is_not_linked_to(uri: str):
    bank = begun(registry_uri=uri)
    pull = bank.propose({"Staging": 1})
    bank.sync()
    assert "It brings version 1." in lines(bank.talk.comments[pull.number])


def test_review_turns_the_mark_at_the_next_sync():
    bank = begun()
    pull = bank.propose({"Staging": 1})
    bank.sync()
    bank.review("noor", pull)
    bank.sync()
    assert mark(bank, pull) == ("success", f"approved: {STAGING}")
    assert lines(bank.talk.comments[pull.number])[0] == "**Signed off.** Once merged, the next sync carries it out."


def test_review_of_somebody_who_contributed_is_shown_as_lost_with_its_commit():
    bank = begun()
    pull = bank.propose({"Staging": 1})
    bank.commit(pull, {f"models/{MODEL}.yaml": bank.text({"Staging": 2})}, by="noor")
    bank.review("noor", pull)
    bank.sync()
    told = "\n".join(lines(bank.talk.comments[pull.number]))
    assert f"- @noor made commit {pull.head[:12]}, which changes what is promoted" in told
    assert (
        f"- approve by @noor of {pull.head[:12]}: @noor made commit {pull.head[:12]}, which changes what is promoted, "
        "and nobody approves their own work"
    ) in told
    assert mark(bank, pull)[0] == "pending"


def test_two_stages_are_told_strictest_first():
    bank = begun()
    pull = bank.propose({"Staging": 1, "Production": 1})
    bank.sync()
    told = bank.talk.comments[pull.number]
    assert told.index(PRODUCTION) < told.index(f"### … pending: `{STAGING}`")


def test_refusal_is_predicted_before_anybody_merges_into_it():
    bank = begun()
    pull = bank.propose({"Canary": 1})
    bank.sync()
    state, summary = mark(bank, pull)
    assert (state, "no rule of the policy matches" in summary) == ("failure", True)
    assert lines(bank.talk.comments[pull.number])[0].startswith("**Not to be merged as it is:**")


def test_document_that_is_not_valid_is_told_with_its_place():
    bank = begun()
    pull = bank.open({f"models/{MODEL}.yaml": "apiVersion: x\n"})
    bank.sync()
    state, summary = mark(bank, pull)
    assert (state, summary.startswith(f"models/{MODEL}.yaml:1:")) == ("failure", True)
    assert f"models/{MODEL}.yaml:1:" in bank.talk.comments[pull.number]


def test_problem_that_main_has_already_is_not_held_against_a_pull_request():
    bank = begun()
    bank.push({"models/other.yaml": "apiVersion: x\n"})
    bank.sync()
    pull = bank.propose({"Staging": 1})
    bank.review("noor", pull)
    bank.sync()
    assert mark(bank, pull) == ("success", f"approved: {STAGING}")


def test_pull_request_that_touches_nothing_governed_is_marked_and_not_spoken_on():
    bank = begun()
    pull = bank.open({"README.md": "More.\n"})
    bank.sync()
    assert mark(bank, pull) == ("success", "changes nothing that is governed")
    assert bank.talk.comments == {}


def test_pull_request_that_touches_nothing_any_more_says_so():
    bank = begun()
    pull = bank.propose({"Staging": 1})
    bank.sync()
    bank.commit(pull, {f"models/{MODEL}.yaml": bank.text({})})
    bank.sync()
    assert mark(bank, pull) == ("success", "changes nothing that is governed")
    assert bank.talk.comments[pull.number] == "**This pull request changes nothing that is governed any more.**"


def test_pull_request_whose_change_main_has_by_now_proposes_nothing():
    bank = begun()
    pull = bank.propose({"Staging": 1})
    bank.promote({"Staging": 1}, "noor")
    bank.sync()
    assert mark(bank, pull) == ("success", "changes nothing that is governed")


def test_pull_request_without_one_merge_base_is_told_to_rebase():
    bank = begun()
    pull = bank.propose({"Staging": 1})
    lost = bank.source.commit({"README.md": "Another history.\n"}, branch=None)
    facts = bank.facts_of(pull)
    bank.talk.opened(replace(facts, facts=replace(facts.facts, merged_head=lost)))
    bank.sync()
    assert bank.talk.marks[lost].state == "failure"
    assert "it has 0 merge bases with main" in bank.talk.marks[lost].summary


def test_stays_red_while_main_holds_one_that_waits_and_shows_what_runs():
    bank = begun()
    bank.promote({"Staging": 1}, "noor")
    bank.sync()
    waiting = bank.promote({"Staging": 2})
    bank.sync()
    pull = bank.propose({"Staging": 3})
    bank.review("noor", pull)
    bank.sync()
    state, summary = mark(bank, pull)
    assert (state, "the branch holds one that waits" in summary) == ("failure", True)
    told = "\n".join(lines(bank.talk.comments[pull.number]))
    assert "version 1 (" in told.partition("Main declares version 2")[0]
    assert "which is not what runs" in told
    # the way out: the one that waits is approved, or taken back
    bank.review("noor", waiting)
    bank.sync()
    assert mark(bank, pull) == ("success", f"approved: {STAGING}")


def test_restore_of_what_runs_is_green_while_main_holds_one_that_was_refused():
    bank = begun()
    bank.promote({"Staging": 1}, "noor")
    bank.sync()
    bank.push({f"models/{MODEL}.yaml": bank.text({"Staging": 2})})
    assert answers(bank.sync()) == {STAGING: "refused"}
    other, restore = bank.propose({"Staging": 3}), bank.propose({"Staging": 1})
    bank.review("noor", other)
    bank.sync()
    assert "the branch holds one that was refused" in mark(bank, other)[1]
    assert mark(bank, restore) == ("success", f"approved: {STAGING}")


def test_main_that_is_not_judged_to_its_head_leaves_it_pending():
    bank = begun()
    pull = bank.propose({"Production": 1})
    bank.review("noor", pull)
    other = bank.open({f"models/{MODEL}.yaml": bank.text({"Staging": 2})})
    bank.review("noor", other)
    (bank.forge.gap,) = bank.merge(other)
    report = bank.sync()
    assert "a page was missing" in report.waiting
    assert mark(bank, pull)[0] == "pending"
    assert "not judged yet" in mark(bank, pull)[1]


# -- asking ----------------------------------------------------------------------------------------------------------


def test_people_whom_the_policy_needs_and_codeowners_does_not_ask_are_asked_once():
    bank = begun()
    pull = bank.propose({"Staging": 1, "Production": 1})
    bank.sync()
    bank.sync()
    bank.restart()
    bank.sync()
    assert bank.talk.asked == {pull.number: ["mo", "pat", "rita"]}
    assert [w for w in bank.talk.writes if w.startswith("ask")] == ["ask 1 mo", "ask 1 pat", "ask 1 rita"]


def test_team_of_the_forge_is_asked_as_a_team():
    heavy = HEAVY | {"require": HEAVY["require"] | {"approvals": [{"count": 1, "from": ["@acme/auditors"]}]}}
    bank = HostedBank(rules=policy(LIGHT, heavy, GOVERNANCE))
    bank.forge.teams["@acme/auditors"] = ("id-mo",)
    bank.train()
    bank.sync()
    pull = bank.propose({"Production": 1})
    bank.sync()
    assert bank.talk.asked == {pull.number: ["@acme/auditors"]}


def test_draft_is_marked_and_nobody_is_asked():
    bank = begun()
    pull = bank.propose({"Production": 1})
    bank.talk.opened(bank.facts_of(pull, draft=True))
    bank.sync()
    assert (mark(bank, pull)[0], bank.talk.asked) == ("pending", {})


# -- merged ----------------------------------------------------------------------------------------------------------


def test_merged_pull_request_says_what_was_applied_when_and_where_it_is_recorded():
    bank = begun()
    pull = bank.promote({"Staging": 1}, "noor")
    bank.sync()
    (outcome,) = bank.entries(entry.Outcome)
    place = bank.ledger().size - 1
    assert mark(bank, pull) == ("success", f"applied, ledger entry {place}")
    told = bank.talk.comments[pull.number]
    assert f"Applied {outcome.recorded_at:%Y-%m-%d %H:%M:%S} UTC, ledger entry {place}." in told
    assert f"- `{MODEL} alias challenger: nobody → 1`" in told
    (deployed,) = bank.talk.deployments.values()
    assert (deployed.environment, deployed.entry, deployed.commit, deployed.description) == (
        "Staging", place, bank.head(), f"{MODEL} version 1, ledger entry {place}",
    )  # fmt: skip


def test_merged_pull_request_holds_a_checkpoint_that_verifies():
    bank = begun()
    pull = bank.promote({"Staging": 1}, "noor")
    bank.sync()
    note = "".join(
        f"{line.removeprefix('    ')}\n" for line in bank.talk.comments[pull.number].splitlines() if line[:4] == "    "
    )
    ledger = bank.ledger()
    checkpoint = open_checkpoint(note.encode(), parse_verifier_key(ledger.log_key))
    assert (checkpoint.size, checkpoint.root) == (ledger.size, ledger.root)


def test_merged_pull_request_that_waits_says_what_is_missing_and_later_what_came_of_it():
    bank = begun()
    pull = bank.promote({"Staging": 1})
    bank.sync()
    assert mark(bank, pull)[0] == "pending"
    assert "1 more from: @noor, @olga" in bank.talk.comments[pull.number]
    bank.restart()
    bank.review("noor", pull)
    bank.sync()
    assert mark(bank, pull)[0] == "success"
    assert "Applied " in bank.talk.comments[pull.number]


def test_merged_pull_request_that_was_superseded_says_so():
    bank = begun()
    first = bank.promote({"Staging": 1})
    bank.sync()
    bank.promote({"Staging": 2}, "noor")
    bank.sync()
    assert mark(bank, first) == ("failure", "superseded by a later change: nothing was applied for it")


def test_stage_taken_away_is_a_deployment_of_nobody():
    bank = begun()
    bank.promote({"Staging": 1}, "noor")
    bank.promote({"Staging": "none"}, "noor")
    bank.sync()
    assert [d.description.partition(",")[0] for d in bank.talk.deployments.values()] == [f"{MODEL}: nobody"]


def test_merged_change_of_the_spec_is_told_and_is_no_deployment():
    bank = begun()
    pull = bank.propose({}, purpose="Score loans.")
    bank.review("noor", pull)
    bank.merge(pull)
    bank.sync()
    assert "purpose Score applications. → Score loans." in bank.talk.comments[pull.number]
    assert bank.talk.deployments == {}


# -- never twice, never in the way -----------------------------------------------------------------------------------


def busy(bank: HostedBank) -> None:
    """One merged, one that waits, one open."""
    bank.promote({"Staging": 1}, "noor")
    bank.promote({"Staging": 2})
    bank.propose({"Staging": 2, "Production": 1})


def test_idle_sync_writes_nothing_and_asks_only_for_the_open_ones():
    bank = begun()
    busy(bank)
    bank.sync()
    said, calls = list(bank.talk.writes), bank.talk.calls
    bank.sync()
    assert (bank.talk.writes, bank.talk.calls) == (said, calls + 1)


def test_restart_and_a_second_replica_say_nothing_twice():
    bank = begun()
    busy(bank)
    bank.sync()
    said = list(bank.talk.writes)
    bank.restart()
    bank.sync()
    assert bank.talk.writes == said


def test_time_that_passes_changes_no_page_until_the_target_of_the_review():
    bank = begun()
    bank.propose({"Staging": 1})
    bank.sync()
    said = list(bank.talk.writes)
    bank.clock.forward(hours=40)
    bank.sync()
    assert bank.talk.writes == said
    bank.clock.forward(hours=10)
    bank.sync()
    assert bank.talk.writes == [*said, "say 1"]


def test_idle_sync_without_open_pull_requests_makes_no_further_request_of_the_registry():
    bank = begun()
    bank.promote({"Staging": 1}, "noor")
    bank.sync()
    bank.registry.requests.clear()
    bank.sync()
    assert bank.registry.requests == ["snapshot"]


def test_versions_that_are_only_shown_are_read_once_an_hour():
    bank = begun()
    bank.propose({"Staging": 1})
    bank.sync()
    bank.registry.requests.clear()
    bank.sync()
    assert [r for r in bank.registry.requests if r != "snapshot"] == []
    bank.clock.forward(minutes=61)
    bank.sync()
    assert [r for r in bank.registry.requests if r != "snapshot"] == [f"version_facts {MODEL} 1"]


@pytest.mark.parametrize("fault", ["away", "incomplete"])
def test_forge_that_cannot_be_spoken_on_never_stops_a_sync_and_is_told_later(fault: str):
    bank = begun()
    pull = bank.promote({"Staging": 1}, "noor")
    other = bank.propose({"Production": 1})
    setattr(bank.talk, fault, True)
    report = bank.sync()
    assert (answers(report), bank.aliases()) == ({STAGING: "approved"}, {"challenger": 1})
    assert "not everything was said on the forge: pull request 1: the forge" in report.waiting
    setattr(bank.talk, fault, False)
    assert bank.sync().waiting == ""
    assert mark(bank, pull)[0] == "success"
    assert mark(bank, other)[0] == "pending"


@pytest.mark.parametrize("error", [IncompleteError("a gap"), ForbiddenError("not yours")], ids=["gap", "forbidden"])
def test_pull_request_that_cannot_be_spoken_on_does_not_silence_the_others(error: Exception):
    bank = begun()
    first, second = bank.propose({"Staging": 1}), bank.propose({"Staging": 2})
    bank.talk.broken[first.number] = error  # type: ignore[assignment] # both are of this project
    report = bank.sync()
    assert f"pull request {first.number}: {error}" in report.waiting
    assert second.number in bank.talk.comments
    bank.talk.broken.clear()
    assert bank.sync().waiting == ""
    assert first.number in bank.talk.comments


def test_forge_that_is_away_is_left_alone_for_the_rest_of_the_round():
    bank = begun()
    first, second = bank.propose({"Staging": 1}), bank.propose({"Staging": 2})
    bank.talk.broken[first.number] = UnreachableError("slow down", retry_after_s=60)
    bank.sync()
    assert second.number not in bank.talk.comments


def test_many_failures_are_summed_up():
    bank = begun()
    for _ in range(5):
        pull = bank.propose({"Staging": 1})
        bank.talk.broken[pull.number] = ForbiddenError("not yours")
    assert bank.sync().waiting.endswith("pull request 3: not yours, and 2 more")


def test_head_that_is_not_fetched_yet_is_told_at_the_next_sync():
    bank = begun()
    pull = bank.propose({"Staging": 1})
    facts = bank.facts_of(pull)
    bank.talk.opened(replace(facts, facts=replace(facts.facts, merged_head="f" * 40)))
    report = bank.sync()
    assert f"pull request {pull.number}: no commit ffff" in report.waiting
    bank.talk.opened(facts)
    assert bank.sync().waiting == ""
    assert pull.number in bank.talk.comments


def test_registry_that_does_not_answer_leaves_the_pages_for_later():
    bank = begun()
    bank.promote({"Staging": 1}, "noor")
    bank.sync()
    pull = bank.propose({"Staging": 2})
    facts = bank.registry.version_facts

    def away(name: str, version: int) -> None:
        raise UnreachableError(f"MLflow is away: {name} {version}")

    bank.registry.version_facts = away  # type: ignore[method-assign,assignment] # it fails for what is only shown
    assert "MLflow is away" in bank.sync().waiting
    bank.registry.version_facts = facts  # type: ignore[method-assign] # and comes back
    assert bank.sync().waiting == ""
    assert pull.number in bank.talk.comments


def test_stalled_controller_says_nothing():
    bank = begun()
    pull = bank.propose({"Staging": 1})
    bank.source.commit({"README.md": "Another history.\n"})
    assert bank.sync().stalled
    assert pull.head not in bank.talk.marks


def test_new_process_looks_after_the_recent_ones_only_and_those_that_wait(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("stagewright.app.conversation.RECENT", 1)
    bank = begun()
    waits = bank.promote({"Production": 1})
    bank.sync()
    old = bank.promote({"Production": 1, "Staging": 1}, "noor")
    bank.sync()
    new = bank.promote({"Production": 1, "Staging": 2}, "noor")
    bank.sync()
    bank.talk.comments.clear()
    bank.talk.writes.clear()
    bank.restart()
    bank.sync()
    assert bank.talk.writes == [f"say {waits.number}", f"say {new.number}"]
    assert old.number not in bank.talk.comments


def test_new_rule_of_the_policy_is_shown_at_the_next_sync():
    bank = begun()
    pull = bank.propose({"Staging": 1})
    bank.review("noor", pull)
    bank.sync()
    assert mark(bank, pull)[0] == "success"
    stricter = rule("light", "Staging", approvals=[(2, "codeowners")])
    law = bank.open({"stagewright.yaml": policy(stricter, HEAVY, GOVERNANCE)})
    for name in ("mo", "pat"):
        bank.review(name, law)
    bank.merge(law)
    bank.sync()
    assert mark(bank, pull) == (
        "pending", f"{STAGING}: 2 approvals from codeowners: 1 of 2 given; 1 more from: @olga",
    )  # fmt: skip


def test_pull_request_that_was_judged_before_the_configuration_moved_is_not_spoken_of():
    """Its number is another's where the configuration points now."""
    bank = begun()
    pull = bank.promote({"Staging": 1}, "noor")
    bank.sync()
    memory = remember(bank.ledger())
    assert set(newest_entries(memory)) == {pull.number}
    memory.bound_since = bank.ledger().size
    assert newest_entries(memory) == {}
