"""How a call ends: each way exactly once, and never with numbers that are not final."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import copy
import gc
import logging
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from anthropic import _base_client
from opentelemetry import trace

import wire
from conftest import Exported
from wire import ASK, BEGUN, EVENTS, STOP, end, start, stream, text

SITE = "test_outcomes:call"

TIMES = frozenset(
    {
        "claude.duration",
        "claude.time_to_first_text",
        "claude.time_per_output_token",
        "claude.backoff",
        "gen_ai.response.time_to_first_chunk",
    }
)

STARTED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-opus-5-5",
    "server.address": "api.anthropic.com",
    "server.port": 443,
    "claude.surface": SITE,
    "claude.call_site": SITE,
    "claude.sdk.method": "create",
    "gen_ai.request.max_tokens": 10,
    "claude.request.timeout": 600.0,
    "claude.request.max_retries": 2,
    "claude.prompt.fingerprint": "e4a6a0577479b2b4",
}
"""What is known as a call starts."""

STREAMED = {**STARTED, "gen_ai.request.stream": True}

ANSWERED = {
    "anthropic.request.id": "req_1",
    "anthropic.organization.id": "org_1",
    "anthropic.workspace.id": "wrkspc_1",
    "http.response.status_code": 200,
    "claude.attempts": 1,
    "claude.attempt.statuses": ("200",),
}
"""What the headers of an answer say."""

BEGAN = {
    "gen_ai.response.id": "msg_1",
    "gen_ai.response.model": "claude-opus-5-5",
    "anthropic.response.service_tier": "standard",
    "gen_ai.usage.input_tokens": 130,
    "gen_ai.usage.cache_read.input_tokens": 100,
    "gen_ai.usage.cache_write.input_tokens": 20,
    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 20,
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 0,
}
"""What `message_start` says."""

# Opus 5.5: 4 USD for a million input tokens, 20 output, 5 written, 0.20 read.
INPUT_COST = {
    "claude.cost.input": 10 * 4e-6,
    "claude.cost.cache_read": 100 * 0.2e-6,
    "claude.cost.cache_write_5m": 20 * 5e-6,
}

PARTIAL = {
    **BEGAN,
    **INPUT_COST,
    "claude.usage.partial": True,
    "gen_ai.response.finish_reasons": ("error",),
    "gen_ai.usage.cost": 0.00016,
    "claude.uncached_cost": 130 * 4e-6,
}
"""What is known of an answer that ended before its final numbers."""

WHOLE = {
    **BEGAN,
    **INPUT_COST,
    "gen_ai.response.finish_reasons": ("stop",),
    "anthropic.message.stop_reason": "end_turn",
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.reasoning.output_tokens": 2,
    "claude.cost.output": 7 * 20e-6,
    "gen_ai.usage.cost": 0.0003,
    "claude.uncached_cost": 130 * 4e-6 + 7 * 20e-6,
    "gen_ai.response.time_to_first_chunk": "time",
    "claude.time_to_first_text": "time",
}
"""What is known of a whole answer."""

FIRST_TEXT = {"gen_ai.response.time_to_first_chunk": "time", "claude.time_to_first_text": "time"}


def call(client: Any, **asked: Any) -> Any:
    """The call site of every call here."""
    return client.messages.create(**ASK, **asked)


def comparable(attributes: dict[str, Any]) -> dict[str, Any]:
    """`attributes` with times that are positive replaced by a word, and USD as numbers that compare."""
    compared = {}
    for name, value in attributes.items():
        if name in TIMES:
            compared[name] = "time" if value > 0 else value
        else:
            compared[name] = pytest.approx(value) if isinstance(value, float) else value
    return compared


def check(exported: Exported, expected: dict[str, Any], status: str = "UNSET") -> None:
    """Checks the whole attributes of the only span, and that everything was counted once."""
    (span,) = exported.spans
    assert comparable(dict(span.attributes or {})) == expected
    assert (span.name, span.kind.name) == ("chat claude-opus-5-5", "CLIENT")
    assert (span.status.status_code.name, span.status.description, span.events) == (status, None, ())
    (event,) = exported.events()
    assert comparable(event) == {**expected, "claude.duration": "time"}
    outcome = expected["claude.outcome"]
    assert exported.value("claude.calls", claude__outcome=outcome) == exported.value("claude.calls") == 1
    assert exported.value("claude.active_calls") == 0
    assert exported.value("gen_ai.client.inference.duration", claude__outcome=outcome) == 1
    tokens = expected.get("gen_ai.usage.output_tokens", 0)
    assert exported.value("gen_ai.client.inference.usage.output_tokens") == tokens
    assert exported.value("claude.cost") == pytest.approx(expected.get("gen_ai.usage.cost", 0.0))
    assert exported.value("claude.time_per_output_token") == ("claude.time_per_output_token" in expected)


# Answers that are read whole.


def test_an_answer_is_completed(exported: Exported) -> None:
    """An unstreamed answer has its whole latency as the time to its first text."""
    call(wire.client())
    whole = {name: value for name, value in WHOLE.items() if name != "gen_ai.response.time_to_first_chunk"}
    times = {"claude.time_per_output_token": "time"}
    check(exported, {**STARTED, **ANSWERED, **whole, **times, "claude.outcome": "completed"})


def drain(events: Any) -> None:
    for _ in events:
        pass


def step(events: Any) -> None:
    while next(events, None) is not None:
        pass


def consume(events: Any) -> None:
    list(iter(events))


@pytest.mark.parametrize("read", [drain, step, consume])
def test_a_stream_that_is_read_is_completed(exported: Exported, read: Callable[[Any], None]) -> None:
    """A stream ends with its last event, however it is pulled."""
    read(call(wire.client(), stream=True))
    check(
        exported,
        {**STREAMED, **ANSWERED, **WHOLE, "claude.time_per_output_token": "time", "claude.outcome": "completed"},
    )


def test_a_stream_that_is_closed_after_its_last_event_is_completed(exported: Exported) -> None:
    """An application that closes a stream once it has seen `message_stop` has read all of it."""
    events = call(wire.client(), stream=True)
    for event in events:
        if event.type == "message_stop":
            break
    events.close()
    check(
        exported,
        {**STREAMED, **ANSWERED, **WHOLE, "claude.time_per_output_token": "time", "claude.outcome": "completed"},
    )


def test_a_refusal_is_an_answer(exported: Exported) -> None:
    """A refusal is completed, its blame is `refused`, and one without output costs nothing."""
    refused = wire.message(
        stop_reason="refusal", usage={"output_tokens": 0}, stop_details={"type": "refusal", "category": "cyber"}
    )
    call(wire.client(wire.Answer(refused)))
    span = exported.span()
    assert span["claude.outcome"] == "completed"
    assert span["claude.blame"] == "refused"
    assert span["claude.refusal.category"] == "cyber"
    assert span["gen_ai.response.finish_reasons"] == ("content_filter",)
    assert span["gen_ai.usage.cost"] == 0
    assert "error.type" not in span


# Errors.

STATUSES = [
    (400, "invalid_request_error", "caller"),
    (401, "authentication_error", "caller"),
    (402, "billing_error", "budget"),
    (403, "permission_error", "caller"),
    (404, "not_found_error", "caller"),
    (408, "timeout_error", "timeout"),
    (409, "conflict_error", "caller"),
    (413, "request_too_large", "caller"),
    (422, "invalid_request_error", "caller"),
    (429, "rate_limit_error", "quota"),
    (500, "api_error", "provider"),
    (503, "api_error", "provider"),
    (504, "timeout_error", "provider"),
    (529, "overloaded_error", "provider"),
]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("status", "kind", "blame"), STATUSES)
def test_an_error_status_is_an_error(exported: Exported, status: int, kind: str, blame: str, streams: bool) -> None:
    """An answer that is an error has no numbers, the API's error type, and who is to blame."""
    client = wire.client(wire.error(status, kind), max_retries=0)
    with pytest.raises(anthropic.APIStatusError):
        call(client, stream=streams)
    told = {
        "claude.request.max_retries": 0,
        "http.response.status_code": status,
        "claude.attempt.statuses": (str(status),),
        "claude.outcome": "error",
        "claude.blame": blame,
        "error.type": kind,
    }
    check(exported, {**(STREAMED if streams else STARTED), **ANSWERED, **told}, "ERROR")
    assert exported.value("claude.attempts", claude__blame=blame, http__response__status_code=str(status)) == 1
    assert exported.value("gen_ai.client.inference.duration", error__type=kind) == 1


