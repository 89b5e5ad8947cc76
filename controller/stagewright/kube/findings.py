"""What an attempt found, condition by condition, and the one place that sums it up as `Ready`."""

from collections.abc import Iterator, Sequence

from stagewright.app.memory import Memory
from stagewright.app.reach import Answered, Reached, answer_of, told
from stagewright.app.sync import SyncReport
from stagewright.errors import (
    ClaimedError,
    DiscontinuityError,
    ForbiddenError,
    ForeignAnswerError,
    InvalidError,
    LedgerConflictError,
    LedgerDamagedError,
    LedgerMissingError,
    NotFoundError,
    ReferenceNotFoundError,
    StagewrightError,
    StalledError,
    System,
    UnreachableError,
)
from stagewright.kube.attempt import Attempt, result_of
from stagewright.kube.conditions import ConditionType, Finding, Reason
from stagewright.kube.consent import how_to_agree
from stagewright.ledger import predicates as entry
from stagewright.schema.custom_resource import ACCEPT_HISTORY, REBIND

# as many names as a sentence bears
_NAMED = 5
# and as long a reason, in characters, whatever they are
_WHY = 150
_UNSETTLED = frozenset({"failed", "unknown", "none"})
_ANSWERS: dict[Answered, Reason] = {
    "well": Reason.ANSWERED,
    "foreign": Reason.FOREIGN_ANSWER,
    "forbidden": Reason.ACCESS_DENIED,
    "not": Reason.UNREACHABLE,
}
_PLACES: dict[System, ConditionType] = {
    "registry": ConditionType.REGISTRY_REACHABLE,
    "forge": ConditionType.FORGE_REACHABLE,
    "repository": ConditionType.FORGE_REACHABLE,
}
_WORDS = {ConditionType.REGISTRY_REACHABLE: "MLflow", ConditionType.FORGE_REACHABLE: "the git repository and its forge"}


def findings_of(attempt: Attempt) -> tuple[Finding, ...]:
    """Everything that the attempt can tell; what it cannot is left out."""
    if result_of(attempt) == "suspended":
        message = "Nothing is looked at or changed until spec.suspend is false again."
        return (Finding(type=ConditionType.READY, status="Unknown", reason=Reason.SUSPENDED, message=message),)
    found = (
        *_reachable(attempt),
        *_ledger(attempt),
        *_history(attempt),
        *_signed_off(attempt.memory),
    )
    return (*_summary(attempt, found), *found)


def refused(memory: Memory) -> Iterator[entry.Verdict]:
    """The promotions that the branch's head still declares, and that were refused."""
    for promotion in memory.last_verdict.values():
        verdict = memory.verdicts[promotion][1]
        if verdict.verdict == "refused" and promotion not in memory.superseded:
            yield verdict


def _summary(attempt: Attempt, found: Sequence[Finding]) -> Iterator[Finding]:
    """`Ready`, with `Reconciling` or `Stalled` where one of them is True."""
    ready = _ready(attempt, found)
    result = result_of(attempt)
    if result == "stalled":
        yield Finding(type=ConditionType.STALLED, status="True", reason=ready.reason, message=ready.message)
    if result in {"failed", "waiting"}:
        message = f"It is tried again after a while, longer each time: {ready.message}"
        yield Finding(type=ConditionType.RECONCILING, status="True", reason=Reason.RETRYING, message=message)
    yield ready


def _ready(attempt: Attempt, found: Sequence[Finding]) -> Finding:
    """True where what is authorized is in the registry, and the branch's head declares nothing that was refused."""
    report = attempt.report
    if attempt.error is not None:
        return _not_ready(_reason(attempt), told(attempt.error))
    if report is None:
        return _not_ready(Reason.FAILED, "No sync ran; see the controller's log.")
    if report.stalled:
        return _not_ready(*_stalled(attempt, report))
    for finding in found:
        if finding.type is ConditionType.REGISTRY_REACHABLE and finding.status == "False":
            return _not_ready(_unreachable(finding, Reason.REGISTRY_UNREACHABLE), finding.message)
        if finding.type is ConditionType.FORGE_REACHABLE and finding.status == "False":
            return _not_ready(_unreachable(finding, Reason.FORGE_UNREACHABLE), finding.message)
    hindrance = _hindrance(report, attempt.memory)
    if hindrance is not None:
        return _not_ready(*hindrance)
    return _well(attempt, report)


