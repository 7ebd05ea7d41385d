"""Makes the same calls with whatever versions are installed, and prints their records as JSON.

Run by `run.py` in an environment of its own. A record is what the call's span, event and metrics say, without times.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import platform
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

import anthropic
from packaging.requirements import Requirement

import ways
import wire
from claude_otel import guard, surface
from claude_otel import telemetry as t
from conftest import Exported

TIMES = {
    t.TIME_TO_FIRST_CHUNK, t.TIME_TO_FIRST_TEXT, t.TIME_PER_OUTPUT_TOKEN, t.BACKOFF, t.DURATION,
}  # fmt: skip
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}
MISSING = "this version of the SDK has none"


def retried(client: Callable[..., Any]) -> Any:
    return ways.create(client(wire.error(429, "rate_limit_error"), wire.http.ConnectError("x")))


def exhausted(client: Callable[..., Any]) -> Any:
    return ways.create(client(*[wire.error(529, "overloaded_error")] * 2, max_retries=1))


def spend_limit(client: Callable[..., Any]) -> Any:
    return ways.create(client(wire.error(400, "invalid_request_error", code="enforced_spend_limit_reached")))


def timed_out(client: Callable[..., Any]) -> Any:
    return ways.create(client(wire.http.ReadTimeout("x"), max_retries=0))


def error_event(client: Callable[..., Any]) -> Any:
    return ways.create_stream(client(wire.stream(*wire.BEGUN, OVERLOADED)))


def cut(client: Callable[..., Any]) -> Any:
    return ways.create_stream(client(wire.stream(*wire.BEGUN)))


def connection_lost(client: Callable[..., Any]) -> Any:
    return ways.create_stream(client(wire.stream(*wire.BEGUN, wire.http.ReadError("x"))))


def closed_early(client: Callable[..., Any]) -> Any:
    with client().messages.stream(**wire.ASK) as events:
        return next(iter(events)).type


def dropped(client: Callable[..., Any]) -> Any:
    events = client().messages.create(**wire.ASK, stream=True)
    return next(iter(events)).type


def never_read(client: Callable[..., Any]) -> Any:
    return type(client().messages.create(**wire.ASK, stream=True)).__name__


def never_parsed(client: Callable[..., Any]) -> Any:
    with client().messages.with_streaming_response.create(**wire.ASK) as response:
        return response.status_code


def count_tokens(client: Callable[..., Any]) -> Any:
    asked = {name: value for name, value in wire.ASK.items() if name != "max_tokens"}
    return client().messages.count_tokens(**asked).input_tokens


def batch_results(client: Callable[..., Any]) -> Any:
    result = {"custom_id": "a", "result": {"type": "succeeded", "message": wire.MESSAGE}}
    batch = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "results_url": "/results"}
    lines = wire.Answer(steps=[json.dumps(result).encode() + b"\n"], headers={"content-type": "application/x-jsonl"})
    results = client(wire.Answer(batch), lines).messages.batches.results("msgbatch_1")
    return [row.custom_id for row in results]


SCENARIOS = (
    retried, exhausted, spend_limit, timed_out, error_event, cut, connection_lost, closed_early, dropped, never_read,
    never_parsed, count_tokens, batch_results,
)  # fmt: skip


async def cancelled(client: Callable[..., Any]) -> Any:
    """A task that reads a stream is cancelled."""
    stream = await client(wire.stream(*wire.BEGUN, 30.0)).messages.create(**wire.ASK, stream=True)

    async def read() -> None:
        async for _ in stream:
            pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


async def async_dropped(client: Callable[..., Any]) -> Any:
    events = await client().messages.create(**wire.ASK, stream=True)
    return (await anext(aiter(events))).type


ASYNC_SCENARIOS = (cancelled, async_dropped)

PLATFORMS: dict[str, dict[str, Any]] = {
    "Bedrock": {"aws_region": "us-east-1", "aws_access_key": "a", "aws_secret_key": "b"},
    "BedrockMantle": {"aws_region": "us-east-1", "api_key": "a"},
    "Vertex": {"region": "us-east5", "project_id": "p", "access_token": "t"},
    "Foundry": {"resource": "r", "api_key": "k"},
    "AWS": {"aws_region": "us-east-1", "api_key": "k", "workspace_id": "w"},
}


def platform_client(name: str) -> Any:
    http_client = wire.http.Client(transport=wire.Wire())
    return getattr(anthropic, f"Anthropic{name}")(http_client=http_client, **PLATFORMS[name])


def calls() -> dict[str, Callable[[], Any]]:
    """Each call by its name."""
    made: dict[str, Callable[[], Any]] = {}
    for name, way in ways.SYNC.items():
        made[name] = lambda way=way: way(wire.client())
    for name, async_way in ways.ASYNC.items():
        made[f"async {name}"] = lambda way=async_way: asyncio.run(settled(way(wire.async_client())))
    for scenario in SCENARIOS:
        made[scenario.__name__] = lambda act=scenario: act(wire.client)
    for async_scenario in ASYNC_SCENARIOS:
        made[f"async {async_scenario.__name__}"] = lambda act=async_scenario: asyncio.run(
            settled(act(wire.async_client))
        )
    for name in PLATFORMS:
        for way in (ways.create, ways.create_stream, ways.beta_create):
            made[f"{name} {way.__name__}"] = lambda way=way, name=name: way(platform_client(name))
    return made


async def settled(result: Awaitable[Any]) -> Any:
    """What `result` gives, with what was dropped meanwhile collected while the loop still runs."""
    value = await result
    gc.collect()
    await asyncio.sleep(0)
    return value


def records() -> dict[str, Any]:
    """What each call leaves behind, and what the application gets from it."""
    exported = Exported()
    exported.instrument()
    # What was imported is not looked through at each collection.
    gc.freeze()
    found: dict[str, Any] = {}
    before: dict[str, float] = {}
    for name, act in calls().items():
        exported.clear()
        got = outcome(act)
        gc.collect()
        after = totals(exported)
        changes = {metric: round(value - before.get(metric, 0.0), 9) for metric, value in after.items()}
        before = after
        found[name] = got if got == MISSING else {"got": got, **recorded(exported, changes)}
    return found


def outcome(act: Callable[[], Any]) -> str:
    """What the application gets: a value or an exception."""
    try:
        # One surface for all: of automatic ones there are at most as many as the cap has room for.
        with surface("versions"):
            return repr(act())
    except AttributeError as error:
        if "object has no attribute" in str(error) or "module 'anthropic'" in str(error):
            return MISSING
        raise
    except Exception as error:
        return type(error).__name__


def recorded(exported: Exported, changes: dict[str, float]) -> dict[str, Any]:
    """What was exported since it was cleared, and the changes of metrics."""
    return {
        "spans": [{"name": span.name, **without_times(dict(span.attributes or {}))} for span in exported.spans],
        "events": [without_times(event) for name in (t.CALL_EVENT, t.ERROR_EVENT) for event in exported.events(name)],
        "metrics": {name: change for name, change in changes.items() if change and name != t.BACKOFF_METRIC.name},
    }


def totals(exported: Exported) -> dict[str, float]:
    """The sum of each counter, and the count of each histogram."""
    data = exported._metrics.get_metrics_data()
    metrics = [m for r in (data.resource_metrics if data else ()) for s in r.scope_metrics for m in s.metrics]
    return {
        m.name: sum(getattr(p, "value", None) or getattr(p, "count", 0) for p in m.data.data_points) for m in metrics
    }


def without_times(attributes: dict[str, Any]) -> dict[str, Any]:
    """`attributes`, of which those that are times say only that they are there."""
    return {name: "a time" if name in TIMES else value for name, value in sorted(attributes.items())}


def unmet() -> list[str]:
    """Requirements of the SDK that the environment does not meet."""
    found = []
    for text in requires("anthropic") or ():
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            met = requirement.specifier.contains(version(requirement.name), prereleases=True)
        except PackageNotFoundError:
            met = False
        if not met:
            found.append(text)
    return found


def main() -> None:
    logging.getLogger("claude_otel").setLevel(logging.CRITICAL)
    failures: list[str] = []
    guard.listeners.append(lambda component: failures.append(f"{component}: {sys.exc_info()[1]!r}"))
    told = {
        "python": platform.python_version(),
        **{name: version(name) for name in ("anthropic", "opentelemetry-sdk", "wrapt")},
        "unmet": unmet(),
        "records": records(),
        "failures": failures,
    }
    print(json.dumps(told, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
