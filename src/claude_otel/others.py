"""Other instrumentors of the SDK. The span of a call that one of them has made a span for is left to it."""

from __future__ import annotations

import sys
from types import FrameType

from claude_otel.attribution import SKIPPED

INSTRUMENTORS = (
    "opentelemetry.instrumentation.anthropic",
    "opentelemetry.instrumentation.genai.anthropic",
    "openinference.instrumentation.anthropic",
    "openlit.instrumentation.anthropic",
    "logfire._internal.integrations.llm_providers",
)
"""Packages whose wrappers make a span that bears tokens."""


def made_span(frame: FrameType | None) -> bool:
    """Whether a wrapper of another instrumentor stands between the SDK's `frame` and the application.

    Told for each call: none of them sees every way into the SDK.
    """
    if not any(name in sys.modules for name in INSTRUMENTORS):
        return False
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.startswith(INSTRUMENTORS):
            return True
        if module.partition(".")[0] not in SKIPPED:
            return False
        frame = frame.f_back
    return False
