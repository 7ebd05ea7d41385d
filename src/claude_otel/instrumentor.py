"""`ClaudeInstrumentor`: switches the recording of calls on and off."""

from __future__ import annotations

import atexit
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import LoggerProvider, get_logger
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from claude_otel import bodies, config, guard, metrics, sigterm
from claude_otel import telemetry as t
from claude_otel.bookkeeping import Books
from claude_otel.flush import LastExport
from claude_otel.recorder import Recorder
from claude_otel.seam import Seam
from claude_otel.workers import Workers

try:
    VERSION = version("claude-otel")
except PackageNotFoundError:  # run from a source tree
    VERSION = "0"


class ClaudeInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instruments the `anthropic` SDK. `opentelemetry-instrument` finds it under the name `claude`."""

    _seam: Seam | None = None
    _workers: Workers | None = None
    _on_sigterm: sigterm.Handler | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """The versions of the SDK that are supported."""
        return ("anthropic >= 0.108, < 3",)

    def _instrument(self, **kwargs: Any) -> None:
        try:
            settings = config.load()
            providers = (kwargs.get("tracer_provider"), kwargs.get("meter_provider"), kwargs.get("logger_provider"))
            self._seam = seam(settings, *providers)
            self._seam.install()
            export = LastExport(providers)
            self._workers = Workers(export)
            if settings.flush_on_sigterm:
                self._on_sigterm = sigterm.install(export)
            # Last registered, first run: before the exporters of a provider that exists are shut down.
            atexit.unregister(bodies.end_all)
            atexit.register(bodies.end_all)
        except Exception:
            # An exception here would keep the instrumentors after us from loading.
            guard.log.warning("claude-otel could not start; calls are not recorded", exc_info=True)

    def _uninstrument(self, **_: Any) -> None:
        if self._seam is not None:
            self._seam.remove()
            self._seam = None
        if self._workers is not None:
            self._workers.stop()
            self._workers = None
        if self._on_sigterm is not None:
            sigterm.remove(self._on_sigterm)
            self._on_sigterm = None


def seam(
    settings: config.Settings,
    tracer_provider: TracerProvider | None,
    meter_provider: MeterProvider | None,
    logger_provider: LoggerProvider | None,
) -> Seam:
    """The seam that records to these providers, or to the global ones."""
    edges = {
        t.DURATION_METRIC.name: settings.duration_budgets,
        t.FIRST_CHUNK_METRIC.name: settings.duration_budgets,
        t.FIRST_TEXT_METRIC.name: settings.duration_budgets,
        t.PER_TOKEN_METRIC.name: settings.per_token_budgets,
    }
    books = Books(metrics.instruments(meter_provider, VERSION, edges))
    guard.listeners[:] = [listener for listener in guard.listeners if not isinstance(listener, CountFailures)]
    guard.listeners.append(CountFailures(books))
    tracer = trace.get_tracer(t.SCOPE, VERSION, tracer_provider)
    logger = get_logger(t.SCOPE, VERSION, logger_provider)
    return Seam(Recorder(settings, tracer, logger, books))


class CountFailures:
    """Counts our own failures in `claude.instrumentation.errors`."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def __call__(self, component: guard.Component) -> None:
        self._books.error(component)


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
) -> None:
    """Instruments the SDK, for clients that exist and those to come. The global providers are the default.

    Does nothing when it is instrumented already. Never raises.
    """
    instrumentor = ClaudeInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(
            tracer_provider=tracer_provider, meter_provider=meter_provider, logger_provider=logger_provider
        )


def uninstrument() -> None:
    """Restores the SDK, also for clients that exist. Does nothing when it is not instrumented."""
    instrumentor = ClaudeInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
