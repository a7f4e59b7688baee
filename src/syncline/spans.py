"""Spans of one edit's journey, for whoever traces it: of what and how much, never what a record holds.

Nothing is recorded unless somebody sets up OpenTelemetry (`syncline.runtime.tracing`); a span then costs microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode

Origin: TypeAlias = SpanContext
"""The span that something came from, in this process or another."""

_TRACER = trace.get_tracer("syncline")


@contextmanager
def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, origins: Sequence[Origin] = (), **about: str | int
) -> Iterator[Span]:
    """Around some work. It belongs to the trace of the first of its ``origins``, or else of the span around it.

    An error is told by its class alone: its words may quote a record.
    """
    with _TRACER.start_as_current_span(
        name,
        trace.set_span_in_context(NonRecordingSpan(origins[0])) if origins else None,
        kind,
        {f"syncline.{key}": value for key, value in about.items()},
        [Link(origin) for origin in origins[1:]],
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except BaseException as error:
            made.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def origin(of: Span) -> Origin | None:
    """What comes of it later may name it; ``None`` where nothing is recorded."""
    return of.get_span_context() if of.is_recording() else None
