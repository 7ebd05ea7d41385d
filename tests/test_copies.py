"""Copying and pickling what the SDK returns: the same object comes of it, or the same exception, as without us."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import anthropic
import pytest

import claude_otel
import test_batches
import wire
from conftest import Exported
from ways import Words, settle

HOWS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda made, protocol=protocol: pickle.loads(pickle.dumps(made, protocol))  # type: ignore[misc]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


def failed(*script: wire.Scripted, **options: Any) -> Any:
    """The exception that a call ends with."""
    try:
        for _ in wire.client(*script, max_retries=0).messages.create(**wire.ASK, **options):
            pass
    except Exception as error:
        return error
    raise AssertionError


def begun(**options: Any) -> Any:
    """A stream of which an event was read."""
    events = wire.client().messages.create(**wire.ASK, stream=True, **options)
    next(events)
    return events


def read() -> Any:
    """A stream that was read to its end."""
    events = wire.client().messages.create(**wire.ASK, stream=True)
    list(events)
    return events


def snapshot() -> Any:
    with wire.client().messages.stream(**wire.ASK) as events:
        return events.get_final_message()


def parsed() -> Any:
    words = wire.message(content=[{"type": "text", "text": '{"word": "x"}'}])
    return wire.client(wire.Answer(words)).messages.parse(**wire.ASK, output_format=Words)


async def asynchronous(**options: Any) -> Any:
    return await settle(await wire.async_client().messages.create(**wire.ASK, **options))


def overloaded() -> wire.Answer:
    return wire.stream(*wire.BEGUN, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}})


def page() -> Any:
    answer = {"data": [test_batches.described("b")], "has_more": False, "first_id": None, "last_id": None}
    return wire.client(wire.Answer(answer)).messages.batches.list()


MADE: dict[str, Callable[[], Any]] = {
    "message": lambda: wire.client().messages.create(**wire.ASK),
    "message of an async client": lambda: asyncio.run(asynchronous()),
    "parsed message": parsed,
    "message of a stream": snapshot,
    "token count": lambda: wire.client().messages.count_tokens(model="m", messages=[]),
    "event": lambda: next(wire.client().messages.create(**wire.ASK, stream=True)),
    "raw response": lambda: wire.client().messages.with_raw_response.create(**wire.ASK),
    "raw response of a stream": lambda: wire.client().messages.with_raw_response.create(**wire.ASK, stream=True),
    "HTTP response": lambda: wire.client().messages.with_raw_response.create(**wire.ASK).http_response,
    "HTTP response of a stream": lambda: begun().response,
    "HTTP response of a stream that was read": lambda: read().response,
    "stream": begun,
    "stream that was read": read,
    "async stream": lambda: asyncio.run(asynchronous(stream=True)),
    "stream manager": lambda: wire.client().messages.stream(**wire.ASK),
    "tool runner": lambda: wire.client().beta.messages.tool_runner(**wire.ASK, tools=[]),
    "status error": lambda: failed(wire.error(429, "rate_limit_error")),
    "status error of a stream": lambda: failed(wire.error(529, "overloaded_error"), stream=True),
    "error event": lambda: failed(overloaded(), stream=True),
    "connection error": lambda: failed(wire.http.ConnectError("refused")),
    "timeout": lambda: failed(wire.http.ReadTimeout("slow")),
    "batch": lambda: wire.client(wire.Answer(test_batches.described("b"))).messages.batches.retrieve("b"),
    "page of batches": page,
    "results of a batch": lambda: wire.client(*test_batches.downloads("b")).messages.batches.results("b"),
    "result of a batch": lambda: next(wire.client(*test_batches.downloads("b")).messages.batches.results("b")),
    "client": wire.client,
    "client.copy()": lambda: wire.client().copy(),
    "client.with_options()": lambda: wire.client().with_options(timeout=3),
    "messages": lambda: wire.client().messages,
    "async client": wire.async_client,
}
"""How to make each of what the SDK returns."""


def outcome(how: Callable[[Any], Any], made: Any) -> str:
    """What comes of copying what was `made`, in words that two runs have in common."""
    try:
        copied = how(made)
    except Exception as error:
        return neutral(f"{type(error)} {error}")
    same = type(copied) is type(made) and (copied is made, copied == made)
    return neutral(f"{same} {state(copied)}")


def state(copied: Any) -> Any:
    """What is in a copy, as far as its own `vars` tell."""
    # What is known of a client is kept on it.
    found = [name for name in getattr(copied, "__dict__", {}) if not name.startswith("_self_claude_otel")]
    if isinstance(copied, wire.http.Response):
        return sorted(found), copied.status_code, copied.is_closed, copied.extensions.keys() - {"claude_otel.call"}
    if isinstance(copied, BaseException):
        return (
            str(copied),
            copied.args,
            sorted(found),
            getattr(copied, "body", None),
            getattr(copied, "request_id", None),
        )
    return copied if hasattr(copied, "model_dump") else sorted(found)


def neutral(text: str) -> str:
    """`text` without addresses."""
    return re.sub(r"0x[0-9a-f]+", "0x", text)


@pytest.mark.parametrize("name", MADE)
def test_the_application_cannot_tell(name: str) -> None:
    """Whatever is copied, and however."""
    without = {how: outcome(copying, MADE[name]()) for how, copying in HOWS.items()}
    exported = Exported()
    exported.instrument()
    try:
        assert {how: outcome(copying, MADE[name]()) for how, copying in HOWS.items()} == without
    finally:
        claude_otel.uninstrument()
    assert exported.value("claude.calls") == len(exported.spans)


COPIES: dict[str, Callable[[Any], Any]] = {
    "stream": copy.copy,
    "response": lambda events: copy.copy(events.response),
    "extensions": lambda events: copy.deepcopy(events.response.extensions),
    "pickled extensions": lambda events: pickle.loads(pickle.dumps(events.response.extensions)),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_an_open_stream_does_not_end_it(exported: Exported, name: str) -> None:
    """The call is that of the original."""
    events = begun()
    copied = COPIES[name](events)
    del copied
    assert exported.spans == []
    list(events)
    assert exported.span()["claude.outcome"] == "completed"
    assert exported.value("claude.calls") == 1


def test_copied_clients_make_calls_of_their_own(exported: Exported) -> None:
    """Each is recorded once."""
    client = wire.client()
    for made in (client, client.copy(), client.with_options(timeout=3), copy.copy(client)):
        assert isinstance(made, anthropic.Anthropic)
        made.messages.create(**wire.ASK)
    assert exported.value("claude.calls") == len(exported.spans) == 4
