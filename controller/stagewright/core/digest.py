"""Artifact digests: one name for the whole of a version's files, that anyone can compute again with `sha256sum`.

The digest is SHA-256 over one line per file, sorted by the bytes of the path, as

    find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum

prints them (two spaces, `./`, a line feed):

    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  ./MLmodel
    9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0  ./data/weights.bin

Names that `sha256sum` would print escaped, or that look like something else to a person, are refused: there is
one spelling of a tree, and no second tree has it.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from stagewright.errors import InvalidError

PREFIX = "sha256:"
_HEX = re.compile(r"[0-9a-f]{64}")


def content_digest(data: bytes) -> str:
    """`sha256:` and 64 lower-case hex digits."""
    return PREFIX + hashlib.sha256(data).hexdigest()


def path_flaw(path: str) -> str | None:
    """Why a file of this path, relative to the artifact root, can be in no digest; None when it can."""
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return f"{path!r} is not a relative path in its shortest form"
    if "\\" in path:
        return f"{path!r} holds a backslash"
    if any(unicodedata.category(character) == "Cc" for character in path):
        return f"{path!r} holds a control character"
    if any(unicodedata.category(character) == "Cs" for character in path):
        return f"{path!r} is not UTF-8"
    return None


def artifact_lines(files: Iterable[tuple[str, str]]) -> bytes:
    """The lines that the artifact digest is computed over, from pairs of path and lower-case hex SHA-256.

    InvalidError, saying which path: no files at all, a path that `path_flaw` refuses, one path twice, a path that
    is both a file and a folder.
    """
    hashes: dict[str, str] = {}
    for path, sha256 in files:
        flaw = path_flaw(path)
        if flaw is not None:
            raise InvalidError(flaw, hint="rename the file and log the model again")
        if path in hashes:
            raise InvalidError(f"{path!r} is there twice")
        assert _HEX.fullmatch(sha256), "the caller hashes, nobody types a hash"
        hashes[path] = sha256
    if not hashes:
        raise InvalidError("there are no files", hint="log the model again, or register the folder that holds it")
    for path in hashes:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if "/".join(parts[:depth]) in hashes:
                raise InvalidError(f"{'/'.join(parts[:depth])!r} is both a file and a folder")
    return b"".join(
        f"{sha256}  ./{path}\n".encode() for path, sha256 in sorted(hashes.items(), key=lambda item: item[0].encode())
    )


def artifact_digest(files: Iterable[tuple[str, str]]) -> str:
    """The artifact digest of a tree; see `artifact_lines` for what it takes and what it refuses."""
    return content_digest(artifact_lines(files))
