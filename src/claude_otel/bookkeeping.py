"""What a call adds to the metrics."""

from __future__ import annotations

from claude_otel import telemetry as t
from claude_otel.account import Account
from claude_otel.attributes import backoffs, blame_of, first_text, per_output_token
from claude_otel.bounded import Bounded, one_of
from claude_otel.call import Attempt, Call
from claude_otel.metrics import Instruments, Values
from claude_otel.pricing import Bill
from claude_otel.usage import Entry, Usage

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
EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max", "default"})

_MOST_COMMONS = 1000

Amount = tuple[t.Metric, Values, float]


class Books:
    """Books calls into the instruments, under few attribute values."""

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments
        self._models = Bounded(30)
        self._commons: dict[tuple[str, str, str | None, str | None], Values] = {}

    def model(self, name: str | None) -> str:
        """`name` as a metric attribute."""
        return self._models(name) if name else NONE

    def common(self, call: Call, served: str | None = None) -> Values:
        """The values that every metric of a call starts with; `served` when it is not the call's own."""
        key = (call.operation, call.target.provider, call.model, served or call.served or call.model)
        values = self._commons.get(key)
        if values is None:
            operation, provider, asked, answered = key
            values = (operation, provider, self.model(asked), self.model(answered))
            if len(self._commons) < _MOST_COMMONS:
                self._commons[key] = values
        return values

    def active(self, call: Call, change: int) -> None:
        """Adds `change` to the calls that have not ended."""
        values = (call.operation, call.target.provider, self.model(call.model), call.attribution.surface)
        self.instruments.table.add([(t.ACTIVE_METRIC, values, change)])

    def error(self, component: str) -> None:
        """Counts a failure of our own."""
        self.instruments.table.add([(t.ERRORS_METRIC, (component,), 1)])

    def book(self, call: Call, account: Account) -> None:
        """Books an ended call."""
        amounts = [*self._ended(call), *self._attempts(call)]
        # The results of a batch were booked as they were read.
        for item in account.all if call.results is None else ():
            amounts += self.used(call, item.usage, item.bill)
        if not account.all and call.operation == "chat":
            amounts += self._nothing_used(call)
        amounts += self._missed(call, account)
        table = self.instruments.table
        table.add(amounts)
        if call.headers.rate_limits:
            table.put(call.target.provider, self.model(call.model), call.headers.rate_limits)
        self._times(call, account)

    def _ended(self, call: Call) -> list[Amount]:
        verdict = call.verdict
        values = (
            *self.common(call),
            call.attribution.surface,
            call.outcome,
            one_of(STOP_REASONS, call.stop_reason or NONE),
            blame_of(call) or NONE,
            None if verdict is None or verdict.blame == "cancelled" else verdict.error_type,
            len(call.attempts) > 1,
        )
        active = (call.operation, call.target.provider, self.model(call.model), call.attribution.surface)
        amounts: list[Amount] = [(t.CALLS_METRIC, values, 1), (t.ACTIVE_METRIC, active, -1)]
        if call.new_prompt:
            amounts.append((t.PROMPT_CHANGES_METRIC, (call.attribution.surface,), 1))
        return amounts

    def _attempts(self, call: Call) -> list[Amount]:
        common = self.common(call)
        ended: list[Amount] = [(t.ATTEMPTS_METRIC, (*common, *attempt_values(each)), 1) for each in call.attempts]
        slept = backoffs(call) if len(call.attempts) > 1 else ()
        return ended + [(t.BACKOFF_METRIC, (*common, *attempt_values(each)), seconds) for each, seconds in slept]

    def used(self, call: Call, usage: Usage | None, bill: Bill | None) -> list[Amount]:
        """The tokens and the money of one answer, each iteration on its own model."""
        if usage is None:
            return []
        tier = one_of(TIERS, usage.service_tier or "standard")
        amounts: list[Amount] = []
        for entry in usage.entries:
            amounts += self._tokens(call, entry, tier)
        if usage.reasoning_tokens is not None:
            values = (*self.common(call, usage.entries[-1].model), call.attribution.surface, tier, "unknown")
            amounts.append((t.REASONING_METRIC, values, usage.reasoning_tokens))
        if bill is not None and bill.priced:
            amounts += self._money(call, bill, tier)
        elif bill is not None:
            amounts.append((t.UNPRICED_METRIC, self.common(call, bill.unpriced[0]), 1))
        return amounts

    def _tokens(self, call: Call, entry: Entry, tier: str) -> list[Amount]:
        values = (*self.common(call, entry.model), call.attribution.surface, tier, "unknown")
        return [
            (t.INPUT_METRIC, values, entry.prompt_tokens),
            (t.OUTPUT_METRIC, values, entry.output_tokens),
            (t.CACHE_READ_METRIC, values, entry.cache_read),
            (t.CACHE_WRITE_METRIC, (*values, "5m"), entry.cache_write_5m),
            (t.CACHE_WRITE_METRIC, (*values, "1h"), entry.cache_write_1h),
        ]

    def _nothing_used(self, call: Call) -> list[Amount]:
        """Zeros for a failed call, as the conventions ask: its series exist before the first tokens do."""
        values = (*self.common(call), call.attribution.surface, "standard", "unknown")
        return [(t.INPUT_METRIC, values, 0), (t.OUTPUT_METRIC, values, 0)]

    def _money(self, call: Call, bill: Bill, tier: str) -> list[Amount]:
        who = call.attribution
        effort = one_of(EFFORTS, call.asked.effort or "default")
        amounts: list[Amount] = []
        for line in bill.lines:
            values = (
                *self.common(call, line.model), who.surface, who.call_site, line.component, tier, effort,
                who.agent or NONE,
            )  # fmt: skip
            amounts.append((t.COST_METRIC, values, line.usd))
        amounts.append((t.UNCACHED_COST_METRIC, (*self.common(call), who.surface), bill.uncached))
        return amounts

    def _missed(self, call: Call, account: Account) -> list[Amount]:
        if account.miss is None:
            return []
        values = (*self.common(call), call.attribution.surface, account.miss.reason)
        return [
            (t.MISSED_TOKENS_METRIC, values, account.miss.tokens),
            (t.MISSED_COST_METRIC, values, max(account.missed_cost or 0.0, 0.0)),
        ]

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


def attempt_values(attempt: Attempt) -> tuple[str, str]:
    """The status and the blame of an attempt, as metric attributes."""
    return str(attempt.status or NONE), attempt.blame or NONE
