"""Errors and limits: who is to blame, what retries hide, what is left of rate limits, which answers are no answers."""

from __future__ import annotations

from claude_otel import telemetry as t
from claude_otel.monitoring import ledger, models
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.dashboards.panel import BLAMES, Board, Column, Panel, Query, Row, Word
from claude_otel.monitoring.dashboards.queries import FAILED, counted, follow, raw, recorded, spent
from claude_otel.monitoring.promql import by, number, on

LEGEND = f"{{{{{m.SURFACE}}}}}"
MODEL = (m.PROVIDER, m.REQUEST_MODEL)
RECOVERED = f'{m.RETRIED}="true", {m.BLAME}="none"'


def board(config: Config) -> Board:
    """The dashboard."""
    return Board(
        "claude-calls",
        "Claude: errors and limits",
        "Who is to blame for calls that fail, what retries hide, what is left of rate limits, which answers are no answers.",
        (
            Row(4, ((4, failed_share(config)), (4, failed()), (4, recovered()), (4, attempts_per_call(config)), (4, backed_off()), (4, overloaded(config)))),
            Row(8, ((8, by_blame()), (8, by_status()), (8, outcome_of_retries()))),
            Row(9, ((12, types()), (12, waits())), "What failed"),
            Row(8, ((10, headroom(config)), (14, limits(config))), "Rate limits"),
            Row(8, ((6, cut(config)), (6, shortened(config)), (6, refused(config)), (6, retiring(config))), "Answers, and models"),
        ),
    )  # fmt: skip


def failed_share(config: Config) -> Panel:
    """The share that failed."""
    every, bad = spent(ledger.CALLS, ()), spent(ledger.CALLS, (), more=FAILED)
    limit = config.limits.error_ratio / 100
    return Panel(
        "Failed calls", "stat", (Query(f"(({bad}) or ({every}) * 0)\n/\n(({every}) > 0)"),),
        "Calls of the time range whose last attempt failed, of all calls. Cancelled and refused ones are no failures.",
        f"Below {number(config.limits.error_ratio)} % (`limits.error_ratio`), and of each surface below what its `availability` allows.",
        "See who is to blame below.",
        unit="percentunit", decimals=2, steps=((limit / 2, "orange"), (limit, "red")), nothing="No calls",
        boards=("claude-oncall",), alerts=("ClaudeErrorRateHigh",),
    )  # fmt: skip


def failed() -> Panel:
    """How many failed."""
    bad, every = spent(ledger.CALLS, (), more=FAILED), spent(ledger.CALLS, ())
    return Panel(
        "Failures that users saw", "stat", (Query(f"({bad}) or ({every}) * 0"),),
        "Calls of the time range that failed after all their attempts: the application got an exception or half a stream.",
        "0", "See the table of types below, and `claude-otel calls` for their request ids.",
        unit="none", decimals=0, steps=((1, "orange"),), nothing="No calls", alerts=("ClaudeErrorRateHigh",),
    )  # fmt: skip


def recovered() -> Panel:
    """What retries hid."""
    came, every = spent(ledger.CALLS, (), more=RECOVERED), spent(ledger.CALLS, ())
    return Panel(
        "Recovered by a retry", "stat", (Query(f"({came}) or ({every}) * 0"),),
        "Calls of the time range that failed at first and came through: users saw nothing but the wait.",
        "Few. Each cost its back-off.", "Many: see the attempts by status; it is the API or a limit.",
        unit="none", decimals=0, nothing="No calls", alerts=("ClaudeRetryAmplification",),
    )  # fmt: skip


