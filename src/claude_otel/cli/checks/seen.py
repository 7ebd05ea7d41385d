"""What a receiver of doctor has been sent: calls, spans, the points of the metrics that matter, and notices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from claude_otel import telemetry
from claude_otel.cli import otlp
from claude_otel.cli.checks.traces import Span, spans
from claude_otel.cli.health import WATCHED, Health
from claude_otel.cli.receiver import Handler, Receiver
from claude_otel.cli.record import read
from claude_otel.cli.report import Report

CALLS = "claude.calls"
COST = "claude.cost"
POINTS = frozenset({CALLS, COST})

SDK_SCOPE = "com.anthropic.sdk.python"
"""Who makes the spans of the SDK's own tracing."""

MAX_SPANS = 50_000
"""Spans beyond this many are not looked at."""


@dataclass
class Seen:
    """Everything so far. Handlers run in threads of the receiver, one at a time."""

    report: Report = field(default_factory=Report)
    health: Health = field(default_factory=Health)
    spans: list[Span] = field(default_factory=list)
    costs: dict[tuple[str, str, str], float] = field(default_factory=dict)
    counts: dict[tuple[str, str, str], float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def logs(self, body: bytes) -> None:
        """Takes an OTLP logs request."""
        with self.lock:
            self.health.requests += 1
            for event in otlp.call_events(body):
                self.report.add(read(event))

    def metrics(self, body: bytes) -> None:
        """Takes an OTLP metrics request."""
        with self.lock:
            self.health.requests += 1
            for point in otlp.points(body, WATCHED | POINTS):
                self.take(point)

    def take(self, point: otlp.Point) -> None:
        """Takes a point in: its sum is cumulative, so the newest says it all."""
        if point.metric in WATCHED:
            self.health.add(point)
        else:
            (self.costs if point.metric == COST else self.counts)[otlp.series(point)] = point.value

    def traces(self, body: bytes) -> None:
        """Takes an OTLP traces request."""
        with self.lock:
            self.health.requests += 1
            self.spans += [*spans(body)][: MAX_SPANS - len(self.spans)]

    def notice(self, body: bytes) -> None:
        """Takes what the watch in the program tells."""
        with self.lock:
            text = body.decode("utf-8", "replace")
            if text not in self.notices and len(self.notices) < 20:
                self.notices.append(text)

    @property
    def calls(self) -> int:
        """Calls by the metric, which neither sampling nor `CLAUDE_OTEL_LOGS` changes."""
        return int(sum(self.counts.values()))

    @property
    def cost(self) -> float:
        """USD by the metric."""
        return sum(self.costs.values())

    @property
    def usd(self) -> float | None:
        """USD of the calls; `None` when none of them has a price."""
        cost = self.cost or self.report.cost
        return None if not cost and self.report.unpriced else cost

    @property
    def call_spans(self) -> list[Span]:
        """The spans by which tokens are counted."""
        return [span for span in self.spans if span.bears_tokens]

    @property
    def scopes(self) -> list[str]:
        """Who made the token-bearing spans."""
        return sorted({span.scope for span in self.call_spans})


@contextmanager
def receiving() -> Iterator[tuple[Seen, Receiver]]:
    """A receiver that keeps what it is sent."""
    seen = Seen()
    routes: dict[str, Handler] = {
        "/v1/logs": seen.logs,
        "/v1/metrics": seen.metrics,
        "/v1/traces": seen.traces,
        "/doctor": seen.notice,
    }
    receiver = Receiver(routes)
    try:
        yield seen, receiver
    finally:
        receiver.close()


def ours(scope: str) -> bool:
    """Whether a span is claude-otel's own or the SDK's, which claude-otel takes care of."""
    return scope in (telemetry.SCOPE, SDK_SCOPE)
