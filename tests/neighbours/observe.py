"""Runs every way into the SDK beside one neighbour, and writes what was exported and what the application got as JSON.

    python observe.py NEIGHBOUR theirs-first|ours-first

It runs in the neighbour's own environment, with `src`, `tests` and this folder on the path. A way is run in phases:
`bare`, with nothing installed; `alone`, the neighbour with the SDK's own tracing off; `both`, with us and the SDK's own
tracing as it is by default; `configured`, where the application has configured the SDK's own too; `without_us` and
`without_them`, after one of the two was removed.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import json
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anthropic
from anthropic import _base_client, _response, _streaming
from known import NEIGHBOURS, Neighbour
from more_ways import MORE_ASYNC, MORE_SYNC
from opentelemetry import trace

import claude_otel
import ways
import wire
from claude_otel import guard
from conftest import Exported

TOKENS = ("gen_ai.usage.", "llm.usage.", "llm.token_count.")
"""How the attributes begin in which spans bear tokens."""

MONEY = ("gen_ai.usage.cost",)

SDK_HAS_TRACING = hasattr(_base_client.BaseClient, "_set_open_telemetry")

Way = Callable[[Any], Any]


def bears_tokens(attributes: Mapping[str, Any]) -> bool:
    """Whether a backend that sums tokens over spans would count this one: an attribute of tokens that is not zero."""
    return any(name.startswith(TOKENS) and name not in MONEY and value for name, value in attributes.items())


class Observed(Exported):
    """Everything that was exported, by whomever, in the providers that all use."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, float] = {}

    def take(self) -> dict[str, Any]:
        """What came since the last time."""
        gc.collect()
        spans = [span for span in self.spans if (span.attributes or {}).get("logfire.span_type") != "pending_span"]
        bearing = [span for span in spans if bears_tokens(span.attributes or {})]
        by_id = {span.context.span_id: span for span in spans if span.context}
        data = {
            "token_spans": sorted(scope_of(span) for span in bearing),
            "ours": sum(scope_of(span) == "claude_otel" for span in spans),
            "http": [
                scope_of(by_id[span.parent.span_id]) if span.parent and span.parent.span_id in by_id else "root"
                for span in spans
                if "httpx" in scope_of(span)
            ],
            "calls": self.since("claude.calls"),
            "durations": self.since("gen_ai.client.inference.duration"),
            "output_tokens": self.since("gen_ai.client.inference.usage.output_tokens"),
            "cost": round(self.since("claude.cost"), 9),
            "attempts": self.since("claude.attempts"),
            "failures": self.since("claude.instrumentation.errors"),
            "events": len(self.events()),
            "sites": sorted({str(event.get("claude.call_site")) for event in self.events()}),
            "methods": sorted({str(event.get("claude.sdk.method")) for event in self.events()}),
            "linked": self.linked({span.context.span_id for span in bearing if span.context}),
        }
        self.clear()
        return data

    def since(self, metric: str) -> float:
        """How much `metric` has grown since the last time."""
        now = self.value(metric)
        grown = now - self.seen.get(metric, 0.0)
        self.seen[metric] = now
        return grown

    def linked(self, spans: set[int]) -> int:
        """How many of our events have the trace context of a span that bears tokens."""
        records = [data.log_record for data in self._events.get_finished_logs()]
        return sum(record.event_name == "claude.call" and record.span_id in spans for record in records)


def scope_of(span: Any) -> str:
    """Who made `span`."""
    return span.instrumentation_scope.name if span.instrumentation_scope else ""


def result_of(way: Way, client: Any) -> str:
    """What the application gets: a value, or an exception."""
    try:
        with at_most(5):
            got = way(client)
            return repr(asyncio.run(wait_for(got)) if inspect.isawaitable(got) else got)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]


