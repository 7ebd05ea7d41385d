"""What the dashboards must show of mixed.py's calls, from the fake API's journal without a line of the record."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from claude_otel.fakeapi import Entry
from truth import PRICES, truth_cost

Numbers = dict[tuple[str, ...], float]

BLAME = {
    "overloaded": "provider", "cut_mid_stream": "provider", "rate_limit": "quota", "invalid_request": "caller",
    "authentication_error": "caller", "connection_reset": "network", "workspace_spend_limit": "budget",
}  # fmt: skip
"""Who is to blame for a call whose last attempt met a fault. A refusal is no failure."""

TYPES = {"connection_reset": "connection_error", "cut_mid_stream": "api_error"}
"""The type of an error that the API told nothing of."""

SITES = {"checkout-chat": "mixed:chat", "nightly-batch": "mixed:batch"}

COMPONENTS = {
    "input": ("input_tokens",),
    "output": ("output_tokens",),
    "cache_read": ("cache_read_input_tokens",),
    "cache_write_5m": ("cache_creation", "ephemeral_5m_input_tokens"),
    "cache_write_1h": ("cache_creation", "ephemeral_1h_input_tokens"),
    "web_search": ("server_tool_use", "web_search_requests"),
}


@dataclass(frozen=True)
class Attempt:
    """An HTTP request."""

    model: str
    status: str


@dataclass(frozen=True)
class Call:
    """A call, by its last attempt."""

    surface: str
    model: str
    outcome: str
    stop: str
    blame: str
    error: str
    attempts: int


@dataclass(frozen=True)
class Part:
    """A part of a bill: the tokens of one component, and what they cost."""

    surface: str
    site: str
    model: str
    component: str
    tier: str
    effort: str
    agent: str
    tokens: int
    usd: float
    plain_usd: float
    """What it had cost without a cache."""


@dataclass(frozen=True)
class Missed:
    """A miss of the cache: its tokens, and what they cost more than a read."""

    surface: str
    reason: str
    tokens: int
    usd: float


@dataclass(frozen=True)
class Truth:
    """All of it."""

    attempts: list[Attempt]
    calls: list[Call]
    parts: list[Part]
    misses: list[Missed]
    thinking: int
    unpriced: int

    def count(self, *by: str, where: Callable[[Call], bool] = lambda _: True) -> Numbers:
        """How many calls, by some of what they are."""
        found: Numbers = defaultdict(float)
        for call in filter(where, self.calls):
            found[tuple(getattr(call, name) for name in by)] += 1
        return dict(found)

    def total(self, what: str, *by: str, where: Callable[[Part], bool] = lambda _: True) -> Numbers:
        """The sum of something of the parts of bills, by some of what they are."""
        found: Numbers = defaultdict(float)
        for part in filter(where, self.parts):
            found[tuple(getattr(part, name) for name in by)] += getattr(part, what)
        return dict(found)

    def usd(self, *by: str, where: Callable[[Part], bool] = lambda _: True) -> Numbers:
        """What was paid."""
        return {key: value for key, value in self.total("usd", *by, where=where).items() if value}

    def missed(self, what: str, *by: str) -> Numbers:
        """The sum of something of the misses."""
        found: Numbers = defaultdict(float)
        for miss in self.misses:
            found[tuple(getattr(miss, name) for name in by)] += getattr(miss, what)
        return dict(found)

    def statuses(self, *of: str) -> float:
        """How many attempts had one of these statuses."""
        return float(len([attempt for attempt in self.attempts if attempt.status in of]))


def failed(call: Call) -> bool:
    """Whether it failed."""
    return call.blame not in ("none", "refused")


def truth(entries: Iterable[Entry]) -> Truth:
    """What a journal says."""
    served = list(entries)
    by_call: dict[str, list[Entry]] = defaultdict(list)
    others = [entry for entry in served if entry.endpoint != "messages"]
    for entry in served:
        if entry.endpoint == "messages":
            by_call[entry.headers["x-call"]].append(entry)
    parts = [part for each in by_call.values() for part in bill(each[-1])]
    parts += [part for entry in others for row in entry.batch_rows if row.get("usage") for part in row_bill(entry, row)]
    attempts = [Attempt(entry.model_requested or "", str(entry.status or "none")) for entry in served]
    usages = [each[-1].usage or {} for each in by_call.values()]
    return Truth(
        attempts,
        [call(each) for each in by_call.values()] + [batch_call(entry) for entry in others],
        parts,
        [missed(each[-1]) for each in by_call.values() if each[-1].headers["x-miss"]],
        sum((usage.get("output_tokens_details") or {}).get("thinking_tokens", 0) for usage in usages),
        len([each for each in by_call.values() if each[-1].model_served not in PRICES and each[-1].status == 200]),
    )


def call(entries: list[Entry]) -> Call:
    """A call from its attempts."""
    last = entries[-1]
    blame = BLAME.get(last.fault or "", "refused" if last.fault else "none")
    cut = last.fault == "cut_mid_stream"
    outcome = "truncated" if cut else "completed" if blame in ("none", "refused") else "error"
    error = TYPES.get(last.fault or "", last.error_type or "")
    stop = last.stop_reason or "none"
    return Call(last.headers["x-surface"], last.model_requested or "", outcome, stop, blame, error, len(entries))


def batch_call(entry: Entry) -> Call:
    """A call of the batch API."""
    return Call("nightly-batch", entry.model_requested or "none", "completed", "none", "none", "", 1)


def bill(last: Entry) -> list[Part]:
    """The bill of a call, as far as its client was told: of a cut stream the input."""
    usage = last.usage
    if usage is None:
        return []
    if last.fault == "cut_mid_stream":
        usage = {**usage, "output_tokens": 0}
    asked = json.loads(last.body)
    effort = (asked.get("output_config") or {}).get("effort", "default")
    where = last.headers["x-surface"]
    if where == "support":
        site = "mixed:search" if "tools" in asked else "mixed:support"
    else:
        site = SITES.get(where) or ("mixed:think" if "thinking" in asked else "mixed:report")
    found = of_usage(usage, str(last.model_served), last.time, (where, site), effort, last.headers["x-agent"])
    unbilled = last.stop_reason == "refusal" and not usage["output_tokens"]
    return [replace(part, usd=0.0, plain_usd=0.0) if unbilled else part for part in found]


def row_bill(entry: Entry, row: dict[str, Any]) -> list[Part]:
    """The bill of a result of a batch."""
    where = ("nightly-batch", SITES["nightly-batch"])
    return [*of_usage(row["usage"], row["model"], entry.time, where, "default", "none")]


def of_usage(
    usage: dict[str, Any], model: str, at: float, where: tuple[str, str], effort: str, agent: str
) -> Iterable[Part]:
    """Each component of an answer that has tokens."""
    rest = {key: value for key, value in usage.items() if key in ("service_tier", "inference_geo", "speed")}
    for component, path in COMPONENTS.items():
        tokens = usage.get(path[0]) or 0
        if len(path) > 1:
            tokens = (tokens or {}).get(path[1]) or 0
        if tokens:
            alone = {path[0]: tokens} if len(path) == 1 else {path[0]: {path[1]: tokens}}
            usd = cost({**rest, **alone}, model, at)
            plain = usd if component in ("output", "web_search") else cost({**rest, "input_tokens": tokens}, model, at)
            tier = usage.get("service_tier") or "standard"
            yield Part(*where, model, component, tier, effort, agent, tokens, float(usd), float(plain))


def cost(usage: dict[str, Any], model: str, at: float) -> Decimal:
    """What tokens cost: nothing that anybody knows where there is no price."""
    return truth_cost(usage, model, at=at) if model in PRICES else Decimal(0)


def missed(last: Entry) -> Missed:
    """A miss: what it wrote, at the price of writing less that of reading."""
    usage, price = last.usage or {}, PRICES[str(last.model_served)]
    split = usage["cache_creation"]
    short, long = split["ephemeral_5m_input_tokens"], split["ephemeral_1h_input_tokens"]
    more = short * (price.write_5m - price.read) + long * (price.write_1h - price.read)
    reason = last.headers["x-miss"]
    return Missed(last.headers["x-surface"], reason, short + long, float(Decimal(more) / 1_000_000))


__all__ = ["Call", "Missed", "Numbers", "Part", "Truth", "failed", "truth"]
