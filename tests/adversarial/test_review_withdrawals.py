"""A signed approval that its author took back, and that somebody else who has the object pushes again."""

from pathlib import Path

from stagewright.ledger import predicates as entry
from tests.adversarial.test_git_forge_attacks import STAGING, begun, honest, propose, stopped
from tests.bank import answers


def test_approval_taken_back_and_pushed_again_by_another_never_counts_again(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    tag = bank.approve("noor", pull)
    name = bank.world.tag_name(tag)
    body = bank.world.repository.get(tag).read_raw()
    bank.sync()
    bank.world.delete_tag(tag)
    bank.sync()
    assert [one.review for one in bank.entries(entry.Withdrawal)] == [tag]
    assert bank.world.put_tag(body, ref=name) == tag
    bank.merge(pull)
    honest(bank)
    stopped(bank, "it was withdrawn")
    bank.restart()
    bank.sync()
    stopped(bank, "it was withdrawn")
    bank.verified()


def test_approval_signed_anew_after_it_was_taken_back_counts(tmp_path: Path):
    bank = begun(tmp_path)
    pull = propose(bank)
    tag = bank.approve("noor", pull)
    bank.sync()
    bank.world.delete_tag(tag)
    bank.sync()
    bank.approve("noor", pull, withdraws=[tag])
    bank.merge(pull)
    assert answers(bank.sync()) == {STAGING: "approved"}
    bank.verified()
