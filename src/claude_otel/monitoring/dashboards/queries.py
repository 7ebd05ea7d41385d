"""Selectors that follow the variables of a dashboard, and the few shapes of query that dashboards are made of."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import indent

from claude_otel import telemetry as t
from claude_otel.monitoring import ledger
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.ledger import Row
from claude_otel.monitoring.promql import Labels, by
from claude_otel.monitoring.recording import NO_FAILURE

FOLLOWED = {
    m.JOB: "service",
    m.ENVIRONMENT: "environment",
    m.SURFACE: "surface",
    m.RESPONSE_MODEL: "model",
    m.REQUEST_MODEL: "model",
}
"""The variable that each label follows."""

LEVELS: dict[str, Labels] = {
    "claude": (),
    "status": (m.STATUS,),
    "surface": (m.SURFACE,),
    "surface_blame": (m.SURFACE, m.BLAME),
    "surface_outcome": (m.SURFACE, m.OUTCOME),
    "surface_stop": (m.SURFACE, m.STOP_REASON),
    "surface_site": (m.SURFACE, m.CALL_SITE),
    "surface_reason": (m.SURFACE, m.MISS_REASON),
    "surface_model": (m.SURFACE, m.RESPONSE_MODEL),
    "surface_budget": (m.SURFACE, "budget"),
    "model": (m.PROVIDER, m.REQUEST_MODEL),
    "model_limit": (m.PROVIDER, m.REQUEST_MODEL, m.LIMIT_TYPE),
    "job_model": (m.JOB, m.PROVIDER, m.RESPONSE_MODEL),
    "job_component": (m.JOB, m.COMPONENT),
    "job_instance": m.INSTANCE,
    "job_surface_budget": (m.JOB, m.SURFACE, "budget"),
}
"""The labels that a recorded series has, by the level at the start of its name."""

FAILED = f"{m.BLAME}!~{NO_FAILURE}"
NOT_FAILED = f"{m.BLAME}=~{NO_FAILURE}"
HAS_VERSION = f'{m.VERSION}!=""'


def follow(labels: Iterable[str], more: str = "") -> str:
    """Matchers that let the variables choose among `labels`, and `more`."""
    kept = list(labels)
    skipped = m.REQUEST_MODEL if m.RESPONSE_MODEL in kept else None
    chosen = [f'{label}=~"${FOLLOWED[label]}"' for label in kept if label in FOLLOWED and label != skipped]
    return ", ".join([*chosen, *([more] if more else [])])


def recorded(name: str, more: str = "") -> str:
    """A recorded series, as the variables choose."""
    matchers = follow(LEVELS[name.partition(":")[0]], more)
    return f"{name}{{{matchers}}}" if matchers else name


def raw(metric: t.Metric, more: str = "", suffix: str = "") -> str:
    """A raw series of a metric, as the variables choose."""
    labels = [m.JOB, m.ENVIRONMENT, *(m.label(name) for name in metric.attributes)]
    return f"{m.name(metric)}{suffix}{{{follow(labels, more)}}}"


def spent(row: Row, labels: Labels, window: str = "$__range", more: str = "") -> str:
    """What was added to a row of the ledger in a window, exactly, as the variables choose."""
    return ledger.increase(row, labels, window, follow(row.keep, more))


def saved_by_cache(window: str = "$__range") -> str:
    """What the same calls had cost without a cache, less what they cost. Both follow the labels that both have."""
    alike = follow(label for label in ledger.UNCACHED_COST.keep if label in ledger.COST.keep)
    plain, paid = (ledger.increase(row, (), window, alike) for row in (ledger.UNCACHED_COST, ledger.COST))
    return f"({plain})\n- ({paid})"


def counted(metric: t.Metric, labels: Labels, window: str, more: str = "") -> str:
    """What was added to a raw counter that no ledger keeps: what each process says now, less what it said before."""
    series = raw(metric, more)
    now, before = f"last_over_time({series}[{window}])", f"last_over_time({series}[{window}] offset {window})"
    return by(labels, f"{now} - {before} >= 0\nor\n{now}")


def quantile(q: float, metric: t.Metric, labels: Labels, more: str = "") -> str:
    """A quantile of a histogram over time."""
    buckets = by((*labels, "le"), f"rate({raw(metric, more, '_bucket')}[$__rate_interval])")
    return f"histogram_quantile(\n  {q:g},\n{indent(buckets, '  ')}\n)"


def named(expr: str, label: str, value: str) -> str:
    """`expr` with a label of this value."""
    return f'label_replace(\n{indent(expr, "  ")},\n  "{label}", "{value}", "", ""\n)'


def first_of(*alternatives: str) -> str:
    """The first of `alternatives` that is anything at all."""
    return "\nor on ()\n".join(alternatives)
