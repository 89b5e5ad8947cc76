"""The walk over history: what stops it, what it refuses, and that it goes on afterwards."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stagewright.adapters.git.forge import GitForge
from stagewright.app.status import status
from stagewright.app.view import Sight, look
from stagewright.errors import IncompleteError
from stagewright.ledger import predicates as entry
from stagewright.model.keys import parse_key
from stagewright.model.source import PullFacts, ReviewFacts
from tests.bank import GOVERNANCE, HEAVY, LIGHT, MODEL, Bank, answers, policy, verdict_on

STAGING, PRODUCTION = f"{MODEL}/Staging", f"{MODEL}/Production"


def begun(root: Path, *, versions: int = 1) -> Bank:
    """A bank with some versions trained, and its first sync done."""
    bank = Bank(root)
    for _ in range(versions):
        bank.train()
    bank.sync()
    return bank


# -- pending, superseded, several at once ------------------------------------------------------------------------


def test_pending_promotion_is_approved_by_a_later_tag(tmp_path: Path):
    bank = begun(tmp_path)
    pull = bank.promote(MODEL, {"Staging": 1})
    report = bank.sync()
    assert answers(report) == {STAGING: "pending"}
    assert "1 more from: @noor, @olga" in verdict_on(report, STAGING).reason
    size = bank.ledger().size
    assert bank.sync().ledger_size == size
    bank.approve("olga", pull)
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_later_change_of_the_same_key_supersedes_for_ever(tmp_path: Path):
    bank = begun(tmp_path, versions=2)
    first = bank.promote(MODEL, {"Staging": 1})
    bank.sync()
    bank.promote(MODEL, {"Staging": 2}, "noor")
    report = bank.sync()
    assert answers(report) == {STAGING: "approved"}
    (superseded,) = bank.entries(entry.Superseded)
    bank.approve("noor", first)
    report = bank.sync()
    assert (report.observed, report.verdicts) == (1, ())
    assert bank.aliases() == {"challenger": 2}
    assert superseded.by == bank.state().authorized_by[parse_key(STAGING)]
    bank.verified()


def test_both_stages_in_one_pull_request_go_on_in_one_sync(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1, "Production": 1}, "noor", "mo")
    report = bank.sync()
    production = [v.answer for v in report.verdicts if str(v.promotion.key) == PRODUCTION]
    assert production == ["pending", "approved"]
    assert [str(a.pair.key) for a in report.applied] == [STAGING, PRODUCTION]
    assert bank.aliases() == {"challenger": 1, "champion": 1}
    bank.verified()


def test_none_takes_the_stage_away_and_leaving_it_out_releases_it(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    bank.promote(MODEL, {"Staging": "none"}, "noor")
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {}
    bank.promote(MODEL, {}, "noor")
    assert answers(bank.sync()) == {STAGING: "approved"}
    size = bank.ledger().size
    bank.memory_registry.set_alias(MODEL, "challenger", 1)
    report = bank.sync()
    assert (report.ledger_size, report.unmanaged) == (size, 1)
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_released_pair_is_left_as_it_is(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    bank.promote(MODEL, {}, "noor")
    bank.sync()
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_model_removed_takes_approvals_and_leaves_the_registry_alone(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    pull = bank.branch({f"models/{MODEL}.yaml": None})
    bank.merge(pull)
    assert answers(bank.sync()) == {f"{MODEL}/@spec": "pending", STAGING: "pending"}
    bank.approve("noor", pull)
    report = bank.sync()
    assert answers(report) == {f"{MODEL}/@spec": "approved", STAGING: "approved"}
    assert bank.aliases() == {"challenger": 1}
    assert [str(key) for key in bank.state().authorized] == ["@governance"]
    bank.verified()


def test_promotions_of_one_person_wait_for_the_other_in_both_orders_of_syncs(tmp_path: Path):
    bank = begun(tmp_path, versions=2)
    one = bank.promote(MODEL, {"Staging": 1}, "noor")
    two = bank.promote(MODEL, {"Staging": 2}, "noor")
    report = bank.sync()
    assert [v.answer for v in report.verdicts] == ["approved", "approved"]
    assert bank.aliases() == {"challenger": 2}
    assert one.subjects != two.subjects
    assert [a.intent is not None for a in report.applied] == [True]
    bank.verified()


# -- stalled -----------------------------------------------------------------------------------------------------


def rewritten(bank: Bank) -> None:
    files = {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}
    bank.world.plant([bank.world.first], files, branch="main")


def foxtrot(bank: Bank) -> None:
    files = {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}
    bank.world.plant([bank.world.first], files, branch="swapped")
    mine = bank.world.head("swapped")
    bank.world.plant([mine, bank.world.head()], files, branch="main")


def shown(bank: Bank) -> str:
    """What `status` says of why nothing goes on."""
    sight = Sight(
        config=bank.config, source=bank.source, forge=bank.forge, registry=bank.registry, store=bank.store,
        clock=bank.clock,
    )  # fmt: skip
    return status(look(sight)).stalled


def orphan(bank: Bank) -> None:
    bank.world.plant([], {"README.md": "Another history.\n"}, branch="main")


@pytest.mark.parametrize("attack", [rewritten, foxtrot, orphan])
def test_history_that_lost_the_last_revision_alarms_once_and_applies_nothing(
    tmp_path: Path, attack: Callable[[Bank], None]
):
    bank = begun(tmp_path, versions=2)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    good = bank.world.head()
    # the branch has to have grown, or there would be nothing to swap
    bank.world.push_main("maintainer", {"README.md": "More.\n"})
    bank.sync()
    later = bank.world.head()
    attack(bank)
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    report = bank.sync()
    assert "is not on the first-parent history of" in report.stalled
    assert (report.applied, report.verdicts) == ((), ())
    size = bank.ledger().size
    assert bank.kinds(size - 1) == ["alarm"]
    bank.restart()
    assert bank.sync().ledger_size == size
    assert bank.aliases() == {"challenger": 2}
    assert "is not on the first-parent history of" in shown(bank)
    # the branch put right again, everything goes on
    bank.world.force("main", later)
    assert shown(bank) == ""
    assert good != later
    report = bank.sync()
    assert (report.stalled, [a.result for a in report.applied]) == ("", ["applied"])
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_history_is_alarmed_anew_after_it_was_put_right(tmp_path: Path):
    bank = begun(tmp_path, versions=2)
    bank.world.push_main("maintainer", {"README.md": "More.\n"})
    bank.sync()
    good = bank.world.head()
    for _ in range(2):
        rewritten(bank)
        assert bank.sync().stalled
        bank.world.force("main", good)
        assert bank.sync().stalled == ""
        bank.world.push_main("maintainer", {"README.md": f"{bank.world.head()}\n"})
        assert bank.sync().stalled == ""
        good = bank.world.head()
    assert len(bank.entries(entry.Alarm)) == 2


@pytest.mark.parametrize(
    "change",
    [{"branch": "release"}, {"registry_uri": "http://127.0.0.1:9"}, {"path": "elsewhere"}, {"url": "other"}],
    ids=["branch", "registry", "path", "repository"],
)
def test_configuration_that_moved_alarms_once_and_applies_nothing(tmp_path: Path, change: dict[str, str]):
    bank = begun(tmp_path, versions=2)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    bank.world.force("release", bank.world.head())
    other = Bank(tmp_path / "other")
    before = {name: getattr(bank.config, name) for name in change}
    values = {name: str(other.world.origin) if name == "url" else value for name, value in change.items()}
    mirror = {"mirror": str(tmp_path / "other-mirror")} if "url" in change else {}
    bank.configure(**values, **mirror)
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    report = bank.sync()
    assert "the configuration is not the one the ledger began with" in report.stalled
    assert (report.applied, report.verdicts) == ((), ())
    size = bank.ledger().size
    assert bank.kinds(size - 1) == ["alarm"]
    assert bank.sync().ledger_size == size
    assert bank.aliases() == {"challenger": 2}
    if "url" not in change:
        assert shown(bank) == report.stalled
    bank.configure(**before, **({"mirror": str(tmp_path / "mirror")} if mirror else {}))
    assert bank.sync().stalled == ""
    assert (shown(bank), bank.aliases()) == ("", {"challenger": 1})
    bank.verified()


# -- the origin is away, or answers in part ----------------------------------------------------------------------


def test_origin_away_corrects_drift_and_judges_nothing(tmp_path: Path):
    bank = begun(tmp_path, versions=2)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    waiting = bank.promote(MODEL, {"Staging": 2})
    bank.sync()
    bank.approve("noor", waiting)
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    bank.world.origin.rename(tmp_path / "away.git")
    report = bank.sync()
    assert report.head is None
    assert "the repository did not answer" in report.waiting
    assert (report.verdicts, report.observed) == ((), 0)
    assert [(a.pair.drift, a.result) for a in report.applied] == [(True, "applied")]
    assert bank.aliases() == {"challenger": 1}
    bank.restart()
    size = bank.ledger().size
    assert bank.sync().ledger_size == size
    (tmp_path / "away.git").rename(bank.world.origin)
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 2}
    bank.verified()


class Patchy(GitForge):
    """Leaves out a page when asked about one commit, or about any decision."""

    gap: str = ""

    def pull(self, commit: str, first_parent: str) -> PullFacts | None:
        if commit == self.gap:
            raise IncompleteError("a page was missing")
        return super().pull(commit, first_parent)

    def observations(self) -> tuple[ReviewFacts, ...]:
        if self.gap == "decisions":
            raise IncompleteError("a page was missing")
        return super().observations()


def patchy(bank: Bank) -> Patchy:
    bank.restart()
    forge = Patchy(bank.source)
    bank.forge = forge
    bank._syncer = bank.syncer()
    return forge


def test_incomplete_facts_stop_the_walk_before_that_commit(tmp_path: Path):
    bank = begun(tmp_path, versions=3)
    forge = patchy(bank)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    reached = bank.world.push_main("maintainer", {"README.md": "Nothing that matters.\n"})
    bank.propose(MODEL, {"Staging": 2}, branch="second")
    bank.approve("noor", bank.pull("second"))
    forge.gap = bank.merge("second")
    bank.promote(MODEL, {"Staging": 3}, "noor")
    report = bank.sync()
    assert answers(report) == {STAGING: "approved"}
    assert f"before commit {forge.gap[:12]}" in report.waiting
    assert report.revision == reached
    assert bank.aliases() == {"challenger": 1}
    size = bank.ledger().size
    assert bank.sync().ledger_size == size
    forge.gap = ""
    report = bank.sync()
    assert ([v.answer for v in report.verdicts], report.waiting) == (["approved", "approved"], "")
    assert bank.aliases() == {"challenger": 3}
    bank.verified()


def test_decisions_that_cannot_be_read_stop_judging_but_not_the_correction_of_drift(tmp_path: Path):
    bank = begun(tmp_path, versions=2)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    forge = patchy(bank)
    forge.gap = "decisions"
    bank.promote(MODEL, {"Staging": 2}, "noor")
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    report = bank.sync()
    assert "a page was missing" in report.waiting
    assert (report.verdicts, bank.aliases()) == ((), {"challenger": 1})
    forge.gap = ""
    assert answers(bank.sync()) == {STAGING: "approved"}
    bank.verified()


# -- decisions: first sight, withdrawal, rejection ---------------------------------------------------------------


def test_deleted_approval_is_withdrawn_while_the_promotion_waits(tmp_path: Path):
    bank = begun(tmp_path)
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.sync()
    pull = bank.promote(MODEL, {"Staging": 1, "Production": 1})
    tag = bank.approve("noor", pull)
    report = bank.sync()
    assert answers(report) == {PRODUCTION: "pending"}
    assert "1 approval from codeowners" not in verdict_on(report, PRODUCTION).reason
    bank.world.delete_tag(tag)
    bank.approve("mo", pull)
    report = bank.sync()
    assert answers(report) == {PRODUCTION: "pending"}
    assert "1 approval from codeowners" in verdict_on(report, PRODUCTION).reason
    assert [s.reason for s in verdict_on(report, PRODUCTION).sign_offs if s.review == tag] == [
        "it was withdrawn: the approval is gone from the forge"
    ]
    bank.approve("noor", pull)
    assert answers(bank.sync()) == {PRODUCTION: "approved"}
    bank.verified()


@pytest.mark.parametrize("merged_first", [False, True], ids=["seen before the merge", "seen after the merge"])
def test_seen_rejection_stands_although_its_tag_is_deleted_until_its_author_withdraws_it(
    tmp_path: Path, merged_first: bool
):
    bank = begun(tmp_path)
    pull = bank.propose(MODEL, {"Staging": 1})
    if merged_first:
        bank.merge(pull)
    veto = bank.reject("olga", pull)
    bank.approve("noor", pull)
    bank.sync()
    bank.world.delete_tag(veto)
    if not merged_first:
        bank.merge(pull)
    report = bank.sync()
    assert bank.aliases() == {}
    standing = bank.entries(entry.Verdict)[-1]
    assert (standing.verdict, "veto by @olga" in standing.reason) == ("pending", True)
    assert report.stalled == ""
    bank.approve("olga", pull)
    assert bank.sync().applied == ()
    bank.approve("olga", pull, withdraws=[veto])
    assert answers(bank.sync()) == {STAGING: "approved"}
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_governance_change_stands_alone_and_judges_only_once_approved(tmp_path: Path):
    bank = begun(tmp_path)
    lighter = bank.branch({"stagewright.yaml": policy(LIGHT, HEAVY | {"name": "heavier"}, GOVERNANCE)})
    bank.approve("mo", lighter)
    bank.merge(lighter)
    assert answers(bank.sync()) == {"@governance": "pending"}
    bank.approve("pat", lighter)
    assert answers(bank.sync()) == {"@governance": "approved"}
    bank.promote(MODEL, {"Staging": 1}, "noor")
    assert answers(bank.sync()) == {STAGING: "approved"}
    bank.verified()
