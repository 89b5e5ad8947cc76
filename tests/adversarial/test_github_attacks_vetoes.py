"""A rejection on GitHub is of a change, not of a pull request. The numbers are those of docs/threat-model.md."""

from pathlib import Path

import pytest

from stagewright.ledger import predicates as entry
from tests.adversarial.attacked_bank import TWIN, AttackedBank, begun, honest, of, stopped

VETO = "veto by @noor: each must approve or withdraw it"


def rejected(bank: AttackedBank) -> tuple[int, int]:
    """@noor rejects what @dana proposes, and the controller sees that; the numbers of both."""
    number = bank.propose({"Staging": 1})
    review = bank.review("noor", number, "reject")
    bank.sync()
    return number, review


def close(bank: AttackedBank, number: int) -> None:
    """Nobody proposes it any more, and its branch is gone."""
    bank.world.call("PATCH", f"/pulls/{number}", {"state": "closed"})
    bank.world.push("dana", bank.pull(number).head_ref, None)


def again(bank: AttackedBank, version: int = 1) -> int:
    """Somebody else proposes the same, with an owner's approval, and it is merged; the number."""
    number = bank.propose({"Staging": version}, by="eve", title="Promote what is ready")
    bank.review("olga", number)
    bank.merge(number, "squash")
    return number


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "left open"])
def test_15_rejected_change_in_another_pull_request(tmp_path: Path, closed: bool):
    with begun(tmp_path) as bank:
        first, _ = rejected(bank)
        if closed:
            close(bank, first)
        bank.restart()
        second = again(bank)
        honest(bank)
        stopped(bank, VETO)
        bank.restart()
        stopped(bank, VETO)
        # no other may take it back, also not where it was given
        bank.world.dismiss("maintainer", first, bank.pull(first).reviews[0].id)
        stopped(bank, VETO)
        bank.review("noor", second)
        bank.sync()
        assert bank.aliases() == {"challenger": 1}


def test_15_open_pull_request_shows_the_rejection_of_another(tmp_path: Path):
    with begun(tmp_path) as bank:
        rejected(bank)
        second = bank.propose({"Staging": 1}, by="eve")
        bank.review("olga", second)
        bank.sync()
        (told,) = bank.comments(second)
        assert "veto by" in told


@pytest.mark.parametrize("how", ["approved", "dismissed"])
def test_15_rejection_that_its_author_took_back_where_it_was_given(tmp_path: Path, how: str):
    with begun(tmp_path) as bank:
        first, review = rejected(bank)
        if how == "approved":
            bank.review("noor", first)
        else:
            bank.world.dismiss("noor", first, review)
        again(bank)
        bank.sync()
        assert bank.aliases() == {"challenger": 1}


def test_15_later_approval_of_something_else_takes_no_rejection_back(tmp_path: Path):
    with begun(tmp_path) as bank:
        first, _ = rejected(bank)
        bank.put(first, of(bank, {"Staging": 2}))
        bank.review("noor", first)
        close(bank, first)
        again(bank)
        honest(bank)
        stopped(bank, VETO)


def test_15_rejection_that_is_first_seen_when_it_is_judged(tmp_path: Path):
    """It was merged over between two syncs, undone, and proposed anew."""
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number, "reject")
        bank.merge(number)
        bank.sync()
        undone = bank.open(of(bank, {}), title="Undo it")
        bank.merge(undone)
        bank.sync()
        again(bank)
        honest(bank)
        stopped(bank, VETO)


def test_15_rejection_is_of_that_change_and_by_people_who_are_known(tmp_path: Path):
    with begun(tmp_path) as bank:
        first, _ = rejected(bank)
        close(bank, first)
        bank.admit("mallory", "pull")
        strangers = bank.propose({"Staging": 2})
        bank.review("mallory", strangers, "reject")
        bank.sync()
        assert [seen.who.login for seen in bank.entries(entry.Rejection)] == ["noor"]
        again(bank, 2)
        bank.promote({"Staging": 1}, "olga", model=TWIN)
        bank.sync()
        assert (bank.aliases(), bank.aliases(TWIN)) == ({"challenger": 2}, {"challenger": 1})
