"""Every price that genai-prices knows too, compared with ours; each difference is named with its reason.

genai-prices is kept by others and follows the price pages. It is too heavy to be in an application (0.3 s and
28 MB to import), and lacks geography, iterations and refusals, so it is a check and not a dependency.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.data import providers

from claude_otel.price_table import PRICES_FILE
from claude_otel.pricing import Prices

PRICES = Prices.load()
TABLE = json.loads(PRICES_FILE.read_text(encoding="utf-8"))
PROVIDERS = {provider.id: provider for provider in providers}

OUR_PLATFORM = {"anthropic": "anthropic", "aws": "bedrock", "google": "vertex"}
"""Our platform for each provider of genai-prices. It has no Claude rows for azure, and knows no other of ours."""

DAYS = tuple(
    date.fromisoformat(day)
    for day in ("2026-01-15", "2026-03-12", "2026-03-13", "2026-04-30", "2026-05-01", "2026-10-06", "2026-10-07",
                "2026-10-13", "2026-10-14", "2026-11-20", "2026-11-30", "2026-12-01")
)  # fmt: skip
"""A day before and a day after every date on which a price of either table changes."""

PROMPTS = (1000, 100_000, 100_001, 200_000, 200_001)
"""Prompt lengths on both sides of every tier, in tokens."""

GENAI_NAMES = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")

Numbers = tuple[Decimal | None, ...]
Key = tuple[str, str, str]


def days(since: str | None = None, before: str | None = None) -> tuple[date, ...]:
    """The days that are compared, from `since` on and before `before`."""
    return tuple(day for day in DAYS if (since or "") <= day.isoformat() < (before or "9999"))


def _same_for(provider: str, what: str, models: Iterable[str], when: tuple[date, ...], why: str) -> dict[Key, Any]:
    return {(provider, model, what): (when, why) for model in models}


BATCH_SINCE = days(before="2026-10-14")
NO_BATCH = "genai-prices has no batch prices of retired models; the Batch API was half price in their time too"
LATE_BATCH = (
    "genai-prices dates its batch prices from the day it added them; the Batch API has been half price since 2024"
)
OLDER_CUT = "genai-prices lacks the date of the cut of cache reads, 2026-10-07"
CLOUD_CUT = "that cloud's price of cache reads before 2026-10-07 is not known, so there is none"

DIFFERENCES: dict[Key, tuple[tuple[date, ...], str]] = {
    **_same_for(
        "anthropic", "batch",
        ("claude-fable-5-1", "claude-fable-5", "claude-opus-5-5", "claude-opus-5", "claude-opus-4-8",
         "claude-opus-4-7", "claude-opus-4-6", "claude-opus-4-5-20251101", "claude-sonnet-5-5", "claude-sonnet-5",
         "claude-sonnet-4-6", "claude-haiku-5-5", "claude-haiku-4-5-20251001"),
        BATCH_SINCE, LATE_BATCH,
    ),
    **_same_for(
        "anthropic", "batch",
        ("claude-opus-4-1-20250805", "claude-opus-4-20250514", "claude-sonnet-4-20250514",
         "claude-3-7-sonnet-20250219", "claude-3-5-haiku-20241022", "claude-3-5-sonnet-20241022",
         "claude-3-opus-20240229", "claude-3-haiku-20240307"),
        DAYS, NO_BATCH,
    ),
    ("anthropic", "claude-sonnet-4-5-20250929", "batch"): (
        DAYS, LATE_BATCH + "; and it keeps the long prompt premium that ended with the 1M beta on 2026-04-30",
    ),
    ("anthropic", "claude-sonnet-4-5-20250929", "standard"): (
        days(since="2026-05-01"), "genai-prices keeps the long prompt premium, which ended on 2026-04-30 with the beta",
    ),
    ("anthropic", "claude-sonnet-5-5", "standard"): (days(before="2026-10-07"), OLDER_CUT),
    ("anthropic", "claude-opus-4-8", "fast"): (
        days(since="2026-12-01"), "genai-prices tells the end of fast mode, 2026-11-30, only in a comment",
    ),
    **_same_for(
        "anthropic", "web search", ("claude-3-opus-20240229", "claude-3-haiku-20240307"),
        DAYS, "these models had no web search; ours is a price of the platform",
    ),
    ("aws", "claude-sonnet-5-5", "global"): (days(before="2026-10-07"), CLOUD_CUT),
    ("aws", "claude-sonnet-5-5", "regional"): (days(before="2026-10-07"), CLOUD_CUT),
    ("google", "claude-sonnet-5-5", "standard"): (days(before="2026-10-07"), CLOUD_CUT),
    ("google", "claude-opus-4-6", "standard"): (
        days(before="2026-03-13"), "genai-prices lacks the 1 hour writes of that time, so ours begins at 2026-03-13",
    ),
    **_same_for(
        "google", "web search",
        ("claude-fable-5-1", "claude-fable-5", "claude-opus-5-5", "claude-opus-5", "claude-opus-4-8",
         "claude-opus-4-7", "claude-opus-4-6", "claude-opus-4-5@20251101", "claude-sonnet-5-5", "claude-sonnet-4-6",
         "claude-sonnet-4-5@20250929", "claude-haiku-5-5", "claude-haiku-4-5@20251001", "claude-opus-4-1@20250805",
         "claude-opus-4@20250514", "claude-sonnet-4@20250514", "claude-3-7-sonnet@20250219",
         "claude-3-5-haiku@20241022"),
        DAYS, "genai-prices has it for Fable 5.2 only; a search does not cost by model",
    ),
}  # fmt: skip

MISSING_THERE = {
    ("anthropic", "claude-mythos-5"): "limited availability: its importer skips those; price page and litellm have it",
    (
        "anthropic",
        "claude-mythos-5-1",
    ): "limited availability: its importer skips those; price page and litellm have it",
}

MISSING_HERE = {
    ("anthropic", "claude-v1"): "retired 2024-11-06, before any SDK that is instrumented",
    ("anthropic", "claude-2"): "retired 2025-07-21, before any SDK that is instrumented",
    ("anthropic", "claude-3-sonnet"): "retired 2025-07-21, before any SDK that is instrumented",
    ("aws", "regional.anthropic.claude-3-haiku-20240307-v1:0"): "no cache prices, retired",
    ("aws", "regional.anthropic.claude-3-opus-20240229-v1:0"): "no cache prices, retired",
    ("aws", "regional.anthropic.claude-3-sonnet-20240229-v1:0"): "retired",
    ("aws", "regional.anthropic.claude-3-5-sonnet-20240620-v1:0"): "retired",
    ("google", "claude-3-5-sonnet"): "retired",
    ("google", "claude-3-haiku"): "retired",
    ("google", "claude-3-opus"): "retired",
}


def theirs(provider: str, name: str) -> Any:
    """The model of genai-prices that `name` matches, or `None`."""
    return next((model for model in PROVIDERS[provider].models if model.is_match(name)), None)


def at(day: date) -> datetime:
    """Noon of a day."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc)


