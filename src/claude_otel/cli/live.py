"""The calls of a run as they end: a line for each, and a live total."""

from __future__ import annotations

import threading
import time
from collections import deque

from claude_otel.cli.fmt import Style, percent, plural, seconds, shortened, tokens, usd
from claude_otel.cli.lines import call_line
from claude_otel.cli.record import Call
from claude_otel.cli.report import Report
from claude_otel.cli.terminal import Plain

PERIOD = 0.1
"""Seconds between two looks at what there is to show."""

BACKLOG = 5000
"""Lines that wait to be shown. More calls than that within a period are counted, not shown."""


class Live:
    """Shows calls from a thread of its own, so that a slow terminal never holds up the telemetry."""

    def __init__(self, report: Report, out: Plain, style: Style, quiet: bool = False) -> None:
        self.report = report
        self.out = out
        self.style = style
        self.quiet = quiet
        self.waiting: deque[Call] = deque()
        self.left_out = 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Starts to show."""
        if not self.quiet:
            self.thread.start()

    def add(self, call: Call) -> None:
        """Shows `call` soon."""
        if self.quiet:
            return
        if len(self.waiting) < BACKLOG:
            self.waiting.append(call)
        else:
            self.left_out += 1

    def stop(self) -> None:
        """Shows what is left and gives the terminal back."""
        self.stopped.set()
        if self.thread.ident is not None:
            self.thread.join(5)
            self.out.pause()

    def _run(self) -> None:
        while not self.stopped.wait(PERIOD):
            self._show()
            if self.out.live:
                self.out.total(self.total())
        self._show()

    def _show(self) -> None:
        while self.waiting:
            self.out.line(call_line(self.waiting.popleft(), self.style, self.out.columns))
        if self.left_out:
            self.out.line(f"({plural(self.left_out, 'call')} more, not shown)")
            self.left_out = 0

    def total(self) -> str:
        """The live total, in one row."""
        report = self.report
        parts = [
            seconds(time.monotonic() - report.started),
            plural(report.calls, "call"),
            f"{report.active} in flight" if report.active else "",
            plural(report.errors, "error") if report.errors else "",
            usd(report.cost),
            f"in {tokens(report.input_tokens)} ({percent(report.hit_ratio)} cached)" if report.input_tokens else "",
            f"out {tokens(report.output_tokens)}" if report.output_tokens else "",
            f"ttft p95 {seconds(report.first_text.percentile(0.95))}" if report.first_text.count else "",
        ]
        return self.style(row(parts, (self.out.columns or 100) - 1), "red" if report.errors else "green")


def row(parts: list[str], columns: int) -> str:
    """As many of `parts` as there is room for, the first ones first."""
    text = " claude-otel "
    for part in filter(None, parts):
        if len(text) + len(part) + 3 > columns:
            break
        text += f" {part} ·"
    return shortened(text.removesuffix("·"), columns)
