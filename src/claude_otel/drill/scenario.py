"""A scenario: how one alert is brought about, who must hear of it, what it must silence, and how it is put right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from claude_otel.drill.stage import Stage

Labels = Mapping[str, str]
Act = Callable[[Stage], None]


@dataclass(frozen=True)
class Other:
    """Another alert that fires too, and that nobody must be told of while this one does."""

    alert: str
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """How `alert` is caused and put right. `after` names the alerts whose scenarios must be over before it begins."""

    alert: str
    cause: str
    receiver: str
    begin: Act
    remedy: Act
    labels: Labels = field(default_factory=dict)
    silences: tuple[Other, ...] = ()
    after: tuple[str, ...] = ()
    along: str = ""
    """The scenario that brings this alert about on its way: this one waits for it to get there."""
    resolves: bool = True
    patience: float = 300.0
    """Seconds that it may take to fire, and again to resolve."""
