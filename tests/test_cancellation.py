"""Async calls that are stopped at every point at which they wait, by everything that stops a coroutine."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import pytest
import uvloop
from opentelemetry import trace

import claude_otel
import test_batches
import wire
from claude_otel.running import running
from conftest import Exported
from stepping import (
    Points,
    SlowBody,
    SlowlyClosed,
    SlowWire,
    batch_results,
    bytes_left,
    closed_at,
    closed_early,
    stalled_at,
)
from ways import ASYNC

Call = Callable[[Any], Awaitable[Any]]

SCRIPTS: dict[str, list[wire.Scripted]] = {
    "retried": [wire.error(529, "overloaded_error")],
    "failed": [wire.error(400, "invalid_request_error")],
    "failed_in_stream": [wire.stream(*wire.BEGUN, {"type": "error", "error": {"type": "api_error", "message": "x"}})],
    "batch_results": test_batches.downloads("msgbatch_stepped"),
}
"""What is answered, where it is not what is answered to everybody."""

CALLS: dict[str, Call] = {
    **ASYNC,
    "retried": ASYNC["create"],
    "failed": ASYNC["create"],
    "failed_in_stream": ASYNC["create_stream"],
    "closed_early": closed_early,
    "bytes_left": bytes_left,
    "batch_results": batch_results,
}

OFTEN = ("create", "create_stream", "stream_text", "raw", "tool_runner", "retried", "batch_results")
"""The calls that are stopped by everything there is, in every event loop."""

Step = Coroutine[Any, Any, Any]
Stop = Callable[[Points, Step], Awaitable[Any]]


class Sibling(Exception):
    """What another task of a group fails with."""


async def cancelled(points: Points, step: Step) -> Any:
    task = asyncio.ensure_future(stalled_at(points, step))
    points.on_reach = task.cancel
    return await task


async def timed_out(points: Points, step: Step) -> Any:
    async with asyncio.timeout(None) as limit:  # type: ignore[attr-defined,unused-ignore]
        points.on_reach = lambda: limit.reschedule(0)
        return await stalled_at(points, step)


async def waited_for(points: Points, step: Step) -> Any:
    """With a time that is over before the loop's next turn."""
    waiting = asyncio.ensure_future(asyncio.wait_for(stalled_at(points, step), 600))
    points.on_reach = waiting.cancel
    return await waiting


async def grouped(points: Points, step: Step) -> Any:
    reached = asyncio.Event()
    points.on_reach = reached.set

    async def run() -> Any:
        return await stalled_at(points, step)

    async def sibling() -> None:
        await reached.wait()
        raise Sibling

    async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined,unused-ignore]
        task = group.create_task(run())
        failing = group.create_task(sibling())
        task.add_done_callback(lambda _: failing.cancel())
    return task.result()


async def scoped(points: Points, step: Step) -> Any:
    """anyio cancels again whatever waits in a scope that is cancelled, also while it cleans up."""
    with anyio.CancelScope() as scope:
        points.on_reach = scope.cancel
        return await stalled_at(points, step)


async def grouped_by_anyio(points: Points, step: Step) -> Any:
    results = []

    async def run() -> None:
        results.append(await stalled_at(points, step))

    async with anyio.create_task_group() as group:
        points.on_reach = group.cancel_scope.cancel
        group.start_soon(run)
    return results


async def closed(points: Points, step: Step) -> Any:
    """A coroutine that is let go of, in its own context."""
    return await closed_at(points, step)


STOPS: dict[str, Stop] = {
    "cancelled": cancelled,
    "waited_for": waited_for,
    "scoped": scoped,
    "grouped_by_anyio": grouped_by_anyio,
    "closed": closed,
}
if sys.version_info >= (3, 11):
    STOPS |= {"timed_out": timed_out, "grouped": grouped}

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def in_loop(loop: str, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of `coroutine` in an event loop of this kind."""
    made = LOOPS[loop]()
    try:
        return made.run_until_complete(coroutine)
    finally:
        made.run_until_complete(made.shutdown_asyncgens())
        made.close()


async def seen(stop: Stop, call: str, stall: int) -> tuple[int, str]:
    """How often a call has waited, and what its application sees of it when it is stopped at one of these points."""
    points = Points(stall)
    client = wire.async_client(wire=SlowWire(*SCRIPTS.get(call, ()), body=SlowBody if stop is closed else SlowlyClosed))
    try:
        sees = repr(await stop(points, CALLS[call](client)))  # type: ignore[arg-type]
    except (Exception, asyncio.CancelledError) as error:
        sees = told(error)
    assert running() is None
    assert not trace.get_current_span().get_span_context().is_valid
    return points.waited, sees


def told(error: BaseException) -> str:
    """The type and the text of an exception, and of those in it."""
    inner = [told(each) for each in getattr(error, "exceptions", ())]
    return f"{type(error).__name__}({error}) {inner or ''}"


async def at_every_point(stop: Stop, call: str) -> list[str]:
    """What an application sees that lets a call alone, and then stops it at each of its points."""
    await seen(stop, call, 0)
    points, sees = await seen(stop, call, 0)
    found = [f"{points} points: {sees}"]
    return found + [(await seen(stop, call, stall))[1] for stall in range(1, points + 1)]


def check(loop: str, stop: str, call: str) -> Exported:
    """Checks that nobody can tell, and that every call ended once."""
    without = in_loop(loop, at_every_point(STOPS[stop], call))
    exported = Exported()
    exported.instrument()
    try:
        assert in_loop(loop, at_every_point(STOPS[stop], call)) == without
    finally:
        claude_otel.uninstrument()
    gc.collect()
    assert len(without) > 4
    assert exported.value("claude.active_calls") == 0
    ended = len(exported.spans)
    assert ended == len(exported.events()) == exported.value("claude.calls")
    assert ended == exported.value("gen_ai.client.inference.duration")
    assert ended == len(without) + 1 or call == "batch_results"
    return exported


@pytest.fixture(scope="module", autouse=True)
def little_garbage() -> None:
    """Spares the collector what was there before."""
    gc.collect()
    gc.freeze()


@pytest.mark.parametrize("call", CALLS)
def test_a_call_cancelled_at_every_point(call: str) -> None:
    """Each one ends once, and the application sees what it sees without us."""
    outcomes = {event["claude.outcome"] for event in check("asyncio", "cancelled", call).events()}
    assert "cancelled" in outcomes
    assert outcomes <= {"cancelled", "completed", "closed_early", "error"}


# Closing a coroutine that waits in an async generator of the SDK's leaves that one waiting, before Python 3.13.
STOPPED = [(call, stop) for call in OFTEN for stop in STOPS if (call, stop) != ("tool_runner", "closed")]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("call", "stop"), STOPPED)
def test_a_call_stopped_at_every_point(call: str, stop: str, loop: str) -> None:
    """By whatever stops it, in every event loop."""
    check(loop, stop, call)
