"""`stagewright import`: what the registry holds, written down as documents that change nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import BranchName, Clone, Config, DryRun, SigningKey
from stagewright.cli.terminal import NEW, Terminal

if TYPE_CHECKING:
    from stagewright.adapters.git.workspace import Workspace
    from stagewright.model.sync import RegistrySync

EXAMPLES = """
    stagewright import
    stagewright import credit-risk --risk-tier high --owner @cody --purpose "Score credit" --card cards/credit-risk.md
    stagewright import --out /tmp/look
"""


def adopt(
    terminal: Terminal,
    *,
    models: Annotated[list[str] | None, typer.Argument(metavar="MODEL...", help="Registered models; all.")] = None,
    risk_tier: Annotated[str, typer.Option("--risk-tier", metavar="TIER", help="low, medium or high.")] = "high",
    owner: Annotated[str | None, typer.Option("--owner", metavar="WHO", help="Who answers for them.")] = None,
    purpose: Annotated[str | None, typer.Option("--purpose", metavar="TEXT", help="What one model is for.")] = None,
    card: Annotated[
        str | None, typer.Option("--card", metavar="PATH", help="The card of one model; taken along from the clone.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the files there, and no more.")
    ] = None,
    branch: BranchName = None,
    dry_run: DryRun = False,
    clone: Clone = Path(),
    signing_key: SigningKey = None,
    config: Config = None,
) -> ExitCode:
    """Write down what MLflow holds now, in mode observe.

    Every model that holds a governed stage and is not declared yet gets a document; nothing changes in MLflow. While
    there is no ledger yet, the documents are committed straight to the branch, and that commit becomes the trust
    root; afterwards they are pushed as a branch, to be reviewed as everything else.
    """
    from stagewright import bootstrap
    from stagewright.app.proposals import Described
    from stagewright.app.scaffold import with_trust_root
    from stagewright.errors import UsageError
    from stagewright.model.desired import TIERS

    tier = next((known for known in TIERS if known == risk_tier), None)
    if tier is None:
        raise UsageError(f"{risk_tier!r} is no risk tier", hint=f"there are {', '.join(TIERS)}")
    if (purpose or card) and len(models or ()) != 1:
        raise UsageError(
            "--purpose and --card are of one model", hint="name that MODEL, and import the others after it"
        )
    settings = bootstrap.load_config(config, start=clone)
    workspace = bootstrap.workspace(clone, signing_key=signing_key)
    proposer = bootstrap.proposer(settings, workspace)
    along = bootstrap.card_files(settings, workspace, card)
    described = Described(risk_tier=tier, owner=owner, purpose=purpose, card=card)
    with terminal.busy("reading the registry and hashing artifacts"):
        documents = proposer.adopt(tuple(models or ()), described)
    if not documents:
        terminal.say("nothing to import: no undeclared model holds a governed stage")
        return ExitCode.YES
    for path in documents:
        terminal.out(("+ ", NEW), path)
    files = documents | along
    if out is not None:
        for path, text in files.items():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_text(text, encoding="utf-8")
        return ExitCode.YES
    if dry_run:
        return ExitCode.YES
    names = [Path(path).stem for path in documents]
    message = f"Import {', '.join(names)}\n\nWhat MLflow holds now, in mode observe.\n"
    why = "as --branch asks" if branch is not None else bootstrap.past_beginning(settings)
    if why:
        branch = branch or f"import/{names[0] if len(names) == 1 else f'{len(names)}-models'}"
        proposer.push(files, branch=branch, message=message)
        terminal.say(f"pushed as {branch}, to be reviewed: {why}")
        if settings.forge != "git":
            from stagewright.cli.pulls import open_pull

            title, _, body = message.partition("\n\n")
            return open_pull(terminal, settings, branch, title, body)
        terminal.next(f"stagewright check {branch}", "what it would come to, and who must sign off")
        return ExitCode.YES
    place = bootstrap.find_config(config, start=clone)
    # looked at before anything is pushed: that the trust root can be set afterwards
    with_trust_root(place.read_text(encoding="utf-8"), "0" * 40, folder=str(place.resolve().parent))
    commit = proposer.push(files, branch=settings.branch, message=message)
    _begin_there(terminal, settings, workspace, commit, place, tuple(along))
    return ExitCode.YES


def _begin_there(
    terminal: Terminal,
    settings: "RegistrySync",
    workspace: "Workspace",
    commit: str,
    config: Path,
    along: tuple[str, ...],
) -> None:
    """Name the commit as the trust root, and bring the clone's work tree to it."""
    from stagewright.app.scaffold import with_trust_root
    from stagewright.errors import UsageError

    text = config.read_text(encoding="utf-8")
    config.write_text(with_trust_root(text, commit, folder=str(config.resolve().parent)), encoding="utf-8")
    terminal.say(
        f"committed straight to {settings.branch}: nothing was recorded yet, and you are naming a new trust root, "
        f"{commit[:12]}, in {config}"
    )
    try:
        workspace.fetch()
        workspace.checkout(settings.branch, along=along)
    except UsageError as error:
        terminal.warn(f"the work tree was left as it is: {error}")
    terminal.next("stagewright sync --once", "begin the ledger; nothing changes in MLflow")
