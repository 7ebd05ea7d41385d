"""Events of OpenTelemetry's SDK, emitted without the checks of every attribute, as `otel_spans` does with spans."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import Span

from claude_otel import otel_attributes

RECORD = frozenset(
    {
        "timestamp", "observed_timestamp", "context", "trace_id", "span_id", "trace_flags", "severity_text",
        "severity_number", "body", "attributes", "event_name", "exception",
    }
)  # fmt: skip
"""What a record of the API consists of."""


class Record(LogRecord):
    """A record that is copied by what it consists of: each batch processor copies it, the general way costs more."""

    def __copy__(self) -> LogRecord:
        made = object.__new__(LogRecord)
        made.__dict__ = self.__dict__.copy()
        return made


Event = tuple[str, SeverityNumber, str]
"""The name of an event, how bad it is, and that in a word."""


class Emits:
    """Emits events on a logger, where it is the SDK's as it is known."""

    def __init__(self, logger: Any, settle: Callable[[], None]) -> None:
        """`settle` fills in the attributes of what was emitted."""
        self._given = logger
        self._settle = settle
        self._logger: Any = None
        self._processors: Any = None
        self._listens = False
        self._whole: dict[str, Any] = {}
        self._unsettled: otel_attributes.Make | None = None
        self._kind: Any = None

    def is_listened_to(self) -> bool | None:
        """Whether events go anywhere; `None` where it is not known without asking each processor."""
        logger = sdk_logger(self._given)
        processors = getattr(getattr(logger, "_multi_log_record_processor", None), "_log_record_processors", None)
        if not processors or not hasattr(logger, "_is_enabled"):
            return None
        if processors is not self._processors:
            base = getattr(sys.modules.get(type(logger).__module__), "LogRecordProcessor", None)
            says = getattr(base, "enabled", None)
            self._listens = says is not None and any(type(each).enabled is says for each in processors)
            self._processors = processors
        return bool(logger._is_enabled()) if self._listens else None

    def emit(self, event: Event, context: Context, span: Span, attributes: dict[str, Any]) -> bool:
        """Emits `event` of now, of `span`, with `attributes` that are yet to be filled in, or not at all."""
        logger = sdk_logger(self._given)
        if logger is not self._logger:
            self._learn(logger)
        if self._unsettled is None:
            return False
        now, whose = time.time_ns(), span.get_span_context()
        name, severity, text = event
        record = object.__new__(Record)
        record.__dict__ = {
            "timestamp": now,
            "observed_timestamp": now,
            "context": context,
            "trace_id": whose.trace_id,
            "span_id": whose.span_id,
            "trace_flags": whose.trace_flags,
            "severity_text": text,
            "severity_number": severity,
            "body": None,
            "attributes": self._unsettled(attributes),
            "event_name": name,
            "exception": None,
        }
        whole = object.__new__(self._kind)
        whole.__dict__ = {**self._whole, "log_record": record}
        logger.emit(whole)
        return True

    def _learn(self, logger: Any) -> None:
        self._logger, self._unsettled = logger, None
        kind = getattr(sys.modules.get(type(logger).__module__), "ReadWriteLogRecord", None)
        limits: Any = getattr(logger, "_log_record_limits", None)
        most = getattr(limits, "max_log_record_attributes", None)
        if kind is None or most is None or limits.max_log_record_attribute_length is not None:
            return
        if vars(LogRecord()).keys() != RECORD:
            return
        self._kind, self._unsettled = kind, otel_attributes.unsettled(most, self._settle)
        self._whole = {
            "limits": limits,
            "resource": logger._resource,
            "instrumentation_scope": logger._instrumentation_scope,
        }


def sdk_logger(logger: Any) -> Any:
    """The SDK's own logger behind one that was made before the global provider was set."""
    return getattr(logger, "_logger", None) or logger
