"""What a call tells is worked out when somebody looks: nobody who looks can tell, and what waits is bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult

import claude_otel
import wire
from claude_otel import metrics
from claude_otel import telemetry as t
from conftest import Exported

WHOLE = {t.COST, t.OUTPUT_TOKENS, t.OUTCOME, t.REQUEST_ID, t.SURFACE, t.PROVIDER, t.REQUEST_MODEL}
"""Some of those that are known as a call starts, and of those that are worked out."""


class Looks(SpanProcessor):
    """Looks at a span as it ends."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Keeps the attributes that there are now."""
        self.seen.append(dict(span.attributes or {}))


class LooksAtEvents(LogRecordProcessor):
    """Looks at an event as it is emitted."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Keeps the attributes that there are now."""
        self.seen.append(dict(log_record.log_record.attributes or {}))

    def shutdown(self) -> None:
        """Has nothing to end."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Has nothing to send."""
        return True


class Keeps(SpanExporter):
    """Keeps the attributes of what it exports."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Looks at all of them."""
        self.seen += [dict(span.attributes or {}) for span in spans]
        return SpanExportResult.SUCCESS


@pytest.fixture(autouse=True)
def without_ours() -> Iterator[None]:
    """Restores the SDK after each test."""
    yield
    claude_otel.uninstrument()


def test_a_processor_that_looks_at_once_sees_all() -> None:
    exported, spans, events = Exported(), Looks(), LooksAtEvents()
    exported.tracer_provider.add_span_processor(spans)
    exported.logger_provider.add_log_record_processor(events)
    exported.instrument()
    client = wire.client()
    for _ in range(3):
        client.messages.create(**wire.ASK)
    for seen in (spans.seen, events.seen):
        assert [WHOLE - told.keys() for told in seen] == [set()] * 3
    assert exported.value(t.CALLS_METRIC.name) == 3


def test_nobody_looks(exported: Exported) -> None:
    """Few calls wait, and none is lost."""
    table = metrics.instruments(exported.meter_provider, "", {}).table
    client, most = wire.client(), 0
    for _ in range(5 * metrics.MOST_UNSETTLED):
        client.messages.create(**wire.ASK)
        most = max(most, len(table._unsettled))
    assert most == metrics.MOST_UNSETTLED - 1
    assert exported.value(t.CALLS_METRIC.name) == exported.value(t.DURATION_METRIC.name) == 5 * metrics.MOST_UNSETTLED
    assert len(table._unsettled) == 0


@pytest.mark.parametrize("limits", [{"max_span_attributes": 5}, {"max_span_attribute_length": 4}, {}])
def test_limits_of_the_provider_hold(limits: dict[str, int]) -> None:
    """Few attributes, or short ones."""
    exported, kept = Exported(), Keeps()
    provider = TracerProvider(span_limits=SpanLimits(**limits))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    claude_otel.instrument(
        tracer_provider=provider, meter_provider=exported.meter_provider, logger_provider=exported.logger_provider
    )
    client = wire.client()
    for _ in range(2):
        client.messages.create(**wire.ASK)
    for told in kept.seen:
        if "max_span_attributes" in limits:
            assert len(told) == 5
        elif limits:
            assert told[t.OPERATION] == "chat"
            assert max(len(value) for value in told.values() if isinstance(value, str)) == 4
        else:
            assert told.keys() >= WHOLE
    assert len(kept.seen) == 2


def test_an_application_adds_to_our_span(exported: Exported) -> None:
    """Attributes, events and links, while the request runs, of the first call and of one like it."""

    def add() -> None:
        span: Any = trace.get_current_span()
        assert span.attributes[t.OPERATION] == "chat"
        span.set_attribute("mine", 1)
        span.add_event("sent", {"bytes": 2})
        span.add_event("sent again")
        span.add_link(trace.SpanContext(1, 2, is_remote=True))

    client = wire.client(wire=wire.Wire(during=add))
    for _ in range(2):
        client.messages.create(**wire.ASK)
    for span in exported.spans:
        assert span.attributes is not None
        assert span.attributes["mine"] == 1
        assert span.attributes.keys() >= WHOLE
        assert [event.name for event in span.events] == ["sent", "sent again"]
        assert [link.context.span_id for link in span.links] == [2]
    assert all("mine" not in event for event in exported.events())


