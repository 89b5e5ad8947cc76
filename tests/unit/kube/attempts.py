"""Attempts at one RegistrySync, by what happened: the rows of the tables about its status."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stagewright.app.apply import Applied
from stagewright.app.memory import Memory
from stagewright.app.reach import Reached
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
    UsageError,
)
from stagewright.kube.attempt import Attempt
from stagewright.ledger import predicates as entry
from stagewright.model.custom_resource import CustomResource
from stagewright.model.desired import NOBODY, DocumentProblem
from stagewright.model.keys import StageKey
from stagewright.model.plan import Blocked, PairPlan
from stagewright.schema.custom_resource import parse_custom_resource
from tests.fakes import ledger_entries
from tests.unit.schema.objects import PLACES, changed

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
HEAD, ROOT = "4b" * 20, "c0" * 20
KEY = StageKey("credit-risk", "Production")
NOTE = (
    "ledger.example.com/prod\n7\n+sVCA+fMaWzw38tCySodnbr3CtniIfS9jZhmLwDjwSU=\n\n"
    "— ledger.example.com/prod "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q2gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
).encode()
WELL: tuple[Reached, ...] = tuple(
    Reached(system=system, answered="well") for system in ("repository", "forge", "registry")
)


def resource(**spec: Any) -> CustomResource:
    return parse_custom_resource(found(**spec), places=PLACES)


def found(status: dict[str, Any] | None = None, *, generation: int = 3, **spec: Any) -> dict[str, Any]:
    """The object as the cache has it."""
    value = changed({"metadata.generation": generation} | {f"spec.{key}": new for key, new in spec.items()})
    return value | ({"status": status} if status is not None else {})


def memory(verdict: str | None = None, **changes: Any) -> Memory:
    """What a ledger adds up to in which one promotion was judged."""
    genesis = ledger_entries.genesis().predicate
    assert isinstance(genesis, entry.Genesis)
    made = Memory(genesis=genesis, binding={}, revision=HEAD, latest=AT, bodies={}.get)
    if verdict is not None:
        judged = ledger_entries.verdict(answer=verdict, reason="1 of 2 approvals given", **changes).predicate
        assert isinstance(judged, entry.Verdict)
        made.verdicts[judged.promotion] = (5, judged)
        made.last_verdict[KEY] = judged.promotion
        if verdict == "pending":
            made.open[KEY] = _Open(judged.promotion)  # type: ignore[assignment] # no more of it is asked for
            made.pending_since[judged.promotion] = (5, AT)
    return made


class _Open:
    def __init__(self, promotion: str) -> None:
        self.id = promotion


def report(**changes: Any) -> SyncReport:
    return replace(
        SyncReport(
            head=HEAD,
            revision=HEAD,
            began=False,
            recovered=(),
            observed=0,
            verdicts=(),
            applied=(),
            blocked=(),
            problems=(),
            unmanaged=1,
            stalled="",
            waiting="",
            ledger_size=7,
            reached=WELL,
        ),
        **changes,
    )


def applied(result: str, detail: str = "") -> tuple[Applied, ...]:
    pair = PairPlan(
        key=KEY, registered="credit-risk", wanted=NOBODY, cause=HEAD, drift=result == "reported", write=True, actions=()
    )
    return (Applied(pair=pair, result=result, detail=detail),)


def failed(error: StagewrightError, system: System | None = None) -> Attempt:
    error.system = system
    return Attempt(found=found(), resource=resource(), at=AT, error=error)


def synced(kept: Memory | None = None, **changes: Any) -> Attempt:
    return Attempt(
        found=found(),
        resource=resource(),
        at=AT,
        report=report(**changes),
        memory=kept or memory(),
        checkpoint=NOTE,
    )


def _stalled(reason: str, **changes: Any) -> Attempt:
    return synced(stalled=reason, **changes)


NOT_HEARD = (
    WELL[0],
    WELL[1],
    Reached(system="registry", answered="foreign", message="MLflow answers with a redirect, as a login page does"),
)
ATTEMPTS: dict[str, Callable[[], Attempt]] = {
    "all is well": synced,
    "a promotion waits": lambda: synced(memory("pending")),
    "a promotion was refused": lambda: synced(memory("refused")),
    "drift is reported only": lambda: synced(applied=applied("reported")),
    "suspended": lambda: Attempt(found=found(suspend=True), resource=resource(suspend=True), at=AT),
    "a dry run": lambda: Attempt(
        found=found(dryRun=True),
        resource=resource(dryRun=True),
        at=AT,
        report=report(applied=applied("reported")),
        checkpoint=NOTE,
    ),
    "the spec is wrong": lambda: Attempt(
        found=found(interval="0s"), resource=None, at=AT, error=InvalidError("spec.interval: it is zero")
    ),
    "a secret is missing": lambda: failed(
        ReferenceNotFoundError("spec.forge.tokenSecretRef: there is no Secret forge", hint="make it")
    ),
    "no such branch": lambda: failed(NotFoundError("there is no branch main"), "repository"),
    "a key is no key": lambda: failed(UsageError("the log key is no Ed25519 key")),
    "the clock is wrong": lambda: failed(StalledError("the clock says 2020")),
    "the ledger was put back": lambda: failed(DiscontinuityError("it once had 9 entries and has 7 now")),
    "the ledger is damaged": lambda: failed(LedgerDamagedError("entry 3 does not verify")),
    "the ledger is gone": lambda: failed(LedgerMissingError("there is no ledger")),
    "the ledger is busy": lambda: failed(LedgerConflictError("another writer was first")),
    "a login page": lambda: failed(ForeignAnswerError("MLflow answers with HTML", hint="see the URI"), "registry"),
    "mlflow is away": lambda: failed(UnreachableError("MLflow does not answer", retry_after_s=30.0), "registry"),
    "mlflow lets nobody in": lambda: failed(ForbiddenError("MLflow answers 403"), "registry"),
    "a bucket is away": lambda: failed(UnreachableError("the bucket does not answer")),
    "an unknown failure": lambda: failed(StagewrightError("something went wrong")),
    "the repository is away": lambda: synced(
        head=None,
        waiting="the repository did not answer",
        reached=(Reached(system="repository", answered="not", message="https://git.example does not answer"), WELL[2]),
    ),
    "mlflow stops answering": lambda: synced(waiting="it has to be asked again", reached=NOT_HEARD),
    "something has to be asked again": lambda: synced(waiting="the workloads could not be listed"),
    "a document is wrong": lambda: synced(
        problems=(
            DocumentProblem(file="models/a.yaml", line=3, column=1, reason="no version", hint="add it", model="a"),
        )
    ),
    "another keeps the ledger": lambda: failed(ClaimedError("the ledger is that of another")),
    "another keeps the model": lambda: synced(
        blocked=(Blocked(key=KEY, reason="'a' in MLflow is kept by another", identity=False, claimed=True),)
    ),
    "a version is blocked": lambda: synced(
        blocked=(Blocked(key=KEY, reason="the artifact digest differs", identity=True),)
    ),
    "a version cannot be read": lambda: synced(applied=applied("blocked", "its version cannot be read")),
    "mlflow refuses a write": lambda: synced(applied=applied("failed", "MLflow answers 500")),
    "the configuration moved": lambda: _stalled("registry is 'b', was 'a'", rebind="ab12"),
    "history was rewritten": lambda: _stalled("commit c0 is not on the branch any more"),
}


def later(attempt: Attempt, status: dict[str, Any], seconds: int = 60) -> Attempt:
    """The same attempt again, some time after `status` was written."""
    return replace(attempt, found={**attempt.found, "status": status}, at=attempt.at + timedelta(seconds=seconds))
