"""Shortcuts past the checks that OpenTelemetry's SDK makes of every attribute of every span, event and measurement.

Those checks are most of what a call would cost, and ours need none: they are texts, numbers, booleans, and tuples of
texts. Each function looks first whether the SDK is as it knows it (1.43 to 1.45), by the private attributes it is about
to use. Where it is not it returns `None` or `False`, having done nothing, and its caller goes by the API.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry._logs import LogRecord
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context


class Starts:
    """Whether the spans of a tracer may start without attributes, which then are set at once, past the checks.

    So it is where nobody looks at the attributes of a span that starts: no sampler or processor but the SDK's own.
    """

    def __init__(self, tracer: Any) -> None:
        self._tracer = getattr(tracer, "_tracer", None) or tracer
        self._sampler: Any = None
        self._processors: Any = None
        self._blind = False

    def blind(self) -> bool:
        """Whether nobody looks."""
        tracer = self._tracer
        try:
            processors = tracer.span_processor._span_processors
            if tracer.sampler is not self._sampler or processors is not self._processors:
                self._sampler, self._processors = tracer.sampler, processors
                self._blind = all(map(is_blind, (tracer.sampler, *processors)))
        except AttributeError:
            return False
        return self._blind


def is_blind(part: Any) -> bool:
    """Whether `part`, a sampler or a processor, is one of the SDK's that do not look at attributes as a span starts."""
    if type(part).__name__ == "ParentBased":
        return type(part).__module__ == _SAMPLING and all(map(is_blind, vars(part).values()))
    return (type(part).__module__, type(part).__name__) in _BLIND


_SAMPLING = "opentelemetry.sdk.trace.sampling"
_BLIND = frozenset(
    {
        (_SAMPLING, "StaticSampler"),
        (_SAMPLING, "TraceIdRatioBased"),
        ("opentelemetry.sdk.trace.export", "BatchSpanProcessor"),
        ("opentelemetry.sdk.trace.export", "SimpleSpanProcessor"),
    }
)


def set_attributes(span: Any, values: Mapping[str, Any]) -> bool:
    """Sets the attributes `values` on the recording `span`."""
    held = getattr(span, "_attributes", None)
    if type(held) is not BoundedAttributes or held._immutable or held.max_value_len is not None:
        return False
    with held._lock:
        if held.maxlen is not None and len(held._dict) + len(values) > held.maxlen:
            return False
        held._dict.update(values)
    return True


class Measurement:
    """What a histogram's aggregation takes of a measurement."""

    __slots__ = ("attributes", "context", "time_unix_nano", "value")

    def __init__(self, value: float, time_unix_nano: int, attributes: Mapping[str, Any], context: Context) -> None:
        self.value = value
        self.time_unix_nano = time_unix_nano
        self.attributes = attributes
        self.context = context


class Point:
    """The points of one histogram with one set of attributes, in the storages of all metric readers."""

    __slots__ = ("_aggregates", "_attributes", "_consumer", "_histogram", "_offered", "_storages")

    def __init__(self, histogram: Any, attributes: Mapping[str, Any]) -> None:
        """`histogram` has taken a measurement with these `attributes`. Raises AttributeError where it is not known."""
        self._histogram = histogram
        self._attributes = attributes
        self._consumer = histogram._measurement_consumer
        self._storages = self._consumer._reader_storages
        self._aggregates: list[Callable[[Any, bool], None]] = []
        self._offered: dict[int, float] = {}
        for storage in self._storages.values():
            for match in storage._instrument_view_instrument_matches[histogram]:
                if getattr(match, "_reset_on_collect", False):
                    raise AttributeError("its aggregations are replaced at every collection")
                self._aggregates.append(aggregation_of(match, attributes).aggregate)

    def record(self, amount: float, context: Context) -> bool:
        """Records `amount`. Not when readers have come or gone, or the histogram has been switched off."""
        consumer = self._consumer
        if consumer._reader_storages is not self._storages or not self._histogram._is_enabled():
            return False
        now, attributes = time.time_ns(), self._attributes
        sampled = self._is_due(amount, now) and consumer._sdk_config.exemplar_filter.should_sample(
            amount, now, attributes, context
        )
        measurement = Measurement(amount, now, attributes, context)
        for aggregate in self._aggregates:
            aggregate(measurement, sampled)
        return True

    def _is_due(self, amount: float, now: int) -> bool:
        """Whether an exemplar is offered: one a second for amounts of this size, of which the last one is kept."""
        # About four sizes for each doubling, finer than the buckets.
        size = int(math.log2(amount) * 4) if amount > 0 else 0
        if now - self._offered.get(size, 0) < 1_000_000_000:
            return False
        self._offered[size] = now
        return True


def aggregation_of(match: Any, attributes: Mapping[str, Any]) -> Any:
    """The aggregation of a view for `attributes`. Raises AttributeError when it has none, or one for all the rest."""
    keys = match._view._attribute_keys
    kept = attributes if keys is None else {name: value for name, value in attributes.items() if name in keys}
    for aggregation in list(match._attributes_aggregation.values()):
        if aggregation._attributes == kept:
            return aggregation
    raise AttributeError("no aggregation of its own")


def point(histogram: Any, attributes: Mapping[str, Any]) -> Point | None:
    """The point of `histogram` for `attributes`, which it has just taken a measurement with."""
    try:
        return Point(histogram, attributes)
    except (AttributeError, KeyError, TypeError, RuntimeError):
        return None


def emit(logger: Any, record: LogRecord, attributes: Mapping[str, Any]) -> bool:
    """Emits `record` with `attributes` on `logger`."""
    logger = getattr(logger, "_logger", None) or logger
    writable = getattr(sys.modules.get(type(logger).__module__), "ReadWriteLogRecord", None)
    limits: Any = getattr(logger, "_log_record_limits", None)
    most = getattr(limits, "max_log_record_attributes", None)
    if writable is None or most is None or len(attributes) > most or limits.max_log_record_attribute_length is not None:
        return False
    bounded = BoundedAttributes(most, immutable=False)
    bounded._dict.update(attributes)
    record.attributes = bounded
    whole = object.__new__(writable)
    whole.log_record, whole.limits = record, limits
    whole.resource, whole.instrumentation_scope = logger._resource, logger._instrumentation_scope
    logger.emit(whole)
    return True
