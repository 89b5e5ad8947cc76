"""Pull requests on a forge with accounts: what one would come to, or what became of it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.terminal import BAD, GOOD, QUIET, WAIT, Output, Terminal

if TYPE_CHECKING:
    from stagewright.app.outcome_pages import MergedPull
    from stagewright.app.rehearsal import Predicted
    from stagewright.app.view import View
    from stagewright.model.sync import RegistrySync

_SIGNS = {"approved": ("✓", GOOD), "pending": ("…", WAIT), "refused": ("✗", BAD)}


def show_pull(terminal: Terminal, settings: "RegistrySync", number: int, output: Output) -> ExitCode:
    """Print what the ledger says became of a pull request; of one that it does not know, what it would come to."""
    from stagewright import bootstrap
    from stagewright.app.outcome_pages import merged_pull, newest_entries
    from stagewright.app.view import look
    from stagewright.cli.check import tell

    seeing = bootstrap.sight(settings)
    with terminal.busy("reading git, forge, ledger and registry"):
        view = look(seeing)
        known = number in newest_entries(view.memory)
        predicted = None if known else prediction(settings, view, number)
    if predicted is not None:
        return tell(terminal, predicted, f"--pr {number}", output)
    merged = merged_pull(view.memory, number)
    if output in {Output.JSON, Output.YAML}:
        terminal.document(output, "MergedPull", merged)
    else:
        _lines(terminal, merged, wide=output is Output.WIDE)
    answers = {one.answer for one in merged.promotions if not one.closed}
    if "refused" in answers or any(one.closed for one in merged.promotions):
        return ExitCode.NO
    return ExitCode.PENDING if "pending" in answers else ExitCode.YES


def prediction(settings: "RegistrySync", view: "View", number: int) -> "Predicted":
    """What an open pull request would come to, were it merged into the branch as it is now."""
    from stagewright import bootstrap
    from stagewright.app.rehearsal import predict
    from stagewright.errors import UnreachableError

    if view.head is None:
        raise UnreachableError(f"the repository did not answer: {view.away}", hint="try again")
    return predict(view, replace(bootstrap.pull_request(settings, number), first_parent=view.head))


def _lines(terminal: Terminal, merged: "MergedPull", *, wide: bool) -> None:
    terminal.out(f"pull request {merged.number}, merged as {merged.commit[:12]}")
    for one in merged.promotions:
        mark, style = ("-", QUIET) if one.closed else _SIGNS[one.answer]
        state = "superseded" if one.closed else one.answer
        terminal.out((f"{mark} {state:<10}", style), f"  {one.key}  {one.change}  (ledger entry {one.index})")
        for text in () if one.closed else one.lacking:
            terminal.out(("    … ", WAIT), text)
        for carried in one.carried:
            when = f"{carried.at:%Y-%m-%d %H:%M:%S} UTC, ledger entry {carried.index}"
            terminal.out((f"    {carried.result}", GOOD if carried.result == "applied" else BAD), f" {when}")
            for move in carried.moves if wide else ():
                terminal.out((f"      {move}", QUIET))


def open_pull(terminal: Terminal, settings: "RegistrySync", branch: str, title: str, body: str) -> ExitCode:
    """Open the pull request of a branch, or find its open one; print its address, and who has to approve it."""
    from stagewright import bootstrap
    from stagewright.errors import StagewrightError

    pull_requests = bootstrap.own_pull_requests(settings)
    assert pull_requests is not None
    link = pull_requests.open(branch, title=title, body=body)
    what = "opened" if link.created else "there is already"
    terminal.out(("✓ ", GOOD), f"{what} pull request {link.number}: {link.url}")
    try:
        _who_approves(terminal, settings, link.number)
    except StagewrightError as error:
        # a proposer need not have the ledger, nor see everybody's reviews
        terminal.say(f"who has to approve it, the controller says on its page ({error})")
    terminal.next(
        f"stagewright approve --pr {link.number}", "by each reviewer, or a review on the forge; then merge it"
    )
    return ExitCode.YES


def _who_approves(terminal: Terminal, settings: "RegistrySync", number: int) -> None:
    from stagewright import bootstrap
    from stagewright.app.view import look
    from stagewright.cli.verdicts import show

    predicted = prediction(settings, look(bootstrap.sight(settings)), number)
    incumbents = dict(predicted.incumbents)
    for verdict in predicted.verdicts:
        show(terminal, verdict, before=incumbents[str(verdict.promotion.key)])
