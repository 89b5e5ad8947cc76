"""Writing decisions, and naming their tags."""

import pytest

from stagewright.adapters.git.decisions import DecisionText, format_decision, is_decision, parse_decision, tag_name
from stagewright.errors import UsageError

SUBJECT, OTHER, TAG = "1" * 64, "2" * 64, "3" * 40


def test_format_decision_writes_text_and_trailers():
    decision = DecisionText(
        decision="approve", subjects=(SUBJECT, OTHER), withdraws=(TAG,), origin="acme.example/prod", text="Fine."
    )

    assert format_decision(decision) == (
        "Fine.\n\n"
        "stagewright-decision: approve\n"
        f"stagewright-subject: {SUBJECT}\n"
        f"stagewright-subject: {OTHER}\n"
        f"stagewright-withdraws: {TAG}\n"
        "stagewright-origin: acme.example/prod\n"
    )
    assert parse_decision(format_decision(decision).encode()) == decision


@pytest.mark.parametrize(
    "text",
    [
        "stagewright-decision: reject",
        "as I said:\n  Stagewright-Subject: x",
        "-----BEGIN SSH SIGNATURE-----",
        "line\r\nline",
        "zero\0",
        "\ud800",
        "x" * 70_000,
    ],
    ids=["trailer", "hidden trailer", "armor", "carriage return", "zero", "surrogate", "too long"],
)
def test_format_decision_of_a_text_that_could_mislead_is_refused(text: str):
    with pytest.raises(UsageError):
        format_decision(DecisionText(decision="approve", subjects=(SUBJECT,), text=text))


@pytest.mark.parametrize(
    "changes",
    [
        {"subjects": ()},
        {"subjects": ("x",)},
        {"subjects": (SUBJECT, SUBJECT)},
        {"withdraws": ("v1",)},
        {"origin": "a b"},
    ],
    ids=["no subject", "bad subject", "subject twice", "bad withdrawal", "bad origin"],
)
def test_format_decision_of_what_could_not_be_read_back_is_refused(changes: dict[str, object]):
    values: dict[str, object] = {"decision": "approve", "subjects": (SUBJECT,)} | changes

    with pytest.raises(UsageError):
        format_decision(DecisionText(**values))  # type: ignore[arg-type] -- a table of wrong values


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("noor", "stagewright/333333333333/noor-approve-1"),
        ("Noor.B@Example.com", "stagewright/333333333333/noor-b-example-com-approve-1"),
        ("../..", "stagewright/333333333333/someone-approve-1"),
        ("x y~^:?*[\\", "stagewright/333333333333/x-y-approve-1"),
        ("é", "stagewright/333333333333/someone-approve-1"),
    ],
)
def test_tag_name_holds_only_what_a_ref_may(slug: str, name: str):
    assert tag_name(TAG, slug, "approve", 1) == name


@pytest.mark.parametrize(
    ("name", "message", "meant"),
    [
        ("v1", b"Release 1\n", False),
        ("stagewright/x", b"", True),
        ("v1", b"Release\n\nstagewright-decision: approve\n", True),
        ("v1", b"  STAGEWRIGHT-x", True),
        ("v1", b"\xff\nstagewright-decision: approve", True),
        ("v1", b"we use stagewright-decision tags", False),
    ],
    ids=["release", "by name", "by trailer", "odd spelling", "not text", "mentioned"],
)
def test_is_decision_goes_by_name_or_by_any_line(name: str, message: bytes, meant: bool):
    assert is_decision(name, message) == meant
