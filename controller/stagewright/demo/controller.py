"""The controller as a service: `stagewright sync --watch --webhook`, which the forge's webhooks wake.

It ends each sync with a line that says how far it came:

    at 13c72f025313, ledger 12 entries, 0 aliases unmanaged
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stagewright.demo.narration import DifferentError
from stagewright.demo.server import PID, POLL_S, end_group, free_port
from stagewright.demo.terminal import SINGLE_THREADED

LOG = "controller.log"
CONFIG = "registrysync.yaml"
PATIENCE_S = 120.0
# So long that it is the webhooks that wake it.
INTERVAL_S = 3600
_END = re.compile(r"at ([0-9a-f]{12}), ledger \d+ entries, .*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the controller printed in one sync, and the commit (12 digits) that it came to."""

    text: str
    at: str


class Controller:
    """One process; `folder` holds its log and its process id, `config` the configuration."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0

    @property
    def pid(self) -> int:
        """The id of the process, and of its group."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started."""
        return self._process is not None

    @property
    def argv(self) -> tuple[str, ...]:
        """Its command line."""
        watch = ("sync", "--watch", "--webhook", f"127.0.0.1:{self.port}", "--interval", str(INTERVAL_S))
        return (*watch, "--config", str(self._config))

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it, and wait for its first sync."""
        self.folder.mkdir()
        with (self.folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "stagewright", *self.argv],
                cwd=self.folder,
                env={**environment, **SINGLE_THREADED, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        (self.folder / PID).write_text(f"{self._process.pid}\n")
        self.read_on(at=None, word="at ")

    def wake(self) -> None:
        """What a webhook does, and what anybody can do who may signal it."""
        os.kill(self.pid, signal.SIGUSR1)

    def read_on(self, *, at: str | None, word: str) -> tuple[Told, ...]:
        """Wait for a sync that came to the commit `at` (None: any), and until `word` was said; every sync until then.

        DifferentError when that does not come.
        """
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            syncs, ends = self._syncs()
            said = ""
            for number, told in enumerate(syncs):
                said += told.text
                if (at is None or at.startswith(told.at)) and word in said + f"at {told.at}":
                    self._read = ends[number]
                    return syncs[: number + 1]
            if self._process is not None and self._process.poll() is not None:
                break
            time.sleep(POLL_S)
        tail = (self.folder / LOG).read_text(errors="replace")[self._read :][-2000:]
        what = f"the controller comes to {at[:12] if at else 'its end'}{f' and says {word}' if word else ''}"
        raise DifferentError(what, expected="a sync that says so", actual=tail)

    def stop(self) -> None:
        """End it; harmless when it has ended."""
        if self._process is not None:
            end_group(self._process.pid)
            self._process.wait()
            self._process = None
            (self.folder / PID).unlink(missing_ok=True)

    def _syncs(self) -> tuple[tuple[Told, ...], list[int]]:
        """The syncs that ended since the last reading, and where each ends in the log."""
        text = (self.folder / LOG).read_text(errors="replace")
        found, ends, lines, place = [], [], "", self._read
        for line in text[self._read :].splitlines(keepends=True):
            if not line.endswith("\n"):
                break
            place += len(line)
            last = _END.fullmatch(line.rstrip())
            if last is None:
                lines += line
            else:
                found.append(Told(text=lines, at=last[1]))
                ends.append(place)
                lines = ""
        return tuple(found), ends
