"""A run over time: sums for each of a few equal spans, which grow wider as the run grows longer."""

from __future__ import annotations

import math

from claude_otel.cli.record import Call

MOST = 60
"""Spans that are kept at most; there are more than half as many once a run lasted as many seconds."""


class Span:
    """What ended within one span of time."""

    def __init__(self) -> None:
        self.calls = 0
        self.blames: dict[str, int] = {}
        self.cost = 0.0
        self.input_tokens = 0
        self.cache_read = 0

    def add(self, call: Call) -> None:
        """Takes `call` in."""
        self.calls += 1
        if call.failed and call.blame:
            self.blames[call.blame] = self.blames.get(call.blame, 0) + 1
        self.cost += call.bill.usd or 0.0
        self.input_tokens += call.input_tokens
        self.cache_read += call.cache_read

    def join(self, other: Span) -> None:
        """Takes in what `other` has."""
        self.calls += other.calls
        for blame, count in other.blames.items():
            self.blames[blame] = self.blames.get(blame, 0) + count
        self.cost += other.cost
        self.input_tokens += other.input_tokens
        self.cache_read += other.cache_read

    @property
    def hit_ratio(self) -> float | None:
        """The share of the input tokens that was read from the cache."""
        return self.cache_read / self.input_tokens if self.input_tokens else None


class Timeline:
    """The spans of a run, each of `width` seconds. A span's number is that of its begin since 1970, in widths."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.width = 1
        self.by_number: dict[int, Span] = {}

    def add(self, call: Call) -> None:
        """Takes `call` in, if it is known when it ended."""
        if call.at <= 0:
            return
        number = math.floor(call.at / self.width)
        if number not in self.by_number:
            number = self._new(number)
        self.by_number[number].add(call)

    def _new(self, number: int) -> int:
        """Makes the span `number`, after as many doublings of the width as leave room for it: its number then."""
        while self.by_number and self._reach(number) > self.most:
            self._double()
            number //= 2
        self.by_number.setdefault(number, Span())
        return number

    def _reach(self, number: int) -> int:
        return max(number, *self.by_number) - min(number, *self.by_number) + 1

    def _double(self) -> None:
        self.width *= 2
        joined: dict[int, Span] = {}
        for number, span in self.by_number.items():
            joined.setdefault(number // 2, Span()).join(span)
        self.by_number = joined

    @property
    def spans(self) -> list[tuple[float, Span]]:
        """When each span began (Unix seconds) and what is in it, in order, empty ones between others too."""
        if not self.by_number:
            return []
        numbers = range(min(self.by_number), max(self.by_number) + 1)
        return [(number * float(self.width), self.by_number.get(number) or Span()) for number in numbers]
