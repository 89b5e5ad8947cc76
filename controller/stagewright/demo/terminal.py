"""Where the people of the demo type: `stagewright`, `git` and Python, each command a process that ran to its end."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from stagewright.demo.people import Person
from stagewright.errors import StagewrightError, UnreachableError

# A process that forks must have one thread.
SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command left behind. `exit` is negative where a signal ended it."""

    exit: int
    out: str
    err: str


class Terminal:
    """One for all people; it starts a process that stays until `close`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is for scratch files; it is removed again by `close`."""
        self._folder = folder
        folder.mkdir()
        environment = {name: text for name, text in os.environ.items() if not name.startswith("MLFLOW_")}
        self._prompt = subprocess.Popen(
            # -P: modules come from where this one came from, never from the current folder
            [sys.executable, "-P", "-m", "stagewright.demo.prompt"],
            cwd=folder,
            env=environment | SINGLE_THREADED,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._ready = False

    @property
    def pid(self) -> int:
        """The process that forks for each command."""
        return self._prompt.pid

    def stagewright(self, who: Person, *argv: str) -> Answer:
        """Run `stagewright ARGV` as `who`, in their clone or, before there is one, at home."""
        return self._run(who, "stagewright", *argv)

    def python(self, who: Person, module: str, *argv: str) -> None:
        """Run `python -m MODULE ARGV` as `who`; an error when it fails."""
        answer = self._run(who, module, *argv)
        if answer.exit != 0:
            raise StagewrightError(f"python -m {module}, as {who.login}:\n{answer.err[-2000:]}")

    def git(self, who: Person, *argv: str) -> Answer:
        """Run git as `who` in their clone; an error when it fails."""
        done = subprocess.run(
            ["git", *argv],
            cwd=who.clone,
            env=who.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StagewrightError(f"git {' '.join(argv)}, as {who.login}: {done.stderr.strip()}")
        return Answer(exit=0, out=done.stdout, err=done.stderr)

    def close(self) -> None:
        """End the process; harmless when it has ended."""
        if self._prompt.stdin is not None and not self._prompt.stdin.closed:
            self._prompt.stdin.close()
        try:
            self._prompt.wait(timeout=10)
        except subprocess.TimeoutExpired:
            # with the command that is still running
            os.killpg(self._prompt.pid, signal.SIGKILL)
            self._prompt.wait()
        if self._prompt.stdout is not None:
            self._prompt.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, who: Person, module: str, *argv: str) -> Answer:
        if not self._ready:
            self._answer()
            self._ready = True
        out, err = self._folder / "stdout", self._folder / "stderr"
        request = {
            "module": module,
            "argv": argv,
            "cwd": str(who.clone if who.clone.is_dir() else who.home),
            "env": who.environment(),
            "out": str(out),
            "err": str(err),
        }
        assert self._prompt.stdin is not None
        self._prompt.stdin.write(json.dumps(request) + "\n")
        self._prompt.stdin.flush()
        code = self._answer()["exit"]
        return Answer(exit=code, out=out.read_text(errors="replace"), err=err.read_text(errors="replace"))

    def _answer(self) -> dict[str, int]:
        assert self._prompt.stdout is not None
        line = self._prompt.stdout.readline()
        if not line:
            raise UnreachableError("the process that runs the commands ended", hint="run the demo again")
        answer: dict[str, int] = json.loads(line)
        return answer
