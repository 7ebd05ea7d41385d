"""The end of a call whose stream was let go of, which can come in the middle of anything.

The garbage collector may run while this very thread holds a lock that is needed to book a call: one of ours, or of
OpenTelemetry's SDK, whose code takes it. Then another thread books it, once the lock is free.
"""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable
from types import FrameType

from claude_otel import guard

LOCKING = (
    "claude_otel.batches",
    "claude_otel.cache_watch",
    "claude_otel.metrics",
    "claude_otel.otel_histograms",
    "claude_otel.otel_spans",
    "opentelemetry.sdk",
)
"""The modules that call others while they hold a lock, by the beginning of their names."""


def unless_locked(end: Callable[[], None]) -> None:
    """Calls `end` now, or in another thread where this one may hold a lock that it needs."""
    if not may_hold_lock(sys._getframe(1)):
        end()
        return
    try:
        _thread.start_new_thread(quietly, (end,))
    except RuntimeError:
        guard.log.debug("A dropped stream was not recorded: the interpreter shuts down")


def may_hold_lock(frame: FrameType | None) -> bool:
    """Whether `frame` runs within code that holds a lock."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(LOCKING):
            return True
        frame = frame.f_back
    return False


def quietly(end: Callable[[], None]) -> None:
    """Calls `end`. Never raises: nobody catches what a thread does."""
    try:
        end()
    except Exception:
        guard.failed("end")
