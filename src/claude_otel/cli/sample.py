"""Percentiles of a stream of numbers in bounded memory.

Up to `LIMIT` numbers are all kept, and percentiles are exact: nearest rank, so that a percentile is always a
number that was measured. Beyond that a uniform random sample of `LIMIT` of them is kept (algorithm R).
"""

from __future__ import annotations

import math
import random

LIMIT = 5000


class Sample:
    """The numbers added so far, or a fair sample of them."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.random = random.Random(0)  # noqa: S311 - the same numbers in the same order give the same sample
        self.count = 0
        self.values: list[float] = []

    def add(self, value: float | None) -> None:
        """Takes `value` in; `None` is no number and is left out."""
        if value is None:
            return
        self.count += 1
        if len(self.values) < self.limit:
            self.values.append(value)
        else:
            self._replace(value)

    def _replace(self, value: float) -> None:
        place = self.random.randrange(self.count)
        if place < self.limit:
            self.values[place] = value

    @property
    def exact(self) -> bool:
        """Whether every number is kept."""
        return self.count == len(self.values)

    def percentile(self, share: float) -> float | None:
        """The smallest number that at least `share` of the numbers do not exceed; `None` without numbers."""
        if not self.values:
            return None
        return sorted(self.values)[max(0, math.ceil(share * len(self.values)) - 1)]
