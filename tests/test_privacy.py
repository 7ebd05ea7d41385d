"""Nothing private leaves: what was sent to the API is found in its journal, and in nothing exported or logged."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import claude_otel
from claude_otel import recorder
from claude_otel.fakeapi import FakeAPI, Wanted
from receiver import Receiver

MARK = "secretmark"
"""What every planted text begins with."""


def mark(place: str) -> str:
    """A text that is planted in a place."""
    return f"{MARK}-{place}"


IMAGE = base64.b64encode(mark("image").encode()).decode()

TOOL = {
    "name": mark("tool-name"),
    "description": mark("tool-description"),
    "input_schema": {"type": "object", "properties": {mark("tool-schema"): {"type": "string"}}},
}

MESSAGES = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": mark("user")},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}},
        ],
    },
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": mark("thinking"), "signature": mark("signature")},
            {"type": "tool_use", "id": "toolu_1", "name": mark("tool-name"), "input": {"a": mark("tool-input")}},
        ],
    },
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": mark("tool-result")}],
    },
]

ASK: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 2048,
    "system": [{"type": "text", "text": mark("system"), "cache_control": {"type": "ephemeral"}}],
    "tools": [TOOL],
    "messages": MESSAGES,
    "metadata": {"user_id": mark("user-id")},
    "stop_sequences": [mark("stop-sequence")],
    "extra_query": {"q": mark("query")},
    "extra_body": {"container": mark("container")},
}

ANSWERED = mark("answer"), mark("answer-thinking"), mark("error-message")
"""What the API says; the rest is what is said to it."""

PLACES = (
    "system", "tool-name", "tool-description", "tool-schema", "tool-input", "tool-result", "user", "thinking",
    "signature", "user-id", "stop-sequence", "query", "container", "path", "header", "api-key", "x-api-key",
)  # fmt: skip

SENT = (*map(mark, PLACES), IMAGE)

FAULTS = (
    "invalid_request", "spend_limit", "rate_limit", "ramp_limit", "overloaded", "billing_error", "overloaded_event",
    "malformed_json", "malformed_event", "cut_mid_stream", "connection_lost", "connection_reset", "empty_body",
    "refusal", "wrong_content_type", "",
)  # fmt: skip


class Watched:
    """The SDK instrumented with exporters to a real receiver, and everything that our loggers write."""

    def __init__(self, received: Receiver) -> None:
        self._received = received
        self._log = io.StringIO()
        self._handler = logging.StreamHandler(self._log)
        self._tracers = TracerProvider()
        self._tracers.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{received.url}/v1/traces")))
        exporter = OTLPMetricExporter(f"{received.url}/v1/metrics")
        self._meters = MeterProvider([PeriodicExportingMetricReader(exporter, 1e9)])
        self._loggers = LoggerProvider()
        processor = SimpleLogRecordProcessor(OTLPLogExporter(endpoint=f"{received.url}/v1/logs"))
        self._loggers.add_log_record_processor(processor)

    def start(self) -> None:
        """Instruments the SDK, and listens to our loggers at every level."""
        logger = logging.getLogger("claude_otel")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(self._handler)
        claude_otel.instrument(
            tracer_provider=self._tracers, meter_provider=self._meters, logger_provider=self._loggers
        )

    def stop(self) -> None:
        """Ends what `start` began."""
        claude_otel.uninstrument()
        for provider in (self._tracers, self._meters, self._loggers):
            provider.shutdown()
        logger = logging.getLogger("claude_otel")
        logger.removeHandler(self._handler)
        logger.setLevel(logging.NOTSET)

    def everything(self) -> str:
        """All that was exported, as text, and all that was logged."""
        self._meters.force_flush()
        return self._received.everything.decode("latin-1") + self._log.getvalue()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Everything that leaves while the test runs."""
    monkeypatch.setenv("CLAUDE_OTEL_USER_HASH_KEY", "a key")
    with Receiver() as received:
        found = Watched(received)
        found.start()
        yield found
        found.stop()


def options(api: FakeAPI) -> dict[str, Any]:
    """The options of a client, with marks in its address, its keys and its headers."""
    return {
        "base_url": f"{api.url}/{mark('path')}",
        "api_key": mark("api-key"),
        "max_retries": 1,
        "default_headers": {"x-planted": mark("header"), "x-api-key": mark("x-api-key")},
    }


def prepare(api: FakeAPI) -> None:
    """Has the API answer with marks."""
    api.answer(Wanted(text=f"{mark('answer')} " * 20, thinking=mark("answer-thinking"), tool_use=False))


def fault(name: str) -> dict[str, Any]:
    """The header that asks for a fault whose message has a mark."""
    return {"x-fake-fault": f"{name}; message={mark('error-message')}"} if name else {}


