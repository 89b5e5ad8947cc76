"""GitHub's rows read strictly."""

from datetime import UTC, datetime
from typing import Any

import pytest

from stagewright.adapters.github.answers import account, actor, big_number, parse, rows
from stagewright.adapters.rows import flag, moment, number, text
from stagewright.errors import IncompleteError
from stagewright.model.review import Account


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, None),
        ({"login": "noor", "id": 7, "type": "User"}, Account(id="7", login="noor")),
        ({"login": "helper[bot]", "id": 8, "type": "Bot"}, Account(id="8", login="helper[bot]", bot=True)),
        ({"login": "ghost", "id": 10137, "type": "User"}, None),
        ({"login": "acme", "id": 9, "type": "Organization"}, None),
        ({"login": "import", "id": 11, "type": "Mannequin"}, None),
    ],
    ids=["null", "user", "bot", "ghost", "organization", "mannequin"],
)
def test_account_of_the_rest_api(row: Any, expected: Account | None):
    assert account(row) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, None),
        ({"__typename": "User", "login": "noor", "databaseId": 7}, Account(id="7", login="noor")),
        ({"__typename": "Bot", "login": "helper", "databaseId": 8}, Account(id="8", login="helper[bot]", bot=True)),
        ({"__typename": "Mannequin", "login": "import"}, None),
        ({"__typename": "EnterpriseUserAccount", "login": "x"}, None),
    ],
    ids=["null", "user", "bot", "mannequin", "enterprise"],
)
def test_actor_of_the_graphql_api(row: Any, expected: Account | None):
    assert actor(row) == expected


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (number, "7"), (number, True), (number, 7.0), (number, None), (text, 7), (text, None), (flag, 1),
        (flag, "true"), (rows, {}), (rows, [1]), (moment, "yesterday"), (moment, "2026-11-24T22:18:55"),
        (moment, 1764000000),
        (big_number, "+7"), (big_number, "07"), (big_number, "٧"), (big_number, " 7"), (big_number, ""),
    ],
)  # fmt: skip
def test_field_of_another_kind_is_incomplete(reader: Any, value: object):
    with pytest.raises(IncompleteError, match="as its API documents it"):
        reader({"field": value}, "field")


def test_fields_that_are_there():
    at = datetime(2026, 11, 24, 22, 18, 55, tzinfo=UTC)

    assert moment({"at": "2026-11-24T23:18:55+01:00"}, "at") == at
    assert (big_number({"id": "9007199254740993"}, "id"), big_number({"id": 7}, "id")) == (9007199254740993, 7)


@pytest.mark.parametrize("body", ["", "{", '{"a": NaN}', "[] x", "<html>", "[" * 100_000])
def test_broken_json_is_incomplete(body: str):
    with pytest.raises(IncompleteError, match="broken JSON"):
        parse(body, "a list")
