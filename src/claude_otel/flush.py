"""The last export of a process that ends past `atexit`, where OpenTelemetry's SDK makes its own."""

from __future__ import annotations

import _thread
import time
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider

from claude_otel import bodies, guard

SECONDS = 5.0
"""How long it may take: less than what Docker, systemd and Kubernetes wait before they kill."""


class LastExport:
    """Ends the calls whose streams are open, and has the providers send what they hold."""

    def __init__(self, providers: Sequence[Any]) -> None:
        """`providers` of spans, metrics and logs; `None` for the global one, looked up as late as can be."""
        self._providers = providers

    def __call__(self) -> None:
        """Returns when everything was sent, or when the time is over. Never raises."""
        deadline = time.monotonic() + SECONDS
        bodies.end_all()
        globals_now = (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())
        # Side by side: one whose backend is down leaves time for the others.
        flushes = [
            started(provider.force_flush)
            for given, provided in zip(self._providers, globals_now, strict=True)
            if hasattr(provider := provided if given is None else given, "force_flush")
        ]
        for ended in flushes:
            ended.acquire(timeout=max(deadline - time.monotonic(), 0))


def started(flush: Callable[[], object]) -> _thread.LockType:
    """A lock that is free when `flush` has ended. In a thread of its own, as not every exporter keeps to a time-out."""
    ended = _thread.allocate_lock()
    ended.acquire()

    def run() -> None:
        try:
            flush()
        except Exception:
            guard.failed("end")
        finally:
            ended.release()

    _thread.start_new_thread(run, ())
    return ended
