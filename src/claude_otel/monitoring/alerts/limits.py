"""Rate limits, and retries."""

from __future__ import annotations

from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.alert import Alert, of, percent
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.promql import number


def alerts(config: Config) -> list[Alert]:
    """The alerts on limits."""
    return [headroom(config), retries(config)]


def headroom(config: Config) -> Alert:
    limit, floor = config.limits.rate_limit_headroom, config.limits.floor.calls
    return Alert(
        "ClaudeRateLimitHeadroomLow", "ticket", "limits",
        f"""\
model_limit:claude_rate_limit_headroom:min5m < {number(limit / 100)}
and on ({m.PROVIDER}, {m.REQUEST_MODEL})
model:claude_calls:increase30m >= {floor}""",
        "10m", "A limit refills within a minute: low for ten minutes is the level of traffic, not a burst.",
        f"{of(m.REQUEST_MODEL)}: only {percent()} of the rate limit on {of(m.LIMIT_TYPE)} is left",
        "Near zero, calls are refused with 429. Cache reads do not count towards input tokens, so a broken cache shows "
        "here first.",
        f"under {number(limit)} % of a rate limit left, averaged over 5 min; {floor} calls of the model in 30 min",
        dashboard="claude-calls", keep_firing_for="10m",
    )  # fmt: skip


def retries(config: Config) -> Alert:
    limit, floor = config.limits.attempts_per_call, config.limits.floor.calls
    return Alert(
        "ClaudeRetryAmplification", "ticket", "limits",
        f"""\
model:claude_attempts_per_call:ratio30m > {number(limit)}
and on ({m.PROVIDER}, {m.REQUEST_MODEL})
model:claude_calls:increase30m >= {floor}""",
        "10m", "The window is half an hour; ten minutes more leave out what a short overload added.",
        f'{of(m.REQUEST_MODEL)}: each call takes {{{{ printf "%.1f" $value }}}} attempts',
        "Retries hide errors from users, cost time, and add to the load that causes them.",
        f"over {number(limit)} attempts for each call of a model in 30 min; {floor} calls or more",
        dashboard="claude-calls", keep_firing_for="10m",
    )  # fmt: skip
