"""Calls like one before: completed at the first attempt, with one plain answer at a known price. Most are.

What of such a call is no number is as it was for the last one of its kind: its series, its rates, most of its
attributes. That is kept by kind, and only the numbers are worked out. A kind is learned from a call that `account`,
`bookkeeping` and `attributes` have worked out in full, and only where both ways come to the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain, compress
from operator import attrgetter, mul
from typing import Any

from claude_otel import attributes
from claude_otel import telemetry as t
from claude_otel.account import Account, tariff_of
from claude_otel.bookkeeping import Books
from claude_otel.call import Call
from claude_otel.headers import Headers
from claude_otel.metrics import Change, Row
from claude_otel.otel_histograms import Point
from claude_otel.price_table import RATES
from claude_otel.pricing import Prices, Tariff
from claude_otel.usage import BITS, FIELDS, writes

MOST_KINDS = 1000

DAY_NS = 86_400 * 10**9

Key = tuple[object, ...]

Numbers = tuple[Key, tuple[int, int, int, int, int], int | None, Headers]
"""What a call's kind is found by, its tokens in the order of `RATES`, how many of the output were for thinking, and its
headers.
"""

TOKENS = (
    t.INPUT_TOKENS, t.OUTPUT_TOKENS, t.CACHE_READ_TOKENS, t.CACHE_WRITE_TOKENS, t.CACHE_WRITE_5M_TOKENS,
    t.CACHE_WRITE_1H_TOKENS,
)  # fmt: skip
TIMES = (t.TIME_TO_FIRST_CHUNK, t.TIME_TO_FIRST_TEXT, t.TIME_PER_OUTPUT_TOKEN)
"""In the order of `attributes.seconds`."""

NUMBERS = frozenset(
    {
        t.RESPONSE_ID, t.REQUEST_ID, t.RATE_LIMIT_TYPE, t.RATE_LIMIT_HEADROOM, t.USER_HASH, t.REASONING_TOKENS, *TIMES,
    }
)  # fmt: skip
"""The attributes that differ between calls of one kind, besides its tokens and costs and what the request asked for."""


def numbers_of(call: Call, lengths: Sequence[int]) -> Numbers | None:
    """The numbers of an ended `call`, `None` where it is not an ordinary one. `lengths` are those that prices go by."""
    fresh, output, read, total, *told, short, long, thinking, searches, _, listed = map(call.raw_usage.get, FIELDS)
    expected, attempts, asked = call.expected, call.attempts, call.asked
    # One lacks, is no number, or is negative or enormous.
    if not type(fresh) is type(output) is type(read) is int or (fresh | output | read) >> BITS:
        return None
    if thinking is not None and (type(thinking) is not int or thinking >> BITS):
        return None
    if searches is not None or listed or len(attempts) != 1 or not call.origin.is_kept:
        return None
    if not read and expected is not None:
        # Why it missed the cache is worked out in full.
        return None
    if not type(total) is type(short) is type(long) is int or total != short + long or (short | long) >> BITS:
        short, long = writes(total, short, long, asked.cache_ttl or "5m")
    attempt, headers, tokens = attempts[0], call.headers, (fresh, output, read, short, long)
    key = (
        _SAME(call), len(call.answers) > 1, attempt.status, attempt.blame, *told,
        asked.effort, asked.prefix is None, expected is None, call.first_chunk is None, call.first_text is None,
        headers.organization_id, headers.workspace_id, headers.kinds, call.started_ns // DAY_NS,
        tuple(map(bool, tokens)), output == 1, thinking is None, bisect_left(lengths, fresh + read + short + long),
    )  # fmt: skip
    return key, tokens, thinking, headers


_SAME = attrgetter(
    "origin", "served", "stop_reason", "outcome", "verdict", "final", "stopped", "native", "new_prompt", "diagnosis",
    "refusal_category", "results", "is_active",
)  # fmt: skip
"""What is as it is in all calls of a kind."""


class Batch:
    """Calls of one kind that are about to be booked: their tokens and their times, one after the other."""

    __slots__ = ("calls", "thinking", "times", "tokens")

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.tokens: list[int] = []
        self.thinking = 0
        self.times: list[float] = []


class Kind:
    """What calls of one kind have in common."""

    __slots__ = (
        "_after", "_before", "_names", "_paid", "_rates", "_thinks", "_time_names", "_timed", "_told", "points", "row",
    )  # fmt: skip

    def __init__(self, changes: list[Change], used: int, points: list[Point], numbers: Numbers, tariff: Tariff) -> None:
        """Of a call that made `changes`, of which the one at `used` is for its tokens and its cost."""
        _, tokens, thinking, _ = numbers
        self._thinks = thinking is not None
        self.row = Row(tuple(chain.from_iterable([row.cells for row, _ in changes])))
        self._before = tuple(chain.from_iterable([amounts for _, amounts in changes[:used]]))
        self._after = tuple(chain.from_iterable([amounts for _, amounts in changes[used + 1 :]]))
        self.points = points
        rates = tariff.rates if sum(tokens) - tokens[1] <= tariff.above else tariff.long_rates
        self._rates = tuple([0.0 if rate is None else rate for rate in rates])
        self._paid = tuple([count > 0 for count in tokens])
        costs = [f"claude.cost.{name}" for name in compress(RATES, self._paid)]
        self._names = (*TOKENS, *costs, t.COST, t.UNCACHED_COST)
        self._timed: tuple[bool, ...] = ()
        self._time_names: tuple[str, ...] = ()
        self._told: dict[str, Any] = {}
        """The attributes that are no numbers."""

    def learn(self, values: dict[str, Any], asked: dict[str, Any]) -> None:
        """Takes what is no number among the attributes `values`, and not what was `asked` for."""
        skipped = NUMBERS | asked.keys() | set(self._names)
        self._told = {name: value for name, value in values.items() if name not in skipped}
        self._timed = tuple([name in values for name in TIMES])
        self._time_names = tuple(compress(TIMES, self._timed))

    def costs(self, tokens: Sequence[int]) -> list[float]:
        """USD of each component paid for, in all, and uncached, of calls with so many `tokens` in all."""
        each, rates = tuple(map(mul, tokens, self._rates)), self._rates
        return [*compress(each, self._paid), sum(each), (sum(tokens) - tokens[1]) * rates[0] + tokens[1] * rates[1]]

    def amounts(self, calls: int, tokens: Sequence[int], thinking: int) -> list[float]:
        """What so many calls with so many `tokens` in all, `thinking` among them, add to the cells of the row."""
        fresh, output, read, short, long = tokens
        amounts: list[float] = [calls * amount for amount in self._before]
        amounts += (fresh + read + short + long, output, read, short, long)
        if self._thinks:
            amounts.append(thinking)
        *paid, _, uncached = self.costs(tokens)
        amounts += (*paid, uncached)
        amounts += [calls * amount for amount in self._after]
        return amounts

    def facts(self, call: Call, numbers: Numbers) -> tuple[dict[str, Any], list[float]]:
        """The attributes of an ended call, but for its user; and its times, in the order of the points."""
        _, tokens, thinking, headers = numbers
        fresh, output, read, short, long = tokens
        written = short + long
        counts = fresh + read + written, output, read, written, short, long
        # To copy one dictionary and to fill it in is quicker than to make one of many.
        values = self._told.copy()
        values.update(zip(self._names, (*counts, *self.costs(tokens)), strict=True))
        if thinking is not None:
            values[t.REASONING_TOKENS] = thinking
        if call.message_id is not None:
            values[t.RESPONSE_ID] = call.message_id
        if headers.request_id is not None:
            values[t.REQUEST_ID] = headers.request_id
        if headers.scarcest is not None:
            values[t.RATE_LIMIT_TYPE], values[t.RATE_LIMIT_HEADROOM] = headers.scarcest
        attributes.asked(call, values)
        times: list[Any] = list(compress(attributes.seconds(call, output), self._timed))
        values.update(zip(self._time_names, times, strict=True))
        return values, [call.duration, *times]


class Ordinary:
    """The kinds of calls that were learned, and the calls of each that are about to be booked together."""

    def __init__(self, books: Books, prices: Prices) -> None:
        self._books = books
        self._prices = prices
        self._kinds: dict[Key, Kind] = {}
        self._epoch = 0
        self._taken: dict[Kind, Batch] = {}

    def take(self, call: Call, numbers: Numbers) -> dict[str, Any] | None:
        """Takes `call`, which `book` is to book, and gives its attributes; `None` where no call like it was learned."""
        key, tokens, thinking, _ = numbers
        if not self._taken:
            instruments = self._books.instruments
            if self._epoch != instruments.epoch:
                self._epoch, self._kinds = instruments.epoch, {}
            if not instruments.are_current():
                return None
        try:
            kind = self._kinds.get(key)
        except TypeError:
            # A list where a name should be, of a broken answer.
            return None
        if kind is None:
            return None
        facts, times = kind.facts(call, numbers)
        batch = self._taken.get(kind)
        if batch is None:
            batch = self._taken[kind] = Batch()
        batch.calls.append(call)
        batch.tokens += tokens
        batch.times += times
        if thinking:
            batch.thinking += thinking
        return facts

    def book(self) -> None:
        """Books what was taken."""
        last: list[Call] = []
        while self._taken:
            kind, batch = self._taken.popitem()
            amounts = kind.amounts(len(batch.calls), [sum(batch.tokens[at::5]) for at in range(5)], batch.thinking)
            width = len(kind.points)
            columns = [(point, batch.times[at::width]) for at, point in enumerate(kind.points)]
            self._books.instruments.table.book([(kind.row, amounts)], columns, batch.calls)
            last.append(batch.calls[-1])
        # All calls of a kind are told of the same limits; of those that several kinds are told of the last word counts.
        for call in sorted(last, key=attrgetter("ended_ns")):
            self._books.limits(call)

    def learn(self, call: Call, numbers: Numbers, account: Account, changes: list[Change]) -> None:
        """Learns the kind of `call`, whose `account` and `changes` of the metrics were worked out in full."""
        usage, bill = account.usage, account.bill
        if usage is None or bill is None or bill.unpriced or account.earlier or call.native or call.verdict is not None:
            return
        told = (usage.service_tier, usage.speed, usage.inference_geo)
        if told != tuple(map(call.raw_usage.get, ("service_tier", "speed", "inference_geo"))):
            # Something else than a name: it is not to be kept.
            return
        key, tokens, thinking, _ = numbers
        tariff, points = tariff_of(call, self._prices, usage), self._books.points(call, account)
        used = 2 if call.is_active else 1
        if tariff is None or points is None or len(changes) <= used:
            return
        asked: dict[str, Any] = {}
        attributes.asked(call, asked)
        whole = {**call.origin.attributes, **attributes.at_end(call, account)}
        kind = Kind(changes, used, points, numbers, tariff)
        kind.learn(whole, asked)
        facts, measured = kind.facts(call, numbers)
        in_full = list(chain.from_iterable([amounts for _, amounts in changes]))
        is_same = kind.amounts(1, tokens, thinking or 0) == in_full and facts == whole
        if is_same and len(measured) == len(points):
            if len(self._kinds) >= MOST_KINDS:
                self._kinds.clear()
            self._kinds[key] = kind
