"""The last checkpoint in a file of its own, beside the mirror and apart from the ledger."""

import os
from pathlib import Path

from stagewright.errors import UnreachableError


class CheckpointFile:
    """A `Known` in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        """See `Known.place`."""
        return str(self._path)

    def read(self) -> bytes | None:
        """See `Known.read`. UnreachableError when the file cannot be read."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreachableError(f"{self._path} cannot be read: {error.strerror}") from error

    def write(self, checkpoint: bytes) -> None:
        """See `Known.write`: file, fsync, rename, fsync of the folder. UnreachableError when that fails."""
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(checkpoint)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise UnreachableError(f"{self._path} cannot be written: {error.strerror}") from error


class CheckpointInHand:
    """A `Known` whose checkpoint somebody else makes last: read from them at the start, handed to them afterwards.

    What they failed to keep is older than the ledger, and so a checkpoint of it still.
    """

    def __init__(self, checkpoint: bytes | None, *, place: str) -> None:
        self._checkpoint = checkpoint
        self._place = place

    @property
    def place(self) -> str:
        """See `Known.place`."""
        return self._place

    def read(self) -> bytes | None:
        """See `Known.read`."""
        return self._checkpoint

    def write(self, checkpoint: bytes) -> None:
        """See `Known.write`."""
        self._checkpoint = checkpoint
