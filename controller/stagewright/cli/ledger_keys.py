"""`stagewright ledger create-keys`: the ledger's keys as a Secret in a cluster."""

from typing import Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.terminal import GOOD, Terminal

EXAMPLES = """
    stagewright ledger create-keys --secret stagewright-ledger-keys
    stagewright ledger create-keys --secret stagewright-ledger-keys --namespace ml --kubeconfig ~/.kube/config
"""

Kubeconfig = Annotated[
    str | None,
    typer.Option("--kubeconfig", metavar="FILE", help="How to reach the cluster; by default as the pod that this is."),
]


def create_keys(
    terminal: Terminal,
    *,
    secret: Annotated[str, typer.Option("--secret", metavar="NAME", help="The Secret's name.")],
    namespaces: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", metavar="NAME", help="Where, any number; by default in this pod's."),
    ] = None,
    kubeconfig: Kubeconfig = None,
) -> ExitCode:
    """Make the Secret with a ledger's two keys in a cluster, where it is missing.

    One that is there is never changed, and no key is ever printed. Keep a copy where you keep your keys: with them
    gone, the ledger can be verified and no longer be written.
    """
    from stagewright.bootstrap.cluster import create_key_secrets

    for namespace, answer in create_key_secrets(kubeconfig, namespaces or [], secret):
        terminal.out(("✓ ", GOOD), f"{namespace}/{secret}: {answer}")
    return ExitCode.YES
