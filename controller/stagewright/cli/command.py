"""How a function becomes a command: options that every command takes, the help page, the way it speaks.

A command's function takes the `Terminal` first and returns an `ExitCode`. What it needs beyond Typer is imported inside
of it, so that help never pays for MLflow, git or the documents' schemas.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import typer
import typer.core

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.terminal import Color, Terminal

ColorOption = Annotated[Color, typer.Option("--color", help="Colour the output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of a crash.")]


class DefaultGroup(typer.core.TyperGroup):
    """Commands of which the first is meant where none is named: `history credit-risk` is `history of credit-risk`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the first command in front of what does not begin with one."""
        if args and args[0] not in {*self.commands, "--help"}:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


@dataclass(slots=True)
class Spoken:
    """What the command line said about the way to speak; read when an error ends the command."""

    color: Color = Color.AUTO
    debug: bool = False


def add(app: typer.Typer, name: str, function: Callable[..., ExitCode], *, examples: str, spoken: Spoken) -> None:
    """Register a function as the command `name`; its docstring and `examples` are the help page."""
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    parameters = [p.replace(annotation=hints[p.name]) for p in parameters]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [p.replace(kind=keyword) for p in parameters]
    parameters += [
        inspect.Parameter("color", keyword, default=Color.AUTO, annotation=ColorOption),
        inspect.Parameter("debug", keyword, default=False, annotation=DebugOption),
    ]

    def run(*, color: Color, debug: bool, **given: Any) -> ExitCode:
        spoken.color = spoken.color if color is Color.AUTO else color
        spoken.debug |= debug
        return function(Terminal(color=spoken.color), **given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # the standard way to declare one
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    app.command(name, help=_help(function, examples))(run)


def _help(function: Callable[..., ExitCode], examples: str) -> str:
    r"""The summary, the examples, then the rest. `\b` keeps Typer from refilling a paragraph."""
    summary, _, rest = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
    lines = "\n".join(f"  {line}" for line in inspect.cleandoc(examples).splitlines())
    return f"{summary}\n\n\b\nExamples:\n{lines}\n\n{rest}"
