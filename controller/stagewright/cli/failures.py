"""The one place where an error becomes an exit code and a few lines: what, where, and what to do next."""

import traceback
from pathlib import Path

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.terminal import BAD, Terminal
from stagewright.errors import (
    DocumentError,
    ForbiddenError,
    InvalidError,
    LedgerConflictError,
    LedgerDamagedError,
    LedgerError,
    LedgerMissingError,
    NotFoundError,
    StagewrightError,
    StalledError,
    UnreachableError,
)

# The first class that fits decides, so the narrower ones come first.
_CODES: tuple[tuple[type[StagewrightError], ExitCode], ...] = (
    (InvalidError, ExitCode.USAGE),
    (NotFoundError, ExitCode.USAGE),
    (LedgerMissingError, ExitCode.USAGE),
    (UnreachableError, ExitCode.UNKNOWN),
    (LedgerConflictError, ExitCode.UNKNOWN),
    (ForbiddenError, ExitCode.FORBIDDEN),
    (StalledError, ExitCode.NO),
    (LedgerDamagedError, ExitCode.NO),
    (LedgerError, ExitCode.USAGE),
)
_HINTS = {
    ExitCode.NO: "a person must look: `stagewright status`, `stagewright ledger verify`",
    ExitCode.USAGE: "mend that, and run the command again",
    ExitCode.UNKNOWN: "try again; `stagewright doctor` looks at everything that this rests on",
    ExitCode.FORBIDDEN: "check your credentials and what they allow",
}


def exit_code(error: StagewrightError) -> ExitCode:
    """What an error means to the caller of a command; a kind that is not listed is a crash."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.UNKNOWN)


def show(error: StagewrightError, terminal: Terminal) -> None:
    """Print an error for a person."""
    problems = (error, *error.also) if isinstance(error, DocumentError) else (error,)
    for problem in problems:
        terminal.say(("✗ error: ", BAD), str(problem))
        terminal.say(("  hint: ", "bold"), problem.hint or _hint(problem))


def _hint(error: StagewrightError) -> str:
    """What to do next about an error that does not say it itself."""
    return _HINTS.get(exit_code(error), "run it again with --debug, and report what it shows")


def show_crash(error: Exception, terminal: Terminal) -> None:
    """Print an unexpected exception in one line: kind and place. Its text may hold a secret, and is left out."""
    root = f"{Path(__file__).parents[1]}/"
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(root)]
    place = f"{ours[-1].filename.removeprefix(root)}:{ours[-1].lineno}" if ours else "another library"
    terminal.say(("✗ crashed: ", BAD), f"{type(error).__name__} in {place}")
    terminal.say(("  hint: ", "bold"), "run it again with --debug for the traceback, and report that")