def test_an_error_before_the_request_is_the_callers(exported: Exported) -> None:
    """What the SDK itself refuses to send is an error of the caller's, without an answer."""
    client = anthropic.Anthropic(api_key="key", http_client=wire.http.Client(transport=wire.Wire()))
    with pytest.raises(TypeError):
        client.post("/v1/messages", body={**ASK, "system": object()}, cast_to=object)
    span = exported.span()
    assert (span["claude.outcome"], span["claude.blame"], span["error.type"]) == ("error", "caller", "client_error")


def test_no_connection_is_the_networks(exported: Exported) -> None:
    """A request that reaches nobody has no status."""
    client = wire.client(wire.http.ConnectError("refused"), max_retries=0)
    with pytest.raises(anthropic.APIConnectionError):
        call(client)
    told = {
        "claude.request.max_retries": 0,
        "claude.attempts": 1,
        "claude.attempt.statuses": ("connection_error",),
        "claude.outcome": "error",
        "claude.blame": "network",
        "error.type": "connection_error",
    }
    check(exported, {**STARTED, **told}, "ERROR")


def test_a_timeout_of_the_sdk_is_one(exported: Exported) -> None:
    """The SDK's own timeout is neither ours nor the API's."""
    client = wire.client(wire.http.ReadTimeout("slow"), max_retries=0)
    with pytest.raises(anthropic.APITimeoutError):
        call(client)
    told = {
        "claude.request.max_retries": 0,
        "claude.attempts": 1,
        "claude.attempt.statuses": ("timeout",),
        "claude.outcome": "error",
        "claude.blame": "timeout",
        "error.type": "client_timeout_error",
    }
    check(exported, {**STARTED, **told}, "ERROR")


