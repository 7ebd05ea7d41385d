"""Events of OpenTelemetry's SDK, emitted without the checks of every attribute, as `otel_spans` does with spans."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from opentelemetry._logs import LogRecord

from claude_otel import otel_attributes


def emit(logger: Any, record: LogRecord, attributes: dict[str, Any], settle: Callable[[], None]) -> bool:
    """Emits `record` on `logger`, with `attributes` that are filled in when `settle` is called."""
    logger = getattr(logger, "_logger", None) or logger
    writable = getattr(sys.modules.get(type(logger).__module__), "ReadWriteLogRecord", None)
    limits: Any = getattr(logger, "_log_record_limits", None)
    most = getattr(limits, "max_log_record_attributes", None)
    if writable is None or most is None or limits.max_log_record_attribute_length is not None:
        return False
    bounded = otel_attributes.unsettled(most, attributes, settle)
    if bounded is None:
        return False
    record.attributes = bounded
    whole = object.__new__(writable)
    whole.log_record, whole.limits = record, limits
    whole.resource, whole.instrumentation_scope = logger._resource, logger._instrumentation_scope
    logger.emit(whole)
    return True
