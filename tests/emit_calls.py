"""Emits `claude.call` events as the instrumentation does: attributes from a JSON list in argument 1."""

import json
import sys
from typing import Any

from opentelemetry._logs import LogRecord, get_logger_provider

from claude_otel import telemetry


def emit(calls: list[dict[str, Any]]) -> None:
    logger = get_logger_provider().get_logger(telemetry.SCOPE)
    for attributes in calls:
        logger.emit(LogRecord(event_name=telemetry.CALL_EVENT, attributes=attributes))


if __name__ == "__main__":
    emit(json.loads(sys.argv[1]))
