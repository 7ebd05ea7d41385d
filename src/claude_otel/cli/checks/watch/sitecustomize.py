"""Starts OpenTelemetry in the program that `doctor` runs, and tells doctor when the program sets providers of its own.

Python imports the first `sitecustomize` on its path, so this one stands in for that of `opentelemetry-instrument`.
"""

import functools
import http.client
import os
import sys
from typing import Any


def start() -> None:
    """Does what the `sitecustomize` of `opentelemetry-instrument` does, then watches. Never raises."""
    try:
        from opentelemetry.instrumentation.auto_instrumentation import initialize

        initialize()
        watch()
    except Exception:
        sys.stderr.write("claude-otel doctor: could not instrument this program\n")


def watch() -> None:
    """Wraps the functions with which a program sets its own global providers."""
    from opentelemetry import _logs, metrics, trace

    for module, function in (
        (trace, "set_tracer_provider"),
        (metrics, "set_meter_provider"),
        (_logs, "set_logger_provider"),
    ):
        setattr(module, function, telling(getattr(module, function)))


def telling(wrapped: Any) -> Any:
    """`wrapped`, which also tells doctor that it was called."""

    @functools.wraps(wrapped)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1)
        tell(f"{wrapped.__name__} {caller.f_code.co_filename}:{caller.f_lineno}")
        return wrapped(*args, **kwargs)

    return wrapper


def tell(text: str) -> None:
    """Sends `text` to doctor. Never raises."""
    try:
        address = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"].rpartition("/")[2]
        connection = http.client.HTTPConnection(address, timeout=2)
        connection.request("POST", "/doctor", text.encode("utf-8", "replace"))
        connection.getresponse().read()
        connection.close()
    except Exception:  # noqa: S110 - the program's own work is not to suffer
        pass


start()
