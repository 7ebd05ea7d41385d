"""`CLAUDE_OTEL_FLUSH_ON_SIGTERM`: the last export of a process that does not handle SIGTERM, and is ended by it."""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Callable
from types import FrameType

from claude_otel import guard
from claude_otel.config import FLUSH_ON_SIGTERM

HOLD = 3.0
"""Seconds for which the main thread is held. It may hold the very lock that the export waits for, and then goes on."""


class Handler:
    """A handler of SIGTERM: exports, and ends the process by that signal."""

    def __init__(self, export: Callable[[], None]) -> None:
        self._export = export

    def __call__(self, number: int, _: FrameType | None) -> None:
        # Another SIGTERM ends the process at once.
        signal.signal(number, signal.SIG_DFL)
        ended = _thread.allocate_lock()
        ended.acquire()
        try:
            # Not `threading.Thread`, whose own lock may be held by what was interrupted.
            _thread.start_new_thread(self._end, (number, ended))
        except RuntimeError:  # the interpreter shuts down
            os.kill(os.getpid(), number)
        ended.acquire(timeout=HOLD)

    def _end(self, number: int, ended: _thread.LockType) -> None:
        try:
            self._export()
        except Exception:
            guard.failed("end")
        finally:
            os.kill(os.getpid(), number)
            # The process goes on where the kernel spares it: the first of a container has no default handlers.
            ended.release()


def install(export: Callable[[], None]) -> Handler | None:
    """Has SIGTERM call `export`, unless somebody else handles or ignores it. Never raises."""
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        guard.log.debug("%s: SIGTERM has a handler already, which is left as it is", FLUSH_ON_SIGTERM)
        return None
    handler = Handler(export)
    try:
        signal.signal(signal.SIGTERM, handler)
    except ValueError:
        guard.log.warning("%s has no effect: instrumented outside of the main thread", FLUSH_ON_SIGTERM)
        return None
    return handler


def remove(handler: Handler) -> None:
    """Restores the default handler, where ours is still the one. Never raises."""
    try:
        if signal.getsignal(signal.SIGTERM) is handler:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
    except ValueError:
        guard.log.debug("Outside of the main thread the handler of SIGTERM stays")
