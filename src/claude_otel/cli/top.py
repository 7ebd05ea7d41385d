"""The calls of a run that stand out: the dearest, or the slowest."""

from __future__ import annotations

import heapq

from claude_otel.cli.record import Call

KEPT = 10


class Top:
    """The calls with the largest values so far; of equal ones the earlier."""

    def __init__(self) -> None:
        self.heap: list[tuple[float, int, Call]] = []
        self.seen = 0

    def add(self, value: float | None, call: Call) -> None:
        """Takes `call` in, if it has a value that is not zero."""
        if not value:
            return
        self.seen += 1
        heapq.heappush(self.heap, (value, -self.seen, call))
        if len(self.heap) > KEPT:
            heapq.heappop(self.heap)

    @property
    def calls(self) -> list[Call]:
        """The calls, the largest value first."""
        return [call for _, _, call in sorted(self.heap, key=lambda item: (-item[0], -item[1]))]
