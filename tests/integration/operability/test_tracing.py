"""Traces: what a real OTLP/HTTP receiver on loopback gets, and that without an endpoint there is nothing."""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from stagewright.errors import StalledError, UsageError
from stagewright.kube.logs import JsonLines
from stagewright.kube.metrics import Build, Metrics
from stagewright.kube.observer import ObjectRef
from stagewright.kube.tracing import NoTracer, SyncTelemetry, open_tracer, traced

REF = ObjectRef(namespace="ml", name="bank", uid="6f1c")


class Receiver:
    """Takes what an exporter posts."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.paths: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.paths.append(self.path)
                receiver.requests.append(ExportTraceServiceRequest.FromString(data))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def spans(self) -> dict[str, Span]:
        return {
            span.name: span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    def resource(self) -> dict[str, str]:
        return {a.key: a.value.string_value for a in self.requests[0].resource_spans[0].resource.attributes}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


def test_spans_of_a_reconcile_reach_the_collector(receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    endpoint = f"http://127.0.0.1:{receiver.server.server_address[1]}"
    # the exporter reads the process's own environment
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    tracer = open_tracer({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, version="1.2.3")
    telemetry = SyncTelemetry(REF, Metrics(Build(version="1.2.3")), tracer)
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("stagewright.tests.tracing")
    log.addHandler(handler)

    def reconcile(key: str) -> None:
        assert key == "ml/bank"
        with telemetry.span("fetch"):
            log.warning("fetching")
        with suppress(StalledError), telemetry.span("walk"):
            raise StalledError("history was rewritten")
        with suppress(ValueError), telemetry.span("apply"):
            raise ValueError("the password is hunter2")

    traced(tracer, reconcile)("ml/bank")
    log.removeHandler(handler)
    tracer.close()
    spans = receiver.spans()
    assert set(receiver.paths) == {"/v1/traces"}
    assert sorted(spans) == ["apply", "fetch", "reconcile", "walk"]
    assert {spans[name].parent_span_id for name in ("fetch", "walk", "apply")} == {spans["reconcile"].span_id}
    assert {span.trace_id for span in spans.values()} == {spans["reconcile"].trace_id}
    attributes = {a.key: a.value.string_value for a in spans["fetch"].attributes}
    assert attributes == {"stagewright.namespace": "ml", "stagewright.sync": "bank"}
    assert spans["walk"].status.message == "StalledError: history was rewritten"
    assert spans["apply"].status.message == "ValueError"
    assert (receiver.resource()["service.name"], receiver.resource()["service.version"]) == ("stagewright", "1.2.3")
    line = json.loads(stream.getvalue())
    assert line["trace_id"] == spans["reconcile"].trace_id.hex()
    assert (line["span_id"], line["sync"]) == (spans["fetch"].span_id.hex(), "bank")


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({}, id="no endpoint"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, id="empty endpoint"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, id="disabled"),
    ],
)
def test_without_an_endpoint_nothing_is_traced(env: dict[str, str]):
    tracer = open_tracer(env, version="1")
    with tracer.span("reconcile", sync="bank") as ids:
        assert ids == ("", "")
    tracer.close()
    assert isinstance(tracer, NoTracer)


def test_without_an_endpoint_nothing_of_opentelemetry_is_imported(monkeypatch: pytest.MonkeyPatch):
    # importing it would raise
    monkeypatch.setitem(sys.modules, "stagewright.adapters.otlp", None)
    assert isinstance(open_tracer({}, version="1"), NoTracer)


def test_endpoint_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "stagewright.adapters.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(UsageError, match="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set") as caught:
        open_tracer({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"}, version="1")
    assert "stagewright[tracing]" in caught.value.hint


def test_telemetry_of_an_object_reaches_the_metrics():
    metrics = Metrics(Build(version="1"))
    telemetry = SyncTelemetry(REF, metrics, NoTracer())
    telemetry.registry_request("write", "answered", 0.2)
    telemetry.forge_budget("core", limit=5000, remaining=12, reset=datetime(2026, 3, 2, tzinfo=UTC))
    text = metrics.expose("")[0].decode()
    assert 'stagewright_forge_budget_remaining{namespace="ml",resource="core",sync="bank"} 12.0' in text
    assert 'registry_request_duration_seconds_count{operation="write",outcome="answered"} 1.0' in text
