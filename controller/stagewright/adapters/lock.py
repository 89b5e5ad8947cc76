"""One process at a time: an advisory lock on a file, released by the kernel however the process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stagewright.errors import LedgerConflictError


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file at `path` for the length of a `with` block. LedgerConflictError when another process does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LedgerConflictError(
                f"another process is {what} ({path})", hint="wait until it ends, then run this again"
            ) from error
        yield
    finally:
        os.close(handle)
