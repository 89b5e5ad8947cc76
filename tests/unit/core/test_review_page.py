from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stagewright.core.markdown import MAX_PAGE
from stagewright.core.review_page import (
    MAX_SUMMARY,
    Proposed,
    ReviewPage,
    VersionCard,
    review_page,
    strictest_first,
    verdict_mark,
)
from stagewright.model.desired import NOBODY, DocumentProblem, GovernanceValue, StageEntry
from stagewright.model.keys import StageKey, parse_key
from stagewright.model.plan import Action, PairPlan
from stagewright.model.policy import Policy, StagePolicy
from stagewright.model.promotion import Promotion
from stagewright.model.verdict import RequirementResult, SignOff, Verdict

OPENED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HEAD, BASE = "a" * 40, "b" * 40
LAW = GovernanceValue(policy=None, allowed_signers=None, codeowners=())
POLICY = Policy(
    stages=tuple(StagePolicy(name=name) for name in ("Staging", "Production")),
    default_mode="enforce",
    origin="o",
    rules=(),
)
MADE = ("@dana opened the pull request", "@eve made commit 123456789abc, which changes what is promoted")
APPROVAL = RequirementResult(
    rule="heavy", name="1 approval from codeowners", state="missing", detail="0 of 1 given; 1 more from: @noor, @olga"
)
INDEPENDENT = RequirementResult(
    rule="heavy", name="independent of author", state="satisfied", detail="known, and not counted as approver",
    facts=MADE,
)  # fmt: skip
FREEZE = RequirementResult(
    rule="heavy", name="soak", state="missing", detail="3 of 7 days", until=datetime(2026, 3, 9, tzinfo=UTC)
)
LOST = SignOff(
    review="r1", person="@eve", decision="approve", commit="c" * 40, first_seen=OPENED, role=None, counted=False,
    reason="@eve made commit 123456789abc, and nobody approves their own work",
)  # fmt: skip


def entry(version: int) -> StageEntry:
    return StageEntry(version=version, digest=f"sha256:{version:064x}", evidence=f"sha256:{version:064x}", run_id="r")


def proposed(key: str = "credit/Production", **changes: Any) -> Proposed:
    promotion = Promotion(
        id="p", key=parse_key(key), before=entry(1), after=entry(2), subject="s", first_parent=BASE, commit=HEAD,
        position=1, parents=2, governance=LAW, spec=None, card=None, pull=None,
    )  # fmt: skip
    verdict = Verdict(
        promotion=promotion, answer="pending", restore=False, reason="1 approval from codeowners: 0 of 1 given",
        requirements=(APPROVAL, INDEPENDENT), sign_offs=(), governance_at_step="g", governance_now="g",
    )  # fmt: skip
    inner = {name: changes.pop(name) for name in list(changes) if name in Verdict.__slots__}
    plain = Proposed(
        verdict=replace(verdict, **inner), incumbent=entry(1), declared=entry(1), unresolved="", card=None,
        incumbent_card=None, pair=None,
    )  # fmt: skip
    return replace(plain, **changes)


def page(*promotions: Proposed, **changes: Any) -> ReviewPage:
    plain = ReviewPage(
        promotions=promotions, problems=(), head=HEAD, base=BASE, branch="main", opened=OPENED, now=OPENED, behind=""
    )
    return replace(plain, **changes)


PROBLEM = DocumentProblem(file="models/a.yaml", line=3, column=1, reason="unknown key", hint="mend it", model="a")


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        (page(), ("success", "changes nothing that is governed")),
        (page(proposed(answer="approved")), ("success", "approved: credit/Production")),
        (page(proposed()), ("pending", "credit/Production: 1 approval from codeowners: 0 of 1 given")),
        (
            page(proposed(answer="approved"), behind="the branch holds commits that are not judged yet"),
            ("pending", "the branch holds commits that are not judged yet"),
        ),
        (
            page(proposed(), proposed("credit/Staging", answer="refused", reason="no rule")),
            ("failure", "credit/Staging: no rule"),
        ),
        (
            page(proposed(answer="approved", unresolved="the branch holds one that waits: x")),
            ("failure", "credit/Production: the branch holds one that waits: x"),
        ),
        (page(proposed(), problems=(PROBLEM,)), ("failure", "models/a.yaml:3:1: unknown key")),
        (page(flaw="it has 2 merge bases"), ("failure", "it has 2 merge bases")),
    ],
)
def test_verdict_mark_tells_the_gravest_first(said: ReviewPage, mark: tuple[str, str]):
    assert verdict_mark(said) == mark


