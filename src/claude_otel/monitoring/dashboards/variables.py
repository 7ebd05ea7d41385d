"""The variables of every dashboard: the data source, and what is looked at."""

from __future__ import annotations

from typing import Any

from claude_otel.monitoring import ledger
from claude_otel.monitoring import metric_names as m

SOURCE = "datasource"
"""The variable of the data source. Every query goes to it."""

DATA_SOURCE = {"type": "prometheus", "uid": f"${{{SOURCE}}}"}

CHOICES = {
    "service": (m.JOB, ledger.CALLS.where()),
    "environment": (m.ENVIRONMENT, ledger.CALLS.where(f'{m.JOB}=~"$service"')),
    "surface": (m.SURFACE, ledger.CALLS.where(f'{m.JOB}=~"$service", {m.ENVIRONMENT}=~"$environment"')),
    "model": (m.RESPONSE_MODEL, ledger.INPUT_TOKENS.where(f'{m.SURFACE}=~"$surface"')),
}
"""Each choice: the label that is chosen from, and the series that have it. All of them are in the ledger: few series."""


def variables() -> list[dict[str, Any]]:
    """The variables as Grafana has them."""
    return [
        {
            "type": "datasource",
            "name": SOURCE,
            "label": "Data source",
            "query": "prometheus",
            "refresh": 1,
            "current": {"text": "Prometheus", "value": "prometheus"},
        },
        *(choice(name, label, series) for name, (label, series) in CHOICES.items()),
    ]


def choice(name: str, label: str, series: str) -> dict[str, Any]:
    """A variable whose values are those of a label, all of them unless some are chosen."""
    query = f"label_values({series}, {label})"
    return {
        "type": "query",
        "name": name,
        "label": name.capitalize(),
        "datasource": DATA_SOURCE,
        "definition": query,
        "query": {"query": query, "refId": f"{name}-values"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }
