"""The bill of a call: its tokens times the prices of prices.json, in USD.

A *row* is the price of a model on some platforms between two dates. A *tariff* is what a row comes to in
given circumstances (platform, region, tier, speed, geography, day): the *rates*, in USD for one token, of short
and of long prompts. Tariffs are worked out once and kept, since an application's calls ask for the same few.
What has no row, or no price in its circumstances, is unpriced: never 0, never the price of a neighbour.
Where every rule comes from is told in docs/pricing.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from claude_otel import price_overrides
from claude_otel.price_table import (
    CACHE_RATES,
    PRICES_FILE,
    RATES,
    WEB_SEARCH,
    At,
    Discounts,
    PriceError,
    end_day,
    is_global_profile,
    rows_by_model,
    table_name,
    unix_day,
)
from claude_otel.usage import Entry, Usage

__all__ = ["At", "Bill", "Line", "PriceError", "Prices", "Rates"]

MAX_TARIFFS = 2048


class Rates(NamedTuple):
    """USD for one token of each kind; `None` where no price is published."""

    input: float
    output: float
    read: float | None
    write_5m: float | None
    write_1h: float | None


class Tariff(NamedTuple):
    """The rates of a model in given circumstances, and those of prompts `above` that many tokens."""

    rates: Rates
    above: float
    long_rates: Rates
    row: str


Line = tuple[str, str, float]
"""A part of a bill: a model, a component of `COST_COMPONENTS`, and what the one cost for the other."""


@dataclass(slots=True)
class Bill:
    """The cost of a call in USD, and what it had cost `uncached`: with all input tokens at the base rate.

    Where a model is `unpriced` the total lacks it and must not be used: `priced` is false.
    """

    lines: list[Line] = field(default_factory=list)
    total: float = 0.0
    uncached: float = 0.0
    unpriced: tuple[str, ...] = ()

    @property
    def priced(self) -> bool:
        """Whether `total` is the whole cost."""
        return not self.unpriced

    def by_model(self) -> dict[str, float]:
        """USD by model, over all components."""
        return _sums((model, usd) for model, _, usd in self.lines)


class Circumstances(NamedTuple):
    """All of a call that decides its rates: a key of the tariffs that are kept."""

    model: str
    requested: str | None
    platform: str
    region: str | None
    service_tier: str | None
    speed: str | None
    inference_geo: str | None
    day: int


class Prices:
    """The vendored table with a user's prices, discounts and aliases over it."""

    def __init__(self, table: Mapping[str, Any], discounts: Discounts, aliases: Mapping[str, str]) -> None:
        self.as_of: str = table["as_of"]
        self._platforms: Mapping[str, Any] = table["platforms"]
        self._rows = rows_by_model(table["rows"])
        self.lengths = sorted({row["long_prompt"]["above"] for row in table["rows"] if row.get("long_prompt")})
        """The tokens of a prompt above which some model has other prices."""
        self._discounts = discounts
        self._aliases = aliases
        self._tariffs: dict[tuple[object, ...], Tariff | None] = {}
        self._minimums: dict[tuple[str, str], int | None] = {}

    @classmethod
    def load(cls, overrides: Mapping[str, Any] | None = None) -> Prices:
        """The vendored table under the user's `overrides`, which are the key `prices` of claude-otel.yaml.

        Raises PriceError with every fault of `overrides` at once.
        """
        table = json.loads(PRICES_FILE.read_text(encoding="utf-8"))
        if overrides is None:
            return cls(table, Discounts(), {})
        return cls(*price_overrides.apply(table, overrides))

    def bill(
        self,
        usage: Usage,
        *,
        requested: str | None,
        served: str | None,
        platform: str = "anthropic",
        region: str | None = None,
        stop_reason: str | None = None,
        at: At,
    ) -> Bill:
        """The bill of an answer: each entry at its own model, else the served one, else the requested one.

        A refusal before any output is not billed.
        """
        bill = Bill()
        if stop_reason == "refusal" and not any(entry.output_tokens for entry in usage.entries):
            return bill
        call_model = served or requested or "unknown"
        around = (requested, platform, region, usage.service_tier, usage.speed, usage.inference_geo, unix_day(at))
        unpriced: list[str] = []
        for entry in usage.entries:
            if entry.billed:
                model = entry.model or call_model
                key = (model, *around)
                tariff = self._tariffs.get(key) or self.tariff(Circumstances(*key))
                if tariff is None or not add_entry(bill, model, entry, tariff):
                    unpriced.append(model)
        if usage.web_search_requests and not self._add_searches(bill, call_model, platform, usage):
            unpriced.append(call_model)
        if unpriced:
            bill.unpriced = tuple(dict.fromkeys(unpriced))
        return bill

    def rates(
        self,
        model: str,
        *,
        platform: str = "anthropic",
        region: str | None = None,
        requested: str | None = None,
        service_tier: str | None = None,
        speed: str | None = None,
        inference_geo: str | None = None,
        prompt_tokens: int = 0,
        at: At,
    ) -> Rates | None:
        """USD for one token of `model`, or `None` where it has no price in these circumstances."""
        tariff = self.tariff(
            Circumstances(model, requested, platform, region, service_tier, speed, inference_geo, unix_day(at))
        )
        if tariff is None:
            return None
        return tariff.long_rates if prompt_tokens > tariff.above else tariff.rates

    def row_id(self, model: str, *, platform: str = "anthropic", at: At) -> str | None:
        """The id of the row that prices `model`, or `None`."""
        row = self._row(self._names(model), platform, unix_day(at))
        return None if row is None else str(row["id"])

    def cache_minimum(self, model: str, platform: str = "anthropic") -> int | None:
        """The tokens below which a prefix of `model` is silently not cached; `None` if not known."""
        key = (model, platform)
        if key not in self._minimums:
            if len(self._minimums) >= MAX_TARIFFS:
                self._minimums.clear()
            rows = self._rows_of(self._names(model), platform)
            self._minimums[key] = next((row["cache_minimum"] for row in rows if row.get("cache_minimum")), None)
        return self._minimums[key]

    def tariff(self, key: Circumstances) -> Tariff | None:
        """The tariff in these circumstances, `None` where there is no price."""
        try:
            return self._tariffs[key]
        except KeyError:
            if len(self._tariffs) >= MAX_TARIFFS:
                self._tariffs.clear()
            tariff = self._tariffs[key] = self._compile(key)
            return tariff

    def _compile(self, key: Circumstances) -> Tariff | None:
        names = self._names(key.model)
        row = self._row(names, key.platform, key.day)
        if row is None:
            return None
        factor = self._factor(row, key)
        if factor is None:
            return None
        factor *= self._discounts.factor(key.platform, names)
        if key.speed == "fast":
            rates = fast_rates(row, key, factor)
            return None if rates is None else Tariff(rates, math.inf, rates, row["id"])
        long = row.get("long_prompt")
        rates = token_rates(row, factor)
        if long is None:
            return Tariff(rates, math.inf, rates, row["id"])
        return Tariff(rates, long["above"], token_rates(long, factor), row["id"])

    def _row(self, names: tuple[str, ...], platform: str, day: int) -> Mapping[str, Any] | None:
        rows = self._rows_of(names, platform)
        return next((row for row in rows if row["first_day"] <= day < row["end_day"]), None)

    def _rows_of(self, names: tuple[str, ...], platform: str) -> Iterator[Mapping[str, Any]]:
        for name in dict.fromkeys(names[1:]):
            yield from self._rows.get((platform, name), ())

    def _factor(self, row: Mapping[str, Any], key: Circumstances) -> float | None:
        """The product of all that multiplies every token price, `None` where one of them has no price."""
        parts = (
            self._tier_factor(row, key),
            1.0 if key.speed in (None, "standard", "fast") else None,
            geo_factor(row, key.inference_geo),
            self._region_factor(row, key),
        )
        product = 1.0
        for part in parts:
            if part is None:
                return None
            product *= part
        return product

    def _tier_factor(self, row: Mapping[str, Any], key: Circumstances) -> float | None:
        if key.service_tier in (None, "standard"):
            return 1.0
        if key.service_tier == "priority":
            return 1.0 if self._platforms[key.platform]["priority"] else None
        if key.service_tier == "batch" and key.speed != "fast":
            return row.get("batch")
        return None

    def _region_factor(self, row: Mapping[str, Any], key: Circumstances) -> float | None:
        premium: float | None = row.get("regional")
        where = self._platforms[key.platform].get("regions")
        if premium is None or where is None:
            return 1.0
        if where == "region":
            is_global = None if not key.region else key.region == "global"
        else:
            is_global = is_global_profile(self._alias(key.requested or key.model))
        if is_global is None:
            return None
        return 1.0 if is_global else premium

    def _names(self, model: str) -> tuple[str, ...]:
        """The names that `model` goes by: as given, by the user's alias, and as it stands in the table."""
        alias = self._alias(model)
        return (model, alias, table_name(alias))

    def _alias(self, model: str) -> str:
        return self._aliases.get(model, model)

    def _add_searches(self, bill: Bill, model: str, platform: str, usage: Usage) -> bool:
        price = self._platforms.get(platform, {}).get("web_search")
        if price is None:
            return False
        usd = usage.web_search_requests * price / 1000 * self._discounts.factor(platform)
        bill.lines.append((model, WEB_SEARCH, usd))
        bill.total += usd
        bill.uncached += usd
        return True


