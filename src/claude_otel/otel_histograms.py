"""Histograms of OpenTelemetry's SDK, which get what calls measured when they are collected, not call by call.

A measurement costs the SDK as much as ten additions. Here it is one, to buckets of ours; before a collection their
counts are added to those of the SDK. Private attributes of the SDK (1.43 to 1.45) are used, and looked for first:
where one is missing, or a view has other than explicit buckets, there is no `Point`, and the API is called.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import count, repeat
from typing import Any, Protocol

from opentelemetry.context import Context

SECOND = 1_000_000_000
"""Nanoseconds."""


class Measured(Protocol):
    """What took a time: it ended in a context, in nanoseconds since 1970."""

    @property
    def ended_ns(self) -> int: ...
    @property
    def context(self) -> Context | None: ...


class Measurement:
    """What an exemplar is made of."""

    __slots__ = ("attributes", "context", "time_unix_nano", "value")

    def __init__(self, value: float, time_unix_nano: int, attributes: Mapping[str, Any], context: Context) -> None:
        self.value = value
        self.time_unix_nano = time_unix_nano
        self.attributes = attributes
        self.context = context


class Point:
    """The points of one histogram with one set of attributes, in the storages of all metric readers."""

    __slots__ = (
        "_aggregations", "_attributes", "_boundaries", "_consumer", "_counts", "_histogram", "_max", "_min",
        "_offered", "_pending", "_storages", "_sum",
    )  # fmt: skip

    def __init__(self, histogram: Any, attributes: Mapping[str, Any], pending: list[Any]) -> None:
        """`histogram` has taken a measurement with these `attributes`. Raises AttributeError where it is not known.

        It puts itself into `pending` as long as it holds what was not collected yet.
        """
        self._histogram = histogram
        self._attributes = attributes
        self._consumer = histogram._measurement_consumer
        self._storages = self._consumer._reader_storages
        self._aggregations = [
            aggregation_of(match, attributes)
            for storage in self._storages.values()
            for match in storage._instrument_view_instrument_matches[histogram]
        ]
        (self._boundaries,) = {aggregation._boundaries for aggregation in self._aggregations}
        self._pending = pending
        self._offered = [0] * (len(self._boundaries) + 1)
        self._empty()

    def _empty(self) -> None:
        self._counts: list[int] | None = None
        self._sum = 0.0
        self._min, self._max = math.inf, -math.inf

    def is_current(self) -> bool:
        """Whether the same readers are there as at first, and the meter has not been switched off."""
        return self._consumer._reader_storages is self._storages and self._histogram._is_enabled()

    def add(self, amounts: Sequence[float], measured: Sequence[Measured]) -> None:
        """Adds measurements, each of what was measured.

        The caller holds the lock that `drain` is called with.
        """
        counts, offered = self._counts, self._offered
        if counts is None:
            counts = self._counts = [0] * len(offered)
            self._pending.append(self)
        self._sum += sum(amounts)
        self._min, self._max = min(self._min, *amounts), max(self._max, *amounts)
        buckets = list(map(bisect_left, repeat(self._boundaries), amounts))
        for bucket, at in dict(zip(buckets, count())).items():
            counts[bucket] += buckets.count(bucket)
            # One exemplar a second for each bucket, which keeps one: the last of these.
            ended = measured[at].ended_ns
            if ended - offered[bucket] >= SECOND:
                offered[bucket] = ended
                self._offer(amounts[at], ended, measured[at].context or Context())

    def _offer(self, amount: float, now: int, context: Context) -> None:
        if self._consumer._sdk_config.exemplar_filter.should_sample(amount, now, self._attributes, context):
            measurement = Measurement(amount, now, self._attributes, context)
            for aggregation in self._aggregations:
                aggregation._sample_exemplar(measurement, True)

    def drain(self) -> None:
        """Gives the SDK what was added since the last time."""
        counts = self._counts
        if counts is not None:
            for aggregation in self._aggregations:
                add_to(aggregation, counts, self._sum, self._min, self._max)
            self._empty()


def add_to(aggregation: Any, counts: Sequence[int], total: float, lowest: float, highest: float) -> None:
    """Adds counted measurements to those that `aggregation` has."""
    with aggregation._lock:
        value = aggregation._value
        if value is None:
            value = aggregation._value = aggregation._get_empty_bucket_counts()
        for bucket, times in enumerate(counts):
            value[bucket] += times
        aggregation._sum += total
        if aggregation._record_min_max:
            aggregation._min = min(aggregation._min, lowest)
            aggregation._max = max(aggregation._max, highest)


def aggregation_of(match: Any, attributes: Mapping[str, Any]) -> Any:
    """The aggregation of a view for `attributes`. Raises AttributeError when it has none of explicit buckets of its
    own.
    """
    if getattr(match, "_reset_on_collect", False):
        raise AttributeError("its aggregations are replaced at every collection")
    keys = match._view._attribute_keys
    kept = attributes if keys is None else {name: value for name, value in attributes.items() if name in keys}
    for aggregation in list(match._attributes_aggregation.values()):
        if aggregation._attributes == kept:
            if type(aggregation).__name__ != "_ExplicitBucketHistogramAggregation":
                raise AttributeError("not explicit buckets")
            return aggregation
    raise AttributeError("no aggregation of its own")


def point(histogram: Any, attributes: Mapping[str, Any], pending: list[Any]) -> Point | None:
    """The point of `histogram` for `attributes`, which it has just taken a measurement with."""
    try:
        return Point(histogram, attributes, pending)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError):
        return None
