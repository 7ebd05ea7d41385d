"""Other instrumentors of the SDK. The span of a call that one of them has made a span for is left to it.

Told for each call, by the wrapper of theirs that stands between the SDK and the application: none of them sees every
way into the SDK, and some let calls pass without a span. Whether it made one is in a local variable of that wrapper;
where that is not found, in another version of theirs, it did: better a span too few than tokens counted twice.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from inspect import CO_COROUTINE
from types import FrameType
from typing import Any

from opentelemetry.context import get_value
from opentelemetry.trace import get_current_span

from claude_otel.attribution import SKIPPED

LOGFIRE = "logfire._internal.integrations.llm_providers"
GENAI = "opentelemetry.instrumentation.genai.anthropic"
TRACELOOP = "opentelemetry.instrumentation.anthropic"
OPENINFERENCE = "openinference.instrumentation.anthropic"
OPENLIT = "openlit.instrumentation.anthropic"

INSTRUMENTORS = (
    TRACELOOP,
    GENAI,
    OPENINFERENCE,
    OPENLIT,
    LOGFIRE,
)
"""Packages whose wrappers make a span that bears tokens."""

_LOADED = frozenset({*INSTRUMENTORS, "opentelemetry.util.genai"})

INFERENCE = "opentelemetry.genai.client.inference.context"
"""The context key under which `opentelemetry-util-genai` keeps the inference that runs: those within it get no span."""

RAW_HEADER = "x-stainless-raw-response"

Locals = Mapping[str, Any]

RAW, RAW_STREAM, READ, READ_STREAM = ("raw", False), ("raw", True), ("stream", False), ("stream", True)

WITHOUT_TOKENS: dict[str, tuple[tuple[str, bool], ...]] = {
    TRACELOOP: (RAW_STREAM, READ_STREAM),
    OPENINFERENCE: (RAW_STREAM, READ, READ_STREAM),
    OPENLIT: (RAW_STREAM, READ_STREAM),
    LOGFIRE: (RAW, READ),
}
"""The calls whose spans of theirs never bear tokens: by the kind of raw response, and whether it is a stream."""

ASYNC_WITHOUT_TOKENS = {
    **WITHOUT_TOKENS,
    TRACELOOP: (RAW, RAW_STREAM, READ, READ_STREAM),
    OPENLIT: (RAW_STREAM, READ, READ_STREAM),
}
"""The same of async calls."""


def present() -> bool:
    """Whether one of them is loaded."""
    return not sys.modules.keys().isdisjoint(_LOADED)


def made_span(frame: FrameType | None, options: Any, stream: bool) -> bool:
    """Whether another instrumentor, one of those `present`, makes the span with the tokens of the call with these
    `options`. `frame` is the SDK's, of its request.
    """
    wrapper = wrapper_above(frame)
    if wrapper is None or passes(wrapper):
        return within_other_inference()
    without = ASYNC_WITHOUT_TOKENS if wrapper.f_code.co_flags & CO_COROUTINE else WITHOUT_TOKENS
    return (raw_of(options), stream) not in without.get(package_of(wrapper), ())


def suppressed_by_other(frame: FrameType | None) -> bool:
    """Whether instrumentation is off only because Logfire has made the span of this call, and wants no second one."""
    if LOGFIRE not in sys.modules:
        return False
    wrapper = wrapper_above(frame)
    return wrapper is not None and package_of(wrapper) == LOGFIRE and not passes(wrapper)


def wrapper_above(frame: FrameType | None) -> FrameType | None:
    """The wrapper of another instrumentor between the SDK's `frame` and the application."""
    while frame is not None:
        module = module_of(frame)
        if module.startswith(INSTRUMENTORS):
            return frame
        if module.partition(".")[0] not in SKIPPED:
            return None
        frame = frame.f_back
    return None


def module_of(frame: FrameType) -> str:
    return frame.f_globals.get("__name__") or ""


def package_of(wrapper: FrameType) -> str:
    """The instrumentor that a wrapper belongs to."""
    module = module_of(wrapper)
    return next(name for name in INSTRUMENTORS if module.startswith(name))


def raw_of(options: Any) -> str:
    """The kind of raw response that is asked for: `raw`, `stream` for one that is read later, or none."""
    headers = getattr(options, "headers", None)
    if not isinstance(headers, Mapping):
        return ""
    kind = next((str(value) for name, value in headers.items() if str(name).lower() == RAW_HEADER), "")
    # Before 1.0 it said "true".
    return "raw" if kind == "true" else kind


def passes(wrapper: FrameType) -> bool:
    """Whether this wrapper lets the call pass without a span."""
    told = PASSING.get(package_of(wrapper))
    return told is not None and told(wrapper.f_locals)


def _logfire_passes(variables: Locals) -> bool:
    return variables.get("message_template", "") is None


def _genai_passes(variables: Locals) -> bool:
    # Within another inference it takes no span, and gives its numbers to that one.
    invocation = variables.get("invocation")
    return type(invocation).__name__.startswith("Suppressed")


PASSING: dict[str, Callable[[Locals], bool]] = {LOGFIRE: _logfire_passes, GENAI: _genai_passes}
"""By package: whether its wrapper, with these local variables, made no span."""


def within_other_inference() -> bool:
    """Whether the call is a part of an inference whose span bears its tokens: that of a framework.

    A stream of this same SDK that is still open is none: it stays in the context, and has nothing to do with the call.
    """
    if get_value(INFERENCE) is None:
        return False
    scope = getattr(get_current_span(), "instrumentation_scope", None)
    return getattr(scope, "name", None) != GENAI
