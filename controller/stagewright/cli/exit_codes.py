"""What a command's exit code says. One enum: the help page and the documentation are made from it."""

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """The exit codes of every command; 1 is an answer, never a crash."""

    meaning: str

    YES = 0, "yes, done, or nothing to do"
    NO = 1, "the answer is no: differences, refused, stalled, blocked, verification or a check failed"
    USAGE = 2, "the command line, the configuration or a document is wrong, or names what does not exist"
    UNKNOWN = 3, "could not find out or could not finish: a system did not answer, or the command crashed; try again"
    FORBIDDEN = 4, "not allowed in: credentials are missing, expired or too weak"
    PENDING = 8, "sign-offs or other requirements are still missing; nothing is wrong"
    INTERRUPTED = 130, "interrupted from the keyboard"
    PIPE_CLOSED = 141, "whoever read the output went away before its end"

    def __new__(cls, value: int, meaning: str) -> Self:
        """A member is its number; `meaning` says in one line what it stands for."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member
