"""`stagewright demo`: the main job on one machine."""

from pathlib import Path
from typing import Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.terminal import Terminal

EXAMPLES = """
    stagewright demo --dir .demo
    stagewright demo --dir .demo --keep
    stagewright demo --dir .demo --forge gitea
"""


def demo(
    terminal: Terminal,
    *,
    directory: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where everything is made.")] = Path(".demo"),
    forge: Annotated[
        str, typer.Option("--forge", metavar="TYPE", help="Where people review: git, or gitea, which is built first.")
    ] = "git",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the servers running at the end.")] = False,
) -> ExitCode:
    """Play a bank's week on this machine, with nothing pretended.

    It needs the extra `local` (MLflow's server, scikit-learn) and two minutes. With --forge gitea the same week is
    played on a real Gitea, which takes Go and some minutes to build the first time. Exit code 1: a step differed.
    """
    del terminal
    from stagewright.demo.play import main

    return ExitCode.YES if main(directory, keep, forge) == 0 else ExitCode.NO
