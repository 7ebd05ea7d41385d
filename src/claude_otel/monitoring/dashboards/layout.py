"""Where panels are: rows of panels, one below the other, on Grafana's grid of 24 columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from claude_otel.monitoring.dashboards.panel import Board, Panel

WIDTH = 24
HEADING = 1
"""The height of a row's heading."""


@dataclass(frozen=True)
class Place:
    """Where a panel, or the heading of a row, is."""

    what: Panel | str
    x: int
    y: int
    w: int
    h: int


def places(board: Board) -> Iterator[Place]:
    """Every panel and heading of a board, from top to bottom."""
    y = 0
    for row in board.rows:
        if row.title:
            yield Place(row.title, 0, y, WIDTH, HEADING)
            y += HEADING
        x = 0
        for width, panel in row.panels:
            yield Place(panel, x, y, width, row.height)
            x += width
        y += row.height
