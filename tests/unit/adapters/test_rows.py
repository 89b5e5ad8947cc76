"""Rows of a forge's answers: a field is what its API documents, or the answer is incomplete."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from stagewright.adapters.rows import below, flag, moment, number, text
from stagewright.errors import IncompleteError

ROW = {"id": 3, "login": "noor", "draft": False, "user": {"id": 1}, "at": "2026-11-24T23:18:55+01:00", "gone": None}


@pytest.mark.parametrize(
    ("read", "name", "found"),
    [
        pytest.param(number, "id", 3, id="a number"),
        pytest.param(text, "login", "noor", id="a text"),
        pytest.param(flag, "draft", False, id="a flag"),
        pytest.param(below, "user", {"id": 1}, id="an object"),
        pytest.param(moment, "at", datetime(2026, 11, 24, 22, 18, 55, tzinfo=UTC), id="a time, in UTC"),
    ],
)
def test_field_of_its_kind_is_read(read: Callable[[Any, str], object], name: str, found: object):
    assert read(ROW, name) == found


@pytest.mark.parametrize("read", [number, text, flag, below, moment])
@pytest.mark.parametrize("value", [None, [], 1.5, ["noor"]])
def test_field_of_another_kind_is_no_answer(read: Callable[[Any, str], object], value: object):
    with pytest.raises(IncompleteError, match="the forge's answer has no 'field' as its API documents it"):
        read({"field": value}, "field")


@pytest.mark.parametrize(("read", "value"), [(number, True), (number, "3"), (flag, 1), (flag, "false"), (text, 3)])
def test_field_that_looks_alike_is_no_answer(read: Callable[[Any, str], object], value: object):
    with pytest.raises(IncompleteError):
        read({"field": value}, "field")


@pytest.mark.parametrize("said", ["2026-11-24T22:18:55", "yesterday", ""])
def test_time_without_its_zone_is_no_answer(said: str):
    with pytest.raises(IncompleteError):
        moment({"at": said}, "at")
