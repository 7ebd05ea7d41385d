"""The retirement dates of models, as recording rules that alerts join with the models in use."""

from __future__ import annotations

from datetime import date, datetime, timezone

from claude_otel.monitoring import lifecycle
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.rule import Group, Recording
from claude_otel.price_table import GLOBAL_PREFIX, REGIONAL_PREFIXES

RETIREMENT = "model:claude_retirement_timestamp_seconds:constant"
DATA_TIME = "claude:lifecycle_data_timestamp_seconds:constant"


def group(config: Config) -> Group:
    """When each model retires whose retirement is announced, and of which day these dates are."""
    known = lifecycle.of(config)
    dates: dict[tuple[str, str], date] = {}
    for row in known.rows:
        for provider in row.providers if row.dated else ():
            for name in asked_as(provider, row):
                assert row.retires is not None
                dates[provider, name] = min(row.retires, dates.get((provider, name), row.retires))
    rules = [
        Recording(RETIREMENT, f"vector({midnight(day)})", {m.PROVIDER: provider, m.REQUEST_MODEL: name}, str(day))
        for (provider, name), day in dates.items()
    ]
    rules.append(Recording(DATA_TIME, f"vector({midnight(known.as_of)})", why=str(known.as_of)))
    return Group("claude-models", tuple(rules), "lifecycle.json; `not sooner than` is no date, and not among them")


def asked_as(provider: str, row: lifecycle.Row) -> tuple[str, ...]:
    """The names that a request may give the model of `row`, Bedrock's inference profiles included."""
    if provider != lifecycle.PROVIDERS["bedrock"]:
        return row.names
    return tuple(prefix + name for name in row.names for prefix in ("", GLOBAL_PREFIX, *REGIONAL_PREFIXES))


def midnight(day: date) -> int:
    """The unix time at which `day` begins in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp())
