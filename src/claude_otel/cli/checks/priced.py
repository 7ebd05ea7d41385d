"""The prices: how old they are, and the models of the configuration file that have none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timezone
from typing import Any

from claude_otel import config
from claude_otel.cli.checks.finding import Finding, error, ok, warning
from claude_otel.cli.checks.settings import warnings_of
from claude_otel.guard import log
from claude_otel.price_table import PRICES_FILE

OLD_DAYS = 60
"""Prices older than this may have changed."""

MODEL_KEYS = ("model", "models", "allowed_models", "denied_models")
"""Keys of the configuration file, outside of `prices`, whose values are model names."""


def as_of() -> date:
    """The day at which the vendored prices were right."""
    with open(PRICES_FILE, encoding="utf-8") as file:
        return date.fromisoformat(json.load(file)["as_of"])


def age(day: date, today: date) -> list[Finding]:
    """Whether prices of `day` are still recent."""
    days = (today - day).days
    if days <= OLD_DAYS:
        return [ok("prices", f"prices as of {day.isoformat()}")]
    what = f"prices as of {day.isoformat()}, {days} days old: newer models are unpriced, and prices may have changed"
    return [warning("prices", what, "Get newer ones:", "pip install --upgrade claude-otel")]


def configured_models(env: Mapping[str, str]) -> list[Finding]:
    """The models that claude-otel.yaml names and that have no price."""
    with warnings_of(log):
        document = config.read_file(env.get(config.CONFIG, ""))
        prices = config.prices(document)
    now = datetime.now(timezone.utc)
    names = sorted(set(models_in({key: value for key, value in document.items() if key != "prices"})))
    missing = [name for name in names if prices.row_id(name, at=now) is None]
    if missing:
        return [unpriced(missing, f"named in {env[config.CONFIG]}")]
    return [ok("models", f"every model that claude-otel.yaml names has a price: {', '.join(names)}")] if names else []


def unpriced(models: list[str], where: str) -> Finding:
    """The finding that `models` have no price: what they cost is in no bill, budget or alert."""
    what = f"no price for {', '.join(models)} ({where}): what it costs is in no total, budget or alert"
    remedy = "Update claude-otel, or add a price or an alias to claude-otel.yaml (docs/pricing.md), for example:"
    entry = f"prices: {{models: {{{models[0]}: {{input: 5, output: 25}}}}}}  # USD per million tokens"
    return error("models", what, remedy, "pip install --upgrade claude-otel", entry)


def models_in(value: Any, key: str = "") -> Iterator[str]:
    """The model names in a part of the configuration file; patterns are none."""
    if key in MODEL_KEYS:
        yield from (name for name in texts(value) if not set(name) & set("*?["))
    elif isinstance(value, dict):
        for inner, part in value.items():
            yield from models_in(part, str(inner))
    elif isinstance(value, list):
        for part in value:
            yield from models_in(part)


def texts(value: Any) -> list[str]:
    """The names that a text, a list of texts or the keys of a mapping are."""
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, (list, dict)) else []
