"""A small file that somebody else may change at any time, such as a key of a mounted ConfigMap."""

from collections.abc import Callable
from pathlib import Path

MAX_BYTES = 4_096


def text_file(path: str) -> Callable[[], str | None]:
    """What reads the file anew at each call; None while it is not there, cannot be read, or is no short text."""

    def read() -> str | None:
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            return data.decode() if len(data) <= MAX_BYTES else None
        except (OSError, UnicodeDecodeError):
            return None

    return read
