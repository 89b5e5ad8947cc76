"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from stagewright.cli.terminal import Output

Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The RegistrySync document; by default $STAGEWRIGHT_CONFIG, or registrysync.yaml here or above.",
    ),
]
Format = Annotated[Output, typer.Option("--output", "-o", help="How to print the answer.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be proposed, and stop.")]
Reason = Annotated[str, typer.Option("--reason", "-m", metavar="TEXT", help="Why; it is kept with the change.")]
BranchName = Annotated[
    str | None, typer.Option("--branch", metavar="NAME", help="The branch to push; by default named after the change.")
]
Clone = Annotated[
    Path,
    typer.Option("--clone", "-C", metavar="DIR", help="Your clone of the desired state; by default where you are."),
]
SigningKey = Annotated[
    Path | None,
    typer.Option(
        "--signing-key", metavar="FILE", help="Your private SSH key; by default what git's user.signingkey names."
    ),
]
DifferencesMatter = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when there are differences.")]
