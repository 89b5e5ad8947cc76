from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from stagewright.core.outcome_page import Carried, Judged, OutcomePage, outcome_mark, outcome_page

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
APPLIED = Carried(result="applied", index=9, at=AT, moves=("credit alias champion: 1 → 2",))
NOTE = "stagewright.example/bank\n10\nabc=\n\n— stagewright.example/bank def=\n"


def judged(**changes: Any) -> Judged:
    plain = Judged(
        key="credit/Production", change="version 1 → version 2", answer="approved",
        reason="every requirement is satisfied", restore=False, lacking=(), index=7, at=AT, carried=(APPLIED,),
        closed=False,
    )  # fmt: skip
    return replace(plain, **changes)


def test_page_of_an_applied_promotion_says_when_and_where_it_is_recorded():
    assert outcome_page(OutcomePage(commit="a" * 40, promotions=(judged(),), checkpoint=NOTE)) == (
        "**Merged** as `aaaaaaaaaaaa`.\n\n"
        "### ✓ approved: `credit/Production`\n\n"
        "`version 1 → version 2`\n\n"
        "Judged 2026-03-02 09:00:00 UTC, ledger entry 7: `every requirement is satisfied`\n\n"
        "Applied 2026-03-02 09:00:00 UTC, ledger entry 9.\n"
        "- `credit alias champion: 1 → 2`\n\n"
        "The ledger's checkpoint over all of this, to keep where the controller cannot change it:\n\n"
        "    stagewright.example/bank\n    10\n    abc=\n    \n    — stagewright.example/bank def=\n"
    )


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (judged(answer="pending", carried=(), lacking=("heavy: 1 approval: x",)), "\n\n- `heavy: 1 approval: x`\n\n"),
        (judged(closed=True, lacking=("gone",)), "### - superseded by a later change: `credit/Production`"),
        (judged(restore=True), "It declares what was authorized already. Judged"),
        (
            judged(carried=(replace(APPLIED, result="failed", moves=()),)),
            "Tried, with the result `failed`, 2026-03-02 09:00:00 UTC, ledger entry 9.",
        ),
    ],
    ids=["waiting", "superseded", "a restore", "failed"],
)
def test_page_says_what_became_of_a_promotion(one: Judged, said: str):
    text = outcome_page(OutcomePage(commit="a" * 40, promotions=(one,), checkpoint=NOTE))
    assert said in text
    assert "gone" not in text


@pytest.mark.parametrize(
    ("promotions", "mark"),
    [
        ([judged()], ("success", "applied, ledger entry 9")),
        ([judged(carried=())], ("success", "approved")),
        ([judged(), judged(answer="pending")], ("pending", "merged, and waits for what is still missing")),
        ([judged(answer="refused"), judged(answer="pending")], ("failure", "refused: nothing was applied for it")),
        (
            [judged(answer="pending", closed=True, carried=()), judged()],
            (
                "failure",
                "superseded by a later change: nothing was applied for it",
            ),
        ),
    ],
    ids=["applied", "nothing to apply", "one waits", "one refused", "superseded"],
)
def test_outcome_mark_tells_the_gravest(promotions: list[Judged], mark: tuple[str, str]):
    assert outcome_mark(promotions) == mark
