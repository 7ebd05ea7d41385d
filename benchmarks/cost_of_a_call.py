"""What recording a call costs: `make bench`.

The un-instrumented SDK, the SDK's own tracing, and ours, paired and interleaved in one process, with batch processors
and exporters that look and drop. CPU time of the whole process, threads included; ratios of medians over rounds are
what to quote, as machines differ. Each measured call is checked to have left its span, metrics, event and bill.
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
from itertools import chain
from pathlib import Path
from typing import Any

import instructions
from copies import Copy
from providers import Telemetry
from transport import client, create, helper, short_stream, stream

from claude_otel import telemetry as t
from claude_otel.metrics import MOST_UNSETTLED

GOALS = {"create": 0.5, "create with events": 0.65, "stream event": 0.35}
"""The most that ours may add, as a share of what the SDK's own spans add."""

WHOLE = "ours with events"
COLLECTED_EVERY = 200
"""Calls between two collections of metrics: three a second at the default interval of a minute."""

WARM_UP = 10
"""Rounds that are not timed."""


Function = Callable[..., Any]


def nothing(_: Function) -> Function:
    """A function that does nothing."""
    return lambda *_: None


def none(_: Function) -> Function:
    """A function that finds nothing."""
    return lambda *_: []


def once(function: Function) -> Function:
    """A function that works out its result for its first arguments only."""
    known: list[Any] = []

    def same(*args: Any) -> Any:
        if not known:
            known.append(function(*args))
        return known[0]

    return same


PARTS: dict[str, tuple[tuple[str, str, Callable[[Function], Function]], ...]] = {
    "span": (("spans.Starter", "start", nothing),),
    "metrics": (("metrics.Table", "book", nothing),),
    "log": (("events.Emitter", "of", none),),
    "usage and price": (("ordinary", "numbers_of", once), ("ordinary.Kind", "costs", once)),
    "attribution": (("origins.Origins", "of", once),),
    "request and cache": (("recorder.Recorder", "asks", nothing),),
    "headers": (("headers", "read", once),),
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
        for where, name, replace in PARTS.get(without, ()):
            module, _, type_name = where.partition(".")
            owner: Any = self.copy.module(f"claude_otel.{module}")
            owner = getattr(owner, type_name) if type_name else owner
            setattr(owner, name, replace(vars(owner)[name]))
        with self.copy.current():
            self.api = client(open_telemetry={"tracer_provider": self.telemetry.tracer_provider} if native else False)
            if logs:
                self.telemetry.instrument(self.copy.module("claude_otel"), logs)

    def timed(self, work: Callable[[Any], None], count: int) -> list[float]:
        """CPU microseconds of each of `count` calls, with its part of the export of what they left and its share of a
        collection of metrics. What was put off is done by the export: so many calls that none has to do it for others.

        Each call that we record is checked to have left all that it must: nothing is fast by being absent.
        """
        clock, took = time.process_time, []
        assert count < MOST_UNSETTLED, f"{count} calls are settled before they are exported"
        with self.copy.current():
            work(self.api)
            self.telemetry.flush()
            before = self.telemetry.seen() if self.whole else {}
            for _ in range(count):
                started = clock()
                work(self.api)
                took.append(clock() - started)
            started = clock()
            self.telemetry.flush()
            after = (clock() - started) / count
            if self.logs:
                started = clock()
                self.telemetry.metrics.collect()
                after += (clock() - started) / COLLECTED_EVERY
            if self.whole:
                self.telemetry.check(before, count, self.logs)
        return [(each + after) * 1e6 for each in took]


Times = dict[str, dict[str, list[list[float]]]]
"""CPU microseconds of each call, by way in, by who records it, and by round."""

Usual = dict[str, dict[str, float]]
"""CPU microseconds of a call, by way in and by who records it."""


PARTED = "create without a part"


def measure(rounds: int, calls: int, streams: int) -> Times:
    """Times calls of every way in and everyone who records them.

    Those without one of our parts come last, by themselves: more copies of everything in one process make each call
    slower, and an application has one.
    """
    variants = {"off": Variant(), "sdk": Variant(native=True), "ours": Variant("off"), WHOLE: Variant("all")}
    times = {
        "create": interleaved("create", 3 * rounds, create, calls, variants),
        "stream": interleaved("stream", 5 * rounds, stream, streams, variants),
        "short stream": interleaved("short stream", 5 * rounds, short_stream, streams, variants),
        "helper": interleaved("helper", 3 * rounds, helper, streams, variants),
    }
    some = {name: variants[name] for name in ("off", WHOLE)}
    parts = {**some, **{f"without {part}": Variant("all", without=part) for part in PARTS}}
    return {**times, PARTED: interleaved("parts", rounds, create, calls, parts)}


def interleaved(
    what: str, rounds: int, work: Callable[[Any], None], calls: int, variants: dict[str, Variant]
) -> dict[str, list[list[float]]]:
    """Times `calls` of each of `variants`, side by side in each of the rounds, which are short: what else goes on in
    the machine is the same for all of one round. Some rounds before are not timed.
    """
    for variant in variants.values():
        for _ in range(WARM_UP):
            variant.timed(work, calls)
    gc.collect()
    gc.freeze()
    times: dict[str, list[list[float]]] = {name: [] for name in variants}
    for turn in range(rounds):
        names = list(variants)
        # Neighbours in time are not the same ones in every round.
        random.Random(turn).shuffle(names)
        for name in names:
            times[name].append(variants[name].timed(work, calls))
        progress(f"{what}: round {turn + 1} of {rounds}", turn + 1 == rounds)
    return times


def progress(text: str, is_last: bool) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text}" + "\n" * is_last)


