"""Answers that came, and are not what was asked for."""

from __future__ import annotations

from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.alert import Alert, of, percent
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.promql import number

STOPS = "surface_stop:claude_calls:ratio1h"


def alerts(config: Config) -> list[Alert]:
    """The alerts on answers."""
    return [streams_cut(config), cut_at_max_tokens(config), refusals(config)]


def streams_cut(config: Config) -> Alert:
    limit, floor = config.limits.streams_cut, config.limits.floor.calls
    return Alert(
        "ClaudeStreamsCut", "ticket", "answers",
        f"""\
surface_outcome:claude_calls:ratio1h{{{m.OUTCOME}="truncated"}} > {number(limit / 100)}
and on ({m.SURFACE})
sum by ({m.SURFACE}) (surface_outcome:claude_calls:increase1h) >= {floor}""",
        "10m", "One restart of a proxy cuts many streams at once; ten minutes later the next hour's share counts.",
        f"{of(m.SURFACE)}: {percent()} of the answers of the last hour were cut off before their end",
        "The server or the network ended the stream without its last event. Users see half an answer, and the SDK "
        "raises nothing.",
        f"over {number(limit)} % of a surface's calls in 1 h are cut streams; {floor} calls or more",
        dashboard="claude-calls",
    )  # fmt: skip


def stopped(name: str, reason: str, limit: float, floor: int, summary: str, description: str, when: str) -> Alert:
    """An alert on the share of answers with one stop reason."""
    return Alert(
        name, "ticket", "answers",
        f"""\
{STOPS}{{{m.STOP_REASON}="{reason}"}} > {number(limit / 100)}
and on ({m.SURFACE})
surface:claude_answers:increase1h >= {floor}""",
        "15m", "The window is an hour already; a quarter of an hour more leaves out one odd job.",
        summary, description, f"over {number(limit)} % of a surface's answers in 1 h {when}; {floor} answers or more",
        dashboard="claude-calls",
    )  # fmt: skip


def cut_at_max_tokens(config: Config) -> Alert:
    return stopped(
        "ClaudeAnswersCutAtMaxTokens", "max_tokens", config.limits.max_tokens_stops, config.limits.floor.calls,
        f"{of(m.SURFACE)}: {percent()} of the answers of the last hour stop in the middle, at max_tokens",
        "`max_tokens` of the request is too small for what is asked, or a prompt now makes answers longer.",
        "end with `max_tokens`",
    )  # fmt: skip


def refusals(config: Config) -> Alert:
    return stopped(
        "ClaudeRefusals", "refusal", config.limits.refusals, config.limits.floor.calls,
        f"{of(m.SURFACE)}: Claude refuses {percent()} of the requests of the last hour",
        "A new prompt or model, or somebody who tries things. A refusal is a 200: no error counts it.",
        "are refusals",
    )  # fmt: skip
