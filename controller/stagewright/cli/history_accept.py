"""`stagewright history accept`: going on from a branch that was rewritten, once people agreed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Clone, Config, SigningKey, Yes
from stagewright.cli.terminal import BAD, CHANGED, GOOD, QUIET, WAIT, Terminal

if TYPE_CHECKING:
    from stagewright.app.acceptance import Acceptance
    from stagewright.model.sync import RegistrySync

EXAMPLES = """
    stagewright history accept --from 1b2c… --to 9f8e… --reason "A secret was removed from history" --dry-run
    stagewright history accept --from 1b2c… --to 9f8e… --reason "A secret was removed from history"
"""

Before = Annotated[str, typer.Option("--from", metavar="SHA", help="The revision that the ledger is at.")]
After = Annotated[str, typer.Option("--to", metavar="SHA", help="The commit of the branch to go on from.")]
Reason = Annotated[str, typer.Option("--reason", "-m", metavar="TEXT", help="Why the history changed; it is kept.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would mean and what is missing, and stop.")]


def accept(
    terminal: Terminal,
    *,
    before: Before,
    after: After,
    reason: Reason,
    dry_run: DryRun = False,
    yes: Yes = False,
    clone: Clone = Path(),
    signing_key: SigningKey = None,
    config: Config = None,
) -> ExitCode:
    """Go on from a branch that was rewritten.

    Where the last revision is no longer on the branch's first-parent history, every sync stalls. Those who may
    change the governance have to agree to go on: on git alone each with `stagewright approve --history FROM..TO`, on a
    forge with accounts by approving the pull request that this command opens for it. Once they did, this command
    records it, with the ledger's keys. Nothing that may run changes by it, and what the new history declares otherwise
    is refused until it is proposed anew. Exit code 8: approvals are missing still.
    """
    from stagewright import bootstrap
    from stagewright.bootstrap import moves
    from stagewright.cli.sync import full_commit

    settings = bootstrap.load_config(config, start=clone)
    one, other = full_commit(before), full_commit(after)
    acceptor = moves.acceptor(settings)
    with terminal.busy("reading git, forge and ledger"):
        found = acceptor.proposed(one, other)
    _show(terminal, found)
    if found.evaluation.answer != "approved":
        return _missing(terminal, settings, found, reason, yes=yes, dry_run=dry_run, clone=clone, key=signing_key)
    if dry_run:
        terminal.say("nothing was recorded")
        return ExitCode.YES
    who = moves.operator()
    if not terminal.confirm(f"Record it as {who.login or who.id}?", yes=yes):
        terminal.say("nothing was recorded")
        return ExitCode.NO
    done = acceptor.accept(one, other, who=who, reason=reason)
    terminal.out(("✓ ", GOOD), f"recorded as entry {done.index}: the ledger goes on from {other[:12]}")
    terminal.next("stagewright sync --once", "go on from there")
    return ExitCode.YES


def _show(terminal: Terminal, found: "Acceptance") -> None:
    terminal.out(f"from {found.before}, to {found.after}, for the ledger {found.origin}")
    terminal.out((f"  {found.left} commits are left, {found.gained} are new; subject {found.subject}", QUIET))
    for key in found.changed:
        terminal.out(("~ ", CHANGED), f"{key}  is declared otherwise there, and refused until it is proposed anew")
    for key in found.gone:
        terminal.out(("~ ", CHANGED), f"{key}  waits on a step that is left, and is refused")
    for requirement in found.evaluation.requirements:
        good = requirement.state == "satisfied"
        terminal.out(("✓ ", GOOD) if good else ("… ", WAIT), f"{requirement.name}: {requirement.detail}")
    for line in found.evaluation.sign_offs:
        if not line.counted:
            terminal.out(("✗ ", BAD), f"{line.decision} of {line.person or 'somebody'} does not count: {line.reason}")


def _missing(
    terminal: Terminal,
    settings: "RegistrySync",
    found: "Acceptance",
    reason: str,
    *,
    yes: bool,
    dry_run: bool,
    clone: Path,
    key: Path | None,
) -> ExitCode:
    from stagewright import bootstrap
    from stagewright.bootstrap import moves

    if settings.forge == "git":
        terminal.next(f"stagewright approve --history {found.before}..{found.after}", "by each of those named above")
        return ExitCode.PENDING
    if found.carrier is not None:
        terminal.say(f"pull request {found.carrier} is approved on its page; it need not be merged")
        return ExitCode.PENDING
    if dry_run or not terminal.confirm("Open the pull request whose approvals count for it?", yes=yes):
        terminal.say("nothing was opened")
        return ExitCode.PENDING
    opened = moves.ask_on_forge(settings, bootstrap.workspace(clone, signing_key=key), found, reason)
    terminal.out(("✓ ", GOOD), f"opened {opened.url}")
    terminal.say(
        "it is approved on its page, by each of those named above; then run this again. Do not merge it before"
    )
    return ExitCode.PENDING
