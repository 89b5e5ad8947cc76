"""The machine one works at: its programs and its disk, for `stagewright doctor`."""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from stagewright.adapters.git import gitcli
from stagewright.errors import UsageError

_TIMEOUT_S = 10.0


def git_version() -> str:
    """`2.47.3 at /usr/bin/git`. UsageError: none, or too old to sign with SSH keys."""
    path = gitcli.program()
    done = subprocess.run(  # noqa: S603 # a list of arguments, and the program was just looked up
        [path, "--version"], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
    )
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    return f"{found[0] if found else 'an unknown version'} at {path}"


def ssh_keygen() -> str:
    """Where ssh-keygen is, which git signs with. UsageError: it is not there."""
    path = shutil.which("ssh-keygen")
    if path is None:
        raise UsageError("ssh-keygen is not installed", hint="install OpenSSH's client programs, 8.2 or later")
    return path


def free_bytes(folder: Path) -> int:
    """How much room there is where `folder` lies, or will lie."""
    place = folder
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def whose_process() -> tuple[int, str]:
    """The user id that this process runs as, and its name; an empty one where the machine knows none."""
    number = os.getuid()
    try:
        return number, pwd.getpwuid(number).pw_name
    except KeyError:
        return number, ""