def _hindrance(report: SyncReport, memory: Memory | None) -> tuple[Reason, str] | None:
    """Why a sync that ran to its end did not bring the registry to where git says, the gravest first."""
    if report.problems:
        problems = [f"{p.file}:{p.line}:{p.column}: {p.reason} ({p.hint})".removesuffix(" ()") for p in report.problems]
        return Reason.INVALID_DOCUMENTS, f"Documents are invalid, mend them in git: {_few(problems)}"
    claimed = [f"{b.key}: {b.reason}" for b in report.blocked if b.claimed]
    if claimed:
        return Reason.REGISTRY_CLAIMED, f"Kept by another, give these models up here or there: {_few(claimed)}"
    blocked = [f"{b.key}: {b.reason}" for b in report.blocked]
    last = {applied.pair.key: applied for applied in report.applied}
    blocked += [f"{key}: {a.detail}" for key, a in last.items() if a.result == "blocked"]
    if blocked:
        return Reason.BLOCKED, f"What is authorized cannot be applied: {_few(blocked)}"
    unsettled = [f"{key}: {a.detail}" for key, a in last.items() if a.result in _UNSETTLED]
    if unsettled:
        return Reason.APPLY_FAILED, f"MLflow did not take it: {_few(unsettled)}"
    turned_down = [f"{v.key}: {v.reason} (promotion {v.promotion[:12]})" for v in refused(memory)] if memory else []
    if turned_down:
        return Reason.REFUSED, f"Refused, propose it anew or revert it: {_few(turned_down)}"
    if report.waiting:
        return Reason.WAITING, report.waiting
    return None


def _well(attempt: Attempt, report: SyncReport) -> Finding:
    differing = sum(1 for a in report.applied if a.result == "reported")
    asides = []
    if attempt.resource is not None and attempt.resource.sync.dry_run:
        reason, said = Reason.DRY_RUN, f"Judged and planned only, up to commit {report.revision[:12]}"
        asides.append(f"{_count(differing, 'pair')} would be written to MLflow; set spec.dryRun to false for that")
    else:
        reason, said = Reason.SYNCED, f"MLflow is as authorized, up to commit {report.revision[:12]}"
        if differing:
            asides.append(f"left as they are, as their models' modes say: {_count(differing, 'pair')}")
    if attempt.memory is not None and attempt.memory.open:
        asides.append(f"waiting for sign-offs: {_count(len(attempt.memory.open), 'promotion')}")
    if report.unseen:
        asides.append(report.unseen)
    return Finding(type=ConditionType.READY, status="True", reason=reason, message=f"{'; '.join((said, *asides))}.")


def _not_ready(reason: Reason, message: str) -> Finding:
    return Finding(type=ConditionType.READY, status="False", reason=reason, message=message)


def _unreachable(finding: Finding, otherwise: Reason) -> Reason:
    return otherwise if finding.reason is Reason.UNREACHABLE else finding.reason


def _reason(attempt: Attempt) -> Reason:
    """The word for the error that ended an attempt."""
    match attempt.error:
        case ReferenceNotFoundError():
            return Reason.REFERENCE_NOT_FOUND
        case NotFoundError():
            return Reason.NOT_FOUND
        case InvalidError():
            return Reason.INVALID_SPEC if attempt.resource is None else Reason.INVALID_CONFIGURATION
        case DiscontinuityError():
            return Reason.LEDGER_DISCONTINUOUS
        case ClaimedError():
            return Reason.REGISTRY_CLAIMED
        case StalledError():
            return Reason.PERSON_NEEDED
        case LedgerDamagedError():
            return Reason.LEDGER_DAMAGED
        case LedgerMissingError():
            return Reason.LEDGER_MISSING
        case LedgerConflictError():
            return Reason.LEDGER_BUSY
        case ForbiddenError():
            return Reason.ACCESS_DENIED
        case ForeignAnswerError():
            return Reason.FOREIGN_ANSWER
        case UnreachableError(system="registry"):
            return Reason.REGISTRY_UNREACHABLE
        case UnreachableError(system="forge" | "repository"):
            return Reason.FORGE_UNREACHABLE
        case UnreachableError():
            return Reason.UNREACHABLE
        case _:
            return Reason.FAILED


