"""`stagewright plan`: what the next sync would decide and do."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Config, DifferencesMatter, Format
from stagewright.cli.terminal import BAD, CHANGED, GONE, GOOD, NEW, QUIET, WAIT, Output, Terminal

if TYPE_CHECKING:
    from stagewright.app.rehearsal import Rehearsed
    from stagewright.app.view import View
    from stagewright.cli.verdicts import VerdictView
    from stagewright.ledger.predicates import Requirement
    from stagewright.model.plan import Action, Blocked, PairPlan
    from stagewright.model.sync import RegistrySync

EXAMPLES = """
    stagewright plan
    stagewright plan --exit-code || echo "MLflow will change"
    stagewright plan -o json | jq '.pairs[].actions'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A promotion that the next sync would leave waiting, as it does now, with the requirements it lacks."""

    key: str
    promotion: str
    reason: str
    missing: "tuple[Requirement, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """The plan as programs read it."""

    head: str
    verdicts: "tuple[VerdictView, ...]"
    pending: "tuple[Pending, ...]"
    pairs: "tuple[PairPlan, ...]"
    blocked: "tuple[Blocked, ...]"
    unmanaged: int
    waiting: str


def plan(
    terminal: Terminal,
    *,
    output: Format = Output.TABLE,
    differences_matter: DifferencesMatter = False,
    config: Config = None,
) -> ExitCode:
    """Rehearse the next sync: its verdicts and its changes.

    Nothing is written. Lines begin with + (a version gets a stage nobody held), ~ (another version) and - (nobody
    holds it any more). With --exit-code: 0 MLflow stays as it is, 1 it would change or something is blocked.
    """
    from stagewright import bootstrap

    return rehearsal(terminal, bootstrap.load_config(config), output=output, differences_matter=differences_matter)


def rehearsal(terminal: Terminal, settings: "RegistrySync", *, output: Output, differences_matter: bool) -> ExitCode:
    """Rehearse and print."""
    from stagewright import bootstrap
    from stagewright.app.rehearsal import rehearse
    from stagewright.app.view import look
    from stagewright.cli import verdicts

    with terminal.busy("reading git, ledger and registry"):
        view = look(bootstrap.sight(settings))
        found = rehearse(view)
    pending = _pending(view, found)
    match output:
        case Output.JSON | Output.YAML:
            shown = PlanView(
                head=found.head,
                verdicts=tuple(verdicts.view_of(verdict) for verdict in found.verdicts),
                pending=pending,
                pairs=found.plan.pairs,
                blocked=found.plan.blocked,
                unmanaged=found.plan.unmanaged,
                waiting=found.waiting,
            )
            terminal.document(output, "Plan", shown)
        case Output.NAME:
            for pair in found.plan.pairs:
                terminal.out(str(pair.key))
        case _:
            _lines(terminal, found, pending, wide=output is Output.WIDE)
    if found.waiting:
        return ExitCode.UNKNOWN
    differs = found.plan.blocked or any(pair.actions and pair.write for pair in found.plan.pairs)
    return ExitCode.NO if differs and differences_matter else ExitCode.YES


def _pending(view: "View", found: "Rehearsed") -> tuple[Pending, ...]:
    """What waits already and goes on waiting; rehearsing has brought the view's memory up to date."""
    fresh = {verdict.promotion.id for verdict in found.verdicts}
    waiting = {str(key): view.memory.verdicts[open_.id][1] for key, open_ in view.memory.open.items()}
    return tuple(
        Pending(
            key=key,
            promotion=verdict.promotion,
            reason=verdict.reason,
            missing=tuple(r for r in verdict.requirements if r.state != "satisfied"),
        )
        for key, verdict in sorted(waiting.items())
        if verdict.promotion not in fresh
    )


def _lines(terminal: Terminal, found: "Rehearsed", pending: tuple[Pending, ...], *, wide: bool) -> None:
    from stagewright.cli.verdicts import show

    for verdict in found.verdicts:
        show(terminal, verdict, before=verdict.promotion.before, wide=wide)
    for waiting in pending:
        terminal.out(("… waits    ", WAIT), f"  {waiting.key}")
        for lack in waiting.missing:
            terminal.out(("    … ", WAIT), f"{lack.rule}: {lack.name}: {lack.detail}")
    for pair in found.plan.pairs:
        if pair.write:
            _pair(terminal, pair)
        else:
            terminal.out(("… ", WAIT), f"{pair.key}  differs, and the mode says to leave it: {_moves(pair)}")
    for blocked in found.plan.blocked:
        terminal.out(("✗ ", BAD), f"{blocked.key}  blocked: {blocked.reason}")
    if found.waiting:
        terminal.out(("… ", WAIT), f"the walk stops {found.waiting}")
    if not (found.verdicts or found.plan.pairs or found.plan.blocked or found.waiting):
        terminal.out(("✓ ", GOOD), "nothing to do: MLflow holds what is authorized")
    elif found.plan.pairs or found.verdicts:
        terminal.next("stagewright sync --once", "carry it out")


def _pair(terminal: Terminal, pair: "PairPlan") -> None:
    if not pair.actions:
        terminal.out(("= ", QUIET), f"{pair.key}  MLflow holds it already; it is recorded")
    for action in pair.actions:
        sign, style = _sign(action)
        cause = "drift" if pair.drift else f"promotion {pair.cause[:12]}"
        terminal.out((f"{sign} ", style), f"{pair.key}  {_move(action)}", (f"  ({cause})", QUIET))


def _sign(action: "Action") -> tuple[str, str]:
    if action.before is None:
        return "+", NEW
    return ("-", GONE) if action.after is None else ("~", CHANGED)


def _moves(pair: "PairPlan") -> str:
    return ", ".join(_move(action) for action in pair.actions) or "nothing to move"


def _move(action: "Action") -> str:
    return f"{action.model} {action.kind} {action.target}: {action.before or 'nobody'} → {action.after or 'nobody'}"
