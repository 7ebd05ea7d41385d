"""Stacks that are filled: a program's calls to a fake API, seen by Collector and Prometheus, and their journal."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import invented_history
from asking import Grafana
from native_stack import Stack, eventually, native_stack

from claude_otel.demo.scenarios import ANSWERS, SCENARIOS
from claude_otel.fakeapi import Entry, FakeAPI, Latency, RateLimits
from claude_otel.monitoring.collector import collector_yml
from claude_otel.monitoring.config_file import load
from claude_otel.monitoring.rules_file import rule_files
from claude_otel.stack.health import OPENER
from claude_otel.stack.state import State
from programs import INSTRUMENT, environment

HERE = Path(__file__).resolve().parent
CONFIG_FILE = HERE / "claude-otel.yaml"
CONFIG = load(CONFIG_FILE).config
SECONDS = 12
"""How long a demo runs."""

PAST = invented_history.Shape(surfaces=1, models=1, workers=0, days=3, raw_hours=0)

LATENCY = Latency(first_token=0.15, per_token=0.001, jitter=0.4)
LIMITS = RateLimits(requests=600, input_tokens=600_000, output_tokens=60_000, enforced=False)


ATTEMPTS = 'sum(claude:attempts:ledger{part="total"})'
BOOK = 'claude:instrumentation_errors:ledger{part="since"}'
"""What is recorded once the ledger counts: what is there before that is its base line."""


@dataclass(frozen=True)
class Filled:
    """What was served, and where it can be asked for."""

    stack: Stack
    entries: list[Entry]
    at: float
    """The time at which all of it has been counted."""
    began: float

    def grafana(self, **more: Any) -> Grafana:
        """A Grafana that shows the hour that ends then."""
        return Grafana(f"http://127.0.0.1:{self.stack.ports['prometheus']}", self.at, **more)


def rules() -> dict[str, str]:
    """The rules of the tests' claude-otel.yaml, evaluated every second."""
    found = {}
    for path, text in rule_files(CONFIG).items():
        for interval in ("1m", "30s", "15s"):
            text = text.replace(f"    interval: {interval}\n", "    interval: 1s\n")
        found[path] = text
    return found


def without_tempo() -> dict[str, str]:
    """A Collector that sends spans to a Tempo that is not there."""
    dead = "  otlp_grpc/tempo:\n    endpoint: 127.0.0.1:9\n    tls: {insecure: true}\n    sending_queue: {}\n"
    text = collector_yml(CONFIG).replace("\nexporters:\n", f"\nexporters:\n{dead}", 1)
    return {
        "stack/collector.yaml": text.replace("exporters: [file/traces]", "exporters: [file/traces, otlp_grpc/tempo]")
    }


@contextmanager
def filled(directory: Path, scenario: str) -> Iterator[Filled]:
    """A stack with the calls of a scenario: one of the demo, `mixed`, or one of `OTHERS`."""
    if scenario == "past":
        invented_history.write(State(directory).data("prometheus"), time.time() - 5, PAST)
    with native_stack(directory, {**rules(), **(without_tempo() if scenario == "broken" else {})}) as stack:
        eventually(lambda: stack.query(BOOK), bool)
        before = stack.value(ATTEMPTS)
        began = time.time()
        if scenario in SCENARIOS:
            yield settled(stack, demo(stack, directory, scenario), began, before)
        elif scenario == "empty":
            yield counted(stack, [], began)
        else:
            if scenario == "broken":
                break_it(stack)
            with mixed(stack, directory, configured=scenario != "broken") as entries:
                yield settled(stack, entries, began, before)


def variables(stack: Stack, api: FakeAPI, configured: bool = True) -> Mapping[str, str]:
    """What a program is told."""
    own = {"CLAUDE_OTEL_CONFIG": str(CONFIG_FILE)} if configured else {}
    return {
        **environment(),
        **stack.environment,
        **api.environment,
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.version=7",
        **own,
    }


def demo(stack: Stack, directory: Path, scenario: str) -> list[Entry]:
    """Runs the demo's application to its end."""
    play = SCENARIOS[scenario]
    bug = ["--bug", play.bug] if play.bug else []
    script = [*play.faults, *ANSWERS]
    with FakeAPI(script=script, latency=LATENCY, batch_delay=3, retry_after_ms=300, rate_limits=LIMITS) as api:
        command = [INSTRUMENT, sys.executable, "-m", "claude_otel.demo.app", "--seconds", str(SECONDS), *bug]
        done = subprocess.run(
            command, env=variables(stack, api), cwd=directory, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return api.journal.entries


@contextmanager
def mixed(stack: Stack, directory: Path, configured: bool = True) -> Iterator[list[Entry]]:
    """Runs the program with calls of every kind, and holds it at its end."""
    with FakeAPI(latency=LATENCY, rate_limits=LIMITS) as api:
        command = [INSTRUMENT, sys.executable, str(HERE / "mixed.py")]
        program = subprocess.Popen(
            command, env=variables(stack, api, configured), cwd=directory, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert program.stdout
            assert program.stdout.readline() == "done\n"
            yield [entry for entry in api.journal.entries if "x-held" not in entry.headers]
        finally:
            program.communicate(timeout=60)


def settled(stack: Stack, entries: list[Entry], began: float, before: float) -> Filled:
    """What is there once the ledger has counted every attempt since there were `before`."""
    attempts = len(entries)
    seen = eventually(lambda: stack.value(ATTEMPTS) - before, lambda count: count >= attempts, 60)
    assert round(seen, 6) == attempts, f"{seen} attempts were counted, {attempts} were served"
    return counted(stack, entries, began)


def counted(stack: Stack, entries: list[Entry], began: float) -> Filled:
    """What is there once the rules that read the ledger, each other, and the programs of the stack have seen it."""
    eventually(lambda: stack.query("up == 1"), lambda result: len(result) == 3)
    time.sleep(4)
    return Filled(stack, entries, time.time(), began)


def break_it(stack: Stack) -> None:
    """An instrumentation that fails, and samples that Prometheus refuses."""
    send_sum(stack, "claude.instrumentation.errors", time.time(), {"component": "spans"})
    for _ in range(3):
        send_sum(stack, "too.late", time.time() - 7 * 3600, {})
        send_sum(stack, "good", time.time(), {})
        time.sleep(1)


def send_sum(stack: Stack, name: str, at: float, attributes: Mapping[str, str]) -> None:
    """Sends a counter that is 7, with a time stamp."""
    labels = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    point = {"asInt": "7", "timeUnixNano": str(int(at * 1e9)), "attributes": labels}
    metric = {"name": name, "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}}
    service = [{"key": "service.name", "value": {"stringValue": "shop"}}]
    body = {"resourceMetrics": [{"resource": {"attributes": service}, "scopeMetrics": [{"metrics": [metric]}]}]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.ports['otlp-http']}/v1/metrics",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    OPENER.open(request, timeout=10).close()
