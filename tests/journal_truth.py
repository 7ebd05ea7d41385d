"""What telemetry must say, worked out from the fake API's journal without a line of the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from claude_otel.fakeapi import Entry
from truth import truth_cost

Usage = Mapping[str, Any]

METRICS = {
    "input": "gen_ai.client.inference.usage.input_tokens",
    "output": "gen_ai.client.inference.usage.output_tokens",
    "cache_read": "gen_ai.client.inference.usage.cache_read.input_tokens",
    "reasoning": "gen_ai.client.inference.usage.reasoning.output_tokens",
}
CACHE_WRITE = "gen_ai.client.inference.usage.cache_write.input_tokens"

ATTRIBUTES = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "cache_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_5m": "anthropic.usage.cache_creation.ephemeral_5m_input_tokens",
    "cache_write_1h": "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
}
"""The kinds of tokens; `input` are all input tokens, cached or not."""


def tokens(usages: Iterable[Usage]) -> Counter[str]:
    """The tokens of each kind in the `usage` objects of answers, iterations included."""
    sums = Counter(dict.fromkeys(ATTRIBUTES, 0))
    for usage in usages:
        for run in runs(usage):
            sums.update(of_run(run))
        sums["reasoning"] += (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0)
    return sums


def runs(usage: Usage) -> list[Usage]:
    """The iterations of an answer; the top level for its own one where none is listed."""
    listed = list(usage.get("iterations") or [])
    if any(run["type"] in ("message", "fallback_message") for run in listed):
        return listed
    return [usage, *listed]


def of_run(run: Usage) -> dict[str, int]:
    """The tokens of each kind of one iteration."""
    split = run["cache_creation"]
    short, long = split["ephemeral_5m_input_tokens"], split["ephemeral_1h_input_tokens"]
    read = run["cache_read_input_tokens"]
    return {
        "input": run["input_tokens"] + read + short + long,
        "output": run["output_tokens"],
        "cache_read": read,
        "cache_write_5m": short,
        "cache_write_1h": long,
    }


def usages(entries: Iterable[Entry]) -> list[Usage]:
    """The `usage` of every answer: of messages, and of the rows of batch results."""
    found: list[Usage] = []
    for entry in entries:
        found += [entry.usage] if entry.usage is not None and entry.endpoint == "messages" else []
        found += [row["usage"] for row in entry.batch_rows if row.get("usage")]
    return found


def usd(entries: Iterable[Entry]) -> Decimal:
    """What the answers cost."""
    total = Decimal(0)
    for entry in entries:
        if entry.endpoint == "messages" and entry.usage is not None:
            total += truth_cost(entry.usage, str(entry.model_served), at=entry.time, stop_reason=entry.stop_reason)
        for row in entry.batch_rows:
            if row.get("usage"):
                total += truth_cost(row["usage"], row["model"], at=entry.time)
    return total
