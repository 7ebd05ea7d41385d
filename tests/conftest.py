"""What every test has: providers that keep what is exported, and no failure of ours that passes unseen."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

import claude_otel
from claude_otel import guard


class Exported:
    """Everything that was exported so far, in the order in which it ended."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        resource = Resource({"service.name": "tests", "service.instance.id": "one"})
        self._spans = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(sampler=sampler, resource=resource)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self._metrics = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._metrics], resource=resource)
        self._events = InMemoryLogRecordExporter()
        self.logger_provider = LoggerProvider(resource=resource)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._events))

    def instrument(self) -> None:
        """Instruments the SDK with these providers."""
        claude_otel.instrument(
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            logger_provider=self.logger_provider,
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that ended."""
        return list(self._spans.get_finished_spans())

    def span(self) -> dict[str, Any]:
        """The attributes of the only span."""
        (span,) = self.spans
        return dict(span.attributes or {})

    def events(self, name: str = "claude.call") -> list[dict[str, Any]]:
        """The attributes of the events with this name."""
        records = [data.log_record for data in self._events.get_finished_logs()]
        return [dict(record.attributes or {}) for record in records if record.event_name == name]

    def points(self, metric: str) -> list[Any]:
        """The data points of a metric now."""
        data = self._metrics.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for each in scope.metrics
            if each.name == metric
            for point in each.data.data_points
        ]

    def value(self, metric: str, **attributes: Any) -> float:
        """The sum of a counter, or the count of a histogram, over the points that have these attributes.

        Dots of an attribute's name are written as `__`: `claude__surface="chat"`.
        """
        wanted = {name.replace("__", "."): value for name, value in attributes.items()}
        points = [p for p in self.points(metric) if all(p.attributes.get(k) == v for k, v in wanted.items())]
        return sum(point.value if hasattr(point, "value") else point.count for point in points)

    def clear(self) -> None:
        """Forgets spans and events; metrics stay, as they are sums."""
        self._spans.clear()
        self._events.clear()


@pytest.fixture
def exported() -> Iterator[Exported]:
    """The SDK instrumented with providers that keep what they export."""
    kept = Exported()
    kept.instrument()
    yield kept
    claude_otel.uninstrument()


@pytest.fixture
def failures() -> list[str]:
    """Failures of ours that a test expects: it takes them out of this list."""
    return []


@pytest.fixture(autouse=True)
def no_failure_of_ours(failures: list[str]) -> Iterator[None]:
    """Fails a test in which code of ours raised, which the application would never see."""

    def remember(component: guard.Component) -> None:
        failures.append(f"{component}: {sys.exc_info()[1]!r}")

    guard.listeners.append(remember)
    yield
    guard.listeners.remove(remember)
    assert failures == []


def pytest_configure() -> None:
    """Listens to the signals that a job in the background ignores, as programs under test inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """In CI a skipped test is a failure: what is not shown there is not shown."""
    skipped = terminalreporter.stats.get("skipped", [])
    if os.environ.get("CI") and skipped:
        terminalreporter.write_line(f"{len(skipped)} tests were skipped, which is a failure in CI", red=True)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Makes the run fail when CI skipped a test."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
