"""The exit codes, and what each error comes to."""

import pytest

from stagewright import errors
from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.failures import exit_code, show
from stagewright.cli.terminal import Terminal
from stagewright.errors import DocumentError, StagewrightError


def test_exit_codes_are_the_documented_ones():
    assert {code.name: code.value for code in ExitCode} == {
        "YES": 0,
        "NO": 1,
        "USAGE": 2,
        "UNKNOWN": 3,
        "FORBIDDEN": 4,
        "PENDING": 8,
        "INTERRUPTED": 130,
        "PIPE_CLOSED": 141,
    }


def test_exit_codes_have_each_a_meaning_of_its_own():
    meanings = [code.meaning for code in ExitCode]
    assert len(set(meanings)) == len(meanings)
    assert all(meaning.strip() for meaning in meanings)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.InvalidError("x"), ExitCode.USAGE),
        (errors.UsageError("x"), ExitCode.USAGE),
        (DocumentError("x", file="models/a.yaml"), ExitCode.USAGE),
        (errors.NotFoundError("x"), ExitCode.USAGE),
        (errors.LedgerMissingError("x"), ExitCode.USAGE),
        (errors.UnreachableError("x"), ExitCode.UNKNOWN),
        (errors.IncompleteError("x"), ExitCode.UNKNOWN),
        (errors.LedgerConflictError("x"), ExitCode.UNKNOWN),
        (errors.ForbiddenError("x"), ExitCode.FORBIDDEN),
        (errors.StalledError("x"), ExitCode.NO),
        (errors.LedgerDamagedError("x"), ExitCode.NO),
        (errors.LedgerError("x"), ExitCode.USAGE),
        (errors.StagewrightError("x"), ExitCode.UNKNOWN),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, StagewrightError) else value.name,
)
def test_exit_code_of_each_error(error: StagewrightError, expected: ExitCode):
    assert exit_code(error) is expected


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (errors.UsageError("x", hint="do this"), "do this"),
        (errors.UsageError("x"), "mend that, and run the command again"),
        (errors.UnreachableError("x"), "try again; `stagewright doctor` looks at everything that this rests on"),
        (errors.StalledError("x"), "a person must look: `stagewright status`, `stagewright ledger verify`"),
        (errors.ForbiddenError("x"), "check your credentials and what they allow"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, StagewrightError) else "",
)
def test_show_gives_every_error_a_hint(error: StagewrightError, hint: str, capsys: pytest.CaptureFixture[str]):
    show(error, Terminal(env={}))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"✗ error: x\n  hint: {hint}\n")


def test_show_of_a_document_with_several_problems_shows_each_at_its_place(capsys: pytest.CaptureFixture[str]):
    second = DocumentError("no such key", file="models/a.yaml", line=9, column=3, hint="delete it")
    show(DocumentError("a tab", file="models/a.yaml", line=2, hint="use spaces", also=(second,)), Terminal(env={}))
    assert capsys.readouterr().err.splitlines() == [
        "✗ error: models/a.yaml:2:1: a tab",
        "  hint: use spaces",
        "✗ error: models/a.yaml:9:3: no such key",
        "  hint: delete it",
    ]
