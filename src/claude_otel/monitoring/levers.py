"""What the same tokens would cost at the next cheaper model: an estimate for the dashboard Cost.

The next cheaper model is the newest of the next cheaper family. Prices are the list prices of Anthropic's own API that
have no end in the table, without the surcharges for long prompts. The ratio is at most 1: where the cheaper model's
price of something is not lower, nothing is saved.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.ledger import COST
from claude_otel.monitoring.promql import any_of, number
from claude_otel.monitoring.rule import Group, Recording
from claude_otel.price_table import PRICES_FILE, RATES

CHEAPER = "model_component:claude_next_cheaper_price:ratio"

NEXT = {"fable": "opus", "mythos": "opus", "opus": "sonnet", "sonnet": "haiku"}
"""The next cheaper family of each."""


def group() -> Group:
    """The price of the next cheaper model as a share of the price that is paid, of models in use."""
    labels = f"{m.RESPONSE_MODEL}, {m.COST_COMPONENT}"
    alike: dict[tuple[float, tuple[str, ...]], list[str]] = {}
    for (component, ratio), models in ratios().items():
        alike.setdefault((ratio, tuple(models)), []).append(component)
    parts = []
    for (ratio, names), components in sorted(alike.items()):
        used = COST.where(f"{m.COST_COMPONENT}=~{any_of(components)}, {m.RESPONSE_MODEL}=~{any_of(names)}")
        parts.append(f"{number(ratio)} * group by ({labels}) ({used})")
    return Group("claude-levers", (Recording(CHEAPER, "\nor\n".join(parts)),), "Of list prices: an estimate")


def ratios() -> dict[tuple[str, float], list[str]]:
    """The models whose next cheaper model has the same share of a price, by the part of a bill and that share."""
    rows = [row for row in json.loads(PRICES_FILE.read_text())["rows"] if "anthropic" in row["platforms"]]
    current = [row for row in rows if row["to"] is None]
    found: dict[tuple[str, float], list[str]] = {}
    for row in current:
        cheaper = next((each for each in current if family(each) == NEXT.get(family(row))), None)
        for component in RATES if cheaper else ():
            found.setdefault((component, share(row, cheaper, component)), []).extend(row["models"])
    return {key: models for key, models in found.items() if key[1] < 1}


def share(row: Mapping[str, Any], cheaper: Mapping[str, Any] | None, component: str) -> float:
    """What is paid at the cheaper model for what costs 1, at most 1."""
    if cheaper is None or not row[component] or cheaper[component] is None:
        return 1.0
    return min(1.0, round(float(cheaper[component]) / float(row[component]), 4))


def family(row: Mapping[str, Any]) -> str:
    """The family of a row's models."""
    found = re.search("fable|mythos|opus|sonnet|haiku", row["models"][0])
    return found[0] if found else ""
