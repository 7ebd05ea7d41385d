"""What a call adds to the metrics."""

from __future__ import annotations

from typing import Any

from claude_otel import telemetry as t
from claude_otel.account import Account
from claude_otel.attributes import backoffs, blame_of, first_text, per_output_token
from claude_otel.bounded import Bounded, one_of
from claude_otel.cache_watch import Miss
from claude_otel.call import Attempt, Call
from claude_otel.metrics import Cell, Change, Instruments, Values
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
TOKENS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "tokens": (
        (t.INPUT_METRIC,),
        (t.OUTPUT_METRIC,),
        (t.CACHE_READ_METRIC,),
        (t.CACHE_WRITE_METRIC, "5m"),
        (t.CACHE_WRITE_METRIC, "1h"),
    ),
    "reasoning": ((t.REASONING_METRIC,),),
}
"""The counters of tokens, each with the values that it has after those that all of them have."""

EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max", "default"})


class Books:
    """Books calls into the instruments, under few attribute values.

    Every group of counters is looked up by what it depends on, once: the same few come again and again.
    """

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments
        self._cells = instruments.table.cells
        self._models = Bounded(30)

    def model(self, name: str | None) -> str:
        """`name` as a metric attribute."""
        return self._models(name) if name else NONE

    def common(self, call: Call, served: str | None = None) -> Values:
        """The values that every metric of a call starts with; `served` when it is not the call's own."""
        model = call.model
        return (
            call.operation,
            call.target.provider,
            self.model(model),
            self.model(served or call.served or model),
        )

    def active(self, call: Call, change: int) -> None:
        """Adds `change` to the calls that have not ended."""
        self.instruments.table.add([(self._active(call), change)])

    def _active(self, call: Call) -> Cell:
        provider, surface = call.target.provider, call.attribution.surface
        return self._cells(
            ("active", call.operation, provider, call.model, surface),
            lambda: [(t.ACTIVE_METRIC, (call.operation, provider, self.model(call.model), surface))],
        )[0]

    def error(self, component: str) -> None:
        """Counts a failure of our own."""
        cells = self._cells(("error", component), lambda: [(t.ERRORS_METRIC, (component,))])
        self.instruments.table.add([(cells[0], 1)])

    def book(self, call: Call, account: Account) -> None:
        """Books an ended call."""
        changes = self._ended(call)
        changes += [(self._attempt(call, attempt, t.ATTEMPTS_METRIC), 1) for attempt in call.attempts]
        if len(call.attempts) > 1:
            slept = backoffs(call)
            changes += [(self._attempt(call, attempt, t.BACKOFF_METRIC), seconds) for attempt, seconds in slept]
        # The results of a batch were booked as they were read.
        if call.results is None:
            for item in account.all:
                changes += self.used(call, item.usage, item.bill)
        if account.usage is None and call.operation == "chat":
            # Zeros for a failed call, as the conventions ask: its series exist before the first tokens do.
            changes += [(cell, 0) for cell in self._token_cells(call, None, "standard")[:2]]
        if account.miss is not None:
            changes += self._missed(call, account.miss, account.missed_cost)
        table = self.instruments.table
        table.add(changes)
        if call.headers.rate_limits:
            table.put(call.target.provider, self.model(call.model), call.headers.rate_limits)
        self._times(call, account)

    def _ended(self, call: Call) -> list[Change]:
        verdict, surface, blame = call.verdict, call.attribution.surface, blame_of(call)
        error_type = None if verdict is None or verdict.blame == "cancelled" else verdict.error_type
        told = (surface, call.outcome, call.stop_reason, blame, error_type, len(call.attempts) > 1)
        cells = self._cells(
            ("ended", call.operation, call.target.provider, call.model, call.served, *told),
            lambda: [(t.CALLS_METRIC, (*self.common(call), *few(*told)))],
        )
        changes: list[Change] = [(cells[0], 1), (self._active(call), -1)]
        if call.new_prompt:
            changed = self._cells(("changed", surface), lambda: [(t.PROMPT_CHANGES_METRIC, (surface,))])
            changes.append((changed[0], 1))
        return changes

    def _attempt(self, call: Call, attempt: Attempt, metric: t.Metric) -> Cell:
        status, blame = attempt.status, attempt.blame
        return self._cells(
            (metric.name, call.operation, call.target.provider, call.model, call.served, status, blame),
            lambda: [(metric, (*self.common(call), str(status or NONE), blame or NONE))],
        )[0]

    def used(self, call: Call, usage: Usage | None, bill: Bill | None) -> list[Change]:
        """The tokens and the money of one answer, each iteration on its own model."""
        if usage is None:
            return []
        tier = one_of(TIERS, usage.service_tier or "standard")
        changes: list[Change] = []
        for entry in usage.entries:
            read, write_5m, write_1h = entry.cache_read, entry.cache_write_5m, entry.cache_write_1h
            cells = self._token_cells(call, entry.model, tier)
            amounts = (entry.input_tokens + read + write_5m + write_1h, entry.output_tokens, read, write_5m, write_1h)
            changes += zip(cells, amounts, strict=True)
        if usage.reasoning_tokens is not None:
            cells = self._token_cells(call, usage.entries[-1].model, tier, "reasoning")
            changes.append((cells[0], usage.reasoning_tokens))
        if bill is not None and bill.priced:
            changes += self._money(call, bill, tier)
        elif bill is not None:
            model = bill.unpriced[0]
            cells = self._cells(
                ("unpriced", call.operation, call.target.provider, call.model, model),
                lambda: [(t.UNPRICED_METRIC, self.common(call, model))],
            )
            changes.append((cells[0], 1))
        return changes

    def _token_cells(self, call: Call, model: str | None, tier: str, what: str = "tokens") -> tuple[Cell, ...]:
        surface = call.attribution.surface

        def series() -> list[tuple[t.Metric, Values]]:
            values = (*self.common(call, model), surface, tier, "unknown")
            return [(metric, (*values, *ttl)) for metric, *ttl in TOKENS[what]]

        return self._cells(
            (what, call.operation, call.target.provider, call.model, model or call.served, surface, tier), series
        )

    def _money(self, call: Call, bill: Bill, tier: str) -> list[Change]:
        provider, who, effort = call.target.provider, call.attribution, call.asked.effort
        told = (who.surface, who.call_site, tier, effort, who.agent)
        changes: list[Change] = []
        for model, component, usd in bill.lines:

            def series(model: str = model, component: str = component) -> list[tuple[t.Metric, Values]]:
                level = one_of(EFFORTS, effort or "default")
                values = (who.surface, who.call_site, component, tier, level, who.agent or NONE)
                return [(t.COST_METRIC, (*self.common(call, model), *values))]

            cells = self._cells(("cost", call.operation, provider, call.model, model, component, *told), series)
            changes.append((cells[0], usd))
        cells = self._cells(
            ("uncached", call.operation, provider, call.model, call.served, who.surface),
            lambda: [(t.UNCACHED_COST_METRIC, (*self.common(call), who.surface))],
        )
        changes.append((cells[0], bill.uncached))
        return changes

    def _missed(self, call: Call, miss: Miss, cost: float | None) -> list[Change]:
        def series() -> list[tuple[t.Metric, Values]]:
            values = (*self.common(call), call.attribution.surface, miss.reason)
            return [(t.MISSED_TOKENS_METRIC, values), (t.MISSED_COST_METRIC, values)]

        key = (call.operation, call.target.provider, call.model, call.served, call.attribution.surface, miss.reason)
        tokens, usd = self._cells(("missed", *key), series)
        return [(tokens, miss.tokens), (usd, max(cost or 0.0, 0.0))]

    def _times(self, call: Call, account: Account) -> None:
        verdict = call.verdict
        common = self.common(call)
        surface = call.attribution.surface
        error_type = None if verdict is None or verdict.blame == "cancelled" else verdict.error_type
        record, context = self.instruments.record, call.context
        record(t.DURATION_METRIC, (*common, surface, call.outcome, error_type), call.duration, context)
        for metric, seconds in (
            (t.FIRST_CHUNK_METRIC, call.first_chunk if call.stream else None),
            (t.FIRST_TEXT_METRIC, first_text(call)),
            (t.PER_TOKEN_METRIC, per_output_token(call, account)),
        ):
            if seconds is not None:
                record(metric, (*common, surface), seconds, context)


def few(
    surface: str, outcome: str, stop_reason: str | None, blame: str | None, error_type: str | None, retried: bool
) -> Values:
    """How a call ended, in few values."""
    return surface, outcome, one_of(STOP_REASONS, stop_reason or NONE), blame or NONE, error_type, retried
