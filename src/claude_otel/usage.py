"""The tokens of an answer, as the API reports them: totals, and one entry for each model that is billed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Entry:
    """The tokens that one model is billed for: an iteration of an answer, or the whole answer.

    `input_tokens` are the uncached ones only, as the API counts them.
    """

    kind: str = "message"
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    billed: bool = True

    @property
    def prompt_tokens(self) -> int:
        """All input tokens, cached or not: what length tiers of prices go by."""
        return self.input_tokens + self.cache_read + self.cache_write_5m + self.cache_write_1h


@dataclass
class Usage:
    """What an answer used. `entries` has at least one entry; their sum is what the token counters count."""

    entries: list[Entry] = field(default_factory=list)
    reasoning_tokens: int | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    web_search_requests: int = 0
    web_fetch_requests: int = 0
    iterations: int = 0

    def total(self, name: str) -> int:
        """The sum of the field `name` over all entries."""
        return sum(getattr(entry, name) for entry in self.entries)


def get(data: Any, name: str) -> Any:
    """The field `name` of a model or of decoded JSON, `None` where it is missing."""
    if isinstance(data, dict):
        return data.get(name)
    return getattr(data, name, None)


def count(data: Any, name: str) -> int:
    """The token count `name` of `data`; 0 for anything that is not a count."""
    value = get(data, name)
    return value if type(value) is int and value > 0 else 0
