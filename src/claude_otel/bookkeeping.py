"""What a call adds to the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from opentelemetry.context import get_current

from claude_otel import telemetry as t
from claude_otel.account import Account
from claude_otel.attributes import backoffs, blame_of, seconds
from claude_otel.bounded import Bounded, one_of
from claude_otel.cache_watch import Miss
from claude_otel.call import Call, Origin
from claude_otel.metrics import Change, Instruments, Row, Time, Values
from claude_otel.otel_histograms import Point
from claude_otel.pricing import Bill
from claude_otel.usage import Usage

NONE = "none"

STOP_REASONS = frozenset(
    {
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
        "compaction",
        NONE,
    }
)
TIERS = frozenset({"standard", "priority", "batch", "flex", "flex_discount", "priority_on_demand"})
TOKENS: tuple[tuple[Any, ...], ...] = (
    (t.INPUT_METRIC,),
    (t.OUTPUT_METRIC,),
    (t.CACHE_READ_METRIC,),
    (t.CACHE_WRITE_METRIC, "5m"),
    (t.CACHE_WRITE_METRIC, "1h"),
)
"""The counters of tokens, each with the values that it has after those that all of them have."""

Series = list[tuple[t.Metric, Values]]

EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max", "default"})


class Books:
    """Books calls into the instruments, under few attribute values.

    The series that a call belongs to are looked up by what they depend on: the same few come again and again.
    """

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments
        self._models = Bounded(30)

    def model(self, name: str | None) -> str:
        """`name` as a metric attribute."""
        return self._models(name) if name else NONE

    def common(self, call: Call, served: str | None = None) -> Values:
        """The values that every metric of a call starts with; `served` when it is not the call's own."""
        origin = call.origin
        return (
            origin.operation,
            origin.target.provider,
            self.model(origin.model),
            self.model(served or call.served or origin.model),
        )

    def active(self, origin: Origin) -> Row:
        """Where the calls from `origin` are counted that have begun and not ended."""
        provider, surface = origin.target.provider, origin.attribution.surface
        return self.instruments.table.row(
            ("active", origin.operation, provider, origin.model, surface),
            lambda: [(t.ACTIVE_METRIC, (origin.operation, provider, self.model(origin.model), surface))],
        )

    def error(self, component: str) -> None:
        """Counts a failure of our own."""
        table = self.instruments.table
        table.add([(table.row(("error", component), lambda: [(t.ERRORS_METRIC, (component,))]), (1,))])

    def book(self, call: Call, account: Account) -> list[Change]:
        """Books an ended call, and tells what it added to the counters."""
        who = who_of(call)
        changes = self._ended(call, who)
        if len(call.attempts) > 1:
            changes += self._backoffs(call)
        # The results of a batch were booked as they were read.
        if call.results is None:
            for item in account.all:
                if item.usage is not None:
                    changes.append(self.used(call, item.usage, item.bill))
        if account.usage is None and call.origin.operation == "chat":
            changes.append(self._nothing_used(call))
        if account.miss is not None:
            changes.append(self._missed(call, account.miss, account.missed_cost))
        self.add(call, changes, self._times(call, account, who))
        return changes

    def add(self, call: Call, changes: list[Change], times: Iterable[Time]) -> None:
        """Adds to the counters and histograms, and notes the rate limits that the API has told."""
        columns = [(point, (amount,)) for point, amount in times]
        self.instruments.table.book(changes, columns, (call,))
        self.limits(call)

    def limits(self, call: Call) -> None:
        """Notes the rate limits that the API has told."""
        headers, origin = call.headers, call.origin
        if headers.remaining:
            self.instruments.table.put((origin.target.provider, self.model(origin.model), headers.kinds), headers)

    def _ended(self, call: Call, who: Values) -> list[Change]:
        verdict, attempts = call.verdict, call.attempts
        told = (call.outcome, call.stop_reason, blame_of(call), None if verdict is None else verdict.error_type)
        table = self.instruments.table
        if len(attempts) == 1:
            key: Values = ("ended", who, told, attempts[0].status, attempts[0].blame)
        else:
            key = ("ended", who, told, *[(attempt.status, attempt.blame) for attempt in attempts])
        row = table.known.get(key) or table.learn(key, self._series_of_end(call))
        changes: list[Change] = [(row, (1,) * len(row.cells))]
        if call.is_active:
            changes.append((call.origin.active, (-1,)))
        if call.new_prompt:
            surface = call.origin.attribution.surface
            changes.append((table.row(("changed", surface), lambda: [(t.PROMPT_CHANGES_METRIC, (surface,))]), (1,)))
        return changes

    def _series_of_end(self, call: Call) -> Series:
        """The call, and each of its attempts."""
        common, stop_reason = self.common(call), one_of(STOP_REASONS, call.stop_reason or NONE)
        told = (call.outcome, stop_reason, blame_of(call) or NONE, error_type_of(call), len(call.attempts) > 1)
        found: Series = [(t.CALLS_METRIC, (*common, call.origin.attribution.surface, *told))]
        for attempt in call.attempts:
            found.append((t.ATTEMPTS_METRIC, (*common, str(attempt.status or NONE), attempt.blame or NONE)))
        return found

    def _backoffs(self, call: Call) -> list[Change]:
        changes: list[Change] = []
        table = self.instruments.table
        for attempt, slept in backoffs(call):
            values = (*self.common(call), str(attempt.status or NONE), attempt.blame or NONE)
            key = ("backoff", *values)
            changes.append((table.known.get(key) or table.learn(key, [(t.BACKOFF_METRIC, values)]), (slept,)))
        return changes

    def used(self, call: Call, usage: Usage, bill: Bill | None) -> Change:
        """The tokens and the money of one answer, each iteration on its own model."""
        amounts: list[float] = []
        for entry in usage.entries:
            read, write_5m, write_1h = entry.cache_read, entry.cache_write_5m, entry.cache_write_1h
            whole = entry.input_tokens + read + write_5m + write_1h
            amounts += (whole, entry.output_tokens, read, write_5m, write_1h)
        if usage.reasoning_tokens is not None:
            amounts.append(usage.reasoning_tokens)
        paid: Sequence[object] = ()
        if bill is not None and bill.unpriced:
            paid = bill.unpriced
            amounts.append(1)
        elif bill is not None:
            # Models, components and amounts, each by themselves.
            *paid, usd = zip(*bill.lines, strict=True) if bill.lines else ((), (), ())
            amounts += (*usd, bill.uncached)
        who, table = call.origin.attribution, self.instruments.table
        key = (
            "used", *who_of(call), who.call_site, who.agent, call.asked.effort, usage.service_tier,
            usage.reasoning_tokens is None, bill is None, *paid, *[entry.model for entry in usage.entries],
        )  # fmt: skip
        return table.known.get(key) or table.learn(key, self._series_of_used(call, usage, bill)), amounts

    def _series_of_used(self, call: Call, usage: Usage, bill: Bill | None) -> Series:
        """The series of `used`, in the order of its amounts."""
        tier = one_of(TIERS, usage.service_tier or "standard")
        found = [row for entry in usage.entries for row in self._series_of_tokens(call, entry.model, tier)]
        if usage.reasoning_tokens is not None:
            values = (*self.common(call, usage.entries[-1].model), call.origin.attribution.surface, tier, "unknown")
            found.append((t.REASONING_METRIC, values))
        if bill is None:
            return found
        if bill.unpriced:
            return [*found, (t.UNPRICED_METRIC, self.common(call, bill.unpriced[0]))]
        who, level = call.origin.attribution, one_of(EFFORTS, call.asked.effort or "default")
        for model, component, _ in bill.lines:
            values = (who.surface, who.call_site, component, tier, level, who.agent or NONE)
            found.append((t.COST_METRIC, (*self.common(call, model), *values)))
        return [*found, (t.UNCACHED_COST_METRIC, (*self.common(call), who.surface))]

    def _series_of_tokens(self, call: Call, model: str | None, tier: str) -> Series:
        values = (*self.common(call, model), call.origin.attribution.surface, tier, "unknown")
        return [(metric, (*values, *ttl)) for metric, *ttl in TOKENS]

    def _nothing_used(self, call: Call) -> Change:
        """Zeros for a failed call, as the conventions ask: its series exist before the first tokens do."""
        key = ("nothing", *who_of(call))
        row = self.instruments.table.row(key, lambda: self._series_of_tokens(call, None, "standard")[:2])
        return row, (0, 0)

    def _missed(self, call: Call, miss: Miss, cost: float | None) -> Change:
        def series() -> Series:
            values = (*self.common(call), call.origin.attribution.surface, miss.reason)
            return [(t.MISSED_TOKENS_METRIC, values), (t.MISSED_COST_METRIC, values)]

        row = self.instruments.table.row(("missed", *who_of(call), miss.reason), series)
        return row, (miss.tokens, max(cost or 0.0, 0.0))

    def _times(self, call: Call, account: Account, who: Values) -> list[Time]:
        """The measured times, for the points of their histograms; where there is none yet, they are recorded here."""
        times: list[Time] = []
        instruments = self.instruments
        current = instruments.are_current()
        for metric, key, amount in measured(call, account, who):
            point = instruments.points[metric.name].get(key) if current else None
            if point is not None:
                times.append((point, amount))
            else:
                values: Values = (*self.common(call), call.origin.attribution.surface)
                if metric is t.DURATION_METRIC:
                    values = (*values, call.outcome, error_type_of(call))
                instruments.record(metric, key, values, amount, call.context or get_current())
        return times

    def points(self, call: Call, account: Account) -> list[Point] | None:
        """The points of the histograms that the times of `call` go to, `None` where one has none."""
        points: list[Point] = []
        for metric, key, _ in measured(call, account, who_of(call)):
            point = self.instruments.points[metric.name].get(key)
            if point is None:
                return None
            points.append(point)
        return points


def who_of(call: Call) -> Values:
    """What the times of a call are known by."""
    origin = call.origin
    return origin.operation, origin.target.provider, origin.model, call.served, origin.attribution.surface


def measured(call: Call, account: Account, who: Values) -> list[tuple[t.Metric, Values, float]]:
    """The times of a call, each with its metric and what its point is known by."""
    told: list[tuple[t.Metric, Values, float]] = [
        (t.DURATION_METRIC, (who, call.outcome, error_type_of(call)), call.duration)
    ]
    if call.origin.operation == "chat":
        chunk, text, each = seconds(call, None if account.usage is None else account.usage.totals.output_tokens)
        if call.origin.stream and chunk is not None:
            told.append((t.FIRST_CHUNK_METRIC, who, chunk))
        if text is not None:
            told.append((t.FIRST_TEXT_METRIC, who, text))
        if each is not None:
            told.append((t.PER_TOKEN_METRIC, who, each))
    return told


def error_type_of(call: Call) -> str | None:
    """The type of the error that a call ended with. A cancelled call has none."""
    verdict = call.verdict
    return None if verdict is None or verdict.blame == "cancelled" else verdict.error_type
