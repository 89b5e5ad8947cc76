"""`stagewright sync`: make MLflow match what was signed off, once or again and again."""

from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Config
from stagewright.cli.terminal import BAD, GOOD, QUIET, WAIT, Output, Terminal

if TYPE_CHECKING:
    from stagewright.app.apply import Applied
    from stagewright.app.sync import SyncReport

EXAMPLES = """
    stagewright sync --once
    stagewright sync --once --trust-root 4f1c… --config registrysync.yaml
    stagewright sync --watch --interval 30
    stagewright sync --watch --webhook 127.0.0.1:9000
"""


def sync(
    terminal: Terminal,
    *,
    once: Annotated[bool, typer.Option("--once/--watch", help="Sync once, or go on at every interval.")] = True,
    interval: Annotated[
        float | None, typer.Option("--interval", min=1, metavar="SECONDS", help="By default as configured.")
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", metavar="ADDR", help="With --watch: where to listen for the forge's webhooks."),
    ] = None,
    trust_root: Annotated[
        str | None, typer.Option("--trust-root", metavar="SHA", help="The commit that a new ledger begins from.")
    ] = None,
    take_over: Annotated[
        bool,
        typer.Option("--take-over", help="Go on with a ledger that a controller in a cluster wrote, gone for good."),
    ] = False,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the answer.")] = Output.TABLE,
    config: Config = None,
) -> ExitCode:
    """Judge what was merged; make MLflow match what is authorized.

    The first sync begins the ledger from the trust root and adopts what MLflow holds then. Exit code 0 also when
    promotions wait for sign-offs or were refused: `stagewright status` tells. 1: stalled, or a version is blocked
    since it is not what was signed off. 3: something did not answer; what was not done is done by the next sync.
    With --watch, SIGTERM ends after the sync that is running, and SIGUSR1 begins the next one at once; so does a
    webhook, which is believed nothing else.
    """
    from contextlib import nullcontext
    from dataclasses import replace

    from stagewright import bootstrap
    from stagewright.cli.plan import rehearsal
    from stagewright.errors import UsageError

    if webhook is not None and once:
        raise UsageError("a webhook wakes a loop, and there is none", hint="add --watch")
    settings = bootstrap.load_config(config)
    if trust_root is not None:
        settings = replace(settings, trust_root=full_commit(trust_root))
    if settings.suspend:
        terminal.say("suspended: the configuration says `suspend: true`, so nothing is done")
        return ExitCode.YES
    if settings.dry_run:
        terminal.say("dry run: the configuration says `dryRun: true`, so nothing is written")
        return rehearsal(terminal, settings, output=output, differences_matter=False)
    syncer = bootstrap.syncer(settings, take_over=take_over)
    if once:
        with terminal.busy("syncing"):
            report = syncer.sync()
        return tell(terminal, report, output)
    from stagewright.cli.watch import Watch

    seconds = interval or settings.interval.total_seconds()
    watch = Watch(seconds)
    with nullcontext() if webhook is None else bootstrap.webhook_listener(settings, webhook, watch.wake) as door:
        if door is not None:
            terminal.say(f"listening for webhooks on port {door.port}, at /webhook")
        terminal.say(f"watching {settings.url} every {seconds:g} s; Ctrl-C ends it")
        return watch.run(lambda: tell(terminal, syncer.sync(), output), terminal)


def tell(terminal: Terminal, report: "SyncReport", output: Output) -> ExitCode:
    """Print what a sync found and did, and what that comes to."""
    from stagewright.cli.sync_report import view_of

    if output in {Output.JSON, Output.YAML}:
        terminal.document(output, "SyncReport", view_of(report))
    elif output is Output.NAME:
        for name in dict.fromkeys(str(a.pair.key) for a in report.applied if a.result == "applied"):
            terminal.out(name)
    else:
        _lines(terminal, report, wide=output is Output.WIDE)
    if report.stalled and not report.rebind:
        terminal.next(
            f"stagewright history accept --from {report.revision} --to {report.head} --reason TEXT",
            "if that was on purpose; else put the branch back",
        )
    if report.rebind:
        terminal.next("stagewright ledger rebind --reason TEXT", "if it was moved on purpose; else put it back")
    if any(v.answer != "approved" for v in report.verdicts):
        terminal.next("stagewright status", "what is missing, and who can give it")
    return code_of(report)


