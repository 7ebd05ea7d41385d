"""The instruments, and the table that the counters are kept in.

Counters are sums in a table of ours that observable instruments read, which makes a call cheaper than a measurement
each. There is one table for a meter provider, for as long as the process lives: instrumenting again goes on counting.
A forked child starts at zero, so that parent and children together are what was counted.
"""

from __future__ import annotations

import os
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import add
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider, Observation

from claude_otel import fork_locks, guard
from claude_otel import telemetry as t
from claude_otel.bounded import OTHER, Bounded
from claude_otel.call import Call
from claude_otel.headers import Headers
from claude_otel.otel_histograms import Point, point

Values = tuple[Any, ...]
"""The values of a metric's attributes in the order of its row in the table of telemetry; `None` leaves one out."""

MOST_SETS = 1800
"""Attribute sets of one instrument. The SDK folds all above 2,000 into one; ours stay below, and keep their names."""

MOST_KNOWN = 10_000
"""Groups of cells that are found at once."""

MOST_PENDING = 2000
"""Rows and points that hold what was not looked at yet."""

MOST_UNSETTLED = 24
"""Ended calls that are not settled yet. Many at once cost less each, as their code is fetched once; more would hold so
many objects, 14 each with an event, that Python looks for garbage among them, which it does after 700 new ones.
"""

MOST_LIMITS = 200
"""Sets of rate limits that are kept: those of a model, and of the kinds of requests that differ in them."""

STALE_AFTER = 300.0
"""Seconds after which a gauge is no longer reported: a rate limit refills while nobody asks."""

_FOLDED = frozenset({t.REQUEST_MODEL, t.RESPONSE_MODEL, t.SURFACE, t.CALL_SITE, t.AGENT})
"""The attributes that become `other` when an instrument has too many sets."""


class Cell:
    """One sum: of a counter, for one set of attribute values."""

    __slots__ = ("sum",)

    def __init__(self) -> None:
        self.sum: float = 0


class Row:
    """Cells that are added to together, and what was added since they were last looked at."""

    __slots__ = ("cells", "sums")

    def __init__(self, cells: tuple[Cell, ...]) -> None:
        self.cells = cells
        self.sums: Sequence[float] | None = None

    def drain(self) -> None:
        """Adds to the cells what was added to the row."""
        if self.sums is not None:
            for cell, amount in zip(self.cells, self.sums, strict=True):
                cell.sum += amount
            self.sums = None


Change = tuple[Row, Sequence[float]]
"""Amounts for the cells of a row, in their order."""

Time = tuple[Point, float]

Column = tuple[Point, Sequence[float]]
"""The times that several calls took, for their point."""