async def wait_for(awaitable: Any) -> Any:
    return await awaitable


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raises in the block when it takes longer: a neighbour may turn a way into an endless loop."""

    def stop(*_: Any) -> None:
        raise TimeoutError("endless")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def client_for(neighbour: Neighbour, phase: str, *, asynchronous: bool) -> Any:
    """A client whose requests are answered in the process, or by a server where the neighbour looks at the network."""
    options: dict[str, Any] = {"max_retries": 2}
    if SDK_HAS_TRACING and phase in ("bare", "alone"):
        options["open_telemetry"] = False
    elif SDK_HAS_TRACING and (phase == "configured" or (neighbour.option and phase == "both")):
        options["open_telemetry"] = {"traces": {"enabled": True}}
    if neighbour.network:
        import served

        http = wire.http
        kind = anthropic.AsyncAnthropic if asynchronous else anthropic.Anthropic
        transport = http.AsyncHTTPTransport() if asynchronous else http.HTTPTransport()
        own = (http.AsyncClient if asynchronous else http.Client)(transport=transport)
        return kind(api_key="key", base_url=served.url(), http_client=own, **options)
    make = wire.async_client if asynchronous else wire.client
    return make(**options)


def run_phase(neighbour: Neighbour, observed: Observed, phase: str) -> dict[str, Any]:
    """Every way, with what was exported of it."""
    found: dict[str, Any] = {}
    for asynchronous, table in ((False, {**ways.SYNC, **MORE_SYNC}), (True, {**ways.ASYNC, **MORE_ASYNC})):
        for name, way in table.items():
            client = client_for(neighbour, phase, asynchronous=asynchronous)
            with warnings.catch_warnings(record=True):
                warnings.simplefilter("always")
                began = time.monotonic()
                # What a neighbour leaves in the context stays in this way.
                result = contextvars.Context().run(result_of, way, client)
            del client
            if time.monotonic() - began > 1:
                print("slow", phase, name, time.monotonic() - began, result, file=sys.stderr)
            found[f"async {name}" if asynchronous else name] = {"result": result, **observed.take()}
    return found


def patched() -> dict[str, int]:
    """The identity of every function of the SDK that anybody might patch."""
    from anthropic.resources.beta.messages import AsyncMessages as AsyncBeta
    from anthropic.resources.beta.messages import Messages as Beta
    from anthropic.resources.messages import AsyncMessages, Messages

    owners = [
        _base_client, _base_client.BaseClient, _base_client.SyncAPIClient, _base_client.AsyncAPIClient,
        _streaming.Stream, _streaming.AsyncStream, _response.APIResponse, _response.AsyncAPIResponse,
        Messages, AsyncMessages, Beta, AsyncBeta, anthropic.Anthropic, anthropic.AsyncAnthropic,
    ]  # fmt: skip
    return {
        f"{owner.__name__}.{name}": id(value)
        for owner in owners
        for name, value in vars(owner).items()
        if callable(value)
    }


def main(name: str, order: str) -> dict[str, Any]:
    """What was seen beside the neighbour `name`."""
    neighbour = NEIGHBOURS[name]
    swallowed: list[str] = []
    guard.listeners.append(lambda component: swallowed.append(f"{component}: {sys.exc_info()[1]!r}"))
    observed = Observed()
    gc.collect()
    gc.freeze()
    seen: dict[str, Any] = {"bare": run_phase(neighbour, observed, "bare")}
    trace.set_tracer_provider(observed.tracer_provider)
    provider = neighbour.provider(observed) if neighbour.provider else observed.tracer_provider
    ours = {
        "tracer_provider": provider,
        "meter_provider": observed.meter_provider,
        "logger_provider": observed.logger_provider,
    }
    if order == "theirs-first":
        neighbour.install(provider)
        seen["alone"] = run_phase(neighbour, observed, "alone")
        before = patched()
        claude_otel.instrument(**ours)
    else:
        before = patched()
        claude_otel.instrument(**ours)
        neighbour.install(provider)
    seen["both"] = run_phase(neighbour, observed, "both")
    if SDK_HAS_TRACING and not neighbour.sdk:
        seen["configured"] = run_phase(neighbour, observed, "configured")
    if order == "ours-first":
        neighbour.remove()
        seen["without_them"] = run_phase(neighbour, observed, "alone")
    claude_otel.uninstrument()
    after = patched()
    seen["left"] = sorted(each for each in after if before.get(each) != after[each])
    if order == "theirs-first":
        seen["without_us"] = run_phase(neighbour, observed, "alone")
    seen["swallowed"] = swallowed
    return seen


if __name__ == "__main__":
    print("\n" + json.dumps(main(*sys.argv[1:])))
