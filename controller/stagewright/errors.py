"""Every error that crosses a module border, grouped by who must act.

    StagewrightError
    ├── InvalidError            the caller or the author of a document mends it; nothing was changed
    │   ├── DocumentError       one document, with file, line and column
    │   └── UsageError          the command line or the configuration
    ├── UnreachableError        nobody may need to act: a system did not answer; retry with back-off
    │   ├── ForeignAnswerError  something else answered in its place, as a login page or a proxy does
    │   └── IncompleteError     it answered, but not wholly; no verdict may be drawn from that
    ├── ForbiddenError          credentials are missing, expired or too weak
    ├── NotFoundError           the named thing does not exist
    │   └── ReferenceNotFoundError  a Secret or ConfigMap that an object names, or its key
    ├── ConflictError           somebody else changed it first: read it again, and try once more
    ├── StalledError            a person must look before anything is applied again
    │   ├── DiscontinuityError  the ledger is not the one that was known
    │   └── ClaimedError        another configuration keeps the same thing already
    ├── LeaseLostError          nobody needs to act: another process may write now, and this one writes nothing more
    └── LedgerError             the ledger is damaged, locked or fenced off
        ├── LedgerDamagedError  it does not verify; never written again until a person has looked
        ├── LedgerConflictError another writer was first; re-read and try again
        └── LedgerMissingError  no ledger here, though one is wanted

`str(error)` is for logs: one line, no secret. `error.hint` tells the person what to do next.
Errors of other libraries stop at the adapter that called them (`raise ... from error`).
"""

from typing import Literal

# However long a system asks to be left alone; the longest rate limits begin anew each hour.
LONGEST_RETRY_S = 3600.0
System = Literal["repository", "forge", "registry"]


class StagewrightError(Exception):
    """Something went wrong that a person or a retry can mend."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """`message` says what and where in one line; `hint` says what to do next.

        `system` is the one that was asked when it went wrong, where a sync told that.
        """
        super().__init__(message)
        self.hint = hint
        self.system: System | None = None


class InvalidError(StagewrightError):
    """The input is wrong; whoever wrote it must change it."""


class DocumentError(InvalidError):
    """A document is wrong; its author must change it at the place named. Lines and columns count from 1."""

    def __init__(
        self,
        reason: str,
        *,
        file: str,
        line: int = 1,
        column: int = 1,
        hint: str = "",
        also: tuple["DocumentError", ...] = (),
    ) -> None:
        """`reason` is a sentence without the place; `str()` puts `file:line:column` in front of it.

        `also` are the further problems of the same document, where its parser found more than one.
        """
        super().__init__(f"{file}:{line}:{column}: {reason}", hint=hint)
        self.reason = reason
        self.file = file
        self.line = line
        self.column = column
        self.also = also


class UsageError(InvalidError):
    """The command line or the configuration is wrong; the operator must change it."""


class UnreachableError(StagewrightError):
    """A system did not answer, or not in its own protocol; try again after `retry_after_s`."""

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        """`retry_after_s` is what the system asked for, in seconds; None leaves the choice to the caller.

        It is kept to LONGEST_RETRY_S: a system that asks for years would never be asked again.
        """
        super().__init__(message, hint=hint)
        self.retry_after_s = None if retry_after_s is None else min(retry_after_s, LONGEST_RETRY_S)


class ForeignAnswerError(UnreachableError):
    """What answered is not the system that was asked: a login page, or a proxy."""


class IncompleteError(UnreachableError):
    """A system answered only in part; the same question must be asked again before anything is decided."""


class ForbiddenError(StagewrightError):
    """The credentials are missing, expired or too weak; the operator must supply others."""


class NotFoundError(StagewrightError):
    """The named thing does not exist; the caller must name another or create it."""


class ReferenceNotFoundError(NotFoundError):
    """A Secret or ConfigMap that an object names is not there, or has no such key; it may come yet."""


class ConflictError(StagewrightError):
    """Somebody else changed or created the thing first; nothing was written, read it again."""


class StalledError(StagewrightError):
    """Going on would be unsafe; a person must look and say so on the record."""


class DiscontinuityError(StalledError):
    """The ledger is missing, cut, put back or written anew since it was known; nothing is applied meanwhile."""


class ClaimedError(StalledError):
    """Another configuration keeps the same thing already; two must never write to it."""


class LeaseLostError(StagewrightError):
    """It is not this process's turn to write, or not for long enough; whoever holds the lease goes on."""


class LedgerError(StagewrightError):
    """The ledger cannot be used as it is."""


class LedgerDamagedError(LedgerError):
    """The ledger does not verify; a person must look, and nothing is appended until then."""


class LedgerConflictError(LedgerError):
    """Another writer holds the ledger or was first; nothing was written, read it again."""


class LedgerMissingError(LedgerError):
    """There is no ledger where one is wanted; a new one is begun only by a person who says so."""
