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
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime, timezone
from importlib.metadata import version
from operator import truediv
from pathlib import Path
from typing import Any

from copies import Copy
from providers import Telemetry
from transport import REQUEST, client

from claude_otel import telemetry as t
from claude_otel.account import Account
from claude_otel.attribution import Attribution
from claude_otel.headers import NONE

GOALS = {"create": 0.5, "create with events": 0.65, "stream event": 0.35}
"""The most that ours may add, as a share of what the SDK's own spans add."""

WHOLE = "ours with events"
COLLECTED_EVERY = 200
"""Calls between two collections of metrics: three a second at the default interval of a minute."""

WARM_UP = 10
"""Rounds that are not timed."""


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


PARTS: dict[str, tuple[tuple[str, str, Callable[..., Any]], ...]] = {
    "span": (("spans.Starter", "start", lambda *_: None),),
    "metrics": (("bookkeeping.Books", "book", lambda *_: None), ("bookkeeping.Books", "begin", lambda *_: None)),
    "log": (("events", "emit", lambda *_: None),),
    "usage and price": (("recorder", "account_of", lambda *_: Account()),),
    "attribution": (("attribution.Attributor", "attribute", lambda *_: Attribution("bench", "bench:one", None, None)),),
    "request and cache": (("recorder.Recorder", "asks", lambda *_: None),),
    "headers": (("headers", "read", lambda _: NONE),),
}
"""The parts of a record, and what is put in their place to see what a call costs without them."""


class Variant:
    """Who records a call: nobody, the SDK's own tracing, or we, perhaps without one of our parts.

    Each has its own copy of the SDK and of us, which nobody changes once it is there.
    """

    def __init__(self, logs: str = "", native: bool = False, without: str = "") -> None:
        self.telemetry = Telemetry()
        self.logs = logs
        self.whole = bool(logs) and not without
        self.copy = Copy("anthropic", "claude_otel")
        for owner, name, instead in PARTS.get(without, ()):
            module, _, type_name = owner.partition(".")
            found: Any = self.copy.module(f"claude_otel.{module}")
            setattr(getattr(found, type_name) if type_name else found, name, instead)
        with self.copy.current():
            self.api = client(open_telemetry={"tracer_provider": self.telemetry.tracer_provider} if native else False)
            if logs:
                self.telemetry.instrument(self.copy.module("claude_otel"), logs)

    def timed(self, work: Callable[[Any], None], count: int) -> float:
        """CPU microseconds of one call over `count` calls, with the export of what they left and its share of a
        collection of metrics.

        Each call that we record is checked to have left all that it must: nothing is fast by being absent.
        """
        with self.copy.current():
            work(self.api)
            self.telemetry.flush()
            before = self.telemetry.seen() if self.whole else {}
            started = time.process_time()
            for _ in range(count):
                work(self.api)
            self.telemetry.flush()
            took = (time.process_time() - started) / count
            if self.logs:
                started = time.process_time()
                self.telemetry.metrics.collect()
                took += (time.process_time() - started) / COLLECTED_EVERY
            if self.whole:
                self.telemetry.check(before, count, self.logs)
        return took * 1e6


def measure(rounds: int, calls: int, streams: int) -> dict[str, dict[str, list[float]]]:
    """CPU microseconds of a call in each round, by way in and by who records it."""
    variants = {"off": Variant(), "sdk": Variant(native=True), "ours": Variant("off"), WHOLE: Variant("all")}
    parts = {f"without {part}": Variant("all", without=part) for part in PARTS}
    ways = ((create, calls, {**variants, **parts}), (stream, streams, variants), (helper, streams, variants))
    for work, count, its_variants in ways:
        for variant in its_variants.values():
            variant.timed(work, count * WARM_UP)
    gc.collect()
    gc.freeze()
    times: dict[str, dict[str, list[float]]] = {}
    for turn in range(rounds):
        for work, count, its_variants in ways:
            names = list(its_variants)
            # Neighbours in time are not the same ones in every round.
            random.Random(turn).shuffle(names)
            for name in names:
                took = its_variants[name].timed(work, count)
                times.setdefault(work.__name__, {}).setdefault(name, []).append(took)
        progress(turn + 1, rounds)
    return times