def their_rates(model: Any, day: date, context: dict[str, str], prompt: int) -> Numbers:
    """Their USD for a million tokens; all `None` where they have no variant for `context`."""
    variants = [
        variant
        for variant in model.price_variants or ()
        if variant.when == context and (variant.constraint is None or variant.constraint.active(at(day)))
    ]
    if context and not variants:
        return (None,) * len(GENAI_NAMES)
    prices = model.get_prices(at(day), context or None)
    return tuple(at_length(getattr(prices, name), prompt) for name in GENAI_NAMES)


def at_length(price: Any, prompt: int) -> Decimal | None:
    """A price of theirs for a prompt of so many tokens."""
    if price is None or isinstance(price, Decimal):
        return price
    dearer = [tier.price for tier in price.tiers if prompt > tier.start]
    return Decimal(dearer[-1] if dearer else price.base)


def our_rates(provider: str, name: str, day: date, context: dict[str, str], prompt: int) -> Numbers:
    """Our USD for a million tokens; all `None` where there is no price."""
    rates = PRICES.rates(
        name,
        platform=OUR_PLATFORM[provider],
        region="global",
        service_tier="batch" if context.get("processing") == "batch" else None,
        speed="fast" if context.get("speed") == "fast" else None,
        prompt_tokens=prompt,
        at=day,
    )
    if rates is None:
        return (None,) * len(GENAI_NAMES)
    return tuple(None if rate is None else Decimal(f"{rate * 1e6:.9g}") for rate in rates)


def differing_days(provider: str, name: str, context: dict[str, str]) -> tuple[date, ...]:
    """The days on which a price of `name` differs, at any length of prompt."""
    model = theirs(provider, name)
    return tuple(
        day
        for day in DAYS
        if any(
            our_rates(provider, name, day, context, prompt) != their_rates(model, day, context, prompt)
            for prompt in PROMPTS
        )
    )


