"""Which Events are made of what happened, and that one that is told is not told again."""

from typing import Any

import pytest

from stagewright.app.memory import News
from stagewright.kube.events import MAX_EVENTS, Happening, happenings, transition
from tests.fakes import ledger_entries
from tests.unit.kube.attempts import memory

ID = ledger_entries.PROMOTION[:12]


def _news(statement: Any) -> News:
    found: News = statement.predicate
    return found


NEWS: dict[str, tuple[Any, str, str, str]] = {
    "approved": (ledger_entries.verdict(answer="approved"), "Normal", "PromotionApproved", ID),
    "pending": (ledger_entries.verdict(answer="pending"), "Normal", "PromotionPending", ID),
    "refused": (ledger_entries.verdict(answer="refused"), "Warning", "PromotionRefused", ID),
    "applied": (ledger_entries.outcome(4), "Normal", "Applied", ID),
    "failed": (ledger_entries.outcome(4, result="failed", error="409 from MLflow"), "Warning", "ApplyFailed", "409"),
    "drift": (ledger_entries.drift(), "Warning", "DriftFound", "credit-risk/Production"),
}


@pytest.mark.parametrize("name", NEWS)
def test_happening_of_an_entry_says_what_and_which_promotion(name: str):
    statement, severity, reason, named = NEWS[name]
    made = memory()
    made.intents[4] = ledger_entries.intent().predicate  # type: ignore[assignment] # an intent it is
    made.news = [(9, _news(statement))]

    (found,) = happenings(made, 9)

    assert (found.severity, found.reason) == (severity, reason)
    assert named in found.note
    assert happenings(made, 10) == ()


def test_happening_of_a_correction_is_told_as_one():
    made = memory()
    made.intents[4] = ledger_entries.intent(cause="drift").predicate  # type: ignore[assignment] # an intent it is
    made.news = [(9, _news(ledger_entries.outcome(4)))]

    assert [found.reason for found in happenings(made, 0)] == ["DriftCorrected"]


def test_happenings_of_a_large_sync_are_bounded_and_say_how_many_more():
    made = memory()
    made.news = [(index, _news(ledger_entries.verdict())) for index in range(MAX_EVENTS + 7)]

    found = happenings(made, 0)

    assert len(found) == MAX_EVENTS + 1
    assert found[-1].note.startswith("7 more entries")


def _conditions(status: str, reason: str, message: str = "") -> list[dict[str, Any]]:
    return [
        {"type": "Stalled", "status": "True"},
        {"type": "Ready", "status": status, "reason": reason, "message": message},
    ]


def test_transition_to_another_reason_is_an_event():
    found = transition(_conditions("True", "Synced"), _conditions("False", "Blocked", "the version is gone"))

    assert found == (Happening(severity="Warning", reason="Blocked", action="Sync", note="the version is gone"),)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_conditions("True", "Synced", "at one"), _conditions("True", "Synced", "at two")),
        (_conditions("True", "Synced"), []),
    ],
    ids=["another message", "no condition"],
)
def test_transition_that_is_none_is_no_event(before: list[dict[str, Any]], after: list[dict[str, Any]]):
    assert transition(before, after) == ()


def test_note_of_an_event_is_one_line_that_the_api_takes():
    found = transition([], _conditions("False", "Blocked", "a\nb\x1b[2J" + "x" * 5000))

    assert found[0].note.startswith("a b [2Jx")
    assert len(found[0].note) == 1000
