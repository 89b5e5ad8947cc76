"""The demo: a bank's week on one machine, from training to a verified ledger, and every step insists on its result."""

import io
import os
import shutil
import signal
import sys
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import FrameType

from stagewright.demo.controller import CONFIG, Controller
from stagewright.demo.gitea_server import GiteaServer, built, clear_ground, ground
from stagewright.demo.narration import DifferentError, Narrator
from stagewright.demo.people import hire
from stagewright.demo.server import MlflowServer, stop_left_over
from stagewright.demo.terminal import Terminal
from stagewright.errors import StagewrightError, UsageError

MARKER = ".stagewright-demo"
MADE = (
    "mlflow", "people", "terminal", "origin.git", "desired", "keys", "registrysync.yaml", "ledger", "ledger-tampered",
    "mirror.git", "mirror.lock", "mirror.checkpoint",
)  # fmt: skip
"""All that a demo makes in its folder."""
MADE_ON_GITEA = ("gitea", "controller")
"""What it makes there besides, when it is played on Gitea."""
FORGES = ("git", "gitea")


class _EndedError(BaseException):
    """A signal asked the demo to end; it unwinds like an interrupt from the keyboard."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(directory: Path, keep: bool, forge: str = "git") -> int:
    """Play the demo in `directory`; `keep` leaves its servers running. 0 only if every step had its result.

    1: a step differed, and standard error names it. UsageError: `directory` holds something that no demo made, the
    extra `local` is not installed, or Gitea cannot be built here. A signal that asks it to end does so, after its
    processes have ended.
    """
    directory = directory.absolute()
    if forge not in FORGES:
        raise UsageError(f"the demo is not played on {forge!r}", hint=f"there are {' and '.join(FORGES)}")
    for needed in ("mlflow", "scikit-learn"):
        try:
            distribution(needed)
        except PackageNotFoundError as error:
            raise UsageError(f"{needed} is not installed", hint="pip install 'stagewright[local]'") from error
    home = None
    if forge == "gitea":
        print("demo: a real Gitea is looked for, and built where there is none (some minutes)", file=sys.stderr)
        home = built()
    clear(directory)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a terminal that knows no ticks shows question marks, and the demo goes on
        sys.stdout.reconfigure(errors="replace")
    narrator = Narrator()
    previous = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        return _play(directory, narrator, keep=keep, gitea_home=home)
    except DifferentError as error:
        narrator.failure(error)
        return 1
    except StagewrightError as error:
        narrator.failure(DifferentError(str(error), expected="an answer", actual=error.hint or "an error"))
        return 1
    except _EndedError as ended:
        print(f"demo: ended by {signal.Signals(ended.number).name}, and its processes with it", file=sys.stderr)
        signal.signal(ended.number, signal.SIG_DFL)
        os.kill(os.getpid(), ended.number)
        return 1
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def clear(directory: Path) -> None:
    """Make `directory` ready for a new demo: end what an old one left running, and remove what it made, only that.

    UsageError when it is no empty folder and no demo's.
    """
    marker = directory / MARKER
    taken = directory.exists() and (not directory.is_dir() or any(directory.iterdir()))
    if taken and not marker.is_file():
        raise UsageError(f"{directory} is not empty, and no demo made it", hint="name another folder with --dir")
    stop_left_over(directory / "mlflow")
    stop_left_over(directory / "controller", str(directory / CONFIG))
    clear_ground(directory / "gitea")
    for name in (*MADE, *MADE_ON_GITEA):
        made = directory / name
        if made.is_dir() and not made.is_symlink():
            shutil.rmtree(made)
        else:
            made.unlink(missing_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    marker.write_text("This folder was made by `stagewright demo`, which makes it anew every time.\n")


def _forget_mlflow() -> None:
    """Leave out what the environment says of another MLflow, and tell its makers nothing."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        del os.environ[name]
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    raise _EndedError(number)


def _play(directory: Path, narrator: Narrator, *, keep: bool, gitea_home: Path | None) -> int:
    begun = time.monotonic()
    server = MlflowServer(directory / "mlflow")
    gitea = GiteaServer(ground(directory / "gitea"), gitea_home) if gitea_home is not None else None
    controller = Controller(directory / "controller", directory / CONFIG)
    terminal = None
    kept = False
    try:
        print(f"Stagewright: a bank's week. Everything lies in {directory}; paths are relative to it.", flush=True)
        narrator.scene(
            "A real MLflow server, real models",
            "The names are a bank's, the data are scikit-learn's own. Three versions each of credit-risk and churn are "
            "trained with autolog and registered; version 1 of credit-risk is already served as champion.",
        )
        server.start()
        terminal = Terminal(directory / "terminal")
        people = hire(directory / "people", maintainers_clone=directory / "desired")
        for person in people.values():
            narrator.say(f"{person.handle:<6} {person.job}")
        _forget_mlflow()
        if gitea is not None:
            gitea.start()
        # MLflow takes seconds to import, which pass while the server starts
        from stagewright.demo import scenes  # noqa: PLC0415 # as said above
        from stagewright.demo.bank import Bank  # noqa: PLC0415 # as said above
        from stagewright.demo.gitea_bank import GiteaBank  # noqa: PLC0415 # as said above
        from stagewright.demo.scenes import gitea as scenes_on_gitea  # noqa: PLC0415 # as said above

        narrator.command("max", "mlflow server --host 127.0.0.1 …")
        server.wait()
        narrator.output(f"listening on {server.uri}, process {server.pid}")
        narrator.command("dana", f"python -m stagewright.demo.training {server.uri}")
        terminal.python(people["dana"], "stagewright.demo.training", server.uri)
        shared = Bank(directory=directory, narrator=narrator, server=server, terminal=terminal, people=people)
        if gitea is None:
            for play in scenes.ALL:
                play(shared)
            kept = keep
            scenes.farewell(shared, seconds=time.monotonic() - begun, kept=kept)
        else:
            gitea.wait()
            bank = GiteaBank(shared, gitea, controller)
            for play_on_gitea in scenes_on_gitea.ALL:
                play_on_gitea(bank)
            kept = keep
            scenes_on_gitea.farewell(bank, seconds=time.monotonic() - begun, kept=kept)
    finally:
        if terminal is not None:
            terminal.close()
        if not kept:
            controller.stop()
            if gitea is not None:
                gitea.stop()
            server.stop()
    return 0
