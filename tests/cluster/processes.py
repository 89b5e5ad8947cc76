"""Starting and finding processes, and moving between networks."""

import ctypes
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
_TOOL_MISSING = 3
_CLONE_NEWNET = 0x40000000


class ClusterError(Exception):
    """It could not be built, or did not start."""


class ToolMissingError(ClusterError):
    """This machine cannot build or run one: it lacks a program, or we are not root."""


def built() -> Path:
    """Where the programs lie; they are built when they are not there, which takes minutes."""
    return Path(said_by(HERE / "build"))


def said_by(script: Path, *arguments: str) -> str:
    """The last line of a script beside this file."""
    done = subprocess.run(["bash", str(script), *arguments], capture_output=True, text=True, check=False)
    if done.returncode == _TOOL_MISSING:
        raise ToolMissingError(done.stderr.strip())
    if done.returncode != 0:
        raise ClusterError(f"{script.name} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip().splitlines()[-1]


def start_of(process: int) -> str:
    """When a process began, in ticks since the machine did (proc(5), stat, field 22); empty for none, or a dead one."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]


def set_network(descriptor: int) -> None:
    """Put this thread, and whatever it starts later, into a network namespace."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def succeeds(*argv: str) -> bool:
    """Whether a program ends well; what it says is not wanted."""
    return subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0


def run(*argv: str, given: str = "") -> str:
    """What a program prints; ClusterError with its last words when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, input=given, check=False)
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(argv[:6])}: {done.stderr.strip()[-2000:]}")
    return done.stdout
