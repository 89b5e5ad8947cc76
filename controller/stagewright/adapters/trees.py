"""Folders that can be made again: removed when nobody needs them any more."""

import shutil
from pathlib import Path

from stagewright.errors import UnreachableError


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it; nothing happens where it is gone. Links are removed, never followed."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UnreachableError(f"{folder} cannot be removed: {error.strerror}") from error
