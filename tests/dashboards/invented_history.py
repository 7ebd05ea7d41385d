"""An invented history for dashboards to be asked of: what the rules have recorded, and what programs have sent.

It is written as blocks by `promtool tsdb create-blocks-from`, a day at a time, and nobody has counted it: numbers only
have the right size, and totals only grow.
"""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from claude_otel import telemetry as t
from claude_otel.monitoring import ledger
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.config import Config, Surface
from claude_otel.monitoring.dashboards.queries import LEVELS
from claude_otel.monitoring.rules_file import groups
from claude_otel.stack import components

RECORDED_STEP = 300
RAW_STEP = 60
DAY = 86400
JOB = "past"

ENDS = (
    ("completed", "end_turn", "none", ""), ("completed", "max_tokens", "none", ""),
    ("error", "none", "provider", "overloaded_error"), ("error", "none", "quota", "rate_limit_error"),
)  # fmt: skip
"""Ways in which calls end: outcome, reason to stop, blame, type of error."""


@dataclass(frozen=True)
class Shape:
    """How much there is."""

    surfaces: int
    models: int
    workers: int
    days: int
    raw_hours: int

    def surface(self, number: int) -> str:
        """The name of a surface."""
        return f"surface-{number:02}"

    @property
    def uses(self) -> list[tuple[str, str]]:
        """Each surface with two of the models."""
        pairs = [
            (self.surface(n), f"claude-model-{(n + k) % self.models}") for n in range(self.surfaces) for k in (0, 1)
        ]
        return list(dict.fromkeys(pairs))

    @property
    def config(self) -> Config:
        """What is normal for these surfaces: every kind of budget."""
        budgets = {
            self.surface(n): Surface(duration=20, cache_hit_ratio=80, daily_usd=100) for n in range(self.surfaces)
        }
        return Config(surfaces=budgets)


@dataclass(frozen=True)
class Series:
    """A series: its name with its labels, and whether it grows."""

    text: str
    size: float
    grows: bool

    def lines(self, times: Sequence[int], begin: int) -> Iterator[str]:
        """The samples at some times."""
        text, size = self.text, self.size
        if text.endswith("#"):
            return (f"{text[:-2]} {at}\n" for at in times)
        if self.grows:
            return (f"{text} {size * (at - begin) / 3600:.6g} {at}\n" for at in times)
        return (f"{text} {size * (1 + 0.5 * math.sin(at / 9000 + size)):.6g} {at}\n" for at in times)


def named(name: str, labels: Mapping[str, str]) -> str:
    """A series as OpenMetrics has it."""
    shown = ",".join(f'{label}="{value}"' for label, value in labels.items() if value)
    return f"{name}{{{shown}}}"


def recorded(shape: Shape, begin: int) -> Iterator[Series]:
    """Every series that the rules record."""
    for row in ledger.rows(shape.config):
        for labels in kept(shape, row):
            yield Series(named(row.record, {**labels, "part": "total"}), 1 + len(labels), grows=True)
        yield Series(f'{row.record}{{part="since"}} {begin} #', 0, grows=False)
    values = label_values(shape)
    for group in groups(shape.config):
        for rule in group.rules:
            labels = LEVELS.get(rule.record.partition(":")[0], ())
            if rule.record.startswith(("zone:", "model_component:")) or rule.record.endswith(":constant"):
                labels = ()
            free = [label for label in labels if label not in rule.labels]
            for chosen in itertools.product(*(values[label] for label in free)):
                size = 0.3 if "ratio" in rule.record else 3.0
                yield Series(
                    named(rule.record, {**dict(zip(free, chosen, strict=True)), **rule.labels}), size, grows=False
                )


def kept(shape: Shape, row: ledger.Row) -> Iterator[Mapping[str, str]]:
    """The labels of the totals of a row."""
    values = label_values(shape)
    for surface, model in shape.uses:
        own = {
            **dict.fromkeys(row.keep, ""), m.JOB: JOB, m.ENVIRONMENT: "production", m.PROVIDER: "anthropic",
            m.SURFACE: surface, m.RESPONSE_MODEL: model, m.REQUEST_MODEL: model, m.CALL_SITE: f"app:{surface}",
            m.TIER: "standard", m.EFFORT: "default", m.AGENT: "none", m.RETRIED: "false",
        }  # fmt: skip
        free = [label for label in (m.COST_COMPONENT, m.MISS_REASON, m.STATUS, "le") if label in row.keep]
        ends = ENDS if m.OUTCOME in row.keep else ENDS[:1]
        for chosen in itertools.product(*(values[label] for label in free)):
            for end in ends:
                told = dict(zip((m.OUTCOME, m.STOP_REASON, m.BLAME, m.ERROR_TYPE), end, strict=True))
                labels = {**own, **told, **dict(zip(free, chosen, strict=True))}
                yield {label: labels[label] for label in row.keep if labels.get(label)}


