"""Bills worked by hand: what was used, the sum that its price is, and what it comes to in USD.

The sums are tokens times USD for a million tokens, in the order input, output, cache read, 5 minute write, 1 hour
write, then what multiplies them. Nothing here is taken from prices.json, and nothing here imports claude_otel:
test_golden_bills.py first checks each sum by itself, then the package against it.
"""

# ruff: noqa: E501

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Golden:
    """One bill. `model` served the answer, on the UTC date `at`."""

    name: str
    model: str
    at: str
    usage: dict[str, Any]
    sum: str
    usd: str
    uncached: str | None = None
    requested: str | None = None
    platform: str = "anthropic"
    region: str | None = None
    stop_reason: str | None = None


def tokens(
    fresh: int, out: int, *, read: int = 0, write_5m: int = 0, write_1h: int = 0, searches: int = 0, **more: str
) -> dict[str, Any]:
    """The `usage` of an answer, as the API sends it."""
    return {
        "input_tokens": fresh,
        "output_tokens": out,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write_5m + write_1h,
        "cache_creation": {"ephemeral_5m_input_tokens": write_5m, "ephemeral_1h_input_tokens": write_1h},
        "server_tool_use": {"web_search_requests": searches} if searches else None,
        **more,
    }


def step(kind: str, fresh: int, out: int, **more: Any) -> dict[str, Any]:
    """One of the `usage.iterations`."""
    model = more.pop("model", None)
    used = tokens(fresh, out, **more)
    del used["server_tool_use"]
    return {"type": kind, "model": model, **used}


