"""`stagewright approve` and `stagewright reject`: a person's signed decision on what a branch proposes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Clone, Config, Reason, SigningKey, Yes
from stagewright.cli.terminal import CHANGED, GOOD, QUIET, Terminal

if TYPE_CHECKING:
    from stagewright.app.decisions import Proposed
    from stagewright.model.review import TagDecision
    from stagewright.model.sync import RegistrySync

EXAMPLES = """
    stagewright approve promote/credit-risk-staging-v9
    stagewright approve promote/credit-risk-staging-v9 --yes --reason "Back-tested on May"
    stagewright approve --pr 7
"""
REJECT_EXAMPLES = """
    stagewright reject promote/credit-risk-staging-v9 --reason "Trained on data from after the cut-off"
"""

Revision = Annotated[str | None, typer.Argument(metavar="REVISION", help="A branch or a commit.")]
History = Annotated[
    str | None,
    typer.Option(
        "--history", metavar="FROM..TO", help="A history to accept, as `stagewright history accept` names it."
    ),
]
Pull = Annotated[int | None, typer.Option("--pr", min=1, metavar="N", help="A pull request of a forge with accounts.")]


def approve(
    terminal: Terminal,
    *,
    revision: Revision = None,
    pull: Pull = None,
    history: History = None,
    reason: Reason = "",
    yes: Yes = False,
    clone: Clone = Path(),
    signing_key: SigningKey = None,
    config: Config = None,
) -> ExitCode:
    """Sign your approval of what a branch proposes.

    Each change is shown before you sign. The signature is an annotated tag on the commit, made with your SSH key; it
    holds for just these changes, and goes on holding when the branch is updated from main. It also withdraws your
    own earlier rejections of the same changes. On a forge with accounts it is a review of the pull request, in the name
    of your token's account.
    """
    if history is not None and revision is None and pull is None:
        text = reason or "Approved."
        return _history(terminal, history, "approve", text=text, yes=yes, clone=clone, key=signing_key, config=config)
    return _decide(
        terminal,
        revision,
        pull,
        "approve",
        text=reason or "Approved.",
        yes=yes,
        clone=clone,
        signing_key=signing_key,
        config=config,
    )


def reject(
    terminal: Terminal,
    *,
    revision: Revision = None,
    pull: Pull = None,
    history: History = None,
    reason: Reason = "",
    yes: Yes = False,
    clone: Clone = Path(),
    signing_key: SigningKey = None,
    config: Config = None,
) -> ExitCode:
    """Sign your rejection of what a branch proposes.

    A rejection of somebody entitled to approve stands until they withdraw it by approving, even if its tag is deleted.
    """
    from stagewright.errors import UsageError

    if not reason.strip():
        raise UsageError("a rejection needs its reason", hint="say it with --reason")
    if history is not None and revision is None and pull is None:
        return _history(terminal, history, "reject", text=reason, yes=yes, clone=clone, key=signing_key, config=config)
    return _decide(
        terminal,
        revision,
        pull,
        "reject",
        text=reason,
        yes=yes,
        clone=clone,
        signing_key=signing_key,
        config=config,
    )


def _decide(
    terminal: Terminal,
    revision: str | None,
    pull: int | None,
    decision: "TagDecision",
    *,
    text: str,
    yes: bool,
    clone: Path,
    signing_key: Path | None,
    config: str | None,
) -> ExitCode:
    from stagewright import bootstrap
    from stagewright.errors import UsageError

    settings = bootstrap.load_config(config, start=clone)
    if pull is not None and revision is None:
        return _review(terminal, settings, pull, decision, text=text, yes=yes)
    if revision is None or pull is not None:
        raise UsageError("say what is decided on", hint="name a branch or a commit, or a pull request with --pr N")
    if settings.forge != "git":
        raise UsageError(
            f"on {settings.forge} a pull request is reviewed, not a branch", hint="name its number with --pr N"
        )
    return _sign(terminal, settings, revision, decision, text=text, yes=yes, clone=clone, signing_key=signing_key)


def _sign(
    terminal: Terminal,
    settings: "RegistrySync",
    revision: str,
    decision: "TagDecision",
    *,
    text: str,
    yes: bool,
    clone: Path,
    signing_key: Path | None,
) -> ExitCode:
    from stagewright import bootstrap

    workspace = bootstrap.workspace(clone, signing_key=signing_key)
    decider = bootstrap.decider(settings, workspace)
    commit, origin, proposed = decider.proposed(revision)
    _, email = workspace.identity()
    _show(terminal, commit, origin, proposed)
    if not terminal.confirm(f"Sign as {email}: {decision}?", yes=yes):
        terminal.say("nothing was signed")
        return ExitCode.NO
    decided = decider.decide(
        commit,
        decision,
        text=text,
        key=bootstrap.own_key(workspace),
        shown=frozenset(change.subject for change in proposed),
    )
    terminal.out(("✓ ", GOOD), f"{decision} signed and pushed as tag object {decided.id}")
    for withdrawn in decided.withdraws:
        terminal.say(f"it withdraws your earlier rejection {withdrawn}")
    if decided.merged:
        terminal.next("stagewright sync --once", "judge it again; then `stagewright status` tells what is missing")
    else:
        terminal.next(f"stagewright check {revision}", "whether anything is still missing")
    return ExitCode.YES


def _history(
    terminal: Terminal,
    span: str,
    decision: "TagDecision",
    *,
    text: str,
    yes: bool,
    clone: Path,
    key: Path | None,
    config: str | None,
) -> ExitCode:
    from stagewright import bootstrap
    from stagewright.bootstrap import moves
    from stagewright.cli.sync import full_commit

    before, _, after = span.partition("..")
    settings = bootstrap.load_config(config, start=clone)
    workspace = bootstrap.workspace(clone, signing_key=key)
    decider = moves.history_decider(settings, workspace)
    shown = decider.shown(full_commit(before), full_commit(after))
    terminal.out(f"the ledger {shown.origin} goes on from commit {shown.after} instead of {shown.before}")
    for changed in shown.changed or ():
        terminal.out(("~ ", CHANGED), f"{changed}  is declared otherwise there, and refused until it is proposed anew")
    if shown.changed is None:
        terminal.warn(f"commit {shown.before[:12]} cannot be read here: what changes is not known")
    terminal.out((f"    subject {shown.subject}", QUIET))
    _, email = workspace.identity()
    if not terminal.confirm(f"Sign as {email}: {decision}?", yes=yes):
        terminal.say("nothing was signed")
        return ExitCode.NO
    made = decider.sign(shown, decision, text=text, key=bootstrap.own_key(workspace))
    terminal.out(("✓ ", GOOD), f"{decision} signed and pushed as tag object {made}")
    return ExitCode.YES


def _review(
    terminal: Terminal, settings: "RegistrySync", pull: int, decision: "TagDecision", *, text: str, yes: bool
) -> ExitCode:
    from stagewright import bootstrap

    reviewer = bootstrap.reviewer(settings)
    commit, origin, proposed = reviewer.proposed(pull)
    _show(terminal, commit, origin, proposed)
    login = reviewer.whoami().login
    if not terminal.confirm(f"Review pull request {pull} as @{login}: {decision}?", yes=yes):
        terminal.say("nothing was reviewed")
        return ExitCode.NO
    decided = reviewer.decide(pull, decision, text=text, shown=frozenset(change.subject for change in proposed))
    terminal.out(("✓ ", GOOD), f"{decision} as @{login}, review {decided.id} of pull request {pull}")
    terminal.next(f"stagewright status --pr {pull}", "whether anything is still missing")
    return ExitCode.YES


def _show(terminal: Terminal, commit: str, origin: str, proposed: "tuple[Proposed, ...]") -> None:
    from stagewright.core.wording import changes

    terminal.out(f"commit {commit} for the ledger {origin}")
    for change in proposed:
        terminal.out(("~ ", CHANGED), f"{change.key}  {changes(change.before, change.after)}")
        terminal.out((f"    subject {change.subject}", QUIET))
