"""The application of the drill: makes the calls that it is told to, a JSON line on stdin for each order.

An ordinary program under `opentelemetry-instrument`: it knows the SDK and the names of its surfaces. With `--faulty` a
span processor of its own raises, as that of a careless colleague would.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Iterator

import anthropic
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from claude_otel import surface
from claude_otel.drill.traffic import Traffic

STOPS: dict[str, threading.Event] = {}

client = anthropic.Anthropic()


class Careless(SpanProcessor):
    """A span processor that fails on the spans of some calls."""

    def on_end(self, span: ReadableSpan) -> None:  # noqa: ARG002 - the name is the base class's
        """Raises."""
        raise RuntimeError("a span processor of the application's own fails")


def begin(traffic: Traffic) -> None:
    """Makes the calls of `traffic` in threads of their own."""
    stop = STOPS[traffic.surface] = threading.Event()
    prompts = itertools.cycle(traffic.prompts)
    turns = iter(range(traffic.count)) if traffic.count else itertools.count()
    lock = threading.Lock()
    for _ in range(traffic.threads):
        threading.Thread(target=work, args=(traffic, stop, prompts, turns, lock), daemon=True).start()


def work(
    traffic: Traffic, stop: threading.Event, prompts: Iterator[str], turns: Iterator[int], lock: threading.Lock
) -> None:
    """Call after call, at the rate of this thread."""
    pause = traffic.threads / traffic.per_second
    due = time.monotonic()
    while not stop.is_set():
        with lock:
            if next(turns, None) is None:
                return
            prompt = next(prompts)
        call(traffic, prompt)
        due = max(due + pause, time.monotonic() - pause)
        stop.wait(max(0.0, due - time.monotonic()))


def call(traffic: Traffic, prompt: str) -> None:
    """One call; that it fails is what the drill is for."""
    try:
        with surface(traffic.surface):
            ask(traffic, prompt)
    except (anthropic.APIError, ValueError):
        return


def ask(traffic: Traffic, prompt: str) -> None:
    """Asks Claude, and reads the whole answer."""
    mine = client.with_options(max_retries=traffic.retries)
    messages: list[anthropic.types.MessageParam] = [{"role": "user", "content": prompt}]
    if traffic.stream:
        for _ in mine.messages.create(
            model=traffic.model, max_tokens=200, messages=messages, stream=True, extra_headers=traffic.headers
        ):
            pass
    else:
        mine.messages.create(model=traffic.model, max_tokens=200, messages=messages, extra_headers=traffic.headers)


def main() -> None:
    """Follows orders until stdin ends."""
    if "--faulty" in sys.argv:
        provider = trace.get_tracer_provider()
        provider.add_span_processor(Careless())  # type: ignore[attr-defined]
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            begin(Traffic(**{**order["start"], "prompts": tuple(order["start"]["prompts"])}))
        else:
            STOPS[order["stop"]].set()


if __name__ == "__main__":
    main()
