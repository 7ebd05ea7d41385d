"""The numbers of a run. In bounded memory: sums, samples of times, a few request ids, however long it is."""

from __future__ import annotations

import time

from claude_otel.cli.changes import Changes
from claude_otel.cli.record import Call
from claude_otel.cli.sample import Sample
from claude_otel.cli.tally import OTHER, Group, Miss, Tally, Trouble, sums
from claude_otel.cli.timeline import Timeline
from claude_otel.cli.top import Top

TroubleKey = tuple[str, str, str]
"""Blame, HTTP status, and error type with its code."""

MAX_PROCESSES = 10_000
"""Processes beyond this many are not counted."""


class Report:
    """Everything that was seen of the calls of a run."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.active = 0
        self.instances: set[str] = set()
        self._start_counts()
        self._start_tokens()
        self._start_groups()
        self._start_times()
        self._start_course()

    def _start_counts(self) -> None:
        self.calls = 0
        self.messages = 0
        self.errors = 0
        self.retried = 0
        self.recovered = 0
        self.attempts = 0
        self.resent = 0
        self.backoff = 0.0
        self.unpriced = 0
        self.counted_calls = 0
        self.counted_tokens = 0

    def _start_tokens(self) -> None:
        self.cost = 0.0
        self.uncached_cost = 0.0
        self.input_tokens = 0
        self.output_tokens = 0
        self.cache_read = 0
        self.cache_write = 0
        self.reasoning = 0

    def _start_groups(self) -> None:
        self.operations = sums()
        self.outcomes = sums()
        self.stop_reasons = sums()
        self.blames = sums()
        self.components = sums()
        self.models = sums()
        self.model_calls = sums()
        self.unpriced_models = sums()
        self.batches = sums()
        self.surfaces: Tally[str, Group] = Tally(Group, OTHER)
        self.troubles: Tally[TroubleKey, Trouble] = Tally(Trouble, (OTHER, "", OTHER))
        self.misses: Tally[str, Miss] = Tally(Miss, OTHER)
        self.headroom: dict[str, tuple[float, str]] = {}

    def _start_times(self) -> None:
        self.first_text = Sample()
        self.first_chunk = Sample()
        self.duration = Sample()
        self.per_token = Sample()

    def _start_course(self) -> None:
        self.first_end: float | None = None
        self.last_end = 0.0
        self.timeline = Timeline()
        self.changes = Changes()
        self.dearest = Top()
        self.slowest = Top()

    @property
    def hit_ratio(self) -> float | None:
        """The share of all input tokens that was read from the cache."""
        return self.cache_read / self.input_tokens if self.input_tokens else None

    def add(self, call: Call) -> None:
        """Takes `call` in."""
        self.calls += 1
        self.messages += call.is_message
        if len(self.instances) < MAX_PROCESSES:
            self.instances.add(call.instance)
        self.operations[call.operation] += 1
        self.outcomes[call.outcome] += 1
        self.surfaces[call.surface].add(call)
        self._add_trouble(call)
        self._add_attempts(call)
        self._add_tokens(call)
        self._add_money(call)
        self._add_cache_and_limits(call)
        self._add_batch(call)
        self._add_times(call)
        self._add_course(call)

    def _add_trouble(self, call: Call) -> None:
        self.errors += call.failed
        if call.stop_reason:
            self.stop_reasons[call.stop_reason] += 1
        if call.blame:
            self.blames[call.blame] += 1
            self.troubles[trouble_key(call)].add(call)

    def _add_attempts(self, call: Call) -> None:
        self.attempts += call.attempts
        self.backoff += call.backoff
        if call.attempts > 1:
            self.resent += call.attempts - 1
            self.retried += 1
            self.recovered += call.blame is None

    def _add_tokens(self, call: Call) -> None:
        self.input_tokens += call.input_tokens
        self.output_tokens += call.output_tokens
        self.cache_read += call.cache_read
        self.cache_write += call.cache_write
        self.reasoning += call.reasoning
        if call.operation == "count_tokens":
            self.counted_calls += 1
            self.counted_tokens += call.counted

    def _add_money(self, call: Call) -> None:
        bill = call.bill
        self.model_calls[call.model] += 1
        self.cost += bill.usd or 0.0
        self.uncached_cost += (bill.usd or 0.0) if bill.uncached_usd is None else bill.uncached_usd
        for component, part in bill.components.items():
            self.components[component] += part
        for model, part in (bill.by_model or {call.model: bill.usd or 0.0}).items():
            self.models[model] += part
        if bill.unpriced:
            self.unpriced += 1
            self.unpriced_models[call.model] += 1

    def _add_cache_and_limits(self, call: Call) -> None:
        if call.miss_reason:
            self.misses[call.miss_reason].add(call)
        if call.headroom is None:
            return
        limit = call.limit or "unknown"
        lowest = self.headroom.get(limit)
        if (lowest is None and len(self.headroom) < 20) or (lowest and call.headroom < lowest[0]):
            self.headroom[limit] = (call.headroom, call.model)

    def _add_batch(self, call: Call) -> None:
        if call.operation == "create_batch":
            self.batches["created"] += 1
            self.batches["requests"] += call.batch_requests
        if call.operation == "batch_results":
            self.batches["results_read"] += call.batch_succeeded + call.batch_failed
            self.batches["succeeded"] += call.batch_succeeded
            self.batches["failed"] += call.batch_failed
            self.batches["cost_usd"] += call.bill.usd or 0.0

    def _add_times(self, call: Call) -> None:
        if call.is_message and not call.failed:
            self.first_text.add(call.first_text)
            self.first_chunk.add(call.first_chunk)
            self.duration.add(call.duration)
            self.per_token.add(call.per_token)

    def _add_course(self, call: Call) -> None:
        if call.at > 0:
            self.first_end = call.at if self.first_end is None else min(self.first_end, call.at)
            self.last_end = max(self.last_end, call.at)
        self.timeline.add(call)
        self.changes.add(call)
        self.dearest.add(call.bill.usd, call)
        self.slowest.add(call.duration if call.is_message else None, call)


def trouble_key(call: Call) -> TroubleKey:
    """What kind of trouble `call` had."""
    status = str(call.status) if call.failed and call.status else ""
    error = " ".join(filter(None, [call.error_type, call.error_code])) or call.stop_reason or call.outcome
    return call.blame or "", status, "" if error == call.blame else error
