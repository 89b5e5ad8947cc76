"""`stagewright promote` and `stagewright mode`: a change of one model, as a signed commit on a branch of its own."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.completion import model_names
from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import BranchName, Clone, Config, DryRun, Reason, SigningKey, Yes
from stagewright.cli.terminal import GONE, GOOD, NEW, Terminal

if TYPE_CHECKING:
    from stagewright.app.proposals import Described, Proposal, Proposer
    from stagewright.model.sync import RegistrySync

EXAMPLES = """
    stagewright promote credit-risk --version 9 --to Staging --reason "Retrained on the October data"
    stagewright promote credit-risk --to Production --refresh --reason "A metric was corrected in MLflow"
    stagewright promote credit-risk --none --to Production --reason "Taken out of service"
"""
MODE_EXAMPLES = """
    stagewright mode credit-risk enforce --reason "A week of observing went well"
"""


def promote(
    terminal: Terminal,
    *,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The model, as its document is named.", autocompletion=model_names)
    ],
    to: Annotated[str, typer.Option("--to", metavar="STAGE", help="The stage it is to hold.")],
    version: Annotated[int | None, typer.Option("--version", min=1, help="The version in MLflow.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Nobody is to hold the stage.")] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="The same version, pinned as MLflow shows it now.")
    ] = False,
    reason: Reason = "",
    trainer: Annotated[
        str | None, typer.Option("--trainer", metavar="@LOGIN", help="Who trained it, if MLflow does not know.")
    ] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="WHO", help="New model: who answers for it.")] = None,
    purpose: Annotated[str | None, typer.Option("--purpose", metavar="TEXT", help="New model: what it is for.")] = None,
    risk_tier: Annotated[
        str | None, typer.Option("--risk-tier", metavar="TIER", help="New model: low, medium or high.")
    ] = None,
    card: Annotated[
        str | None, typer.Option("--card", metavar="PATH", help="New model: its card; taken along from the clone.")
    ] = None,
    registered_model: Annotated[
        str | None,
        typer.Option("--registered-model", metavar="NAME", help="New model: its name in MLflow, if another."),
    ] = None,
    branch: BranchName = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    clone: Clone = Path(),
    signing_key: SigningKey = None,
    config: Config = None,
) -> ExitCode:
    """Propose that a version holds a stage.

    Every pin is filled in from MLflow as it is now. The proposal is a signed commit on a new branch. It changes
    nothing in MLflow: people review it and sign it off, somebody merges it with `git merge --no-ff`, and the next
    sync carries it out. On a forge with accounts its pull request is opened, too; doing it again finds that one.
    """
    from stagewright import bootstrap
    from stagewright.errors import UsageError

    if (version is not None) + none + refresh != 1:
        raise UsageError("say what is to hold the stage", hint="one of --version N, --none and --refresh")
    _require_reason(reason, dry_run=dry_run)
    settings = bootstrap.load_config(config, start=clone)
    workspace = bootstrap.workspace(clone, signing_key=signing_key)
    proposer = bootstrap.proposer(settings, workspace)
    new = _described(owner, purpose, risk_tier, card, registered_model)
    along = bootstrap.card_files(settings, workspace, card)

    with terminal.busy("reading MLflow and hashing the artifacts"):
        proposal = proposer.promote(
            model, to, version=version, reason=reason, trainer=trainer, new=new, refresh=refresh, along=along
        )
    proposal = replace(proposal, branch=branch or proposal.branch)
    return _propose(terminal, settings, proposer, proposal, reason=reason, dry_run=dry_run, yes=yes)


def mode(
    terminal: Terminal,
    *,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The model, as its document is named.", autocompletion=model_names)
    ],
    wanted: Annotated[str, typer.Argument(metavar="MODE", help="observe, report or enforce.")],
    reason: Reason = "",
    branch: BranchName = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    clone: Clone = Path(),
    signing_key: SigningKey = None,
    config: Config = None,
) -> ExitCode:
    """Propose another mode: what may be written for a model.

    observe: nothing. report: promotions are applied, drift is only reported. enforce: drift is corrected, too.
    """
    from stagewright import bootstrap
    from stagewright.errors import UsageError
    from stagewright.model.desired import MODES

    known = next((m for m in MODES if m == wanted), None)
    if known is None:
        raise UsageError(f"{wanted!r} is no mode", hint=f"there are {', '.join(MODES)}")
    _require_reason(reason, dry_run=dry_run)
    settings = bootstrap.load_config(config, start=clone)
    workspace = bootstrap.workspace(clone, signing_key=signing_key)
    proposer = bootstrap.proposer(settings, workspace)
    proposal = proposer.set_mode(model, known, reason=reason)
    proposal = replace(proposal, branch=branch or proposal.branch)
    return _propose(terminal, settings, proposer, proposal, reason=reason, dry_run=dry_run, yes=yes)


def _propose(
    terminal: Terminal,
    settings: "RegistrySync",
    proposer: "Proposer",
    proposal: "Proposal",
    *,
    reason: str,
    dry_run: bool,
    yes: bool,
) -> ExitCode:
    """Show the change, ask, and push just that; on a forge with accounts open its pull request."""
    _show(terminal, proposal)
    if dry_run:
        return ExitCode.YES
    if not terminal.confirm(f"Push this as {proposal.branch}?", yes=yes):
        terminal.say("nothing was pushed")
        return ExitCode.NO
    commit = proposer.submit(proposal)
    terminal.out(("✓ ", GOOD), f"pushed {proposal.branch} at commit {commit[:12]}")
    if settings.forge != "git":
        from stagewright.app.proposals import pull_text
        from stagewright.cli.pulls import open_pull

        return open_pull(terminal, settings, proposal.branch, *pull_text(proposal, reason))
    terminal.next(f"stagewright check {proposal.branch}", "what it would come to, and who must sign off")
    terminal.next(f"stagewright approve {proposal.branch}", "by each reviewer, then merge it with git merge --no-ff")
    return ExitCode.YES


def _show(terminal: Terminal, proposal: "Proposal") -> None:
    import difflib

    before, after = proposal.before.splitlines(), proposal.after.splitlines()
    for line in difflib.unified_diff(before, after, proposal.file, proposal.file, lineterm="", n=2):
        style = {"+": NEW, "-": GONE}.get(line[:1], "")
        terminal.out((line, style))


def _described(
    owner: str | None, purpose: str | None, risk_tier: str | None, card: str | None, registered_model: str | None
) -> "Described | None":
    from stagewright.app.proposals import Described
    from stagewright.errors import UsageError
    from stagewright.model.desired import TIERS

    if risk_tier is None:
        if owner or purpose or card or registered_model:
            raise UsageError("a new model needs its --risk-tier", hint=f"there are {', '.join(TIERS)}")
        return None
    tier = next((known for known in TIERS if known == risk_tier), None)
    if tier is None:
        raise UsageError(f"{risk_tier!r} is no risk tier", hint=f"there are {', '.join(TIERS)}")
    return Described(risk_tier=tier, owner=owner, purpose=purpose, card=card, registered_model=registered_model)


def _require_reason(reason: str, *, dry_run: bool) -> None:
    from stagewright.errors import UsageError

    if not reason.strip() and not dry_run:
        raise UsageError("a change needs its reason", hint="say it with --reason; it is kept with the change")
