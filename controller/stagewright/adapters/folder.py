"""The documents in a folder of this machine, read as they would be out of a commit."""

import os
import stat
from pathlib import Path

from stagewright.errors import UsageError
from stagewright.model.source import REGULAR_MODES, SourceFile
from stagewright.schema.desired import refused_unread, role_of

_REGULAR, _LINK = REGULAR_MODES[0], 0o120000


MAX_ATTRIBUTES = 1024 * 1024


def read_names(root: Path) -> tuple[frozenset[str], dict[str, str]]:
    """The path of every file below `root`, and the texts of the `.gitattributes` among them, by path."""
    names: set[str] = set()
    attributes: dict[str, str] = {}
    for folder, below, found in os.walk(root):
        below[:] = sorted(name for name in below if name != ".git")
        for name in found:
            place = Path(folder) / name
            told = place.relative_to(root).as_posix()
            names.add(told)
            # git reads no link there
            if name == ".gitattributes" and not place.is_symlink() and place.stat().st_size <= MAX_ATTRIBUTES:
                attributes[told] = place.read_text(encoding="utf-8", errors="replace")
    return frozenset(names), attributes


def read_folder(root: Path, path: str) -> tuple[tuple[SourceFile, ...], dict[str, bytes]]:
    """Every file below `root` that a source at `path` reads, and the contents of those that may be read, by blob.

    A file's path stands for its blob. Links are not followed. UsageError where there is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is no folder", hint="name the root of a clone")
    files: list[SourceFile] = []
    blobs: dict[str, bytes] = {}
    for folder, names, found in os.walk(root):
        names[:] = sorted(name for name in names if name != ".git")
        for name in sorted(found):
            place = Path(folder) / name
            told = place.relative_to(root).as_posix()
            if role_of(told, path) is None:
                continue
            status = place.lstat()
            mode = _LINK if stat.S_ISLNK(status.st_mode) else _REGULAR if stat.S_ISREG(status.st_mode) else 0
            file = SourceFile(path=told, mode=mode, blob=told, size=status.st_size)
            files.append(file)
            if refused_unread(file) is None:
                blobs[told] = place.read_bytes()
    return tuple(files), blobs
