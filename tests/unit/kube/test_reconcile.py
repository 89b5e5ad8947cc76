"""One reconcile: what it writes into the cluster, in which order, and when the object is due again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from stagewright.app.consent import NO_CONSENT, Consent
from stagewright.app.memory import Memory
from stagewright.app.sync import SyncReport
from stagewright.errors import (
    ConflictError,
    LeaseLostError,
    ReferenceNotFoundError,
    StagewrightError,
    UnreachableError,
)
from stagewright.kube.engines import EngineShelf
from stagewright.kube.observer import ObjectRef, Reconciled
from stagewright.kube.queue import WorkQueue
from stagewright.kube.reconcile import Around, Reconciler
from stagewright.kube.rows import RowWriter
from stagewright.kube.status import status_of
from stagewright.model.custom_resource import CustomResource
from stagewright.schema.custom_resource import ACCEPT_HISTORY, FINALIZER, REBIND, REBIND_REASON, REQUESTED_AT
from tests.fakes.cluster import InMemoryCluster
from tests.unit.kube.attempts import NOTE, found, memory, report
from tests.unit.schema.objects import PLACES

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)


@dataclass(kw_only=True)
class Engine:
    """Syncs as it is told."""

    answer: SyncReport | StagewrightError
    memory: Memory | None
    checkpoint: bytes | None
    syncs: int = 0
    agreed: Consent = NO_CONSENT
    meanwhile: Callable[[], object] = lambda: None

    def sync(self, consent: Consent) -> SyncReport:
        self.syncs += 1
        self.agreed = consent
        self.meanwhile()
        if isinstance(self.answer, StagewrightError):
            raise self.answer
        return self.answer


@dataclass(kw_only=True)
class Heard:
    """An observer that listens."""

    reconciles: list[Reconciled] = field(default_factory=list)
    gone: list[ObjectRef] = field(default_factory=list)

    def reconciled(self, done: Reconciled) -> None:
        self.reconciles.append(done)

    def forgotten(self, ref: ObjectRef) -> None:
        self.gone.append(ref)

    def leading(self, *, leader: bool, transitions: int) -> None:
        pass

    def queued(self, depth: int) -> None:
        pass

    def working(self, busy: int, workers: int) -> None:
        pass


@dataclass(kw_only=True)
class Builder:
    """Builds the one engine, and remembers for what; `rehearsed` counts the dry runs among them."""

    made: Engine
    built: list[bytes | None] = field(default_factory=list)
    rehearsed: int = 0
    removed: list[tuple[str, str]] = field(default_factory=list)

    def engine(self, resource: CustomResource, checkpoint: bytes | None) -> Engine:
        del resource
        self.built.append(checkpoint)
        return self.made

    def rehearse(self, resource: CustomResource, checkpoint: bytes | None) -> Engine:
        self.rehearsed += 1
        return self.engine(resource, checkpoint)

    def remove(self, namespace: str, uid: str) -> None:
        self.removed.append((namespace, uid))


@dataclass(kw_only=True)
class References:
    """Has everything, or says what is missing."""

    fingerprint: str | StagewrightError = "one"
    kept: dict[str, CustomResource] = field(default_factory=dict)
    forgotten: list[str | None] = field(default_factory=list)

    def materialise(self, resource: CustomResource) -> str:
        self.kept[f"{resource.namespace}/{resource.name}"] = resource
        if isinstance(self.fingerprint, StagewrightError):
            raise self.fingerprint
        return self.fingerprint

    def resource(self, key: str) -> CustomResource | None:
        return self.kept.get(key)

    def forget_object(self, namespace: str, name: str, uid: str | None = None) -> set[str]:
        self.forgotten.append(uid)
        kept = self.kept.pop(f"{namespace}/{name}", None)
        return {kept.uid} if kept else set()


class Stage:
    """A reconciler with everything around it in memory."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.leader = True
        self.tried: list[str] = []
        self.cluster = InMemoryCluster()
        self.engine = Engine(answer=report(), memory=memory("pending"), checkpoint=NOTE)
        self.builder = Builder(made=self.engine)
        self.references = References()
        self.heard = Heard()
        self.queue = WorkQueue[str](clock=lambda: self.now_s, fraction=lambda: 0.0)
        self.reconciler = Reconciler(
            Around(
                cache=self.cluster,
                objects=self.cluster,
                rows=RowWriter(self.cluster, self.cluster),
                references=self.references,
                engines=EngineShelf(self.builder),
                remove_engine=self.builder.remove,
                statuses=status_of,
                observer=self.heard,
                courier=None,
                conditions=lambda _ref, _conditions: None,
                tried=self.tried.append,
                leading=lambda: self.leader,
                queue=self.queue,
                clock=self,
                seconds=lambda: self.now_s,
                fraction=lambda: 0.0,
                places=PLACES,
            )
        )
        made = self.cluster.put(found())
        self.uid = made["metadata"]["uid"]
        self.key = f"{made['metadata']['namespace']}/{made['metadata']['name']}"

    def now(self) -> datetime:
        return AT

    def reconcile(self) -> None:
        self.reconciler.reconcile(self.key)

    def object(self) -> dict[str, Any]:
        return self.cluster.syncs[self.key]

    def change(self, *, spec: dict[str, Any] | None = None, **metadata: Any) -> None:
        value = self.object()
        changed = {"metadata": value["metadata"] | metadata, "spec": value["spec"] | (spec or {})}
        self.cluster.put({**value, **changed})

    def change_status(self, status: dict[str, Any]) -> None:
        self.cluster.put({**self.object(), "status": status})

    def due_in(self, seconds: float) -> bool:
        """Whether the object is due after that time, and not right before."""
        self.now_s += seconds - 0.001
        before = self.queue.depth
        self.now_s += 0.002
        return before == 0 and self.queue.depth == 1

    def reasons(self) -> dict[str, str]:
        return {c["type"]: c["reason"] for c in self.object()["status"]["conditions"]}


