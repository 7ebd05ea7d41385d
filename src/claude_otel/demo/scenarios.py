"""What can go wrong in the demo: the faults of the API, the bug of the application, and what to make of the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from claude_otel.cli.fmt import percent, plural, tokens, usd
from claude_otel.cli.report import Report

Rule = dict[str, Any]
"""A rule of the fake API's script."""

ANSWERS: tuple[Rule, ...] = (
    {"answer": {"output_tokens": 1500, "thinking_tokens": 500}, "text": "weekly report"},
    {"answer": {"tool_use": True}, "text": "Refund order"},
    {"answer": {"output_tokens": 80}, "model": "claude-sonnet-*"},
    {"answer": {"output_tokens": 30}, "model": "claude-haiku-*"},
)
"""How long the answers of the three surfaces are."""


@dataclass(frozen=True)
class Scenario:
    """A play: what it is called, what goes wrong in it, and two lines on what was seen and what to do."""

    summary: str
    verdict: Callable[[Report], tuple[str, str]]
    faults: tuple[Rule, ...] = ()
    bug: str | None = None


def all_well(report: Report) -> tuple[str, str]:
    """Nothing went wrong."""
    saved = usd(report.uncached_cost - report.cost)
    return (
        f"{plural(report.calls, 'call')} of {plural(len(report.surfaces.values), 'surface')} for {usd(report.cost)}; "
        f"the cache gave {percent(report.hit_ratio)} of the input and saved {saved}.",
        "break something: claude-otel demo --scenario outage. Or see your own program: claude-otel run python app.py",
    )


def outage(report: Report) -> tuple[str, str]:
    """The provider is to blame."""
    failed = int(report.blames.values.get("provider", 0))
    ids = [trouble.request_ids[-1] for trouble in report.troubles.values.values() if trouble.request_ids]
    return (
        f"{plural(failed, 'call')} failed by fault of the provider (529 and cut streams); "
        f"{report.recovered} of {report.retried} retried came through.",
        "it is not you: look at https://status.claude.com, send support the request ids "
        f"({', '.join(ids[:2])}), and answer from a fallback.",
    )


def cache_break(report: Report) -> tuple[str, str]:
    """The application breaks its own cache."""
    miss = report.misses["system_changed"]
    return (
        f"the system prompt changed with {plural(miss.calls, 'call')}: {tokens(miss.tokens)} tokens were written anew "
        f"for {usd(miss.usd)} more, and the hit ratio fell to {percent(report.hit_ratio)}.",
        "find what varies in the system prompt of checkout-chat (here: the time of day) and move it behind the "
        "cached part.",
    )


def runaway(report: Report) -> tuple[str, str]:
    """An agent does not stop."""
    agent = report.surfaces["refund-agent"]
    return (
        f"refund-agent called a tool {agent.calls} times for one question, each call longer than the last: "
        f"{usd(agent.cost)}, {percent(agent.cost / report.cost if report.cost else 0)} of the bill.",
        "give its loop an end (max_iterations of the tool runner), a budget, and a cache breakpoint on the "
        "conversation.",
    )


def spend_limit(report: Report) -> tuple[str, str]:
    """The money is used up."""
    refused = int(report.blames.values.get("budget", 0))
    return (
        f"{plural(refused, 'call')} were refused as a spend limit was reached: blame `budget`, not `quota`, so that "
        "no retry helps, though they come as 400 and as 429.",
        "raise the limit in the Console, or switch off what can wait: the table by surface says what spends most.",
    )


SCENARIOS = {
    "all-well": Scenario("Nothing goes wrong", all_well),
    "outage": Scenario(
        "A storm of 529 and streams that are cut",
        outage,
        faults=(
            {"fault": "overloaded", "after": 6, "probability": 0.6},
            {"fault": "cut_mid_stream", "after": 6, "probability": 0.25, "stream": True, "after_events": 8},
        ),
    ),
    "cache-break": Scenario("A timestamp gets into the system prompt", cache_break, bug="timestamp"),
    "runaway": Scenario("An agent calls a tool without end", runaway, bug="loop"),
    "spend-limit": Scenario(
        "The spend limit is reached",
        spend_limit,
        faults=(
            {"fault": "workspace_spend_limit", "after": 2, "text": "weekly report"},
            {"fault": "enforced_spend_limit", "after": 10},
        ),
    ),
}
"""The plays, by the name that `--scenario` takes."""
