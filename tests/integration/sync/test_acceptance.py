"""Accepting another history: who has to agree, what it brings, and that nothing of it runs unsigned."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stagewright.app.acceptance import Acceptance, Accepted, Acceptor
from stagewright.core.acceptance import history_subject
from stagewright.errors import InvalidError, NotFoundError, StalledError, UsageError
from stagewright.ledger import predicates as entry
from stagewright.ledger.predicates import Person
from stagewright.model.keys import parse_key
from tests.bank import GOVERNANCE, HEAVY, LIGHT, MODEL, Bank, answers, policy, rule
from tests.git_world import LEDGER

STAGING, PRODUCTION = f"{MODEL}/Staging", f"{MODEL}/Production"
ME = Person(id="uid:1000", login="platform")


def begun(root: Path, **options: Any) -> Bank:
    """A bank whose model holds Staging, and whose branch has gone on a little."""
    bank = Bank(root, **options)
    for _ in range(3):
        bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.world.push_main("maintainer", {"README.md": "Read me.\n"})
    bank.sync()
    assert bank.aliases() == {"challenger": 1}
    return bank


def rewritten(bank: Bank, files: dict[str, str] | None = None) -> str:
    """The branch as somebody wrote it anew, from its first commit on; its head."""
    held = bank.text(MODEL, {"Staging": 1})
    made = bank.world.craft(
        "maintainer", [bank.world.first], {f"models/{MODEL}.yaml": held, **(files or {})}, branch="main"
    )
    assert "is not on the first-parent history of" in bank.sync().stalled
    return made


def acceptor(bank: Bank) -> Acceptor:
    bank.clock.forward(minutes=1)
    return Acceptor(bank.config, bank.outside())


def agree(bank: Bank, who: str, before: str, after: str, decision: str = "approve", **options: Any) -> str:
    """A signed tag on the commit that the walk is to go on from."""
    return bank.world.decide(who, decision, after, [history_subject(LEDGER, before, after)], **options)


def look(bank: Bank, after: str) -> Acceptance:
    return acceptor(bank).proposed(bank.recorded().revision, after)


def accepted(bank: Bank, after: str, *who: str) -> Accepted:
    """The history, signed off by these people and accepted."""
    before = bank.recorded().revision
    for name in who or ("mo", "pat"):
        agree(bank, name, before, after)
    return acceptor(bank).accept(before, after, who=ME, reason="The secrets were removed from history")


def test_history_that_is_signed_off_is_followed_and_changes_nothing(tmp_path: Path):
    bank = begun(tmp_path)
    before, after = bank.recorded().revision, rewritten(bank)
    done = accepted(bank, after)
    assert (done.verdicts, done.acceptance.left, done.acceptance.gained) == ((), 3, 1)
    (said,) = bank.entries(entry.Rebind)
    assert (said.before, said.after) == ({"history": before}, {"history": after})
    assert (said.who, said.reason) == (ME, "The secrets were removed from history")
    assert sorted(line.person for line in said.sign_offs if line.counted) == ["@mo", "@pat"]
    assert bank.kinds(done.index) == ["rebind", "revision"]
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    report = bank.sync()
    assert (report.stalled, report.revision, bank.aliases()) == ("", after, {"challenger": 1})
    bank.promote(MODEL, {"Staging": 2}, "noor")
    assert answers(bank.sync()) == {STAGING: "approved"}
    bank.verified()


def test_what_the_history_changes_is_refused_until_it_is_proposed_anew(tmp_path: Path):
    bank = begun(tmp_path)
    after = rewritten(bank, {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2, "Production": 2})})
    done = accepted(bank, after)
    assert {str(v.promotion.key): v.answer for v in done.verdicts} == {STAGING: "refused", PRODUCTION: "refused"}
    assert "nobody signed it off" in done.verdicts[0].reason
    assert (bank.sync().stalled, bank.aliases()) == ("", {"challenger": 1})
    bank.restart()
    assert (bank.sync().verdicts, bank.aliases()) == ((), {"challenger": 1})
    # what is authorized, declared again, is a restore; anything else is signed off as ever
    bank.promote(MODEL, {"Staging": 1, "Production": 2})
    assert answers(bank.sync()) == {STAGING: "approved"}
    bank.promote(MODEL, {"Staging": 3, "Production": 2}, "noor")
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 3}
    bank.verified()


def test_governance_that_the_history_brings_judges_nothing(tmp_path: Path):
    bank = begun(tmp_path)
    weak = policy(LIGHT, HEAVY, rule("governance", approvals=[(1, "codeowners")]))
    after = rewritten(bank, {"stagewright.yaml": weak})
    before = bank.recorded().revision
    agree(bank, "noor", before, after)
    assert look(bank, after).evaluation.answer == "pending"
    done = accepted(bank, after)
    assert {str(v.promotion.key): v.answer for v in done.verdicts} == {"@governance": "refused"}
    bank.sync()
    pull = bank.branch({"stagewright.yaml": weak.replace('"count": 1', '"count": 2')})
    for name in ("noor", "mo", "pat"):
        bank.approve(name, pull)
    bank.merge(pull)
    assert answers(bank.sync()) == {"@governance": "refused"}
    bank.verified()


def alone(bank: Bank, before: str, after: str) -> None:
    agree(bank, "mo", before, after)


def not_entitled(bank: Bank, before: str, after: str) -> None:
    agree(bank, "mo", before, after)
    agree(bank, "noor", before, after)


def twice(bank: Bank, before: str, after: str) -> None:
    agree(bank, "mo", before, after)
    agree(bank, "mo", before, after)


def on_another_commit(bank: Bank, before: str, after: str) -> None:
    agree(bank, "mo", before, after)
    bank.world.decide("pat", "approve", bank.world.first, [history_subject(LEDGER, before, after)])


def of_another_ledger(bank: Bank, before: str, after: str) -> None:
    agree(bank, "mo", before, after)
    bank.world.decide("pat", "approve", after, [history_subject("sandbox.example/x", before, after)])


def other_way_round(bank: Bank, before: str, after: str) -> None:
    agree(bank, "mo", before, after)
    bank.world.decide("pat", "approve", after, [history_subject(LEDGER, after, before)])


def vetoed(bank: Bank, before: str, after: str) -> None:
    for name in ("mo", "pat"):
        agree(bank, name, before, after)
    tag = agree(bank, "rita", before, after, "reject")
    bank.sync()
    bank.world.delete_tag(tag)


@pytest.mark.parametrize(
    ("decide", "why"),
    [
        (alone, "1 of 2 given"),
        (not_entitled, "1 of 2 given"),
        (twice, "1 of 2 given"),
        (on_another_commit, "1 of 2 given"),
        (of_another_ledger, "1 of 2 given"),
        (other_way_round, "1 of 2 given"),
        (vetoed, "veto by @rita"),
    ],
)
def test_history_that_is_not_signed_off_is_not_followed(
    tmp_path: Path, decide: Callable[[Bank, str, str], None], why: str
):
    bank = begun(tmp_path)
    before, after = bank.recorded().revision, rewritten(bank)
    decide(bank, before, after)
    found = look(bank, after)
    assert found.evaluation.answer == "pending"
    assert any(why in r.detail for r in found.evaluation.requirements), found.evaluation.requirements
    with pytest.raises(UsageError, match="is not accepted yet"):
        acceptor(bank).accept(before, after, who=ME, reason="Rewritten")
    assert bank.entries(entry.Rebind) == []
    assert bank.sync().stalled != ""


def test_whoever_made_what_the_history_declares_does_not_accept_it(tmp_path: Path):
    bank = begun(tmp_path)
    before = bank.recorded().revision
    after = bank.world.craft(
        "mo", [bank.world.first], {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}, branch="main"
    )
    bank.sync()
    for name in ("mo", "pat"):
        agree(bank, name, before, after)
    found = look(bank, after)
    assert found.evaluation.answer == "pending"
    assert any("nobody approves their own work" in line.reason for line in found.evaluation.sign_offs)
    agree(bank, "rita", before, after)
    assert look(bank, after).evaluation.answer == "approved"


def test_old_approval_does_not_serve_in_the_history_that_was_accepted(tmp_path: Path):
    """A branch that was approved and merged in the history that is left is merged once more in the new one."""
    bank = begun(tmp_path)
    old = bank.promote(MODEL, {"Staging": 2}, "noor")
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "olga")
    bank.sync()
    fork = bank.world.repository[bank.world.head()].parents[0].parents[0].id
    after = bank.world.craft("maintainer", [str(fork)], {"README.md": "Anew.\n"}, branch="main")
    bank.sync()
    accepted(bank, after)
    bank.sync()
    assert bank.aliases() == {"challenger": 1}
    bank.merge(old)
    report = bank.sync()
    assert answers(report) == {STAGING: "pending"}
    assert bank.aliases() == {"challenger": 1}
    bank.approve("olga", old)
    assert answers(bank.sync()) == {STAGING: "approved"}
    bank.verified()


def test_open_promotion_whose_step_is_left_is_refused_and_another_goes_on(tmp_path: Path):
    bank = begun(tmp_path)
    waiting = bank.promote(MODEL, {"Staging": 2})
    bank.sync()
    shared = bank.world.head()
    bank.promote(MODEL, {"Staging": 2, "Production": 2})
    bank.sync()
    assert set(bank.recorded().open) == {parse_key(STAGING), parse_key(PRODUCTION)}
    held = bank.text(MODEL, {"Staging": 2, "Production": 2})
    after = bank.world.craft("maintainer", [shared], {f"models/{MODEL}.yaml": held}, branch="main")
    bank.sync()
    assert look(bank, after).gone == (parse_key(PRODUCTION),)
    done = accepted(bank, after)
    assert [(str(v.promotion.key), v.answer) for v in done.verdicts] == [(PRODUCTION, "refused")]
    bank.approve("noor", waiting)
    assert answers(bank.sync()) == {STAGING: "approved"}
    bank.verified()


def other_from(bank: Bank, after: str) -> tuple[str, str]:
    return bank.world.first, after


def not_on_the_branch(bank: Bank, after: str) -> tuple[str, str]:
    bank.world.force("main", bank.world.plant([after], {"README.md": "More.\n"}, branch="elsewhere"))
    return bank.recorded().revision, bank.world.craft("eve", [after], {"x": "y"}, branch="aside")


def goes_on(bank: Bank, _after: str) -> tuple[str, str]:
    revision = bank.recorded().revision
    bank.world.force("main", revision)
    return revision, revision


def before_judged_steps(bank: Bank, _after: str) -> tuple[str, str]:
    revision = bank.recorded().revision
    (parent,) = (str(p.id) for p in bank.world.repository[revision].parents)
    bank.world.craft("maintainer", [parent], {"README.md": "Anew.\n"}, branch="main")
    return revision, bank.world.first


@pytest.mark.parametrize(
    ("choose", "error", "why"),
    [
        (other_from, UsageError, "the ledger is at commit"),
        (not_on_the_branch, StalledError, "is not on the first-parent history of"),
        (goes_on, UsageError, "the branch goes on from where the ledger is"),
        (before_judged_steps, InvalidError, "steps that were judged already"),
    ],
)
def test_history_that_cannot_be_accepted_says_why(
    tmp_path: Path, choose: Callable[[Bank, str], tuple[str, str]], error: type[Exception], why: str
):
    bank = begun(tmp_path)
    before, after = choose(bank, rewritten(bank))
    with pytest.raises(error, match=why):
        acceptor(bank).proposed(before, after)


def test_history_whose_last_revision_is_gone_says_how_to_bring_it_back(tmp_path: Path):
    bank = begun(tmp_path)
    before, after = bank.recorded().revision, rewritten(bank)
    bank.world.git_origin("reflog", "expire", "--expire=now", "--all")
    bank.world.git_origin("gc", "--prune=now", "-q")
    bank.configure(mirror=str(tmp_path / "fresh"))
    with pytest.raises(NotFoundError, match="cannot be read any more") as caught:
        acceptor(bank).proposed(before, after)
    assert f"git push origin {before}:" in caught.value.hint


def test_configuration_that_moved_is_confirmed_first(tmp_path: Path):
    bank = begun(tmp_path)
    after = rewritten(bank)
    bank.configure(registry_uri="http://127.0.0.1:9")
    with pytest.raises(StalledError, match="the configuration is not"):
        look(bank, after)


def test_acceptance_needs_its_reason(tmp_path: Path):
    bank = begun(tmp_path)
    after = rewritten(bank)
    with pytest.raises(UsageError, match="needs its reason"):
        acceptor(bank).accept(bank.recorded().revision, after, who=ME, reason=" ")


def test_acceptance_under_rules_without_one_for_the_governance_asks_all(tmp_path: Path):
    bank = begun(tmp_path, rules=policy(LIGHT, rule("all", "Production", approvals=[(1, "@acme/model-risk")])))
    after = rewritten(bank)
    names = {r.rule for r in look(bank, after).evaluation.requirements}
    assert names == {"light", "all"}
    assert GOVERNANCE["name"] not in names