class Table:
    """The sums of every counter by attribute values, and the rate limits that were last told of."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.settle_lock = Lock()
        self._unsettled: deque[Call] = deque()
        self._sums: dict[str, dict[Values, Cell]] = {}
        self._limits: dict[Values, tuple[Headers, float]] = {}
        self._kinds = Bounded(20)
        self.known: dict[Values, Row] = {}
        """Rows by what the caller knows them by, so that their cells need not be looked up one by one."""
        self.pending: list[Row | Point] = []
        """The rows, and the points of histograms, that hold what was not looked at yet."""
        self._begun: deque[Row] = deque()
        self.begin = self._begun.append
        """Adds 1 to a row, as a call begins."""

    def clear(self) -> None:
        """Starts at zero, with locks that nobody holds: for a forked child."""
        self.lock, self.settle_lock = Lock(), Lock()
        self._unsettled.clear()
        self._begun.clear()
        self._sums = {}
        self._limits = {}
        self.known = {}
        self.pending.clear()

    def later(self, call: Call) -> None:
        """Has `call` settled with others, in the order of their ends, when somebody looks or many wait.

        What its span and events are to tell is not there before.
        """
        self._unsettled.append(call)
        # One who finds it locked leaves it to who has locked it, or to the next.
        if len(self._unsettled) >= MOST_UNSETTLED and self.settle_lock.acquire(blocking=False):
            try:
                self._settle()
            finally:
                self.settle_lock.release()

    def settle(self) -> None:
        """Settles every call that has ended, also the one that another thread is about to settle."""
        with self.settle_lock:
            self._settle()

    def _settle(self) -> None:
        while self._unsettled:
            calls = [self._unsettled.popleft()]
            settle = calls[0].settle
            while self._unsettled and self._unsettled[0].settle is settle:
                calls.append(self._unsettled.popleft())
            settle(calls)

    def row(self, key: Values, series: Callable[[], Iterable[tuple[t.Metric, Values]]]) -> Row:
        """The row of the counters and attribute values in `series`, which is asked when `key` is a new one."""
        return self.known.get(key) or self.learn(key, series())

    def learn(self, key: Values, series: Iterable[tuple[t.Metric, Values]]) -> Row:
        """The row of the counters and attribute values in `series`, which `key` finds from now on."""
        with self.lock:
            if len(self.known) >= MOST_KNOWN:
                self.known.clear()
            found = self.known[key] = Row(tuple([self._cell(metric, values) for metric, values in series]))
        return found

    def _cell(self, metric: t.Metric, values: Values) -> Cell:
        sums = self._sums.setdefault(metric.name, {})
        if values not in sums and len(sums) >= MOST_SETS:
            values = folded(metric, values)
        return sums.setdefault(values, Cell())

    def add(self, changes: Iterable[Change]) -> None:
        """Adds the amounts to their rows."""
        with self.lock:
            self._add(changes)

    def _add(self, changes: Iterable[Change]) -> None:
        if len(self.pending) >= MOST_PENDING or len(self._begun) >= MOST_PENDING:
            # Nobody collects, or not as often as rows come and go.
            self._drain()
        for row, amounts in changes:
            if row.sums is None:
                row.sums = amounts
                self.pending.append(row)
            else:
                row.sums = list(map(add, row.sums, amounts))

    def book(self, changes: Iterable[Change], columns: Iterable[Column], calls: Sequence[Call]) -> None:
        """Adds the amounts to their rows, and the times, one of each of `calls`, to the points of their histograms."""
        with self.lock:
            self._add(changes)
            for point, amounts in columns:
                point.add(amounts, calls)

    def drain(self) -> None:
        """Settles the calls, adds what rows hold to the cells, and gives the SDK what the points of histograms hold."""
        self.settle()
        with self.lock:
            self._drain()

    def _drain(self) -> None:
        while self._begun:
            self._begun.popleft().cells[0].sum += 1
        while self.pending:
            self.pending.pop().drain()

    def put(self, whose: Values, told: Headers) -> None:
        """Makes the limits of `told` the last that were told of `whose`: a provider, a model, and their types."""
        with self.lock:
            # In the order of telling: where two overlap, the later one counts.
            self._limits.pop(whose, None)
            if len(self._limits) < MOST_LIMITS:
                self._limits[whose] = (told, time.monotonic())

    def sums(self, metric: t.Metric) -> list[tuple[Values, float]]:
        """Every sum of the counter `metric`."""
        self.drain()
        with self.lock:
            return [(values, cell.sum) for values, cell in self._sums.get(metric.name, {}).items()]

    def last(self, metric: t.Metric) -> list[tuple[Values, float]]:
        """The last values of the gauge `metric`, `REMAINING_METRIC` or `LIMIT_METRIC`, that are not stale."""
        self.settle()
        oldest = time.monotonic() - STALE_AFTER
        found: dict[Values, float] = {}
        with self.lock:
            for (provider, model, *_), (told, when) in self._limits.items():
                for kind, remaining, limit in told.rate_limits if when >= oldest else ():
                    value = remaining if metric is t.REMAINING_METRIC else limit
                    if value is not None:
                        found[provider, model, self._kinds(kind)] = value
        return list(found.items())


def folded(metric: t.Metric, values: Values) -> Values:
    """`values` with `other` for those that have no small set of their own."""
    return tuple(
        OTHER if name in _FOLDED and value is not None else value
        for name, value in zip(metric.attributes, values, strict=True)
    )


def attributes(metric: t.Metric, values: Values) -> dict[str, Any]:
    """The attributes of one point of `metric`."""
    return {name: value for name, value in zip(metric.attributes, values, strict=True) if value is not None}


class Instruments:
    """All instruments of the table of telemetry on one meter provider."""

    def __init__(self, provider: MeterProvider, version: str, edges: Mapping[str, tuple[float, ...]]) -> None:
        self.table = Table()
        # The global provider may be set, and so be another one, only after us.
        self._provider = None if provider is metrics.get_meter_provider() else weakref.ref(provider)
        self._own: dict[str, Any] | None = None
        self._inherited: str | None = None
        self.histograms: dict[str, Histogram] = {}
        self.points: dict[str, dict[Values, Point | None]] = {}
        """The points of each histogram by what the caller knows them by; `None` where the SDK has to be asked."""
        self._sets: dict[str, set[Values]] = {}
        self._newest: Point | None = None
        self.epoch = 0
        """How many times rows or points were forgotten: those from before are not to be used."""
        meter = provider.get_meter(t.SCOPE, version)
        for metric in t.METRICS:
            self._create(meter, metric, edges)

    def _create(self, meter: Meter, metric: t.Metric, edges: Mapping[str, tuple[float, ...]]) -> None:
        text = {"unit": metric.unit, "description": metric.description}
        if metric.kind == "histogram":
            boundaries = sorted({*metric.edges, *edges.get(metric.name, ())})
            self.points[metric.name], self._sets[metric.name] = {}, set()
            self.histograms[metric.name] = meter.create_histogram(
                metric.name, explicit_bucket_boundaries_advisory=boundaries, **text
            )
        elif metric.kind == "gauge":
            meter.create_observable_gauge(metric.name, [self._callback(metric, self.table.last)], **text)
        elif metric.kind == "updowncounter":
            meter.create_observable_up_down_counter(metric.name, [self._callback(metric, self.table.sums)], **text)
        else:
            meter.create_observable_counter(metric.name, [self._callback(metric, self.table.sums)], **text)

    def _callback(
        self, metric: t.Metric, read: Callable[[t.Metric], list[tuple[Values, float]]]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, {**attributes(metric, values), **self.own}) for values, value in read(metric)]

        return observe

    def are_current(self) -> bool:
        """Whether the points may be used: all are made for the same readers, on one meter."""
        newest = self._newest
        return newest is not None and newest.is_current()

    def record(self, metric: t.Metric, key: Values, values: Values, amount: float, context: Context) -> None:
        """Records `amount` in the histogram `metric`, and notes its point for `key`, what the caller knows it by.

        `context` has the span that an exemplar points to.
        """
        if self._newest is not None and not self._newest.is_current():
            self.forget_points()
        points, sets = self.points[metric.name], self._sets[metric.name]
        if values not in sets and len(sets) >= MOST_SETS:
            values = folded(metric, values)
        sets.add(values)
        histogram = self.histograms[metric.name]
        its_attributes = {**attributes(metric, values), **self.own}
        histogram.record(amount, its_attributes, context)
        if len(points) >= MOST_SETS:
            points.clear()
        found = points[key] = point(sdk_instrument(histogram), its_attributes, self.table.pending)
        self._newest = found or self._newest

    def forget_points(self) -> None:
        """Makes new points from now on. What those there are hold is collected."""
        self._newest = None
        self.epoch += 1
        for points in self.points.values():
            points.clear()

    @property
    def own(self) -> dict[str, Any]:
        """The attributes that tell this process from others, where the provider's resource does not. Worked out late:
        the provider may be set after us, and gives a forked child a new resource only after us too.
        """
        if self._own is None:
            provider = metrics.get_meter_provider() if self._provider is None else self._provider()
            self._own = instance_attribute(provider, self._inherited)
        return self._own

    def restart(self) -> None:
        """Starts at zero in a forked child."""
        self.table.clear()
        self.forget_points()
        for sets in self._sets.values():
            sets.clear()
        self._inherited = instance_of(metrics.get_meter_provider() if self._provider is None else self._provider())
        self._own = None
        for histogram in self.histograms.values():
            fork_locks.renew(sdk_instrument(histogram))
            forget(histogram)


_INSTANCE = "service.instance.id"


def instance_of(provider: Any) -> str | None:
    """The id of the process in the resource of `provider`, `None` where it has none."""
    resource = getattr(getattr(provider, "_sdk_config", None), "resource", None)
    return None if resource is None else resource.attributes.get(_INSTANCE) or None


def instance_attribute(provider: Any, inherited: str | None) -> dict[str, Any]:
    """An attribute that tells two workers apart, for a provider whose resource does not; else none.

    Two processes must never write one series: each would look like a reset of the other. `inherited` is the id of the
    process that this one was forked from, and says nothing of this one.
    """
    if getattr(provider, "_sdk_config", None) is None:
        return {}
    return {_INSTANCE: os.urandom(16).hex()} if instance_of(provider) in (None, inherited) else {}


def sdk_instrument(instrument: Any) -> Any:
    """The SDK's own instrument behind one that was made before the global provider was set."""
    return getattr(instrument, "_real_instrument", None) or instrument


