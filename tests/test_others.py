"""Another instrumentor of the SDK beside us: it has the span, and we the metrics and events of every call."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from types import ModuleType

import anthropic
import pytest
import wrapt
from anthropic import _base_client
from anthropic.resources.messages import AsyncMessages, Messages
from opentelemetry import context, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation

import claude_otel
import wire
from claude_otel.others import GENAI, INFERENCE, INSTRUMENTORS, LOGFIRE, READ_STREAM, WITHOUT_TOKENS
from conftest import Exported
from wire import ASK

TRACES = hasattr(_base_client.BaseClient, "_set_open_telemetry")

# As the others do it: a wrapper of the public method, with a span that is current while the method runs.
WRAPPERS = """
def wrapper(wrapped, instance, args, kwargs):
    with tracer.start_as_current_span("theirs", attributes={"gen_ai.usage.input_tokens": 130}):
        return wrapped(*args, **kwargs)

async def async_wrapper(wrapped, instance, args, kwargs):
    with tracer.start_as_current_span("theirs", attributes={"gen_ai.usage.input_tokens": 130}):
        return await wrapped(*args, **kwargs)
"""


@pytest.fixture(params=INSTRUMENTORS)
def beside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    """Both are installed, and the SDK's own tracing is on."""
    exported = Exported()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", exported.tracer_provider)
    module = ModuleType(f"{request.param}.patch")
    vars(module)["tracer"] = exported.tracer_provider.get_tracer("theirs")
    exec(WRAPPERS, vars(module))
    monkeypatch.setitem(sys.modules, request.param, ModuleType(request.param))
    create, async_create = vars(Messages)["create"], vars(AsyncMessages)["create"]
    wrapt.wrap_function_wrapper(Messages, "create", module.wrapper)
    wrapt.wrap_function_wrapper(AsyncMessages, "create", module.async_wrapper)
    exported.instrument()
    yield exported
    claude_otel.uninstrument()
    Messages.create, AsyncMessages.create = create, async_create  # type: ignore[method-assign]


def names(exported: Exported) -> list[str]:
    return [span.name for span in exported.spans]


def test_the_span_is_theirs_and_the_numbers_are_ours(beside: Exported) -> None:
    """Neither ours nor the SDK's own is made for that call."""
    wire.client().messages.create(**ASK)
    assert names(beside) == ["theirs"]
    assert beside.value("claude.calls") == len(beside.events()) == 1
    assert beside.value("claude.cost") == pytest.approx(0.0003)
    (data,) = beside._events.get_finished_logs()
    (span,) = beside.spans
    assert span.context is not None
    assert data.log_record.span_id == span.context.span_id


def test_async_calls_too(beside: Exported) -> None:
    """And the call site is that of the application."""

    async def main() -> None:
        await wire.async_client().messages.create(**ASK)

    asyncio.run(main())
    assert names(beside) == ["theirs"]
    assert beside.events()[0]["claude.call_site"] == "test_others:main"


def test_what_they_do_not_see_is_ours(beside: Exported) -> None:
    """They wrap some of the ways in; every call has a span."""
    wire.client().post("/v1/messages", body={**ASK}, cast_to=anthropic.types.Message)
    with wire.client().messages.stream(**ASK) as events:
        events.until_done()
    assert names(beside) == ["chat claude-opus-5-5", "chat claude-opus-5-5"]


def test_ours_on_demand(beside: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for our spans gets them."""
    claude_otel.uninstrument()
    monkeypatch.setenv("CLAUDE_OTEL_SPANS", "own")
    beside.instrument()
    wire.client().messages.create(**ASK)
    assert sorted(names(beside)) == ["chat claude-opus-5-5", "theirs"]


def test_a_module_of_theirs_that_is_only_imported_changes_nothing(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the wrapper around a call that counts."""
    monkeypatch.setitem(sys.modules, INSTRUMENTORS[0], ModuleType(INSTRUMENTORS[0]))
    wire.client().messages.create(**{**ASK, "stream": False})
    assert names(exported) == ["chat claude-opus-5-5"]


# As Logfire does it: a `request` of its own on the class, that turns instrumentation off meanwhile.
REQUEST = """
def instrument(cls, message_template):
    original = cls.request

    def request(*args, **kwargs):
        return run(original, message_template, args, kwargs)

    cls.request = request

def run(original, message_template, args, kwargs):
    if message_template is None:
        return original(*args, **kwargs)
    with tracer.start_as_current_span("theirs", attributes={"gen_ai.usage.input_tokens": 130}):
        with suppress_instrumentation():
            return original(*args, **kwargs)
"""


@pytest.mark.parametrize("template", ["Message", None])
@pytest.mark.parametrize("first", ["theirs", "ours"])
def test_a_request_of_their_own(monkeypatch: pytest.MonkeyPatch, first: str, template: str | None) -> None:
    """The call is recorded, whether theirs calls ours or the SDK's, and although it turns instrumentation off."""
    exported = Exported()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", exported.tracer_provider)
    module = ModuleType(f"{LOGFIRE}.llm_provider")
    module.tracer = exported.tracer_provider.get_tracer("theirs")  # type: ignore[attr-defined]
    module.suppress_instrumentation = suppress_instrumentation  # type: ignore[attr-defined]
    exec(REQUEST, vars(module))
    monkeypatch.setitem(sys.modules, LOGFIRE, ModuleType(LOGFIRE))
    if first == "ours":
        exported.instrument()
    module.instrument(anthropic.Anthropic, template)
    if first == "theirs":
        exported.instrument()
    try:
        wire.client().messages.create(**ASK)
        with suppress_instrumentation():
            if template is None:
                wire.client(**({"open_telemetry": False} if TRACES else {})).messages.create(**ASK)
    finally:
        claude_otel.uninstrument()
        del anthropic.Anthropic.request
    seen_late = hasattr(_base_client.SyncAPIClient, "_request") or first == "ours"
    assert exported.value("claude.calls") == len(exported.events()) == seen_late
    assert names(exported) == (["theirs"] if template else ["chat claude-opus-5-5"] * seen_late)


@pytest.mark.parametrize("of_framework", [True, False])
def test_an_inference_that_runs_already(
    exported: Exported, monkeypatch: pytest.MonkeyPatch, of_framework: bool
) -> None:
    """A framework's span has the tokens of the calls within; an open stream of the SDK's has only its own."""
    monkeypatch.setitem(sys.modules, "opentelemetry.util.genai", ModuleType("opentelemetry.util.genai"))
    tracer = exported.tracer_provider.get_tracer("opentelemetry.framework" if of_framework else GENAI)
    with tracer.start_as_current_span("theirs"):
        token = context.attach(context.set_value(INFERENCE, object()))
        wire.client().messages.create(**ASK)
        context.detach(token)
    assert names(exported) == (["theirs"] if of_framework else ["chat claude-opus-5-5", "theirs"])


def test_what_they_let_pass_is_ours(beside: Exported) -> None:
    """A raw stream gets no tokens on a span of Traceloop or OpenInference."""
    with wire.client().messages.with_streaming_response.create(**ASK, stream=True) as response:
        response.read()
    ours = {"chat claude-opus-5-5"} & set(names(beside))
    assert bool(ours) == any(
        READ_STREAM in WITHOUT_TOKENS.get(name, ()) for name in sys.modules if name in INSTRUMENTORS
    )
