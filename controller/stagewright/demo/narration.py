"""What the demo says on standard output, and how it insists on what it says."""

import sys
import textwrap
from collections.abc import Sequence

WIDTH = 116
INDENT = "     "
GLUE = "\N{NO-BREAK SPACE}"
LONGEST_OUTPUT = 30
# What comes next is what the demo does next; and how far each sync came is the same line every time.
HIDDEN = ("next: ", "at ")
LONGEST_LINE = 132


class DifferentError(Exception):
    """A step had another result than the one it shows; whoever changed the product or this demo must look."""

    def __init__(self, what: str, *, expected: object, actual: object) -> None:
        """`what` is the check in words."""
        super().__init__(what)
        self.expected = expected
        self.actual = actual


class Narrator:
    """Numbers the scenes, shows commands with their output, and counts the checks."""

    def __init__(self) -> None:
        self.scene_number = 0
        self.scene_title = ""
        self.checks = 0

    def say(self, text: str = "") -> None:
        """A paragraph, wrapped."""
        print(textwrap.fill(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT), flush=True)

    def scene(self, title: str, text: str) -> None:
        """Begin a scene: its title, and what is about to happen."""
        self.scene_number += 1
        self.scene_title = title
        print(f"\n{self.scene_number:>2}.  {title}", flush=True)
        self.say(text)

    def command(self, who: str, *parts: str) -> None:
        """A command line as `who` types it; it is broken between its parts only."""
        glued = " ".join(part.replace(" ", GLUE) for part in parts)
        lines = textwrap.wrap(glued, WIDTH - len(who), break_long_words=False, break_on_hyphens=False)
        lines = [line.replace(GLUE, " ") for line in lines]
        print(f"\n{INDENT}{who}$ " + f" \\\n{INDENT}    ".join(lines), flush=True)

    def act(self, who: str, what: str) -> None:
        """What `who` does elsewhere than on a command line."""
        print(f"\n{INDENT}{who}: {what}", flush=True)

    def output(self, text: str, only: Sequence[str] = ()) -> None:
        """What a command printed; with `only`, the lines that hold one of these words and no others."""
        lines = [line.rstrip() for line in text.splitlines()]
        shown = [line for line in lines if line and (not only or any(word in line for word in only))]
        shown = [line for line in shown if not line.startswith(HIDDEN)]
        for line in shown[:LONGEST_OUTPUT]:
            margin = f"{INDENT}│ " + " " * (len(line) - len(line.lstrip()))
            print(
                textwrap.fill(
                    line.lstrip(),
                    LONGEST_LINE,
                    initial_indent=margin,
                    subsequent_indent=margin + "    ",
                    break_long_words=False,
                    break_on_hyphens=False,
                    replace_whitespace=False,
                ),
                flush=True,
            )
        if len(shown) > LONGEST_OUTPUT:
            print(f"{INDENT}│ … {len(shown) - LONGEST_OUTPUT} more lines", flush=True)

    def check(self, what: str, *, actual: object, expected: object) -> None:
        """Say `what` with a tick where both are equal; DifferentError where they differ."""
        if actual != expected:
            raise DifferentError(what, expected=expected, actual=actual)
        self.checks += 1
        text = textwrap.fill(what, WIDTH, initial_indent=f"{INDENT}✓ ", subsequent_indent=f"{INDENT}  ")
        print(text, flush=True)

    def check_holds(self, what: str, *, text: str, words: Sequence[str]) -> None:
        """Say `what` where every one of `words` occurs in `text`; DifferentError names those that do not."""
        absent = tuple(word for word in words if word not in text)
        if absent:
            raise DifferentError(what, expected=f"all of {tuple(words)}", actual=f"without {absent}: {text}")
        self.check(what, actual=absent, expected=())

    def failure(self, error: DifferentError) -> None:
        """Say which step differed, on standard output and, in one line, on standard error."""
        print(f"{INDENT}✗ {error}", flush=True)
        self.say(f"expected: {error.expected}")
        self.say(f"found:    {error.actual}")
        print(f"demo: scene {self.scene_number}, {self.scene_title}: {error}", file=sys.stderr, flush=True)