def forget(histogram: Any) -> None:
    """Drops what the SDK has summed up in `histogram`: a forked child inherits its parent's sums.

    The SDK has no call for it, so its private storage is emptied; another SDK's histogram is left alone.
    """
    histogram = sdk_instrument(histogram)
    consumer = getattr(histogram, "_measurement_consumer", None)
    for storage in getattr(consumer, "_reader_storages", {}).values():
        storage._instrument_view_instrument_matches.pop(histogram, None)


_by_provider: WeakKeyDictionary[MeterProvider, Instruments] = WeakKeyDictionary()
_global: list[Instruments] = []
"""The instruments on the global provider, which may be set, and so be another object, only after us."""


def instruments(provider: MeterProvider | None, version: str, edges: Mapping[str, tuple[float, ...]]) -> Instruments:
    """The instruments on `provider`, or on the global one; made once for each provider."""
    chosen = metrics.get_meter_provider() if provider is None else provider
    if chosen in _by_provider:
        return _by_provider[chosen]
    is_global = chosen is metrics.get_meter_provider()
    if is_global and _global:
        return _global[0]
    made = Instruments(chosen, version, edges)
    _by_provider[chosen] = made
    if is_global:
        _global.append(made)
    return made


def restart_all() -> None:
    """Starts every table at zero, in a forked child."""
    for made in {id(made): made for made in (*_by_provider.values(), *_global)}.values():
        try:
            made.restart()
        except Exception:
            guard.failed("fork")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=restart_all)