def test_verdict_mark_is_one_line_that_a_forge_takes():
    _, summary = verdict_mark(page(proposed(reason="x\n" * 500)))
    assert len(summary) == MAX_SUMMARY
    assert (summary[-1], "\n" in summary) == ("…", False)


def test_strictest_first_is_governance_then_stages_from_the_heaviest_then_specs():
    keys = ["a/@spec", "a/Elsewhere", "a/Staging", "b/Production", "a/Production", "@governance"]
    ordered = strictest_first([proposed(key) for key in keys], POLICY)
    assert [str(one.verdict.promotion.key) for one in ordered] == [
        "@governance", "a/Elsewhere", "a/Production", "b/Production", "a/Staging", "a/@spec",
    ]  # fmt: skip


def test_page_of_a_pending_promotion_says_everything_about_it():
    one = proposed(
        requirements=(APPROVAL, INDEPENDENT, FREEZE),
        sign_offs=(LOST, replace(LOST, counted=True), replace(LOST, person=None, reason="who gave it is not known")),
        card=VersionCard(number=2, url="https://m/#/v/2", run_url="https://m/#/r/2", metrics={"auc": 0.84, "new": 1.0}),
        incumbent_card=VersionCard(number=1, url=None, run_url=None, metrics={"auc": 0.83}),
        pair=PairPlan(
            key=StageKey("credit", "Production"), registered="credit", wanted=entry(2), cause="p", drift=False,
            write=True,
            actions=(Action(kind="alias", model="credit", target="champion", before="1", after="2"),),
        ),
    )  # fmt: skip
    assert review_page(page(one)) == (
        "**Not signed off yet.** Merged now, it would wait: "
        "`credit/Production: 1 approval from codeowners: 0 of 1 given`\n\n"
        "### … pending: `credit/Production`\n\n"
        "`version 1 (sha256:000000000000…) → version 2 (sha256:000000000000…)`\n\n"
        "It brings [`version 2`](https://m/#/v/2), trained in [`this run`](https://m/#/r/2).\n\n"
        "It replaces `version 1`.\n\n"
        "| `metric` | `runs now` | `proposed` | `difference` |\n"
        "| --- | --- | --- | --- |\n"
        "| `auc` | `0.83` | `0.84` | `+0.01` |\n"
        "| `new` | `-` | `1` | `-` |\n\n"
        "- … missing `heavy: 1 approval from codeowners`: `0 of 1 given; 1 more from: @noor, @olga`\n"
        "- ✓ satisfied `heavy: independent of author`: `known, and not counted as approver`\n"
        "- … missing `heavy: soak`: `3 of 7 days`, until 2026-03-09 00:00 UTC\n\n"
        "Cannot approve it:\n"
        "- `@dana opened the pull request`\n"
        "- `@eve made commit 123456789abc, which changes what is promoted`\n\n"
        "Does not count:\n"
        "- `approve by @eve` of `cccccccccccc`: `@eve made commit 123456789abc, and nobody approves their own work`\n"
        "- `approve by somebody unknown` of `cccccccccccc`: `who gave it is not known`\n\n"
        "Plan, once it is approved and merged:\n"
        "- `credit alias champion: 1 → 2`\n\n"
        "Open since 2026-03-02 09:00 UTC.\n\n"
        f"Judged at `{HEAD[:12]}` against `main` at `{BASE[:12]}`. Ask again yourself: `stagewright check {HEAD}`."
    )


