"""When an object is due again, by what became of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stagewright.errors import (
    ForbiddenError,
    InvalidError,
    LedgerDamagedError,
    StagewrightError,
    StalledError,
    UnreachableError,
)
from stagewright.kube.attempt import Attempt, Next, next_of, result_of
from stagewright.ledger import predicates as entry
from tests.unit.kube.attempts import AT, applied, failed, found, memory, resource, synced

INTERVAL_S = resource().sync.interval.total_seconds()
UNREAD = Attempt(found=found(), resource=None, at=AT, error=InvalidError("spec.source.url: no"))
SUSPENDED = Attempt(found=found(), resource=resource(suspend=True), at=AT)

ROWS: dict[str, tuple[Attempt, str, Next]] = {
    "nothing to do": (synced(), "synced", Next(after_s=INTERVAL_S)),
    "a forge did not answer": (synced(waiting="no answer"), "waiting", Next(after_s=0.0, failed=True)),
    "a write failed": (synced(applied=applied("failed")), "waiting", Next(after_s=0.0, failed=True)),
    "a mode forbids writing": (synced(applied=applied("reported")), "synced", Next(after_s=INTERVAL_S)),
    "history was rewritten": (synced(stalled="rewritten"), "stalled", Next(after_s=INTERVAL_S)),
    "unreachable": (failed(UnreachableError("no")), "failed", Next(after_s=0.0, failed=True)),
    "unreachable, and says when": (
        failed(UnreachableError("no", retry_after_s=90)),
        "failed",
        Next(after_s=90, failed=True),
    ),
    "unreachable, and asks for 31 years": (
        failed(UnreachableError("no", retry_after_s=999_999_999)),
        "failed",
        Next(after_s=3600.0, failed=True),
    ),
    "no way in": (failed(ForbiddenError("no")), "failed", Next(after_s=0.0, failed=True)),
    "nobody thought of it": (failed(StagewrightError("crashed")), "failed", Next(after_s=0.0, failed=True)),
    "damaged": (failed(LedgerDamagedError("no")), "stalled", Next(after_s=INTERVAL_S)),
    "a person must look": (failed(StalledError("no")), "stalled", Next(after_s=INTERVAL_S)),
    "spec is wrong": (UNREAD, "stalled", Next()),
    "suspended": (SUSPENDED, "suspended", Next()),
    "a dry run": (replace(synced(), resource=resource(dryRun=True)), "rehearsed", Next(after_s=INTERVAL_S)),
}


@pytest.mark.parametrize("name", ROWS)
def test_attempt_comes_to_a_result_and_a_next_time(name: str):
    attempt, result, due = ROWS[name]

    assert (result_of(attempt), next_of(attempt, 0.0)) == (result, due)


def test_next_is_spread_and_never_before_the_interval():
    assert next_of(synced(), 0.5) == Next(after_s=INTERVAL_S * 1.05)


def test_next_of_a_promotion_that_time_cures_is_when_it_does():
    made = memory("pending")
    (promotion,) = made.verdicts
    index, verdict = made.verdicts[promotion]
    waits = entry.Requirement(
        rule="heavy", name="soak", state="missing", detail="", facts=(), until=AT + timedelta(seconds=20)
    )
    made.verdicts[promotion] = index, verdict.model_copy(update={"requirements": (waits,)})

    assert INTERVAL_S > 21
    assert next_of(synced(made), 0.0) == Next(after_s=21.0)