def test_reconcile_of_a_new_object_writes_finalizer_row_event_and_last_the_status():
    at = Stage()

    at.reconcile()

    assert at.cluster.writes == ["finalizers", "add row", "event", "status"]
    assert at.object()["metadata"]["finalizers"] == [FINALIZER]
    assert at.object()["status"]["observedGeneration"] == 3
    assert at.object()["status"]["ledger"]["checkpoint"] == NOTE.decode()
    assert at.heard.reconciles[0].result == "synced"
    assert at.due_in(60.0)


def test_reconcile_where_nothing_happened_writes_nothing():
    at = Stage()
    at.reconcile()
    at.cluster.writes.clear()

    at.reconcile()

    assert at.cluster.writes == []
    assert at.engine.syncs == 2
    assert len(at.builder.built) == 1


def test_reconcile_echoes_what_was_asked_for():
    at = Stage()
    at.change(annotations={REQUESTED_AT: "at noon"})

    at.reconcile()

    assert at.object()["status"]["lastHandledReconcileAt"] == "at noon"


def test_reconcile_tells_news_once_and_from_where_the_status_left_off():
    at = Stage()
    at.engine.memory = _news(memory("pending"))
    at.change_status({"ledger": {"size": 5, "origin": "o", "root": "r", "checkpoint": "c"}})

    at.reconcile()
    at.reconcile()

    told = [reason for reason, _ in at.cluster.events]
    assert told.count("PromotionPending") == 1


def test_reconcile_of_another_spec_or_another_secret_builds_the_engine_anew():
    at = Stage()
    at.reconcile()
    at.change(spec={"interval": "5m"}, generation=4)
    at.reconcile()
    at.references.fingerprint = "two"
    at.reconcile()

    # the first knew no checkpoint; the others know that of the one before
    assert at.builder.built == [None, NOTE, NOTE]


def test_reconcile_after_a_restart_begins_with_the_checkpoint_of_the_status():
    at = Stage()
    at.reconcile()
    again = Stage()
    again.cluster.put(at.object())

    again.reconcile()

    assert again.builder.built == [NOTE]


FAILURES: dict[str, tuple[StagewrightError, str, float]] = {
    "MLflow does not answer": (UnreachableError("no answer"), "Reconciling", 1.0),
    "MLflow says when to ask again": (UnreachableError("busy", retry_after_s=90.0), "Reconciling", 90.0),
}