def attempts_per_call(config: Config) -> Panel:
    """How many attempts a call takes."""
    limit = config.limits.attempts_per_call
    per = f"{by((), recorded('model:claude_attempts:increase30m'))}\n/\n({by((), recorded('model:claude_calls:increase30m'))} > 0)"
    return Panel(
        "Attempts for a call, 30 min", "stat", (Query(per),),
        "HTTP requests for each call of the last half hour. 1 is none repeated.",
        f"Near 1; above {number(limit)} (`limits.attempts_per_call`) there is an alert.", "See which status is repeated.",
        unit="none", decimals=2, steps=((1.1, "orange"), (limit, "red")), nothing="No calls",
        alerts=("ClaudeRetryAmplification",),
    )  # fmt: skip


def backed_off() -> Panel:
    """Time slept."""
    return Panel(
        "Waited before retries, 1 h", "stat", (Query(counted(t.BACKOFF_METRIC, (), "1h")),),
        "Seconds that calls slept between attempts in the last hour, all together.",
        "Seconds.", "It is latency that users had: see by what it was caused below.",
        unit="s", decimals=1, nothing="0 s", alerts=("ClaudeRetryAmplification",),
    )  # fmt: skip


def overloaded(config: Config) -> Panel:
    """The share of 529."""
    limit = config.limits.overloaded_ratio / 100
    return Panel(
        "529 (overloaded), 5 min", "stat", (Query("claude:overloaded_attempts:ratio5m"),),
        "Attempts of the last 5 minutes that the API answered with 529, of all attempts.",
        f"0. From {number(config.limits.overloaded_ratio)} % on it is a storm, and pages.",
        "Nothing of yours causes it: see status.claude.com, use the fallback, batch what can wait.",
        unit="percentunit", decimals=1, steps=((0.01, "orange"), (limit, "red")), nothing="No attempts",
        alerts=("ClaudeOverloadedStorm",),
    )  # fmt: skip


def by_blame() -> Panel:
    """Failures by blame."""
    return Panel(
        "Failed calls in 5 minutes, by who is to blame", "curves",
        (Query(by((m.BLAME,), recorded("surface_blame:claude_calls:increase5m", FAILED)), f"{{{{{m.BLAME}}}}}"),),
        "Calls that failed in the 5 minutes before each point, exactly.",
        "Nothing here.", "Red is Anthropic's side, orange a rate limit, purple a spend limit, yellow our own requests.",
        unit="calls", words=BLAMES, stacked=True, nothing="No call has failed", boards=("claude-oncall",),
        alerts=("ClaudeErrorRateHigh", "ClaudeAuthenticationFailing"),
    )  # fmt: skip


def by_status() -> Panel:
    """529 and 429 apart."""
    return Panel(
        "Attempts that failed in 5 minutes, by status", "curves",
        (Query(recorded("status:claude_attempts:increase5m", f'{m.STATUS}!~"2.."'), f"{{{{{m.STATUS}}}}}"),),
        "HTTP requests of the 5 minutes before each point that were not answered with 2xx, retried ones included. 529 is the "
        "API's overload, 429 is your own limit; `none` is no answer at all.",
        "Nothing here, or a few that retries hide.", "529: wait, or fall back. 429: spread the load, or ask for more.",
        unit="attempts", stacked=True, nothing="No attempt has failed",
        words={"529": Word("529 overloaded", "red"), "429": Word("429 limited", "orange"), "none": Word("no answer", "blue")},
        alerts=("ClaudeOverloadedStorm",),
    )  # fmt: skip


def outcome_of_retries() -> Panel:
    """What retries made of it."""
    return Panel(
        "Retried calls in 5 minutes: recovered, or failed all the same", "curves",
        (
            Query(spent(ledger.CALLS, (), "5m", RECOVERED), "recovered"),
            Query(spent(ledger.CALLS, (), "5m", f'{m.RETRIED}="true", {FAILED}'), "failed all the same"),
            Query(spent(ledger.CALLS, (), "5m", f'{m.RETRIED}="false", {FAILED}'), "failed without a retry"),
        ),
        "What became of calls whose first attempt failed, and of those that failed and were not tried again.",
        "Recovered above failed.", "Failed all the same: more attempts will not help while it lasts; use the fallback.",
        unit="calls", stacked=True, nothing="No call was retried",
        words={
            "recovered": Word("recovered", "green"), "failed all the same": Word("failed all the same", "red"),
            "failed without a retry": Word("failed without a retry", "yellow"),
        },
        alerts=("ClaudeRetryAmplification",),
    )  # fmt: skip


