"""Binding a ledger anew: what moves, what may not, and that everything goes on as before."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stagewright.app.rebind import Rebinder, Rebinding
from stagewright.app.sync import SyncReport
from stagewright.errors import InvalidError, StalledError, UnreachableError, UsageError
from stagewright.ledger import predicates as entry
from stagewright.ledger.predicates import Person
from stagewright.model.sync import HostedForge
from tests.bank import MODEL, Bank, answers
from tests.hosted_bank import HostedBank

STAGING = f"{MODEL}/Staging"
ME = Person(id="uid:1000", login="platform")


def begun(root: Path, **options: Any) -> Bank:
    """A bank whose model holds Staging."""
    bank = Bank(root, **options)
    for _ in range(2):
        bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    return bank


def rebinder(bank: Bank) -> Rebinder:
    bank.clock.forward(minutes=1)
    return Rebinder(bank.config, bank.outside())


def rebound(bank: Bank, reason: str = "It moved") -> Rebinding:
    """The move, confirmed."""
    found = rebinder(bank).proposed()
    rebinder(bank).rebind(digest=found.digest, who=ME, reason=reason)
    return found


def branch(bank: Bank, _root: Path) -> None:
    bank.world.force("release", bank.world.head())
    bank.configure(branch="release")


def registry(bank: Bank, _root: Path) -> None:
    bank.configure(registry_uri="http://127.0.0.1:9")


def repository(bank: Bank, root: Path) -> None:
    shutil.copytree(bank.world.origin, root / "elsewhere.git")
    bank.configure(url=str(root / "elsewhere.git"))


@pytest.mark.parametrize("move", [branch, registry, repository])
def test_move_is_recorded_and_everything_goes_on(tmp_path: Path, move: Callable[[Bank, Path], None]):
    bank = begun(tmp_path)
    before = bank.recorded().binding
    move(bank, tmp_path)
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    stalled = bank.sync()
    assert "the configuration is not the one the ledger" in stalled.stalled
    found = rebound(bank, "The hosts were renamed")
    assert (stalled.rebind, found.before) == (found.digest, before)
    (said,) = bank.entries(entry.Rebind)
    assert (said.reason, said.who) == ("The hosts were renamed", ME)
    assert bank.recorded().binding == found.after
    assert said.before | {"origin": found.before["origin"]} == before
    report = bank.sync()
    assert (report.stalled, report.rebind, [a.result for a in report.applied]) == ("", "", ["applied"])
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_move_back_is_a_move_too(tmp_path: Path):
    bank = begun(tmp_path)
    branch(bank, tmp_path)
    there = rebound(bank)
    bank.configure(branch="main")
    assert bank.sync().stalled != ""
    back = rebound(bank)
    assert (back.before, back.after) == (there.after, there.before)
    assert back.digest != there.digest
    assert bank.sync().stalled == ""
    bank.verified()


def test_alarm_is_raised_anew_for_the_next_move(tmp_path: Path):
    bank = begun(tmp_path)
    for _ in range(2):
        branch(bank, tmp_path)
        bank.sync()
        rebound(bank)
        bank.configure(branch="main")
        bank.sync()
        rebound(bank)
    assert [alarm.subject for alarm in bank.entries(entry.Alarm)] == ["configuration"] * 4


def unmoved(bank: Bank) -> None:
    pass


def rewritten(bank: Bank) -> None:
    """A branch that lacks the last revision."""
    bank.world.force("release", bank.world.first)
    bank.configure(branch="release")


def orphan(bank: Bank) -> None:
    bank.world.plant([], {"README.md": "Another history.\n"}, branch="release")
    bank.configure(branch="release")


def away(bank: Bank) -> None:
    bank.configure(url=str(bank.root / "nowhere.git"))


def empty_folder(bank: Bank) -> None:
    bank.configure(path="elsewhere")


@pytest.mark.parametrize(
    ("move", "error", "why"),
    [
        (unmoved, UsageError, "there is nothing to rebind"),
        (rewritten, StalledError, "the ledger cannot be bound to this branch"),
        (orphan, StalledError, "the ledger cannot be bound to this branch"),
        (away, UnreachableError, "nowhere"),
        (empty_folder, InvalidError, "does not hold at"),
    ],
)
def test_move_that_would_follow_something_else_is_refused(
    tmp_path: Path, move: Callable[[Bank], None], error: type[Exception], why: str
):
    bank = begun(tmp_path)
    move(bank)
    size = bank.ledger().size
    with pytest.raises(error, match=why):
        rebinder(bank).proposed()
    with pytest.raises(error, match=why):
        rebinder(bank).rebind(digest="sha256:" + "0" * 64, who=None, reason="It moved")
    assert bank.ledger().size == size


def test_move_that_nobody_saw_is_not_confirmed(tmp_path: Path):
    bank = begun(tmp_path)
    branch(bank, tmp_path)
    seen = rebinder(bank).proposed()
    registry(bank, tmp_path)
    with pytest.raises(UsageError, match="moved in another way"):
        rebinder(bank).rebind(digest=seen.digest, who=ME, reason="It moved")
    with pytest.raises(UsageError, match="needs its reason"):
        rebinder(bank).rebind(digest=rebinder(bank).proposed().digest, who=ME, reason=" ")
    assert bank.entries(entry.Rebind) == []


def test_folder_that_declares_the_same_can_be_moved_to(tmp_path: Path):
    bank = begun(tmp_path, owners="models/ @noor @olga\n")
    tree = bank.world.repository[bank.world.head()].tree
    names = ("stagewright.yaml", "allowed_signers", f"models/{MODEL}.yaml", f"cards/{MODEL}.md")
    bank.world.push_main("maintainer", {f"ml/{name}": tree[name].data.decode() for name in names})
    bank.sync()
    bank.configure(path="ml")
    rebound(bank)
    pull = bank.branch({f"ml/models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})})
    bank.approve("noor", pull)
    bank.merge(pull)
    assert (bank.sync().stalled, bank.aliases()) == ("", {"challenger": 2})
    bank.verified()


def test_intent_left_open_in_the_old_registry_stays_unknown(tmp_path: Path):
    bank = begun(tmp_path)
    with_open_intent(bank)
    bank.configure(registry_uri="http://127.0.0.1:9")
    stalled = bank.sync()
    assert (stalled.recovered, len(bank.recorded().open_intents)) == ((), 1)
    (index,) = rebound(bank).intents
    outcome = bank.recorded().outcomes[index][1]
    assert (outcome.result, outcome.error) == ("unknown", "its registry was left before it could be read")
    report: SyncReport = bank.sync()
    assert report.stalled == ""
    bank.verified()


def with_open_intent(bank: Bank) -> None:
    """A promotion whose write ended the process."""

    class DiedError(Exception):
        pass

    bank.promote(MODEL, {"Staging": 2}, "noor")

    def die(_action: object) -> None:
        raise DiedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bank.memory_registry, "apply", die)
        with pytest.raises(DiedError):
            bank.sync()
    bank.restart()


def test_waiting_promotion_goes_on_after_the_repository_moved(tmp_path: Path):
    bank = begun(tmp_path)
    pull = bank.promote(MODEL, {"Staging": 2})
    assert answers(bank.sync()) == {STAGING: "pending"}
    branch(bank, tmp_path)
    assert rebound(bank).waiting == (STAGING,)
    bank.approve("noor", pull)
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 2}
    bank.verified()


@pytest.mark.parametrize(
    ("moved", "asked"),
    [
        (HostedForge(type="gitea", url="https://forge.example", repository="acme/renamed"), False),
        (HostedForge(type="gitea", url="https://other.example", repository="acme/models"), True),
        (HostedForge(type="github", url="https://forge.example", repository="acme/models"), True),
    ],
    ids=["the repository was renamed", "another server", "another kind"],
)
def test_logins_are_looked_up_anew_only_on_another_forge(moved: HostedForge, asked: bool):
    """Another forge numbers its accounts otherwise."""
    bank = HostedBank()
    bank.sync()
    bank.sync()
    assert bank.forge.looked_up != []
    bank.forge.looked_up.clear()
    bank.config = replace(bank.config, forge=moved)
    bank.restart()
    rebinder = Rebinder(bank.config, bank.outside())
    rebinder.rebind(digest=rebinder.proposed().digest, who=ME, reason="It moved")
    assert bank.sync().stalled == ""
    assert (bank.forge.looked_up != []) == asked