def kept_bytes(calls: int = 4000) -> float:
    """Bytes that a call leaves behind once it has ended and was exported, by what the second half of many adds."""
    variant, held = Variant("all"), []
    with variant.copy.current():
        tracemalloc.start()
        for _ in range(3):
            for _ in range(calls // 2):
                create(variant.api)
            variant.telemetry.flush()
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    return (held[2] - held[1]) / (calls // 2)


def import_time(module: str, rounds: int = 7) -> float:
    """Median milliseconds to import `module` where OpenTelemetry's API is imported already."""
    code = "import time, opentelemetry.trace, opentelemetry.metrics, wrapt; s = time.perf_counter(); "
    code += f"import {module}; print((time.perf_counter() - s) * 1e3)"
    took = [float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(rounds)]
    return statistics.median(took)


def first_decile(values: list[float]) -> float:
    """What a call takes while nobody else uses the core's caches."""
    return statistics.quantiles(values, n=10)[0]


def usual(times: Times, of: Callable[[list[float]], float]) -> Usual:
    """What a call takes, by `of` all that were timed."""
    return {way: {name: of(list(chain.from_iterable(each))) for name, each in by.items()} for way, by in times.items()}


def undisturbed(times: Times) -> Usual:
    """What each adds to a call, by the first deciles of all."""
    return {
        way: {name: each - by["off"] for name, each in by.items()} for way, by in usual(times, first_decile).items()
    }


def paired(times: Times) -> Usual:
    """What each adds to a call: the median over the rounds of what it adds in one, median beside median."""
    added: Usual = {}
    for way, by in times.items():
        middle = {name: [statistics.median(calls) for calls in rounds] for name, rounds in by.items()}
        added[way] = {name: statistics.median(map(float.__sub__, each, middle["off"])) for name, each in middle.items()}
    return added


def ratios(added: Usual) -> dict[str, float]:
    """What ours adds, as a share of what the SDK's own spans add."""
    events = {name: added["stream"][name] - added["short stream"][name] for name in ("sdk", "ours")}
    return {
        "create": added["create"]["ours"] / added["create"]["sdk"],
        "create with events": added["create"][WHOLE] / added["create"]["sdk"],
        "stream": added["stream"]["ours"] / added["stream"]["sdk"],
        "stream helper": added["helper"]["ours"] / added["helper"]["sdk"],
        "stream event": events["ours"] / events["sdk"],
    }


def shares(added: Usual) -> dict[str, float]:
    """What each part adds to a call with everything on, as a share of all that ours add."""
    create = added[PARTED]
    return {part: (create[WHOLE] - create[f"without {part}"]) / create[WHOLE] for part in PARTS}


def spread(
    times: Times, derive: Callable[[Usual], dict[str, float]], samples: int = 200
) -> dict[str, tuple[float, float]]:
    """From where to where nine in ten lie of what `derive` makes of rounds that are drawn again at random."""
    draw = random.Random(0)
    derived: dict[str, list[float]] = {}
    for _ in range(samples):
        sample: Times = {}
        for way, by in times.items():
            drawn = draw.choices(range(len(by["off"])), k=len(by["off"]))
            sample[way] = {name: [each[at] for at in drawn] for name, each in by.items()}
        for name, value in derive(paired(sample)).items():
            derived.setdefault(name, []).append(value)
    return {name: (sorted(each)[samples // 20], sorted(each)[-samples // 20]) for name, each in derived.items()}


def main() -> int:
    """Measures, prints, and fails when a goal is missed and `--check` asks for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rounds", type=int, default=200, help="rounds (default 200), of some ways several times as many"
    )
    parser.add_argument("--calls", type=int, default=20, help="unstreamed calls of a round (default 20)")
    parser.add_argument("--streams", type=int, default=2, help="streamed calls of a round (default 2)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    parser.add_argument("--write", action="store_true", help="write docs/what-it-costs.md")
    options = parser.parse_args()
    rounds = measure(options.rounds, options.calls, options.streams)
    result: dict[str, Any] = {
        "microseconds": usual(rounds, statistics.median),
        "undisturbed_microseconds": usual(rounds, first_decile),
        "ratios": ratios(paired(rounds)),
        "ratios_between": spread(rounds, ratios),
        "undisturbed_ratios": ratios(undisturbed(rounds)),
        "shares": shares(paired(rounds)),
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
    lines = []
    for title, key in (("median", "microseconds"), ("undisturbed (the first decile)", "undisturbed_microseconds")):
        lines += [f"CPU microseconds of a call, {title}", "", f"{'':16}" + "".join(f"{each:>18}" for each in COLUMNS)]
        for way in ("create", "stream", "short stream", "helper"):
            by = result[key][way]
            lines.append(f"{way:16}" + "".join(f"{by[name]:18.0f}" for name in COLUMNS))
        lines.append("")
    lines += ["What ours adds, as a share of what the SDK's own spans add", ""]
    lines += [f"{'':20}{'median':>8}   {'nine in ten':16}{'undisturbed':>12}"]
    for name, ratio in result["ratios"].items():
        low, high = result["ratios_between"][name]
        goal = f"   goal {GOALS[name]:.2f}" if name in GOALS else ""
        between = f"{low:.2f} to {high:.2f}"
        lines.append(f"{name:20}{ratio:8.2f}   {between:16}{result['undisturbed_ratios'][name]:12.2f}{goal}")
    lines += ["", "Parts of what ours with events adds to a create, by leaving each out", ""]
    for part, share in result["shares"].items():
        low, high = result["shares_between"][part]
        lines.append(f"{part:20}{share:12.0%}   {low:.0%} to {high:.0%}")
    lines += ["", f"bytes kept per call {result['bytes_kept_per_call']:.1f}"]
    lines += [f"import {name:14}{value:8.1f} ms" for name, value in result["import_milliseconds"].items()]
    return "\n".join(lines) + "\n"


PAGE = """# What it costs

Written by `make bench WRITE=1` on {date}: {cores} cores, {memory} GiB, {system}, Python {python},
anthropic {anthropic}, OpenTelemetry {opentelemetry}. CPU time of the whole process, threads included; transport in the
process, batch processors, exporters that drop everything.

Each round has calls of everyone, side by side; a ratio is of the medians over the rounds of what each adds in one.
"off" is the SDK alone. "sdk" is the SDK with its own tracing, which makes a span and nothing else. "ours" is a span
with three times as many attributes, {metrics} metrics and the bill; an event is the `claude.call` of each call. Each
measured call is checked: one ended span with all its attributes, each metric counted, the right cents. A stream has 500
deltas of text, a short one 10; a stream event is what the one costs more than the other.

```text
{text}```

Quote the ratios: microseconds differ between machines, and between two runs on one that is shared. `make bench`
measures yours. Of the stream helper quote the instructions below: its 40 ms differ from process to process by as much
as is added, and the interval tells only of the rounds of one process.

## In instructions

Counted by valgrind (`make bench-instructions`): the same in every run, whoever else uses the machine.

```text
{instructions}```

## Why the two differ

Our share of the time is larger than that of the instructions. What the SDK adds is much of it one loop over attributes,
which the core's caches hold; what we add is many different things done once in a call: who asked, for what, with which
prompt, who answered, at what price, within which limits. Between two calls the SDK and its HTTP library touch about a
megabyte, so that each line of ours is fetched again. That is why most of it is done later, for many calls at once
([inside.md](inside.md)), and by what was worked out for calls like it. What waits is held in few objects: Python looks
for garbage after 700 new ones, and with 35 of ours in a call that alone was 13 microseconds of each; with 14 it is
none. Spans and events wait for their exporters as what tells them apart, and become what they are when one looks, many
at a time: these exporters look at each.
Compiling the same code (mypyc) made it 13 % faster.

[growth.md](growth.md) tells what a million calls with ten thousand surfaces, models, users and prompts leave behind.
"""


def write_page(result: dict[str, Any]) -> None:
    """Writes docs/what-it-costs.md."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    page = PAGE.format(
        date=datetime.now(timezone.utc).date(), cores=os.cpu_count(), memory=round(memory), system=platform.system(),
        python=platform.python_version(), anthropic=version("anthropic"), opentelemetry=version("opentelemetry-sdk"),
        metrics=len(t.METRICS), text=shown(result),
        instructions=instructions.counted() or "Not counted: valgrind is not on PATH.\n",
    )  # fmt: skip
    (Path(__file__).resolve().parent.parent / "docs" / "what-it-costs.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