def code_of(report: "SyncReport") -> ExitCode:
    """The exit code of a sync, the gravest first."""
    if report.stalled:
        return ExitCode.NO
    last = {applied.pair.key: applied.result for applied in report.applied}
    if report.waiting or {"failed", "unknown", "none"} & set(last.values()):
        return ExitCode.UNKNOWN
    return ExitCode.NO if report.blocked or "blocked" in last.values() else ExitCode.YES


def _lines(terminal: Terminal, report: "SyncReport", *, wide: bool) -> None:
    from stagewright.cli.verdicts import show

    if report.began:
        terminal.out(
            ("✓ began    ", GOOD), f"  the ledger, from commit {report.revision[:12]}; nothing changes in MLflow"
        )
    for index, result in report.recovered:
        terminal.out(("✓ closed   ", GOOD), f"  intent {index}, left open by an earlier sync, by reading: {result}")
    if report.observed:
        terminal.out(("✓ seen     ", GOOD), f"  {report.observed} signed decision{'s' * (report.observed > 1)}")
    for verdict in report.verdicts:
        show(terminal, verdict, before=verdict.promotion.before, wide=wide)
    for applied in report.applied:
        _action(terminal, applied)
    already = {a.pair.key for a in report.applied if a.result == "blocked"}
    for blocked in report.blocked:
        if blocked.key not in already:
            terminal.out(("✗ blocked  ", BAD), f"  {blocked.key}  {blocked.reason}")
    for problem in report.problems:
        terminal.out(("✗ invalid  ", BAD), f"  {problem.file}:{problem.line}:{problem.column}: {problem.reason}")
        if problem.hint:
            terminal.say(("  hint: ", "bold"), problem.hint)
    if report.stalled:
        terminal.out(("✗ stalled  ", BAD), f"  {report.stalled}")
    if report.waiting:
        terminal.out(("… waiting  ", WAIT), f"  {report.waiting}")
    done = (report.began, report.recovered, report.verdicts, report.applied, report.blocked, report.problems)
    if not any(done) and not report.stalled and not report.waiting:
        terminal.out(("✓ ", GOOD), "nothing to do: MLflow holds what is authorized")
    terminal.say(
        (f"at {report.revision[:12]}, ledger {report.ledger_size} entries, {report.unmanaged} aliases unmanaged", QUIET)
    )


def _action(terminal: Terminal, applied: "Applied") -> None:
    pair = applied.pair
    moves = ", ".join(f"{a.target}: {a.before or 'nobody'} → {a.after or 'nobody'}" for a in pair.actions)
    why = "drift corrected" if pair.drift else f"promotion {pair.cause[:12]}"
    match applied.result:
        case "applied":
            text = moves or "the registry held it already"
            terminal.out(("✓ applied  ", GOOD), f"  {pair.key}  {text}  ({why}, intent {applied.intent})")
        case "reported":
            terminal.out(("… reported ", WAIT), f"  {pair.key}  {moves or 'nothing to move'}  ({applied.detail})")
        case result:
            terminal.out((f"✗ {result:<9}", BAD), f"  {pair.key}  {moves}  {applied.detail}")


def full_commit(text: str) -> str:
    """A whole commit id, as given. UsageError for anything shorter."""
    import re

    from stagewright.errors import UsageError

    if not re.fullmatch("[0-9a-f]{40}", text):
        raise UsageError(f"{text!r} is no whole commit id", hint="give all 40 hexadecimal digits, as `git rev-parse`")
    return text
