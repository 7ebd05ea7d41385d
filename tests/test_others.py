"""Another instrumentor of the SDK beside us: it has the span, and we the metrics and events of every call."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from types import ModuleType

import anthropic
import pytest
import wrapt
from anthropic.resources.messages import AsyncMessages, Messages
from opentelemetry import trace

import claude_otel
import wire
from claude_otel.others import INSTRUMENTORS
from conftest import Exported
from wire import ASK

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
