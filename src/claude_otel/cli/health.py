"""What the telemetry says about itself: whether it came, and whether any of it was lost."""

from __future__ import annotations

import time

from claude_otel import telemetry
from claude_otel.cli.otlp import Point, series

ACTIVE = telemetry.ACTIVE_METRIC.name
FAILURES = telemetry.ERRORS_METRIC.name
QUEUED = "otel.sdk.processor.log.processed"
EXPORTED = "otel.sdk.exporter.log.exported"

WATCHED = frozenset({ACTIVE, FAILURES, QUEUED, EXPORTED})
"""The metrics that are read; all others of the program are let go."""

MAX_SERIES = 20_000
"""Series beyond this many are not read."""


SILENCE = 5.0
"""A process that has sent nothing for so many seconds is gone."""


class Health:
    """The newest value of each watched series, and which kinds of telemetry have come at all."""

    def __init__(self) -> None:
        self.requests = 0
        self.values: dict[tuple[str, str, str], Point] = {}
        self.heard: dict[str, float] = {}

    def add(self, point: Point) -> None:
        """Takes a point in. Sums are cumulative, so the newest point of a series says it all."""
        key = series(point)
        if key in self.values or len(self.values) < MAX_SERIES:
            self.values[key] = point
            self.heard[point.instance] = time.monotonic()

    @property
    def active(self) -> int:
        """Calls that had not ended a moment ago, of processes that were alive then."""
        now = time.monotonic()
        counts = (p for p in self.values.values() if p.metric == ACTIVE and now - self.heard[p.instance] < SILENCE)
        return max(0, int(sum(point.value for point in counts)))

    @property
    def failures(self) -> dict[str, int]:
        """Failures of the instrumentation, by the part of it that failed."""
        found: dict[str, int] = {}
        for point in self.values.values():
            if point.metric == FAILURES and point.value:
                part = str(point.attributes.get(telemetry.COMPONENT, "unknown"))
                found[part] = found.get(part, 0) + int(point.value)
        return found

    @property
    def lost_events(self) -> int:
        """Log records that never came, as the program's SDK counts them: queue full, or not sent."""
        lost = (
            p for p in self.values.values() if p.metric in (QUEUED, EXPORTED) and telemetry.ERROR_TYPE in p.attributes
        )
        return int(sum(point.value for point in lost))
