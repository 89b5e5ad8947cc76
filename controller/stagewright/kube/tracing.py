"""Traces of reconciles, where an OpenTelemetry endpoint is set; without one they cost nothing.

reconcile
├── fetch
├── walk
├── judge
└── apply
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Protocol

from stagewright.errors import UsageError
from stagewright.kube.logs import log_context
from stagewright.kube.metrics import Budget, Metrics
from stagewright.kube.observer import ObjectRef

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class Tracer(Protocol):
    """Makes spans."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[tuple[str, str]]:
        """A span for the length of a `with` block; the trace's id and its own."""
        ...

    def close(self) -> None:
        """Send what is left."""
        ...


class NoTracer:
    """A `Tracer` where nobody collects."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[tuple[str, str]]:  # noqa: ARG002 # the protocol's arguments
        """See Tracer."""
        return nullcontext(("", ""))

    def close(self) -> None:
        """See Tracer."""


def open_tracer(env: Mapping[str, str], *, version: str) -> Tracer:
    """What sends spans to the endpoint that the environment names; nothing where it names none.

    UsageError where it names one and the extra `tracing` is not installed.
    """
    named = next((name for name in ENDPOINTS if env.get(name)), None)
    if named is None or env.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return NoTracer()
    try:
        # a third of a second to import, and most installs have no collector
        from stagewright.adapters.otlp import OtlpTracer  # noqa: PLC0415 # as said above
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{named} is set, and OpenTelemetry is not installed",
            hint="pip install 'stagewright[tracing]', or unset it",
        ) from error
    return OtlpTracer(version=version)


def traced(tracer: Tracer, reconcile: Callable[[str], None]) -> Callable[[str], None]:
    """`reconcile`, which takes an object's key (`namespace/name`), as a span each time."""

    def run(key: str) -> None:
        namespace, _, name = key.partition("/")
        with spanned(tracer, "reconcile", namespace, name):
            reconcile(key)

    return run


class SyncTelemetry:
    """`ports.Telemetry` of one object: its spans, and its numbers for the metrics."""

    def __init__(self, ref: ObjectRef, metrics: Metrics, tracer: Tracer) -> None:
        self._ref = ref
        self._metrics = metrics
        self._tracer = tracer

    def span(self, name: str) -> AbstractContextManager[object]:
        """See the port. What is logged meanwhile names the span."""
        return spanned(self._tracer, name, self._ref.namespace, self._ref.name)

    def registry_request(self, operation: str, outcome: str, seconds: float) -> None:
        """See the port."""
        self._metrics.registry_request(operation, outcome, seconds)

    def forge_budget(self, resource: str, *, limit: int, remaining: int, reset: datetime) -> None:
        """See the port."""
        self._metrics.forge_budget(self._ref, resource, Budget(limit=limit, remaining=remaining, reset=reset))


@contextmanager
def spanned(tracer: Tracer, name: str, namespace: str, sync: str) -> Iterator[None]:
    """A span about an object, and the same as the context of what is logged."""
    about = {"namespace": namespace, "sync": sync}
    with tracer.span(name, **about) as (trace_id, span_id), log_context(**about, trace_id=trace_id, span_id=span_id):
        yield