def add_entry(bill: Bill, model: str, entry: Entry, tariff: Tariff) -> bool:
    """Put the tokens of `entry` on `bill`; false if one of its kinds of tokens has no price."""
    fresh, out = entry.input_tokens, entry.output_tokens
    read, write_5m, write_1h = entry.cache_read, entry.cache_write_5m, entry.cache_write_1h
    prompt = fresh + read + write_5m + write_1h
    rates = tariff.rates if prompt <= tariff.above else tariff.long_rates
    lines, total = bill.lines, 0.0
    if None in rates and not all_priced(rates, (fresh, out, read, write_5m, write_1h)):
        return False
    for component, tokens, rate in zip(RATES, (fresh, out, read, write_5m, write_1h), rates):  # noqa: B905 - five of each, and checked for each call
        if tokens:
            usd = tokens * rate  # type: ignore[operator]
            total += usd
            lines.append((model, component, usd))
    bill.total += total
    bill.uncached += prompt * rates.input + out * rates.output
    return True


def all_priced(rates: Rates, tokens: tuple[int, ...]) -> bool:
    """Whether each kind of tokens that there are any of has a price."""
    return all(rate is not None or not count for rate, count in zip(rates, tokens, strict=True))


def token_rates(prices: Mapping[str, Any], factor: float) -> Rates:
    """USD for one token from USD for a million, times `factor`."""

    def rate(name: str) -> float:
        usd: float = prices[name]
        return usd * factor / 1_000_000

    cache = [None if prices.get(name) is None else rate(name) for name in CACHE_RATES]
    return Rates(rate("input"), rate("output"), *cache)


def fast_rates(row: Mapping[str, Any], key: Circumstances, factor: float) -> Rates | None:
    """The rates of fast mode: its own input and output, the row's cache prices in the ratio of the inputs.

    `None` where the model, the platform or the day has no fast mode.
    """
    fast = row.get("fast")
    if fast is None or key.platform not in fast["platforms"] or key.day >= end_day(fast.get("to")):
        return None
    ratio = fast["input"] / row["input"] if row["input"] else 0.0
    cache = {name: None if row[name] is None else row[name] * ratio for name in CACHE_RATES}
    return token_rates({**cache, "input": fast["input"], "output": fast["output"]}, factor)


def geo_factor(row: Mapping[str, Any], inference_geo: str | None) -> float | None:
    """What the geography of the inference multiplies token prices by; `None` for one without a price."""
    prices: Mapping[str, float] | None = row.get("geo")
    if prices is None or inference_geo in (None, "", "global", "not_available"):
        return 1.0
    return prices.get(str(inference_geo))


def _sums(pairs: Iterator[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, usd in pairs:
        sums[name] = sums.get(name, 0.0) + usd
    return sums
