"""Spans for an OpenTelemetry collector, over OTLP/HTTP; needs the extra `tracing`.

Where to, with which headers and certificates, and how many spans: OpenTelemetry's own variables say so
(OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME …). A collector that
does not answer costs spans, and nothing else: they are sent by a thread of their own, out of a queue of bounded size.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode, format_span_id, format_trace_id

from stagewright.errors import StagewrightError

SCOPE = "stagewright"


class OtlpTracer:
    """Makes spans below one another, thread by thread. No global provider is set."""

    def __init__(self, *, version: str) -> None:
        """`version` is that of the controller. Nothing is sent yet."""
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come first
        resource = Resource.create().merge(Resource({"service.version": version}))
        if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": SCOPE}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(SCOPE, version)

    @contextmanager
    def span(self, name: str, **attributes: str) -> Iterator[tuple[str, str]]:
        """A span for the length of a `with` block; its trace id and its own, in hex.

        An error ends it as failed, with the error's kind; the text of errors of our own, which hold no secret.
        """
        made = {f"stagewright.{key}": value for key, value in attributes.items()}
        with self._tracer.start_as_current_span(
            name, attributes=made, record_exception=False, set_status_on_exception=False
        ) as span:
            context = span.get_span_context()
            try:
                yield format_trace_id(context.trace_id), format_span_id(context.span_id)
            except BaseException as error:
                told = f": {error}" if isinstance(error, StagewrightError) else ""
                span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}{told}"))
                raise

    def close(self) -> None:
        """Send what is left, and end."""
        self._provider.shutdown()