def test_a_span_that_has_ended_stays_as_it_is(exported: Exported, caplog: pytest.LogCaptureFixture) -> None:
    """As the SDK's do: who changes it is told so."""
    client = wire.client()
    for _ in range(2):
        client.messages.create(**wire.ASK)
    for span in exported.spans:
        before: Any = dict(span.attributes or {})
        assert span.events == span.links == ()
        if isinstance(span, trace.Span):
            span.set_attribute("late", 1)
            span.add_event("late")
            assert not span.is_recording()
            assert "ended span" in caplog.text
        assert span.attributes == before
        assert span.events == ()


@pytest.mark.parametrize("stream", [False, True])
def test_an_application_adds_up_in_the_answer(exported: Exported, stream: bool) -> None:
    """Many sum up what they used in the first answer's own usage. Bills are of what the API told."""
    usage = {
        "input_tokens": 100,
        "output_tokens": 10,
        "cache_creation_input_tokens": 70,
        "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 30},
        "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
    }
    for _ in range(3):
        events = [wire.start(**usage), *wire.text("hello"), wire.end(**usage), wire.STOP]
        client = wire.client(wire.stream(*events) if stream else wire.Answer(wire.message(usage=usage)))
        if stream:
            with client.messages.stream(**wire.ASK) as told:
                kept = [event.message.usage for event in told if event.type in ("message_start", "message_stop")]
        else:
            kept = [client.messages.create(**wire.ASK).usage]
        for each in kept:
            each.input_tokens += 10**6
            each.cache_creation.ephemeral_5m_input_tokens += 10**6
            each.cache_creation.ephemeral_1h_input_tokens += 10**6
            each.server_tool_use.web_search_requests += 10**6
    for span in exported.spans:
        found = span.attributes or {}
        assert (found[t.INPUT_TOKENS], found[t.CACHE_WRITE_5M_TOKENS], found[t.CACHE_WRITE_1H_TOKENS]) == (270, 40, 30)
    assert exported.value(t.INPUT_METRIC.name) == 3 * 270
    assert exported.value(t.COST_METRIC.name) < 1


def test_many_look_while_many_call() -> None:
    """Exporters in threads of their own, and a reader, while calls end: all see whole calls, each counted once."""
    exported, spans, events = Exported(), Keeps(), InMemoryLogRecordExporter()
    tracers, loggers = TracerProvider(), LoggerProvider()
    tracers.add_span_processor(BatchSpanProcessor(spans, schedule_delay_millis=1, max_queue_size=10_000))
    loggers.add_log_record_processor(BatchLogRecordProcessor(events, schedule_delay_millis=1, max_queue_size=10_000))
    claude_otel.instrument(tracer_provider=tracers, meter_provider=exported.meter_provider, logger_provider=loggers)
    done = threading.Event()

    def read() -> None:
        while not done.wait(0.001):
            exported.value(t.CALLS_METRIC.name)

    def call(number: int) -> None:
        client = wire.client()
        for turn in range(150):
            with claude_otel.surface(f"s{(number + turn) % 5}"):
                client.messages.create(**wire.ASK)

    reader = threading.Thread(target=read)
    callers = [threading.Thread(target=call, args=(number,)) for number in range(6)]
    for thread in (reader, *callers):
        thread.start()
    for thread in callers:
        thread.join()
    done.set()
    reader.join()
    tracers.shutdown()
    loggers.shutdown()
    told = [dict(data.log_record.attributes or {}) for data in events.get_finished_logs()]
    for seen in (spans.seen, told):
        assert len(seen) == 900
        assert [each for each in seen if WHOLE - each.keys()] == []
    assert exported.value(t.CALLS_METRIC.name) == exported.value(t.DURATION_METRIC.name) == 900
    assert exported.value(t.COST_METRIC.name) == pytest.approx(sum(each[t.COST] for each in told))
    assert exported.value(t.ACTIVE_METRIC.name) == 0
