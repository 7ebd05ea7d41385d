"""One call from end to end: the user's environment, a fake API, and a receiver in place of the user's endpoint.

The call is made by a process of its own, instrumented as `opentelemetry-instrument` instruments an application.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claude_otel.cli.checks.finding import Finding, error, ok, warning
from claude_otel.cli.checks.seen import Seen, receiving
from claude_otel.cli.checks.traces import doubled
from claude_otel.cli.environment import EXPORTER_PREFIX, keep_from_proxies, site_directory, with_first
from claude_otel.cli.fmt import usd
from claude_otel.config import LOGS

CHECK = "trial call"
PROGRAM = Path(__file__).with_name("trial_program")
MARK = "claude-otel-doctor:"
MODEL = "claude-haiku-4-5"

SECONDS = 8.0
"""How long the call may take, the start of Python included, on a machine that is not overloaded."""

LOGGED = "opentelemetry-instrument python -c 'import anthropic'"
"""Prints the errors that kept OpenTelemetry or an instrumentor from starting."""

TOO_LONG = "it did not end within"

ELSEWHERE = ("OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE")
"""Settings that would lead the telemetry past the receiver."""


@dataclass
class Trial:
    """What came of the call."""

    told: dict[str, Any] = field(default_factory=dict)
    """What the process told of itself; empty when it failed."""

    failure: str = ""
    seen: Seen = field(default_factory=Seen)

    @property
    def instrumented(self) -> bool:
        """Whether claude-otel was at work in the process."""
        return bool(self.told.get("instrumented"))


def environment(env: Mapping[str, str], endpoint: str, api: Mapping[str, str]) -> dict[str, str]:
    """The user's environment, with telemetry sent to `endpoint`, and the SDK to the fake API, with no key of theirs."""
    kept = {name: text for name, text in env.items() if not name.startswith(EXPORTER_PREFIX) and name not in ELSEWHERE}
    for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_PROFILE"):
        kept.pop(name, None)
    kept.update(api, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
    kept["PYTHONPATH"] = with_first(site_directory(), env.get("PYTHONPATH", ""))
    keep_from_proxies(kept)
    return kept


def trial(env: Mapping[str, str]) -> Trial:
    """The outcome of one call. Never raises for what the process does."""
    from claude_otel.fakeapi import FakeAPI

    with FakeAPI() as api, receiving() as (seen, receiver):
        result = Trial(seen=seen)
        command = [sys.executable, str(PROGRAM), MARK, MODEL]
        limit = seconds()
        try:
            ended = subprocess.run(
                command,
                env=environment(env, receiver.url, api.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            result.failure = f"{TOO_LONG} {limit:.0f} s"
            return result
        receiver.drain(1.0)
        result.told = told(ended.stdout.decode("utf-8", "replace"))
        if not result.told:
            result.failure = last_line(ended.stderr.decode("utf-8", "replace")) or f"exit code {ended.returncode}"
    return result


def seconds() -> float:
    """How long the call may take here: longer where more processes want to run than there are processors."""
    return SECONDS * min(4.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


def unwanted(env: Mapping[str, str]) -> set[str]:
    """The signals that the environment keeps from telling of every call."""
    found = set()
    if env.get("OTEL_TRACES_SAMPLER", "").strip() not in ("", "always_on", "parentbased_always_on"):
        found.add("traces")
    if env.get(LOGS, "").strip().lower() in ("errors", "off"):
        found.add("logs")
    return found


def told(output: str) -> dict[str, Any]:
    """What the process printed of itself, among what exporters may print."""
    for line in reversed(output.splitlines()):
        if line.startswith(MARK):
            with contextlib.suppress(ValueError):
                return dict(json.loads(line.removeprefix(MARK)))
    return {}


def last_line(output: str) -> str:
    """The last line that is not empty, which of a traceback is the exception."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def findings(result: Trial, wanted: Set[str]) -> list[Finding]:
    """What the call showed. Signals that are not `wanted` have a finding of their own."""
    if result.failure.startswith(TOO_LONG):
        what = f"one call to a fake API is not known to be recorded: {result.failure}"
        return [warning(CHECK, what, "Something hangs, or the machine is busy: run it again.")]
    if result.failure:
        what = f"one call to a fake API failed: {result.failure}"
        return [error(CHECK, what, "Does the SDK work in this environment?", f"{sys.executable} -c 'import anthropic'")]
    if not result.instrumented:
        what = "one call was made under opentelemetry-instrument, and claude-otel was not loaded"
        return [error(CHECK, what, "The errors above say why. If there are none, see what it prints:", LOGGED)]
    return [*arrived(result.seen, wanted), *told_twice(result.seen)]


def arrived(seen: Seen, wanted: Set[str]) -> list[Finding]:
    """Whether span, metric and event of the call came, and whether it was priced."""
    came = {"traces": len(seen.call_spans), "metrics": seen.calls, "logs": seen.report.calls}
    names = {"traces": "span", "metrics": "metric", "logs": "event"}
    missing = [names[signal] for signal, count in came.items() if not count and signal in wanted]
    got = [names[signal] for signal, count in came.items() if count]
    cost = seen.usd
    found = []
    if got:
        by = f"; its span is made by {', '.join(seen.scopes)}" if seen.scopes else ""
        found.append(ok(CHECK, f"one call was recorded as {', '.join(got)} at {usd(cost)}{by}"))
    if missing:
        what = f"one call was made, and no {' and no '.join(missing)} of it was exported"
        found.append(error(CHECK, what, "The findings above say why. If there are none, see what it prints:", LOGGED))
    if got and not cost and (seen.calls or seen.report.calls):
        what = f"one call of {MODEL} has no cost"
        found.append(error(CHECK, what, "Look at `prices` of your claude-otel.yaml.", "unset CLAUDE_OTEL_CONFIG"))
    return found


def told_twice(seen: Seen) -> list[Finding]:
    """Whether the call's tokens are on two spans."""
    return [two_spans(doubled(seen.spans), seen.scopes)] if doubled(seen.spans) else []


def two_spans(count: int, scopes: list[str]) -> Finding:
    """The finding that calls have two token-bearing spans."""
    said = "1 span tells" if count == 1 else f"{count} spans tell"
    what = f"{said} the tokens of a call that another span tells too (by {', '.join(scopes)}): they are counted twice"
    remedy = "Leave the spans to one of them; `auto` does, where it can:"
    return error(
        "spans", what, remedy, "unset CLAUDE_OTEL_SPANS", "export OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=anthropic"
    )


def providers(result: Trial) -> list[Finding]:
    """Which providers the process had: the SDK's, or none that record."""
    named = result.told.get("providers") or {}
    if not named:
        return []
    idle = [signal for signal, name in named.items() if "sdk" not in name]
    if idle:
        what = (
            f"no provider is set up for {', '.join(idle)} under opentelemetry-instrument: {', '.join(named.values())}"
        )
        return [warning("providers", what, "The findings above say why.")]
    return [ok("providers", "set up by OpenTelemetry's SDK for " + ", ".join(named))]
