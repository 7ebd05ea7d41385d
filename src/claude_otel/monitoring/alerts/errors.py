"""Calls that fail: of a surface, of everything, for good."""

from __future__ import annotations

from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.alert import AT_ONCE, Alert, of, percent
from claude_otel.monitoring.alerts.burn import burn
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.promql import number
from claude_otel.monitoring.recording import NO_FAILURE

AUTHENTICATION = '"authentication_error|permission_error|401|403"'
NOT_FOUND = '"not_found_error|404"'


def alerts(config: Config) -> list[Alert]:
    """The alerts on errors."""
    return [error_rate(config), availability(config), storm(config), authentication(config), model_gone(config)]


def error_rate(config: Config) -> Alert:
    limit, floor = config.limits.error_ratio, config.limits.floor.calls
    return Alert(
        "ClaudeErrorRateHigh", "page", "errors",
        f"""\
surface_blame:claude_calls:ratio5m{{{m.BLAME}!~{NO_FAILURE}}} > {number(limit / 100)}
and on ({m.SURFACE})
surface:claude_calls:increase5m >= {floor}""",
        "3m", "Three evaluations over a window of 5 minutes: one bad export or one burst of retries is over by then.",
        f"{of(m.SURFACE)}: {percent()} of the calls of the last 5 minutes failed, blame: {of(m.BLAME)}",
        "provider: Anthropic's side, see status.claude.com. quota: a rate limit. budget: a spend limit. caller: our "
        "own requests are wrong. network, timeout: the way there.",
        f"over {number(limit)} % of a surface's calls in 5 min fail by one blame; {floor} calls or more",
        # Longer than the burn of the budget that follows from it, which would be a second page after the trouble.
        keep_firing_for="35m",
    )  # fmt: skip


def availability(config: Config) -> Alert:
    limits = config.limits
    return Alert(
        "ClaudeAvailabilityBudgetBurn", "page", "errors",
        burn(
            "surface:claude_calls_failed:ratio", "surface:claude_failures_allowed:ratio", "surface:claude_calls:increase",
            (m.SURFACE,), limits.availability_burn.fast, limits.availability_burn.slow, limits.floor.calls,
        ),
        "5m", "Longer than ClaudeErrorRateHigh takes: of a surface that fails at once, that one page is enough.",
        f"{of(m.SURFACE)}: {percent()} of its calls fail, which uses its error budget up too fast",
        "Failures by our own or the provider's fault, over an hour and still, or over six hours and still, against "
        "`availability` of the surface in claude-otel.yaml.",
        f"failed calls burn `availability` of a surface {number(limits.availability_burn.fast)} times too fast over 1 h "
        f"and 5 min, or {number(limits.availability_burn.slow)} times over 6 h and 30 min; {limits.floor.calls} calls",
        keep_firing_for="5m",
    )  # fmt: skip


def storm(config: Config) -> Alert:
    limit, floor = config.limits.overloaded_ratio, config.limits.floor.calls
    return Alert(
        "ClaudeOverloadedStorm", "page", "errors",
        f"""\
claude:overloaded_attempts:ratio5m >= {number(limit / 100)}
and on ()
claude:attempts:increase5m >= {floor}""",
        "2m", "Overload comes in bursts of seconds that retries ride out; two minutes are a storm.",
        f"Claude's API answers {percent()} of all attempts with 529 (overloaded)",
        "The provider is overloaded; every surface suffers, and its own alerts are silenced. Retries cost latency "
        "first. See status.claude.com.",
        f"{number(limit)} % or more of all attempts in 5 min end with 529; {floor} attempts or more",
        # Longer than any page that it silences goes on afterwards.
        keep_firing_for="45m",
    )  # fmt: skip


def authentication(config: Config) -> Alert:
    limit = config.limits.authentication_failures
    return Alert(
        "ClaudeAuthenticationFailing", "page", "errors",
        f"sum by ({m.JOB}) (job_model_error:claude_calls:increase10m{{{m.ERROR_TYPE}=~{AUTHENTICATION}}}) >= {limit}",
        AT_ONCE, "A key that is refused does not heal by itself, and the count already spans 10 minutes.",
        f'{of(m.JOB)}: {{{{ printf "%.0f" $value }}}} calls in 10 minutes were refused for their API key',
        "The API answers 401 or 403: the key was revoked, expired, or lacks the permission. Nothing works until it is "
        "replaced.",
        f"{limit} or more calls of a service refused with 401 or 403 within 10 min",
        keep_firing_for="10m",
    )  # fmt: skip


def model_gone(config: Config) -> Alert:
    limit = config.limits.model_gone_calls
    return Alert(
        "ClaudeModelGone", "page", "errors",
        f"""\
sum by ({m.PROVIDER}, {m.REQUEST_MODEL}) (
  job_model_error:claude_calls:increase10m{{{m.ERROR_TYPE}=~{NOT_FOUND}}}
) >= {limit}""",
        AT_ONCE, "A model that is not found is retired or misspelled: no call of it will succeed.",
        f'{{{{ printf "%.0f" $value }}}} calls in 10 minutes asked for {of(m.REQUEST_MODEL)}, which {of(m.PROVIDER)} does not have',
        "The API answers 404: the model has retired, its name is wrong, or this account may not use it.",
        f"{limit} or more calls for a model refused with 404 within 10 min",
        dashboard="claude-calls", keep_firing_for="15m",
    )  # fmt: skip
