"""Runs programs as a user does: under `opentelemetry-instrument`, told by environment variables only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

INSTRUMENT = str(Path(sys.executable).with_name("opentelemetry-instrument"))


def environment(*more: dict[str, str]) -> dict[str, str]:
    """This process's environment without what configures telemetry or the SDK, and then `more`."""
    dropped = ("OTEL_", "CLAUDE_OTEL_", "ANTHROPIC_", "COV_", "PYTEST_", "PYTHON")
    env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    for variables in more:
        env |= variables
    return env


def run(
    arguments: Sequence[str], *more: dict[str, str], cwd: Path, stdin: str = "", instrumented: bool = True
) -> subprocess.CompletedProcess[str]:
    """`python` with `arguments`, after it has ended."""
    command = [*([INSTRUMENT] if instrumented else []), sys.executable, *arguments]
    env = environment(*more)
    return subprocess.run(
        command, env=env, cwd=cwd, input=stdin, capture_output=True, text=True, timeout=300, check=False
    )
