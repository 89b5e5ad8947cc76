"""`stagewright digest`: the artifact digest of a folder or of a registered version."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Config, Format
from stagewright.cli.terminal import Output, Terminal

EXAMPLES = """
    stagewright digest ./model
    stagewright digest credit-risk@9
    stagewright digest credit-risk@9 -o json
    find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum     # the same by hand
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestView:
    """A digest and what it is of. `evidence` is that of a registered version."""

    target: str
    digest: str
    evidence: str | None = None
    status: str | None = None
    run_id: str | None = None
    model_id: str | None = None
    source: str | None = None


def digest(
    terminal: Terminal,
    *,
    target: Annotated[str, typer.Argument(metavar="PATH|MODEL@VERSION", help="A folder, or a registered version.")],
    download: Annotated[
        bool, typer.Option("--download", help="PATH was downloaded by MLflow: leave out the file that its client adds.")
    ] = False,
    output: Format = Output.TABLE,
    config: Config = None,
) -> ExitCode:
    """Compute the artifact digest of a folder or of a version.

    It is the SHA-256 over the lines of `sha256sum` of every file, sorted by the bytes of the path.
    """
    with terminal.busy("hashing"):
        if Path(target).is_dir():
            from stagewright import bootstrap

            view = DigestView(target=target, digest=bootstrap.folder_digest(Path(target), download=download))
        else:
            view = _registered(target, config)
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "Digest", view)
        case Output.WIDE:
            for name, text in (
                ("digest", view.digest),
                ("evidence", view.evidence),
                ("status", view.status),
                ("run", view.run_id),
                ("model id", view.model_id),
                ("source", view.source),
            ):
                if text is not None:
                    terminal.out((f"{name:<10}", "bold"), text)
        case _:
            terminal.out(view.digest)
    return ExitCode.YES


def _registered(target: str, config: str | None) -> DigestView:
    import os
    import re

    from stagewright import bootstrap
    from stagewright.errors import InvalidError, NotFoundError, UsageError

    found = re.fullmatch(r"(.+)@([1-9][0-9]*)", target)
    if found is None:
        raise UsageError(
            f"{target!r} is neither a folder nor a registered version", hint="write PATH, or MODEL@VERSION as in MLflow"
        )
    facts = bootstrap.registry_of(bootstrap.load_config(config), os.environ).version_facts(found[1], int(found[2]))
    if facts is None:
        raise NotFoundError(f"MLflow has no version {found[2]} of {found[1]!r}", hint="give its name as MLflow has it")
    if facts.digest is None:
        raise InvalidError(f"{target} has no artifact digest: {facts.flaw}", hint="see that its artifacts can be read")
    return DigestView(
        target=target,
        digest=facts.digest,
        evidence=facts.evidence,
        status=facts.status,
        run_id=facts.run_id,
        model_id=facts.model_id,
        source=facts.source,
    )
