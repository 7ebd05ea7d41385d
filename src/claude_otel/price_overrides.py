"""A user's prices, discounts and aliases (`prices` in claude-otel.yaml), checked and laid over the table."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from claude_otel.price_table import RATES, Discounts, PriceError, table_name

Row = dict[str, Any]

TOP_KEYS = ("aliases", "discount", "models", "web_search")
DISCOUNT_KEYS = ("overall", "platforms", "models")
LONG_KEYS = ("above", *RATES)
FAST_KEYS = ("input", "output", "platforms", "to")
ROW_KEYS = (
    *RATES,
    "batch",
    "cache_minimum",
    "fast",
    "from",
    "geo",
    "long_prompt",
    "platforms",
    "regional",
    "to",
)
REQUIRED = ("input", "output")


def apply(table: Mapping[str, Any], overrides: object) -> tuple[Row, Discounts, dict[str, str]]:
    """The table with the user's rows before its own, the user's discounts, and the user's aliases.

    Raises PriceError with all faults.
    """
    checked = Overrides(table)
    result = checked.apply(overrides)
    if checked.faults:
        raise PriceError(checked.faults)
    return result


class Overrides:
    """Reads the key `prices`, and gathers the faults it finds on the way."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.table = table
        self.faults: list[str] = []

    def apply(self, overrides: object) -> tuple[Row, Discounts, dict[str, str]]:
        """The table, discounts and aliases; meaningless if there are faults."""
        given = self.mapping("prices", overrides, TOP_KEYS)
        rows = [*self.user_rows(given.get("models")), *self.table["rows"]]
        priced = {model for row in rows for model in row["models"]}
        platforms = self.platform_prices(given.get("web_search"))
        aliases = self.aliases(given.get("aliases"), priced)
        discounts = self.discounts(given.get("discount"), rows, priced | set(aliases))
        return {**self.table, "rows": rows, "platforms": platforms}, discounts, aliases

    def platform_prices(self, web_search: object) -> Mapping[str, Any]:
        """The platforms, with the user's price of a thousand web searches wherever there is one."""
        platforms: Mapping[str, Any] = self.table["platforms"]
        price = self.price("prices.web_search", web_search)
        if price is None:
            return platforms
        return {
            name: {**entry, "web_search": price} if entry["web_search"] is not None else entry
            for name, entry in platforms.items()
        }

    def user_rows(self, models: object) -> list[Row]:
        """The rows that the user's `models` come to."""
        rows: list[Row] = []
        for model, given in self.mapping("prices.models", models).items():
            many = isinstance(given, list)
            for index, one in enumerate(given if isinstance(given, list) else [given]):
                place = f"prices.models.{model}" + (f"[{index}]" if many else "")
                rows += self.model_rows(place, model, one)
        return rows

    def model_rows(self, place: str, model: str, given: object) -> list[Row]:
        """The user's row for `model`: over each row it changes, or on its own where there is none."""
        row = self.row(place, given)
        wanted = row.pop("platforms", list(self.table["platforms"]))
        changed = [
            merged(old, row, wanted)
            for old in self.table["rows"]
            if model in old["models"] and set(old["platforms"]) & set(wanted)
        ]
        known = {platform for old in changed for platform in old["platforms"]}
        new = [platform for platform in wanted if platform not in known]
        if not new or ("platforms" not in self.as_mapping(given) and changed):
            return changed
        for name in REQUIRED:
            if name not in self.as_mapping(given):
                self.fault(f"{place}.{name}", f"is missing: {model!r} has no row on {', '.join(new)}", "add it")
        empty = {**dict.fromkeys(RATES), "from": None, "to": None, "source": "user"}
        return [*changed, {**empty, **row, "id": f"user/{model}", "platforms": new, "models": [model]}]

    def row(self, place: str, given: object) -> Row:
        """The keys that the user gave for a model, checked."""
        row = dict(self.mapping(place, given, ROW_KEYS))
        for name in (*RATES, "batch", "cache_minimum", "regional"):
            if name in row:
                check = self.required if name in REQUIRED else self.price
                row[name] = check(f"{place}.{name}", row[name])
        for name in ("from", "to"):
            if name in row:
                row[name] = self.day(f"{place}.{name}", row[name])
        if "geo" in row:
            geo = self.mapping(f"{place}.geo", row["geo"])
            row["geo"] = {name: self.required(f"{place}.geo.{name}", value) for name, value in geo.items()}
        if "platforms" in row:
            row["platforms"] = self.platforms(f"{place}.platforms", row["platforms"])
        if row.get("long_prompt") is not None:
            row["long_prompt"] = self.part(f"{place}.long_prompt", row["long_prompt"], LONG_KEYS, ("above", *REQUIRED))
        if row.get("fast") is not None:
            row["fast"] = self.fast(f"{place}.fast", row["fast"])
        return row

    def fast(self, place: str, given: object) -> Row:
        """The user's prices of fast mode."""
        fast = dict(self.part(place, given, FAST_KEYS, REQUIRED))
        fast["platforms"] = self.platforms(f"{place}.platforms", fast.get("platforms", list(self.table["platforms"])))
        fast["to"] = self.day(f"{place}.to", fast.get("to"))
        return fast

    def part(self, place: str, given: object, keys: tuple[str, ...], required: tuple[str, ...]) -> Row:
        """A mapping of prices within a row."""
        part = dict(self.mapping(place, given, keys))
        for name in required if isinstance(given, Mapping) else ():
            if name not in part:
                self.fault(f"{place}.{name}", "is missing", "add it")
        for name in part.keys() & {"above", *RATES}:
            check = self.required if name in required else self.price
            part[name] = check(f"{place}.{name}", part[name])
        return part

    def platforms(self, place: str, given: object) -> list[str]:
        """The platforms that the user named."""
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list) or not names:
            self.fault(place, f"is {given!r}, not a list of platforms", self.known_platforms())
            return []
        known = [name for name in names if isinstance(name, str) and name in self.table["platforms"]]
        for name in names:
            if name not in known:
                self.fault(place, f"names the unknown platform {name!r}", self.known_platforms())
        return known

    def known_platforms(self) -> str:
        """Which platforms there are, as a way out."""
        return "use " + ", ".join(self.table["platforms"])

    def discounts(self, given: object, rows: list[Row], names: set[str]) -> Discounts:
        """The user's discounts; that of a model holds for all ids that its rows have."""
        if given is None or not isinstance(given, Mapping):
            return Discounts(overall=0.0 if given is None else self.percent("prices.discount", given))
        given = self.mapping("prices.discount", given, DISCOUNT_KEYS)
        overall = self.percent("prices.discount.overall", given.get("overall", 0))
        return Discounts(overall, self.platform_discounts(given), self.model_discounts(given, rows, names))

    def platform_discounts(self, given: Mapping[str, Any]) -> dict[str, float]:
        """Percent by platform."""
        place = "prices.discount.platforms"
        percents = self.mapping(place, given.get("platforms"), tuple(self.table["platforms"]))
        return {name: self.percent(f"{place}.{name}", value) for name, value in percents.items()}

    def model_discounts(self, given: Mapping[str, Any], rows: list[Row], names: set[str]) -> dict[str, float]:
        """Percent by every id of the models that the user named."""
        place = "prices.discount.models"
        percents: dict[str, float] = {}
        explicit = self.mapping(place, given.get("models"))
        for model, value in explicit.items():
            percent = self.percent(f"{place}.{model}", value)
            self.check_priced(f"{place}.{model}", model, names)
            ids = {name for row in rows if table_name(model) in row["models"] for name in row["models"]}
            for name in {model, *(ids - set(explicit))}:
                percents[name] = percent
        return percents

    def aliases(self, given: object, priced: set[str]) -> dict[str, str]:
        """The user's names for models."""
        aliases: dict[str, str] = {}
        for name, target in self.mapping("prices.aliases", given).items():
            place = f"prices.aliases.{name}"
            if not isinstance(target, str):
                self.fault(
                    place,
                    f"is {target!r}, not the name of a model",
                    "write a model id, such as claude-opus-5-5",
                )
            else:
                self.check_priced(place, target, priced)
                aliases[name] = target
        return aliases

    def check_priced(self, place: str, model: str, priced: set[str]) -> None:
        """A fault if `model` has no price anywhere."""
        if model in priced or table_name(model) in priced:
            return
        near = difflib.get_close_matches(model, priced, n=1)
        hint = f"did you mean {near[0]!r}? Else" if near else "correct the name, or"
        self.fault(place, f"names {model!r}, which has no price", f"{hint} add it under prices.models")

    def percent(self, place: str, given: object) -> float:
        """Percent off; a negative one is a surcharge."""
        value = self.number(place, given)
        if abs(value) > 100:
            self.fault(place, f"is {given!r}", "give percent, from -100 (a surcharge) to 100")
        return value

    def price(self, place: str, given: object) -> float | None:
        """A price or another number that is not negative; `null` says that there is none."""
        if given is None:
            return None
        value = self.number(place, given)
        if value < 0:
            self.fault(place, f"is {given!r}, which is negative", "give a number of 0 or more, or null for no price")
        return value

    def required(self, place: str, given: object) -> float:
        """A price that cannot be left out."""
        price = self.number(place, given) if given is None else self.price(place, given)
        return price or 0.0

    def number(self, place: str, given: object) -> float:
        """A finite number."""
        if isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given):
            return float(given)
        self.fault(place, f"is {given!r}, not a number", "give a number without quotes or a unit")
        return 0.0

    def day(self, place: str, given: object) -> str | None:
        """A date as ISO text."""
        if given is None:
            return None
        if isinstance(given, date) and not isinstance(given, datetime):
            return given.isoformat()
        try:
            return date.fromisoformat(str(given)).isoformat()
        except ValueError:
            self.fault(place, f"is {given!r}, not a date", "write it as 2026-11-30")
            return None

    def mapping(self, place: str, given: object, keys: Iterable[str] | None = None) -> Mapping[str, Any]:
        """`given` as a mapping with text keys, all of them among `keys` if these are given."""
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            self.fault(place, f"is {given!r}, not a mapping", "write `name: value` lines below it")
            return {}
        known = None if keys is None else tuple(keys)
        for key in given:
            if not isinstance(key, str):
                self.fault(f"{place}.{key}", "has a key that is not text", "put the key in quotes")
            elif known is not None and key not in known:
                self.fault(f"{place}.{key}", "is not known", f"use {', '.join(known)}")
        return {key: given[key] for key in given if isinstance(key, str) and (known is None or key in known)}

    def as_mapping(self, given: object) -> Mapping[str, Any]:
        """`given` if it is a mapping; its faults are told elsewhere."""
        return given if isinstance(given, Mapping) else {}

    def fault(self, place: str, what: str, remedy: str) -> None:
        """Note that what stands at `place` is wrong, and how to put it right."""
        self.faults.append(f"{place} {what}; {remedy}")


def merged(old: Mapping[str, Any], given: Row, wanted: list[str]) -> Row:
    """The row `old` with what the user gave, on the wanted platforms and for the days that both hold."""
    row = {**old, **given, "id": f"user/{old['id']}", "source": "user"}
    row["platforms"] = [platform for platform in old["platforms"] if platform in wanted]
    row["from"] = max(old.get("from") or "", given.get("from") or "") or None
    row["to"] = min(old.get("to") or "9999-12-31", given.get("to") or "9999-12-31")
    return row
