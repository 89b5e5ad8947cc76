"""`stagewright ledger verify`: what a ledger proves by itself, step by step, without trusting who wrote it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Config, Format
from stagewright.cli.terminal import BAD, GOOD, QUIET, WAIT, Output, Terminal

if TYPE_CHECKING:
    from stagewright.ledger.report import Report, Step
    from stagewright.model.sync import RegistrySync

EXAMPLES = """
    stagewright ledger verify ./ledger --key sha256:0f3a…
    stagewright ledger verify ./ledger --key "$(cat log.vkey)" --checkpoint last-year.checkpoint
    stagewright ledger verify
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """A verification as programs read it."""

    verified: bool
    origin: str | None
    size: int | None
    root: str | None
    steps: "tuple[Step, ...]"
    proven: tuple[str, ...]
    asserted: tuple[str, ...]


def _settings(config: str | None, directory: Path | None) -> "RegistrySync | None":
    """The configuration, where there is one and the folder to verify is its own. UsageError when it must be there."""
    from stagewright import bootstrap
    from stagewright.errors import UsageError

    if directory is None:
        return bootstrap.load_config(config)
    try:
        found = bootstrap.load_config(config, start=directory)
    except UsageError:
        return None
    own = found.ledger_s3 is None and Path(found.ledger_directory).resolve() == directory.resolve()
    return found if own else None


def verify(
    terminal: Terminal,
    *,
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The ledger's folder; by default the configured one.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="The log's key, known from elsewhere: a verifier key or fingerprint."
        ),
    ] = None,
    entry_key: Annotated[
        str | None, typer.Option("--entry-key", metavar="FINGERPRINT", help="The key of the first entry, as well.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", metavar="FILE", help="An earlier checkpoint that must be contained. Repeatable."),
    ] = None,
    redacted: Annotated[
        list[str] | None,
        typer.Option("--redacted", metavar="DIGEST", help="Evidence that is known to be gone. Repeatable."),
    ] = None,
    output: Format = Output.TABLE,
    config: Config = None,
) -> ExitCode:
    """Verify a ledger offline: what is proven, what only asserted.

    It needs the folder and a key known from elsewhere. Without DIR the folder is the configuration's; where it is the
    configuration's, its key is the one that is expected when none is named.
    Exit codes: 0 every step holds. 1 one fails. 3 none fails, but one could not be done: a step that was skipped
    proves nothing.
    """
    from stagewright import bootstrap
    from stagewright.ledger.verification import verify as audit

    settings = _settings(config, directory)
    if settings is not None and key is None:
        key = bootstrap.own_log_key(settings)
        terminal.say((f"the log's key is pinned to spec.ledger.logKey of the configuration, sha256:{key}", QUIET))
    store = bootstrap.ledger_at(settings, directory)
    seen = [_read(path) for path in checkpoint or ()]
    with terminal.busy("verifying"):
        report = audit(
            store,
            log_key=key,
            checkpoints=seen,
            signoff_checker=bootstrap.SIGNOFF_CHECKER,
            entry_key=entry_key,
            redacted=tuple(redacted or ()),
        )
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "Report", _view(report))
        case Output.NAME:
            terminal.out(report.root or "")
        case _:
            _lines(terminal, report, wide=output is Output.WIDE)
    return code_of(report)


def code_of(report: "Report") -> ExitCode:
    """0 verified, 1 a step failed, 3 one was skipped."""
    from stagewright.ledger.report import Status

    if report.verified:
        return ExitCode.YES
    failed = any(step.status is Status.FAIL for step in report.steps)
    return ExitCode.NO if failed else ExitCode.UNKNOWN


def _view(report: "Report") -> ReportView:
    return ReportView(
        verified=report.verified,
        origin=report.origin,
        size=report.size,
        root=report.root,
        steps=report.steps,
        proven=report.proven,
        asserted=report.asserted,
    )


def _lines(terminal: Terminal, report: "Report", *, wide: bool) -> None:
    for step in report.steps:
        _step(terminal, step, wide=wide)
    if report.proven:
        terminal.out(("proven offline", "bold"))
        for text in report.proven:
            terminal.out(("  ✓ ", GOOD), text)
    if report.asserted:
        terminal.out(("only asserted by the controller", "bold"))
        for text in report.asserted:
            terminal.out(("  ? ", WAIT), text)
    match code_of(report):
        case ExitCode.YES:
            terminal.out(("✓ verified: ", GOOD), f"{report.origin}, {report.size} entries, root {report.root}")
        case ExitCode.NO:
            terminal.out(("✗ NOT verified: ", BAD), "at least one step fails")
        case _:
            terminal.out(("… not verified: ", WAIT), "nothing fails, but a step that was skipped proves nothing")
            terminal.say(("  hint: ", "bold"), "pin the log's key with --key, as you know it from elsewhere")


def _step(terminal: Terminal, step: "Step", *, wide: bool) -> None:
    from stagewright.ledger.report import Status

    style = {Status.OK: GOOD, Status.FAIL: BAD, Status.SKIPPED: WAIT, Status.NOT_APPLICABLE: QUIET}[step.status]
    terminal.out(f"{step.number:>2}  ", (f"{step.status.value:<14}", style), f"  {step.name}: {step.detail}")
    for finding in step.findings if wide else step.findings[1:6]:
        terminal.out((f"{'':>20}{finding.place}: {finding.reason}", style))
    if not wide and len(step.findings) > 6:
        terminal.out((f"{'':>20}and {len(step.findings) - 6} more: -o wide shows them", style))


def _read(path: Path) -> bytes:
    from stagewright.errors import UsageError

    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"the checkpoint {path} cannot be read: {error.strerror}", hint="name a file") from error
