"""`stagewright help`: pages that are about no single command."""

from typing import Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.terminal import Terminal

EXAMPLES = """
    stagewright help exit-codes
"""
TOPICS = ("exit-codes",)


def explain(
    terminal: Terminal, *, topic: Annotated[str, typer.Argument(metavar="TOPIC", help="exit-codes.")] = "exit-codes"
) -> ExitCode:
    """Explain something that is about every command."""
    from stagewright.errors import UsageError

    if topic not in TOPICS:
        raise UsageError(f"there is no page on {topic!r}", hint=f"there are {', '.join(TOPICS)}")
    for code in ExitCode:
        terminal.out((f"{code.value:>4}", "bold"), f"  {code.meaning}")
    return ExitCode.YES
