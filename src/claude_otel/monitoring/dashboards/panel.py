"""What a dashboard is made of: boards, rows, panels, and what a panel asks and says. No Grafana in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from claude_otel.monitoring.alert import Dashboard
from claude_otel.monitoring.promql import names

Kind = Literal["answer", "stat", "curves", "bars", "table"]
"""`answer` is a word on its colour, with a number; `stat` is a number; `bars` are sorted; `curves` are over time."""

Unit = Literal[
    "s", "currencyUSD", "percentunit", "short", "none", "bytes", "dateTimeAsIso", "calls", "tokens", "attempts", "tokens/s"
]  # fmt: skip
Colour = Literal[
    "green", "yellow", "orange", "red", "dark-red", "purple", "blue", "light-blue", "gray", "text", "transparent"
]

Steps = tuple[tuple[float, Colour], ...]
"""From which value on a colour holds. Below the first it is green, or what the panel says."""


@dataclass(frozen=True)
class Query:
    """What is asked of Prometheus, and how its result is called: `{{label}}` stands for the value of a label."""

    expr: str
    legend: str = ""
    exemplars: bool = False

    @property
    def step(self) -> str:
        """The shortest step worth asking for: recorded series have a sample a minute, raw ones one for each export."""
        return "1m" if any(":" in name for name in names(self.expr)) else ""


@dataclass(frozen=True)
class Column:
    """A column of a table: the label that it shows, or the letter of the query whose value it shows."""

    of: str
    title: str
    unit: Unit = "none"
    steps: Steps = ()
    width: int | None = None
    decimals: int | None = None
    base: Colour = "text"


@dataclass(frozen=True)
class Word:
    """What stands for a legend: its text, its colour, and the unit of its number where that differs."""

    text: str
    colour: Colour | None = None
    unit: Unit | None = None


@dataclass(frozen=True)
class Panel:
    """One panel."""

    title: str
    kind: Kind
    queries: tuple[Query, ...]
    says: str
    """What it shows."""
    good: str
    """What is good."""
    do: str
    """What to do when it is not."""
    unit: Unit = "none"
    steps: Steps = ()
    base: Colour = "green"
    """The colour below the first step."""
    own_steps: Mapping[str, Steps] = field(default_factory=dict)
    """Other steps for some legends."""
    words: Mapping[str, Word] = field(default_factory=dict)
    """What stands for legends, or for values of labels in a table."""
    columns: tuple[Column, ...] = ()
    nothing: str = "Nothing"
    """What is shown when nothing comes back."""
    boards: tuple[Dashboard, ...] = ()
    alerts: tuple[str, ...] = ()
    """Where to go from here: dashboards, and the alerts whose runbooks apply."""
    in_part: bool = False
    """Whether its queries have parts that follow other choices than the rest of them."""
    stacked: bool = False
    decimals: int | None = None
    most: float | None = None
    """The end of the scale."""
    period: str = ""
    """The time that is shown whatever the dashboard's is."""
    dashed: str = ""
    """A regular expression of the legends that are limits and not measured."""


@dataclass(frozen=True)
class Row:
    """Panels side by side, with their widths of 24 together, and how high they are."""

    height: int
    panels: tuple[tuple[int, Panel], ...]
    title: str = ""


@dataclass(frozen=True)
class Board:
    """A dashboard."""

    uid: Dashboard
    title: str
    description: str
    rows: tuple[Row, ...]
    hours: int = 6
    """What it shows when it is opened."""
    refresh: str = "1m"

    @property
    def panels(self) -> list[Panel]:
        """Its panels, in the order in which they are read."""
        return [panel for row in self.rows for _, panel in row.panels]


BLAMES: Mapping[str, Word] = {
    "provider": Word("Anthropic", "red"),
    "quota": Word("Rate limit", "orange"),
    "budget": Word("Spend limit", "purple"),
    "caller": Word("Us: bad requests", "yellow"),
    "network": Word("Network", "blue"),
    "timeout": Word("Timeouts", "light-blue"),
}
"""Who is to blame for calls that fail, in words, in the same colour everywhere."""
