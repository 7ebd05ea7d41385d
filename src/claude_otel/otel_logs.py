"""Events of OpenTelemetry's SDK, emitted without the checks of every attribute, as `otel_spans` does with spans.

Only where all of them go to batch processors, whose exporters look at them later, and for many calls at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from claude_otel import otel_attributes, otel_queues

RECORD = frozenset(
    {
        "timestamp", "observed_timestamp", "context", "trace_id", "span_id", "trace_flags", "severity_text",
        "severity_number", "body", "attributes", "event_name", "exception",
    }
)  # fmt: skip
"""What a record of the API consists of."""

READABLE = frozenset({"log_record", "resource", "instrumentation_scope", "limits"})
"""What an exporter gets."""


Event = tuple[str, SeverityNumber, str]
"""The name of an event, how bad it is, and that in a word."""

Told = Callable[[Any], dict[str, Any]]
"""What an event tells of its subject."""


class Emitted:
    """An event in the queue of a batch processor: its record is made when an exporter looks at it."""

    _event: Event
    _time: int
    _whose: SpanContext
    _subject: Any
    _told: Told
    _make: otel_attributes.Make
    _record: LogRecord | None = None

    # The SDK's are frozen: a function of Python would be asked for each attribute that is set.
    __setattr__ = object.__setattr__

    @property
    def log_record(self) -> LogRecord:
        """The record, as the batch processor would have copied it: without the context."""
        if self._record is None:
            name, severity, text = self._event
            record = LogRecord(
                timestamp=self._time,
                observed_timestamp=self._time,
                context=NO_CONTEXT,
                severity_text=text,
                severity_number=severity,
                attributes=self._make(self._told(self._subject)),
                event_name=name,
            )
            whose = self._whose
            record.trace_id, record.span_id, record.trace_flags = whose.trace_id, whose.span_id, whose.trace_flags
            self._record = record
        return self._record


NO_CONTEXT = Context()


class Emits:
    """Puts events into the queues of a logger's batch processors, where it is the SDK's as it is known."""

    def __init__(self, logger: Any, told: Told) -> None:
        self._given = logger
        self._told = told
        self._logger: Any = None
        self._processors: Any = None
        self._listens = False
        self._puts: list[otel_queues.Put] = []
        """One for each processor, or none where one has to be asked."""
        self._kind: Any = None

    def is_listened_to(self) -> bool | None:
        """Whether events go anywhere; `None` where it is not known without asking each processor."""
        logger = sdk_logger(self._given)
        try:
            processors = logger._multi_log_record_processor._log_record_processors
            if processors is not self._processors or logger is not self._logger:
                self._learn(logger, processors)
            return bool(logger._is_enabled()) if self._listens else None
        except AttributeError:
            self._puts = []
            return None

    def emit(self, event: Event, whose: SpanContext, subject: Any) -> bool:
        """Emits `event` of now, that tells of `subject`, in the span `whose`; or not at all. Asks nobody whether it is
        listened to.
        """
        puts, now = self._puts, time.time_ns()
        for put in puts:
            made = object.__new__(self._kind)
            made._event, made._time, made._whose, made._subject = event, now, whose, subject
            put(made)
        return bool(puts)

    def _learn(self, logger: Any, processors: Any) -> None:
        self._logger, self._processors, self._puts = logger, processors, []
        sdk = sys.modules.get(type(logger).__module__)
        says = getattr(getattr(sdk, "LogRecordProcessor", None), "enabled", None)
        self._listens = says is not None and any(type(each).enabled is says for each in processors)
        theirs: Any = getattr(sdk, "ReadableLogRecord", None)
        limits = logger._log_record_limits
        metrics = getattr(logger, "_logger_metrics", None)
        if getattr(theirs, "__dataclass_fields__", {}).keys() != READABLE:
            return
        if limits.max_log_record_attribute_length is not None or vars(LogRecord()).keys() != RECORD:
            return
        if metrics is not None and not type(metrics).__name__.startswith("NoOp"):
            return
        make = otel_attributes.of_at_most(limits.max_log_record_attributes)
        puts = [put for put in map(otel_queues.put_of, processors) if put is not None]
        if make is None or len(puts) != len(processors):
            return
        common = {
            "_told": staticmethod(self._told),
            "_make": staticmethod(make),
            "limits": limits,
            # A forked child may be given another one.
            "resource": property(lambda _: logger._resource),
            "instrumentation_scope": logger._instrumentation_scope,
            "__module__": theirs.__module__,
        }
        self._kind, self._puts = type(theirs.__name__, (Emitted, theirs), common), puts


def sdk_logger(logger: Any) -> Any:
    """The SDK's own logger behind one that was made before the global provider was set."""
    return getattr(logger, "_logger", None) or logger
