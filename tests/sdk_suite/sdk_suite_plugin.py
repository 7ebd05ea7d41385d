"""A plugin for the SDK's own tests: writes the outcome of each, and runs them with the SDK instrumented if asked to.

The tests know nothing of us. Two things that no application does are kept out of their sight, for all tests alike: the
attributes that are ours on the SDK's own span, which the tests compare whole, and the calls of OpenTelemetry that our
providers make, as tests replace functions of `opentelemetry.trace` to see whether the SDK calls them.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

outcomes: dict[str, str] = {}
"""Of each test by its id, as the process that reports has seen it."""

kept = Counter[str]()
"""How many calls, spans and events were recorded; of other processes too, as they end."""

failures: list[str] = []
"""Failures of ours, which the guard has kept from the test."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outcomes", help="the file to write the outcomes to, as JSON")
    parser.addoption("--instrumented", action="store_true", help="instrument the SDK in every process that runs tests")


def pytest_configure(config: pytest.Config) -> None:
    """Instruments the SDK in a process that runs tests."""
    runs_tests = is_worker(config) or not config.getoption("numprocesses", None)
    if config.getoption("--instrumented") and runs_tests:
        config.stash[RECORDED] = Recorded()


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


class Recorded:
    """Providers that count what they are given, and the SDK instrumented with them."""

    def __init__(self) -> None:
        from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

        import claude_otel
        from claude_otel import guard

        class Spans(SpanProcessor):
            def on_end(self, span: Any) -> None:
                kept["spans"] += 1

        class Events(LogRecordProcessor):
            def on_emit(self, log_record: Any) -> None:
                kept["events"] += 1

            def shutdown(self) -> None: ...

            def force_flush(self, timeout_millis: int = 30000) -> bool:
                return True

        tracers, loggers = TracerProvider(), LoggerProvider()
        tracers.add_span_processor(Spans())
        loggers.add_log_record_processor(Events())
        self.metrics = InMemoryMetricReader()
        guard.listeners.append(remember)
        hide_our_attributes()
        keep_functions_of_trace()
        claude_otel.instrument(
            tracer_provider=tracers, logger_provider=loggers, meter_provider=MeterProvider([self.metrics])
        )

    def calls(self) -> int:
        """The calls that the metric counts."""
        data = self.metrics.get_metrics_data()
        metrics = [m for r in (data.resource_metrics if data else ()) for s in r.scope_metrics for m in s.metrics]
        return int(sum(point.value for m in metrics if m.name == "claude.calls" for point in m.data.data_points))


RECORDED = pytest.StashKey[Recorded]()


def remember(component: str) -> None:
    failures.append(f"{os.environ.get('PYTEST_CURRENT_TEST')}: {component}: {sys.exc_info()[1]!r}")


def hide_our_attributes() -> None:
    """Leaves our attributes out of a span's `attributes`, where that is the SDK's own."""
    from opentelemetry.sdk.trace import ReadableSpan

    from claude_otel.attributes import beside_the_sdks

    whole = ReadableSpan.attributes.fget
    assert whole is not None

    def attributes(span: ReadableSpan) -> Any:
        found = whole(span)
        ours = beside_the_sdks(dict(found or {}))
        if not ours or span.name.startswith("chat "):
            return found
        return {name: value for name, value in found.items() if name not in ours}

    ReadableSpan.attributes = property(attributes)  # type: ignore[misc, assignment]


def keep_functions_of_trace() -> None:
    """Gives OpenTelemetry's SDK the functions of `opentelemetry.trace` as they are now, whatever a test replaces."""
    from opentelemetry import trace

    now = ModuleType(trace.__name__)
    vars(now).update(vars(trace))
    for name, module in list(sys.modules.items()):
        if name.startswith("opentelemetry.sdk."):
            for attribute in [key for key, value in vars(module).items() if value is trace]:
                setattr(module, attribute, now)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keeps the worst outcome of a test's setup, call and teardown."""
    outcome = report.outcome if report.when == "call" or report.outcome != "failed" else "error"
    if hasattr(report, "wasxfail"):
        outcome = "xfailed" if report.skipped else "xpassed"
    if outcome != "passed" or report.nodeid not in outcomes:
        outcomes[report.nodeid] = outcome


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        outcomes[report.nodeid] = "not collected"


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Takes what another process has recorded."""
    output = getattr(node, "workeroutput", {})
    kept.update(output.get("kept", {}))
    failures.extend(output.get("failures", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands on what this process has recorded, and writes the outcomes where all processes report to it."""
    config = session.config
    recorded = config.stash.get(RECORDED, None)
    if recorded is not None:
        kept["calls"] += recorded.calls()
    if is_worker(config):
        config.workeroutput.update(kept=dict(kept), failures=failures)  # type: ignore[attr-defined]
    elif path := config.getoption("--outcomes"):
        Path(path).write_text(json.dumps({"outcomes": outcomes, "kept": kept, "failures": failures}), encoding="utf-8")
