"""Any value as JSON and YAML."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from stagewright.cli.encode import document, json_text, to_json, yaml_text
from stagewright.cli.terminal import Output
from stagewright.ledger.predicates import Person
from stagewright.model.desired import NOBODY
from stagewright.model.keys import GovernanceKey, SpecKey, StageKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    first_seen: datetime
    from_: int | None = None
    parts: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        ("x", "x"),
        (StageKey("credit-risk", "Staging"), "credit-risk/Staging"),
        (SpecKey("credit-risk"), "credit-risk/@spec"),
        (GovernanceKey(), "@governance"),
        (NOBODY, "none"),
        (Output.JSON, "json"),
        (datetime(2026, 11, 24, 9, tzinfo=UTC), "2026-11-24T09:00:00Z"),
        (datetime(2026, 11, 24, 9, 0, 0, 5, tzinfo=timezone(timedelta(hours=1))), "2026-11-24T08:00:00.000005Z"),
        (timedelta(seconds=90), 90.0),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        (Person(id="7", login="dana"), {"id": "7", "login": "dana"}),
        (
            Sample(first_seen=datetime(2026, 1, 2, tzinfo=UTC), parts=("x",)),
            {"firstSeen": "2026-01-02T00:00:00Z", "from": None, "parts": ["x"]},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_to_json_of_each_kind_of_value(value: object, expected: object):
    assert to_json(value) == expected


def test_to_json_of_an_unknown_kind_is_an_error():
    with pytest.raises(TypeError, match="no JSON form for object"):
        to_json(object())


def test_document_of_a_sequence_has_items():
    assert document("History", ({"a": 1},)) == {
        "apiVersion": "stagewright.dev/v1alpha1",
        "kind": "History",
        "items": [{"a": 1}],
    }


def test_json_and_yaml_say_the_same():
    body = document("Thing", {"text": "é\n", "list": [1, None, True]})
    assert json_text(body).endswith("}\n")
    assert yaml_text(body) == (
        'apiVersion: stagewright.dev/v1alpha1\nkind: Thing\ntext: "\\xE9\\n"\nlist:\n- 1\n- null\n- true\n'
    )
