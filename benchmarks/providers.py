"""Providers as in production, whose exporters drop everything, and what a whole record of a call is."""

from __future__ import annotations

import os
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from transport import USD

from claude_otel import telemetry as t

RESOURCE = Resource({"service.name": "bench", "service.instance.id": "one"})

EXPECTED = (
    t.OPERATION, t.PROVIDER, t.REQUEST_MODEL, t.MAX_TOKENS, t.SERVER_ADDRESS, t.SERVER_PORT, t.TIMEOUT, t.MAX_RETRIES,
    t.SDK_METHOD, t.PROMPT_FINGERPRINT, t.SURFACE, t.CALL_SITE, t.RESPONSE_ID, t.RESPONSE_MODEL, t.FINISH_REASONS,
    t.STOP_REASON, t.REQUEST_ID, t.ORGANIZATION_ID, t.WORKSPACE_ID, t.STATUS_CODE, t.OUTCOME, t.INPUT_TOKENS,
    t.OUTPUT_TOKENS, t.CACHE_READ_TOKENS, t.CACHE_WRITE_TOKENS, t.CACHE_WRITE_5M_TOKENS, t.CACHE_WRITE_1H_TOKENS,
    t.REASONING_TOKENS, t.RESPONSE_TIER, t.GEO, t.TIME_TO_FIRST_TEXT, t.TIME_PER_OUTPUT_TOKEN, t.ATTEMPTS,
    t.ATTEMPT_STATUSES, t.COST, t.UNCACHED_COST, t.RATE_LIMIT_TYPE, t.RATE_LIMIT_HEADROOM, "claude.cost.input",
    "claude.cost.output", "claude.cost.cache_read", "claude.cost.cache_write_5m",
)  # fmt: skip
"""The attributes that the span of the call in `transport` must have."""


class Spans(SpanExporter):
    """Counts spans, and keeps the last. It looks at the attributes of each, as every exporter does."""

    def __init__(self) -> None:
        self.count = 0
        self.last: Any = None

    def export(self, spans: Any) -> SpanExportResult:
        self.count += len(spans)
        self.last = spans[-1]
        assert all(span.attributes for span in spans)
        return SpanExportResult.SUCCESS


class Events(LogRecordExporter):
    """Counts events, and looks at each record."""

    def __init__(self) -> None:
        self.count = 0

    def export(self, batch: Any) -> LogRecordExportResult:
        self.count += len(batch)
        assert all(each.log_record.attributes for each in batch)
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        return

    def force_flush(self, _: int = 0) -> bool:
        return True


class Telemetry:
    """Providers as in production, but for exporters that drop everything."""

    def __init__(self) -> None:
        self.spans, self.events, self.metrics = Spans(), Events(), InMemoryMetricReader()
        self.tracer_provider = TracerProvider(resource=RESOURCE)
        self.tracer_provider.add_span_processor(BatchSpanProcessor(self.spans, max_queue_size=100_000))
        self.meter_provider = MeterProvider([self.metrics], resource=RESOURCE)
        self.logger_provider = LoggerProvider(resource=RESOURCE)
        self.logger_provider.add_log_record_processor(BatchLogRecordProcessor(self.events, max_queue_size=100_000))

    def instrument(self, claude_otel: Any, logs: str = "off") -> None:
        """Instruments with these providers by the package `claude_otel`."""
        os.environ["CLAUDE_OTEL_LOGS"] = logs
        claude_otel.instrument(
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            logger_provider=self.logger_provider,
        )

    def flush(self) -> None:
        """Exports what is queued."""
        self.tracer_provider.force_flush()
        self.logger_provider.force_flush()

    def total(self, metric: t.Metric) -> float:
        """The sum of a counter over all its points."""
        data: Any = self.metrics.get_metrics_data()
        points: list[float] = [
            point.value
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for each in scope.metrics
            if each.name == metric.name
            for point in each.data.data_points
        ]
        return sum(points)

    def seen(self) -> dict[str, float]:
        """What was counted so far."""
        return {
            "spans": self.spans.count,
            "events": self.events.count,
            "calls": self.total(t.CALLS_METRIC),
            "cost": self.total(t.COST_METRIC),
        }

    def check(self, before: dict[str, float], count: int, logs: str) -> None:
        """Raises AssertionError where `count` calls since `before` have not left a whole record each."""
        added = {name: value - before[name] for name, value in self.seen().items()}
        assert added["spans"] == count, f"{added['spans']} spans of {count} calls"
        assert added["events"] == (count if logs == "all" else 0), f"{added['events']} events of {count} calls"
        assert added["calls"] == count, f"{added['calls']} of {count} calls counted"
        assert abs(added["cost"] - count * USD) < 1e-9 * count, f"{added['cost']} USD, not {count * USD}"
        missing = {each for each in EXPECTED if each not in self.spans.last.attributes}
        assert not missing, f"the span has no {missing}"
