"""Coroutines stopped at a chosen one of the points at which they wait.

A coroutine waits each time that it yields to the event loop. `stalled_at` lets it go on until it waits for the n-th
time, and then has it wait for ever, so that whoever stops it, stops it there.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import wire


class Points:
    """How often a coroutine has waited so far, and whether it has come to the point that it stalls at."""

    def __init__(self, stall: int = 0) -> None:
        self.stall, self.waited = stall, 0
        self.on_reach: Callable[[], object] = bool


@types.coroutine
def stalled_at(points: Points, coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The result of `coroutine`, which stalls at one of its points; at none when that is 0."""
    try:
        waits_for = coroutine.send(None)
        while True:
            points.waited += 1
            try:
                if points.waited == points.stall:
                    points.on_reach()
                    yield from asyncio.get_running_loop().create_future()
                yield waits_for
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:
                waits_for = coroutine.throw(error)
            else:
                waits_for = coroutine.send(None)
    except StopIteration as end:
        return end.value


class SlowBody(wire.AsyncBody):
    """A body that waits before each piece, and after the last."""

    async def __aiter__(self) -> Any:
        async for piece in super().__aiter__():
            await asyncio.sleep(0)
            yield piece
        await asyncio.sleep(0)


class SlowlyClosed(SlowBody):
    """A body that waits while it is closed, too, which a coroutine cannot that is closed itself."""

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        await super().aclose()


class SlowWire(wire.Wire):
    """Waits before each request and each answer, too."""

    def __init__(self, *script: wire.Scripted, body: type[SlowBody] = SlowlyClosed) -> None:
        super().__init__(*script)
        self.body = body

    async def handle_async_request(self, request: Any) -> Any:
        """The answer to a request."""
        await asyncio.sleep(0)
        answer = await super().handle_async_request(request)
        await asyncio.sleep(0)
        answer.stream = self.body(answer.stream.steps)
        return answer


def slow_client(*script: wire.Scripted) -> Any:
    """A client whose requests wait wherever they can."""
    return wire.async_client(wire=SlowWire(*script))


async def closed_early(client: Any) -> Any:
    """A stream that is closed after its first event."""
    events = await client.messages.create(**wire.ASK, stream=True)
    first = await anext(events)
    await events.close()
    return first.type


async def bytes_left(client: Any) -> Any:
    """A streaming response of which only the first bytes are read."""
    async with client.messages.with_streaming_response.create(**wire.ASK, stream=True) as response:
        return await anext(response.iter_bytes())


async def batch_results(client: Any) -> Any:
    """The results of a batch."""
    results = await client.messages.batches.results("msgbatch_stepped")
    return [result.custom_id async for result in results]


@types.coroutine
def closed_at(points: Points, coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The result of `coroutine`, or `None` when it was closed at the point at which it stalls."""
    try:
        waits_for = coroutine.send(None)
        while True:
            points.waited += 1
            if points.waited == points.stall:
                return coroutine.close()
            yield waits_for
            waits_for = coroutine.send(None)
    except StopIteration as end:
        return end.value
