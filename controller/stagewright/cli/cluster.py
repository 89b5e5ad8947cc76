"""`stagewright cluster`: is everything there that the controller rests on in its cluster?"""

from typing import Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.ledger_keys import Kubeconfig
from stagewright.cli.options import Format
from stagewright.cli.terminal import BAD, GOOD, Output, Terminal

EXAMPLES = """
    stagewright cluster
    stagewright cluster --namespaces ml,risk --health stagewright-metrics:8081
"""


def cluster(
    terminal: Terminal,
    *,
    output: Format = Output.TABLE,
    namespaces: Annotated[
        str, typer.Option("--namespaces", metavar="A,B", help="Those that are followed, * for all; default: the pod's.")
    ] = "",
    secrets: Annotated[
        str, typer.Option("--secrets", metavar="A,B", help="The Secrets that may be read; default: all.")
    ] = "",
    config_maps: Annotated[
        str, typer.Option("--config-maps", metavar="A,B", help="The ConfigMaps that may be read; default: all.")
    ] = "",
    lease_namespace: Annotated[
        str, typer.Option("--leader-election-namespace", metavar="NAME", help="Of the lease; default: the pod's.")
    ] = "",
    lease: Annotated[
        str, typer.Option("--leader-election-id", metavar="NAME", help="The lease's name.")
    ] = "stagewright",
    health: Annotated[
        str,
        typer.Option(
            "--health", metavar="HOST:PORT", help="Where the controller tells its health; left out: not asked."
        ),
    ] = "",
    kubeconfig: Kubeconfig = None,
) -> ExitCode:
    """Look at what the controller rests on in its cluster.

    It asks as whoever runs it: `helm test` does as the controller's service account. Each line says what was found, or
    how to mend it. All checks run, whatever the others find. Exit code 1 when one is not well.
    """
    from stagewright.app.doctor import examine
    from stagewright.bootstrap.cluster import installation_checks

    checks = installation_checks(
        kubeconfig,
        _names(namespaces),
        secrets=_names(secrets),
        config_maps=_names(config_maps),
        lease_namespace=lease_namespace,
        lease=lease,
        health=health,
    )
    findings = examine(checks)
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "Installation", findings)
        case Output.NAME:
            for finding in findings:
                if not finding.well:
                    terminal.out(finding.name)
        case _:
            for finding in findings:
                mark, style = ("✓", GOOD) if finding.well else ("✗", BAD)
                terminal.out((f"{mark} {finding.name:<16}", style), f" {finding.detail}")
                if finding.remedy:
                    terminal.out((f"  {'':<16}", ""), (" remedy: ", "bold"), finding.remedy)
    return ExitCode.YES if all(finding.well for finding in findings) else ExitCode.NO


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]
