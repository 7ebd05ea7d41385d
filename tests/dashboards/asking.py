"""Asks Prometheus what a dashboard asks it, as Grafana does: with its variables put in."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from claude_otel.monitoring.dashboards.panel import Panel, Query
from claude_otel.stack.health import OPENER

Values = dict[tuple[str, ...], float]
"""The values of a query: by its legend, or by the labels that a table shows."""

ALL = {"service": ".*", "environment": ".*", "surface": ".*", "model": ".*"}


@dataclass(frozen=True)
class Grafana:
    """A data source, and what is chosen: the export interval, the time range, the variables."""

    url: str
    at: float
    seconds: float = 3600
    interval: float = 60
    """The data source's `timeInterval`."""
    points: int = 300
    """How many points a panel is wide."""
    chosen: Mapping[str, str] = field(default_factory=lambda: ALL)

    def filled(self, query: str, step: float) -> str:
        """A query with every variable put in. `$1` is PromQL's own."""
        least = max(self.interval, 60) if ":" in query else self.interval
        rate = max(step + least, 4 * least)
        values = {
            **self.chosen,
            "__range": f"{self.seconds:.0f}s",
            "__rate_interval": f"{rate:.0f}s",
            "__interval": f"{step:.0f}s",
        }
        return re.sub(r"\$([a-z_]\w*)", lambda found: values[found[1]], query)

    def step(self, query: Query) -> float:
        """The step of a curve: as many points as the panel is wide, none closer than there are samples."""
        least = max(self.interval, 60) if query.step else self.interval
        return max(round(self.seconds / self.points), least)

    def now(self, query: Query) -> list[dict[str, Any]]:
        """What is so at the end of the time range."""
        return self._ask("query", query=self.filled(query.expr, self.step(query)), time=self.at)

    def curve(self, query: Query) -> list[dict[str, Any]]:
        """What was so over the time range."""
        step = self.step(query)
        start = self.at - self.seconds
        return self._ask("query_range", query=self.filled(query.expr, step), start=start, end=self.at, step=step)

    def values(self, panel: Panel, index: int) -> Values:
        """The values of one of a panel's queries, at the end of the time range."""
        query = panel.queries[index]
        shown = [column.of for column in panel.columns if not re.fullmatch("[A-J]", column.of)]
        found: Values = {}
        for each in self.now(query):
            labels = each["metric"]
            if len(panel.queries) > 1 and panel.kind == "table":
                assert "__name__" not in labels, f"{panel.title}: rows of different series are not merged"
            key = tuple(labels.get(name, "") for name in shown) if panel.kind == "table" else (legend(query, labels),)
            assert key not in found, f"{panel.title}: two results are called {key}"
            found[key] = float(each["value"][1])
        return found

    def label_values(self, definition: str) -> set[str]:
        """The choices of a variable."""
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", definition)
        assert found
        series = self.filled(found[1], 60)
        return set(self._ask(f"label/{found[2]}/values", **{"match[]": series}))

    def _ask(self, path: str, **parameters: Any) -> list[Any]:
        body = urllib.parse.urlencode(parameters)
        with OPENER.open(f"{self.url}/api/v1/{path}?{body}", timeout=60) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        data = found["data"]
        return list(data if isinstance(data, list) else data["result"])


def legend(query: Query, labels: Mapping[str, str]) -> str:
    """What a result is called."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), query.legend)
