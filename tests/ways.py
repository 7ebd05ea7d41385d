"""Every way into the SDK by which a message can be asked for, sync and async, as functions of a client.

Each reads its answer to the end, and returns the text it got, so that a test also sees what the application sees.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
from anthropic._models import FinalRequestOptions
from anthropic.resources.beta.messages import Messages as BetaMessages
from anthropic.types import Message
from pydantic import BaseModel

from wire import ASK


class Words(BaseModel):
    """What `parse` parses into."""

    word: str


async def settle(value: Any) -> Any:
    """`value`, awaited where this version of the SDK has it awaited."""
    return await value if inspect.isawaitable(value) else value


def text_of(message: Any) -> str:
    """The text of a message."""
    return "".join(block.text for block in message.content if block.type == "text")


def text_of_events(events: Any) -> str:
    """The text that the events of a stream carry."""
    return "".join(e.delta.text for e in events if e.type == "content_block_delta" and e.delta.type == "text_delta")


def create(client: Any) -> str:
    return text_of(client.messages.create(**ASK))


def create_stream(client: Any) -> str:
    return text_of_events(client.messages.create(**ASK, stream=True))


def stream(client: Any) -> str:
    with client.messages.stream(**ASK) as events:
        return text_of(events.get_final_message())


def stream_text(client: Any) -> str:
    with client.messages.stream(**ASK) as events:
        return "".join(events.text_stream)


def stream_until_done(client: Any) -> str:
    with client.messages.stream(**ASK) as events:
        events.until_done()
        return text_of(events.current_message_snapshot)


def parse(client: Any) -> str:
    return text_of(client.messages.parse(**ASK))


def beta_create(client: Any) -> str:
    return text_of(client.beta.messages.create(**ASK))


def beta_create_stream(client: Any) -> str:
    return text_of_events(client.beta.messages.create(**ASK, stream=True))


def beta_stream(client: Any) -> str:
    with client.beta.messages.stream(**ASK) as events:
        return text_of(events.get_final_message())


def beta_parse(client: Any) -> str:
    return text_of(client.beta.messages.parse(**ASK))


def tool_runner(client: Any) -> str:
    return text_of(client.beta.messages.tool_runner(**ASK, tools=[]).until_done())


def tool_runner_stream(client: Any) -> str:
    runner = client.beta.messages.tool_runner(**ASK, tools=[], stream=True)
    return "".join(text_of(turn.get_final_message()) for turn in runner)


def thread(client: Any) -> str:
    asked = {name: value for name, value in ASK.items() if name != "messages"}
    return text_of(client.beta.messages.thread(**asked).send("x"))


def raw(client: Any) -> str:
    return text_of(client.messages.with_raw_response.create(**ASK).parse())


def raw_unparsed(client: Any) -> str:
    response = client.messages.with_raw_response.create(**ASK)
    return "".join(block["text"] for block in response.http_response.json()["content"])


def raw_stream(client: Any) -> str:
    return text_of_events(client.messages.with_raw_response.create(**ASK, stream=True).parse())


def streaming(client: Any) -> str:
    with client.messages.with_streaming_response.create(**ASK) as response:
        return text_of(response.parse())


def streaming_json(client: Any) -> str:
    with client.messages.with_streaming_response.create(**ASK) as response:
        return "".join(block["text"] for block in response.json()["content"])


def streaming_bytes_of_json(client: Any) -> str:
    with client.messages.with_streaming_response.create(**ASK) as response:
        return "hello" if b'"hello"' in b"".join(response.iter_bytes()) else ""


def streaming_stream(client: Any) -> str:
    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return text_of_events(response.parse())


def streaming_bytes(client: Any) -> str:
    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return "hello" if b'"llo"' in b"".join(response.iter_bytes()) else ""


def streaming_small_bytes(client: Any) -> str:
    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return "hello" if b'"llo"' in b"".join(response.iter_bytes(7)) else ""


def streaming_text(client: Any) -> str:
    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return "hello" if '"llo"' in "".join(response.iter_text()) else ""


def streaming_lines(client: Any) -> str:
    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return "hello" if '"llo"' in "".join(response.iter_lines()) else ""


def streaming_read(client: Any) -> str:
    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return "hello" if b'"llo"' in response.read() else ""


def beta_raw(client: Any) -> str:
    return text_of(client.beta.messages.with_raw_response.create(**ASK).parse())


def post(client: Any) -> str:
    return text_of(client.post("/v1/messages", body={**ASK}, cast_to=Message))


def post_dict(client: Any) -> str:
    return "".join(block["text"] for block in client.post("/v1/messages", body={**ASK}, cast_to=object)["content"])


def post_stream(client: Any) -> str:
    body = {**ASK, "stream": True}
    kind = anthropic.Stream[anthropic.types.RawMessageStreamEvent]
    return text_of_events(client.post("/v1/messages", body=body, cast_to=Message, stream=True, stream_cls=kind))


async def async_text_of_events(events: Any) -> str:
    return text_of_events([event async for event in events])


async def async_create(client: Any) -> str:
    return text_of(await client.messages.create(**ASK))


async def async_create_stream(client: Any) -> str:
    return await async_text_of_events(await client.messages.create(**ASK, stream=True))


async def async_stream(client: Any) -> str:
    async with client.messages.stream(**ASK) as events:
        return text_of(await events.get_final_message())


async def async_stream_text(client: Any) -> str:
    async with client.messages.stream(**ASK) as events:
        return "".join([part async for part in events.text_stream])


async def async_stream_until_done(client: Any) -> str:
    async with client.messages.stream(**ASK) as events:
        await events.until_done()
        return text_of(events.current_message_snapshot)


async def async_parse(client: Any) -> str:
    return text_of(await client.messages.parse(**ASK))


async def async_beta_create(client: Any) -> str:
    return text_of(await client.beta.messages.create(**ASK))


async def async_beta_create_stream(client: Any) -> str:
    return await async_text_of_events(await client.beta.messages.create(**ASK, stream=True))


async def async_beta_stream(client: Any) -> str:
    async with client.beta.messages.stream(**ASK) as events:
        return text_of(await events.get_final_message())


async def async_beta_parse(client: Any) -> str:
    return text_of(await client.beta.messages.parse(**ASK))


async def async_tool_runner(client: Any) -> str:
    return text_of(await client.beta.messages.tool_runner(**ASK, tools=[]).until_done())


async def async_tool_runner_stream(client: Any) -> str:
    runner = client.beta.messages.tool_runner(**ASK, tools=[], stream=True)
    return "".join([text_of(await turn.get_final_message()) async for turn in runner])


async def async_thread(client: Any) -> str:
    asked = {name: value for name, value in ASK.items() if name != "messages"}
    return text_of(await client.beta.messages.thread(**asked).send("x"))


async def async_raw(client: Any) -> str:
    response = await client.messages.with_raw_response.create(**ASK)
    return text_of(await settle(response.parse()))


async def async_raw_unparsed(client: Any) -> str:
    response = await client.messages.with_raw_response.create(**ASK)
    return "".join(block["text"] for block in response.http_response.json()["content"])


async def async_raw_stream(client: Any) -> str:
    response = await client.messages.with_raw_response.create(**ASK, stream=True)
    return await async_text_of_events(await settle(response.parse()))


async def async_streaming(client: Any) -> str:
    async with client.messages.with_streaming_response.create(**ASK) as response:
        return text_of(await response.parse())


async def async_streaming_json(client: Any) -> str:
    async with client.messages.with_streaming_response.create(**ASK) as response:
        return "".join(block["text"] for block in (await response.json())["content"])


async def async_streaming_bytes_of_json(client: Any) -> str:
    async with client.messages.with_streaming_response.create(**ASK) as response:
        return "hello" if b'"hello"' in b"".join([piece async for piece in response.iter_bytes()]) else ""


async def async_streaming_stream(client: Any) -> str:
    async with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return await async_text_of_events(await response.parse())


async def async_streaming_bytes(client: Any) -> str:
    async with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return "hello" if b'"llo"' in b"".join([piece async for piece in response.iter_bytes()]) else ""


async def async_streaming_small_bytes(client: Any) -> str:
    async with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return "hello" if b'"llo"' in b"".join([piece async for piece in response.iter_bytes(7)]) else ""


async def async_streaming_text(client: Any) -> str:
    async with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return "hello" if '"llo"' in "".join([piece async for piece in response.iter_text()]) else ""


async def async_streaming_lines(client: Any) -> str:
    async with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return "hello" if any(['"llo"' in line async for line in response.iter_lines()]) else ""


async def async_streaming_read(client: Any) -> str:
    async with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        return "hello" if b'"llo"' in await response.read() else ""


async def async_beta_raw(client: Any) -> str:
    response = await client.beta.messages.with_raw_response.create(**ASK)
    return text_of(await settle(response.parse()))


async def async_post(client: Any) -> str:
    return text_of(await client.post("/v1/messages", body={**ASK}, cast_to=Message))


async def async_post_dict(client: Any) -> str:
    answer = await client.post("/v1/messages", body={**ASK}, cast_to=object)
    return "".join(block["text"] for block in answer["content"])


async def async_post_stream(client: Any) -> str:
    body = {**ASK, "stream": True}
    kind = anthropic.AsyncStream[anthropic.types.RawMessageStreamEvent]
    answer = await client.post("/v1/messages", body=body, cast_to=Message, stream=True, stream_cls=kind)
    return await async_text_of_events(answer)


_METHODS = {
    "create": "create",
    "create_stream": "create",
    "stream": "stream",
    "stream_text": "stream",
    "stream_until_done": "stream",
    "parse": "parse",
    "beta_create": "beta.create",
    "beta_create_stream": "beta.create",
    "beta_stream": "beta.stream",
    "beta_parse": "beta.parse",
    "tool_runner": "beta.tool_runner",
    "tool_runner_stream": "beta.tool_runner",
    "thread": "beta.thread",
    "raw": "raw.create",
    "raw_unparsed": "raw.create",
    "raw_stream": "raw.create",
    "streaming": "streaming.create",
    "streaming_json": "streaming.create",
    "streaming_bytes_of_json": "streaming.create",
    "streaming_stream": "streaming.create",
    "streaming_bytes": "streaming.create",
    "streaming_small_bytes": "streaming.create",
    "streaming_text": "streaming.create",
    "streaming_lines": "streaming.create",
    "streaming_read": "streaming.create",
    "beta_raw": "raw.beta.create",
    "post": "post",
    "post_dict": "post",
    "post_stream": "post",
}
"""What `claude.sdk.method` says of each way."""

# Before 1.14 the SDK's methods do not name their spans, so that `post` cannot be told from `create`.
POST = "post" if "span_name" in FinalRequestOptions.model_fields else "create"

METHODS = {
    way: POST if method == "post" else method
    for way, method in _METHODS.items()
    if way != "thread" or hasattr(BetaMessages, "thread")
}
"""The ways that this version of the SDK has."""

STREAMED = frozenset(
    name
    for name in METHODS
    if "stream" in name and name not in ("streaming", "streaming_json", "streaming_bytes_of_json")
)
"""The ways that stream their answer."""

SYNC: dict[str, Callable[[Any], str]] = {name: globals()[name] for name in METHODS}
ASYNC: dict[str, Callable[[Any], Awaitable[str]]] = {name: globals()[f"async_{name}"] for name in METHODS}
