"""Traces of ``run``, as a collector gets them: one edit's whole journey is one trace, and tells nothing of a record."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import decompress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from cli.calling import Systems, edit, free_port, started, with_webhooks
from cli.test_cli_run import until
from syncline.runtime.tracing import wanted


class Collector:
    """What was sent, by the name of the service."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.raw = b""

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {str(_attributes(resource.resource)["service.name"])}
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


def _attributes(of: Any) -> dict[str, str | int]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}


@contextmanager
def collecting() -> Iterator[tuple[str, Collector]]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(self.path, decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", collector
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def test_an_edit_is_one_trace_from_the_webhook_to_the_write(systems: Systems, project: Path) -> None:
    edit(project / "syncline.yaml", "flows: flows", "flows: [flows/products.yaml]")
    with_webhooks(project)
    made = systems.central.made("items", {"displayName": "Unspeakable"})
    assert systems.central.post("/sandbox/notifications", {"windowSeconds": 0}).status < 300
    with collecting() as (endpoint, collector):
        environment = {"HOOKS": "x" * 24, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        process = started(project, "run", "--every", "3600", "--sweep", "3600", environment=environment)
        try:
            until(process.stderr, "businesscentral announces its changes of items.")
            until(process.stdout, " created in customerp")
            systems.central.patch(f"items({made['id']})", {"displayName": "Unspeakable as well"})
            until(process.stdout, "products: 1 updated in customerp")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
        finally:
            process.kill()
            process.communicate(timeout=10)
    assert process.returncode == 0
    assert collector.services == {"syncline"}
    (write,) = [
        span
        for span in collector.named("deliver")
        if span.trace_id in {hook.trace_id for hook in collector.named("webhook")}
    ]
    assert _attributes(write) == {"syncline.flow": "products", "syncline.side": "customerp", "syncline.writes": 1}
    journey = [span for span in collector.spans if span.trace_id == write.trace_id]
    assert {"webhook", "pass", "observe", "turn", "deliver", "GET", "PATCH"} <= {span.name for span in journey}
    by_id = {span.span_id: span for span in journey}
    patch = next(span for span in journey if span.name == "PATCH")
    above, at = [], patch
    while at.parent_span_id:
        at = by_id[at.parent_span_id]
        above.append(at.name)
    assert above == ["deliver", "turn", "pass", "webhook"]
    told = _attributes(patch)
    assert (told["http.request.method"], told["http.response.status_code"]) == ("PATCH", 200)
    assert (told["syncline.system"], told["url.template"]) == ("customerp", "/api/products/*")
    asked = next(span for span in journey if _attributes(span).get("syncline.system") == "businesscentral")
    assert str(_attributes(asked)["url.template"]).endswith("/api/v2.0/companies/items")
    assert b"Unspeakable" not in collector.raw
    assert str(made["id"]).encode() not in collector.raw


def test_a_collector_that_is_away_holds_up_nothing(systems: Systems, project: Path) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    process = started(project, "run", "--every", "0.1", "--json", environment=environment)
    try:
        assert process.stdout
        assert process.stdout.readline()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=25)
    finally:
        process.kill()
        process.communicate(timeout=10)
    assert process.returncode == 0
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("environment", "is_wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_it_is_switched_on_by_the_environment(environment: dict[str, str], is_wanted: bool) -> None:
    assert wanted(environment) is is_wanted
