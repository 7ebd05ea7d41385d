"""The SDK's own tracing, since 1.14: who makes the span of a call, and what we add to one that the SDK makes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import NoOpTracer, Span, StatusCode, Tracer

from claude_otel import blame, bodies, guard, others, sdk_option
from claude_otel import telemetry as t
from claude_otel.call import Call
from claude_otel.recorder import Recorder
from claude_otel.running import running
from claude_otel.way_in import operation_of

Function = Callable[..., Any]


class SdkTracing:
    """Patches of the SDK's functions that take a tracing option and start its spans. Each makes ours of an original."""

    def __init__(self, recorder: Recorder, *, late: bool = False) -> None:
        self._recorder = recorder
        self._late = late

    def set_option(self, original: Function) -> Function:
        """`BaseClient._set_open_telemetry(option)`, which every construction of a client goes through."""

        def set_open_telemetry(client: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(client, *args, **kwargs)
            try:
                sdk_option.decide(client, args[0] if args else kwargs.get("open_telemetry"))
            except Exception:
                guard.failed("setup")
            return result

        return set_open_telemetry

    def copy_option(self, original: Function) -> Function:
        """`BaseClient._copy_open_telemetry(option)`: a copy inherits whether its original was configured."""

        def copy_open_telemetry(client: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(client, *args, **kwargs)
            try:
                given = args[0] if args else kwargs.get("open_telemetry")
                if given is None and isinstance(result, dict) and not sdk_option.configured(client):
                    return sdk_option.Inherited(result)
            except Exception:
                guard.failed("setup")
            return result

        return copy_open_telemetry

    def start_span(self, original: Function) -> Function:
        """`start_api_call_span(…)`: no span where ours stands; else it is the call's, and enriched before it ends."""

        def start_api_call_span(*args: Any, **kwargs: Any) -> Any:
            call = running()
            if call is None and self._seen_late(args[2]):
                return None
            if call is not None and not call.native and self._recorder.replaces_sdk_span:
                try:
                    call.sdks_record = record_with_our_span(call, args[0], args[2], kwargs.get("propagation", True))
                except Exception:
                    guard.failed("span")
                return None
            span = original(*args, **kwargs)
            try:
                if span is not None and call is not None and call.native and call.span is None:
                    self._recorder.adopt(call, span)
                    if span.is_recording():
                        self._enrich_at_end(call, span)
            except Exception:
                guard.failed("span")
            return span

        return start_api_call_span

    def _seen_late(self, options: Any) -> bool:
        """Whether this is a call that we are yet to see, and that has a span then, ours or another's."""
        try:
            if not self._late or not self._recorder.replaces_sdk_span or operation_of(options) is None:
                return False
            return is_instrumentation_enabled() or others.suppressed_by_other(sys._getframe(2))
        except Exception:
            guard.failed("span")
            return False

    def _enrich_at_end(self, call: Call, span: Span) -> None:
        def end(*args: Any, **kwargs: Any) -> None:
            vars(span).pop("end", None)
            try:
                if span.is_recording():
                    provisional(call, span)
                    self._recorder.enrich(call, span)
            except Exception:
                guard.failed("span")
            span.end(*args, **kwargs)

        # On this one span: its processors and its type stay as they are.
        vars(span)["end"] = end


def record_with_our_span(call: Call, tracer: Tracer, options: Any, propagation: bool) -> Any:
    """What the SDK keeps of a call that has a span, with ours: by it a request carries the span's trace context.

    `None` where the SDK, with this `tracer` of its own, would not have sent a context either.
    """
    if call.span is None or not propagation or not options.span_name:
        return None
    if isinstance(getattr(tracer, "_tracer", tracer), NoOpTracer) and getattr(call.span, "parent", None) is None:
        # No provider is set, and no span of the application is there: only ours would be sent.
        return None
    from anthropic._tracing import ApiCall

    # As if one request had been sent: of the first the SDK notes the URL on the span.
    return ApiCall(call.span, call.started_ns, requests_sent=1)


def provisional(call: Call, span: Any) -> None:
    """Fills in how `call` is about to end, where the SDK knows it before we do, and as far as its span tells."""
    if call.has_ended:
        return
    call.duration = time.perf_counter() - call.started
    if not call.origin.stream and call.answers:
        bodies.take(call, None, call.answers[-1])
    if call.origin.stream and not call.stopped:
        call.outcome = "closed_early"
    if getattr(getattr(span, "status", None), "status_code", None) is not StatusCode.ERROR:
        return
    error = sys.exc_info()[1]
    # The SDK has told the type of its error. Another one that is being handled is the application's own.
    if isinstance(error, Exception) and error_type(error) == span.attributes.get(t.ERROR_TYPE):
        call.outcome, call.verdict = call.failure(error)
    else:
        call.outcome, call.verdict = "truncated" if call.origin.stream else "error", blame.CUT


def error_type(error: Exception) -> str:
    """The type that the SDK tells of `error`."""
    from anthropic import _tracing

    return str(_tracing.error_type(error))