@pytest.mark.parametrize("name", FAILURES)
def test_reconcile_that_fails_says_so_and_comes_back_after_its_back_off(name: str):
    error, condition, seconds = FAILURES[name]
    at = Stage()
    at.engine.answer = error

    at.reconcile()

    assert condition in at.reasons()
    assert at.heard.reconciles[0].error is error
    assert at.due_in(seconds)


def test_reconcile_of_a_reference_that_is_missing_is_stalled_until_it_comes():
    at = Stage()
    at.references.fingerprint = ReferenceNotFoundError("spec.forge.tokenSecretRef: there is no Secret forge")

    at.reconcile()
    assert at.reasons()["Stalled"] == "ReferenceNotFound"
    assert at.engine.syncs == 0

    at.references.fingerprint = "one"
    at.reconcile()
    assert "Stalled" not in at.reasons()
    assert at.engine.syncs == 1


def test_reconcile_of_a_spec_that_cannot_work_waits_for_another():
    at = Stage()
    at.change(spec={"source": {"url": "file:///etc"}})

    at.reconcile()

    assert "Stalled" in at.reasons()
    assert at.builder.built == []
    at.now_s += 100_000
    assert at.queue.depth == 0


def test_reconcile_of_a_suspended_object_syncs_nothing():
    at = Stage()
    at.change(spec={"suspend": True})

    at.reconcile()

    assert at.builder.built == []
    assert at.heard.reconciles[0].result == "suspended"
    at.now_s += 100_000
    assert at.queue.depth == 0


def test_reconcile_of_a_dry_run_writes_no_rows_and_tells_no_news():
    at = Stage()
    at.engine.memory = None
    at.change(spec={"dryRun": True})

    at.reconcile()

    assert at.builder.rehearsed == 1
    assert "add row" not in at.cluster.writes
    assert at.heard.reconciles[0].result == "rehearsed"


def test_reconcile_whose_object_changed_meanwhile_sets_the_status_of_the_new_one():
    at = Stage()
    at.engine.meanwhile = lambda: at.change(generation=4)

    at.reconcile()

    assert at.object()["status"]["observedGeneration"] == 4
    assert at.object()["metadata"]["generation"] == 4


def test_reconcile_whose_object_was_made_anew_meanwhile_leaves_the_new_one_alone():
    at = Stage()
    at.engine.meanwhile = lambda: at.change(uid="another-uid")

    at.reconcile()

    assert "status" not in at.object()


@pytest.mark.parametrize("write", ["finalizers", "add row", "status"])
@pytest.mark.parametrize("error", [ConflictError("no"), UnreachableError("no")], ids=["conflict", "unreachable"])
def test_reconcile_whose_write_was_not_taken_comes_back(write: str, error: StagewrightError):
    at = Stage()
    at.cluster.failing[write] = error

    at.reconcile()
    assert at.due_in(1.0)

    at.cluster.failing.clear()
    at.reconcile()
    assert at.object()["status"]["observedGeneration"] == 3
    assert len(at.cluster.rows) == 1


def test_reconcile_whose_event_was_not_taken_goes_on():
    at = Stage()
    at.cluster.failing["event"] = UnreachableError("no")

    at.reconcile()

    assert "status" in at.object()
    assert at.due_in(60.0)


def test_reconcile_that_lost_the_lease_writes_nothing_and_is_tried_again():
    at = Stage()
    at.reconcile()
    at.cluster.writes.clear()
    at.engine.answer = LeaseLostError("over")

    at.reconcile()

    assert at.cluster.writes == []
    assert at.due_in(1.0)


def test_reconcile_of_who_stands_by_has_the_files_ready_and_writes_nothing():
    at = Stage()
    at.leader = False

    at.reconcile()

    assert at.cluster.writes == []
    assert at.builder.built == []
    assert at.references.resource(at.key) is not None


def test_knock_at_who_stands_by_is_passed_on_to_who_leads_once():
    at = Stage()
    at.leader = False

    at.reconciler.knock(at.key)
    at.reconciler.knock(at.key)
    assert at.queue.get(timeout_s=0) == at.key
    at.reconcile()
    at.reconcile()

    assert at.cluster.writes == ["annotate"]
    assert at.object()["metadata"]["annotations"][REQUESTED_AT].startswith("webhook at 2026-11-24T09:00:00")


def test_knock_at_who_leads_makes_the_object_due():
    at = Stage()

    at.reconciler.knock(at.key)

    assert at.queue.depth == 1


