"""Going on because somebody agreed beforehand: to this move, to this history, and to nothing else."""

from pathlib import Path

from stagewright.app.acceptance import Acceptor
from stagewright.app.consent import NO_CONSENT, Consent, Mover
from stagewright.app.rebind import Rebinder
from stagewright.app.sync import Syncer, SyncReport
from stagewright.core.acceptance import history_subject
from stagewright.ledger import predicates as entry
from tests.bank import MODEL, Bank
from tests.git_world import LEDGER

WHY = "asked for by an annotation on RegistrySync ml/bank"
STALLS = "it was agreed to go on, and cannot be: "


def begun(root: Path) -> Bank:
    """A bank whose model holds Staging."""
    bank = Bank(root)
    bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    return bank


def sync(bank: Bank, consent: Consent) -> SyncReport:
    bank.clock.forward(minutes=1)
    config, outside = bank.config, bank.outside()
    mover = Mover(
        syncer=Syncer(config, outside), rebinder=Rebinder(config, outside), acceptor=Acceptor(config, outside)
    )
    return mover.sync(consent)


def to_branch(bank: Bank, name: str) -> None:
    bank.world.force(name, bank.world.head())
    bank.configure(branch=name)


def test_move_that_was_agreed_to_is_recorded_and_the_sync_goes_on(tmp_path: Path):
    bank = begun(tmp_path)
    to_branch(bank, "release")
    stalled = sync(bank, NO_CONSENT)
    report = sync(bank, Consent(rebind=stalled.rebind, reason=WHY))
    assert (report.stalled, report.rebind) == ("", "")
    (said,) = bank.entries(entry.Rebind)
    assert (said.who, said.reason, said.after["branch"]) == (None, WHY, "release")
    bank.verified()


def test_move_is_not_confirmed_by_another_digest(tmp_path: Path):
    bank = begun(tmp_path)
    to_branch(bank, "release")
    digest = sync(bank, NO_CONSENT).rebind
    for other in (digest.upper(), digest[:-1], f"{digest} ", ""):
        report = sync(bank, Consent(rebind=other, reason=WHY))
        assert report.rebind == digest
    assert bank.entries(entry.Rebind) == []


def test_word_about_a_move_does_not_confirm_the_same_move_later(tmp_path: Path):
    bank = begun(tmp_path)
    to_branch(bank, "release")
    first = sync(bank, NO_CONSENT).rebind
    assert sync(bank, Consent(rebind=first, reason=WHY)).stalled == ""
    bank.configure(branch="main")
    assert sync(bank, Consent(rebind=sync(bank, NO_CONSENT).rebind, reason=WHY)).stalled == ""
    bank.configure(branch="release")
    again = sync(bank, Consent(rebind=first, reason=WHY))
    assert again.rebind not in {"", first}


def test_move_to_another_history_stays_stalled_and_says_why(tmp_path: Path):
    bank = begun(tmp_path)
    bank.world.craft("maintainer", [bank.world.first], {"README.md": "Anew.\n"}, branch="other")
    bank.configure(branch="other")
    stalled = sync(bank, NO_CONSENT)
    report = sync(bank, Consent(rebind=stalled.rebind, reason=WHY))
    assert f"{STALLS}the ledger cannot be bound to this branch" in report.stalled
    assert bank.entries(entry.Rebind) == []


def test_history_that_was_agreed_to_goes_on_only_once_it_is_signed_off(tmp_path: Path):
    bank = begun(tmp_path)
    before = bank.recorded().revision
    held = {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 1})}
    after = bank.world.craft("maintainer", [bank.world.first], held, branch="main")
    consent = Consent(history=(before, after), reason=WHY)
    unsigned = sync(bank, consent)
    assert f"{STALLS}the history is not accepted yet" in unsigned.stalled
    assert bank.entries(entry.Rebind) == []
    for person in ("mo", "pat"):
        bank.world.decide(person, "approve", after, [history_subject(LEDGER, before, after)])
    other = sync(bank, Consent(history=(after, before), reason=WHY))
    assert STALLS not in other.stalled
    assert bank.entries(entry.Rebind) == []
    report = sync(bank, consent)
    assert (report.stalled, report.revision) == ("", after)
    assert [said.reason for said in bank.entries(entry.Rebind)] == [WHY]
    bank.verified()
