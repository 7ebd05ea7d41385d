"""The rows of prices.json: how they are named, dated and found, and what a user may lay over them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from claude_otel.telemetry import COST_COMPONENTS

PRICES_FILE = Path(__file__).with_name("prices.json")

*RATES, WEB_SEARCH = COST_COMPONENTS
"""`RATES` are the prices of a row, in USD for a million tokens; `null` where none is published."""

CACHE_RATES = RATES[2:]

REGIONAL_PREFIXES = ("us.", "eu.", "apac.", "jp.", "au.", "in.", "us-gov.")
"""Bedrock's inference profiles that keep a request within a geography, at the regional price."""

GLOBAL_PREFIX = "global."

At = datetime | date | float
"""When a call was made: a `datetime` (a naive one is UTC), a `date`, or seconds since 1970."""


class PriceError(ValueError):
    """What is wrong with prices that a user gave: one line for each fault, with its place and the way out."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Discounts:
    """Percent off the list price: that of the model, else that of the platform, else the overall one."""

    overall: float = 0.0
    platforms: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, float] = field(default_factory=dict)

    def factor(self, platform: str, models: tuple[str, ...] = ()) -> float:
        """What remains of a list price of 1 for a model that goes by any of the names `models`."""
        by_platform = self.platforms.get(platform, self.overall)
        percent = next((self.models[model] for model in models if model in self.models), by_platform)
        return 1 - percent / 100


def table_name(model: str) -> str:
    """`model` as rows name it: without the ARN around it and the geography of a Bedrock inference profile."""
    name = model.rsplit("/", 1)[-1] if model.startswith("arn:") else model
    for prefix in (GLOBAL_PREFIX, *REGIONAL_PREFIXES):
        if name.startswith(prefix + "anthropic."):
            return name[len(prefix) :]
    return name


def is_global_profile(model: str) -> bool | None:
    """Whether a Bedrock model id is served globally; `None` if the id does not say."""
    name = model.rsplit("/", 1)[-1] if model.startswith("arn:") else model
    if name.startswith(GLOBAL_PREFIX + "anthropic."):
        return True
    # An id without a geography is served in the Region of its endpoint, which is the regional price too.
    if table_name(name).startswith("anthropic."):
        return False
    return None


def rows_by_model(rows: list[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """The rows of each platform and model id in the table's order, with their dates as days since 1970."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        dated = {**row, "first_day": first_day(row.get("from")), "end_day": end_day(row.get("to"))}
        for platform in row["platforms"]:
            for model in row["models"]:
                found.setdefault((platform, model), []).append(dated)
    return found


def first_day(text: str | None) -> float:
    """The day since 1970 of an ISO date; before all days if there is none."""
    return -math.inf if text is None else unix_day(date.fromisoformat(text))


def end_day(text: str | None) -> float:
    """The day since 1970 of an ISO date; after all days if there is none."""
    return math.inf if text is None else unix_day(date.fromisoformat(text))


def unix_day(at: At) -> int:
    """The days since 1970-01-01, in UTC."""
    if isinstance(at, float):
        return int(at // 86400)
    if isinstance(at, datetime):
        aware = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
        return int(aware.timestamp() // 86400)
    if isinstance(at, date):
        return at.toordinal() - date(1970, 1, 1).toordinal()
    return int(at // 86400)
