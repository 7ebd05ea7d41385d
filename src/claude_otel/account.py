"""The account of an ended call: its usage, its bill, and why it missed the cache. Spans, metrics and events read it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from claude_otel import cache_watch
from claude_otel.cache_watch import Miss
from claude_otel.call import Call
from claude_otel.price_table import unix_day
from claude_otel.pricing import Bill, Circumstances, Prices, Tariff
from claude_otel.usage import Usage, get, merged, read, text


@dataclass(slots=True)
class Account:
    """What one answer used and cost. `usage` is `None` when the API told nothing of it."""

    usage: Usage | None = None
    bill: Bill | None = None
    miss: Miss | None = None
    missed_cost: float | None = None
    partial: bool = False
    """Whether the stream ended before its final numbers: output is unknown, and not in the bill."""

    earlier: list[Account] = field(default_factory=list)
    """Of answers that a client-side fallback refused before this one."""

    @property
    def all(self) -> list[Account]:
        """The accounts of every answer of the call that told of its usage."""
        if not self.earlier:
            return [] if self.usage is None else [self]
        return [account for account in (*self.earlier, self) if account.usage is not None]

    @property
    def usages(self) -> list[Usage]:
        """The usage of every answer that told of it."""
        if not self.earlier:
            return [] if self.usage is None else [self.usage]
        return [account.usage for account in self.all if account.usage is not None]

    @property
    def bills(self) -> list[Bill]:
        """The bill of every answer that told of its usage."""
        if not self.earlier:
            return [] if self.bill is None else [self.bill]
        return [account.bill for account in self.all if account.bill is not None]


def account_of(call: Call, prices: Prices) -> Account:
    """The account of `call`, which has ended."""
    if call.results is not None:
        return Account(call.results.usage, call.results.bill)
    if not call.raw_usage:
        return Account()
    account = _account(call, prices, call.raw_usage, call.served, call.stop_reason, final=call.final)
    if not call.origin.stream and len(call.answers) > 1:
        account.earlier = [_earlier(call, prices, answer) for answer in call.answers[:-1]]
    account.miss = _miss(call, account, prices)
    if account.miss is not None:
        account.missed_cost = _missed_cost(call, account, prices, account.miss)
    return account


def _account(
    call: Call,
    prices: Prices,
    raw: dict[str, Any],
    served: str | None,
    stop_reason: str | None,
    *,
    final: bool,
) -> Account:
    usage = read(raw, model=served or call.origin.model, ttl=call.asked.cache_ttl or "5m", final=final)
    return Account(usage, bill_of(call, prices, usage, served, stop_reason), partial=not final)


def bill_of(call: Call, prices: Prices, usage: Usage, served: str | None, stop_reason: str | None) -> Bill:
    """The bill for `usage` in the circumstances of `call`."""
    return prices.bill(
        usage,
        requested=call.origin.model,
        served=served,
        platform=call.origin.target.platform,
        region=call.origin.target.region,
        stop_reason=stop_reason,
        at=call.started_ns / 1e9,
    )


def tariff_of(call: Call, prices: Prices, usage: Usage) -> Tariff | None:
    """The tariff of an answer with `usage` in the circumstances of `call`; `None` where it has no price."""
    requested, target = call.origin.model, call.origin.target
    model = call.served or requested or "unknown"
    told = (usage.service_tier, usage.speed, usage.inference_geo, unix_day(call.started_ns / 1e9))
    return prices.tariff(Circumstances(model, requested, target.platform, target.region, *told))


def _earlier(call: Call, prices: Prices, answer: Any) -> Account:
    """The account of an answer that was accepted, and then replaced by another."""
    try:
        message = json.loads(answer.content)
    except Exception:
        return Account()
    raw = merged(get(message, "usage"))
    if not raw:
        return Account()
    return _account(call, prices, raw, text(get(message, "model")), get(message, "stop_reason"), final=True)


def _miss(call: Call, account: Account, prices: Prices) -> Miss | None:
    if call.origin.operation != "chat" or account.usage is None or call.asked.prefix is None:
        return None
    if call.diagnosis is None and account.usage.totals.cache_read:
        return None
    minimum = prices.cache_minimum(call.served or call.origin.model or "", call.origin.target.platform)
    return cache_watch.miss(call.expected, account.usage, call.diagnosis, minimum)


def _missed_cost(call: Call, account: Account, prices: Prices, miss: Miss) -> float | None:
    """USD that the missed tokens cost more than a read had: at the write price as far as they were written."""
    usage = account.usage
    if usage is None:
        return None
    tariff = tariff_of(call, prices, usage)
    if tariff is None:
        return None
    rates = tariff.long_rates if usage.entries[0].prompt_tokens > tariff.above else tariff.rates
    if rates.read is None:
        return None
    if account.bill is not None and account.bill.priced and account.bill.total == 0:
        return 0.0
    totals = usage.totals
    written = ((totals.cache_write_1h, rates.write_1h), (totals.cache_write_5m, rates.write_5m))
    left, cost = miss.tokens, 0.0
    for tokens, rate in (*written, (left, rates.input)):
        part = min(left, tokens)
        cost += part * ((rates.input if rate is None else rate) - rates.read)
        left -= part
    return cost
