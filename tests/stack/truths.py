"""What Prometheus must say, from the fake API's journal; and what it says."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from native_stack import Stack

import journal_truth
from claude_otel import telemetry as t
from claude_otel.fakeapi import Entry
from claude_otel.monitoring import metric_names as m

COUNTERS = {
    "input": m.name(t.INPUT_METRIC),
    "output": m.name(t.OUTPUT_METRIC),
    "cache_read": m.name(t.CACHE_READ_METRIC),
    "reasoning": m.name(t.REASONING_METRIC),
}
CACHE_WRITE = m.name(t.CACHE_WRITE_METRIC)

Numbers = dict[str, float]


def truth(entries: Iterable[Entry]) -> Numbers:
    """Tokens of each kind, attempts, and micro-dollars, as the journal has them."""
    served = list(entries)
    tokens = journal_truth.tokens(journal_truth.usages(served))
    return {
        **{kind: float(count) for kind, count in tokens.items()},
        "attempts": float(len([each for each in served if each.endpoint == "messages"])),
        "usd": dollars(journal_truth.usd(served)),
    }


def dollars(amount: Decimal | float) -> float:
    """USD to twelve digits: above what adding floats in another order changes, and below the last digit of any bill,
    which would else be rounded up here and down there.
    """
    return round(float(amount), 12)


def raw(stack: Stack, window: str = "1h") -> Numbers:
    """The same from the raw counters: the last that each process said."""

    def total(series: str) -> float:
        return stack.value(f"sum(last_over_time({series}[{window}]))")

    return {
        **{kind: total(name) for kind, name in COUNTERS.items()},
        "cache_write_5m": total(f'{CACHE_WRITE}{{claude_cache_ttl="5m"}}'),
        "cache_write_1h": total(f'{CACHE_WRITE}{{claude_cache_ttl="1h"}}'),
        "attempts": total(m.name(t.ATTEMPTS_METRIC)),
        "usd": dollars(total(m.COST)),
    }


def recorded(stack: Stack) -> Numbers:
    """What the rules have counted: tokens and attempts since there is a book, USD of today and of this month."""

    def total(row: str) -> float:
        return stack.value(f'sum(claude:{row}:ledger{{part="total"}})')

    return {
        "input": total("input_tokens"),
        "output": total("output_tokens"),
        "cache_read": total("cache_read_tokens"),
        "cache_write": total("cache_write_tokens"),
        "attempts": total("attempts"),
        "today": dollars(stack.value("claude:cost_usd:today")),
        "month": dollars(stack.value("claude:cost_usd:month")),
    }


def as_recorded(truth: Numbers) -> Numbers:
    """The truth as the rules keep it. A test that runs over midnight would see less of today, and fail."""
    kept = {kind: truth[kind] for kind in ("input", "output", "cache_read", "attempts")}
    written = truth["cache_write_5m"] + truth["cache_write_1h"]
    return {**kept, "cache_write": written, "today": truth["usd"], "month": truth["usd"]}
