"""The events of a call: `claude.call` for each, and `claude.error` for each that failed."""

from __future__ import annotations

import time
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


def emit(logger: Logger, mode: str, call: Call, attributes: dict[str, Any]) -> None:
    """Emits the events of an ended call."""
    if mode == "all":
        _emit(logger, call, t.CALL_EVENT, SeverityNumber.INFO, attributes)
    if failed(call) and call.verdict is not None:
        _emit(logger, call, t.ERROR_EVENT, SEVERITY[call.verdict.blame], attributes)


def _emit(logger: Logger, call: Call, name: str, severity: SeverityNumber, attributes: dict[str, Any]) -> None:
    record = LogRecord(
        timestamp=time.time_ns(),
        context=call.context,
        severity_number=severity,
        severity_text=severity.name,
        event_name=name,
    )
    if not otel_logs.emit(logger, record, attributes):
        record.attributes = attributes
        logger.emit(record)
