"""Streams that are dropped in the middle of anything, as the garbage collector drops them."""

from __future__ import annotations

import asyncio
import gc
import re
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import claude_otel
import wire
from claude_otel import batches, cache_watch, drops, metrics
from conftest import Exported

TESTS = Path(__file__).parent


class Cycle:
    """Holds an open stream that only the garbage collector can find."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.me = stream, self


def collect(lock: AbstractContextManager[Any]) -> None:
    with lock:
        gc.collect()


def within(module: str) -> Callable[[AbstractContextManager[Any]], None]:
    """`collect` as if it were a function of `module`."""
    return types.FunctionType(collect.__code__, {"__name__": module, "gc": gc})


def aggregations(exported: Exported) -> Iterator[Any]:
    """What the SDK sums up histograms of ours in."""
    made = metrics.instruments(exported.meter_provider, "", {})
    for histogram in made.histograms.values():
        storages: Any = vars(metrics.sdk_instrument(histogram))["_measurement_consumer"]._reader_storages
        for storage in storages.values():
            for match in storage._instrument_view_instrument_matches.get(histogram, ()):
                yield from match._attributes_aggregation.values()


def locks_of(table: metrics.Table) -> list[Any]:
    return [table.lock, table.settle_lock]


LOCKS: dict[str, Callable[[Exported], list[Any]]] = {
    "claude_otel.metrics": lambda exported: locks_of(metrics.instruments(exported.meter_provider, "", {}).table),
    "claude_otel.batches": lambda exported: [batches.LEDGER._lock],
    "claude_otel.cache_watch": lambda exported: [watch._lock for watch in cache_watch._watches],
    "opentelemetry.sdk.metrics._internal.aggregation": lambda exported: [a._lock for a in aggregations(exported)],
}


@pytest.mark.parametrize("module", LOCKS)
def test_a_stream_collected_while_a_lock_is_held(exported: Exported, module: str) -> None:
    """The collector runs in the thread that holds the lock: the call is booked once that is free."""
    client = wire.client()
    system = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]
    list(client.messages.create(**wire.ASK, stream=True, system=system))
    assert exported.value("claude.calls") == 1
    locks = LOCKS[module](exported)
    assert locks
    for lock in locks:
        stream = client.messages.create(**wire.ASK, stream=True, system=system)
        next(stream)
        Cycle(stream)
        del stream
        thread = threading.Thread(target=within(module), args=(lock,), daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive(), "deadlock"
    wait_for(lambda: exported.value("claude.active_calls") == 0)
    assert exported.value("claude.calls", claude__outcome="abandoned") == len(locks)
    assert len(exported.spans) == len(exported.events()) == 1 + len(locks)


def wait_for(true: Callable[[], bool]) -> None:
    """Waits until something is `true`, which another thread makes so."""
    pause = threading.Event()
    for _ in range(600):
        if true():
            return
        pause.wait(0.1)
    raise AssertionError("it did not come true")


def test_an_async_stream_that_is_open_as_the_event_loop_ends(exported: Exported) -> None:
    """The loop closes all generators of the stream at once, in no order: nobody has closed the stream."""
    kept = []

    async def main() -> None:
        kept.append(await wire.async_client().messages.create(**wire.ASK, stream=True))
        await anext(kept[-1])

    for _ in range(50):
        asyncio.run(main())
    kept.clear()
    gc.collect()
    assert {event["claude.outcome"] for event in exported.events()} == {"abandoned"}
    assert exported.value("claude.calls") == len(exported.spans) == 50


def test_every_module_with_a_lock_is_known() -> None:
    """A module of ours that takes a lock is one in which a dropped stream is not booked."""
    folder = Path(claude_otel.__file__).parent
    found = {
        f"claude_otel.{path.stem}" for path in folder.glob("*.py") if re.search(r"with [\w.]*lock:", path.read_text())
    }
    assert found - {*drops.LOCKING} == set()
    assert found


STORM = """
import faulthandler, gc, sys, threading
sys.path.insert(0, {tests!r})
faulthandler.dump_traceback_later(100, exit=True)
import wire
from conftest import Exported
from test_drops import Cycle, wait_for

exported = Exported()
exported.instrument()
client = wire.client()
list(client.messages.create(**wire.ASK, stream=True))
gc.collect()
gc.freeze()
over = threading.Event()

def collect_metrics():
    while not over.is_set():
        exported.points("claude.calls")

def call():
    for _ in range(100):
        stream = client.messages.create(**wire.ASK, stream=True)
        next(stream)
        Cycle(stream)
        del stream
        client.messages.create(**wire.ASK)

threads = [threading.Thread(target=call) for _ in range(3)]
reader = threading.Thread(target=collect_metrics)
sys.setswitchinterval(0.00002)
gc.set_threshold(5, 2, 2)
for thread in (*threads, reader):
    thread.start()
for thread in threads:
    thread.join()
over.set()
reader.join()
gc.set_threshold(700)
gc.collect()
wait_for(lambda: exported.value("claude.active_calls") == 0)
assert exported.value("claude.calls", claude__outcome="abandoned") == 300
assert exported.value("claude.calls") == len(exported.spans) == len(exported.events()) == 601
assert exported.value("claude.instrumentation.errors") == 0
"""


def test_a_collector_that_runs_all_the_time() -> None:
    """Between any two allocations of three threads that call, and of one that collects the metrics."""
    program = STORM.format(tests=str(TESTS))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
