"""Why nothing was seen, as far as it can be told from outside, and what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from claude_otel.cli.environment import is_python
from claude_otel.cli.health import Health
from claude_otel.cli.process import executable

SWITCHES = ("S", "I", "E")
"""Options of Python under which it does not read `PYTHONPATH` or start `sitecustomize`."""


def nothing_seen(health: Health, command: Sequence[str], env: Mapping[str, str]) -> str:
    """Why no call was seen, and the remedy."""
    if "claude" in disabled(env) or "*" in disabled(env):
        return "The instrumentation is switched off: take `claude` out of OTEL_PYTHON_DISABLED_INSTRUMENTATIONS."
    if health.requests:
        return (
            "The program was instrumented, and no call to Claude through the `anthropic` package was seen. "
            "If it should have made one, look at its own output above."
        )
    return f"No telemetry arrived. {cause(command, env)}"


def disabled(env: Mapping[str, str]) -> list[str]:
    """The instrumentations that the user has switched off."""
    return [name.strip() for name in env.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")]


def cause(command: Sequence[str], env: Mapping[str, str]) -> str:
    """The most likely reason why a program sent nothing."""
    python = interpreter(command, env)
    if python is None:
        return "Only Python programs are seen, and this does not look like one."
    switch = switched_off(command)
    if switch:
        return f"Python was started with -{switch}, which keeps it from reading PYTHONPATH: run it without."
    if os.path.dirname(python) != os.path.dirname(sys.executable):
        return f"It runs on {python}, which needs claude-otel too: {python} -m pip install claude-otel"
    return "The program ended before it could send (killed, or os._exit), or has a sitecustomize of its own."


def interpreter(command: Sequence[str], env: Mapping[str, str]) -> str | None:
    """The Python that runs the command: the program itself, or the one its #! line names."""
    file = executable(command[0], env.get("PATH", os.defpath))
    if is_python(file):
        return file
    with open(file, "rb") as stream:
        words = stream.readline(500).decode("utf-8", "replace").removeprefix("#!").split()
    named = [word for word in words[:3] if is_python(word)]
    return named[0] if named else None


def switched_off(command: Sequence[str]) -> str | None:
    """The option among those given to Python that keeps us out."""
    for argument in command[1:]:
        if not argument.startswith("-") or argument in ("-m", "-c"):
            return None
        found = [letter for letter in SWITCHES if letter in argument[1:]]
        if found and not argument.startswith("--"):
            return found[0]
    return None
