"""What Prometheus may know, as docs/metrics.md lists it.

What is true now (gauges) is shown from the last value of each object, so that the series of what is gone are gone, too.
What happened (counters) is counted from the news of the ledger that this process has seen.

    metrics = Metrics(build=Build(version="1.0.0", revision="", image=""))
    body, content_type = metrics.expose("text/plain")
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from stagewright.kube.observer import ObjectRef, Reconciled
from stagewright.kube.picture import Picture, first_since, happened, picture_of

RECONCILE_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
REQUEST_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SYNC = ("namespace", "sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What runs. Empty where it is not known. `image` is the digest of the image: `sha256:…`."""

    version: str
    revision: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a forge said last of one of its rate limits."""

    limit: int
    remaining: int
    reset: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    """What is true of this process now."""

    queue_depth: int = 0
    workers: int = 0
    busy: int = 0
    # None until it is known
    leader: bool | None = None


class Metrics:
    """Counts and shows. An `Observer`; every method may be called from any thread."""

    def __init__(self, build: Build, *, stuck: Callable[[], int] = lambda: 0, pid: int | None = None) -> None:
        """`stuck` says how many workers are stuck, when asked. `pid` None: this process is described."""
        self._lock = Lock()
        self._build = build
        self._stuck = stuck
        self._process = _Process()
        self._pictures: dict[ObjectRef, Picture] = {}
        self._conditions: dict[ObjectRef, dict[str, str]] = {}
        self._succeeded: dict[ObjectRef, datetime] = {}
        self._budgets: dict[tuple[ObjectRef, str], Budget] = {}
        self._waiting: dict[ObjectRef, dict[str, int]] = {}
        self._counted: dict[ObjectRef, int] = {}
        registry = CollectorRegistry(auto_describe=False)
        self._registry = registry
        self._duration = Histogram(
            "stagewright_reconcile_duration_seconds",
            "How long one reconcile of one object took.",
            ("result",),
            registry=registry,
            buckets=RECONCILE_BUCKETS_S,
        )
        self._requests = Histogram(
            "stagewright_registry_request_duration_seconds",
            "How long MLflow took for one request, until its answer began.",
            ("operation", "outcome"),
            registry=registry,
            buckets=REQUEST_BUCKETS_S,
        )
        counters = {
            "reconciles": ("How often each object was reconciled.", ("result",)),
            "promotions": ("Verdicts that were recorded.", ("stage", "verdict")),
            "drift_found": ("Differences that no promotion explains.", ("stage",)),
            "drift_corrected": ("Drift that was put right.", ("stage",)),
            "applied": ("Outcomes of writes to MLflow.", ("stage", "result")),
            "alarms": ("Alarms that were recorded.", ("type",)),
            "notifications": ("Attempts to deliver a notification.", ("type", "result")),
        }
        self._counters = {
            name: Counter(f"stagewright_{name}", text, (*_SYNC, *labels), registry=registry)
            for name, (text, labels) in counters.items()
        }
        registry.register(_Now(self))
        ProcessCollector(registry=registry, pid=lambda: "self" if pid is None else pid)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """The body of an answer and its content type, for the `Accept` header of a request."""
        encode, content_type = choose_encoder(accept)
        return encode(_WithoutCreated(self._registry)), content_type

    def reconciled(self, done: Reconciled) -> None:
        """See `Observer`. What was in the ledger before this process saw it first is not counted."""
        self._duration.labels(done.result).observe(done.duration_s)
        self._count(done.ref, "reconciles", done.result)
        with self._lock:
            if done.result in {"synced", "rehearsed"}:
                self._succeeded[done.ref] = done.at
            # a rehearsal's memory holds what it would have written
            if done.memory is None or done.report is None or done.result == "rehearsed":
                return
            picture = picture_of(done.memory, done.report)
            if done.report.stalled:
                # nothing was compared with the registry: what was last seen there stands
                last = self._pictures.get(done.ref)
                picture = replace(picture, counts=last.counts if last is not None else ())
            self._pictures[done.ref] = picture
            start = self._counted.get(done.ref)
            if start is None:
                start = first_since(done.memory, done.at, done.report.ledger_size)
            self._counted[done.ref] = done.report.ledger_size
        for name, labels in happened(done.memory, start):
            self._count(done.ref, name, *labels)

    def forgotten(self, ref: ObjectRef) -> None:
        """See `Observer`."""
        with self._lock:
            for kept in (self._pictures, self._conditions, self._succeeded, self._counted, self._waiting):
                kept.pop(ref, None)
            self._budgets = {key: value for key, value in self._budgets.items() if key[0] != ref}
        for counter in self._counters.values():
            counter.remove_by_labels({"namespace": ref.namespace, "sync": ref.name})

    def leading(self, *, leader: bool, transitions: int) -> None:  # noqa: ARG002 # the protocol's argument
        """See `Observer`. Who stands by shows no object: what it knew is the leader's to say now."""
        with self._lock:
            self._process = replace(self._process, leader=leader)
            shown = () if leader else tuple({*self._pictures, *self._conditions, *self._succeeded})
        for ref in shown:
            self.forgotten(ref)

    def queued(self, depth: int) -> None:
        """See `Observer`."""
        with self._lock:
            self._process = replace(self._process, queue_depth=depth)

    def working(self, busy: int, workers: int) -> None:
        """See `Observer`."""
        with self._lock:
            self._process = replace(self._process, busy=busy, workers=workers)

    def conditions(self, ref: ObjectRef, conditions: Iterable[tuple[str, str]]) -> None:
        """The conditions of an object as its status shows them now: (type, status) each."""
        with self._lock:
            self._conditions[ref] = dict(conditions)

    def notified(self, ref: ObjectRef, kind: str, *, delivered: bool) -> None:
        """One attempt to deliver a notification."""
        self._count(ref, "notifications", kind, "delivered" if delivered else "failed")

    def waiting(self, ref: ObjectRef, counts: Mapping[str, int]) -> None:
        """How many notifications of an object are due and not delivered, by the type of their receivers."""
        with self._lock:
            self._waiting[ref] = dict(counts)

    def registry_request(self, operation: str, outcome: str, seconds: float) -> None:
        """See `ports.Telemetry`."""
        self._requests.labels(operation, outcome).observe(seconds)

    def forge_budget(self, ref: ObjectRef, resource: str, budget: Budget) -> None:
        """What the forge of an object said is left of a rate limit."""
        with self._lock:
            self._budgets[ref, resource] = budget

    def _count(self, ref: ObjectRef, name: str, *labels: str) -> None:
        self._counters[name].labels(ref.namespace, ref.name, *labels).inc()

    def families(self) -> Iterator[Metric]:
        """The gauges, as of now."""
        with self._lock:
            process, pictures, conditions = self._process, dict(self._pictures), dict(self._conditions)
            succeeded, budgets, waiting = dict(self._succeeded), dict(self._budgets), dict(self._waiting)
        if process.leader is False:
            # what was in hand when the lease went may still have been noted down
            pictures, conditions, succeeded, budgets, waiting = {}, {}, {}, {}, {}
        yield _gauge("build_info", "What runs.", {tuple(_build_labels(self._build).items()): 1.0})
        yield _gauge("queue_depth", "Objects that are due and wait for a worker.", {(): process.queue_depth})
        yield _gauge("workers", "Workers.", {(): process.workers})
        yield _gauge("workers_busy", "Workers that reconcile now.", {(): process.busy})
        yield _gauge("workers_stuck", "Workers beyond their deadline.", {(): self._stuck()})
        yield _gauge("leader", "1 while this process holds the lease.", {(): process.leader is True})
        yield _gauge(
            "last_success_timestamp_seconds",
            "When the object was last reconciled wholly.",
            {_of(ref): at.timestamp() for ref, at in succeeded.items()},
        )
        yield _gauge(
            "sync_condition",
            "The conditions of each object.",
            {
                _of(ref, type=name, status=status): 1.0
                for ref, held in conditions.items()
                for name, status in held.items()
            },
        )
        yield from _picture_families(pictures)
        yield from _budget_families(budgets)
        yield _gauge(
            "notifications_waiting",
            "Notifications that are due and not delivered.",
            {_of(ref, type=kind): count for ref, counts in waiting.items() for kind, count in counts.items()},
        )


