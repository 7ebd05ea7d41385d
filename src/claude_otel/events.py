"""The events of a call: `claude.call` for each, and `claude.error` for each that failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from opentelemetry._logs import Logger, LogRecord, NoOpLogger, SeverityNumber
from opentelemetry.context import get_current

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


Event = tuple[str, SeverityNumber]


class Emitter:
    """Emits the events of calls."""

    def __init__(self, logger: Logger, mode: str, settle: Callable[[], None]) -> None:
        """`mode` is `all`, `errors` or `off`; `settle` fills in the attributes of what was emitted."""
        self._logger = logger
        self._mode = mode
        self._settle = settle
        self._emits = otel_logs.Emits(logger, settle)

    def of(self, call: Call) -> list[Event]:
        """The events of an ended call, and how bad each is: none where nobody listens."""
        if self._mode == "off" or (self._mode == "errors" and not failed(call)) or not self._is_listened_to():
            return []
        found: list[Event] = []
        if self._mode == "all":
            found.append((t.CALL_EVENT, SeverityNumber.INFO))
        if failed(call) and call.verdict is not None:
            found.append((t.ERROR_EVENT, SEVERITY[call.verdict.blame]))
        return found

    def _is_listened_to(self) -> bool:
        """Before OpenTelemetry 1.45 only a logger without a provider tells."""
        known = self._emits.is_listened_to()
        if known is not None:
            return known
        enabled = getattr(self._logger, "enabled", None)
        if enabled is not None:
            return bool(enabled(event_name=t.CALL_EVENT))
        return not isinstance(getattr(self._logger, "_logger", self._logger), NoOpLogger)

    def emit(self, call: Call, event: Event, attributes: dict[str, Any]) -> None:
        """Emits an event of an ended call, with `attributes` that are filled in as the call is settled."""
        name, severity = event
        context = call.context or get_current()
        if self._emits.emit(name, severity, context, attributes):
            return
        self._settle()
        self._logger.emit(
            LogRecord(
                timestamp=time.time_ns(),
                context=context,
                severity_number=severity,
                severity_text=severity.name,
                event_name=name,
                attributes=attributes,
            )
        )


def failed(call: Call) -> bool:
    """Whether the call has an error to tell of. A cancelled one has none."""
    return call.outcome in ("error", "truncated")
