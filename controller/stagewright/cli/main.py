"""The command line `stagewright`: its commands, and the one place where errors end."""

import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from stagewright import __version__
from stagewright.cli import (
    adopt,
    check,
    cluster,
    controller,
    decide,
    demo,
    digest,
    doctor,
    explain,
    history_accept,
    init,
    ledger,
    ledger_keys,
    ledger_rebind,
    ledger_verify,
    plan,
    promote,
    status,
    sync,
    trace,
)
from stagewright.cli.command import ColorOption, DebugOption, DefaultGroup, Spoken, add
from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.failures import exit_code, show, show_crash
from stagewright.cli.terminal import BAD, Color, PipeClosedError, Terminal
from stagewright.errors import StagewrightError

PROGRAM = "stagewright"

_SUMMARY = """\
What runs in each stage of MLflow is declared in git, signed off by people, carried out and recorded by a controller.

\b
Examples:
  stagewright init bank --registry http://127.0.0.1:5000 --origin stagewright.acme.example/prod
  stagewright promote credit-risk --version 9 --to Staging --reason "Retrained on the October data"
  stagewright approve promote/credit-risk-staging-v9
  stagewright sync --once && stagewright status
"""


_Listed = tuple[str, Callable[..., ExitCode], str]
"""A command's name, its function, its examples."""

COMMANDS: tuple[_Listed, ...] = (
    ("init", init.init, init.EXAMPLES),
    ("import", adopt.adopt, adopt.EXAMPLES),
    ("promote", promote.promote, promote.EXAMPLES),
    ("mode", promote.mode, promote.MODE_EXAMPLES),
    ("check", check.check, check.EXAMPLES),
    ("approve", decide.approve, decide.EXAMPLES),
    ("reject", decide.reject, decide.REJECT_EXAMPLES),
    ("plan", plan.plan, plan.EXAMPLES),
    ("sync", sync.sync, sync.EXAMPLES),
    ("status", status.status, status.EXAMPLES),
    ("trace", trace.trace, trace.EXAMPLES),
    ("digest", digest.digest, digest.EXAMPLES),
    ("doctor", doctor.doctor, doctor.EXAMPLES),
    ("cluster", cluster.cluster, cluster.EXAMPLES),
    ("controller", controller.controller, controller.EXAMPLES),
    ("demo", demo.demo, demo.EXAMPLES),
    ("help", explain.explain, explain.EXAMPLES),
)
HISTORY_COMMANDS: tuple[_Listed, ...] = (
    ("of", trace.history, trace.HISTORY_EXAMPLES),
    ("accept", history_accept.accept, history_accept.EXAMPLES),
)
LEDGER_COMMANDS: tuple[_Listed, ...] = (
    ("log", ledger.log, ledger.LOG_EXAMPLES),
    ("show", ledger.show, ledger.SHOW_EXAMPLES),
    ("prove", ledger.prove, ledger.PROVE_EXAMPLES),
    ("verify", ledger_verify.verify, ledger_verify.EXAMPLES),
    ("rebind", ledger_rebind.rebind, ledger_rebind.EXAMPLES),
    ("create-keys", ledger_keys.create_keys, ledger_keys.EXAMPLES),
)


def build(spoken: Spoken) -> typer.Typer:
    """The program. What its command line says about the way to speak is left in `spoken`."""
    # without Rich's panels help needs a third of the time, and can be compared with the documentation
    app = typer.Typer(name=PROGRAM, help=_SUMMARY, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_root_of(spoken))
    books = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    histories = typer.Typer(cls=DefaultGroup, rich_markup_mode=None, pretty_exceptions_enable=False)
    for place, commands in ((app, COMMANDS), (histories, HISTORY_COMMANDS), (books, LEDGER_COMMANDS)):
        for name, function, examples in commands:
            add(place, name, function, examples=examples, spoken=spoken)
    app.add_typer(histories, name="history", help="What happened to a model; accept a branch that was rewritten.")
    app.add_typer(books, name="ledger", help="Read, verify and rebind the ledger.")
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _root_of(spoken: Spoken) -> Callable[..., None]:
    def root(
        *,
        version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
        color: ColorOption = Color.AUTO,
        debug: DebugOption = False,
    ) -> None:
        del version
        spoken.color = color
        spoken.debug |= debug

    return root


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code. Whatever goes wrong is told on standard error, never raised."""
    spoken = Spoken(debug="--debug" in arguments)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # closed by whoever started the program
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 # for as long as the program lasts
        elif isinstance(stream, io.TextIOWrapper):
            # a text that the locale cannot spell is escaped; it must not end the program
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _guarded(arguments, spoken)
        sys.stdout.flush()
    except (PipeClosedError, BrokenPipeError):
        # what is still buffered has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.PIPE_CLOSED
    return code


def _guarded(arguments: Sequence[str], spoken: Spoken) -> int:
    try:
        answer: Any = typer.main.get_command(build(spoken)).main(
            list(arguments) or ["--help"], prog_name=PROGRAM, standalone_mode=False
        )
    except StagewrightError as error:
        if spoken.debug:
            traceback.print_exc()
        show(error, Terminal(color=spoken.color))
        return exit_code(error)
    except typer.TyperException as error:
        _tell_usage(error, Terminal(color=spoken.color))
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        Terminal(color=spoken.color).say("interrupted")
        return ExitCode.INTERRUPTED
    except PipeClosedError:
        raise
    except Exception as error:  # noqa: BLE001 # the entry point's one catch-all: a crash is 3, never 1
        if spoken.debug:
            traceback.print_exc()
        show_crash(error, Terminal(color=spoken.color))
        return ExitCode.UNKNOWN
    return int(answer or 0)


def _tell_usage(error: typer.TyperException, terminal: Terminal) -> None:
    terminal.say(("✗ error: ", BAD), error.format_message())
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    terminal.say(("  hint: ", "bold"), f"see `{path} --help`")


def main() -> None:
    """The console script's entry point."""
    sys.exit(run(sys.argv[1:]))
