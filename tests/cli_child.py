"""Runs `claude-otel` as a user does: a process of its own, with real child processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from claude_otel import telemetry
from claude_otel.cli.otlp import INSTANCE, SERVICE, VERSION, Event

TESTS = Path(__file__).parent
EMIT = str(TESTS / "emit_calls.py")

STATE = tempfile.TemporaryDirectory(prefix="claude-otel-state-")
"""Where runs are kept, in place of the user's own."""


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without what would change the output or the telemetry."""
    dropped = ("OTEL_", "CLAUDE_OTEL_", "ANTHROPIC_", "COV_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(dropped) and k not in ("CI", "NO_COLOR")}
    return {**env, "XDG_STATE_HOME": STATE.name, **extra}


def command(*arguments: str) -> list[str]:
    """The command line of `claude-otel` with `arguments`."""
    return [sys.executable, "-m", "claude_otel", *arguments]


def claude_otel(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """`claude-otel` with `arguments`, after it has ended. A program that emits by itself is not instrumented."""
    if any("emit_" in argument for argument in arguments):
        env.setdefault("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "claude")
    return subprocess.run(
        command(*arguments), env=environment(**env), cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


def report_of(run: Sequence[str], path: Path, cwd: Path | None = None, **env: str) -> dict[str, Any]:
    """The JSON report of `claude-otel run` on the command `run`."""
    claude_otel("run", "--json", str(path), *run, cwd=cwd, **env)
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def chat(**changes: Any) -> dict[str, Any]:
    """The attributes of a call that went well; `changes` are given by the constants' names in lower case."""
    attributes: dict[str, Any] = {
        telemetry.OPERATION: "chat",
        telemetry.REQUEST_MODEL: "claude-opus-5-5",
        telemetry.RESPONSE_MODEL: "claude-opus-5-5",
        telemetry.SURFACE: "checkout-chat",
        telemetry.OUTCOME: "completed",
        telemetry.STOP_REASON: "end_turn",
        telemetry.REQUEST_ID: "req_011CSHoEeqs5C35K2UUqR7Fy",
        telemetry.STATUS_CODE: 200,
        telemetry.ATTEMPTS: 1,
        telemetry.DURATION: 1.24,
        telemetry.TIME_TO_FIRST_TEXT: 0.41,
        telemetry.INPUT_TOKENS: 12_300,
        telemetry.CACHE_READ_TOKENS: 11_562,
        telemetry.OUTPUT_TOKENS: 512,
        telemetry.COST: 0.0132,
        "claude.cost.input": 0.0032,
        "claude.cost.output": 0.0100,
    }
    return with_changes(attributes, changes)


def failed(**changes: Any) -> dict[str, Any]:
    """The attributes of a call that an overloaded API refused three times."""
    attributes: dict[str, Any] = {
        telemetry.OPERATION: "chat",
        telemetry.REQUEST_MODEL: "claude-opus-5-5",
        telemetry.SURFACE: "checkout-chat",
        telemetry.OUTCOME: "error",
        telemetry.BLAME: "provider",
        telemetry.ERROR_TYPE: "overloaded_error",
        telemetry.STATUS_CODE: 529,
        telemetry.REQUEST_ID: "req_011CSHoEeqs5C35K2UUqR7Fz",
        telemetry.ATTEMPTS: 3,
        telemetry.BACKOFF: 1.5,
        telemetry.DURATION: 0.82,
    }
    return with_changes(attributes, changes)


def event(attributes: Mapping[str, Any], instance: str = "p1", at: float = 0.0, version: str = "") -> Event:
    """The event of a call of the process `instance` of the program `app` that ended at `at`."""
    return Event(at, "", {INSTANCE: instance, SERVICE: "app", VERSION: version}, dict(attributes))


def with_changes(attributes: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`attributes` with `changes`; `None` takes one away."""
    merged = attributes | {getattr(telemetry, name.upper(), name): value for name, value in changes.items()}
    return {name: value for name, value in merged.items() if value is not None}


def emitting(*calls: Mapping[str, Any]) -> list[str]:
    """A command that emits `calls`."""
    return ["python", EMIT, json.dumps(calls)]
