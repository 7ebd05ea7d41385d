"""The span of a call: ours, or the SDK's own where the user configured that one.

Never two spans that bear tokens for one call: where ours is made, the SDK's own for that call is kept from starting.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from claude_otel import otel_spans
from claude_otel.call import Call


class Starter:
    """Starts our spans on a tracer."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._starts = otel_spans.Starts(tracer)

    def start(self, call: Call, attributes: dict[str, Any]) -> None:
        """Starts our span of `call`, and makes it what exemplars and events point to."""
        name = f"{call.operation} {call.model}" if call.model else call.operation
        span = self._starts.start(name, attributes, call.started_ns) or self._slowly(name, attributes, call.started_ns)
        call.span = span
        call.context = set_span_in_context(span)

    def _slowly(self, name: str, attributes: dict[str, Any], started_ns: int) -> Span:
        first = None if self._starts.is_blind() else attributes
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=first, start_time=started_ns)
        if first is None:
            set_attributes(span, attributes)
        else:
            self._starts.learn(span)
        return span


def set_attributes(span: Span, attributes: dict[str, Any]) -> None:
    """Sets `attributes` on the recording `span`."""
    if not otel_spans.set_attributes(span, attributes):
        span.set_attributes(attributes)


def end(call: Call, attributes: dict[str, Any]) -> None:
    """Ends our span of `call`."""
    span = call.span
    # The SDK has ended its own span by now; `sdk_tracing` puts the attributes on it before.
    if span is None or call.native:
        return
    if span.is_recording():
        set_attributes(span, attributes)
        if call.outcome in ("error", "truncated"):
            # Without a description: the API's message may quote what was sent.
            span.set_status(Status(StatusCode.ERROR))
    span.end()


def is_recording(span: Span | None) -> bool:
    """Whether attributes on `span` go anywhere."""
    return span is not None and span.is_recording()
