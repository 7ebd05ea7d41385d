"""Every dashboard, and the file that each becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from claude_otel.monitoring.config import Config
from claude_otel.monitoring.dashboards import cache, cost, errors, oncall, pipeline, surfaces
from claude_otel.monitoring.dashboards.grafana_json import dashboard
from claude_otel.monitoring.dashboards.panel import Board

MAKERS: Mapping[str, Callable[[Config], Board]] = {
    "claude-oncall": oncall.board,
    "claude-latency": surfaces.board,
    "claude-cost": cost.board,
    "claude-cache": cache.board,
    "claude-calls": errors.board,
    "claude-pipeline": pipeline.board,
}
"""What makes each dashboard, by its uid."""


def boards(config: Config) -> list[Board]:
    """Every dashboard that `config` makes."""
    return [make(config) for make in MAKERS.values()]


def files(mark: str) -> dict[str, Callable[[Config], str]]:
    """What makes the file of each dashboard, by its path. `mark` says what made it."""
    return {f"dashboards/{uid}.json": partial(text, uid, mark) for uid in MAKERS}


def text(uid: str, mark: str, config: Config) -> str:
    """The text of a dashboard's file."""
    return dashboard(MAKERS[uid](config), config, mark)
