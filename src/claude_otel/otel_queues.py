"""The queues of OpenTelemetry's batch processors, which ours go to without being checked and copied on their way.

As in `otel_spans`, what is used of the SDK (1.43 to 1.45) is looked for first.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

Put = Callable[[Any], None]
"""Puts a span or an event that has ended into a queue. It never blocks: a queue that is full drops its oldest."""

_METHODS = {
    ("opentelemetry.sdk.trace.export", "BatchSpanProcessor"): "on_end",
    ("opentelemetry.sdk._logs._internal.export", "BatchLogRecordProcessor"): "on_emit",
}
"""The SDK's batch processors, and the method of each that puts into its queue."""


def put_of(processor: Any) -> Put | None:
    """What puts into the queue of `processor`; `None` where it is not a batch processor of the SDK as it is known."""
    kind = type(processor)
    method = _METHODS.get((kind.__module__, kind.__name__))
    if method is None or method in vars(processor):
        return None
    theirs = vars(kind).get(method)
    # Somebody may have wrapped it, to see what comes by.
    if type(theirs) is not FunctionType or theirs.__module__ != kind.__module__ or hasattr(theirs, "__wrapped__"):
        return None
    put: Put | None = getattr(vars(processor).get("_batch_processor"), "emit", None)
    return put
