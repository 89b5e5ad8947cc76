#!/usr/bin/env python3
"""Compute the artifact digest of a folder, with nothing but Python's standard library (3.8 or newer).

    python3 digest.py FOLDER                 sha256:… of every file below it
    python3 digest.py --download FOLDER      the same for a folder that MLflow's client downloaded

The digest is SHA-256 over what this prints, where there are coreutils:

    cd FOLDER && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum

It stands alone: copy it to wherever the files are. Exit code 0: the digest is on stdout. 1: this folder can have no
digest, and stderr says why (no files, a symbolic link, a name with a backslash or a control character). 2: usage.
"""

import hashlib
import os
import stat
import sys
import unicodedata

# MLflow's client writes this into the root of a downloaded registered version; it does not lie in the store.
DOWNLOAD_META = "registered_model_meta"


def main(arguments):
    download = "--download" in arguments
    folders = [argument for argument in arguments if argument != "--download"]
    if len(folders) != 1 or folders[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(digest(folders[0], download))
    except (OSError, ValueError) as error:
        print(f"digest.py: {folders[0]}: {error}", file=sys.stderr)
        return 1
    return 0


def digest(folder, download=False):
    """`sha256:` and 64 hex digits; ValueError when the folder can have no digest."""
    hashes = {}
    if os.path.islink(folder) or not os.path.isdir(folder):
        raise ValueError("not a folder")
    waiting = [""]
    while waiting:
        below = waiting.pop()
        for entry in os.scandir(os.path.join(folder, below)):
            path = below + entry.name
            if download and path == DOWNLOAD_META:
                continue
            check(path)
            kind = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(kind):
                raise ValueError(f"{path!r} is a symbolic link")
            if stat.S_ISDIR(kind):
                waiting.append(path + "/")
            elif stat.S_ISREG(kind):
                hashes[path] = file_hash(entry.path)
            else:
                raise ValueError(f"{path!r} is neither a file nor a folder")
    if not hashes:
        raise ValueError("there are no files")
    lines = hashlib.sha256()
    for path in sorted(hashes, key=lambda path: path.encode()):
        lines.update(f"{hashes[path]}  ./{path}\n".encode())
    return "sha256:" + lines.hexdigest()


def check(path):
    """Refuse the names that sha256sum prints escaped, or that are not what they look like."""
    if "\\" in path:
        raise ValueError(f"{path!r} holds a backslash")
    for character in path:
        if unicodedata.category(character) == "Cc":
            raise ValueError(f"{path!r} holds a control character")
        if unicodedata.category(character) == "Cs":
            raise ValueError(f"{path!r} is not UTF-8")


def file_hash(path):
    content = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            content.update(chunk)
    return content.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
