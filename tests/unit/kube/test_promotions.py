"""Which rows a ledger comes to, and what has to be written for them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stagewright.app.memory import Memory
from stagewright.kube.promotions import (
    FINISHED_ROWS,
    MAX_WRITES,
    OPEN_ROWS,
    Row,
    changes,
    manifest,
    rows_of,
    shown,
)
from stagewright.ledger import predicates as entry
from stagewright.model.keys import StageKey
from stagewright.model.plan import Blocked
from tests.fakes import ledger_entries
from tests.unit.kube.attempts import AT, KEY, memory

ID = ledger_entries.PROMOTION


def _many(answer: str, count: int) -> Memory:
    made = memory()
    found = ledger_entries.verdict(answer=answer).predicate
    assert isinstance(found, entry.Verdict)
    for number in range(count):
        own = {"promotion": f"{number:012x}{'0' * 52}", "key": f"model-{number}/Production"}
        verdict = found.model_copy(update=own)
        made.verdicts[verdict.promotion] = (number, verdict)
    return made


def _objects(rows: tuple[Row, ...]) -> dict[str, dict[str, Any]]:
    return {row.name: {"spec": dict(row.spec), "status": dict(row.status)} for row in rows}


def test_rows_of_a_pending_promotion_say_what_is_missing_and_since_when():
    (row,) = rows_of("bank", memory("pending"))

    assert row.name == f"bank-{ID[:12]}"
    assert (row.spec["sync"], row.spec["promotionId"]) == ("bank", ID)
    assert (row.spec["model"], row.spec["stage"]) == ("credit-risk", "Production")
    assert row.status["verdict"] == "pending"
    assert row.status["since"] == f"{AT:%Y-%m-%dT%H:%M:%SZ}"
    assert "decidedAt" not in row.status


@pytest.mark.parametrize(
    ("answer", "kept"),
    [("pending", OPEN_ROWS), ("approved", FINISHED_ROWS), ("refused", FINISHED_ROWS)],
    ids=["pending", "approved", "refused"],
)
def test_rows_of_thousands_of_promotions_are_bounded_and_the_newest(answer: str, kept: int):
    rows = rows_of("bank", _many(answer, 2_000))

    assert len(rows) == kept
    assert rows[0].status["ledgerIndex"] == 1_999
    assert [row.status["ledgerIndex"] for row in rows] == sorted((r.status["ledgerIndex"] for r in rows), reverse=True)


def test_rows_of_a_superseded_promotion_lack_nothing_any_more():
    made = memory("pending")
    made.superseded[ID] = ledger_entries.OTHER

    (row,) = rows_of("bank", made)

    assert (row.status["verdict"], row.status["missing"]) == ("superseded", [])


def test_rows_of_an_approved_promotion_that_is_blocked_say_why():
    made = memory("approved")
    made.authorized_by[KEY] = ID
    bar = Blocked(key=KEY, reason="version 9 is not what was signed off", identity=True)

    (row,) = rows_of("bank", made, (bar,))

    assert (row.status["verdict"], row.status["missing"]) == ("blocked", [bar.reason])
    other = replace(bar, key=StageKey("credit-risk", "Staging"))
    assert rows_of("bank", made, (other,))[0].status["verdict"] == "approved"


def test_rows_show_hostile_text_in_one_short_line():
    made = memory("pending")
    index, verdict = made.verdicts[ID]
    made.verdicts[ID] = index, verdict.model_copy(update={"reason": "one\x1b[2J\ntwo " + "x" * 1000})

    (row,) = rows_of("bank", made)

    assert row.status["reason"].startswith("one [2J two x")
    assert len(row.status["reason"]) == 256


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), ("none", "none"), ({"version": 9, "digest": "sha256:…"}, "9"), ({"evidence": "sha256:…"}, "changed")],
    ids=["absent", "nobody", "version", "in evidence"],
)
def test_shown_value(value: object, text: str):
    assert shown(value) == text


def test_changes_where_all_is_as_it_should_be_are_none():
    rows = rows_of("bank", _many("pending", 30))

    found = changes(rows, _objects(rows))

    assert (found.create, found.update, found.delete) == ((), (), ())


def test_changes_make_what_is_missing_mend_what_differs_and_delete_the_rest():
    rows = rows_of("bank", _many("pending", 3))
    there = _objects(rows)
    del there[rows[0].name]
    there[rows[1].name]["status"]["verdict"] = "approved"
    there["bank-stranger"] = {}

    found = changes(rows, there)

    assert found.create == (rows[0],)
    assert found.update == (rows[1],)
    assert found.delete == ("bank-stranger",)


def test_changes_in_one_sync_are_bounded_and_the_next_goes_on():
    rows = rows_of("bank", _many("pending", OPEN_ROWS))
    there: dict[str, dict[str, Any]] = {}
    syncs = 0
    while made := changes(rows, there).create:
        assert len(made) <= MAX_WRITES
        there |= _objects(made)
        syncs += 1

    assert set(there) == {row.name for row in rows}
    assert syncs == -(-OPEN_ROWS // MAX_WRITES)


def test_manifest_belongs_to_its_sync():
    (row,) = rows_of("bank", memory("pending"))

    made = manifest(row, sync="bank", uid="6f1c")

    assert made["metadata"]["labels"]["stagewright.dev/sync"] == "bank"
    assert [(o["kind"], o["name"], o["uid"]) for o in made["metadata"]["ownerReferences"]] == [
        ("RegistrySync", "bank", "6f1c")
    ]
    assert "status" not in made


def test_rows_of_an_applied_promotion_say_when():
    made = memory("approved")
    intent = ledger_entries.intent().predicate
    outcome = ledger_entries.outcome(6).predicate
    assert isinstance(intent, entry.Intent)
    assert isinstance(outcome, entry.Outcome)
    cause = intent.cause.model_copy(update={"kind": "promotion", "id": ID})
    made.intents[6] = intent.model_copy(update={"cause": cause})
    made.outcomes[6] = 7, outcome.model_copy(update={"result": "applied", "recorded_at": AT + timedelta(minutes=3)})

    (row,) = rows_of("bank", made)

    assert row.status["appliedAt"] == "2026-11-24T09:03:00Z"
