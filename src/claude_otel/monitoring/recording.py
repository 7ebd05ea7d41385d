"""The recording rules besides the ledger: windows, today and this month, shares, ratios, quantiles.

Names are `level:metric:operations`: the labels that are left, what is measured, and what was done with it.
"""

from __future__ import annotations

from textwrap import indent

from claude_otel.monitoring import ledger, levers, models, zone
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.ledger import LatencyBudget, Row, increase, latency_budgets
from claude_otel.monitoring.promql import any_of, by, edge, number, quantile, quoted, ratio
from claude_otel.monitoring.rule import Group, Recording

BURN_WINDOWS = ("5m", "30m", "1h", "6h")
"""The windows of the burn rates."""

NO_FAILURE = any_of(("none", "cancelled", "refused"))
"""The blames of calls that did not fail."""

SURFACE = (m.SURFACE,)
MODEL = (m.PROVIDER, m.REQUEST_MODEL)

QUARTER = 900
"""Midnight is a multiple of a quarter of an hour everywhere, so that a subquery of this step meets it."""

HOUR = 3600
LONGEST_DAY = 26 * HOUR
LONGEST_MONTH = 32 * 86400


def groups(config: Config) -> list[Group]:
    """Every group of recording rules but the ledger, in the order in which they read each other."""
    return [
        zone.group(config.time_zone),
        normal(config),
        calls(),
        attempts(),
        money(),
        cache(),
        latency(config),
        presence(config),
        models.group(config),
        levers.group(),
    ]


def window(row: Row, level: str, metric: str, labels: tuple[str, ...], length: str, where: str = "") -> Recording:
    """The exact increase of `row` in a window."""
    return Recording(f"{level}:{metric}:increase{length}", increase(row, labels, length, where))


def calls() -> Group:
    """Calls by who is to blame, how they ended, why they stopped."""
    rules = []
    for length in BURN_WINDOWS:
        by_blame = f"surface_blame:claude_calls:increase{length}"
        every = f"surface:claude_calls:increase{length}"
        failed = by(SURFACE, f"{by_blame}{{{m.BLAME}!~{NO_FAILURE}}}")
        rules += [
            window(ledger.CALLS, "surface_blame", "claude_calls", (m.SURFACE, m.BLAME), length),
            Recording(every, by(SURFACE, by_blame)),
            Recording(f"surface:claude_calls_failed:ratio{length}", ratio(f"({failed} or {every} * 0)", every)),
        ]
    rules += [
        Recording("claude:calls:increase5m", "sum (surface:claude_calls:increase5m)"),
        Recording(
            "surface_blame:claude_calls:ratio5m",
            f"surface_blame:claude_calls:increase5m\n/ on ({m.SURFACE}) group_left ()\n"
            "(surface:claude_calls:increase5m > 0)",
        ),
        window(
            ledger.CALLS, "job_model_error", "claude_calls", (m.JOB, *MODEL, m.ERROR_TYPE), "10m", f'{m.ERROR_TYPE}!=""'
        ),
        window(ledger.CALLS, "surface_outcome", "claude_calls", (m.SURFACE, m.OUTCOME), "1h"),
        window(
            ledger.CALLS, "surface_stop", "claude_calls", (m.SURFACE, m.STOP_REASON), "1h", f'{m.STOP_REASON}!="none"'
        ),
        window(ledger.CALLS, "surface", "claude_completed_calls", SURFACE, "5m", f'{m.OUTCOME}="completed"'),
        window(ledger.CALLS, "surface", "claude_calls", SURFACE, "1d"),
        window(ledger.CALLS, "model", "claude_calls", MODEL, "30m"),
        window(ledger.CALLS, "model", "claude_calls", MODEL, "1d"),
        Recording("claude:calls:increase1d", "sum (surface:claude_calls:increase1d)"),
        share("surface_outcome:claude_calls:ratio1h", "surface_outcome:claude_calls:increase1h"),
        share("surface_stop:claude_calls:ratio1h", "surface_stop:claude_calls:increase1h"),
        Recording("surface:claude_answers:increase1h", by(SURFACE, "surface_stop:claude_calls:increase1h")),
    ]
    return Group("claude-calls", tuple(rules))