_Labels = tuple[tuple[str, str], ...]


def _of(ref: ObjectRef, **labels: str) -> _Labels:
    return (("namespace", ref.namespace), ("sync", ref.name), *labels.items())


def _build_labels(build: Build) -> dict[str, str]:
    return {"version": build.version, "revision": build.revision, "image": build.image}


def _gauge(name: str, text: str, samples: dict[_Labels, float]) -> Metric:
    family = Metric(f"stagewright_{name}", text, "gauge")
    for labels, value in samples.items():
        family.add_sample(family.name, dict(labels), float(value))
    return family


def _picture_families(pictures: dict[ObjectRef, Picture]) -> Iterator[Metric]:
    shown = pictures.items()
    yield _gauge(
        "promotions_pending",
        "Promotions that are merged and wait for sign-offs.",
        {_of(ref, stage=p.stage): p.count for ref, picture in shown for p in picture.pending},
    )
    yield _gauge(
        "promotion_oldest_pending_timestamp_seconds",
        "Since when the oldest of them has waited.",
        {_of(ref, stage=p.stage): p.oldest.timestamp() for ref, picture in shown for p in picture.pending},
    )
    yield _gauge(
        "stages",
        "Stages of models by state.",
        {_of(ref, state=state): count for ref, picture in shown for state, count in picture.counts},
    )
    yield _gauge(
        "model_stage_info",
        "Which version a stage holds.",
        {
            _of(ref, model=held.model, stage=held.stage, version=str(held.version)): 1.0
            for ref, picture in shown
            for held in picture.held
        },
    )
    yield _gauge("ledger_entries", "Entries of the ledger.", {_of(ref): p.ledger_size for ref, p in shown})
    yield _gauge(
        "ledger_checkpoint_timestamp_seconds",
        "When the last entry was written.",
        {_of(ref): p.checkpoint_at.timestamp() for ref, p in shown},
    )


def _budget_families(budgets: dict[tuple[ObjectRef, str], Budget]) -> Iterator[Metric]:
    told = [(_of(ref, resource=resource), budget) for (ref, resource), budget in budgets.items()]
    yield _gauge("forge_budget_remaining", "Requests that the forge still allows.", {k: b.remaining for k, b in told})
    yield _gauge("forge_budget_limit", "Requests that the forge allows in all.", {k: b.limit for k, b in told})
    yield _gauge(
        "forge_budget_reset_timestamp_seconds",
        "When the budget begins anew.",
        {key: budget.reset.timestamp() for key, budget in told},
    )


class _Now(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics.families()


class _WithoutCreated(Collector):
    """A registry without the `_created` series, which double the counters and serve nobody here."""

    def __init__(self, registry: Collector) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