# fmt: off
GOLDEN = (
    # Every model at its list price: fresh and cached input, both kinds of cache writes, output.
    Golden("claude-fable-5-2", "claude-fable-5-2", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 8 + 500 * 40 + 200000 * 0.20 + 1 * 10 + 4096 * 16) / 1000000", "0.125946"),
    Golden("claude-mythos-5-2", "claude-mythos-5-2", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 8 + 77 * 40 + 31415 * 0.20 + 2718 * 10 + 1618 * 16) / 1000000", "0.078423"),
    Golden("claude-fable-5-1", "claude-fable-5-1", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 10 + 1200 * 50 + 88000 * 0.25 + 1024 * 12.50 + 2048 * 20) / 1000000", "0.13876"),
    Golden("claude-mythos-5-1", "claude-mythos-5-1", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 10 + 431 * 50 + 12000 * 0.25 + 640 * 12.50 + 256 * 20) / 1000000", "0.04579"),
    Golden("claude-fable-5", "claude-fable-5", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 10 + 500 * 50 + 200000 * 1 + 1 * 12.50 + 4096 * 20) / 1000000", "0.3074325"),
    Golden("claude-mythos-5", "claude-mythos-5", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 10 + 77 * 50 + 31415 * 1 + 2718 * 12.50 + 1618 * 20) / 1000000", "0.12159"),
    Golden("claude-opus-5-5", "claude-opus-5-5", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 4 + 1200 * 20 + 88000 * 0.20 + 1024 * 5 + 2048 * 8) / 1000000", "0.064304"),
    Golden("claude-opus-5", "claude-opus-5", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 5 + 431 * 25 + 12000 * 0.50 + 640 * 6.25 + 256 * 10) / 1000000", "0.027395"),
    Golden("claude-opus-4-8", "claude-opus-4-8", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 5 + 500 * 25 + 200000 * 0.50 + 1 * 6.25 + 4096 * 10) / 1000000", "0.15371625"),
    Golden("claude-opus-4-7", "claude-opus-4-7", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 5 + 77 * 25 + 31415 * 0.50 + 2718 * 6.25 + 1618 * 10) / 1000000", "0.060795"),
    Golden("claude-opus-4-6", "claude-opus-4-6", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 5 + 1200 * 25 + 88000 * 0.50 + 1024 * 6.25 + 2048 * 10) / 1000000", "0.10238"),
    Golden("claude-opus-4-5-20251101", "claude-opus-4-5-20251101", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 5 + 431 * 25 + 12000 * 0.50 + 640 * 6.25 + 256 * 10) / 1000000", "0.027395"),
    Golden("claude-opus-4-5", "claude-opus-4-5", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 5 + 500 * 25 + 200000 * 0.50 + 1 * 6.25 + 4096 * 10) / 1000000", "0.15371625"),
    Golden("claude-sonnet-5-5", "claude-sonnet-5-5", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 2 + 77 * 10 + 31415 * 0.10 + 2718 * 2.50 + 1618 * 4) / 1000000", "0.0211765"),
    Golden("claude-sonnet-5", "claude-sonnet-5", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 2 + 1200 * 10 + 88000 * 0.20 + 1024 * 2.50 + 2048 * 4) / 1000000", "0.040952"),
    Golden("claude-sonnet-4-6", "claude-sonnet-4-6", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 3 + 431 * 15 + 12000 * 0.30 + 640 * 3.75 + 256 * 6) / 1000000", "0.016437"),
    Golden("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 3 + 500 * 15 + 200000 * 0.30 + 1 * 3.75 + 4096 * 6) / 1000000", "0.09222975"),
    Golden("claude-haiku-4-5-20251001", "claude-haiku-4-5-20251001", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 1 + 77 * 5 + 31415 * 0.10 + 2718 * 1.25 + 1618 * 2) / 1000000", "0.012159"),
    Golden("claude-opus-4-1-20250805", "claude-opus-4-1-20250805", "2026-06-01", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 15 + 1200 * 75 + 88000 * 1.50 + 1024 * 18.75 + 2048 * 30) / 1000000", "0.30714"),
    Golden("claude-opus-4-20250514", "claude-opus-4-20250514", "2026-05-01", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 15 + 431 * 75 + 12000 * 1.50 + 640 * 18.75 + 256 * 30) / 1000000", "0.082185"),
    Golden("claude-sonnet-4-20250514", "claude-sonnet-4-20250514", "2026-05-01", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 3 + 500 * 15 + 200000 * 0.30 + 1 * 3.75 + 4096 * 6) / 1000000", "0.09222975"),
    Golden("claude-3-7-sonnet-20250219", "claude-3-7-sonnet-20250219", "2025-12-01", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 3 + 77 * 15 + 31415 * 0.30 + 2718 * 3.75 + 1618 * 6) / 1000000", "0.036477"),
    Golden("claude-3-5-haiku-20241022", "claude-3-5-haiku-20241022", "2025-12-01", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 0.80 + 1200 * 4 + 88000 * 0.08 + 1024 * 1 + 2048 * 1.60) / 1000000", "0.0163808"),
    Golden("claude-3-5-sonnet-20241022", "claude-3-5-sonnet-20241022", "2025-09-01", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 3 + 431 * 15 + 12000 * 0.30 + 640 * 3.75 + 256 * 6) / 1000000", "0.016437"),
    Golden("claude-3-opus-20240229", "claude-3-opus-20240229", "2025-12-01", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 15 + 500 * 75 + 200000 * 1.50 + 1 * 18.75 + 4096 * 30) / 1000000", "0.46114875"),
    Golden("claude-3-haiku-20240307", "claude-3-haiku-20240307", "2026-03-01", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 0.25 + 77 * 1.25 + 31415 * 0.03 + 2718 * 0.30 + 1618 * 0.50) / 1000000", "0.00316285"),
    Golden("claude-haiku-5-5", "claude-haiku-5-5", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 0.10 + 431 * 0.50 + 12000 * 0.01 + 640 * 0.125 + 256 * 0.20) / 1000000", "0.0005479"),
    # Plain calls: what most calls are.
    Golden("no cache", "claude-opus-5-5", "2026-11-20", tokens(1200, 300), "(1200 * 4 + 300 * 20) / 1000000", "0.0108", uncached="0.0108"),
    Golden("a cached turn: what it had cost without a cache", "claude-opus-4-7", "2026-11-20", tokens(50, 500, read=200000), "(50 * 5 + 500 * 25 + 200000 * 0.50) / 1000000", "0.11275", uncached="1.01275"),
    Golden("a cold turn with a 1 hour write", "claude-opus-4-7", "2026-11-20", tokens(50, 500, write_1h=200000), "(50 * 5 + 500 * 25 + 200000 * 10) / 1000000", "2.01275", uncached="1.01275"),
    Golden("a total of writes without its split is a 5 minute write", "claude-sonnet-5", "2026-11-20", {"input_tokens": 10, "output_tokens": 20, "cache_creation_input_tokens": 3000}, "(10 * 2 + 20 * 10 + 3000 * 2.50) / 1000000", "0.00772"),
    Golden("nothing at all", "claude-opus-5-5", "2026-11-20", tokens(0, 0), "0", "0"),
    # Prices with dates.
    Golden("Sonnet 5.5, the last day of dear cache reads", "claude-sonnet-5-5", "2026-10-06", tokens(100, 100, read=100000), "(100 * 2 + 100 * 10 + 100000 * 0.20) / 1000000", "0.0212"),
    Golden("Sonnet 5.5, the first day of cheap cache reads", "claude-sonnet-5-5", "2026-10-07", tokens(100, 100, read=100000), "(100 * 2 + 100 * 10 + 100000 * 0.10) / 1000000", "0.0112"),
    Golden("Opus 4.6, long prompt while it had a premium", "claude-opus-4-6", "2026-03-12", tokens(150000, 1000, read=40000, write_5m=10000, write_1h=1), "(150000 * 10 + 1000 * 37.50 + 40000 * 1 + 10000 * 12.50 + 1 * 20) / 1000000", "1.70252"),
    Golden("Opus 4.6, 200,000 tokens are not above", "claude-opus-4-6", "2026-03-12", tokens(150000, 1000, read=40000, write_5m=10000), "(150000 * 5 + 1000 * 25 + 40000 * 0.50 + 10000 * 6.25) / 1000000", "0.8575"),
    Golden("Opus 4.6, the same long prompt a day later", "claude-opus-4-6", "2026-03-13", tokens(150000, 1000, read=40000, write_5m=10000, write_1h=1), "(150000 * 5 + 1000 * 25 + 40000 * 0.50 + 10000 * 6.25 + 1 * 10) / 1000000", "0.85751"),
    Golden("Sonnet 4.6, long prompt while it had a premium", "claude-sonnet-4-6", "2026-03-01", tokens(250000, 1000), "(250000 * 6 + 1000 * 22.50) / 1000000", "1.5225"),
    Golden("Sonnet 4.5, long prompt of the 1M beta", "claude-sonnet-4-5", "2026-04-30", tokens(1000, 1000, read=250000), "(1000 * 6 + 1000 * 22.50 + 250000 * 0.60) / 1000000", "0.1785"),
    Golden("Sonnet 4.5, long prompt after the beta", "claude-sonnet-4-5", "2026-05-01", tokens(1000, 1000, read=250000), "(1000 * 3 + 1000 * 15 + 250000 * 0.30) / 1000000", "0.093"),
    # Haiku 5.5 goes by the length of the prompt, cached tokens counted, for every token of the request.
    Golden("Haiku 5.5 at 100,000 tokens", "claude-haiku-5-5", "2026-11-20", tokens(20000, 1000, read=70000, write_5m=10000), "(20000 * 0.10 + 1000 * 0.50 + 70000 * 0.01 + 10000 * 0.125) / 1000000", "0.00445"),
    Golden("Haiku 5.5 at 100,001 tokens", "claude-haiku-5-5", "2026-11-20", tokens(20001, 1000, read=70000, write_5m=10000), "(20001 * 0.50 + 1000 * 2.50 + 70000 * 0.05 + 10000 * 0.625) / 1000000", "0.0222505", uncached="0.0525005"),
    Golden("Haiku 5.5, long, 1 hour writes", "claude-haiku-5-5", "2026-11-20", tokens(1, 10, write_1h=100000), "(1 * 0.50 + 10 * 2.50 + 100000 * 1) / 1000000", "0.1000255"),
    Golden("Haiku 5.5, long, in a batch", "claude-haiku-5-5", "2026-11-20", tokens(150000, 400, service_tier="batch"), "(150000 * 0.50 + 400 * 2.50) / 2 / 1000000", "0.038"),
    Golden("Haiku 5.5, long, in the US", "claude-haiku-5-5", "2026-11-20", tokens(150000, 400, inference_geo="us"), "(150000 * 0.50 + 400 * 2.50) * 1.1 / 1000000", "0.0836"),
    # Batches: half of every kind of token.
    Golden("batch", "claude-sonnet-5-5", "2026-11-20", tokens(5000, 2000, read=40000, write_5m=600, write_1h=700, service_tier="batch"), "(5000 * 2 + 2000 * 10 + 40000 * 0.10 + 600 * 2.50 + 700 * 4) / 2 / 1000000", "0.01915"),
    Golden("batch in the US", "claude-opus-4-8", "2026-11-20", tokens(5000, 2000, read=40000, service_tier="batch", inference_geo="us"), "(5000 * 5 + 2000 * 25 + 40000 * 0.50) / 2 * 1.1 / 1000000", "0.05225"),
    Golden("batch with web search, which has no discount", "claude-opus-5-5", "2026-11-20", tokens(5000, 2000, searches=3, service_tier="batch"), "(5000 * 4 + 2000 * 20) / 2 / 1000000 + 3 * 10 / 1000", "0.06"),
    # Fast mode: its own input and output; cache prices in the model's own ratio to its input.
    Golden("Fable 5.2 fast", "claude-fable-5-2", "2026-11-20", tokens(1000, 500, read=20000, write_5m=300, write_1h=400, speed="fast"), "(1000 * 16 + 500 * 80 + 20000 * 0.40 + 300 * 20 + 400 * 32) / 1000000", "0.0828"),
    Golden("Mythos 5.2 fast", "claude-mythos-5-2", "2026-11-20", tokens(1000, 500, read=20000, write_5m=300, write_1h=400, speed="fast"), "(1000 * 16 + 500 * 80 + 20000 * 0.40 + 300 * 20 + 400 * 32) / 1000000", "0.0828"),
    Golden("Opus 5.5 fast", "claude-opus-5-5", "2026-11-20", tokens(1000, 500, read=20000, write_5m=300, write_1h=400, speed="fast"), "(1000 * 8 + 500 * 40 + 20000 * 0.40 + 300 * 10 + 400 * 16) / 1000000", "0.0454", uncached="0.1936"),
    Golden("Opus 5 fast", "claude-opus-5", "2026-11-20", tokens(1000, 500, read=20000, write_5m=300, write_1h=400, speed="fast"), "(1000 * 10 + 500 * 50 + 20000 * 1 + 300 * 12.50 + 400 * 20) / 1000000", "0.06675"),
    Golden("Opus 4.8 fast on its last day", "claude-opus-4-8", "2026-11-30", tokens(1000, 500, read=20000, write_5m=300, write_1h=400, speed="fast"), "(1000 * 10 + 500 * 50 + 20000 * 1 + 300 * 12.50 + 400 * 20) / 1000000", "0.06675"),
    Golden("fast in the US", "claude-opus-5-5", "2026-11-20", tokens(1000, 500, read=20000, speed="fast", inference_geo="us"), "(1000 * 8 + 500 * 40 + 20000 * 0.40) * 1.1 / 1000000", "0.0396"),
    # Geography.
    Golden("inference in the US", "claude-sonnet-4-6", "2026-11-20", tokens(1000, 500, read=20000, write_5m=300, write_1h=400, inference_geo="us"), "(1000 * 3 + 500 * 15 + 20000 * 0.30 + 300 * 3.75 + 400 * 6) * 1.1 / 1000000", "0.0220275"),
    Golden("global inference", "claude-sonnet-4-6", "2026-11-20", tokens(1000, 500, inference_geo="global"), "(1000 * 3 + 500 * 15) / 1000000", "0.0105"),
    Golden("a model older than the parameter", "claude-haiku-4-5", "2026-11-20", tokens(1000, 500, inference_geo="not_available"), "(1000 * 1 + 500 * 5) / 1000000", "0.0035"),
    # Service tiers.
    Golden("priority stands at list price", "claude-opus-5", "2026-11-20", tokens(1000, 500, service_tier="priority"), "(1000 * 5 + 500 * 25) / 1000000", "0.0175"),
    Golden("standard", "claude-opus-5", "2026-11-20", tokens(1000, 500, service_tier="standard", speed="standard"), "(1000 * 5 + 500 * 25) / 1000000", "0.0175"),
    # Server tools.
    Golden("web search", "claude-opus-5-5", "2026-11-20", tokens(8000, 700, searches=4), "(8000 * 4 + 700 * 20) / 1000000 + 4 * 10 / 1000", "0.086", uncached="0.086"),
    Golden("web fetch is free", "claude-opus-5-5", "2026-11-20", {**tokens(8000, 700), "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 9}}, "(8000 * 4 + 700 * 20) / 1000000", "0.046"),
    # Refusals.
    Golden("a refusal before any output", "claude-opus-5-5", "2026-11-20", tokens(8000, 0, read=50000, searches=1), "0", "0", stop_reason="refusal", uncached="0"),
    Golden("a refusal after output is billed", "claude-opus-5-5", "2026-11-20", tokens(8000, 12), "(8000 * 4 + 12 * 20) / 1000000", "0.03224", stop_reason="refusal"),
    # Iterations: each at its own model; the top level is their sum without compaction and advice, and is not added.
    Golden("two turns of a server tool loop", "claude-opus-5-5", "2026-11-20", {**tokens(900, 300), "iterations": [step("message", 400, 100), step("message", 500, 200)]}, "(400 * 4 + 100 * 20) / 1000000 + (500 * 4 + 200 * 20) / 1000000", "0.0096"),
    Golden("compaction is billed too", "claude-opus-5-5", "2026-11-20", {**tokens(400, 100), "iterations": [step("compaction", 160000, 3500), step("message", 400, 100, write_5m=3500)]}, "(160000 * 4 + 3500 * 20) / 1000000 + (400 * 4 + 100 * 20 + 3500 * 5) / 1000000", "0.7311"),
    Golden("compaction alone is added to the top level", "claude-opus-5-5", "2026-11-20", {**tokens(400, 100), "iterations": [step("compaction", 160000, 3500)]}, "(400 * 4 + 100 * 20) / 1000000 + (160000 * 4 + 3500 * 20) / 1000000", "0.7136"),
    Golden("an advisor at its own model", "claude-sonnet-5-5", "2026-11-20", {**tokens(700, 90), "iterations": [step("message", 700, 90), step("advisor_message", 2000, 400, read=1000, model="claude-fable-5-2")]}, "(700 * 2 + 90 * 10) / 1000000 + (2000 * 8 + 400 * 40 + 1000 * 0.20) / 1000000", "0.0345"),
    Golden("a fallback: the model that declined is not billed", "claude-opus-4-8", "2026-11-20", {**tokens(3000, 250), "iterations": [step("message", 2900, 0, model="claude-fable-5"), step("fallback_message", 3000, 250, model="claude-opus-4-8")]}, "(3000 * 5 + 250 * 25) / 1000000", "0.02125", requested="claude-fable-5"),
    Golden("a fallback: the model that declined after output is billed", "claude-opus-4-8", "2026-11-20", {**tokens(3000, 250), "iterations": [step("message", 2900, 40, model="claude-fable-5"), step("fallback_message", 3000, 250, model="claude-opus-4-8")]}, "(2900 * 10 + 40 * 50) / 1000000 + (3000 * 5 + 250 * 25) / 1000000", "0.05225", requested="claude-fable-5"),
    Golden("each iteration by its own length", "claude-haiku-5-5", "2026-11-20", {**tokens(160000, 200), "iterations": [step("message", 60000, 100), step("message", 100001, 100)]}, "(60000 * 0.10 + 100 * 0.50) / 1000000 + (100001 * 0.50 + 100 * 2.50) / 1000000", "0.0563005"),
    Golden("iterations in a batch", "claude-sonnet-5-5", "2026-11-20", {**tokens(900, 300, service_tier="batch"), "iterations": [step("message", 400, 100), step("compaction", 500, 200)]}, "((400 * 2 + 100 * 10) / 1000000 + (500 * 2 + 200 * 10) / 1000000) / 2", "0.0024"),
    # The served model is billed, not the one that was asked for.
    Golden("served is not requested", "claude-sonnet-5-5", "2026-11-20", tokens(1000, 1000), "(1000 * 2 + 1000 * 10) / 1000000", "0.012", requested="claude-fable-5-2"),
    # Platforms that Anthropic operates: the list price, through a marketplace.
    Golden("Claude Platform on AWS, in the US", "claude-opus-5-5", "2026-11-20", tokens(1000, 500, read=20000, inference_geo="us"), "(1000 * 4 + 500 * 20 + 20000 * 0.20) * 1.1 / 1000000", "0.0198", platform="aws", region="us-west-2"),
    Golden("Foundry", "claude-sonnet-5-5", "2026-11-20", tokens(1000, 500, read=20000), "(1000 * 2 + 500 * 10 + 20000 * 0.10) / 1000000", "0.009", platform="foundry"),
    Golden("Google Cloud, Anthropic managed", "claude-haiku-5-5", "2026-11-20", tokens(1000, 500, read=20000), "(1000 * 0.10 + 500 * 0.50 + 20000 * 0.01) / 1000000", "0.00055", platform="google_cloud", region="us-central1"),
    # Amazon Bedrock: the id says global or not; not global costs a tenth more from Claude 4.5 on.
    Golden("bedrock: global.anthropic.claude-fable-5-2", "claude-fable-5-2", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 8 + 1200 * 40 + 88000 * 0.20 + 1024 * 10 + 2048 * 16) / 1000000", "0.111008", requested="global.anthropic.claude-fable-5-2", platform="bedrock", region="us-east-1"),
    Golden("bedrock: us.anthropic.claude-fable-5-2", "claude-fable-5-2", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 8 + 431 * 40 + 12000 * 0.20 + 640 * 10 + 256 * 16) * 1.1 / 1000000", "0.0402952", requested="us.anthropic.claude-fable-5-2", platform="bedrock", region="us-east-1"),
    Golden("bedrock: eu.anthropic.claude-mythos-5-2", "claude-mythos-5-2", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 8 + 500 * 40 + 200000 * 0.20 + 1 * 10 + 4096 * 16) * 1.1 / 1000000", "0.1385406", requested="eu.anthropic.claude-mythos-5-2", platform="bedrock", region="us-east-1"),
    Golden("bedrock: global.anthropic.claude-fable-5-1-v1:0", "claude-fable-5-1", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 10 + 77 * 50 + 31415 * 0.25 + 2718 * 12.50 + 1618 * 20) / 1000000", "0.09802875", requested="global.anthropic.claude-fable-5-1-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: au.anthropic.claude-fable-5", "claude-fable-5", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 10 + 1200 * 50 + 88000 * 1 + 1024 * 12.50 + 2048 * 20) * 1.1 / 1000000", "0.225236", requested="au.anthropic.claude-fable-5", platform="bedrock", region="us-east-1"),
    Golden("bedrock: global.anthropic.claude-opus-5-5", "claude-opus-5-5", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 4 + 431 * 20 + 12000 * 0.20 + 640 * 5 + 256 * 8) / 1000000", "0.019516", requested="global.anthropic.claude-opus-5-5", platform="bedrock", region="us-east-1"),
    Golden("bedrock: jp.anthropic.claude-opus-5-5", "claude-opus-5-5", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 4 + 500 * 20 + 200000 * 0.20 + 1 * 5 + 4096 * 8) * 1.1 / 1000000", "0.0912703", requested="jp.anthropic.claude-opus-5-5", platform="bedrock", region="us-east-1"),
    Golden("bedrock: in.anthropic.claude-opus-5", "claude-opus-5", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 5 + 77 * 25 + 31415 * 0.50 + 2718 * 6.25 + 1618 * 10) * 1.1 / 1000000", "0.0668745", requested="in.anthropic.claude-opus-5", platform="bedrock", region="us-east-1"),
    Golden("bedrock: global.anthropic.claude-opus-4-8", "claude-opus-4-8", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 5 + 1200 * 25 + 88000 * 0.50 + 1024 * 6.25 + 2048 * 10) / 1000000", "0.10238", requested="global.anthropic.claude-opus-4-8", platform="bedrock", region="us-east-1"),
    Golden("bedrock: anthropic.claude-opus-4-7", "claude-opus-4-7", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 5 + 431 * 25 + 12000 * 0.50 + 640 * 6.25 + 256 * 10) * 1.1 / 1000000", "0.0301345", requested="anthropic.claude-opus-4-7", platform="bedrock", region="us-east-1"),
    Golden("bedrock: apac.anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 5 + 500 * 25 + 200000 * 0.50 + 1 * 6.25 + 4096 * 10) * 1.1 / 1000000", "0.169087875", requested="apac.anthropic.claude-opus-4-6-v1", platform="bedrock", region="us-east-1"),
    Golden("bedrock: global.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5-20251101", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 5 + 77 * 25 + 31415 * 0.50 + 2718 * 6.25 + 1618 * 10) / 1000000", "0.060795", requested="global.anthropic.claude-opus-4-5-20251101-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: global.anthropic.claude-sonnet-5-5", "claude-sonnet-5-5", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 2 + 1200 * 10 + 88000 * 0.10 + 1024 * 2.50 + 2048 * 4) / 1000000", "0.032152", requested="global.anthropic.claude-sonnet-5-5", platform="bedrock", region="us-east-1"),
    Golden("bedrock: us-gov.anthropic.claude-sonnet-5", "claude-sonnet-5", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 2 + 431 * 10 + 12000 * 0.20 + 640 * 2.50 + 256 * 4) * 1.1 / 1000000", "0.0120538", requested="us-gov.anthropic.claude-sonnet-5", platform="bedrock", region="us-east-1"),
    Golden("bedrock: us.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 3 + 500 * 15 + 200000 * 0.30 + 1 * 3.75 + 4096 * 6) * 1.1 / 1000000", "0.101452725", requested="us.anthropic.claude-sonnet-4-6", platform="bedrock", region="us-east-1"),
    Golden("bedrock: global.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 3 + 77 * 15 + 31415 * 0.30 + 2718 * 3.75 + 1618 * 6) / 1000000", "0.036477", requested="global.anthropic.claude-sonnet-4-5-20250929-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 3 + 1200 * 15 + 88000 * 0.30 + 1024 * 3.75 + 2048 * 6) * 1.1 / 1000000", "0.0675708", requested="us.anthropic.claude-sonnet-4-5-20250929-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 3 + 431 * 15 + 12000 * 0.30 + 640 * 3.75 + 256 * 6) * 1.1 / 1000000", "0.0180807", requested="arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 3 + 500 * 15 + 200000 * 0.30 + 1 * 3.75 + 4096 * 6) / 1000000", "0.09222975", requested="arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: eu.anthropic.claude-haiku-5-5", "claude-haiku-5-5", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 0.10 + 77 * 0.50 + 31415 * 0.01 + 2718 * 0.125 + 1618 * 0.20) * 1.1 / 1000000", "0.00133749", requested="eu.anthropic.claude-haiku-5-5", platform="bedrock", region="us-east-1"),
    Golden("bedrock: Haiku 5.5, long, regional", "claude-haiku-5-5", "2026-11-20", tokens(20000, 1000, read=90000, write_5m=10000, write_1h=500), "(20000 * 0.50 + 1000 * 2.50 + 90000 * 0.05 + 10000 * 0.625 + 500 * 1) * 1.1 / 1000000", "0.026125", requested="us.anthropic.claude-haiku-5-5", platform="bedrock"),
    Golden("bedrock: jp.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 1 + 1200 * 5 + 88000 * 0.10 + 1024 * 1.25 + 2048 * 2) * 1.1 / 1000000", "0.0225236", requested="jp.anthropic.claude-haiku-4-5-20251001-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: us.anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1-20250805", "2026-11-20", tokens(812, 431, read=12000, write_5m=640), "(812 * 15 + 431 * 75 + 12000 * 1.50 + 640 * 18.75) / 1000000", "0.074505", requested="us.anthropic.claude-opus-4-1-20250805-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: us.anthropic.claude-opus-4-20250514-v1:0", "claude-opus-4-20250514", "2026-11-20", tokens(50, 500, read=200000, write_5m=1), "(50 * 15 + 500 * 75 + 200000 * 1.50 + 1 * 18.75) / 1000000", "0.33826875", requested="us.anthropic.claude-opus-4-20250514-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: global.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-20250514", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718), "(1999 * 3 + 77 * 15 + 31415 * 0.30 + 2718 * 3.75) / 1000000", "0.026769", requested="global.anthropic.claude-sonnet-4-20250514-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: eu.anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-3-7-sonnet-20250219", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024), "(300 * 3 + 1200 * 15 + 88000 * 0.30 + 1024 * 3.75) / 1000000", "0.04914", requested="eu.anthropic.claude-3-7-sonnet-20250219-v1:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: us.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-20241022", "2025-09-01", tokens(812, 431, read=12000, write_5m=640), "(812 * 3 + 431 * 15 + 12000 * 0.30 + 640 * 3.75) / 1000000", "0.014901", requested="us.anthropic.claude-3-5-sonnet-20241022-v2:0", platform="bedrock", region="us-east-1"),
    Golden("bedrock: anthropic.claude-3-5-haiku-20241022-v1:0", "claude-3-5-haiku-20241022", "2026-11-20", tokens(50, 500, read=200000, write_5m=1), "(50 * 0.80 + 500 * 4 + 200000 * 0.08 + 1 * 1) / 1000000", "0.018041", requested="anthropic.claude-3-5-haiku-20241022-v1:0", platform="bedrock", region="us-east-1"),
    Golden("mantle: anthropic.claude-opus-4-8", "claude-opus-4-8", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 5 + 77 * 25 + 31415 * 0.50 + 2718 * 6.25 + 1618 * 10) * 1.1 / 1000000", "0.0668745", requested="anthropic.claude-opus-4-8", platform="mantle", region="us-east-1"),
    Golden("mantle: global.anthropic.claude-haiku-4-5", "claude-haiku-4-5-20251001", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 1 + 1200 * 5 + 88000 * 0.10 + 1024 * 1.25 + 2048 * 2) / 1000000", "0.020476", requested="global.anthropic.claude-haiku-4-5", platform="mantle", region="us-east-1"),
    # Google Cloud (Vertex): the region says global or not; not global costs a tenth more from Claude 4.5 on.
    Golden("vertex global: claude-fable-5-2", "claude-fable-5-2", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 8 + 431 * 40 + 12000 * 0.20 + 640 * 10 + 256 * 16) / 1000000", "0.036632", requested="claude-fable-5-2", platform="vertex", region="global"),
    Golden("vertex us-east5: claude-fable-5-1", "claude-fable-5-1", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 10 + 500 * 50 + 200000 * 0.25 + 1 * 12.50 + 4096 * 20) * 1.1 / 1000000", "0.17317575", requested="claude-fable-5-1", platform="vertex", region="us-east5"),
    Golden("vertex global: claude-fable-5", "claude-fable-5", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 10 + 77 * 50 + 31415 * 1 + 2718 * 12.50 + 1618 * 20) / 1000000", "0.12159", requested="claude-fable-5", platform="vertex", region="global"),
    Golden("vertex eu: claude-opus-5-5", "claude-opus-5-5", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 4 + 1200 * 20 + 88000 * 0.20 + 1024 * 5 + 2048 * 8) * 1.1 / 1000000", "0.0707344", requested="claude-opus-5-5", platform="vertex", region="eu"),
    Golden("vertex global: claude-opus-5", "claude-opus-5", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 5 + 431 * 25 + 12000 * 0.50 + 640 * 6.25 + 256 * 10) / 1000000", "0.027395", requested="claude-opus-5", platform="vertex", region="global"),
    Golden("vertex us: claude-opus-4-8", "claude-opus-4-8", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 5 + 500 * 25 + 200000 * 0.50 + 1 * 6.25 + 4096 * 10) * 1.1 / 1000000", "0.169087875", requested="claude-opus-4-8", platform="vertex", region="us"),
    Golden("vertex global: claude-opus-4-7", "claude-opus-4-7", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 5 + 77 * 25 + 31415 * 0.50 + 2718 * 6.25 + 1618 * 10) / 1000000", "0.060795", requested="claude-opus-4-7", platform="vertex", region="global"),
    Golden("vertex europe-west1: claude-opus-4-6", "claude-opus-4-6", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 5 + 1200 * 25 + 88000 * 0.50 + 1024 * 6.25 + 2048 * 10) * 1.1 / 1000000", "0.112618", requested="claude-opus-4-6", platform="vertex", region="europe-west1"),
    Golden("vertex global: claude-opus-4-5@20251101", "claude-opus-4-5-20251101", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 5 + 431 * 25 + 12000 * 0.50 + 640 * 6.25 + 256 * 10) / 1000000", "0.027395", requested="claude-opus-4-5@20251101", platform="vertex", region="global"),
    Golden("vertex asia-east1: claude-sonnet-5-5", "claude-sonnet-5-5", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 2 + 500 * 10 + 200000 * 0.10 + 1 * 2.50 + 4096 * 4) * 1.1 / 1000000", "0.04563515", requested="claude-sonnet-5-5", platform="vertex", region="asia-east1"),
    Golden("vertex global: claude-sonnet-4-6", "claude-sonnet-4-6", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718, write_1h=1618), "(1999 * 3 + 77 * 15 + 31415 * 0.30 + 2718 * 3.75 + 1618 * 6) / 1000000", "0.036477", requested="claude-sonnet-4-6", platform="vertex", region="global"),
    Golden("vertex global: claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 3 + 1200 * 15 + 88000 * 0.30 + 1024 * 3.75 + 2048 * 6) / 1000000", "0.061428", requested="claude-sonnet-4-5@20250929", platform="vertex", region="global"),
    Golden("vertex us-east5: claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929", "2026-11-20", tokens(812, 431, read=12000, write_5m=640, write_1h=256), "(812 * 3 + 431 * 15 + 12000 * 0.30 + 640 * 3.75 + 256 * 6) * 1.1 / 1000000", "0.0180807", requested="claude-sonnet-4-5@20250929", platform="vertex", region="us-east5"),
    Golden("vertex: Sonnet 4.5, long, regional", "claude-sonnet-4-5-20250929", "2026-11-20", tokens(1000, 1000, read=250000, write_5m=10, write_1h=20), "(1000 * 6 + 1000 * 22.50 + 250000 * 0.60 + 10 * 7.50 + 20 * 12) * 1.1 / 1000000", "0.1966965", requested="claude-sonnet-4-5@20250929", platform="vertex", region="us-east5"),
    Golden("vertex global: claude-haiku-5-5", "claude-haiku-5-5", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024, write_1h=2048), "(300 * 0.10 + 1200 * 0.50 + 88000 * 0.01 + 1024 * 0.125 + 2048 * 0.20) / 1000000", "0.0020476", platform="vertex", region="global"),
    Golden("vertex: Haiku 5.5, long, global", "claude-haiku-5-5", "2026-11-20", tokens(20000, 1000, read=90000), "(20000 * 0.50 + 1000 * 2.50 + 90000 * 0.05) / 1000000", "0.017", platform="vertex", region="global"),
    Golden("vertex us-central1: claude-haiku-4-5@20251001", "claude-haiku-4-5-20251001", "2026-11-20", tokens(50, 500, read=200000, write_5m=1, write_1h=4096), "(50 * 1 + 500 * 5 + 200000 * 0.10 + 1 * 1.25 + 4096 * 2) * 1.1 / 1000000", "0.033817575", requested="claude-haiku-4-5@20251001", platform="vertex", region="us-central1"),
    Golden("vertex us-east5: claude-opus-4-1@20250805", "claude-opus-4-1-20250805", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718), "(1999 * 15 + 77 * 75 + 31415 * 1.50 + 2718 * 18.75) / 1000000", "0.133845", requested="claude-opus-4-1@20250805", platform="vertex", region="us-east5"),
    Golden("vertex us-east5: claude-opus-4@20250514", "claude-opus-4-20250514", "2026-11-20", tokens(300, 1200, read=88000, write_5m=1024), "(300 * 15 + 1200 * 75 + 88000 * 1.50 + 1024 * 18.75) / 1000000", "0.2457", requested="claude-opus-4@20250514", platform="vertex", region="us-east5"),
    Golden("vertex us-east5: claude-sonnet-4@20250514", "claude-sonnet-4-20250514", "2026-11-20", tokens(812, 431, read=12000, write_5m=640), "(812 * 3 + 431 * 15 + 12000 * 0.30 + 640 * 3.75) / 1000000", "0.014901", requested="claude-sonnet-4@20250514", platform="vertex", region="us-east5"),
    Golden("vertex us-east5: claude-3-7-sonnet@20250219", "claude-3-7-sonnet-20250219", "2026-11-20", tokens(50, 500, read=200000, write_5m=1), "(50 * 3 + 500 * 15 + 200000 * 0.30 + 1 * 3.75) / 1000000", "0.06765375", requested="claude-3-7-sonnet@20250219", platform="vertex", region="us-east5"),
    Golden("vertex us-east5: claude-3-5-haiku@20241022", "claude-3-5-haiku-20241022", "2026-11-20", tokens(1999, 77, read=31415, write_5m=2718), "(1999 * 0.80 + 77 * 4 + 31415 * 0.08 + 2718 * 1) / 1000000", "0.0071384", requested="claude-3-5-haiku@20241022", platform="vertex", region="us-east5"),
    Golden("vertex: web search", "claude-opus-5-5", "2026-11-20", tokens(1000, 100, searches=2), "(1000 * 4 + 100 * 20) / 1000000 + 2 * 10 / 1000", "0.026", platform="vertex", region="global"),
)
# fmt: on
