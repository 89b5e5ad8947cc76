"""The exit codes, and what each error comes to."""

import pytest

from stagewright import errors
from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.failures import exit_code
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