def _stalled(attempt: Attempt, report: SyncReport) -> tuple[Reason, str]:
    """Why a sync stopped on purpose, and who lets it go on. What to do is never cut off by how long the reason is."""
    why = report.stalled if len(report.stalled) <= _WHY else f"{report.stalled[:_WHY]}…"
    if report.rebind:
        command = how_to_agree(attempt.found, REBIND, report.rebind)
        return Reason.CONFIGURATION_MOVED, f"{why} (put it back, or record the move: {command})"
    command = how_to_agree(attempt.found, ACCEPT_HISTORY, f"{report.revision}..{report.head or 'COMMIT'}")
    remedy = f"put the branch back, or have its new history signed off (`stagewright history accept`), and: {command}"
    return Reason.HISTORY_REWRITTEN, f"{why} ({remedy})"


def _reachable(attempt: Attempt) -> Iterator[Finding]:
    reached = list(attempt.report.reached) if attempt.report is not None else []
    error = attempt.error
    if error is not None and error.system is not None:
        reached.append(_reached(error, error.system))
    for kind, words in _WORDS.items():
        heard = [answer for answer in reached if _PLACES[answer.system] is kind]
        if not heard:
            continue
        bad = next((answer for answer in heard if answer.answered != "well"), None)
        yield Finding(
            type=kind,
            status="True" if bad is None else "False",
            reason=_ANSWERS["well" if bad is None else bad.answered],
            message=f"At the last sync {words} answered." if bad is None else bad.message,
        )


def _reached(error: StagewrightError, system: System) -> Reached:
    return Reached(system=system, answered=answer_of(error), message=told(error))


def _ledger(attempt: Attempt) -> Iterator[Finding]:
    error, report = attempt.error, attempt.report
    if isinstance(error, DiscontinuityError | LedgerDamagedError | LedgerMissingError):
        yield Finding(type=ConditionType.LEDGER_SOUND, status="False", reason=_reason(attempt), message=told(error))
    elif report is not None:
        message = f"The ledger's {report.ledger_size} entries verify, and hold all that was known before."
        yield Finding(type=ConditionType.LEDGER_SOUND, status="True", reason=Reason.VERIFIED, message=message)


def _history(attempt: Attempt) -> Iterator[Finding]:
    report = attempt.report
    if report is None or report.head is None or report.rebind:
        return
    if report.stalled:
        reason, message = _stalled(attempt, report)
        yield Finding(type=ConditionType.HISTORY_VERIFIED, status="False", reason=reason, message=message)
        return
    message = f"The branch's history is walked up to commit {report.revision[:12]}, and nothing of it was rewritten."
    yield Finding(type=ConditionType.HISTORY_VERIFIED, status="True", reason=Reason.VERIFIED, message=message)


def _signed_off(memory: Memory | None) -> Iterator[Finding]:
    if memory is None:
        return
    turned_down = [f"{v.key}: {v.reason} (promotion {v.promotion[:12]})" for v in refused(memory)]
    waiting = [
        f"{key}: {memory.verdicts[promotion.id][1].reason} (promotion {promotion.id[:12]})"
        for key, promotion in sorted(memory.open.items(), key=lambda item: str(item[0]))
    ]
    if turned_down:
        reason, message = Reason.REFUSED, f"Refused: {_few(turned_down)}"
    elif waiting:
        reason, message = Reason.PENDING, f"Sign-offs are missing: {_few(waiting)}"
    else:
        reason, message = Reason.SIGNED_OFF, "Everything that the branch declares is signed off."
    status = "True" if reason is Reason.SIGNED_OFF else "False"
    yield Finding(type=ConditionType.SIGNED_OFF, status=status, reason=reason, message=message)  # type: ignore[arg-type] # mypy widens the conditional


def _count(number: int, thing: str) -> str:
    return f"1 {thing}" if number == 1 else f"{number} {thing}s"


def _few(things: Sequence[str]) -> str:
    more = f"; and {len(things) - _NAMED} more" if len(things) > _NAMED else ""
    return f"{'; '.join(things[:_NAMED])}{more}"
