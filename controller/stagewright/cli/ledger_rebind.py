"""`stagewright ledger rebind`: saying on the record that the configuration was moved on purpose."""

from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Config, Yes
from stagewright.cli.terminal import CHANGED, GOOD, QUIET, Terminal

if TYPE_CHECKING:
    from stagewright.app.rebind import Rebinding

EXAMPLES = """
    stagewright ledger rebind --reason "The repository was transferred to the organization acme-risk" --dry-run
    stagewright ledger rebind --reason "MLflow moved to its new host" --yes
"""

Reason = Annotated[
    str, typer.Option("--reason", "-m", metavar="TEXT", help="Why the configuration was moved; it is kept.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be recorded, and stop.")]


def rebind(
    terminal: Terminal,
    *,
    reason: Reason,
    dry_run: DryRun = False,
    yes: Yes = False,
    config: Config = None,
) -> ExitCode:
    """Bind the ledger to the configuration as it is now.

    A ledger is bound to the repository, branch, path, forge and registry that it began with. Where the configuration
    names others, every sync stalls until this command has recorded the move, with who and why, signed with the
    ledger's key. It is refused where the new branch does not hold the last revision in its first-parent history, or
    the new path does not declare there what is authorized: a move changes what is followed, never what may run.
    """
    from stagewright import bootstrap
    from stagewright.bootstrap import moves

    rebinder = moves.rebinder(bootstrap.load_config(config))
    with terminal.busy("reading git and ledger"):
        found = rebinder.proposed()
    _show(terminal, found)
    if dry_run:
        terminal.say("nothing was recorded")
        return ExitCode.YES
    who = moves.operator()
    if not terminal.confirm(f"Record this move as {who.login or who.id}?", yes=yes):
        terminal.say("nothing was recorded")
        return ExitCode.NO
    done = rebinder.rebind(digest=found.digest, who=who, reason=reason)
    terminal.out(("✓ ", GOOD), f"recorded as entry {done.index}")
    terminal.next("stagewright plan", "what the next sync would do there")
    return ExitCode.YES


def _show(terminal: Terminal, found: "Rebinding") -> None:
    for name in sorted(found.after):
        before, after = found.before[name], found.after[name]
        if before == after:
            terminal.out((f"  {name:<10}  {after or '(the root)'}", QUIET))
        else:
            terminal.out((f"~ {name:<10}", CHANGED), f"  {before or '(the root)'} → {after or '(the root)'}")
    terminal.out((f"  digest      {found.digest}", QUIET))
    terminal.out((f"  holds {found.revision[:12]}, the last revision that was walked", QUIET))
    if found.waiting:
        terminal.warn(f"promotions that wait go on waiting for what the new place says: {', '.join(found.waiting)}")
    for index in found.intents:
        terminal.warn(f"the outcome of intent {index} stays unknown: it was begun in the registry that is left")
