"""OTLP messages as plain Python: the call events of a logs request, the points of a metrics request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from claude_otel import telemetry

SERVICE = "service.name"
VERSION = "service.version"
INSTANCE = "service.instance.id"
"""The resource attribute that tells one process of the program from another."""


@dataclass(frozen=True)
class Event:
    """A `claude.call` event: when the call ended (Unix seconds), which program made it, and its attributes."""

    at: float
    trace_id: str
    resource: dict[str, Any]
    attributes: dict[str, Any]

    @property
    def service(self) -> str:
        """The program, empty when it does not say."""
        return text(self.resource, SERVICE) or ""

    @property
    def version(self) -> str:
        """The release of the program, empty when it does not say."""
        return text(self.resource, VERSION) or ""

    @property
    def instance(self) -> str:
        """The process, empty when it does not say."""
        return str(self.resource.get(INSTANCE, ""))


@dataclass(frozen=True)
class Point:
    """The newest value of one series of a sum or gauge."""

    metric: str
    instance: str
    attributes: dict[str, Any]
    value: float


def call_events(body: bytes) -> Iterator[Event]:
    """The `claude.call` events of an OTLP logs request."""
    request = ExportLogsServiceRequest.FromString(body)
    for resource_logs in request.resource_logs:
        resource = attributes(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                if record.event_name == telemetry.CALL_EVENT:
                    at = (record.time_unix_nano or record.observed_time_unix_nano) / 1e9
                    yield Event(at, record.trace_id.hex(), resource, attributes(record.attributes))


def points(body: bytes, names: frozenset[str]) -> Iterator[Point]:
    """The points of those sums and gauges of an OTLP metrics request that are called one of `names`."""
    request = ExportMetricsServiceRequest.FromString(body)
    for resource_metrics in request.resource_metrics:
        instance = instance_of(resource_metrics.resource)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                if metric.name in names:
                    yield from points_of(metric, instance)


def points_of(metric: Any, instance: str) -> Iterator[Point]:
    """The points of one metric; none for a histogram."""
    data = metric.sum if metric.HasField("sum") else metric.gauge
    for point in data.data_points:
        value = point.as_int if point.HasField("as_int") else point.as_double
        yield Point(metric.name, instance, attributes(point.attributes), float(value))


def instance_of(resource: Any) -> str:
    """The process that a resource stands for, empty when it does not say."""
    return str(attributes(resource.attributes).get(INSTANCE, ""))


def attributes(pairs: Any) -> dict[str, Any]:
    """OTLP key-value pairs as a dict."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def value_of(value: Any) -> Any:
    """An OTLP `AnyValue` as a Python value, `None` when it holds nothing."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def series(point: Point) -> tuple[str, str, str]:
    """What tells the series of `point` from any other."""
    return point.metric, point.instance, repr(sorted(point.attributes.items()))


def text(source: Mapping[str, Any], name: str) -> str | None:
    """The attribute `name` if it is a string."""
    value = source.get(name)
    return value if isinstance(value, str) else None


def number(source: Mapping[str, Any], name: str) -> float | None:
    """The attribute `name` if it is a number."""
    value = source.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def whole(source: Mapping[str, Any], name: str) -> int:
    """The attribute `name` as a count, 0 when it is missing."""
    return int(number(source, name) or 0)