def test_a_body_that_is_no_json_is_the_providers(exported: Exported) -> None:
    """A 200 that cannot be decoded is an error, if the application gets one."""
    with pytest.raises(Exception, match=r".*"):
        call(wire.client(wire.Answer(b"<html>"), max_retries=0))
    span = exported.span()
    assert (span["claude.outcome"], span["claude.blame"]) == ("error", "provider")
    assert "gen_ai.usage.input_tokens" not in span


# Streams that break.

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def test_an_error_event_is_an_error(exported: Exported) -> None:
    """An overload in a stream comes under status 200, and is the provider's all the same."""
    with pytest.raises(anthropic.APIStatusError):
        drain(call(wire.client(stream(*BEGUN, OVERLOADED)), stream=True))
    told = {"claude.outcome": "error", "claude.blame": "provider", "error.type": "overloaded_error"}
    check(exported, {**STREAMED, **ANSWERED, **PARTIAL, **FIRST_TEXT_OF_ERROR, **told}, "ERROR")


FIRST_TEXT_OF_ERROR = {"gen_ai.response.time_to_first_chunk": "time"}
"""An error has no time to its first text: the user got none to keep."""


def test_an_error_event_before_the_answer_has_no_numbers(exported: Exported) -> None:
    """An error in place of the first event tells of no usage."""
    with pytest.raises(anthropic.APIStatusError):
        drain(call(wire.client(stream(OVERLOADED)), stream=True))
    told = {"claude.outcome": "error", "claude.blame": "provider", "error.type": "overloaded_error"}
    check(exported, {**STREAMED, **ANSWERED, **told}, "ERROR")


CUT = {"claude.outcome": "truncated", "claude.blame": "provider", "error.type": "api_error"}


def test_a_stream_without_its_last_events_is_truncated(exported: Exported) -> None:
    """The SDK raises nothing when a stream just ends; its output is unknown."""
    drain(call(wire.client(stream(*BEGUN)), stream=True))
    check(exported, {**STREAMED, **ANSWERED, **PARTIAL, **FIRST_TEXT, **CUT}, "ERROR")