def share(record: str, parts: str) -> Recording:
    """Each of `parts` as a share of its surface."""
    return Recording(record, f"{parts}\n/ on ({m.SURFACE}) group_left ()\n({by(SURFACE, parts)} > 0)")


def attempts() -> Group:
    """HTTP requests: retries for each call, overload, what remains of rate limits."""
    headroom = (m.PROVIDER, m.REQUEST_MODEL, m.LIMIT_TYPE)
    return Group(
        "claude-attempts",
        (
            window(ledger.ATTEMPTS, "model", "claude_attempts", MODEL, "30m"),
            window(ledger.ATTEMPTS, "status", "claude_attempts", (m.STATUS,), "5m"),
            Recording("claude:attempts:increase5m", "sum (status:claude_attempts:increase5m)"),
            Recording(
                "claude:overloaded_attempts:ratio5m",
                ratio(
                    f'(sum (status:claude_attempts:increase5m{{{m.STATUS}="529"}}) or claude:attempts:increase5m * 0)',
                    "claude:attempts:increase5m",
                ),
            ),
            Recording(
                "model:claude_attempts_per_call:ratio30m",
                ratio("model:claude_attempts:increase30m", "model:claude_calls:increase30m"),
            ),
            Recording(
                "model_limit:claude_rate_limit_headroom:min5m",
                by(headroom, f"avg_over_time({m.REMAINING}[5m]) / (avg_over_time({m.LIMIT}[5m]) > 0)", "min"),
                why="Of the process that has least: each tells what its last answer said",
            ),
            window(
                ledger.INSTRUMENTATION_ERRORS,
                "job_component",
                "claude_instrumentation_errors",
                (m.JOB, m.COMPONENT),
                "1h",
            ),
            window(
                ledger.UNPRICED_CALLS, "job_model", "claude_unpriced_calls", (m.JOB, m.PROVIDER, m.RESPONSE_MODEL), "1h"
            ),
        ),
    )


def money() -> Group:
    """USD in windows, today, this month, and at the end of the month if it goes on like this."""
    by_surface = [window(ledger.COST, "surface", "claude_cost_usd", SURFACE, length) for length in ("1h", "1d", "7d")]
    return Group(
        "claude-money",
        (
            Recording("claude:counting_since_timestamp_seconds:max", f"max ({ledger.COST.since})"),
            *by_surface,
            Recording("claude:cost_usd:increase1h", "sum (surface:claude_cost_usd:increase1h)"),
            Recording("claude:cost_usd:increase7d", "sum (surface:claude_cost_usd:increase7d)"),
            window(ledger.COST, "surface_site", "claude_cost_usd", (m.SURFACE, m.CALL_SITE), "30m"),
            day_base(),
            spent_since("today", DAY_BASE),
            spent_since("month", month_base()),
            *(
                Recording(f"{level}:{each}", by(labels, f"surface_model:claude_cost_usd:{each}"))
                for each in ("today", "month")
                for level, labels in (("surface:claude_cost_usd", SURFACE), ("claude:cost_usd", ()))
            ),
            forecast("surface:claude_cost_usd"),
            forecast("claude:cost_usd"),
            per("call", "surface:claude_calls:increase1d"),
            window(ledger.OUTPUT_TOKENS, "surface", "claude_output_tokens", SURFACE, "1d"),
            per("output_token", "surface:claude_output_tokens:increase1d"),
        ),
    )


DAY_BASE = "surface_model:claude_cost_usd:at_day_start"
BY_MODEL = (m.SURFACE, m.RESPONSE_MODEL)