def ways(client: Anthropic, name: str) -> list[Callable[[], object]]:
    """The ways in, each as a function, with the fault `name`."""
    ask: dict[str, Any] = {**ASK, "extra_headers": fault(name)}

    def helper() -> None:
        with client.messages.stream(**ask) as stream:
            stream.until_done()

    def pieces() -> None:
        with client.messages.with_streaming_response.create(**ask, stream=True) as response:
            list(response.iter_lines())

    return [
        lambda: client.messages.create(**ask),
        lambda: list(client.messages.create(**ask, stream=True)),
        helper,
        pieces,
        lambda: client.beta.messages.with_raw_response.create(**ask).parse(),
        lambda: client.messages.count_tokens(model=ASK["model"], messages=MESSAGES, extra_headers=fault(name)),  # type: ignore[arg-type]
    ]


def async_ways(client: AsyncAnthropic, name: str) -> list[Callable[[], Awaitable[object]]]:
    """The asynchronous ways in, each as a function, with the fault `name`."""
    ask: dict[str, Any] = {**ASK, "extra_headers": fault(name)}

    async def read() -> None:
        async for _ in await client.messages.create(**ask, stream=True):
            pass

    return [lambda: client.messages.create(**ask), read]


def call_all(api: FakeAPI) -> None:
    """Goes every way in, with every fault."""
    client = Anthropic(**options(api))
    for name in FAULTS:
        for way in ways(client, name):
            with contextlib.suppress(Exception):
                way()
    asyncio.run(call_all_async(api))


async def call_all_async(api: FakeAPI) -> None:
    """Goes every asynchronous way in, with every fault."""
    client = AsyncAnthropic(**options(api))
    for name in FAULTS:
        for way in async_ways(client, name):
            with contextlib.suppress(Exception):
                await way()


def found_in(text: str, marks: tuple[str, ...]) -> list[str]:
    """Which of `marks` are in `text`, as they are or in a form of base64."""
    return [each for each in marks if each in text or base64.b64encode(each.encode()).decode()[:-4] in text]


def test_nothing_private_leaves(watched: Watched) -> None:
    """Marks in everything that is sent and answered are in the journal, and in nothing exported or logged."""
    with FakeAPI() as api:
        prepare(api)
        call_all(api)
        journal = "".join(entry.path + str(entry.headers) + entry.body for entry in api.journal.entries)
        answers = answers_of(api)
    assert found_in(journal, SENT) == list(SENT)
    assert found_in(answers, ANSWERED) == list(ANSWERED)
    everything = watched.everything()
    assert "claude-opus-5-5" in everything
    assert "gen_ai.client.inference.usage.input_tokens" in everything
    assert "user.hash" in everything
    assert MARK not in everything
    assert found_in(everything, (*SENT, *ANSWERED)) == []


def answers_of(api: FakeAPI) -> str:
    """What the API answers to the planted request, well and with an error."""
    claude_otel.uninstrument()
    client = Anthropic(**options(api))
    message = client.messages.create(**ASK)
    with pytest.raises(anthropic.BadRequestError) as error:
        client.messages.create(**ASK, extra_headers=fault("invalid_request"))
    return message.to_json() + str(error.value)


LONG = "x" * 5000 + MARK


def hostile(text: str) -> list[httpx2.Response]:
    """Answers that have `text` wherever a name is expected."""
    error = {"type": text, "message": text, "details": {"error_code": text}}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": text,
        "content": [{"type": "text", "text": text}],
        "stop_reason": text,
        "stop_details": {"type": text, "category": text},
        "diagnostics": {"cache_miss_reason": {"type": text}},
        "usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": text, "speed": text, "inference_geo": text},
    }
    headers = {
        "request-id": text,
        "anthropic-organization-id": text,
        "anthropic-workspace-id": text,
        f"anthropic-ratelimit-{text}-limit": "5",
        f"anthropic-ratelimit-{text}-remaining": "5",
    }
    return [
        httpx2.Response(400, json={"type": "error", "error": error}, headers=headers),
        httpx2.Response(429, json={"type": "error", "error": error}, headers=headers),
        httpx2.Response(200, json={**message, "id": text}, headers=headers),
        httpx2.Response(200, json=message),
    ]


def answered(response: httpx2.Response) -> Anthropic:
    """A client that gets `response`."""
    transport = httpx2.MockTransport(lambda _: response)
    return Anthropic(api_key="none", max_retries=0, http_client=httpx2.Client(transport=transport))


def test_long_text_is_no_name(watched: Watched) -> None:
    """Where the API should give a short name, a long text is left out or cut short."""
    for response in hostile(LONG):
        with contextlib.suppress(anthropic.APIStatusError):
            answered(response).messages.create(**{**ASK, "model": "claude-opus-5-5"})
    with contextlib.suppress(anthropic.APIStatusError):
        answered(hostile("short")[3]).messages.create(**{**ASK, "model": LONG})
    assert MARK not in watched.everything()


def test_a_failure_of_ours_is_logged_without_content(
    watched: Watched, failures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The debug log says where our code failed, and not the exception's message, which may quote content."""

    def fail(*_: object) -> None:
        raise ValueError(mark("content"))

    monkeypatch.setattr(recorder, "account_of", fail)
    answered(hostile("short")[2]).messages.create(**ASK)
    assert failures.pop() == f"end: ValueError('{mark('content')}')"
    everything = watched.everything()
    assert "Could not record a call (end)" in everything
    assert "ValueError" in everything
    assert MARK not in everything
