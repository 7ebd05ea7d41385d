"""Ways in beyond those of `ways`: retries, errors, calls made while a stream is open, streams that are not read out."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import served

import wire
from ways import text_of, text_of_events
from wire import ASK


def answer_with(client: Any, *script: wire.Scripted) -> None:
    """Has the transport of `client` answer with `script` first."""
    scripted = getattr(client._client._transport, "script", served.script)
    scripted[:] = script


def overloaded() -> wire.Answer:
    return wire.error(529, "overloaded_error")


def retried(client: Any) -> str:
    answer_with(client, overloaded())
    return text_of(client.messages.create(**ASK))


def retried_stream(client: Any) -> str:
    answer_with(client, overloaded())
    return text_of_events(client.messages.create(**ASK, stream=True))


def failed(client: Any) -> str:
    answer_with(client, wire.error(400, "invalid_request_error"))
    return text_of(client.messages.create(**ASK))


def broken_stream(client: Any) -> str:
    answer_with(
        client, wire.stream(*wire.BEGUN, {"type": "error", "error": {"type": "overloaded_error", "message": ""}})
    )
    return text_of_events(client.messages.create(**ASK, stream=True))


def closed_early(client: Any) -> str:
    events = client.messages.create(**ASK, stream=True)
    first = next(iter(events)).type
    events.close()
    return str(first)


def while_streaming(client: Any) -> str:
    with client.messages.create(**ASK, stream=True) as events:
        first = next(iter(events)).type
        within = text_of(client.messages.create(**ASK))
        return f"{first} {within} {text_of_events(events)}"


def while_streaming_post(client: Any) -> str:
    with client.messages.create(**ASK, stream=True) as events:
        first = next(iter(events)).type
        within = text_of(client.post("/v1/messages", body={**ASK}, cast_to=anthropic.types.Message))
        return f"{first} {within} {text_of_events(events)}"


def while_helping(client: Any) -> str:
    with client.messages.stream(**ASK) as events:
        first = next(iter(events)).type
        within = text_of(client.messages.create(**ASK))
        return f"{first} {within} {text_of(events.get_final_message())}"


def interleaved(client: Any) -> str:
    one, two = (client.messages.create(**ASK, stream=True) for _ in range(2))
    kinds = [(a.type, b.type) for a, b in zip(one, two, strict=True)]
    return str(kinds)


def in_thread(client: Any) -> str:
    got: list[str] = []
    events = client.messages.create(**ASK, stream=True)
    thread = threading.Thread(target=lambda: got.append(text_of_events(events)))
    thread.start()
    thread.join()
    return got[0] + text_of(client.messages.create(**ASK))


async def async_retried(client: Any) -> str:
    answer_with(client, overloaded())
    return text_of(await client.messages.create(**ASK))


async def async_failed(client: Any) -> str:
    answer_with(client, wire.error(400, "invalid_request_error"))
    return text_of(await client.messages.create(**ASK))


async def async_while_streaming(client: Any) -> str:
    async with await client.messages.create(**ASK, stream=True) as events:
        first = (await anext(aiter(events))).type
        within = text_of(await client.messages.create(**ASK))
        return f"{first} {within} {text_of_events([event async for event in events])}"


MORE_SYNC: dict[str, Callable[[Any], str]] = {
    way.__name__: way
    for way in (
        retried, retried_stream, failed, broken_stream, closed_early, while_streaming, while_streaming_post,
        while_helping, interleaved, in_thread,
    )
}  # fmt: skip

MORE_ASYNC: dict[str, Callable[[Any], Awaitable[str]]] = {
    way.__name__.removeprefix("async_"): way for way in (async_retried, async_failed, async_while_streaming)
}

CALLS = dict.fromkeys(("while_streaming", "while_streaming_post", "while_helping", "interleaved", "in_thread"), 2)
"""How many calls a way makes that makes more than one."""
