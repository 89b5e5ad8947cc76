"""A real `mlflow server` for the length of the demo: sqlite, loopback, a free port, one worker.

It has a process group of its own, which is ended by its id: also after an error or a signal, and also when an earlier
demo left one running.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from stagewright.errors import UnreachableError

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.1
DATABASE = "mlflow.db"
LOG = "server.log"
PID = "server.pid"
SCRIPT = "serve.sh"


class MlflowServer:
    """One server; `folder` holds its database, its artifacts, its log and its process id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the server's process, and of its group."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; `wait` says when it answers."""
        self.folder.mkdir(parents=True)
        self._write_script()
        environment = {name: text for name, text in os.environ.items() if not name.startswith("MLFLOW_")}
        with (self.folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", str(self.folder / SCRIPT)],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        (self.folder / PID).write_text(f"{self._process.pid}\n")

    def _write_script(self) -> None:
        """A script that anybody can start the server with again, to look at what a demo left."""
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            self.uri.rpartition(":")[2],
        ]
        command += ["--workers", "1", "--serve-artifacts", "--artifacts-destination", str(self.folder / "artifacts")]
        command += ["--backend-store-uri", f"sqlite:///{self.folder / DATABASE}"]
        settings = "export MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false"
        (self.folder / SCRIPT).write_text(f"#!/bin/sh\n{settings}\nexec {shlex.join(command)}\n")

    def wait(self) -> None:
        """Return when it answers; UnreachableError when it ended or did not answer in time."""
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=5):  # noqa: S310 - reason: an http URL of ours
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(POLL_S)
        raise UnreachableError("mlflow server did not start", hint=f"read {self.folder / LOG}")

    def stop(self) -> None:
        """End it with all its children; harmless when it has ended."""
        if self._process is not None:
            end_group(self._process.pid)
            self._process.wait()
            self._process = None
            (self.folder / PID).unlink(missing_ok=True)


def stop_left_over(folder: Path, names: str = DATABASE) -> bool:
    """End the process that an earlier demo left running in `folder`; whether there was one.

    A process id may have gone to somebody else meanwhile, so the process must name this file of the folder.
    """
    try:
        pid = int((folder / PID).read_text())
    except (OSError, ValueError):
        return False
    shown = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    if not any(str(place) in shown.stdout for place in (folder / names, (folder / names).resolve())):
        return False
    end_group(pid)
    return True


def end_group(group: int) -> None:
    """End every process of a group by its id."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                os.killpg(group, number)
                # our own child stays in its group until somebody asks how it ended
                os.waitpid(group, os.WNOHANG)
            except ChildProcessError:
                pass
            except ProcessLookupError:
                return
            time.sleep(POLL_S)


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
