"""The events of a call: `claude.call` for each, and `claude.error` for each that failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from opentelemetry._logs import Logger, LogRecord, NoOpLogger, SeverityNumber

from claude_otel import otel_logs
from claude_otel import telemetry as t
from claude_otel.call import Call

SEVERITY = {
    "provider": SeverityNumber.ERROR,
    "budget": SeverityNumber.ERROR,
    "caller": SeverityNumber.ERROR,
    "quota": SeverityNumber.WARN,
    "network": SeverityNumber.WARN,
    "timeout": SeverityNumber.WARN,
    "refused": SeverityNumber.INFO,
    "cancelled": SeverityNumber.INFO,
}
"""How bad an error is, by who is to blame."""


def wanted(logger: Logger, mode: str, call: Call) -> bool:
    """Whether `call` has an event: somebody listens, and the mode (`all`, `errors`, `off`) takes it."""
    if mode == "off" or (mode == "errors" and not failed(call)):
        return False
    return listened_to(logger)


def listened_to(logger: Logger) -> bool:
    """Whether events on `logger` go anywhere. Before OpenTelemetry 1.45 only a logger without a provider tells."""
    enabled = getattr(logger, "enabled", None)
    if enabled is not None:
        return bool(enabled(event_name=t.CALL_EVENT))
    return not isinstance(getattr(logger, "_logger", logger), NoOpLogger)


def failed(call: Call) -> bool:
    """Whether the call has an error to tell of. A cancelled one has none."""
    return call.outcome in ("error", "truncated")


Event = tuple[str, SeverityNumber]


def of(call: Call, mode: str) -> list[Event]:
    """The events of an ended call, and how bad each is."""
    found: list[Event] = []
    if mode == "all":
        found.append((t.CALL_EVENT, SeverityNumber.INFO))
    if failed(call) and call.verdict is not None:
        found.append((t.ERROR_EVENT, SEVERITY[call.verdict.blame]))
    return found


def emit(logger: Logger, call: Call, event: Event, attributes: dict[str, Any], settle: Callable[[], None]) -> None:
    """Emits an event of an ended call, with `attributes` that are filled in when `settle` is called."""
    name, severity = event
    record = LogRecord(
        timestamp=time.time_ns(),
        context=call.context,
        severity_number=severity,
        severity_text=severity.name,
        event_name=name,
    )
    if not otel_logs.emit(logger, record, attributes, settle):
        settle()
        record.attributes = attributes
        logger.emit(record)
