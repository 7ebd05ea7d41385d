"""What recording a call costs: `make bench`.

The un-instrumented SDK, the SDK's own tracing, and ours, paired and interleaved in one process, with batch processors
and exporters that drop everything. Medians of the CPU time of the whole process, threads included; ratios are what to
quote, as machines differ. Each measured call is checked to have left its span, its metrics, its event and its bill.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from transport import REQUEST, USD, client

import claude_otel
from claude_otel import events, headers, recorder, spans
from claude_otel import telemetry as t
from claude_otel.account import Account
from claude_otel.attribution import Attribution, Attributor
from claude_otel.bookkeeping import Books

RESOURCE = Resource({"service.name": "bench", "service.instance.id": "one"})
GOALS = {"create": 0.5, "create with events": 0.65, "stream event": 0.35}
"""The most that ours may add, as a share of what the SDK's own spans add."""


class Spans(SpanExporter):
    """Counts spans, and keeps the last."""

    def __init__(self) -> None:
        self.count = 0
        self.last: Any = None

    def export(self, spans: Any) -> SpanExportResult:
        self.count += len(spans)
        self.last = spans[-1]
        return SpanExportResult.SUCCESS


class Events(LogRecordExporter):
    """Counts events."""

    def __init__(self) -> None:
        self.count = 0

    def export(self, batch: Any) -> LogRecordExportResult:
        self.count += len(batch)
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        return

    def force_flush(self, _: int = 0) -> bool:
        return True


class Telemetry:
    """Providers as in production, but for exporters that drop everything."""

    def __init__(self) -> None:
        self.spans, self.events, self.metrics = Spans(), Events(), InMemoryMetricReader()
        self.tracer_provider = TracerProvider(resource=RESOURCE)
        self.tracer_provider.add_span_processor(BatchSpanProcessor(self.spans, max_queue_size=100_000))
        self.meter_provider = MeterProvider([self.metrics], resource=RESOURCE)
        self.logger_provider = LoggerProvider(resource=RESOURCE)
        self.logger_provider.add_log_record_processor(BatchLogRecordProcessor(self.events, max_queue_size=100_000))

    def instrument(self, logs: str = "off") -> None:
        """Instruments with these providers."""
        os.environ["CLAUDE_OTEL_LOGS"] = logs
        claude_otel.instrument(
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            logger_provider=self.logger_provider,
        )

    def flush(self) -> None:
        """Exports what is queued."""
        self.tracer_provider.force_flush()
        self.logger_provider.force_flush()


def create(api: Any) -> None:
    """One unstreamed call."""
    api.messages.create(**REQUEST)


def stream(api: Any) -> None:
    """One streamed call."""
    for _ in api.messages.create(**REQUEST, stream=True):
        pass


def helper(api: Any) -> None:
    """One call by the stream helper."""
    with api.messages.stream(**REQUEST) as events:
        events.until_done()


def microseconds(work: Callable[[Any], None], api: Any, count: int) -> float:
    """CPU time of one call, over `count` calls."""
    started = time.process_time()
    for _ in range(count):
        work(api)
    return (time.process_time() - started) / count * 1e6