def test_a_stream_cut_inside_an_event_is_truncated(exported: Exported) -> None:
    """Half an event says nothing."""
    drain(call(wire.client(stream(*BEGUN, wire.sse(end())[:60])), stream=True))
    check(exported, {**STREAMED, **ANSWERED, **PARTIAL, **FIRST_TEXT, **CUT}, "ERROR")


def test_a_stream_cut_after_its_final_numbers_has_them(exported: Exported) -> None:
    """`message_delta` has the final numbers; what is missing after it is only the end."""
    drain(call(wire.client(stream(*EVENTS[:-1])), stream=True))
    check(exported, {**STREAMED, **ANSWERED, **WHOLE, **CUT}, "ERROR")


def test_a_stream_without_any_event_is_truncated(exported: Exported) -> None:
    """An empty body has no numbers."""
    drain(call(wire.client(stream()), stream=True))
    check(exported, {**STREAMED, **ANSWERED, **CUT}, "ERROR")


LOST: list[tuple[Callable[[], BaseException], str, str]] = [
    (lambda: wire.http.ReadError("reset"), "network", "connection_error"),
    (lambda: wire.http.RemoteProtocolError("peer closed"), "provider", "connection_error"),
    (lambda: wire.http.ReadTimeout("stalled"), "timeout", "client_timeout_error"),
]


@pytest.mark.parametrize(("lost", "blame", "kind"), LOST, ids=["reset", "closed by peer", "stalled"])
def test_a_connection_lost_in_a_stream_truncates_it(
    exported: Exported, lost: Callable[[], BaseException], blame: str, kind: str
) -> None:
    """The application gets the HTTP library's exception as it is."""
    error = lost()
    with pytest.raises(type(error)):
        drain(call(wire.client(stream(*BEGUN, error)), stream=True))
    told = {"claude.outcome": "truncated", "claude.blame": blame, "error.type": kind}
    check(exported, {**STREAMED, **ANSWERED, **PARTIAL, **FIRST_TEXT, **told}, "ERROR")


@pytest.mark.parametrize(("lost", "blame", "kind"), LOST, ids=["reset", "closed by peer", "stalled"])
def test_a_connection_lost_in_an_async_stream_truncates_it(
    exported: Exported, lost: Callable[[], BaseException], blame: str, kind: str
) -> None:
    """Async streams break as sync ones do."""
    error = lost()

    async def main() -> None:
        with pytest.raises(type(error)):
            async for _ in await call(wire.async_client(stream(*BEGUN, error)), stream=True):
                pass

    asyncio.run(main())
    told = {"claude.outcome": "truncated", "claude.blame": blame, "error.type": kind}
    events = exported.events()
    assert len(events) == 1
    assert {name: events[0][name] for name in told} == told
    assert "gen_ai.usage.output_tokens" not in events[0]


# Streams that the application ends.


def close_in_with(client: Any) -> None:
    with call(client, stream=True) as events:
        for event in events:
            if event.type == "content_block_delta":
                break


def close_by_hand(client: Any) -> None:
    events = call(client, stream=True)
    while next(events).type != "content_block_delta":
        pass
    events.close()


def close_after_break(client: Any) -> None:
    events = call(client, stream=True)
    for event in events:
        if event.type == "content_block_delta":
            break
    events.close()


def raise_in_with(client: Any) -> None:
    with contextlib.suppress(ZeroDivisionError), call(client, stream=True) as events:
        while next(events).type != "content_block_delta":
            pass
        raise ZeroDivisionError


def close_twice(client: Any) -> None:
    close_by_hand(client)
    gc.collect()


@pytest.mark.parametrize("closes", [close_in_with, close_by_hand, close_after_break, raise_in_with, close_twice])
def test_a_stream_that_is_closed_early_has_no_output_tokens(exported: Exported, closes: Callable[[Any], None]) -> None:
    """What the API made of output until then is not known."""
    closes(wire.client())
    told = {"claude.outcome": "closed_early"}
    check(exported, {**STREAMED, **ANSWERED, **PARTIAL, **FIRST_TEXT, **told})


