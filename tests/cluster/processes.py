"""Starting and finding processes, and moving between networks."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).parent
POLL_S = 0.05
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
    """When a process began, in ticks since the machine did (proc(5), stat, field 22); empty when it has ended."""
    fields = _fields(process)
    return "" if not fields or fields[0] == "Z" else fields[19]


def program_of(process: int) -> str:
    """The name of the program that a process runs; empty when it has ended."""
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def command_lines() -> Iterator[str]:
    """How each process of the machine was called."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def with_descendants(processes: list[int]) -> list[int]:
    """These processes, and whatever they started."""
    parents = {
        int(place.name): int(fields[1])
        for place in Path("/proc").glob("[0-9]*")
        if (fields := _fields(int(place.name)))
    }
    found = list(processes)
    for parent in found:
        found += [child for child, its in parents.items() if its == parent and child not in found]
    return found


def kill(processes: list[int]) -> None:
    """End processes by their ids, and return when they are gone."""
    started = {process: start_of(process) for process in processes}
    while alive := [process for process, start in started.items() if start and start == start_of(process)]:
        for process in alive:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
        time.sleep(POLL_S)


@contextmanager
def in_network(namespace: Path) -> Iterator[Path]:
    """This thread, and whatever it starts, in a network namespace; the block is given the one it comes back to."""
    with Path("/proc/thread-self/ns/net").open() as before, namespace.open() as inside:
        _set_network(inside.fileno())
        try:
            yield Path(f"/proc/{os.getpid()}/fd/{before.fileno()}")
        finally:
            _set_network(before.fileno())


def succeeds(*argv: str) -> bool:
    """Whether a program ends well; what it says is not wanted."""
    return subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0


def run(*argv: str, given: str = "", env: Mapping[str, str] | None = None) -> str:
    """What a program prints; ClusterError with its last words when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, input=given, env=env, check=False)
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(argv[:8])}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def _fields(process: int) -> list[str]:
    """What stands after the name in proc(5)'s stat: state, parent, …; nothing when there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _set_network(descriptor: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