def types() -> Panel:
    """Every kind of failure."""
    labels = (m.BLAME, m.ERROR_TYPE, m.REQUEST_MODEL)
    return Panel(
        "Failed calls in the time range, by type", "table",
        (Query(f"sort_desc(topk(12,\n{spent(ledger.CALLS, labels, more=FAILED)}\n) > 0)"),),
        "Calls that failed, by who is to blame, the API's error type (else the status, or what happened) and the model.",
        "An empty table.", "Request ids of each: `claude-otel calls --blame BLAME`. 401 and 403: a key. 404: a model that retired.",
        columns=(
            Column(m.BLAME, "Blame"), Column(m.ERROR_TYPE, "Type"), Column(m.REQUEST_MODEL, "Model"),
            Column("A", "Calls", "none", width=80, decimals=0),
        ),
        words=BLAMES, nothing="No call has failed",
        alerts=("ClaudeAuthenticationFailing", "ClaudeModelGone", "ClaudeSpendLimitReached"),
    )  # fmt: skip


def waits() -> Panel:
    """Back-off by what caused it."""
    labels = (m.STATUS,)
    return Panel(
        "Waited before retries in the hour before, by status", "curves",
        (Query(counted(t.BACKOFF_METRIC, labels, "1h"), f"{{{{{m.STATUS}}}}}"),),
        "Seconds that calls slept in the hour before each point, by the status that they slept for.",
        "Near zero.", "A large `retry-after` is honoured by the SDK: give calls a timeout of their own.",
        unit="s", stacked=True, nothing="No call has waited",
        words={"529": Word("529 overloaded", "red"), "429": Word("429 limited", "orange"), "none": Word("no answer", "blue")},
        alerts=("ClaudeRetryAmplification",),
    )  # fmt: skip


def headroom(config: Config) -> Panel:
    """What is left, over time."""
    limit = config.limits.rate_limit_headroom / 100
    return Panel(
        "Left of the scarcest rate limit of each type", "curves",
        (Query(by((m.LIMIT_TYPE,), recorded("model_limit:claude_rate_limit_headroom:min5m"), "min"), f"{{{{{m.LIMIT_TYPE}}}}}"),),
        "What remained of each rate limit, on the model where it was least, averaged over 5 minutes: its trend is what counts.",
        f"Above {number(config.limits.rate_limit_headroom)} % (`limits.rate_limit_headroom`).",
        "Falling: spread the load, cache (reads do not count to input tokens), or ask Anthropic for more.",
        unit="percentunit", most=1, base="red", steps=((limit, "transparent"),), nothing="No limits were told",
        alerts=("ClaudeRateLimitHeadroomLow",),
    )  # fmt: skip


def limits(config: Config) -> Panel:
    """Every limit now."""
    labels = (m.PROVIDER, m.REQUEST_MODEL, m.LIMIT_TYPE)
    left = recorded("model_limit:claude_rate_limit_headroom:min5m")
    return Panel(
        "Rate limits now", "table",
        (
            Query(by(labels, raw(t.REMAINING_METRIC), "min")),
            Query(by(labels, raw(t.LIMIT_METRIC), "max")),
            Query(by(labels, left, "min")),
            Query(f"{by(labels, left, 'min')}\n- {on(labels)} {by(labels, f'{left} offset 1h', 'min')}"),
        ),
        "What the last answers said remains of each limit and what it is; the share averaged over 5 minutes, and how that "
        "has changed in an hour.",
        "Much is left, and it does not fall.", "Requests are calls a minute; input tokens leave out cache reads.",
        columns=(
            Column(m.REQUEST_MODEL, "Model"), Column(m.LIMIT_TYPE, "Limit on"),
            Column("A", "Left", "short", width=90, decimals=1), Column("B", "Of", "short", width=90, decimals=1),
            Column("C", "Share", "percentunit", ((share_of(config), "text"),), 80, 1, "red"),
            Column("D", "In an hour", "percentunit", width=95, decimals=1),
        ),
        nothing="No limits were told", alerts=("ClaudeRateLimitHeadroomLow",),
    )  # fmt: skip


