"""What is foretold is what comes: a rehearsal is the next sync without a trace, a prediction the verdict of a merge."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stagewright.app.rehearsal import predict, rehearse
from stagewright.app.view import Sight, View, look
from stagewright.errors import InvalidError
from stagewright.model.review import SigningKey
from stagewright.model.source import PullFacts
from tests.bank import GOVERNANCE, LIGHT, MODEL, Bank, Pull, answers, policy
from tests.git_world import person

STAGING, PRODUCTION = f"{MODEL}/Staging", f"{MODEL}/Production"


def begun(root: Path) -> Bank:
    bank = Bank(root)
    for _ in range(2):
        bank.train()
    bank.sync()
    return bank


def seen(bank: Bank) -> View:
    outside = bank.outside()
    return look(
        Sight(
            config=bank.config,
            source=outside.source,
            forge=outside.forge,
            registry=outside.registry,
            store=outside.store,
            clock=outside.clock,
        )
    )


def facts(bank: Bank, pull: Pull) -> PullFacts:
    return PullFacts(
        id=pull.branch,
        title="A change",
        url=None,
        base_branch="main",
        author=SigningKey(fingerprint=person("dana").fingerprint),
        merged_head=pull.head,
        first_parent=bank.world.head(),
    )


def test_rehearsal_says_what_the_next_sync_does_and_leaves_no_trace(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    waiting = bank.promote(MODEL, {"Staging": 2})
    bank.sync()
    bank.approve("noor", waiting)
    bank.promote(MODEL, {"Staging": 2, "Production": 2}, "olga", "mo")
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    checkpoint, aliases = bank.ledger().checkpoint, bank.aliases()
    told = rehearse(seen(bank))
    assert (bank.ledger().checkpoint, bank.aliases()) == (checkpoint, aliases)
    done = bank.sync()
    assert {str(v.promotion.key): v.answer for v in told.verdicts} == {PRODUCTION: "pending", STAGING: "approved"}
    assert answers(done) == {PRODUCTION: "approved", STAGING: "approved"}
    assert [p.key for p in told.plan.pairs] == [done.applied[0].pair.key]
    assert told.waiting == done.waiting == ""


def test_rehearsal_reads_what_it_would_keep_as_evidence(tmp_path: Path):
    bank = begun(tmp_path)
    lines = "".join(f"/models/model-{number}.yaml @olga\n" for number in range(400))
    pull = bank.branch({"CODEOWNERS": f"/models/ @noor @olga\n{lines}"})
    bank.approve("mo", pull)
    bank.approve("pat", pull)
    bank.merge(pull)
    assert [v.answer for v in rehearse(seen(bank)).verdicts] == ["approved"]
    assert answers(bank.sync()) == {"@governance": "approved"}


def approved(bank: Bank) -> Pull:
    pull = bank.propose(MODEL, {"Staging": 1})
    bank.approve("noor", pull)
    return pull


def unapproved(bank: Bank) -> Pull:
    return bank.propose(MODEL, {"Staging": 1})


def own_work(bank: Bank) -> Pull:
    pull = bank.propose(MODEL, {"Staging": 1})
    bank.approve("dana", pull)
    return pull


def vetoed(bank: Bank) -> Pull:
    pull = approved(bank)
    bank.reject("olga", pull)
    return pull


def other_pins(bank: Bank) -> Pull:
    pull = bank.propose(MODEL, {"Staging": bank.pins(1) | {"digest": f"sha256:{'4' * 64}"}})
    bank.approve("noor", pull)
    return pull


def governance(bank: Bank) -> Pull:
    pull = bank.branch({"stagewright.yaml": policy(LIGHT, GOVERNANCE)})
    bank.approve("mo", pull)
    return pull


def mixed(bank: Bank) -> Pull:
    pull = bank.branch(
        {"stagewright.yaml": policy(LIGHT, GOVERNANCE), f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1})}
    )
    bank.approve("noor", pull)
    return pull


def main_went_on(bank: Bank) -> Pull:
    pull = approved(bank)
    bank.world.push_main("maintainer", {"README.md": "More.\n"})
    return pull


def card_went_on(bank: Bank) -> Pull:
    pull = approved(bank)
    bank.world.push_main("maintainer", {f"cards/{MODEL}.md": "Another card.\n"})
    return pull


CASES: dict[Callable[[Bank], Pull], dict[str, str]] = {
    approved: {STAGING: "approved"},
    unapproved: {STAGING: "pending"},
    own_work: {STAGING: "pending"},
    vetoed: {STAGING: "pending"},
    other_pins: {STAGING: "refused"},
    governance: {"@governance": "pending"},
    mixed: {"@governance": "refused", STAGING: "refused"},
    main_went_on: {STAGING: "approved"},
    card_went_on: {STAGING: "refused"},
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_prediction_is_the_verdict_that_the_merge_gets(tmp_path: Path, case: Callable[[Bank], Pull]):
    bank = begun(tmp_path)
    pull = case(bank)
    bank.source.fetch()
    predicted = predict(seen(bank), facts(bank, pull))
    assert {str(v.promotion.key): v.answer for v in predicted.verdicts} == CASES[case]
    bank.merge(pull)
    report = bank.sync()
    assert answers(report) == CASES[case]
    assert {v.reason for v in predicted.verdicts} == {v.reason for v in report.verdicts}


def test_prediction_of_a_branch_that_changes_nothing_says_so(tmp_path: Path):
    bank = begun(tmp_path)
    pull = bank.branch({"README.md": "A word.\n"})
    with pytest.raises(InvalidError, match="declares nothing that"):
        predict(seen(bank), facts(bank, pull))