def differing_searches(provider: str, name: str) -> tuple[date, ...]:
    """The days on which a thousand web searches cost something else."""
    ours = TABLE["platforms"][OUR_PLATFORM[provider]]["web_search"]
    model = theirs(provider, name)
    return tuple(day for day in DAYS if model.get_prices(at(day)).web_searches_kcount != ours)


def names_compared(provider: str) -> dict[str, dict[str, list[str]]]:
    """For each model, by its first id of ours: what is compared, and the names it is looked up by."""
    compared: dict[str, dict[str, list[str]]] = {}
    for row in TABLE["rows"]:
        if OUR_PLATFORM[provider] not in row["platforms"]:
            continue
        if provider != "aws":
            compared[row["models"][0]] = {"standard": row["models"]}
            continue
        ids = [name for name in row["models"] if name.startswith("anthropic.")]
        model = next(name for name in row["models"] if name.startswith("claude-"))
        compared[model] = {"regional": [f"us.{ids[0]}", ids[0]], "global": [f"global.{ids[0]}"]}
    return compared


def found_differences(provider: str) -> dict[Key, tuple[date, ...]]:
    """All differences with a provider of genai-prices. The ids of one model must not differ in different ways."""
    contexts = {"": {}, "batch": {"processing": "batch"}, "fast": {"speed": "fast"}}
    found: dict[Key, tuple[date, ...]] = {}
    for model, geographies in names_compared(provider).items():
        for geography, names in geographies.items():
            names = [name for name in names if theirs(provider, name)]
            for context in contexts if provider == "anthropic" else [""]:
                by_name = {differing_days(provider, name, contexts[context]) for name in names}
                assert len(by_name) <= 1, f"the ids of {model} differ from genai-prices in different ways"
                found[provider, model, context or geography] = next(iter(by_name), ())
        if names and provider != "aws":
            found[provider, model, "web search"] = differing_searches(provider, names[0])
    return {key: days for key, days in found.items() if days}


@pytest.mark.parametrize("provider", OUR_PLATFORM)
def test_prices_differ_where_and_when_we_say(provider: str) -> None:
    """Rates by day, prompt length, batch, fast mode and geography: no difference more, none fewer than named."""
    named = {key: when for key, (when, _) in DIFFERENCES.items() if key[0] == provider}
    assert found_differences(provider) == named


@pytest.mark.parametrize("provider", OUR_PLATFORM)
def test_models_that_genai_prices_lacks_are_named(provider: str) -> None:
    """Each model of ours is compared, or named."""
    missing = {
        (provider, model)
        for model, geographies in names_compared(provider).items()
        if not any(theirs(provider, name) for names in geographies.values() for name in names)
    }
    assert missing == {key for key in MISSING_THERE if key[0] == provider}


@pytest.mark.parametrize("provider", OUR_PLATFORM)
def test_models_that_we_lack_are_named(provider: str) -> None:
    """Each Claude model of theirs is compared, or named."""
    names = [name for ids in names_compared(provider).values() for each in ids.values() for name in each]
    matched = {theirs(provider, name).id for name in names if theirs(provider, name)}
    claude = {model.id for model in PROVIDERS[provider].models if "claude" in model.id}
    assert {(provider, model) for model in claude - matched} == {key for key in MISSING_HERE if key[0] == provider}


def test_days_on_both_sides_of_our_dates_are_compared() -> None:
    """Each date on which a price of ours changes is compared the day before, and on the day."""
    ends = [(row.get("fast") or {}).get("to") for row in TABLE["rows"]]
    dates = {*(row[end] for row in TABLE["rows"] for end in ("from", "to")), *ends} - {None}
    for day in map(date.fromisoformat, dates):
        assert {day, day - timedelta(days=1)} <= set(DAYS)


def test_the_other_platforms_have_no_claude_rows_there() -> None:
    """Were azure to get Claude models, they should be compared with `foundry`."""
    assert not [model.id for model in PROVIDERS["azure"].models if "claude" in model.id]


@pytest.mark.parametrize("key", [*DIFFERENCES, *MISSING_HERE, *MISSING_THERE])
def test_every_difference_has_a_reason(key: Any) -> None:
    """Nothing differs without a word of why."""
    reason = DIFFERENCES[key][1] if key in DIFFERENCES else {**MISSING_HERE, **MISSING_THERE}[key]
    assert reason.strip()
