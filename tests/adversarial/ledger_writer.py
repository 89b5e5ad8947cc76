"""Real processes that write a ledger in a directory, for the tests that kill them.

python -m tests.adversarial.ledger_writer endless DIR        append for ever, one line of output per append
python -m tests.adversarial.ledger_writer share DIR COUNT    append COUNT entries beside other writers
python -m tests.adversarial.ledger_writer die DIR            for n = 0, 1, …: copy DIR to DIR-n and append there,
                                                             dying at the n-th changing system call
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stagewright.adapters import directory
from stagewright.adapters.directory import DirectoryStore
from stagewright.errors import LedgerConflictError
from tests.fakes import ledger_entries as given

CHANGING = ("mkdir", "unlink", "fsync", "replace")
DIED = 9


def endless(root: Path) -> None:
    ledger = given.opened(DirectoryStore(root))
    while True:
        ledger.append([given.revision(1), given.revision(1)])
        print(ledger.size, flush=True)  # noqa: T201  # the parent waits for it


def share(root: Path, count: int) -> None:
    done = 0
    while done < count:
        try:
            given.opened(DirectoryStore(root)).append([given.revision(1)])
        except LedgerConflictError:
            continue
        done += 1


def die(root: Path) -> None:
    calls, status = 0, DIED
    while status == DIED:
        copy = root.with_name(f"{root.name}-{calls}")
        shutil.copytree(root, copy)
        child = os.fork()
        if child == 0:
            _arm(calls)
            given.opened(DirectoryStore(copy)).append([given.revision(1)] * 2)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        calls += 1


def _arm(calls: int) -> None:
    """Let the process die, without any clean-up, in place of changing call number `calls` of the adapter."""
    left = [calls]

    class Mortal:
        """The module `os`, as the adapter sees it."""

        def __getattr__(self, name: str) -> Any:
            real: Callable[..., Any] = getattr(os, name)
            return self._counted(real) if name in CHANGING else real

        def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                if left[0] == 0:
                    os._exit(DIED)
                left[0] -= 1
                return real(*arguments, **options)

            return call

    directory.os = Mortal()  # type: ignore[attr-defined, assignment]  # the process dies with it


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["endless", root]:
            endless(Path(root))
        case ["share", root, count]:
            share(Path(root), int(count))
        case ["die", root]:
            die(Path(root))
