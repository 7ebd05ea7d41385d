"""Calls that are under way while something else happens: switching off and on, the exit, a generator left suspended."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import uvloop
from opentelemetry import trace

import claude_otel
import wire
from claude_otel import bodies
from conftest import Exported

TEXT = "he"
"""The first piece of every answer's text."""


class Workers:
    """Threads that do something again and again while a test goes on, and what they raised."""

    def __init__(self, work: Callable[[], None], threads: int = 4) -> None:
        self._work, self._over = work, threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        self.rounds, self.raised = 0, list[BaseException]()

    def _run(self) -> None:
        while not self._over.is_set() and not self.raised:
            try:
                self._work()
                self.rounds += 1
            except BaseException as error:
                self.raised.append(error)

    def __enter__(self) -> Workers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        assert self.raised == []
        assert self.rounds


def ask_in_every_way() -> None:
    client = wire.client(wire.Answer(wire.MESSAGE), wire.stream(*wire.BEGUN, 0.001, wire.end(), wire.STOP))
    client.messages.create(**wire.ASK)
    list(client.messages.create(**wire.ASK, stream=True))
    with client.messages.stream(**wire.ASK) as events:
        next(events)
    client.messages.create(**wire.ASK, stream=True)


def ask_asynchronously() -> None:
    async def main() -> None:
        client = wire.async_client(wire.stream(*wire.BEGUN, 0.001, wire.end(), wire.STOP))
        async for _ in await client.messages.create(**wire.ASK, stream=True):
            pass
        await client.messages.create(**wire.ASK)

    asyncio.run(main())


@pytest.mark.parametrize("ask", [ask_in_every_way, ask_asynchronously])
def test_switching_on_and_off_while_threads_call(ask: Callable[[], None]) -> None:
    """Every call that began while it was on ends once, and nobody else notices."""
    exported = Exported()
    pause = threading.Event()
    with Workers(ask):
        for _ in range(40):
            exported.instrument()
            pause.wait(0.005)
            claude_otel.uninstrument()
    gc.collect()
    ended = len(exported.spans)
    assert ended == len(exported.events()) == exported.value("claude.calls") > 0
    assert exported.value("claude.active_calls") == 0


def test_the_exit_ends_what_is_open_while_threads_go_on(exported: Exported) -> None:
    """Daemon threads open and close streams as the process ends."""
    client = wire.client()
    kept = [client.messages.create(**wire.ASK, stream=True) for _ in range(300)]
    with Workers(ask_in_every_way):
        for _ in range(30):
            bodies.end_all()
    assert len(kept) == 300
    assert exported.value("claude.calls", claude__outcome="abandoned") >= 300
    gc.collect()
    assert exported.value("claude.active_calls") == 0
    assert exported.value("claude.calls") == len(exported.spans)


# Generators of an application's own that are left suspended.


def words(client: Any) -> Iterator[str]:
    with client.messages.stream(**wire.ASK) as events:
        yield from events.text_stream


async def async_words(client: Any) -> AsyncIterator[str]:
    async with client.messages.stream(**wire.ASK) as events:
        async for text in events.text_stream:
            yield text


def test_a_suspended_generator_leaves_the_context_alone(exported: Exported) -> None:
    """Its call is not the current one while it is suspended, and it ends with the generator."""
    mine = exported.tracer_provider.get_tracer("mine")
    with mine.start_as_current_span("request") as outer:
        suspended = words(wire.client())
        assert next(suspended) == TEXT
        assert trace.get_current_span() is outer
    assert [span.name for span in exported.spans] == ["request"]
    del suspended
    assert exported.events()[0]["claude.outcome"] == "closed_early"


def test_a_suspended_generator_in_a_cycle_ends_with_the_collector(exported: Exported) -> None:
    """Which closes the generator and the stream in no order."""
    cycle: list[Any] = []
    cycle += [words(wire.client()), cycle]
    next(cycle[0])
    cycle = []
    gc.collect()
    assert exported.span()["claude.outcome"] in ("closed_early", "abandoned")


def test_suspended_generators_are_calls_of_their_own(exported: Exported) -> None:
    """However their reading is interleaved."""
    suspended = [words(wire.client()) for _ in range(5)]
    assert [next(each) for each in suspended] == [TEXT] * 5
    assert ["".join(each) for each in reversed(suspended)] == ["llo"] * 5
    assert [event["claude.outcome"] for event in exported.events()] == ["completed"] * 5


async def closes(suspended: Any) -> None:
    await suspended.aclose()


async def drops(suspended: Any) -> None:
    """The loop closes it."""


async def closes_in_another_task(suspended: Any) -> None:
    await asyncio.create_task(suspended.aclose())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("ends", [closes, drops, closes_in_another_task])
def test_a_suspended_async_generator_ends_its_call_once(exported: Exported, ends: Any, run: Any) -> None:
    """In whatever context it is closed."""

    async def main() -> None:
        suspended = async_words(wire.async_client())
        assert await anext(suspended) == TEXT
        assert not trace.get_current_span().get_span_context().is_valid
        await ends(suspended)

    run(main())
    gc.collect()
    (event,) = exported.events()
    assert event["claude.outcome"] == "closed_early"
    assert (exported.value("claude.calls"), exported.value("claude.active_calls")) == (1, 0)


def test_generators_that_are_left_to_another_thread(exported: Exported) -> None:
    """One thread begins to read, another goes on, a third closes."""
    suspended = words(wire.client())
    for step in (lambda: next(suspended), lambda: next(suspended), suspended.close):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    assert exported.span()["claude.outcome"] == "closed_early"
