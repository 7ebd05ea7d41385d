"""Starts the record of a call, and books it as it ends: its span, its metrics, its events."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType
from typing import Any

from opentelemetry._logs import Logger
from opentelemetry.context import Context, get_current
from opentelemetry.trace import Span, Tracer, set_span_in_context

from claude_otel import asked, attributes, events, guard, ordinary, others, sdk_option, spans
from claude_otel import telemetry as t
from claude_otel.account import Account, account_of, bill_of
from claude_otel.attribution import hashed_user, scope
from claude_otel.batches import LEDGER, Results
from claude_otel.bookkeeping import Books
from claude_otel.cache_watch import CacheWatch
from claude_otel.call import Call
from claude_otel.config import Settings
from claude_otel.metrics import Change
from claude_otel.ordinary import Numbers, Ordinary
from claude_otel.origins import Origins
from claude_otel.otel_logs import Event
from claude_otel.usage import get, merged, read, text


class Recorder:
    """Records calls on one set of providers."""

    def __init__(self, settings: Settings, tracer: Tracer, logger: Logger, books: Books) -> None:
        self.settings = settings
        self._books = books
        self._table = books.instruments.table
        self._spans = spans.Starter(tracer, self._table.settle)
        self._events = events.Emitter(logger, settings.logs, self._table.settle)
        self.replaces_sdk_span = settings.spans in ("auto", "own")
        """Whether the SDK's own span of a recorded call that is not left to it is kept from starting."""
        self._origins = Origins(settings, books)
        self._cache = CacheWatch()
        self._ordinary = Ordinary(books, settings.prices)
        # One object, by which those are known that are settled together.
        self._settling = self._settle

    def start(
        self, client: Any, options: Any, stream: bool, frame: FrameType | None, context: Context, late: bool = False
    ) -> Call | None:
        """The record of the call that `client` makes with `options`, in the current `context`; `None` for one that is
        not recorded.

        It is seen `late` when the SDK has decided already whether to make a span of its own.
        """
        around = scope()
        origin = self._origins.of(client, options, stream, frame, around)
        if origin is None:
            return None
        call = Call(origin, self.end)
        if around is not None:
            call.user = around.user
        mode = self.settings.spans
        if mode == "auto" and others.present() and others.made_span(frame, options, stream):
            call.context = context
        elif (
            not late
            and (mode == "native" or (mode == "auto" and sdk_option.configured(client)))
            and sdk_option.span_expected(client, options)
        ):
            call.native = True
        elif self.replaces_sdk_span:
            self._spans.start(call, context)
        self._table.begin(origin.active)
        call.is_active = True
        return call

    def adopt(self, call: Call, span: Span) -> None:
        """Makes `span`, the SDK's own, the span of `call`."""
        call.span = span
        call.context = set_span_in_context(span)
        if span.is_recording():
            span.set_attributes(attributes.beside_the_sdks(call.origin.attributes))

    def enrich(self, call: Call, span: Span) -> None:
        """Puts what is known of `call` on the SDK's own span, which is about to end."""
        values = attributes.at_end(call, account_of(call, self.settings.prices))
        self._add_user(call, values)
        span.set_attributes(attributes.beside_the_sdks(values))

    def asks(self, call: Call, client: Any, options: Any) -> None:
        """Notes what the first request asks for, from the options as the SDK has prepared them."""
        request = call.asked = asked.read(client, options, call.origin.operation, call.origin.model)
        if request.prefix is not None:
            site = call.origin.attribution.call_site
            expected, is_new = self._cache.start(site, request.prefix, request.cache_ttl, call.started)
            if expected is not None:
                call.expected = expected
            if is_new:
                call.new_prompt = True

    def result(self, call: Call, results: Results, row: Any) -> None:
        """Books one result of a batch, at the batch price, unless this process has counted it before."""
        index = results.rows
        result = get(row, "result")
        if get(result, "type") != "succeeded":
            results.failed += 1
            return
        results.succeeded += 1
        if call.batch_id is None or not LEDGER.is_new(call.batch_id, index):
            return
        message = get(result, "message")
        raw = {**merged(get(message, "usage")), "service_tier": "batch"}
        model = text(get(message, "model"))
        usage = read(raw, model=model, ttl="5m")
        bill = bill_of(call, self.settings.prices, usage, model, get(message, "stop_reason"))
        results.add(usage, bill)
        self._table.add([self._books.used(call, usage, bill)])

    def end(self, call: Call) -> None:
        """Ends the span of the ended `call` and emits its events. What they and the metrics tell of it is worked out
        when somebody looks, for many calls at once. Never raises.
        """
        table = self._table
        told = True
        wanted: Sequence[Event] = ()
        try:
            if call.expected is not None:
                self._cache.ended(call.expected, call.raw_usage)
            if call.context is None:
                call.context = get_current()
            told = call.is_told or self._spans.prepare(call)
            if wanted := self._events.of(call):
                call.is_told = True
        except Exception:
            guard.failed("end")
        call.settle = self._settling
        table.later(call)
        try:
            # The answers before the last one are not kept.
            if not told or len(call.answers) > 1:
                table.settle()
            self._spans.end(call, None if told else call.told)
            for event in wanted:
                self._events.emit(call, event)
        except Exception:
            guard.failed("span")

    def _settle(self, calls: Sequence[Call]) -> None:
        """Books ended calls, and has their spans and events tell of them."""
        for call in calls:
            try:
                numbers = ordinary.numbers_of(call, self.settings.prices.lengths)
                facts = None if numbers is None else self._ordinary.take(call, numbers)
            except Exception:
                guard.failed("end")
                numbers = facts = None
            if numbers is None or facts is None:
                # In the order of their ends.
                self._book_ordinary()
                self._settle_in_full(call, numbers)
                continue
            try:
                self._tell(call, facts)
            except Exception:
                guard.failed("span")
        self._book_ordinary()

    def _book_ordinary(self) -> None:
        try:
            self._ordinary.book()
        except Exception:
            guard.failed("metrics")

    def _settle_in_full(self, call: Call, numbers: Numbers | None) -> None:
        account = self._account(call)
        changes: list[Change] = []
        try:
            changes = self._books.book(call, account)
        except Exception:
            guard.failed("metrics")
        try:
            if call.is_told:
                call.cost_by_model = attributes.cost_by_model(call, account)
                self._tell(call, {**call.origin.attributes, **attributes.at_end(call, account)})
            if numbers is not None and changes:
                self._ordinary.learn(call, numbers, account, changes)
        except Exception:
            guard.failed("span")

    def _account(self, call: Call) -> Account:
        try:
            return account_of(call, self.settings.prices)
        except Exception:
            guard.failed("end")
            return Account()

    def _tell(self, call: Call, facts: dict[str, Any]) -> None:
        """Has the span and events of `call` tell `facts`, and who it was for."""
        self._add_user(call, facts)
        call.facts = facts
        self._spans.tell(call, facts)

    def _add_user(self, call: Call, values: dict[str, Any]) -> None:
        if self.settings.user_key is not None:
            user = call.asked.user if call.user is None else call.user
            hashed = hashed_user(user, self.settings.user_key)
            if hashed is not None:
                values[t.USER_HASH] = hashed
