"""The one guard around what runs in the user's application: what fails here is logged at debug and counted.

Nothing of ours is raised into the application. Every wrapper catches `Exception` and calls `failed`.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from typing import Literal

log = logging.getLogger("claude_otel")

Component = Literal["start", "attempt", "response", "stream", "end", "metrics", "event", "span", "fork", "setup"]

listeners: list[Callable[[Component], None]] = []
"""Who is told of a failure while its exception is being handled: the counter, and in tests a fixture that fails."""


def failed(component: Component) -> None:
    """Notes that `component` failed with the exception being handled, and that the application's call goes on."""
    if log.isEnabledFor(logging.DEBUG):
        log.debug("Could not record a call (%s); the call itself goes on\n%s", component, where())
    for listener in listeners:
        listener(component)


def where() -> str:
    """Where the exception being handled was raised, and its type. Not its message, which may quote content."""
    kind, _, trace = sys.exc_info()
    return "".join(traceback.format_tb(trace)) + (kind.__name__ if kind is not None else "")
