"""`stagewright status`: each governed pair, what is asked for, authorized and there, and why they differ."""

from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Config, DifferencesMatter, Format
from stagewright.cli.terminal import BAD, GOOD, QUIET, WAIT, Output, Part, Terminal

if TYPE_CHECKING:
    from stagewright.app.status import Row, Status

EXAMPLES = """
    stagewright status
    stagewright status -o json | jq '.rows[] | select(.state != "Synced")'
    stagewright status --exit-code
    stagewright status --pr 7
"""

_STATES = {
    "Synced": ("✓", GOOD),
    "Pending": ("…", WAIT),
    "Behind": ("…", WAIT),
    "Differs": ("…", WAIT),
    "Unauthorized": ("!", WAIT),
    "Drifted": ("!", WAIT),
    "Refused": ("✗", BAD),
    "Blocked": ("✗", BAD),
}


def status(
    terminal: Terminal,
    *,
    pull: Annotated[
        int | None, typer.Option("--pr", min=1, metavar="N", help="Only this pull request of the forge.")
    ] = None,
    output: Format = Output.TABLE,
    differences_matter: DifferencesMatter = False,
    config: Config = None,
) -> ExitCode:
    """Show what is declared, authorized and there, and why so.

    DECLARED is what the branch asks for, AUTHORIZED what was signed off, ACTUAL what MLflow shows. Below a pair that
    is not Synced stands what is missing and who can give it. With --exit-code: 0 all synced, 1 something differs,
    8 nothing is wrong but sign-offs are missing. With --pr: what became of a merged pull request, or what an open one
    would come to.
    """
    from stagewright import bootstrap
    from stagewright.app.status import status as observe
    from stagewright.app.view import look

    settings = bootstrap.load_config(config)
    if pull is not None:
        from stagewright.cli.pulls import show_pull

        code = show_pull(terminal, settings, pull, output)
        return code if differences_matter else ExitCode.YES
    with terminal.busy("reading git, ledger and registry"):
        found = observe(look(bootstrap.sight(settings)))
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "Status", found)
        case Output.NAME:
            for row in found.rows:
                terminal.out(row.key)
        case _:
            _table(terminal, found, wide=output is Output.WIDE)
    return _code(found) if differences_matter else ExitCode.YES


def _code(found: "Status") -> ExitCode:
    states = {row.state for row in found.rows} - {"Synced"}
    if found.stalled or found.problems or states - {"Pending"}:
        return ExitCode.NO
    return ExitCode.PENDING if states else ExitCode.YES


def _table(terminal: Terminal, found: "Status", *, wide: bool) -> None:
    if found.stalled:
        terminal.out(("✗ stalled: ", BAD), found.stalled)
    if found.away:
        terminal.warn(f"the repository did not answer, so this is as of the last fetch: {found.away}")
    headings = ["MODEL", "STAGE", "MODE", "DECLARED", "AUTHORIZED", "ACTUAL", "STATE", *(["PROMOTION"] if wide else [])]
    cells: list[list[Part]] = [_cells(row, wide=wide) for row in found.rows]
    terminal.table(headings, cells)
    for row in found.rows:
        if row.state != "Synced":
            _why(terminal, row)
    for problem in found.problems:
        terminal.out(("✗ invalid ", BAD), f"{problem.file}:{problem.line}:{problem.column}: {problem.reason}")
        terminal.out((f"    the last valid one counts; {problem.hint}", QUIET))
    if wide:
        for alarm in found.alarms:
            terminal.out(("! alarm ", WAIT), f"{alarm.type}: {alarm.message}")
    summary = (
        f"{found.name}: at {found.revision[:12]}, {found.behind} commits behind, ledger {found.ledger_size} entries"
    )
    terminal.say((f"{summary}, {found.unmanaged} aliases unmanaged", QUIET))
    if found.behind:
        terminal.next("stagewright sync --once", "judge what was merged since")


def _cells(row: "Row", *, wide: bool) -> list[Part]:
    mark, style = _STATES[row.state]
    state: Part = (f"{mark} {row.state}", style)
    plain = [row.model, row.stage or "-", row.mode, row.declared, row.authorized, row.actual]
    return [*plain, state, *([row.promotion or "-"] if wide else [])]


def _why(terminal: Terminal, row: "Row") -> None:
    mark, style = _STATES[row.state]
    terminal.out((f"{mark} {row.key}: ", style), row.why if not row.waiting else f"{row.state.lower()}{_clock(row)}:")
    for waiting in row.waiting:
        sign, colour = ("✗", BAD) if waiting.state == "violated" else ("…", WAIT)
        terminal.out((f"    {sign} ", colour), f"{waiting.requirement}: {waiting.detail}")


def _clock(row: "Row") -> str:
    if row.since is None:
        return ""
    target = f", target for the review {row.due:%Y-%m-%d %H:%M} UTC" if row.due is not None else ""
    return f" since {row.since:%Y-%m-%d %H:%M} UTC{target}{', which has passed' if row.overdue else ''}"
