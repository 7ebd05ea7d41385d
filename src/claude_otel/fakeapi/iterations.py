"""The runs of a model that one request causes, and the token counts that come of them.

A run is an iteration, as in `usage.iterations`. The usage at the top of a message is the sum of the iterations that are
`counted`; compactions, advisors and fallbacks' declined runs stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .jsontypes import JSON
from .prompt_cache import CachePlan

SPEAKING = ("message", "fallback_message")
"""The types of runs whose output is the message."""


@dataclass(frozen=True)
class Iteration:
    """One run of a model: its tokens, each kind apart."""

    type: str
    model: str
    input: int = 0
    cache_read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    output: int = 0
    thinking: int = 0
    web_searches: int = 0
    counted: bool = True
    declined: bool = False

    def usage(self) -> JSON:
        """The token counts the API writes for the run."""
        return {
            "input_tokens": self.input,
            "cache_creation_input_tokens": self.written_5m + self.written_1h,
            "cache_read_input_tokens": self.cache_read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written_5m,
                "ephemeral_1h_input_tokens": self.written_1h,
            },
            "output_tokens": self.output,
        }

    def entry(self, *, chain: bool = False) -> JSON:
        """The run as an entry of `usage.iterations`. A compaction names no model, and a `message` names one only in
        a chain of fallbacks."""
        unnamed = self.type == "compaction" or (self.type == "message" and not chain)
        return {"type": self.type, **({} if unnamed else {"model": self.model}), **self.usage()}

    @property
    def billed(self) -> bool:
        """Whether the run costs anything: one that declined before any output does not."""
        return not (self.declined and self.output == 0)


def planned(model: str, plan: CachePlan, output: int, thinking: int) -> Iteration:
    """The first run over a prompt, with the cache as planned."""
    return Iteration("message", model, plan.uncached, plan.read, plan.written_5m, plan.written_1h, output, thinking)


def total(iterations: Iterable[Iteration]) -> Iteration:
    """The counted runs added up, which is the usage at the top of the message."""
    counted = [run for run in iterations if run.counted]
    names = ("input", "cache_read", "written_5m", "written_1h", "output", "thinking", "web_searches")
    sums = {name: sum(getattr(run, name) for run in counted) for name in names}
    return Iteration("message", counted[-1].model if counted else "", **sums)


def cut_bill(rows: list[JSON], said: int) -> list[JSON]:
    """The rows of a bill for a message that was cut after so many output tokens: up to the run that was speaking."""
    kept: list[JSON] = []
    for row in rows:
        whole = row["output_tokens"]
        spoken = min(whole, said) if row["type"] in SPEAKING else whole
        kept.append({**row, "output_tokens": spoken})
        if spoken < whole:
            break
        said -= spoken if row["type"] in SPEAKING else 0
    return kept


def bill(iterations: Iterable[Iteration], terms: JSON) -> list[JSON]:
    """What the API bills: one row for each run that costs, at its own model, on the terms (tier, speed, geography)."""
    return [
        {**run.entry(), "model": run.model, "web_search_requests": run.web_searches, **terms}
        for run in iterations
        if run.billed
    ]
