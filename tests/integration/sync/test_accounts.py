"""Whom the logins of a governance mean: looked up once, kept in the ledger, and never guessed again."""

from collections.abc import Sequence

import pytest

from stagewright.errors import UnreachableError
from stagewright.ledger import predicates as entry
from stagewright.ledger.verification import verify
from stagewright.model.review import Account
from tests.bank import MODEL, answers, policy
from tests.hosted_bank import HostedBank, account

STAGING = f"{MODEL}/Staging"
OWNERS = "/models/ @noor @olga\n"


def begun(owners: str = OWNERS) -> HostedBank:
    bank = HostedBank(owners=owners)
    for _ in range(2):
        bank.train()
    bank.sync()
    return bank


def called(bank: HostedBank, **logins: str | None) -> None:
    """The accounts with these logins have these ids from now on."""
    kept = [who for who in bank.forge.may_write or () if who.login not in logins]
    changed = [Account(id=own, login=login) for login, own in logins.items() if own is not None]
    bank.forge.may_write = (*kept, *changed)


def owned_by(bank: HostedBank, owners: str) -> None:
    """A change of CODEOWNERS, approved and merged."""
    change = bank.open({"CODEOWNERS": owners})
    for who in ("mo", "pat"):
        bank.review(who, change)
    bank.merge(change)
    assert set(answers(bank.sync()).values()) >= {"approved"}


def meant(bank: HostedBank, login: str) -> list[str | None]:
    return [found.bound[login] for found in bank.entries(entry.Accounts) if login in found.bound]


def test_logins_are_looked_up_when_the_ledger_begins_and_never_while_nothing_changes():
    bank = begun()
    (found,) = bank.entries(entry.Accounts)
    assert (found.bound["@noor"], found.bound["@mo"]) == ("id-noor", "id-mo")
    asked = len(bank.forge.looked_up)
    assert asked == len(found.bound)
    for _ in range(2):
        bank.restart()
        bank.promote({"Staging": 1}, "noor")
        bank.sync()
        bank.sync()
    assert (len(bank.forge.looked_up), len(bank.entries(entry.Accounts))) == (asked, 1)
    report = verify(bank.store, log_key=bank.ledger().log_key, checkpoints=())
    assert report.verified, [step for step in report.steps if step.findings]


def test_governance_that_names_a_login_still_means_the_same_account():
    bank = begun()
    asked = len(bank.forge.looked_up)
    called(bank, noor="id-of-a-stranger")
    bank.restart()
    owned_by(bank, "/models/ @noor @olga @rita\n")
    assert meant(bank, "@noor") == ["id-noor", "id-noor"]
    assert len(bank.forge.looked_up) == asked


def test_login_that_no_governance_named_for_a_time_is_looked_up_anew():
    bank = begun()
    called(bank, noor="id-of-her-new-account")
    for owners in ("/models/ @olga\n", OWNERS):
        # the policy's people name her too, and so both have to change
        people = {"stagewright.yaml": policy(people=["dana", "olga", "mo", "pat", "rita"])}
        change = bank.open({"CODEOWNERS": owners, **people})
        for who in ("mo", "pat"):
            bank.review(who, change)
        bank.merge(change)
        bank.sync()
    assert meant(bank, "@noor") == ["id-noor", "id-of-her-new-account"]


def test_alarm_of_a_taken_login_is_over_once_the_governance_names_it_no_more():
    bank = begun("/models/ @zoe @olga\n")
    called(bank, zoe="id-of-a-taker")
    bank.restart()
    bank.promote({"Staging": 1}, "olga")
    bank.sync()
    assert [alarm.message for alarm in bank.recorded().alarms.values()] == [
        (
            "the governance names @zoe, and means nobody, as there was none: account id-of-a-taker, which has that "
            "login now, counts for nobody; take the name out, or name it anew"
        )
    ]
    owned_by(bank, "/models/ @olga\n")
    bank.sync()
    assert bank.recorded().alarms == {}


def test_forge_that_does_not_tell_decides_nothing_and_is_asked_again(monkeypatch: pytest.MonkeyPatch):
    def away(logins: Sequence[str]) -> None:
        raise UnreachableError(f"no answer about {len(logins)} logins")

    bank = HostedBank()
    bank.train()
    with monkeypatch.context() as patched:
        patched.setattr(bank.forge, "accounts", away)
        assert "whom the governance names is not known" in bank.sync().waiting
        bank.promote({"Staging": 1}, "noor")
        assert bank.sync().verdicts == ()
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 1}


def test_hundreds_of_logins_are_kept_beside_the_entry_and_read_back_from_there():
    names = [f"owner-{number:03d}" for number in range(400)]
    bank = HostedBank(owners=f"/models/ {' '.join(f'@{name}' for name in names)}\n")
    bank.forge.others = tuple(account(name) for name in names)
    bank.forge.may_write = (*(bank.forge.may_write or ()), *bank.forge.others)
    bank.train()
    bank.sync()
    (found,) = bank.entries(entry.Accounts)
    assert entry.in_evidence(found.bound) is not None
    bank.restart()
    bank.promote({"Staging": 1}, "owner-399")
    assert answers(bank.sync()) == {STAGING: "approved"}
    report = verify(bank.store, log_key=bank.ledger().log_key, checkpoints=())
    assert report.verified, [step for step in report.steps if step.findings]
