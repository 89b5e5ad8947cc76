"""A sync's report as programs read it."""

from dataclasses import dataclass

from stagewright.app.apply import Applied
from stagewright.app.sync import SyncReport
from stagewright.cli import verdicts
from stagewright.model.desired import DocumentProblem
from stagewright.model.keys import Key
from stagewright.model.plan import Action, Blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedView:
    """What became of one pair. `result` is applied, none, failed, unknown, blocked or reported."""

    key: Key
    registered: str
    cause: str
    drift: bool
    result: str
    detail: str
    intent: int | None
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReportView:
    """A sync's report without the history behind its verdicts."""

    head: str | None
    revision: str
    began: bool
    recovered: tuple[tuple[int, str], ...]
    observed: int
    verdicts: tuple[verdicts.VerdictView, ...]
    applied: tuple[AppliedView, ...]
    blocked: tuple[Blocked, ...]
    problems: tuple[DocumentProblem, ...]
    unmanaged: int
    stalled: str
    waiting: str
    ledger_size: int


def view_of(report: SyncReport) -> SyncReportView:
    """What is shown of a report."""
    return SyncReportView(
        head=report.head,
        revision=report.revision,
        began=report.began,
        recovered=report.recovered,
        observed=report.observed,
        verdicts=tuple(verdicts.view_of(verdict) for verdict in report.verdicts),
        applied=tuple(_applied(applied) for applied in report.applied),
        blocked=report.blocked,
        problems=report.problems,
        unmanaged=report.unmanaged,
        stalled=report.stalled,
        waiting=report.waiting,
        ledger_size=report.ledger_size,
    )


def _applied(applied: Applied) -> AppliedView:
    return AppliedView(
        key=applied.pair.key,
        registered=applied.pair.registered,
        cause=applied.pair.cause,
        drift=applied.pair.drift,
        result=applied.result,
        detail=applied.detail,
        intent=applied.intent,
        actions=applied.pair.actions,
    )
