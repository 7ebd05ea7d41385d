"""What a call tells is worked out when somebody looks: nobody who looks can tell, and what waits is bounded."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
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


def events_of(
    processor: LogRecordProcessor,
    calls: int = 2,
    spans: SpanProcessor | None = None,
    during: Callable[[], None] | None = None,
) -> None:
    """Makes calls whose events, and perhaps spans, go to this processor alone."""
    exported = Exported()
    tracers, loggers = TracerProvider(resource=RESOURCE), LoggerProvider(resource=RESOURCE)
    tracers.add_span_processor(spans or SimpleSpanProcessor(Keeps()))
    loggers.add_log_record_processor(processor)
    claude_otel.instrument(tracer_provider=tracers, meter_provider=exported.meter_provider, logger_provider=loggers)
    client = wire.client(wire=wire.Wire(during=during))
    for _ in range(calls):
        client.messages.create(**wire.ASK)
    tracers.force_flush()
    loggers.force_flush()


RESOURCE = Resource({"service.name": "shop"})
CHANGING = ("timestamp", "observed_timestamp", "trace_id", "span_id")
"""What differs between two records of one event."""
MEASURED = {t.DURATION, t.TIME_TO_FIRST_TEXT, t.TIME_PER_OUTPUT_TOKEN}


def test_an_event_is_the_same_in_a_queue_as_through_a_processor() -> None:
    """A batch processor of the SDK copies what it is given; ours is made in its queue, and nobody can tell."""
    queued, given = InMemoryLogRecordExporter(), InMemoryLogRecordExporter()
    batch = BatchLogRecordProcessor(queued)
    events_of(batch)
    claude_otel.uninstrument()
    events_of(SimpleLogRecordProcessor(given))
    batch.shutdown()
    pairs = list(zip(queued.get_finished_logs(), given.get_finished_logs(), strict=True))
    assert len(pairs) == 2
    for ours, theirs in pairs:
        assert isinstance(ours, type(theirs))
        assert ours.log_record is ours.log_record
        assert (ours.resource, ours.instrumentation_scope) == (theirs.resource, theirs.instrumentation_scope)
        assert vars(ours.limits or ours) == vars(theirs.limits or theirs)
        assert ours.dropped_attributes == theirs.dropped_attributes == 0
        told, wanted = json.loads(ours.to_json()), json.loads(theirs.to_json())
        assert all(told.pop(name) and wanted.pop(name) for name in CHANGING)
        for each in (told, wanted):
            assert each["attributes"].keys() >= MEASURED
            each["attributes"] = {k: v for k, v in each["attributes"].items() if k not in MEASURED}
        assert told == wanted
        sent, as_sent = (encode_logs([each]).resource_logs[0].scope_logs[0].log_records[0] for each in (ours, theirs))
        assert sent.event_name == as_sent.event_name == t.CALL_EVENT
        assert (len(sent.trace_id), len(sent.span_id), sent.flags) == (16, 8, as_sent.flags)
        assert {each.key for each in sent.attributes} == {each.key for each in as_sent.attributes}


class Subclass(BatchLogRecordProcessor):
    """A batch processor of the application's own."""

    seen = 0

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Counts what comes by."""
        self.seen += 1
        super().on_emit(log_record)


class SpanSubclass(BatchSpanProcessor):
    """A batch processor of the application's own."""

    seen = 0

    def on_end(self, span: ReadableSpan) -> None:
        """Counts what comes by."""
        self.seen += 1
        super().on_end(span)


@pytest.mark.parametrize("way", ["subclass", "instance", "class"])
def test_whoever_wraps_a_batch_processor_sees_all(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events and spans go by the queue of the SDK's own only, as it is."""
    seen: list[Any] = []
    events, spans = InMemoryLogRecordExporter(), Keeps()
    processor: Any = Subclass(events) if way == "subclass" else BatchLogRecordProcessor(events)
    span_processor: Any = SpanSubclass(spans) if way == "subclass" else BatchSpanProcessor(spans)
    for each, method in ((processor, "on_emit"), (span_processor, "on_end")):
        theirs = getattr(type(each), method)

        @functools.wraps(theirs)
        def wrapper(self: Any, what: Any, theirs: Any = theirs) -> None:
            seen.append(what)
            theirs(self, what)

        if way == "instance":
            monkeypatch.setattr(each, method, functools.partial(wrapper, each))
        elif way == "class":
            monkeypatch.setattr(type(each), method, wrapper)
    events_of(processor, spans=span_processor)
    processor.shutdown()
    span_processor.shutdown()
    if way == "subclass":
        assert processor.seen == span_processor.seen == 2
    else:
        assert len(seen) == 4
    assert [WHOLE - told.keys() for told in spans.seen] == [set()] * 2
    assert [WHOLE - (each.log_record.attributes or {}).keys() for each in events.get_finished_logs()] == [set()] * 2


def test_an_application_ends_our_span() -> None:
    """Which it should not: its other calls are as they would have been, and so is the event."""
    turns: list[int] = []

    def end() -> None:
        turns.append(1)
        if len(turns) == 2:
            span: Any = trace.get_current_span()
            span.set_attribute(t.PROVIDER, "mine")
            span.end()
            assert span.attributes[t.PROVIDER] == "mine"

    events, spans = InMemoryLogRecordExporter(), Keeps()
    processor, span_processor = BatchLogRecordProcessor(events), BatchSpanProcessor(spans)
    events_of(processor, calls=4, spans=span_processor, during=end)
    processor.shutdown()
    span_processor.shutdown()
    told = [dict(each.log_record.attributes or {}) for each in events.get_finished_logs()]
    assert [WHOLE - each.keys() for each in told] == [set()] * 4
    assert [each[t.PROVIDER] for each in told] == ["anthropic"] * 4
    assert [each[t.PROVIDER] for each in spans.seen] == ["anthropic", "mine", "anthropic", "anthropic"]
    assert [WHOLE - spans.seen[at].keys() for at in (0, 2, 3)] == [set()] * 3


def test_nobody_looks() -> None:
    """Few calls wait, and none is lost."""
    exported, events = Exported(), InMemoryLogRecordExporter()
    loggers = LoggerProvider()
    loggers.add_log_record_processor(BatchLogRecordProcessor(events, max_queue_size=10_000))
    claude_otel.instrument(
        tracer_provider=exported.tracer_provider, meter_provider=exported.meter_provider, logger_provider=loggers
    )
    table = metrics.instruments(exported.meter_provider, "", {}).table
    client, most = wire.client(), 0
    for _ in range(5 * metrics.MOST_UNSETTLED):
        client.messages.create(**wire.ASK)
        most = max(most, len(table._unsettled))
    assert most == metrics.MOST_UNSETTLED - 1
    loggers.shutdown()
    assert len(events.get_finished_logs()) == 5 * metrics.MOST_UNSETTLED
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
