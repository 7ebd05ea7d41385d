"""Whether a program of the stack is well: asked over HTTP, as its own health check wants it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from claude_otel.cli.problem import Problem
from claude_otel.stack.ports import HOST
from claude_otel.stack.running import running
from claude_otel.stack.service import Service
from claude_otel.stack.state import State

LIMIT = 180.0
"""Seconds after which a program is given up that still lives. Prometheus first reads its write-ahead log."""

STEP = 0.1

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks loopback itself, whatever proxy the environment names."""


def is_healthy(url: str, timeout: float = 2) -> bool:
    """Whether `url` answers with a success."""
    try:
        with OPENER.open(url, timeout=timeout) as answer:
            return bool(answer.status < 300)
    except (OSError, ValueError):
        return False


def await_health(service: Service, state: State, say: Callable[[str], None], limit: float = LIMIT) -> float:
    """Seconds until `service` was healthy. Raises `Problem` with its last lines when it ends or is not in time."""
    began = time.monotonic()
    told = 0.0
    while not is_healthy(service.health):
        waited = time.monotonic() - began
        if running(state.run(service.name)) is None:
            raise Problem(f"{service.name} ended as it started. {last_lines(state.log(service.name))}")
        if waited > limit:
            raise Problem(
                f"{service.name} is not ready after {limit:.0f} s ({service.health}). "
                f"{last_lines(state.log(service.name))}"
            )
        if waited - told > 5:
            told = waited
            say(f"  {service.name} is starting, {waited:.0f} s …")
        time.sleep(STEP)
    return time.monotonic() - began


LEDGER = 'count(claude:cost_usd:ledger{part="since"})'
"""There as soon as the rules have been evaluated once: what comes before is in no sum of the day and the month."""

LEDGER_LIMIT = 90.0
"""Seconds that the first evaluation may take: the rules have an interval of a minute."""


def await_ledger(prometheus: int, say: Callable[[str], None], limit: float = LEDGER_LIMIT) -> bool:
    """Whether the sums of the day and the month have begun, of the Prometheus at the port `prometheus`."""
    began = time.monotonic()
    told = False
    while not ledger_counts(prometheus):
        waited = time.monotonic() - began
        if waited > limit:
            say(f"No rule was evaluated in {limit:.0f} s: see http://{HOST}:{prometheus}/rules. Sums have not begun.")
            return False
        if waited > 2 and not told:
            told = True
            say("  waiting for the first evaluation of the rules, up to a minute: what comes before it is in no sum …")
        time.sleep(STEP * 5)
    return True


def ledger_counts(prometheus: int) -> bool:
    """Whether the rules have been evaluated."""
    try:
        return bool(instant_query(prometheus, LEDGER))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def instant_query(prometheus: int, promql: str) -> list[dict[str, Any]]:
    """What the Prometheus at the port `prometheus` answers now. Raises OSError where nobody does."""
    url = f"http://{HOST}:{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
    with OPENER.open(url, timeout=2) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found


def last_lines(log: Path, count: int = 6) -> str:
    """The last lines of a log, and where it is."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except OSError:
        lines = []
    told = "\n  ".join(line[:300] for line in lines) or "(it printed nothing)"
    return f"It printed last:\n  {told}\nAll of it: {log}"