def progress(turn: int, rounds: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\rround {turn} of {rounds}" + "\n" * (turn == rounds))


def kept_bytes(calls: int = 2000) -> float:
    """Bytes that a call leaves behind once it has ended and was exported."""
    variant = Variant("all")
    variant.timed(create, 200)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    variant.timed(create, calls)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / calls


def import_time(module: str, rounds: int = 7) -> float:
    """Median milliseconds to import `module` where OpenTelemetry's API is imported already."""
    code = "import time, opentelemetry.trace, opentelemetry.metrics, wrapt; s = time.perf_counter(); "
    code += f"import {module}; print((time.perf_counter() - s) * 1e3)"
    took = [float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(rounds)]
    return statistics.median(took)


def medians(times: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, float]]:
    """The usual time of each: that of the un-instrumented call, times the median of what multiple of it it takes.

    A shared machine is now fast and now slow, for seconds; within a round it is mostly one of them.
    """
    usual = {}
    for way, by in times.items():
        off = statistics.median(by["off"])
        usual[way] = {name: off * statistics.median(map(truediv, each, by["off"])) for name, each in by.items()}
    return usual


def ratios(times: dict[str, dict[str, float]], deltas: int = 500) -> dict[str, float]:
    """What ours adds, as a share of what the SDK's own spans add."""
    added = {way: {name: value - by["off"] for name, value in by.items()} for way, by in times.items()}
    per_event = {name: (added["stream"][name] - added["create"][name]) / deltas for name in ("sdk", "ours")}
    return {
        "create": added["create"]["ours"] / added["create"]["sdk"],
        "create with events": added["create"][WHOLE] / added["create"]["sdk"],
        "stream": added["stream"]["ours"] / added["stream"]["sdk"],
        "stream helper": added["helper"]["ours"] / added["helper"]["sdk"],
        "stream event": per_event["ours"] / per_event["sdk"],
    }


def spread(
    times: dict[str, dict[str, list[float]]],
    derive: Callable[[dict[str, dict[str, float]]], dict[str, float]],
    samples: int = 1000,
) -> dict[str, tuple[float, float]]:
    """From where to where nine in ten lie of what `derive` gives for the medians of rounds drawn again at random."""
    rounds, draw = len(times["create"]["off"]), random.Random(0)
    derived: dict[str, list[float]] = {}
    for _ in range(samples):
        drawn = draw.choices(range(rounds), k=rounds)
        sample = {way: {name: [each[i] for i in drawn] for name, each in by.items()} for way, by in times.items()}
        for name, value in derive(medians(sample)).items():
            derived.setdefault(name, []).append(value)
    return {name: (sorted(each)[samples // 20], sorted(each)[-samples // 20]) for name, each in derived.items()}


def shares(times: dict[str, dict[str, float]]) -> dict[str, float]:
    """What each part adds to a call with everything on, as a share of all that ours add."""
    create = times["create"]
    return {part: (create[WHOLE] - create[f"without {part}"]) / (create[WHOLE] - create["off"]) for part in PARTS}


def main() -> int:
    """Measures, prints, and fails when a goal is missed and `--check` asks for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, help="interleaved rounds (default 100)")
    parser.add_argument("--calls", type=int, default=60, help="unstreamed calls of a round (default 60)")
    parser.add_argument("--streams", type=int, default=2, help="streamed calls of a round (default 2)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    parser.add_argument("--write", action="store_true", help="write docs/what-it-costs.md")
    options = parser.parse_args()
    rounds = measure(options.rounds, options.calls, options.streams)
    times = medians(rounds)
    result: dict[str, Any] = {
        "microseconds": times,
        "ratios": ratios(times),
        "ratios_between": spread(rounds, ratios),
        "shares": shares(times),
        "shares_between": spread(rounds, shares),
        "bytes_kept_per_call": kept_bytes(),
        "import_milliseconds": {name: import_time(name) for name in ("claude_otel", "anthropic")},
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n" if options.json else shown(result))
    if options.write:
        write_page(result)
    missed = [name for name, goal in GOALS.items() if result["ratios"][name] > goal]
    return 1 if options.check and missed else 0


COLUMNS = ("off", "sdk", "ours", WHOLE)


def shown(result: dict[str, Any]) -> str:
    """The result as text."""
    lines = ["CPU microseconds of a call, median", ""]
    lines += [f"{'':16}" + "".join(f"{name:>18}" for name in COLUMNS)]
    for way, by in result["microseconds"].items():
        lines.append(f"{way:16}" + "".join(f"{by[name]:18.0f}" for name in COLUMNS))
    lines += ["", "What ours adds, as a share of what the SDK's own spans add (nine in ten resamplings)", ""]
    for name, ratio in result["ratios"].items():
        low, high = result["ratios_between"][name]
        goal = f"   goal {GOALS[name]:.2f}" if name in GOALS else ""
        lines.append(f"{name:20}{ratio:8.2f}   ({low:.2f} to {high:.2f}){goal}")
    lines += ["", "Parts of what ours with events add to a create, by leaving each out", ""]
    for part, share in result["shares"].items():
        low, high = result["shares_between"][part]
        lines.append(f"{part:20}{share:8.0%}   ({low:.0%} to {high:.0%})")
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
