"""What the user configured of claude-otel: variables, and the file claude-otel.yaml."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from claude_otel import config
from claude_otel.cli.checks.finding import Finding, error, ok, warning
from claude_otel.guard import log

PREFIX = "CLAUDE_OTEL_"

KNOWN = (
    config.SPANS,
    config.LOGS,
    config.CONFIG,
    config.BAGGAGE,
    config.USER_KEY,
    config.USER_KEY_FILE,
    config.FLUSH_ON_SIGTERM,
)
"""The variables that claude-otel reads."""

SDK_DISABLED = "OTEL_SDK_DISABLED"
CONFIG_FILES = ("OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE")


def settings(env: Mapping[str, str]) -> list[Finding]:
    """Every mistake in variables and file, in the words of the warning that the application would log."""
    with warnings_of(log) as said:
        config.load(env)
    found = [error("settings", message, *remedy_of(message)) for message in said]
    found += [unknown(name) for name in sorted(env) if name.startswith(PREFIX) and name not in KNOWN]
    return found or [ok("settings", in_force(env))]


def in_force(env: Mapping[str, str]) -> str:
    """What the settings are, when there is nothing wrong with them."""
    path = env.get(config.CONFIG)
    names = [name for name in KNOWN if env.get(name) and name != config.CONFIG]
    file = f"{path} is valid" if path else "no claude-otel.yaml (CLAUDE_OTEL_CONFIG is not set)"
    return f"{file}; {', '.join(names)} valid" if names else file


def remedy_of(message: str) -> tuple[str, ...]:
    """What to do about a warning of `config`: the variable to unset, where one is at fault."""
    names = [name for name in KNOWN if message.startswith(f"{name}=")]
    if names and names[0] != config.CONFIG:
        return "Give it a value that is expected, or none:", f"unset {names[0]}"
    return ("Correct it: docs/configuration.md says what is expected.",)


def unknown(name: str) -> Finding:
    """The finding of a variable that nobody reads."""
    close = difflib.get_close_matches(name, KNOWN, 1)
    remedy = f"Did you mean {close[0]}?" if close else f"The ones that are read: {', '.join(KNOWN)}."
    return warning("settings", f"{name} is set, and claude-otel reads no variable of that name", remedy)


@contextmanager
def warnings_of(logger: logging.Logger) -> Iterator[list[str]]:
    """The messages that `logger` warns with meanwhile, which go nowhere else."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def switches(env: Mapping[str, str]) -> list[Finding]:
    """OpenTelemetry's own switches that leave nothing to see, or make this page wrong."""
    found = []
    if env.get(SDK_DISABLED, "").strip().lower() == "true":
        what = f"{SDK_DISABLED}=true switches all telemetry off"
        found.append(error("opentelemetry", what, "Take it out:", f"unset {SDK_DISABLED}"))
    for name in CONFIG_FILES:
        if env.get(name):
            what = f"{name} is set: OpenTelemetry then takes its settings from that file, not from the variables below"
            remedy = "Look for exporters and endpoints in that file, or do without it:"
            found.append(warning("opentelemetry", what, remedy, f"unset {name}"))
    if env.get("OTEL_TRACES_SAMPLER", "") in ("always_off", "parentbased_always_off"):
        what = "OTEL_TRACES_SAMPLER drops every span; metrics, events and cost are not sampled"
        found.append(warning("opentelemetry", what, "To have spans:", "unset OTEL_TRACES_SAMPLER"))
    return found
