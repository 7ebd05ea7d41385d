"""The events of a call: `claude.call` for each, and `claude.error` for each that failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry._logs import Logger, LogRecord, NoOpLogger, SeverityNumber
from opentelemetry.context import get_current
from opentelemetry.trace import get_current_span

from claude_otel import otel_logs
from claude_otel import telemetry as t
from claude_otel.call import Call
from claude_otel.otel_logs import Event

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


CALL: Event = (t.CALL_EVENT, SeverityNumber.INFO, "INFO")
ERRORS: dict[str, Event] = {whose: (t.ERROR_EVENT, severity, severity.name) for whose, severity in SEVERITY.items()}
"""The event of an error, by who is to blame."""


class Emitter:
    """Emits the events of calls."""

    def __init__(self, logger: Logger, mode: str, settle: Callable[[], None]) -> None:
        """`mode` is `all`, `errors` or `off`; `settle` works out what the calls that have ended are to tell."""
        self._logger = logger
        self._mode = mode
        self._settle = settle
        self._emits = otel_logs.Emits(logger, self._attributes)

    def of(self, call: Call) -> Sequence[Event]:
        """The events of an ended call: none where nobody listens."""
        mode, failed = self._mode, call.verdict is not None and call.has_failed
        if mode == "off" or (mode == "errors" and not failed) or not self._is_listened_to():
            return ()
        told = (CALL,) if mode == "all" else ()
        return (*told, ERRORS[call.verdict.blame]) if failed and call.verdict else told

    def _is_listened_to(self) -> bool:
        """Before OpenTelemetry 1.45 only a logger without a provider tells."""
        known = self._emits.is_listened_to()
        if known is not None:
            return known
        enabled = getattr(self._logger, "enabled", None)
        if enabled is not None:
            return bool(enabled(event_name=t.CALL_EVENT))
        return not isinstance(otel_logs.sdk_logger(self._logger), NoOpLogger)

    def emit(self, call: Call, event: Event) -> None:
        """Emits an event of a call that has ended, and is settled or waits for it."""
        span = call.span or get_current_span(call.context)
        if self._emits.emit(event, span.get_span_context(), call):
            return
        name, severity, text = event
        self._logger.emit(
            LogRecord(
                timestamp=time.time_ns(),
                context=call.context or get_current(),
                severity_number=severity,
                severity_text=text,
                event_name=name,
                attributes=self._attributes(call),
            )
        )

    def _attributes(self, call: Call) -> dict[str, Any]:
        """What the events of a call tell: what its span does, and how long it took."""
        if call.facts is None:
            self._settle()
        values = {**(call.origin.attributes if call.facts is None else call.facts), t.DURATION: call.duration}
        if call.cost_by_model is not None:
            values[t.COST_BY_MODEL] = call.cost_by_model
        return values
