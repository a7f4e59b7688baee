"""Traces for whoever collects them, switched on by OpenTelemetry's own environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether there is somewhere to send traces, and nothing says that there shall be none."""
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not off and environment.get("OTEL_TRACES_EXPORTER") != "none" and any(map(environment.get, _ENDPOINTS))


@contextmanager
def tracing(environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Spans are sent by OTLP over HTTP, where that is wanted; what is left is sent at the end.

    Of a process, once: OpenTelemetry knows one provider.
    """
    if not wanted(environment):
        yield
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from syncline import __version__

    is_named = "OTEL_SERVICE_NAME" in environment or "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    name = {} if is_named else {"service.name": "syncline"}
    provider = TracerProvider(resource=Resource.create({**name, "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
