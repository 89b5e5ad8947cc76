"""`stagewright trace` and `stagewright history`: where what runs comes from, and what happened to a model."""

from typing import Annotated

import typer

from stagewright.cli.completion import model_names
from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Config, Format
from stagewright.cli.terminal import QUIET, WAIT, Output, Terminal

EXAMPLES = """
    stagewright trace credit-risk@Production
    stagewright trace credit-risk@Production -o json
"""
HISTORY_EXAMPLES = """
    stagewright history credit-risk
"""


def trace(
    terminal: Terminal,
    *,
    selector: Annotated[str, typer.Argument(metavar="MODEL@STAGE", help="The pair to trace.")],
    output: Format = Output.TABLE,
    config: Config = None,
) -> ExitCode:
    """Follow what runs in a stage back to its data.

    Hops: data set, run, artifact, version, promotion, approvals, registry, ledger. A hop that nobody recorded is
    shown as missing.
    """
    from stagewright import bootstrap
    from stagewright.app.trace import MISSING, parse_selector
    from stagewright.app.trace import trace as follow
    from stagewright.app.view import look

    key = parse_selector(selector)
    with terminal.busy("reading ledger and registry"):
        found = follow(look(bootstrap.sight(bootstrap.load_config(config))), key)
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "Trace", found)
        case Output.NAME:
            terminal.out(next(hop.text for hop in found.hops if hop.name == "version"))
        case _:
            terminal.out((f"{found.model}@{found.stage}", "bold"), f"  version {found.version}")
            for hop in found.hops:
                entries = f"  ledger {', '.join(str(index) for index in hop.entries)}" if hop.entries else ""
                style = WAIT if hop.text == MISSING else ""
                terminal.out((f"  {hop.name:<16}", "bold"), (hop.text, style), (entries, QUIET))
                for line in hop.detail:
                    terminal.out((f"  {'':<16}{line}", QUIET))
            terminal.out((f"  {'ledger':<16}", "bold"), f"{found.ledger_size} entries, root {found.root}")
    return ExitCode.YES


def history(
    terminal: Terminal,
    *,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The model, as its document is named.", autocompletion=model_names)
    ],
    output: Format = Output.TABLE,
    config: Config = None,
) -> ExitCode:
    """List everything the ledger says about a model, oldest first."""
    from stagewright import bootstrap
    from stagewright.app.trace import history as recount
    from stagewright.app.view import look

    with terminal.busy("reading the ledger"):
        events = recount(look(bootstrap.sight(bootstrap.load_config(config))), model)
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "History", events)
        case Output.NAME:
            for event in events:
                terminal.out(str(event.index))
        case _:
            rows = [[str(event.index), event.at, event.kind, event.key, event.text] for event in events]
            terminal.table(["INDEX", "TIME (UTC)", "KIND", "KEY", "WHAT"], rows)
    return ExitCode.YES
