"""A real OTLP/HTTP receiver on loopback that keeps everything, and plain views of what it got."""

from __future__ import annotations

import gzip
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Attributes = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """A span as it arrived."""

    scope: str
    name: str
    kind: int
    status: int
    attributes: Attributes


@dataclass(frozen=True)
class Event:
    """A log record that has an event name."""

    name: str
    severity: int
    attributes: Attributes


class Receiver:
    """A running receiver: `with Receiver() as receiver:`. `bodies` are the requests' bodies, by path."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = defaultdict(list)
        self._server = _Server(("127.0.0.1", 0), _Request)
        self._server.receiver = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where exporters send to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that make `opentelemetry-instrument` export here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_SERVICE_NAME": "tests",
        }

    @property
    def everything(self) -> bytes:
        """Every byte that was received, decompressed."""
        return b"\n".join(body for bodies in list(self.bodies.values()) for body in bodies)

    @property
    def spans(self) -> list[Span]:
        """All spans, in the order in which they arrived."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies["/v1/traces"]]
        return [
            Span(scope.scope.name, span.name, span.kind, span.status.code, attributes(span.attributes))
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def token_spans(self) -> list[Span]:
        """The spans that bear tokens, whoever made them."""
        return [span for span in self.spans if "gen_ai.usage.input_tokens" in span.attributes]

    def events(self, name: str = "claude.call") -> list[Attributes]:
        """The attributes of the events with this name."""
        return [event.attributes for event in self.all_events if event.name == name]

    @property
    def all_events(self) -> list[Event]:
        """All log records, in the order in which they arrived."""
        requests = [ExportLogsServiceRequest.FromString(body) for body in self.bodies["/v1/logs"]]
        return [
            Event(record.event_name, record.severity_number, attributes(record.attributes))
            for request in requests
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def points(self, metric: str) -> list[tuple[Attributes, float]]:
        """The newest value of every series of a sum or gauge, or the newest count of a histogram."""
        newest = {
            (instance, repr(sorted(attributes(point.attributes).items()))): (attributes(point.attributes), value)
            for instance, point, value in self._history(metric)
        }
        return list(newest.values())

    def value(self, metric: str, **wanted: Any) -> float:
        """The sum of a metric over its series; `claude__surface="chat"` chooses by the attribute `claude.surface`."""
        names = {name.replace("__", "."): value for name, value in wanted.items()}
        points = self.points(metric)
        return sum(value for found, value in points if all(found.get(k) == v for k, v in names.items()))

    def _history(self, metric: str) -> Iterator[tuple[str, Any, float]]:
        for body in self.bodies["/v1/metrics"]:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                instance = str(attributes(resource.resource.attributes).get("service.instance.id"))
                for scope in resource.scope_metrics:
                    for each in scope.metrics:
                        if each.name == metric:
                            data = getattr(each, each.WhichOneof("data"))
                            yield from ((instance, point, number(point)) for point in data.data_points)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    receiver: Receiver


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.receiver.bodies[self.path].append(body)
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keeps the output of the tests clean."""


def number(point: Any) -> float:
    """The value of a point: a histogram's is its count."""
    if hasattr(point, "count"):
        return float(point.count)
    return float(point.as_int if point.HasField("as_int") else point.as_double)


def attributes(pairs: Any) -> Attributes:
    """OTLP key-value pairs as a dict."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def value_of(value: Any) -> Any:
    """An OTLP value as a Python value."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    return getattr(value, kind) if kind else None