def test_a_stream_that_is_closed_unread_has_no_numbers(exported: Exported) -> None:
    """Without the first event nothing is known."""
    call(wire.client(), stream=True).close()
    check(exported, {**STREAMED, **ANSWERED, "claude.outcome": "closed_early"})


@pytest.fixture
def no_gc() -> Iterator[None]:
    """Without the garbage collector: what is not freed by its last reference stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


PROMPT = pytest.mark.skipif(
    not hasattr(_base_client, "start_api_call_span"), reason="before 1.14 a stream is a cycle of the SDK's own"
)


@PROMPT
@pytest.mark.usefixtures("no_gc")
def test_a_dropped_stream_is_abandoned_at_once(exported: Exported) -> None:
    """A stream that the application lets go of ends with its last reference."""
    events = call(wire.client(), stream=True)
    for event in events:
        if event.type == "content_block_delta":
            break
    assert exported.spans == []
    del events, event
    check(exported, {**STREAMED, **ANSWERED, **PARTIAL, **FIRST_TEXT, "claude.outcome": "abandoned"})


@PROMPT
@pytest.mark.usefixtures("no_gc")
def test_a_stream_that_is_never_read_is_abandoned_at_once(exported: Exported) -> None:
    """No reader of ours has started then."""
    call(wire.client(), stream=True)
    check(exported, {**STREAMED, **ANSWERED, "claude.outcome": "abandoned"})


@PROMPT
@pytest.mark.usefixtures("no_gc")
@pytest.mark.parametrize("streams", [True, False])
def test_a_streaming_response_that_is_never_read_is_closed_early(exported: Exported, streams: bool) -> None:
    """A streaming response that the application does not read tells only its headers."""
    with wire.client().messages.with_streaming_response.create(**ASK, stream=streams) as response:
        assert response.status_code == 200
    span = exported.span()
    assert span["claude.outcome"] == "closed_early"
    assert "gen_ai.usage.input_tokens" not in span
    assert len(exported.events()) == 1


def test_a_dropped_stream_ends_with_the_collector_at_the_latest(exported: Exported) -> None:
    """Whatever the version of the SDK."""
    call(wire.client(), stream=True)
    gc.collect()
    assert exported.span()["claude.outcome"] == "abandoned"


# Asyncio.


async def begin(client: Any) -> Any:
    """A stream of which the first text was read."""
    events = await call(client, stream=True)
    while (await anext(events)).type != "content_block_delta":
        pass
    return events


def test_an_async_stream_that_is_closed_early(exported: Exported) -> None:
    """`close()` ends an async stream as it does a sync one."""

    async def main() -> None:
        await (await begin(wire.async_client())).close()

    asyncio.run(main())
    span = exported.span()
    assert span["claude.outcome"] == "closed_early"
    assert "gen_ai.usage.output_tokens" not in span


def test_a_break_in_async_with_closes_early(exported: Exported) -> None:
    """The manager closes the stream on its way out."""

    async def main() -> None:
        async with wire.async_client().messages.stream(**ASK) as events:
            async for _ in events.text_stream:
                break

    asyncio.run(main())
    assert exported.span()["claude.outcome"] == "closed_early"


def test_a_dropped_async_stream_is_abandoned(exported: Exported) -> None:
    """The event loop closes what is left of it."""

    async def main() -> None:
        await begin(wire.async_client())
        gc.collect()
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert [span.attributes["claude.outcome"] for span in exported.spans if span.attributes] == ["abandoned"]


def test_a_call_cancelled_while_it_waits(exported: Exported) -> None:
    """A task that is cancelled before its answer is no error."""

    async def main() -> None:
        task = asyncio.create_task(call(wire.async_client(wire.Answer(wire.MESSAGE, wait=5))))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    span = exported.span()
    assert (span["claude.outcome"], span["claude.blame"]) == ("cancelled", "cancelled")
    assert span["claude.attempt.statuses"] == ("cancelled",)
    assert "error.type" not in span
    assert exported.spans[0].status.status_code.name == "UNSET"
    assert exported.events("claude.error") == []


def test_a_call_that_runs_out_of_its_time(exported: Exported) -> None:
    """A timeout of the application's own cancels the call."""

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(call(wire.async_client(wire.Answer(wire.MESSAGE, wait=5))), 0.02)

    asyncio.run(main())
    assert exported.span()["claude.outcome"] == "cancelled"