def test_flood_of_knocks_comes_to_one_look_at_once_and_one_after_each_pause():
    at = Stage()
    looks = []
    for tenth in range(100):
        at.now_s = tenth / 10
        at.reconciler.knock(at.key)
        if at.queue.get(timeout_s=0) is not None:
            looks.append(at.now_s)
            at.queue.done(at.key)

    assert looks == [0.0, 2.0, 4.0, 6.0, 8.0]
    # and one that comes later is not late for it
    at.now_s = 60.0
    at.queue.discard(at.key)
    at.reconciler.knock(at.key)
    assert at.queue.depth == 1


def test_reconcile_of_a_deleted_object_removes_rows_and_mirror_and_lets_it_go():
    at = Stage()
    at.reconcile()
    at.change(deletionTimestamp="2026-11-24T09:00:00Z")

    at.reconcile()

    assert at.cluster.rows == {}
    assert at.cluster.syncs == {}
    assert ("ml", at.uid) in at.builder.removed
    assert at.uid in at.references.forgotten
    assert at.heard.gone
    assert at.engine.syncs == 1


def test_reconcile_of_an_object_that_is_gone_forgets_it():
    at = Stage()
    at.reconcile()
    del at.cluster.syncs[at.key]

    at.reconcile()

    assert [str(ref) for ref in at.heard.gone] == [at.key]
    assert at.references.resource(at.key) is None
    at.now_s += 100_000
    assert at.queue.depth == 0


def test_crash_shows_on_the_object_and_nothing_of_the_exceptions_text():
    at = Stage()

    at.reconciler.crashed(at.key, "KeyError in app/walk.py:17")

    (ready,) = [c for c in at.object()["status"]["conditions"] if c["type"] == "Ready"]
    assert ready["status"] == "False"
    assert "KeyError in app/walk.py:17" in ready["message"]


def _news(made: Memory) -> Memory:
    made.news = [(index, verdict) for index, verdict in made.verdicts.values()]
    return made


def test_reconcile_hands_on_what_an_object_agrees_to():
    at = Stage()
    said = {REBIND: "sha256:ab", REBIND_REASON: "It was\nrenamed", ACCEPT_HISTORY: f"{'4b' * 20}..{'c0' * 20}"}
    at.change(annotations=said)

    at.reconcile()

    asked = f"asked for by an annotation on RegistrySync {at.key}"
    assert at.engine.agreed == Consent(
        rebind="sha256:ab", history=("4b" * 20, "c0" * 20), reason=f"{asked}: It was renamed"
    )


@pytest.mark.parametrize("text", ["main..release", f"{'4b' * 20}...{'c0' * 20}", f"{'4B' * 20}..{'c0' * 20}", ""])
def test_reconcile_with_commits_spelled_otherwise_agrees_to_no_history(text: str):
    at = Stage()
    at.change(annotations={ACCEPT_HISTORY: text})

    at.reconcile()

    assert at.engine.agreed.history is None


@pytest.mark.parametrize("fields", [{"size": 10**15}, {"delivered": 10**15}, {"size": 10**15, "delivered": 10**15}])
def test_reconcile_of_a_status_that_is_ahead_of_the_ledger_tells_what_comes_all_the_same(fields: dict[str, int]):
    """Whoever may write the status could otherwise keep an object's news from everybody for ever."""
    at = Stage()
    at.change_status({"ledger": {"origin": "a", "size": 0, "delivered": 0} | fields})

    at.reconcile()

    end = report().ledger_size
    assert at.heard.reconciles[0].since == (end if "delivered" in fields else 0)
    assert at.object()["status"]["ledger"]["delivered"] <= end


ENDS: dict[str, StagewrightError | None] = {
    "well": None,
    "with an error": UnreachableError("no answer"),
    "without the lease": LeaseLostError("somebody else leads"),
}


@pytest.mark.parametrize("name", ENDS)
def test_reconcile_that_ends_in_any_way_says_that_it_was_tried(name: str):
    """Nobody waits for ever for what an object that cannot be synced would have said that it keeps."""
    at = Stage()
    error = ENDS[name]
    if error is not None:
        at.engine.answer = error

    at.reconcile()

    assert at.tried == [at.uid]
