"""Who else makes spans of the same calls: other instrumentors of `anthropic`, and the SDK's own tracing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import metadata

from claude_otel.cli.checks.finding import Finding, ok, warning
from claude_otel.cli.checks.installed import name_of, named, version_of
from claude_otel.sdk_option import PREFIX

MODULES = (
    "opentelemetry.instrumentation.genai.anthropic",
    "opentelemetry.instrumentation.anthropic",
    "openinference.instrumentation.anthropic",
    "openlit",
    "logfire",
)
"""Where the entry points of instrumentors of `anthropic` lead."""

BY_CALL = {
    "openlit": "openlit.init()",
    "logfire": "logfire.instrument_anthropic()",
    "traceloop-sdk": "Traceloop.init()",
}
"""Distributions that instrument `anthropic` when the program calls them, and the call."""

DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def neighbours(env: Mapping[str, str]) -> list[Finding]:
    """The other instrumentors that are installed, by entry point or by call."""
    points = list(metadata.entry_points(group="opentelemetry_instrumentor"))
    by_entry_point = [point for point in (named(points, module) for module in MODULES) if point is not None]
    found = [beside(point, env) for point in by_entry_point]
    found += [on_demand(name, call) for name, call in BY_CALL.items() if version_of(name)]
    return found or [ok("others", "no other instrumentor of anthropic is installed")]


def beside(point: metadata.EntryPoint, env: Mapping[str, str]) -> Finding:
    """The finding of an instrumentor that `opentelemetry-instrument` loads beside ours."""
    names = [name.strip() for name in env.get(DISABLED, "").split(",") if name.strip()]
    if point.name in names or "*" in names:
        return ok("others", f"{name_of(point)} is installed and disabled by {DISABLED}")
    what = (
        f"{name_of(point)} instruments anthropic too (entry point {point.name!r}): where it makes the span "
        "of a call, claude-otel makes none. Metrics, events and cost are claude-otel's for every call"
    )
    dist = getattr(point, "dist", None)
    remedy = "To have claude-otel's spans, disable it, or uninstall it:"
    disable = f"export {DISABLED}={','.join([*names, point.name])}"
    return warning("others", what, remedy, disable, f"{sys.executable} -m pip uninstall {dist.name if dist else ''}")


def on_demand(name: str, call: str) -> Finding:
    """The finding of a package that instruments only when it is told to."""
    return ok("others", f"{name} {version_of(name)} is installed; it makes spans of calls if the program says {call}")


def sdk_tracing(env: Mapping[str, str]) -> list[Finding]:
    """Whether the SDK's own tracing is configured by the environment. Names only: a value may be a secret."""
    names = sorted(name for name in env if name.startswith(PREFIX))
    mode = env.get("CLAUDE_OTEL_SPANS", "").strip().lower()
    if not names:
        return [ok("sdk tracing", f"the SDK's own tracing is not configured ({PREFIX}* are not set)")]
    if mode in ("own", "native", "off"):
        return [ok("sdk tracing", f"{', '.join(names)} is set, and CLAUDE_OTEL_SPANS={mode} says whose span it is")]
    what = (
        f"the SDK's own tracing is configured ({', '.join(names)}): the span of a call is the SDK's, "
        "with claude-otel's cost and surface added to it"
    )
    remedy = "If you did not mean that, take the variable out, or ask for claude-otel's spans:"
    return [warning("sdk tracing", what, remedy, f"unset {' '.join(names)}", "export CLAUDE_OTEL_SPANS=own")]
