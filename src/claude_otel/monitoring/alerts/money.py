"""Money: budgets of the day and the month, forecasts, jumps, loops, the provider's own limit."""

from __future__ import annotations

from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.alert import AT_ONCE, Alert, Severity, looked_up, of, usd
from claude_otel.monitoring.config import Config, Runaway, Spike
from claude_otel.monitoring.promql import any_of, number, quoted

WHO = f"{{{{ with $labels.{m.SURFACE} }}}}{{{{ . }}}}{{{{ else }}}}All calls together{{{{ end }}}}"

LEVELS: tuple[tuple[int, Severity], ...] = ((50, "info"), (80, "ticket"), (100, "page"))


def alerts(config: Config) -> list[Alert]:
    """The alerts on money."""
    return [
        *(daily(level, severity) for level, severity in LEVELS),
        *(monthly(level, severity) for level, severity in LEVELS),
        forecast(),
        spend_limit(),
        runaway(config),
        spike(config),
    ]


def over(cost: str, budget: str, share: float) -> str:
    """When what all, or one surface, cost is at least `share` of its budget."""
    limit = "" if share == 1 else f"{number(share)} * "
    return f"""\
claude:cost_usd:{cost} >= on () {limit}claude:budget_usd:{budget}
or
surface:claude_cost_usd:{cost} >= on ({m.SURFACE}) {limit}surface:claude_budget_usd:{budget}"""


def budget_of(period: str) -> str:
    """Template of the budget that is meant."""
    one = looked_up(f"surface:claude_budget_usd:{period}", (m.SURFACE,), 'printf "%.2f"')
    whole = looked_up(f"claude:budget_usd:{period}", (), 'printf "%.2f"')
    return f"${{{{ if $labels.{m.SURFACE} }}}}{one}{{{{ else }}}}{whole}{{{{ end }}}}"


def daily(level: int, severity: Severity) -> Alert:
    return Alert(
        f"ClaudeDailyBudget{level}", severity, "money",
        over("today", "daily", level / 100),
        AT_ONCE, "The sum only grows, and what is spent is spent.",
        f"{WHO} cost {usd()} today, {level} % or more of the daily budget of {budget_of('daily')}",
        "Since midnight in the time zone of claude-otel.yaml. It resolves at midnight.",
        f"today's cost is {level} % or more of `daily_usd`, of the whole or of a surface",
        dashboard="claude-cost",
    )  # fmt: skip


def monthly(level: int, severity: Severity) -> Alert:
    return Alert(
        f"ClaudeMonthlyBudget{level}", severity, "money",
        over("month", "monthly", level / 100),
        AT_ONCE, "The sum only grows, and what is spent is spent.",
        f"{WHO} cost {usd()} this month, {level} % or more of the monthly budget of {budget_of('monthly')}",
        "Since the first of the month in the time zone of claude-otel.yaml. It resolves when the next one begins.",
        f"this month's cost is {level} % or more of `monthly_usd`, of the whole or of a surface",
        dashboard="claude-cost",
    )  # fmt: skip


def forecast() -> Alert:
    return Alert(
        "ClaudeBudgetForecast", "ticket", "money",
        f"""\
claude:cost_usd:month_forecast > on () claude:budget_usd:monthly
or
surface:claude_cost_usd:month_forecast > on ({m.SURFACE}) surface:claude_budget_usd:monthly""",
        "6h", "The forecast rests on a week: what is still true after six hours is no burst.",
        f"{WHO} will cost {usd()} by the end of the month, over the monthly budget of {budget_of('monthly')}",
        "What this month cost so far, and the rest of it at the rate of the last 7 days (or since counting began, "
        "after a day at least).",
        "month's cost so far, and the rest of it at the rate of the last 7 days, is over `monthly_usd`",
        dashboard="claude-cost",
    )  # fmt: skip


def spend_limit() -> Alert:
    return Alert(
        "ClaudeSpendLimitReached", "page", "money",
        f'sum by ({m.SURFACE}) (surface_blame:claude_calls:increase5m{{{m.BLAME}="budget"}}) >= 1',
        AT_ONCE, "From the first such answer on every call is refused.",
        f'{of(m.SURFACE)}: {{{{ printf "%.0f" $value }}}} calls in 5 minutes were refused: the spend limit at the provider is reached',
        "The API answers that a spend limit is reached or the credit is used up. It stays so until the limit is raised "
        "or its period ends.",
        "any call refused for a spend limit within 5 min",
        # Longer than the error rate that it silences goes on afterwards.
        dashboard="claude-cost", keep_firing_for="45m",
    )  # fmt: skip


def runaway(config: Config) -> Alert:
    own = {name: surface.runaway for name, surface in config.surfaces.items() if surface.runaway}
    series = "surface_site:claude_cost_usd:increase30m"

    def one(matcher: str, limit: Runaway) -> str:
        return f"{series}{matcher} * 2 > {number(limit.usd_per_hour)}"

    return Alert(
        "ClaudeRunawaySpending", "page", "money",
        "\nor\n".join([one(others(own), config.limits.runaway), *(one(only(name), each) for name, each in own.items())]),
        "2m", "Half an hour of spending is in the window already; two minutes are for a single late export.",
        f"{of(m.CALL_SITE)} of {of(m.SURFACE)} spends {usd()} an hour",
        "Over the last half hour. One call site that spends like this is most often a loop: an agent that does not "
        "end, a retry around a retry, a job that was started twice.",
        f"one call site of a surface spends over ${number(config.limits.runaway.usd_per_hour)} an hour, over 30 min",
        # With its own window longer than the hour of the spike that it silences.
        dashboard="claude-cost", keep_firing_for="35m",
    )  # fmt: skip


def spike(config: Config) -> Alert:
    own = {name: surface.spike for name, surface in config.surfaces.items() if surface.spike}
    series = "surface:claude_cost_usd:increase1h"

    def one(matcher: str, limit: Spike) -> str:
        week_ago = f"last_over_time({series}{matcher}[30m] offset 7d)"
        return f"""\
(
  {series}{matcher} > {number(limit.times)} * {week_ago}
  and {series}{matcher} >= {number(limit.at_least_usd)}
)"""

    limit = config.limits.spike
    return Alert(
        "ClaudeCostSpike", "ticket", "money",
        "\nor\n".join([one(others(own), limit), *(one(only(name), each) for name, each in own.items())]),
        "15m", "A quarter of an hour over an hour's window: a batch that started a little earlier is through by then.",
        f"{of(m.SURFACE)} cost {usd()} in the last hour, over "
        f"{number(limit.times)} times the same hour last week" if not own else
        f"{of(m.SURFACE)} cost {usd()} in the last hour, many times the same hour last week",
        "Against the same hour of the same weekday, so that daily and weekly rhythms do not count as spikes.",
        f"a surface's cost in 1 h is over {number(limit.times)} times that of the same hour last week, and "
        f"${number(limit.at_least_usd)} or more",
        dashboard="claude-cost",
    )  # fmt: skip


def only(surface: str) -> str:
    """The matcher of one surface."""
    return f"{{{m.SURFACE}={quoted(surface)}}}"


def others(own: object) -> str:
    """The matcher of all surfaces but those that have limits of their own."""
    names = sorted(own) if isinstance(own, dict) else []
    return f"{{{m.SURFACE}!~{any_of(names)}}}" if names else ""