def test_a_stream_cancelled_while_it_waits_for_an_event(exported: Exported) -> None:
    """A task that is cancelled inside `anext` ends its stream."""

    async def main() -> None:
        events = await begin(wire.async_client(stream(*BEGUN, 5.0, end(), STOP)))
        task = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    span = exported.span()
    assert span["claude.outcome"] == "cancelled"
    assert "gen_ai.usage.output_tokens" not in span


def test_a_consumer_cancelled_elsewhere_leaves_the_stream_open(exported: Exported) -> None:
    """A consumer that is cancelled between two events has not ended the stream; who holds it can."""

    async def main() -> None:
        events = await call(wire.async_client(), stream=True)

        async def consume_slowly() -> None:
            async for _ in events:
                await asyncio.sleep(5)

        task = asyncio.create_task(consume_slowly())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert exported.spans == []
        await events.close()

    asyncio.run(main())
    assert exported.span()["claude.outcome"] == "closed_early"


def test_a_keyboard_interrupt_cancels(exported: Exported) -> None:
    """The application's user stopped it."""
    with pytest.raises(KeyboardInterrupt):
        call(wire.client(KeyboardInterrupt()))
    assert exported.span()["claude.outcome"] == "cancelled"


def test_a_stream_read_in_another_task(exported: Exported, caplog: pytest.LogCaptureFixture) -> None:
    """Which task reads a stream makes no difference, and nothing complains of contexts."""

    async def main() -> None:
        events = await call(wire.async_client(), stream=True)

        async def read() -> None:
            async for _ in events:
                pass

        await asyncio.create_task(read())

    with caplog.at_level(logging.DEBUG, "opentelemetry"):
        asyncio.run(main())
    assert exported.span()["claude.outcome"] == "completed"
    assert [record for record in caplog.records if "detach" in record.getMessage()] == []


def test_a_stream_read_in_another_thread(exported: Exported) -> None:
    """Which thread reads a stream makes no difference."""
    events = call(wire.client(), stream=True)
    thread = threading.Thread(target=drain, args=(events,))
    thread.start()
    thread.join()
    assert exported.span()["claude.outcome"] == "completed"


def test_a_stream_that_another_thread_closes_ends_once(exported: Exported) -> None:
    """Reading and closing at once end the call once."""
    for _ in range(50):
        events = call(wire.client(stream(*BEGUN, 0.0005, end(), STOP)), stream=True)
        thread = threading.Thread(target=events.close)
        thread.start()
        with contextlib.suppress(Exception):
            drain(events)
        thread.join()
        del events
    gc.collect()
    assert len(exported.spans) == len(exported.events()) == 50
    assert exported.value("claude.calls") == 50
    assert exported.value("claude.active_calls") == 0


# Contexts.


def test_our_span_is_current_while_the_request_is_sent(exported: Exported) -> None:
    """Spans of the HTTP client are children of ours."""
    current: list[Any] = []
    transport = wire.Wire(during=lambda: current.append(trace.get_current_span().get_span_context().span_id))
    call(wire.client(wire=transport))
    (span,) = exported.spans
    assert span.context is not None
    assert current == [span.context.span_id]


def test_our_span_is_not_current_after_a_stream_is_returned(exported: Exported) -> None:
    """What the application does between two events is no part of the call."""
    mine = exported.tracer_provider.get_tracer("mine")
    with mine.start_as_current_span("request") as outer:
        events = call(wire.client(), stream=True)
        assert trace.get_current_span() is outer
        for _ in events:
            assert trace.get_current_span() is outer
            with mine.start_as_current_span("between") as between:
                assert between.parent.span_id == outer.get_span_context().span_id  # type: ignore[attr-defined]
    chat = next(span for span in exported.spans if span.name.startswith("chat"))
    assert chat.parent is not None
    assert chat.parent.span_id == outer.get_span_context().span_id


