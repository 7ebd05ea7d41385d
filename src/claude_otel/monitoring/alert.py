"""An alert, and the helpers that write its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["page", "ticket", "info"]
Category = Literal[
    "errors", "latency", "money", "cache", "limits", "models", "answers", "pipeline", "watchdog"
]  # fmt: skip
Dashboard = Literal[
    "claude-oncall", "claude-cost", "claude-cache", "claude-latency", "claude-calls", "claude-pipeline"
]  # fmt: skip

AT_ONCE = "0s"
"""The `for` of an alert that fires as soon as it is true."""

INTERVAL = "30s"
"""How often alerts are evaluated: they only read what is recorded."""


@dataclass(frozen=True)
class Alert:
    """An alert: when it fires, why it waits so long, who hears of it, and what they read."""

    name: str
    severity: Severity
    category: Category
    expr: str
    for_: str
    why_for: str
    summary: str
    """One sentence with the numbers."""
    description: str
    """What it means, and where to look first."""
    when: str
    """The condition in words, for docs/alerts.md."""
    dashboard: Dashboard = "claude-oncall"
    keep_firing_for: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def runbook(self) -> str:
        """The file of its runbook."""
        return f"{self.name}.md"


def usd(value: str = "$value") -> str:
    """Template of an amount of money."""
    return f'${{{{ printf "%.2f" {value} }}}}'


def percent(value: str = "$value") -> str:
    """Template of a share of one as percent."""
    return f"{{{{ {value} | humanizePercentage }}}}"


def of(label: str) -> str:
    """Template of a label of the alert."""
    return f"{{{{ $labels.{label} }}}}"


def looked_up(series: str, labels: tuple[str, ...], then: str) -> str:
    """Template of the value of a recorded series with the alert's own `labels`; `then` is what is done with it."""
    if not labels:
        found = f'query "{series}"'
    else:
        matchers = ",".join(f"{label}=%q" for label in labels)
        values = " ".join(f"$labels.{label}" for label in labels)
        found = f'printf "{series}{{{matchers}}}" {values} | query'
    return f"{{{{ with {found} }}}}{{{{ . | first | value | {then} }}}}{{{{ end }}}}"