def measure(rounds: int, calls: int) -> dict[str, dict[str, float]]:
    """Median CPU microseconds of a call, by way in and by who records it."""
    telemetry = Telemetry()
    off = client(open_telemetry=False)
    sdk = client(open_telemetry={"tracer_provider": telemetry.tracer_provider})
    times: dict[str, dict[str, list[float]]] = {}
    for turn in range(rounds + 1):
        for work, count in ((create, calls), (stream, max(calls // 40, 2)), (helper, max(calls // 40, 2))):
            took = {"off": warm(work, off, count), "sdk": warm(work, sdk, count)}
            for name, logs in (("ours", "off"), ("ours with events", "all")):
                telemetry.instrument(logs)
                took[name] = checked(telemetry, work, off, count, logs)
                claude_otel.uninstrument()
            if work is create:
                took.update(without_parts(telemetry, off, count))
            telemetry.flush()
            if turn:  # the first round warms up
                for name, value in took.items():
                    times.setdefault(work.__name__, {}).setdefault(name, []).append(value)
            progress(turn, rounds)
    return {way: {name: statistics.median(values) for name, values in by.items()} for way, by in times.items()}


def warm(work: Callable[[Any], None], api: Any, count: int) -> float:
    """CPU time of one call after as many that are not measured: Python adapts to code that has changed."""
    microseconds(work, api, count)
    return microseconds(work, api, count)


PARTS: dict[str, tuple[tuple[Any, str, Callable[..., Any]], ...]] = {
    "span": ((spans.Starter, "start", lambda *_: None),),
    "metrics": ((Books, "book", lambda *_: None), (Books, "begin", lambda *_: None)),
    "log": ((events, "emit", lambda *_: None),),
    "usage and price": ((recorder, "account_of", lambda *_: Account()),),
    "attribution": ((Attributor, "attribute", lambda *_: Attribution("bench", "bench:one", None, None)),),
    "request and cache": ((recorder.Recorder, "asks", lambda *_: None),),
    "headers": ((headers, "read", lambda _: headers.NONE),),
}
"""The parts of a record, and what is put in their place to see what a call costs without them."""


def without_parts(telemetry: Telemetry, api: Any, count: int) -> dict[str, float]:
    """CPU time of one call that we record, events and all, without each of the parts."""
    took = {}
    for part, replaced in PARTS.items():
        saved = [(owner, name, vars(owner)[name]) for owner, name, _ in replaced]
        for owner, name, instead in replaced:
            setattr(owner, name, instead)
        telemetry.instrument("all")
        took[f"without {part}"] = warm(create, api, count)
        claude_otel.uninstrument()
        for owner, name, original in saved:
            setattr(owner, name, original)
    return took


def progress(turn: int, rounds: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\rround {turn} of {rounds}")


def checked(telemetry: Telemetry, work: Callable[[Any], None], api: Any, count: int, logs: str) -> float:
    """The time of our calls, each of which has left all that it must: nothing is fast by being absent."""
    microseconds(work, api, count)
    telemetry.flush()
    ended, emitted, cost = telemetry.spans.count, telemetry.events.count, total(telemetry, t.COST_METRIC)
    calls = total(telemetry, t.CALLS_METRIC)
    took = microseconds(work, api, count)
    telemetry.flush()
    assert telemetry.spans.count - ended == count, "a span for each call"
    assert telemetry.events.count - emitted == (count if logs == "all" else 0), "an event for each call"
    assert total(telemetry, t.CALLS_METRIC) - calls == count, "each call counted"
    assert abs(total(telemetry, t.COST_METRIC) - cost - count * USD) < 1e-9 * count, "each call billed"
    attributes = telemetry.spans.last.attributes
    missing = {each for each in EXPECTED if each not in attributes}
    assert not missing, f"the span has no {missing}"
    return took


EXPECTED = (
    t.OPERATION, t.PROVIDER, t.REQUEST_MODEL, t.MAX_TOKENS, t.SERVER_ADDRESS, t.SERVER_PORT, t.TIMEOUT, t.MAX_RETRIES,
    t.SDK_METHOD, t.PROMPT_FINGERPRINT, t.SURFACE, t.CALL_SITE, t.RESPONSE_ID, t.RESPONSE_MODEL, t.FINISH_REASONS,
    t.STOP_REASON, t.REQUEST_ID, t.ORGANIZATION_ID, t.WORKSPACE_ID, t.STATUS_CODE, t.OUTCOME, t.INPUT_TOKENS,
    t.OUTPUT_TOKENS, t.CACHE_READ_TOKENS, t.CACHE_WRITE_TOKENS, t.CACHE_WRITE_5M_TOKENS, t.CACHE_WRITE_1H_TOKENS,
    t.REASONING_TOKENS, t.RESPONSE_TIER, t.GEO, t.TIME_TO_FIRST_TEXT, t.TIME_PER_OUTPUT_TOKEN, t.ATTEMPTS,
    t.ATTEMPT_STATUSES, t.COST, t.UNCACHED_COST, t.RATE_LIMIT_TYPE, t.RATE_LIMIT_HEADROOM, "claude.cost.input",
    "claude.cost.output", "claude.cost.cache_read", "claude.cost.cache_write_5m",
)  # fmt: skip
"""The attributes that the span of this call must have."""


def total(telemetry: Telemetry, metric: t.Metric) -> float:
    """The sum of a counter over all its points."""
    data = telemetry.metrics.get_metrics_data()
    return sum(
        point.value
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for each in scope.metrics
        if each.name == metric.name
        for point in each.data.data_points
    )


def kept_bytes(calls: int = 2000) -> float:
    """Bytes that a call leaves behind once it has ended and was exported."""
    telemetry, api = Telemetry(), client(open_telemetry=False)
    telemetry.instrument("all")
    for _ in range(200):
        create(api)
    telemetry.flush()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(calls):
        create(api)
    telemetry.flush()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    claude_otel.uninstrument()
    return (after - before) / calls


def import_time(module: str, rounds: int = 7) -> float:
    """Median milliseconds to import `module` where OpenTelemetry's API is imported already."""
    code = "import time, opentelemetry.trace, opentelemetry.metrics, wrapt; s = time.perf_counter(); "
    code += f"import {module}; print((time.perf_counter() - s) * 1e3)"
    took = [float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(rounds)]
    return statistics.median(took)


def ratios(times: dict[str, dict[str, float]], deltas: int = 500) -> dict[str, float]:
    """What ours adds, as a share of what the SDK's own spans add."""
    added = {way: {name: value - by["off"] for name, value in by.items()} for way, by in times.items()}
    per_event = {name: (added["stream"][name] - added["create"][name]) / deltas for name in ("sdk", "ours")}
    return {
        "create": added["create"]["ours"] / added["create"]["sdk"],
        "create with events": added["create"]["ours with events"] / added["create"]["sdk"],
        "stream": added["stream"]["ours"] / added["stream"]["sdk"],
        "stream helper": added["helper"]["ours"] / added["helper"]["sdk"],
        "stream event": per_event["ours"] / per_event["sdk"],
    }


def main() -> int:
    """Measures, prints, and fails when a goal is missed and `--check` asks for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="interleaved rounds (default 15)")
    parser.add_argument("--calls", type=int, default=200, help="unstreamed calls of a round (default 200)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    parser.add_argument("--write", action="store_true", help="write docs/what-it-costs.md")
    options = parser.parse_args()
    times = measure(options.rounds, options.calls)
    result = {
        "microseconds": times,
        "ratios": ratios(times),
        "shares": shares(times["create"]),
        "bytes_kept_per_call": kept_bytes(),
        "import_milliseconds": {name: import_time(name) for name in ("claude_otel", "anthropic")},
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n" if options.json else shown(result))
    if options.write:
        write_page(result)
    missed = [name for name, goal in GOALS.items() if result["ratios"][name] > goal]
    return 1 if options.check and missed else 0


def shares(times: dict[str, float]) -> dict[str, float]:
    """What each part adds to a call with everything on, as a share of all that ours add."""
    whole = times["ours with events"]
    return {part: (whole - times[f"without {part}"]) / (whole - times["off"]) for part in PARTS}


COLUMNS = ("off", "sdk", "ours", "ours with events")


def shown(result: dict[str, Any]) -> str:
    """The result as text."""
    lines = ["CPU microseconds of a call, median", ""]
    lines += [f"{'':16}" + "".join(f"{name:>18}" for name in COLUMNS)]
    for way, by in result["microseconds"].items():
        lines.append(f"{way:16}" + "".join(f"{by[name]:18.0f}" for name in COLUMNS))
    lines += ["", "What ours adds, as a share of what the SDK's own spans add", ""]
    for name, ratio in result["ratios"].items():
        goal = f"   goal {GOALS[name]:.2f}" if name in GOALS else ""
        lines.append(f"{name:20}{ratio:8.2f}{goal}")
    lines += ["", "Parts of what ours with events add to a create, by leaving each out", ""]
    lines += [f"{part:20}{share:8.0%}" for part, share in result["shares"].items()]
    lines += ["", f"bytes kept per call {result['bytes_kept_per_call']:.1f}"]
    lines += [f"import {name:14}{value:8.1f} ms" for name, value in result["import_milliseconds"].items()]
    return "\n".join(lines) + "\n"


PAGE = """# What it costs

Written by `make bench WRITE=1` on {date}: {cores} cores, {memory} GiB, {system}, Python {python},
anthropic {anthropic}, OpenTelemetry {opentelemetry}. CPU time of the whole process, threads included; transport in the
process, batch processors, exporters that drop everything.

"off" is the SDK alone. "sdk" is the SDK with its own tracing, which makes a span and nothing else. "ours" is a span
with three times as many attributes, {metrics} metrics and the bill; an event is the `claude.call` of each call. Each
measured call is checked: one ended span with all its attributes, each metric counted, the right cents.

```text
{text}```

Quote the ratios: microseconds differ between machines, and between two runs on one that is shared. `make bench`
measures yours. `make bench-instructions` counts instructions instead, with valgrind: its numbers are the same in every
run, and say nothing of caches and branches.

Nothing is kept after a call: `make growth` makes a million calls with ten thousand surfaces, models, users and prompts,
and fails when memory grows with them.
"""


def write_page(result: dict[str, Any]) -> None:
    """Writes docs/what-it-costs.md."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    page = PAGE.format(
        date=datetime.now(timezone.utc).date(), cores=os.cpu_count(), memory=round(memory), system=platform.system(),
        python=platform.python_version(), anthropic=version("anthropic"), opentelemetry=version("opentelemetry-sdk"),
        metrics=len(t.METRICS), text=shown(result),
    )  # fmt: skip
    (Path(__file__).resolve().parent.parent / "docs" / "what-it-costs.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