def label_values(shape: Shape) -> Mapping[str, Sequence[str]]:
    """The values that labels have."""
    models = [f"claude-model-{n}" for n in range(shape.models)]
    return {
        m.SURFACE: [shape.surface(n) for n in range(shape.surfaces)],
        m.RESPONSE_MODEL: models, m.REQUEST_MODEL: models, m.PROVIDER: ["anthropic"], m.JOB: [JOB],
        "instance": [f"worker-{n}" for n in range(shape.workers)],
        "service_instance_id": ["id"],
        m.BLAME: ["none", "provider", "quota"], m.OUTCOME: ["completed", "error", "truncated"],
        m.STOP_REASON: ["end_turn", "max_tokens", "tool_use"], m.CALL_SITE: ["app:answer"],
        m.MISS_REASON: ["cold", "system_changed", "expired"], m.STATUS: ["200", "429", "529"],
        m.LIMIT_TYPE: ["requests", "input-tokens", "output-tokens"], m.COMPONENT: ["spans"],
        m.COST_COMPONENT: ["input", "output", "cache_read", "cache_write_5m"],
        "budget": ["duration"], "le": ["2", "20", "+Inf"],
    }  # fmt: skip


def raw(shape: Shape) -> Iterator[Series]:
    """Every series that the workers send: each has all surfaces, each of these with one of the models."""
    fixed = {
        m.ENVIRONMENT: "production", m.VERSION: "1", m.OPERATION: "chat", m.PROVIDER: "anthropic", m.TIER: "standard",
        m.EFFORT: "default", m.AGENT: "none", m.RETRIED: "false", m.OUTCOME: "completed", m.STOP_REASON: "end_turn",
        m.BLAME: "none", m.STATUS: "200", m.CACHE_TTL: "5m", m.MISS_REASON: "cold", m.COMPONENT: "spans",
        m.label(t.MODALITY): "unknown",
    }  # fmt: skip
    for worker, (surface, model), metric in itertools.product(
        range(shape.workers), dict(reversed(shape.uses)).items(), t.METRICS
    ):
        mine = {
            **fixed,
            m.SURFACE: surface,
            m.RESPONSE_MODEL: model,
            m.REQUEST_MODEL: model,
            m.CALL_SITE: f"app:{surface}",
        }
        who = {m.JOB: JOB, "instance": f"worker-{worker}", "service_instance_id": "id", m.VERSION: "1"}
        has = {
            m.ENVIRONMENT: "production",
            **{name: mine[name] for name in map(m.label, metric.attributes) if name in mine},
        }
        yield from of_metric(metric, {**who, **has})


def of_metric(metric: t.Metric, labels: Mapping[str, str]) -> Iterator[Series]:
    """The series of a metric."""
    name = m.name(metric)
    if metric.kind == "histogram":
        edges = t.PER_TOKEN_EDGES if metric == t.PER_TOKEN_METRIC else t.DURATION_EDGES
        for number, bound in enumerate([*map(str, edges), "+Inf"], start=1):
            yield Series(named(f"{name}_bucket", {**labels, "le": bound}), 10.0 * number, grows=True)
        yield Series(named(f"{name}_count", labels), 300, grows=True)
        yield Series(named(f"{name}_sum", labels), 300, grows=True)
    elif m.COST_COMPONENT in map(m.label, metric.attributes):
        for component in ("input", "output", "cache_read", "cache_write_5m"):
            yield Series(named(name, {**labels, m.COST_COMPONENT: component}), 1, grows=True)
    else:
        yield Series(named(name, labels), 100, grows=metric.kind == "counter")


def write(data: Path, end: float, shape: Shape) -> int:
    """Writes the history until `end` into the folder of a Prometheus that does not run; returns how many samples."""
    last = int(end) // RECORDED_STEP * RECORDED_STEP
    begin = last - shape.days * DAY
    series = list({each.text: each for each in recorded(shape, begin)}.values())
    starts = [max(begin, last - (day + 1) * DAY) for day in range(shape.days)]
    jobs = [(series, range(start, start + DAY, RECORDED_STEP), begin) for start in starts]
    if shape.raw_hours:
        sent = list({each.text: each for each in raw(shape)}.values())
        first = last - shape.raw_hours * 3600
        jobs += [(sent, range(hour, hour + 3600, RAW_STEP), first) for hour in range(first, last, 3600)]
    data.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(partial(write_chunk, data), *zip(*jobs, strict=True)))
    return sum(len(chosen) * len(times) for chosen, times, _ in jobs)


def write_chunk(data: Path, series: Iterable[Series], times: Sequence[int], begin: int) -> None:
    """Writes the samples of some series at some times as a block."""
    with tempfile.NamedTemporaryFile("w", suffix=".om", dir=data.parent) as file:
        for each in series:
            file.writelines(each.lines(times, begin))
        file.write("# EOF\n")
        file.flush()
        promtool = components.find("promtool")
        command = [promtool, "tsdb", "create-blocks-from", "--max-block-duration=24h", "openmetrics", file.name, data]
        subprocess.run(command, check=True, capture_output=True)