def day_base() -> Recording:
    """The total as it was when the day began; nothing when the book is younger."""
    expr = f"""\
last_over_time((
  {by(BY_MODEL, ledger.COST.total)}
  and on () (vector(time()) <= on () ({zone.DAY_START} @ end()))
)[{LONGEST_DAY}:{QUARTER}])
and on () ({ledger.COST.since} <= on () {zone.DAY_START})"""
    return Recording(DAY_BASE, expr, why="Midnight is met exactly: everywhere it is a multiple of 900 seconds")


def month_base() -> str:
    """The total as it was when the first day of the month began; nothing when the book is younger."""
    return f"""\
{DAY_BASE} and on () ({zone.DAY_START} == on () {zone.MONTH_START})
or
last_over_time((
  {DAY_BASE}
  and on () ({zone.DAY_START} <= on () ({zone.MONTH_START} @ end()))
)[{LONGEST_MONTH}:{HOUR}])
and on () ({ledger.COST.since} <= on () {zone.MONTH_START})"""


def spent_since(name: str, base: str) -> Recording:
    """What was spent since the total was `base`; all of it where there was no total yet."""
    total = by(BY_MODEL, ledger.COST.total)
    return Recording(
        f"surface_model:claude_cost_usd:{name}", f"{total}\n- (\n{indent(base, '  ')}\n  or\n  {total} * 0\n)"
    )


def forecast(level: str) -> Recording:
    """This month's cost when the rest of it goes on like the last 7 days; nothing in the first day of a book."""
    since = "claude:counting_since_timestamp_seconds:max"
    expr = f"""\
{level}:month
+ {level}:increase7d
  / on () group_left () clamp_max((time() - {since}) >= 1d, 7d)
  * on () group_left () ({zone.MONTH_END} - time())"""
    return Recording(f"{level}:month_forecast", expr)


def per(what: str, whole: str) -> Recording:
    """The cost of one call, or of one output token, in the last day."""
    return Recording(f"surface:claude_cost_per_{what}_usd:ratio1d", ratio("surface:claude_cost_usd:increase1d", whole))


def cache() -> Group:
    """How much of the input was read from the cache, what the misses cost, what the cache saved."""
    rules = []
    for length in ("1h", "7d"):
        read, every = (
            f"surface:claude_cache_read_tokens:increase{length}",
            f"surface:claude_input_tokens:increase{length}",
        )
        rules += [
            window(ledger.INPUT_TOKENS, "surface", "claude_input_tokens", SURFACE, length),
            window(ledger.CACHE_READ_TOKENS, "surface", "claude_cache_read_tokens", SURFACE, length),
            Recording(f"surface:claude_cache_hit:ratio{length}", ratio(f"({read} or {every} * 0)", every)),
        ]
    rules += [
        window(ledger.CACHE_WRITE_TOKENS, "surface", "claude_cache_write_tokens", SURFACE, "1h"),
        window(ledger.MISSED_COST, "surface_reason", "claude_missed_cost_usd", (m.SURFACE, m.MISS_REASON), "1h"),
        window(ledger.MISSED_COST, "surface_reason", "claude_missed_cost_usd", (m.SURFACE, m.MISS_REASON), "1d"),
        window(ledger.UNCACHED_COST, "surface", "claude_uncached_cost_usd", SURFACE, "1d"),
        Recording(
            "surface:claude_cache_saving_usd:increase1d",
            "surface:claude_uncached_cost_usd:increase1d - surface:claude_cost_usd:increase1d",
        ),
    ]
    return Group("claude-cache", tuple(rules))


def latency(config: Config) -> Group:
    """Quantiles of completed calls, and the share of calls over each latency budget."""
    completed = f'{m.DURATION}_bucket{{{m.OPERATION}="chat", {m.OUTCOME}="completed"}}'
    rules = [
        Recording(f"surface:claude_{name}_seconds:p{percent}_5m", quantile(percent / 100, SURFACE, bucket, "5m"))
        for name, bucket in (
            ("duration", completed),
            ("time_to_first_text", f"{m.FIRST_TEXT}_bucket"),
            ("time_per_output_token", f"{m.PER_TOKEN}_bucket"),
        )
        for percent in (50, 95, 99)
    ]
    for budget in latency_budgets(config):
        rules += shares(budget)
        rules.append(no_bucket(budget))
    return Group("claude-latency", tuple(rules))


