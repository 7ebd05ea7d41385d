"""What a call costs, worked out a second time: exact, slow, and without a line of claude_otel.

Written from the price pages and the rules (docs/pricing.md names them), not from prices.json: where the two
disagree, one of them is wrong. It reads the `usage` of an answer as the API sends it.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple


class Unpriced(LookupError):
    """There is no price for this model in these circumstances."""


class Price(NamedTuple):
    """USD for a million tokens."""

    input: Decimal
    output: Decimal
    read: Decimal
    write_5m: Decimal
    write_1h: Decimal


def price(text: str) -> Price:
    """The price written as `input output read write_5m write_1h`."""
    return Price(*map(Decimal, text.split()))


OPUS = price("5 25 0.50 6.25 10")
OLD_OPUS = price("15 75 1.50 18.75 30")
SONNET = price("3 15 0.30 3.75 6")
FABLE_5_2 = price("8 40 0.20 10 16")
FABLE_5_1 = price("10 50 0.25 12.50 20")
FABLE_5 = price("10 50 1 12.50 20")
HAIKU_4_5 = price("1 5 0.10 1.25 2")

PRICES = {
    "claude-fable-5-2": FABLE_5_2,
    "claude-mythos-5-2": FABLE_5_2,
    "claude-fable-5-1": FABLE_5_1,
    "claude-mythos-5-1": FABLE_5_1,
    "claude-fable-5": FABLE_5,
    "claude-mythos-5": FABLE_5,
    "claude-opus-5-5": price("4 20 0.20 5 8"),
    "claude-opus-5": OPUS,
    "claude-opus-4-8": OPUS,
    "claude-opus-4-7": OPUS,
    "claude-opus-4-6": OPUS,
    "claude-opus-4-5": OPUS,
    "claude-opus-4-5-20251101": OPUS,
    "claude-sonnet-5-5": price("2 10 0.10 2.50 4"),
    "claude-sonnet-5": price("2 10 0.20 2.50 4"),
    "claude-sonnet-4-6": SONNET,
    "claude-sonnet-4-5": SONNET,
    "claude-sonnet-4-5-20250929": SONNET,
    "claude-haiku-5-5": price("0.10 0.50 0.01 0.125 0.20"),
    "claude-haiku-4-5": HAIKU_4_5,
    "claude-haiku-4-5-20251001": HAIKU_4_5,
    "claude-opus-4-1": OLD_OPUS,
    "claude-opus-4-1-20250805": OLD_OPUS,
    "claude-opus-4-0": OLD_OPUS,
    "claude-opus-4-20250514": OLD_OPUS,
    "claude-sonnet-4-0": SONNET,
    "claude-sonnet-4-20250514": SONNET,
    "claude-3-7-sonnet-latest": SONNET,
    "claude-3-7-sonnet-20250219": SONNET,
    "claude-3-5-haiku-latest": price("0.80 4 0.08 1 1.60"),
    "claude-3-5-haiku-20241022": price("0.80 4 0.08 1 1.60"),
}

FAST = {
    "claude-fable-5-2": price("16 80 0.40 20 32"),
    "claude-mythos-5-2": price("16 80 0.40 20 32"),
    "claude-opus-5-5": price("8 40 0.40 10 16"),
    "claude-opus-5": price("10 50 1 12.50 20"),
    "claude-opus-4-8": price("10 50 1 12.50 20"),
}
LAST_FAST_DAY = {"claude-opus-4-8": date(2026, 11, 30)}

SONNET_5_5_BEFORE_CUT = price("2 10 0.20 2.50 4")
SONNET_5_5_CUT = date(2026, 10, 7)

HAIKU_5_5_ABOVE_100K = price("0.50 2.50 0.05 0.625 1")

LONG_OPUS = price("10 37.50 1 12.50 20")
LONG_SONNET = price("6 22.50 0.60 7.50 12")
LONG_UNTIL = {
    "claude-opus-4-6": (LONG_OPUS, date(2026, 3, 13)),
    "claude-sonnet-4-6": (LONG_SONNET, date(2026, 3, 13)),
    "claude-sonnet-4-5": (LONG_SONNET, date(2026, 5, 1)),
    "claude-sonnet-4-5-20250929": (LONG_SONNET, date(2026, 5, 1)),
}
"""The premium on prompts above 200,000 tokens, and the first day without it."""

NO_GEOGRAPHY = ("claude-3", "claude-opus-4-0", "claude-opus-4-1", "claude-opus-4-2", "claude-sonnet-4-0",
                "claude-sonnet-4-2", "claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5")  # fmt: skip
"""What models before Claude 4.6 begin with."""


def truth_cost(
    usage: dict[str, Any],
    model: str,
    *,
    at: date | datetime | float,
    stop_reason: str | None = None,
    ttl: str = "5m",
    regional: bool = False,
) -> Decimal:
    """USD for the answer of `model` with this `usage`; raises Unpriced where there is no price.

    `ttl` is the life that the request asked of cache writes, for those that no split covers. `regional` is for
    Bedrock and Google Cloud, whose regional endpoints cost a tenth more.
    """
    day = utc_date(at)
    entries = billed_entries(usage)
    if stop_reason == "refusal" and not any(tokens(entry, "output_tokens") for entry in entries):
        return Decimal(0)
    cost = sum((entry_cost(entry, usage, model, day, ttl) for entry in entries), Decimal(0))
    if regional:
        cost *= Decimal("1.1")
    searches = tokens(usage.get("server_tool_use") or {}, "web_search_requests")
    return cost + searches * Decimal(10) / 1000


def billed_entries(usage: dict[str, Any]) -> list[dict[str, Any]]:
    """The iterations that are billed; the top level, if no iteration of the model itself is listed."""
    iterations = list(usage.get("iterations") or [])
    kinds = {entry["type"] for entry in iterations}
    if not kinds & {"message", "fallback_message"}:
        return [usage, *iterations]
    if "fallback_message" not in kinds:
        return iterations
    return [entry for entry in iterations if entry["type"] != "message" or tokens(entry, "output_tokens")]


def entry_cost(entry: dict[str, Any], usage: dict[str, Any], model: str, day: date, ttl: str) -> Decimal:
    """USD for one iteration, at its own model."""
    split = entry.get("cache_creation") or {}
    write_5m, write_1h = (tokens(split, f"ephemeral_{life}_input_tokens") for life in ("5m", "1h"))
    rest = max(0, tokens(entry, "cache_creation_input_tokens") - write_5m - write_1h)
    if ttl == "1h":
        write_1h += rest
    else:
        write_5m += rest
    fresh, read = tokens(entry, "input_tokens"), tokens(entry, "cache_read_input_tokens")
    prompt = fresh + read + write_5m + write_1h
    each = price_of(entry.get("model") or model, usage, day, prompt)
    million = (
        fresh * each.input
        + tokens(entry, "output_tokens") * each.output
        + read * each.read
        + write_5m * each.write_5m
        + write_1h * each.write_1h
    )
    return million * multiplier(entry.get("model") or model, usage) / 1_000_000


def price_of(model: str, usage: dict[str, Any], day: date, prompt: int) -> Price:
    """The price of `model` on a day, for a prompt of so many tokens."""
    if model not in PRICES:
        raise Unpriced(model)
    if usage.get("speed") == "fast":
        if model not in FAST or day > LAST_FAST_DAY.get(model, day):
            raise Unpriced(model)
        return FAST[model]
    if model == "claude-haiku-5-5" and prompt > 100_000:
        return HAIKU_5_5_ABOVE_100K
    if model == "claude-sonnet-5-5" and day < SONNET_5_5_CUT:
        return SONNET_5_5_BEFORE_CUT
    if model in LONG_UNTIL and prompt > 200_000 and day < LONG_UNTIL[model][1]:
        return LONG_UNTIL[model][0]
    return PRICES[model]


def multiplier(model: str, usage: dict[str, Any]) -> Decimal:
    """Half for a batch, a tenth more for inference in the US."""
    factor = Decimal(1)
    if usage.get("service_tier") == "batch":
        if usage.get("speed") == "fast":
            raise Unpriced(model)
        factor /= 2
    if usage.get("inference_geo") == "us" and not model.startswith(NO_GEOGRAPHY):
        factor *= Decimal("1.1")
    return factor


def tokens(data: dict[str, Any], name: str) -> int:
    """A count of the API's, 0 where it is missing or null."""
    return int(data.get(name) or 0)


def utc_date(at: date | datetime | float) -> date:
    """The UTC date of a moment."""
    if isinstance(at, datetime):
        return at.astimezone(timezone.utc).date()
    if isinstance(at, date):
        return at
    return datetime.fromtimestamp(at, timezone.utc).date()
