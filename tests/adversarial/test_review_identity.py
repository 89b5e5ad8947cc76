"""Principals that look like strangers and fold to somebody who is known."""

from pathlib import Path

import pytest

from tests.bank import MODEL, PEOPLE, Bank, answers, policy, signers_line
from tests.git_world import World


@pytest.mark.parametrize("principal", ["\u212air@example.com", "\uff4bir@example.com", "ki\u0301r@example.com"])
def test_principal_beyond_ascii_makes_the_file_invalid(tmp_path: Path, principal: str):
    people = (*PEOPLE, "kir")
    rules = policy(people=people)
    bank = Bank(
        tmp_path,
        rules=rules,
        owners="* @kir @olga\n",
        signers=World.allowed_signers(*people),
    )
    bank.train()
    bank.sync()
    line = signers_line("mallory", principal=principal)
    change = bank.world.commit("dana", {"allowed_signers": World.allowed_signers(*people) + line}, branch="keys")
    bank.merge("keys")
    report = bank.sync()
    assert (report.verdicts, [problem.file for problem in report.problems]) == ((), ["allowed_signers"])
    assert change in bank.world.git_origin("rev-list", "main")
    pull = bank.propose(MODEL, {"Staging": 1})
    bank.approve("mallory", pull)
    bank.merge(pull)
    assert answers(bank.sync()) == {f"{MODEL}/Staging": "pending"}
    bank.approve("kir", pull)
    assert answers(bank.sync()) == {f"{MODEL}/Staging": "approved"}
    bank.verified()
