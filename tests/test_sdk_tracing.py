"""Whose span a call has, ours or the SDK's own: always one, and the SDK's where the user configured it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from opentelemetry import trace

import claude_otel
import wire
from claude_otel import surface
from conftest import Exported
from wire import ASK

pytest.importorskip("anthropic._tracing", reason="the SDK has no tracing of its own before 1.14")

OURS, SDKS = "chat claude-opus-5-5", "anthropic.messages.create"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the SDK's tracing or of ours is set."""
    for name in ("", "_TRACES_CONTENT_MODE", "_TRACES_MAX_CONTENT_BYTES", "_PROPAGATION"):
        monkeypatch.delenv(f"ANTHROPIC_OPEN_TELEMETRY{name}", raising=False)
    monkeypatch.delenv("CLAUDE_OTEL_SPANS", raising=False)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    """Providers of which the tracer's is global, as under `opentelemetry-instrument`; nothing is instrumented yet."""
    exported = Exported()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", exported.tracer_provider)
    yield exported
    claude_otel.uninstrument()


@pytest.fixture
def everywhere(kept: Exported) -> Exported:
    """The SDK instrumented, where its own tracing works too."""
    kept.instrument()
    return kept


def names(exported: Exported) -> list[str]:
    """The names of the spans that ended, which are then forgotten."""
    found = [span.name for span in exported.spans]
    exported.clear()
    return found


def ask(client: Any) -> Any:
    return client.messages.create(**ASK)


def test_without_us_the_sdk_makes_a_span(kept: Exported) -> None:
    """That is what the other tests start from."""
    ask(wire.client())
    assert names(kept) == [SDKS]


def test_by_default_the_span_is_ours(everywhere: Exported) -> None:
    """The SDK's own, which is on by default, is kept from starting for that call."""
    ask(wire.client())
    list(wire.client().messages.create(**ASK, stream=True))
    assert names(everywhere) == [OURS, OURS]


