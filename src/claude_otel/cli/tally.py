"""Sums by name in bounded memory: after `CAP` names, all further ones are `other`."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from claude_otel.cli.record import Call
from claude_otel.cli.sample import Sample

CAP = 200
"""How many names a sum is kept for."""

OTHER = "other"

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Tally(Generic[Key, Value]):
    """A value for each of the first `CAP` keys, made when a key is first met, and one for all others."""

    def __init__(self, make: Callable[[], Value], other: Key, cap: int = CAP) -> None:
        self.make = make
        self.other = other
        self.cap = cap
        self.values: dict[Key, Value] = {}

    def __getitem__(self, key: Key) -> Value:
        if key not in self.values:
            key = key if len(self.values) < self.cap else self.other
            self.values.setdefault(key, self.make())
        return self.values[key]

    def __setitem__(self, key: Key, value: Value) -> None:
        self.values[key if key in self.values else self.other] = value

    def __bool__(self) -> bool:
        return bool(self.values)


def sums() -> Tally[str, float]:
    """A sum by name."""
    return Tally(float, OTHER)


def by_size(tally: Tally[str, float]) -> dict[str, float]:
    """The sums, the largest first."""
    return dict(sorted(tally.values.items(), key=lambda item: -item[1]))


class Group:
    """What is known of the calls of a surface."""

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.blames: dict[str, int] = {}
        self.cost = 0.0
        self.input_tokens = 0
        self.cache_read = 0
        self.output_tokens = 0
        self.missed_usd = 0.0
        self.first_text = Sample()
        self.duration = Sample()

    def add(self, call: Call) -> None:
        """Takes `call` in."""
        self.calls += 1
        self.errors += call.failed
        if call.failed and call.blame:
            self.blames[call.blame] = self.blames.get(call.blame, 0) + 1
        self.cost += call.bill.usd or 0.0
        self.input_tokens += call.input_tokens
        self.cache_read += call.cache_read
        self.output_tokens += call.output_tokens
        self.missed_usd += call.missed_usd
        if call.is_message and not call.failed:
            self.first_text.add(call.first_text)
            self.duration.add(call.duration)


class Trouble:
    """How often something went wrong, and the newest request ids of it."""

    KEPT = 3

    def __init__(self) -> None:
        self.calls = 0
        self.first_at = 0.0
        self.last_at = 0.0
        self.request_ids: list[str] = []

    def add(self, call: Call) -> None:
        """Takes `call` in."""
        self.calls += 1
        self.first_at = min(self.first_at or call.at, call.at)
        self.last_at = max(self.last_at, call.at)
        if call.request_id:
            self.request_ids = [*self.request_ids, call.request_id][-self.KEPT :]


class Miss:
    """What missing the cache for one reason cost."""

    def __init__(self) -> None:
        self.calls = 0
        self.tokens = 0
        self.usd = 0.0

    def add(self, call: Call) -> None:
        """Takes `call` in."""
        self.calls += 1
        self.tokens += call.missed_tokens
        self.usd += call.missed_usd
