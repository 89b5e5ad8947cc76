"""Whoever can push must not be able to write something that the ledger cannot take, and so stop the controller.

Each attack is large in a place that anybody who can push may fill. The honest twin beside it is applied.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stagewright.ledger import predicates as entry
from tests.bank import MODEL, OWNERS, Bank, answers
from tests.git_world import decision_message, environment, person, run
from tests.quick_world import quick_sign

TWIN = "churn"
MANY = 400


def begun(root: Path, **options: Any) -> Bank:
    bank = Bank(root, prepare=lambda bank: {f"models/{TWIN}.yaml": bank.text(TWIN, card=None)}, **options)
    bank.train()
    bank.train(TWIN)
    bank.sync()
    return bank


def many_approvals(bank: Bank) -> None:
    pull = bank.propose(MODEL, {"Staging": 1})
    for _ in range(MANY):
        bank.approve("mallory", pull)
    bank.merge(pull)


def many_unsigned_tags(bank: Bank) -> None:
    pull = bank.propose(MODEL, {"Staging": 1})
    for number in range(MANY):
        message = decision_message("approve", pull.subjects)
        bank.world.raw_tag(
            "eve", target=pull.head, message=message, namespace=None, tag=f"stagewright/{'x' * 150}{number}"
        )
    bank.merge(pull)


def many_subjects(bank: Bank) -> None:
    pull = bank.propose(MODEL, {"Staging": 1})
    bank.world.approve("mallory", pull.head, [f"{number:064x}" for number in range(570)])
    bank.world.approve("mallory", pull.head, [f"{number:064x}" for number in range(5_000)])
    bank.merge(pull)


def long_title(bank: Bank) -> None:
    bank.merge(bank.propose(MODEL, {"Staging": 1}), message="Look " * 40_000)


def many_unsigned_commits(bank: Bank) -> None:
    pull = bank.propose(MODEL, {"Staging": 1})
    for number in range(300):
        text = bank.text(MODEL, {"Staging": 1 if number % 2 else "none"})
        bank.world.commit("eve", {f"models/{MODEL}.yaml": text}, branch=pull.branch, sign=False)
    bank.merge(pull)


def long_spec(bank: Bank) -> None:
    for letter in ("\U0001f4b0", "\U0001f4b6", "\U0001f4b7"):
        text = bank.text(MODEL, {"Staging": 1}, owner=letter * 4_096, purpose=letter * 4_096)
        bank.world.push_main("maintainer", {f"models/{MODEL}.yaml": text})


def long_owners(bank: Bank) -> None:
    for turn in range(3):
        lines = "".join(f"/models/model-{turn}-{number}.yaml @eve\n" for number in range(4_000))
        bank.world.push_main("maintainer", {"CODEOWNERS": OWNERS + lines})
    bank.world.push_main("maintainer", {"CODEOWNERS": OWNERS})


ATTACKS = [
    many_approvals,
    many_unsigned_tags,
    many_subjects,
    long_title,
    many_unsigned_commits,
    long_spec,
    long_owners,
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_people_can_push_is_too_large_for_the_ledger(tmp_path: Path, attack: Callable[[Bank], None]):
    bank = begun(tmp_path)
    attack(bank)
    pull = bank.propose(TWIN, {"Staging": 1}, card=None)
    bank.approve("noor", pull)
    bank.merge(pull)
    report = bank.sync()
    assert (report.waiting, report.stalled, answers(report)[f"{TWIN}/Staging"]) == ("", "", "approved")
    assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {"challenger": 1})
    bank.restart()
    size = bank.ledger().size
    assert bank.sync().ledger_size == size
    bank.verified()


def test_reviews_that_are_left_out_are_counted_and_those_that_count_stay(tmp_path: Path):
    bank = begun(tmp_path)
    pull = bank.propose(MODEL, {"Staging": 1})
    for _ in range(MANY):
        bank.approve("mallory", pull)
    tag = bank.approve("noor", pull)
    bank.merge(pull)
    bank.sync()
    verdict = bank.entries(entry.Verdict)[-1]
    assert verdict.verdict == "approved"
    assert [s.review for s in verdict.sign_offs if s.counted] == [tag]
    left = MANY + 1 - len(verdict.sign_offs)
    assert f"({left} further reviews, none of which counts, are left out)" in verdict.reason
    bank.verified()


def test_governance_too_large_for_an_entry_begins_judges_and_is_read_back(tmp_path: Path):
    lines = "".join(f"/models/model-{number}.yaml @olga\n" for number in range(4_000))
    bank = begun(tmp_path, owners=OWNERS + lines)
    (genesis,) = bank.entries(entry.Genesis)
    assert set(genesis.governance) == {"evidence"}
    more = bank.branch({"CODEOWNERS": f"{OWNERS}{lines}/models/{MODEL}.yaml @mo\n"})
    bank.approve("mo", more)
    bank.merge(more)
    assert answers(bank.sync()) == {"@governance": "pending"}
    bank.restart()
    bank.approve("pat", more)
    assert answers(bank.sync()) == {"@governance": "approved"}
    bank.restart()
    pull = bank.promote(MODEL, {"Staging": 1}, "noor")
    assert answers(bank.sync()) == {f"{MODEL}/Staging": "pending"}
    bank.approve("mo", pull)
    assert answers(bank.sync()) == {f"{MODEL}/Staging": "approved"}
    bank.verified()


def test_signature_of_the_quick_world_is_one_that_openssh_takes(tmp_path: Path):
    """The tests above rest on signatures made in process: ssh-keygen agrees with them."""
    who, payload = person("noor"), b"some payload\n"
    (tmp_path / "signers").write_text(who.allowed_signers_line())
    (tmp_path / "sig").write_bytes(quick_sign(who, payload))
    said = run(
        "ssh-keygen", "-Y", "verify", "-f", "signers", "-I", who.email, "-n", "git", "-s", "sig",
        cwd=tmp_path, env=environment(tmp_path), stdin=payload,
    )  # fmt: skip
    assert said.startswith(b'Good "git" signature for noor@example.com')