def shares(budget: LatencyBudget) -> list[Recording]:
    """The share of calls over a budget in each window, exact as the budget is a bucket edge."""
    rules = []
    named = {m.SURFACE: budget.surface, "budget": budget.key}
    surface = f"{m.SURFACE}={quoted(budget.surface)}"
    for length in BURN_WINDOWS:
        every = increase(budget.row, SURFACE, length, f'{surface}, le="+Inf"')
        within = increase(budget.row, SURFACE, length, f'{surface}, le!="+Inf"')
        calls = f"surface_budget:claude_latency_calls:increase{length}"
        inside = f"surface_budget:claude_latency_calls_within:increase{length}"
        mine = f'{{{surface}, budget="{budget.key}"}}'
        rules += [
            Recording(calls, every, named),
            Recording(inside, within, named),
            Recording(
                f"surface_budget:claude_latency_over_budget:ratio{length}",
                f"1 - {inside}{mine} / ({calls}{mine} > 0)",
                named,
            ),
        ]
    return rules


def no_bucket(budget: LatencyBudget) -> Recording:
    """The processes that have the histogram but no bucket that ends at the budget."""
    surface = f"{m.SURFACE}={quoted(budget.surface)}"
    inner = f"""\
{by((*m.INSTANCE, m.SURFACE), f"{budget.histogram}_count{{{surface}}}", "group")}
unless
{by((*m.INSTANCE, m.SURFACE), f"{budget.histogram}_bucket{{{surface}, le=~{edge(budget.edge)}}}", "group")}"""
    return Recording(
        "job_surface_budget:claude_instances_without_bucket:count",
        by((m.JOB, m.SURFACE), inner, "count"),
        {m.SURFACE: budget.surface, "budget": budget.key},
    )


def presence(config: Config) -> Group:
    """Which processes report calls that are no batch work."""
    batch = [name for name, surface in config.surfaces.items() if surface.kind == "batch"]
    matcher = f"{{{m.SURFACE}!~{any_of(batch)}}}" if batch else ""
    return Group(
        "claude-presence",
        (Recording("job_instance:claude_reporting_series:count", by(m.INSTANCE, f"{m.CALLS}{matcher}", "count")),),
    )


def normal(config: Config) -> Group:
    """What claude-otel.yaml says is normal, as series that alerts and dashboards compare with."""
    rules = []
    for name, value in (("daily", config.budgets.daily_usd), ("monthly", config.budgets.monthly_usd)):
        rules += constant(f"claude:budget_usd:{name}", value)
    for surface_name, surface in config.surfaces.items():
        labels = {m.SURFACE: surface_name}
        rules += constant("surface:claude_budget_usd:daily", surface.daily_usd, labels)
        rules += constant("surface:claude_budget_usd:monthly", surface.monthly_usd, labels)
        rules += constant("surface:claude_failures_allowed:ratio", allowed(surface.availability), labels)
        rules += constant("surface:claude_cache_hit_target:ratio", share_of(surface.cache_hit_ratio), labels)
    for budget in latency_budgets(config):
        labels = {m.SURFACE: budget.surface, "budget": budget.key}
        rules += constant("surface_budget:claude_latency_budget:value", budget.value, labels)
        rules += constant("surface_budget:claude_latency_over_budget_allowed:ratio", allowed(budget.within), labels)
    return Group("claude-normal", tuple(rules))


def constant(record: str, value: float | None, labels: dict[str, str] | None = None) -> list[Recording]:
    """A rule that records `value`, none when there is none."""
    return [] if value is None else [Recording(record, f"vector({number(value)})", labels or {})]


def share_of(percent: float | None) -> float | None:
    """`percent` as a share of one."""
    return None if percent is None else round(percent / 100, 6)


def allowed(percent: float | None) -> float | None:
    """What is left to 100 percent, as a share of one."""
    return None if percent is None else round(1 - percent / 100, 6)