def test_our_span_is_not_current_in_an_async_stream(exported: Exported) -> None:
    """Async streams leave the context alone too."""
    mine = exported.tracer_provider.get_tracer("mine")

    async def main() -> None:
        with mine.start_as_current_span("request") as outer:
            async for _ in await call(wire.async_client(), stream=True):
                assert trace.get_current_span() is outer
            assert trace.get_current_span() is outer

    asyncio.run(main())
    assert len([span for span in exported.spans if span.name.startswith("chat")]) == 1


def test_context_variables_of_the_application_pass_through(exported: Exported) -> None:
    """A variable that a transport sets is seen after the call, as it is without us."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="before")
    call(wire.client(wire=wire.Wire(during=lambda: variable.set("during") and None)))
    assert variable.get() == "during"


def test_errors_are_the_ones_of_the_sdk(exported: Exported) -> None:
    """The application gets the SDK's exception, which can be pickled where the SDK's own can."""
    with pytest.raises(anthropic.RateLimitError) as caught:
        call(wire.client(wire.error(429, "rate_limit_error"), max_retries=0))
    if anthropic.APIError.__reduce__ is not Exception.__reduce__:
        assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message
    assert caught.value.request_id == "req_1"


def test_answers_can_be_pickled_and_copied(exported: Exported) -> None:
    """An answer is the SDK's own object."""
    answer = call(wire.client())
    assert pickle.loads(pickle.dumps(answer)) == copy.deepcopy(answer) == answer
    assert type(answer) is anthropic.types.Message


def test_a_stream_is_the_sdks_own(exported: Exported) -> None:
    """Neither a stream nor its response is a proxy."""
    events = call(wire.client(), stream=True)
    assert type(events) is anthropic.Stream
    assert type(events.response) is wire.http.Response
    drain(events)
    assert events.response.is_closed


TOOL_ONLY = [
    start(),
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
    },
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "content_block_stop", "index": 0},
    end("tool_use"),
    STOP,
]


def test_a_tool_only_answer_has_its_first_chunk_as_first_text(exported: Exported) -> None:
    """No text is to come, so what the user waits for begins with the first chunk."""
    drain(call(wire.client(stream(*TOOL_ONLY)), stream=True))
    span = exported.span()
    assert span["claude.time_to_first_text"] == span["gen_ai.response.time_to_first_chunk"]
    assert span["gen_ai.response.finish_reasons"] == ("tool_call",)


def test_thinking_is_a_chunk_and_no_text(exported: Exported) -> None:
    """The first chunk of an answer that thinks comes before the text that the user sees."""
    thinking = {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}
    drain(call(wire.client(stream(start(), thinking, 0.05, *text("hello"), end(), STOP)), stream=True))
    span = exported.span()
    assert span["claude.time_to_first_text"] - span["gen_ai.response.time_to_first_chunk"] > 0.04


def test_the_first_text_of_a_body_read_line_by_line_is_not_its_last(exported: Exported) -> None:
    """Text that comes later does not move it, where the SDK's parser is not asked either."""
    deltas = text("he", "llo")
    answer = stream(start(), *deltas[:2], 0.2, *deltas[2:], end(), STOP)
    with wire.client(answer).messages.with_streaming_response.create(**ASK, stream=True) as response:
        assert "llo" in "".join(response.iter_lines())
    (event,) = exported.events()
    assert event["claude.duration"] - event["claude.time_to_first_text"] > 0.19


@pytest.mark.parametrize("events", [EVENTS, TOOL_ONLY])
def test_a_stream_that_is_read_at_once_says_no_rate_of_tokens(exported: Exported, events: list[dict[str, Any]]) -> None:
    """The text is there when all of it is; how fast it came is not to be seen."""
    with wire.client(stream(*events)).messages.with_streaming_response.create(**ASK, stream=True) as response:
        assert b"message_stop" in response.read()
    (event,) = exported.events()
    assert event["claude.duration"] >= event["claude.time_to_first_text"] > 0
    assert not {"gen_ai.response.time_to_first_chunk", "claude.time_per_output_token"} & set(event)
    assert exported.points("claude.time_to_first_text") != []
    assert exported.points("gen_ai.client.inference.time_to_first_chunk") == []
