"""The invented week before the drill: what programs had counted, and what the rules had made of it.

The rules read what they have recorded themselves, so the history has both, and they agree: each total of the ledger is
the sum of the raw counters, `seen` is what the last sample said, and `since` is the beginning. It is written as blocks
by `promtool tsdb create-blocks-from`, and nothing else is ever written past the rules.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from claude_otel.cli.problem import Problem
from claude_otel.drill.speed import seconds
from claude_otel.monitoring import ledger
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.ledger import Row
from claude_otel.stack import components

MODEL = "claude-opus-5-5"
JOB = "past"
INPUT_PRICE, CACHE_READ_PRICE = 4.0, 0.2
"""USD for a million tokens of `MODEL`; a test compares them with the price table."""

STEP = 10
"""Seconds between two samples of the history."""

LENGTH = seconds("7d") + seconds("4h")
"""A week, and what a window at its beginning looks back."""

REST = 2
"""Seconds before the drill in which the history ends: its programs have ended."""

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Habit:
    """What a surface did in an hour of its past: calls, and the tokens of their input."""

    surface: str
    calls: int
    plain: int
    read: int = 0


HABITS = (
    Habit("spike", calls=30, plain=100_000),
    Habit("loop", calls=30, plain=100_000),
    Habit("forecast", calls=30, plain=250_000),
    Habit("cache-drop", calls=30, plain=30_000, read=270_000),
)


@dataclass(frozen=True)
class Series:
    """A counter of the past: its row in the ledger, its labels as a program writes them, and its rate in a second."""

    row: Row
    labels: Labels
    rate: float


def cost_of(habit: Habit) -> dict[str, float]:
    """USD in an hour, by component."""
    plain, read = INPUT_PRICE, CACHE_READ_PRICE
    found = {"input": habit.plain * plain / 1e6, "cache_read": habit.read * read / 1e6}
    return {component: usd for component, usd in found.items() if usd}


def usd_an_hour(surface: str) -> float:
    """What a surface cost in an hour of its past."""
    return sum(sum(cost_of(habit).values()) for habit in HABITS if habit.surface == surface)


def series_of(habit: Habit) -> Iterator[Series]:
    """Every counter that the past of a surface has."""
    hour = seconds("1h")
    who = {m.JOB: JOB, "instance": "past-1", "service_name": JOB, "service_instance_id": "past-1"}
    call = {m.OPERATION: "chat", m.PROVIDER: "anthropic", m.REQUEST_MODEL: MODEL, m.RESPONSE_MODEL: MODEL}
    mine = {**who, **call, m.SURFACE: habit.surface}
    for component, usd in cost_of(habit).items():
        yield Series(ledger.COST, {**mine, m.CALL_SITE: "past:ask", m.COST_COMPONENT: component}, usd / hour)
    uncached = (habit.plain + habit.read) * INPUT_PRICE / 1e6
    yield Series(ledger.UNCACHED_COST, mine, uncached / hour)
    yield Series(ledger.INPUT_TOKENS, mine, (habit.plain + habit.read) / hour)
    if habit.read:
        yield Series(ledger.CACHE_READ_TOKENS, mine, habit.read / hour)
    ended = {m.OUTCOME: "completed", m.STOP_REASON: "end_turn", m.BLAME: "none"}
    yield Series(ledger.CALLS, {**mine, **ended}, habit.calls / hour)


def raw() -> list[Series]:
    """Every counter of the past. Attempts have no surface: they are those of all habits."""
    found = [each for habit in HABITS for each in series_of(habit)]
    call = {m.OPERATION: "chat", m.PROVIDER: "anthropic", m.REQUEST_MODEL: MODEL, m.RESPONSE_MODEL: MODEL}
    who = {m.JOB: JOB, "instance": "past-1", "service_name": JOB, "service_instance_id": "past-1"}
    rate = sum(habit.calls for habit in HABITS) / seconds("1h")
    return [*found, Series(ledger.ATTEMPTS, {**who, **call, m.STATUS: "200", m.BLAME: "none"}, rate)]


def totals(found: list[Series]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The rate of each total of the ledger, by its name and labels."""
    sums: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for each in found:
        kept = tuple((label, each.labels[label]) for label in each.row.keep if label in each.labels)
        key = (each.row.record, kept)
        sums[key] = sums.get(key, 0.0) + each.rate
    return sums


def text(config: Config, end: float) -> Iterator[str]:
    """The history until `end` as OpenMetrics, a series after the other."""
    times = [round(end - REST - LENGTH + step * STEP, 3) for step in range(int(LENGTH / STEP) + 1)]
    begin = times[0]
    found = raw()
    for each in found:
        yield from samples(each.row.series, each.labels, times, begin, each.rate)
        yield from samples(each.row.record, {**each.labels, "part": "seen"}, times, begin, each.rate)
    for (name, kept), rate in totals(found).items():
        yield from samples(name, {**dict(kept), "part": "total"}, times, begin, rate)
    for row in ledger.rows(config):
        yield from (line(row.record, {"part": "since"}, begin, at) for at in times)
    for habit in HABITS:
        labels = {m.SURFACE: habit.surface}
        for at in times:
            spent = usd_an_hour(habit.surface) * min(1.0, (at - begin) / seconds("1h"))
            yield line("surface:claude_cost_usd:increase1h", labels, spent, at)
    yield "# EOF\n"


def samples(name: str, labels: Labels, times: list[float], begin: float, rate: float) -> Iterator[str]:
    """A counter that begins at zero and grows at `rate`."""
    return (line(name, labels, (at - begin) * rate, at) for at in times)


def line(name: str, labels: Labels, value: float, at: float) -> str:
    """A sample."""
    shown = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{shown}}} {value!r} {at:.3f}\n"


def write(config: Config, data: Path, end: float) -> None:
    """Writes the history until `end` into the folder of a Prometheus that does not run."""
    file = data.parent / "history.om"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(text(config, end))
    promtool = components.find("promtool")
    done = subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", file, data], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Problem(f"promtool could not write the history: {done.stderr.strip()[:500]}. It is in {file}")