@pytest.mark.parametrize("option", [{}, {"traces": True}, {"traces": {"content_mode": "content"}}])
def test_configured_by_option_it_is_the_sdks(everywhere: Exported, option: Any) -> None:
    """Whoever gives the option wants the SDK's spans."""
    ask(wire.client(open_telemetry=option))
    assert names(everywhere) == [SDKS]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ANTHROPIC_OPEN_TELEMETRY", "true"),
        ("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", "content"),
        ("ANTHROPIC_OPEN_TELEMETRY_PROPAGATION", "false"),
        ("ANTHROPIC_OPEN_TELEMETRY_PROPAGATION", ""),
        ("ANTHROPIC_OPEN_TELEMETRY_OF_A_LATER_SDK", "true"),
    ],
)
def test_configured_by_the_environment_it_is_the_sdks(
    everywhere: Exported, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The environment counts as the client is made."""
    monkeypatch.setenv(variable, value)
    client = wire.client()
    monkeypatch.delenv(variable)
    ask(client)
    ask(wire.client())
    assert names(everywhere) == [SDKS, OURS]


def test_switched_off_it_is_ours(everywhere: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the SDK makes none there is still one."""
    ask(wire.client(open_telemetry=False))
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY", "false")
    ask(wire.client())
    assert names(everywhere) == [OURS, OURS]


def test_a_copy_is_as_its_original(everywhere: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is given an option of its own; the environment of that time says nothing."""
    plain, configured = wire.client(), wire.client(open_telemetry={})
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", "content")
    ask(plain.with_options(max_retries=1).with_options(timeout=3))
    ask(configured.with_options(max_retries=1).with_options(timeout=3))
    assert names(everywhere) == [OURS, SDKS]
    ask(plain.with_options(open_telemetry={}))
    ask(configured.with_options(open_telemetry=False))
    assert names(everywhere) == [SDKS, OURS]


def test_clients_that_are_older_than_us(kept: Exported) -> None:
    """By their option, where it can be told from the default; else ours."""
    plain = wire.client()
    off = wire.client(open_telemetry=False)
    content = wire.client(open_telemetry={"traces": {"content_mode": "content"}})
    kept.instrument()
    for client in (plain, off, content, plain.with_options(timeout=1), content.with_options(timeout=1)):
        ask(client)
    assert names(kept) == [OURS, OURS, SDKS, OURS, SDKS]


@pytest.mark.parametrize(
    ("mode", "plain", "configured", "post"),
    [
        ("auto", [OURS], [SDKS], [OURS]),
        ("own", [OURS], [OURS], [OURS]),
        ("native", [SDKS], [SDKS], []),
        ("off", [SDKS], [SDKS], []),
    ],
)
def test_the_modes(
    kept: Exported, monkeypatch: pytest.MonkeyPatch, mode: str, plain: list[str], configured: list[str], post: list[str]
) -> None:
    """Metrics and events go on in each; the SDK makes no span for `client.post`."""
    monkeypatch.setenv("CLAUDE_OTEL_SPANS", mode)
    kept.instrument()
    ask(wire.client())
    assert names(kept) == plain
    ask(wire.client(open_telemetry={}))
    assert names(kept) == configured
    wire.client().post("/v1/messages", body={**ASK}, cast_to=anthropic.types.Message)
    assert len(kept.events()) == 1
    assert names(kept) == post
    assert kept.value("claude.calls") == 3


def test_off_leaves_the_sdks_span_as_it_is(kept: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of ours is put on it."""
    monkeypatch.setenv("CLAUDE_OTEL_SPANS", "off")
    kept.instrument()
    ask(wire.client())
    assert [name for name in kept.span() if name.startswith("claude.") or name == "gen_ai.usage.cost"] == []


def errs(client: Any) -> None:
    with pytest.raises(anthropic.APIStatusError):
        ask(client)


def streams(client: Any) -> None:
    list(client.messages.create(**ASK, stream=True))


def breaks(client: Any) -> None:
    with pytest.raises(anthropic.APIStatusError):
        streams(client)


def closes(client: Any) -> None:
    with client.messages.create(**ASK, stream=True) as events:
        while next(events).type != "content_block_delta":
            pass


def helps(client: Any) -> None:
    with client.messages.stream(**ASK) as events:
        events.until_done()


def reads(client: Any) -> None:
    with client.messages.with_streaming_response.create(**ASK) as response:
        response.parse()


OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}
WHOLE = {"claude.outcome": "completed", "gen_ai.usage.cost": 0.0003, "gen_ai.usage.output_tokens": 7}
PART = {"gen_ai.usage.cost": 0.00016, "gen_ai.usage.input_tokens": 130, "gen_ai.usage.output_tokens": None}

SCENARIOS: list[tuple[Callable[[Any], None], list[wire.Scripted], dict[str, Any]]] = [
    (lambda client: ask(client), [], WHOLE),
    (streams, [], WHOLE),
    (helps, [], WHOLE),
    (reads, [], {"claude.outcome": "completed"}),
    (
        errs,
        [wire.error(529, "overloaded_error")],
        {"claude.outcome": "error", "claude.blame": "provider", "error.type": "overloaded_error"},
    ),
    (
        errs,
        [wire.error(429, "rate_limit_error", code="enforced_spend_limit_reached")],
        {"claude.outcome": "error", "claude.blame": "budget", "error.type": "rate_limit_error"},
    ),
    (
        breaks,
        [wire.stream(*wire.BEGUN, OVERLOADED)],
        {**PART, "claude.outcome": "error", "claude.blame": "provider", "error.type": "overloaded_error"},
    ),
    (
        streams,
        [wire.stream(*wire.BEGUN)],
        {**PART, "claude.outcome": "truncated", "claude.blame": "provider", "error.type": "api_error"},
    ),
    (closes, [], {**PART, "claude.outcome": "closed_early"}),
]
IDS = ["create", "stream", "helper", "unread", "529", "spend limit", "error event", "cut", "closed early"]


@pytest.mark.parametrize(("act", "script", "expected"), SCENARIOS, ids=IDS)
def test_the_sdks_span_is_enriched(
    everywhere: Exported, act: Callable[[Any], None], script: list[wire.Scripted], expected: dict[str, Any]
) -> None:
    """It has our surface, cost, outcome and blame, also for streams and errors, and no time below zero."""
    with surface("chat"):
        act(wire.client(*script, max_retries=0, open_telemetry={}))
    (span,) = everywhere.spans
    assert (span.name, everywhere.span()["claude.surface"]) == (SDKS, "chat")
    told = {name: everywhere.span().get(name) for name in expected}
    assert told == {n: pytest.approx(v) if isinstance(v, float) else v for n, v in expected.items()}
    times = [v for n, v in everywhere.span().items() if "time" in n and isinstance(v, float)]
    assert all(value > 0 for value in times), everywhere.span()
    (event,) = everywhere.events()
    assert event["claude.outcome"] == expected["claude.outcome"]
    assert everywhere.value("claude.calls", claude__outcome=expected["claude.outcome"]) == 1


def test_a_cut_stream_read_while_an_exception_is_handled(everywhere: Exported) -> None:
    """The application's own exception is not mistaken for that of the stream."""
    try:
        raise KeyError("the application's own")
    except KeyError:
        streams(wire.client(wire.stream(*wire.BEGUN), open_telemetry={}))
    span = everywhere.span()
    assert (span["claude.outcome"], span["claude.blame"], span["error.type"]) == ("truncated", "provider", "api_error")


def test_the_event_points_to_the_sdks_span(everywhere: Exported) -> None:
    """Its trace context is that of the span that exists."""
    ask(wire.client(open_telemetry={}))
    (span,) = everywhere.spans
    (record,) = everywhere._events.get_finished_logs()
    assert span.context is not None
    assert (record.log_record.trace_id, record.log_record.span_id) == (span.context.trace_id, span.context.span_id)


def test_async_calls_are_enriched_too(everywhere: Exported) -> None:
    """The async twin of the SDK's tracing."""

    async def main() -> None:
        client = wire.async_client(open_telemetry={})
        await client.messages.create(**ASK)
        async for _ in await client.messages.create(**ASK, stream=True):
            pass

    asyncio.run(main())
    assert [span.name for span in everywhere.spans] == [SDKS, SDKS]
    costs = [dict(span.attributes or {})["gen_ai.usage.cost"] for span in everywhere.spans]
    assert costs == [pytest.approx(0.0003)] * 2


def headers_sent(option: Any) -> list[dict[str, str]]:
    """The headers of the two requests of a call; ids, which are new each time, are left out."""
    transport = wire.Wire(wire.error(529, "overloaded_error"))
    ask(wire.client(wire=transport, open_telemetry=option))
    new = ("traceparent", "idempotency-key")
    return [{n: "…" if n in new else v for n, v in request.headers.items()} for request in transport.requests]


@pytest.mark.parametrize("option", [None, {"propagation": True}, {"propagation": False}, False])
def test_requests_carry_a_trace_context_where_they_do_without_us(kept: Exported, option: Any) -> None:
    """A gateway that continues the trace finds the same headers; of our span where that stands for the SDK's."""
    without = headers_sent(option)
    assert ["traceparent" in headers for headers in without] == [option in (None, {"propagation": True})] * 2
    kept.instrument()
    assert headers_sent(option) == without


@pytest.mark.parametrize("parent", [False, True])
def test_without_a_global_provider_requests_carry_only_what_they_do_without_us(parent: bool) -> None:
    """Providers that only we were given change no request, unless the application's own span is sent already."""
    exported = Exported()

    def send() -> list[dict[str, str]]:
        if not parent:
            return headers_sent(None)
        with exported.tracer_provider.get_tracer("application").start_as_current_span("work"):
            return headers_sent(None)

    without = send()
    exported.instrument()
    try:
        assert send() == without
    finally:
        claude_otel.uninstrument()
    assert ["traceparent" in headers for headers in without] == [parent] * 2


def test_the_trace_context_is_that_of_our_span(everywhere: Exported) -> None:
    """And the span has nothing of the SDK's."""
    transport = wire.Wire()
    ask(wire.client(wire=transport))
    (span,) = everywhere.spans
    assert span.context is not None
    assert transport.requests[0].headers["traceparent"].split("-")[2] == f"{span.context.span_id:016x}"
    assert [name for name in everywhere.span() if name.startswith("url.")] == []


def test_what_the_sdk_says_of_a_call_stays_as_it_is(kept: Exported) -> None:
    """On its own span our attributes stand beside the SDK's, which are the same, also those that it leaves out."""

    def attributes() -> dict[str, Any]:
        kept.clear()
        with pytest.raises(anthropic.APIStatusError):
            streams(wire.client(wire.stream(*wire.BEGUN, {"type": "error", "error": {}}), open_telemetry={}))
        return {name: value for name, value in kept.span().items() if "time" not in name}

    without = attributes()
    kept.instrument()
    ours = {name for name in attributes() if name.startswith("claude.") or name == "gen_ai.usage.cost"}
    assert {"claude.outcome", "claude.surface", "gen_ai.usage.cost"} <= ours
    assert {name: value for name, value in attributes().items() if name not in ours} == without


def tool_answers() -> list[wire.Answer]:
    use = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
    return [wire.Answer(wire.message(content=[use], stop_reason="tool_use")), wire.Answer(wire.MESSAGE)]


@pytest.mark.parametrize(("option", "name"), [(None, OURS), ({}, SDKS)])
def test_the_sdks_spans_of_tools_go_on(everywhere: Exported, option: Any, name: str) -> None:
    """Around one span for each turn, which is its child."""

    @anthropic.beta_tool
    def look() -> str:
        """Looks."""
        return "seen"

    client = wire.client(*tool_answers(), open_telemetry=option)
    client.beta.messages.tool_runner(**ASK, tools=[look]).until_done()
    found = sorted(span.name for span in everywhere.spans)
    assert found == sorted(["anthropic.messages.tool_runner", "anthropic.custom_tool_use look", name, name])
    runner = next(span for span in everywhere.spans if span.name == "anthropic.messages.tool_runner")
    turns = [span for span in everywhere.spans if span.name == name]
    assert [turn.parent and turn.parent.span_id for turn in turns] == [runner.context and runner.context.span_id] * 2
    assert everywhere.value("claude.calls") == 2


def test_no_call_has_two_spans_with_tokens(everywhere: Exported) -> None:
    """However clients are made and used."""
    clients = [wire.client(), wire.client(open_telemetry={}), wire.client(open_telemetry=False)]
    for client in clients:
        ask(client)
        streams(client)
        helps(client)
        reads(client)
        client.beta.messages.create(**ASK)
    bearing = [span for span in everywhere.spans if "gen_ai.usage.input_tokens" in (span.attributes or {})]
    assert len(everywhere.events()) == 15
    assert len(everywhere.spans) == 15
    assert len({span.context and span.context.trace_id for span in bearing}) == len(bearing)
