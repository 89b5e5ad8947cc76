"""Where a command speaks: data on standard output, narration on standard error, colour only where a person looks.

Every text is made inert before it is printed, and nothing is parsed for markup: what MLflow or git say is shown, never
obeyed.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

from stagewright.cli.inert import inert
from stagewright.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console


class PipeClosedError(Exception):
    """Whoever read standard output went away."""


Part = str | tuple[str, str]
"""A piece of a line: a text, or a text and a style of Rich's."""

GOOD, BAD, WAIT, NEW, CHANGED, GONE, QUIET = "green", "red", "yellow", "green", "yellow", "red", "dim"


class Output(StrEnum):
    """The forms in which a reading command gives its data."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class Color(StrEnum):
    """Whether to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def wants_color(color: Color, env: Mapping[str, str], *, is_terminal: bool) -> bool:
    """By the option; else NO_COLOR, then CLICOLOR_FORCE, then whether a person looks on (no-color.org, bixense.com)."""
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    if env.get("NO_COLOR"):
        return False
    if env.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return is_terminal and env.get("TERM") != "dumb" and env.get("CLICOLOR", "1") != "0"


class Terminal:
    """The two streams of one command."""

    def __init__(self, *, color: Color = Color.AUTO, env: Mapping[str, str] = os.environ) -> None:
        self._color = color
        self._env = env
        self._consoles: dict[str, Console] = {}

    # -- data

    def out(self, *parts: Part) -> None:
        """One line of data."""
        self._print("stdout", parts)

    def text(self, text: str) -> None:
        """Data that is a document already, plain ASCII with its line feeds."""
        try:
            sys.stdout.write(text)
        except BrokenPipeError as error:
            raise PipeClosedError from error

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[Part]]) -> None:
        """Columns with two spaces between; never cut, so that a pipe gets everything."""
        from rich.cells import cell_len

        shown = [
            [(inert(cell), "") if isinstance(cell, str) else (inert(cell[0]), cell[1]) for cell in r] for r in rows
        ]
        head = [(heading, "bold") for heading in headings]
        widths = [max(cell_len(row[at][0]) for row in (head, *shown)) for at in range(len(headings))]
        for row in (head, *shown):
            parts: list[Part] = []
            for at, (cell, style) in enumerate(row):
                gap = "" if at == len(row) - 1 else " " * (widths[at] - cell_len(cell) + 2)
                parts += [(cell, style), gap]
            self.out(*parts)

    def document(self, output: Output, kind: str, value: object) -> None:
        """A value as a JSON or YAML document of its kind."""
        from stagewright.cli.encode import document, json_text, yaml_text

        body = document(kind, value)
        self.text(yaml_text(body) if output is Output.YAML else json_text(body))

    # -- narration

    def say(self, *parts: Part) -> None:
        """One line for the person."""
        self._print("stderr", parts)

    def next(self, command: str, why: str = "") -> None:
        """The command that comes next."""
        self.say(("next: ", "bold"), command, *([(f"   # {why}", QUIET)] if why else []))

    def warn(self, text: str) -> None:
        """Something to mind."""
        self.say(("! ", WAIT), text)

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Show that something is going on, for as long as a `with` block lasts and a person looks on."""
        if not sys.stderr.isatty() or self._env.get("TERM") == "dumb":
            yield
            return
        with self._console("stderr").status(inert(what)):
            yield

    def confirm(self, question: str, *, yes: bool) -> bool:
        """Ask, unless `yes` was said before. UsageError when there is nobody to ask."""
        if yes:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError("nobody is there to confirm this", hint="look at it with --dry-run, then say --yes")
        self._console("stderr").print(f"{inert(question)} [y/N] ", end="", markup=False)
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    # -- plumbing

    def _print(self, stream: str, parts: Sequence[Part]) -> None:
        from rich.text import Text

        pairs = [(inert(p), "") if isinstance(p, str) else (inert(p[0]), p[1]) for p in parts]
        self._console(stream).print(Text.assemble(*pairs), soft_wrap=True)

    def _console(self, stream: str) -> "Console":
        if stream not in self._consoles:
            file: TextIO = getattr(sys, stream)
            color = wants_color(self._color, self._env, is_terminal=file.isatty())
            self._consoles[stream] = _console(file, color=color)
        return self._consoles[stream]


def _console(file: TextIO, *, color: bool) -> "Console":
    from rich.console import Console

    class Quiet(Console):
        """Rich ends the program with 1 when a pipe closes; here that is told to `main` instead."""

        def on_broken_pipe(self) -> None:
            raise PipeClosedError

    return Quiet(
        file=file,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