def test_page_where_main_differs_from_what_runs_shows_the_change_from_what_runs():
    text = review_page(page(proposed(declared=NOBODY, unresolved="the branch holds one that was refused: x")))
    assert "`version 1 (sha256:000000000000…) → version 2 (sha256:000000000000…)`" in text
    assert "Main declares `nobody`, which is not what runs" in text
    assert "✗ Main is not settled here: `the branch holds one that was refused: x`" in text
    assert text.startswith("**Not to be merged as it is:** ")


def test_page_of_a_restore_says_that_nobody_needs_to_sign_it_off():
    text = review_page(page(proposed(answer="approved", restore=True, requirements=())))
    assert text.startswith("**Signed off.** Once merged, the next sync carries it out.")
    assert "It declares what is authorized already" in text


@pytest.mark.parametrize(
    ("changes", "plan"),
    [
        ({}, "- MLflow shows it already"),
        ({"write": False}, "the model's mode forbids writing"),
    ],
)
def test_page_says_what_the_plan_is(changes: dict[str, bool], plan: str):
    pair = PairPlan(
        key=StageKey("credit", "Production"), registered="credit", wanted=NOBODY, cause="p", drift=False, write=True,
        actions=(),
    )  # fmt: skip
    assert plan in review_page(page(proposed(pair=replace(pair, **changes))))


def test_page_of_a_refusal_has_no_plan():
    pair = PairPlan(
        key=StageKey("credit", "Production"), registered="credit", wanted=NOBODY, cause="p", drift=False, write=True,
        actions=(),
    )  # fmt: skip
    assert "Plan" not in review_page(page(proposed(answer="refused", pair=pair)))


def test_page_of_a_bad_document_says_where():
    text = review_page(page(problems=(PROBLEM, replace(PROBLEM, hint=""))))
    assert "✗ `models/a.yaml:3:1` `unknown key` (`mend it`)" in text


def test_page_that_changes_nothing_says_so():
    assert review_page(page()).startswith("**This pull request changes nothing that is governed.**")


@pytest.mark.parametrize(
    ("hours", "late"), [(0, ""), (47, ""), (48, ", which has passed")], ids=["just opened", "in time", "late"]
)
def test_clock_shows_the_target_of_a_review_for_staging(hours: int, late: str):
    said = proposed("credit/Staging", target=timedelta(hours=48))
    text = review_page(page(said, now=OPENED + timedelta(hours=hours)))
    assert f"Open since 2026-03-02 09:00 UTC. Target for a review for `Staging`: 2026-03-04 09:00 UTC{late}." in text


def test_clock_names_the_shortest_target_first_and_each_stage_once():
    names = ("a/Production", "b/Staging", "c/Staging", "d/@spec", "e/@spec")
    hours = (72, 4, 4, 72, 72)
    said = [proposed(name, target=timedelta(hours=span)) for name, span in zip(names, hours, strict=True)]
    text = review_page(page(*said, proposed("f/Production"), now=OPENED + timedelta(hours=5)))
    assert (
        "Target for a review for `Staging`: 2026-03-02 13:00 UTC, which has passed. "
        "Target for a review for `Production`, `@spec`: 2026-03-05 09:00 UTC."
    ) in text


def test_clock_that_the_forge_does_not_tell_is_left_out():
    assert "Open since" not in review_page(page(proposed(), opened=None))


def test_lists_without_end_are_cut():
    many = tuple(replace(APPROVAL, name=f"n{number}") for number in range(60))
    text = review_page(page(proposed(requirements=many)))
    assert "`heavy: n49`" in text
    assert "`heavy: n50`" not in text
    assert "- and 10 more\n" in text


def test_page_of_too_many_promotions_says_what_is_cut_and_still_how_to_ask():
    text = review_page(page(*[proposed(f"m{number}/Production") for number in range(500)]))
    assert len(text) <= MAX_PAGE
    assert "**Cut here**: " in text
    assert text.endswith(f"Ask again yourself: `stagewright check {HEAD}`.")
