"""The span of a call: ours, or the SDK's own where the user configured that one.

Never two spans that bear tokens for one call: where ours is made, the SDK's own for that call is kept from starting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from claude_otel import otel_attributes, otel_spans
from claude_otel.call import Call
from claude_otel.otel_spans import Recorded

(_SPAN,) = set_span_in_context(INVALID_SPAN, Context())
"""The key of a span in a context."""


class Starter:
    """Starts our spans on a tracer."""

    def __init__(self, tracer: Tracer, settle: Callable[[], None]) -> None:
        """`settle` fills in what is yet to come on the spans that have ended."""
        self._tracer = tracer
        self._settle = settle
        self._starts = otel_spans.Starts(tracer, settle)

    def start(self, call: Call, context: Context) -> None:
        """Starts our span of `call`, in the current `context`, and makes it what exemplars and events point to."""
        origin = call.origin
        span = self._starts.start(origin.name, origin.attributes, call.started_ns, context)
        if span is None:
            span = self._slowly(origin.name, origin.attributes.copy(), call.started_ns)
        else:
            call.is_told = True
        # As `set_span_in_context(span, context)`.
        call.span, call.context = span, Context({**context, _SPAN: span})

    def _slowly(self, name: str, attributes: dict[str, Any], started_ns: int) -> Span:
        first = None if self._starts.is_blind() else attributes
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=first, start_time=started_ns)
        if first is None:
            set_attributes(span, attributes)
        else:
            self._starts.learn(span)
        return span

    def prepare(self, call: Call) -> bool:
        """Makes our span of `call`, one that the SDK has started, ready for what the call tells as it is settled.

        Whether that will do; else `end` has to be given what was put into `told`.
        """
        span = call.span
        # The SDK has ended its own span by now; `sdk_tracing` puts the attributes on it before.
        if span is None or call.native or not span.is_recording():
            return True
        call.is_told, call.told = True, otel_attributes.unsettle(getattr(span, "_attributes", None), self._settle)
        if call.told is not None:
            return True
        call.told = {}
        return False

    @staticmethod
    def tell(call: Call, facts: dict[str, Any]) -> None:
        """Puts `facts` on our span of the settled `call`, or where `prepare` has found that they are to go."""
        if call.told is not None:
            # What it started with may have been changed since, by the application.
            call.told.update({name: value for name, value in facts.items() if name not in call.origin.attributes})
        elif isinstance(call.span, Recorded):
            call.span.tell(facts)

    def end(self, call: Call, attributes: dict[str, Any] | None) -> None:
        """Ends our span of `call`, with `attributes` that are not on it yet."""
        span = call.span
        if span is None or call.native:
            return
        has_failed = call.verdict is not None and call.has_failed
        if (has_failed or attributes is not None) and span.is_recording():
            if attributes is not None:
                set_attributes(span, attributes)
            if has_failed:
                # Without a description: the API's message may quote what was sent.
                span.set_status(Status(StatusCode.ERROR))
        if not self._starts.end(span):
            span.end()


def set_attributes(span: Span, attributes: dict[str, Any]) -> None:
    """Sets `attributes` on the recording `span`."""
    if not otel_spans.set_attributes(span, attributes):
        span.set_attributes(attributes)