def share_of(config: Config) -> float:
    """The least that should be left of a rate limit."""
    return config.limits.rate_limit_headroom / 100


def cut(config: Config) -> Panel:
    """Streams that were cut."""
    limit = config.limits.streams_cut
    return Panel(
        "Streams cut, of the calls of the hour before", "curves",
        (Query(recorded("surface_outcome:claude_calls:ratio1h", f'{m.OUTCOME}="truncated"'), LEGEND),),
        "Calls whose stream ended before its end: users see half an answer, and the SDK raises nothing.",
        f"Below {number(limit)} % (`limits.streams_cut`).", "Proxies and load balancers that end long responses; else the provider.",
        unit="percentunit", steps=((limit / 100, "red"),), nothing="No stream was cut", alerts=("ClaudeStreamsCut",),
    )  # fmt: skip


def shortened(config: Config) -> Panel:
    """Answers at max_tokens."""
    limit = config.limits.max_tokens_stops
    return Panel(
        "Answers cut at max_tokens, of the hour before", "curves",
        (Query(recorded("surface_stop:claude_calls:ratio1h", f'{m.STOP_REASON}="max_tokens"'), LEGEND),),
        "Answers that reached `max_tokens` and are not finished.",
        f"Below {number(limit)} % (`limits.max_tokens_stops`).", "Raise `max_tokens` of that surface, or ask for shorter answers.",
        unit="percentunit", steps=((limit / 100, "red"),), nothing="No answer was cut", alerts=("ClaudeAnswersCutAtMaxTokens",),
    )  # fmt: skip


def refused(config: Config) -> Panel:
    """Refusals."""
    limit = config.limits.refusals
    return Panel(
        "Refusals, of the answers of the hour before", "curves",
        (Query(recorded("surface_stop:claude_calls:ratio1h", f'{m.STOP_REASON}="refusal"'), LEGEND),),
        "Answers that are a refusal. They are no errors, and those without output cost nothing.",
        f"Below {number(limit)} % (`limits.refusals`).", "A prompt or a model changed, or somebody is trying things.",
        unit="percentunit", steps=((limit / 100, "red"),), nothing="No answer was refused", alerts=("ClaudeRefusals",),
    )  # fmt: skip


def retiring(config: Config) -> Panel:
    """Models in use that retire."""
    retirement = f"{models.RETIREMENT}{{{follow([m.REQUEST_MODEL])}}}"
    used = f"{recorded('model:claude_calls:increase1d')} > 0"
    rules = config.models
    return Panel(
        "Models in use that retire", "table",
        (Query(f"sort(({retirement} - time()) / 86400\nand {on(MODEL)} ({used}))"),),
        "Days until a model that was called in the last 24 hours retires, where a date is announced.",
        f"An empty table, or more than {rules.retiring_ticket_days} days.", "Move: every call of a retired model fails with 404.",
        columns=(
            Column(m.REQUEST_MODEL, "Model"),
            Column("A", "Days", "none", ((rules.retiring_page_days, "orange"), (rules.retiring_ticket_days, "text")), 70, 0, "red"),
        ),
        nothing="No model in use retires", alerts=("ClaudeModelRetiring", "ClaudeModelRetiringSoon", "ClaudeUnpinnedModel"),
    )  # fmt: skip
