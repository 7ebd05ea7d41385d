"""The ways of asking, and what an application does with the answer.

Each is written once, for a client of either kind: `settle` awaits what is to be awaited, `each` reads either kind of
iterator. With a sync client such a function never waits, and needs no event loop.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anthropic
from anthropic.types import Message

from hostile.answers import Kind
from wire import ASK

ASKED: dict[str, Any] = {
    **ASK,
    "system": [{"type": "text", "text": "You sell tea.", "cache_control": {"type": "ephemeral"}}],
}
TOOL: dict[str, Any] = {"name": "weather", "description": "?", "input_schema": {"type": "object"}}
REQUESTS: list[Any] = [{"custom_id": "1", "params": ASK}]

Act = Callable[[Any, list[Any]], Coroutine[Any, Any, Any]]
"""Asks with a client, and puts all that it sees on the way into a list, so that it is there when the call fails."""


@dataclass(frozen=True)
class Way:
    """A way of asking: the kinds of answers it wants, one for each of its requests, and what the application does.

    A `plain` one gets an exception from the SDK only where the call failed. Of one that `leaves` the answer the rest is
    never read.
    """

    act: Act
    kinds: tuple[Kind, ...]
    plain: bool = True
    leaves: bool = False


async def settle(value: Any) -> Any:
    """`value`, awaited where it is to be."""
    return await value if inspect.isawaitable(value) else value


async def each(items: Any) -> AsyncIterator[Any]:
    """The `items` of either kind of iterator."""
    if hasattr(items, "__aiter__"):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


async def read(items: Any, seen: list[Any]) -> None:
    """Reads `items` to their end. Those that come before it fails are in `seen`."""
    if hasattr(items, "__aiter__"):
        async for item in items:
            seen.append(item)  # noqa: PERF401
    else:
        for item in items:
            seen.append(item)  # noqa: PERF402


@asynccontextmanager
async def opened(manager: Any) -> AsyncIterator[Any]:
    """What a manager of either kind gives."""
    if hasattr(manager, "__aenter__"):
        async with manager as inner:
            yield inner
    else:
        with manager as inner:
            yield inner


async def create(client: Any, seen: list[Any]) -> Any:
    return await settle(client.messages.create(**ASKED))


async def beta_create(client: Any, seen: list[Any]) -> Any:
    return await settle(client.beta.messages.create(**ASKED, diagnostics={"previous_message_id": None}))


async def parse(client: Any, seen: list[Any]) -> Any:
    return await settle(client.messages.parse(**ASKED))


async def raw(client: Any, seen: list[Any]) -> Any:
    response = await settle(client.messages.with_raw_response.create(**ASKED))
    seen += [response.status_code, response.headers.raw]
    return await settle(response.parse())


async def raw_unparsed(client: Any, seen: list[Any]) -> Any:
    response = await settle(client.beta.messages.with_raw_response.create(**ASKED))
    seen += [response.status_code, response.http_response.content]
    return response.http_response.json()


async def streaming(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.with_streaming_response.create(**ASKED)) as response:
        return await settle(response.parse())


async def streaming_json(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.with_streaming_response.create(**ASKED)) as response:
        return await settle(response.json())


async def streaming_bytes(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.with_streaming_response.create(**ASKED)) as response:
        await read(response.iter_bytes(), seen)


async def streaming_unread(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.with_streaming_response.create(**ASKED)) as response:
        seen.append(response.status_code)


async def post(client: Any, seen: list[Any]) -> Any:
    return await settle(client.post("/v1/messages", body={**ASKED}, cast_to=Message))


async def post_object(client: Any, seen: list[Any]) -> Any:
    return await settle(client.post("/v1/messages", body={**ASKED}, cast_to=object))


async def post_text(client: Any, seen: list[Any]) -> Any:
    return await settle(client.post("/v1/messages", body={**ASKED}, cast_to=str))


async def create_stream(client: Any, seen: list[Any]) -> Any:
    await read(await settle(client.messages.create(**ASKED, stream=True)), seen)


async def beta_create_stream(client: Any, seen: list[Any]) -> Any:
    await read(await settle(client.beta.messages.create(**ASKED, stream=True)), seen)


async def create_stream_closed(client: Any, seen: list[Any]) -> Any:
    stream = await settle(client.messages.create(**ASKED, stream=True))
    async for item in each(stream):
        seen.append(item)
        if len(seen) == 2:
            break
    await settle(stream.close())


async def create_stream_dropped(client: Any, seen: list[Any]) -> Any:
    stream = await settle(client.messages.create(**ASKED, stream=True))
    if hasattr(stream, "__anext__"):
        seen.append(await anext(stream, None))
    else:
        seen.append(next(stream, None))


async def raw_stream(client: Any, seen: list[Any]) -> Any:
    response = await settle(client.messages.with_raw_response.create(**ASKED, stream=True))
    await read(await settle(response.parse()), seen)


async def raw_events(client: Any, seen: list[Any]) -> Any:
    stream = await settle(client.messages.create(**ASKED, stream=True))
    async for sse in each(type(stream).raw_events(stream.response)):
        seen.append(repr(sse))  # noqa: PERF401


async def helper(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.stream(**ASKED)) as stream:
        await read(stream, seen)
        return await settle(stream.get_final_message())


async def helper_text(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.stream(**ASKED)) as stream:
        await read(stream.text_stream, seen)


async def beta_helper(client: Any, seen: list[Any]) -> Any:
    async with opened(client.beta.messages.stream(**ASKED)) as stream:
        return await settle(stream.get_final_message())


async def tool_runner(client: Any, seen: list[Any]) -> Any:
    await read(client.beta.messages.tool_runner(**ASKED, tools=[TOOL], max_iterations=2), seen)


async def streaming_stream(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.with_streaming_response.create(**ASKED, stream=True)) as response:
        await read(await settle(response.parse()), seen)


async def streaming_stream_bytes(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.with_streaming_response.create(**ASKED, stream=True)) as response:
        await read(response.iter_bytes(9), seen)


async def streaming_stream_text(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.with_streaming_response.create(**ASKED, stream=True)) as response:
        await read(response.iter_text(), seen)


async def streaming_stream_lines(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.with_streaming_response.create(**ASKED, stream=True)) as response:
        await read(response.iter_lines(), seen)


async def streaming_stream_read(client: Any, seen: list[Any]) -> Any:
    async with opened(client.messages.with_streaming_response.create(**ASKED, stream=True)) as response:
        return await settle(response.read())


async def post_stream(client: Any, seen: list[Any]) -> Any:
    kind: Any = anthropic.AsyncStream if isinstance(client, anthropic.AsyncAnthropic) else anthropic.Stream
    body = {**ASKED, "stream": True}
    events = kind[anthropic.types.RawMessageStreamEvent]
    await read(
        await settle(client.post("/v1/messages", body=body, cast_to=Message, stream=True, stream_cls=events)), seen
    )


async def count_tokens(client: Any, seen: list[Any]) -> Any:
    return await settle(client.messages.count_tokens(model=ASK["model"], messages=ASK["messages"]))


async def raw_count_tokens(client: Any, seen: list[Any]) -> Any:
    asked = {"model": ASK["model"], "messages": ASK["messages"]}
    response = await settle(client.beta.messages.with_raw_response.count_tokens(**asked))
    return await settle(response.parse())


async def create_batch(client: Any, seen: list[Any]) -> Any:
    return await settle(client.messages.batches.create(requests=REQUESTS))


async def retrieve_batch(client: Any, seen: list[Any]) -> Any:
    return await settle(client.messages.batches.retrieve("msgbatch_1"))


async def batch_results(client: Any, seen: list[Any]) -> Any:
    await read(await settle(client.messages.batches.results("msgbatch_1")), seen)


async def beta_batch_results(client: Any, seen: list[Any]) -> Any:
    await read(await settle(client.beta.messages.batches.results("msgbatch_1")), seen)


async def models(client: Any, seen: list[Any]) -> Any:
    return await settle(client.models.list())


WAYS: dict[str, Way] = {
    way.act.__name__: way
    for way in (
        *(Way(act, ("message", "message")) for act in (create, beta_create, parse, post, post_object, post_text)),
        # These parse the answer after the call has ended.
        *(Way(act, ("message", "message"), plain=False) for act in (raw, raw_unparsed)),
        *(Way(act, ("message",), plain=False) for act in (streaming, streaming_json)),
        Way(streaming_bytes, ("message",)),
        Way(streaming_unread, ("message",), leaves=True),
        *(
            Way(act, ("stream", "stream"))
            for act in (create_stream, beta_create_stream, raw_stream, post_stream, streaming_stream)
        ),
        *(
            Way(act, ("stream",))
            for act in (streaming_stream_bytes, streaming_stream_text, streaming_stream_lines, streaming_stream_read)
        ),
        *(Way(act, ("stream",), leaves=True) for act in (create_stream_closed, create_stream_dropped)),
        # What these do with the answer can fail after the call went well.
        *(Way(act, ("stream",), plain=False) for act in (helper, helper_text, beta_helper, raw_events)),
        Way(tool_runner, ("message", "message", "message"), plain=False),
        Way(count_tokens, ("count", "count")),
        Way(raw_count_tokens, ("count", "count"), plain=False),
        Way(create_batch, ("batch",)),
        Way(retrieve_batch, ("batch",)),
        *(Way(act, ("batch", "results"), plain=False) for act in (batch_results, beta_batch_results)),
        Way(models, ("models",)),
    )
}
