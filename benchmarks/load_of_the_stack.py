"""What the stack carries: `make load` writes docs/load.md.

One instrumented program makes calls to the fake API, and its OTLP requests are kept. They are sent again as those of
many workers: metrics of each worker every few seconds, a span and an event for each call. So the programs that are
measured share the machine with a sender that does next to nothing, and what they are sent is what is really sent.
CPU is that of the whole process of each program.
"""

from __future__ import annotations

import gzip
import http.client
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from native_stack import Stack, eventually
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from claude_otel.fakeapi import FakeAPI
from claude_otel.monitoring import generated
from claude_otel.monitoring.config import Config
from claude_otel.stack import native
from claude_otel.stack.ports import free_ports
from claude_otel.stack.state import State
from programs import INSTRUMENT, environment
from receiver import Receiver

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "load.md"
SHOP = ROOT / "tests" / "stack" / "shop.py"

INTERVAL = 10.0
"""Seconds between two exports of a worker's metrics. The SDK's own default is 60."""

SECONDS = 60.0
"""How long each case is measured, once it has settled: as long as rules take to be evaluated once."""

BATCH = 512
"""Spans or events in a request: what the SDK's batch processors send at most."""

CASES = ((10, 100), (10, 1000), (100, 100), (100, 1000), (300, 100), (300, 1000))
"""Workers, and calls a second of all of them."""

MEASURED = ("collector", "prometheus")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Recorded:
    """The requests of one worker that did all that workers do."""

    metrics: bytes
    logs: bytes
    traces: bytes
    series: int


@dataclass
class Measured:
    """What a case took: cores of each program, and megabytes."""

    workers: int
    calls: float
    cores: dict[str, float]
    megabytes: dict[str, float]
    series: float
    lost: float


def record() -> Recorded:
    """The last metrics of a program that made calls, and a full batch each of its events and spans."""
    with FakeAPI() as api, Receiver() as receiver:
        command = [INSTRUMENT, sys.executable, str(SHOP), "150", "1", "0"]
        more = {**receiver.environment, "OTEL_SERVICE_NAME": "load", "OTEL_METRIC_EXPORT_INTERVAL": "60000"}
        subprocess.run(command, env=environment(api.environment, more), check=True, stdout=subprocess.DEVNULL)
    metrics = receiver.bodies["/v1/metrics"][-1]
    return Recorded(
        metrics=metrics,
        logs=full_logs(receiver.bodies["/v1/logs"]),
        traces=full_traces(receiver.bodies["/v1/traces"]),
        series=series_of(metrics),
    )


def full_logs(bodies: list[bytes]) -> bytes:
    """A request with as many events as a batch has."""
    request = ExportLogsServiceRequest.FromString(bodies[0])
    scope = request.resource_logs[0].scope_logs[0]
    events = list(scope.log_records)
    del scope.log_records[:]
    scope.log_records.extend(events[number % len(events)] for number in range(BATCH))
    return gzip.compress(request.SerializeToString(), 1)


def full_traces(bodies: list[bytes]) -> bytes:
    """A request with as many spans as a batch has."""
    request = ExportTraceServiceRequest.FromString(bodies[0])
    scope = request.resource_spans[0].scope_spans[0]
    spans = list(scope.spans)
    del scope.spans[:]
    scope.spans.extend(spans[number % len(spans)] for number in range(BATCH))
    return gzip.compress(request.SerializeToString(), 1)


def series_of(body: bytes) -> int:
    """How many series of Prometheus the metrics of one worker are."""
    count = 1  # target_info
    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.HasField("histogram"):
                    count += sum(len(point.bucket_counts) + 2 for point in metric.histogram.data_points)
                else:
                    count += len((metric.sum if metric.HasField("sum") else metric.gauge).data_points)
    return count


def metrics_of_a_worker(body: bytes, instance: str) -> Callable[[], bytes]:
    """Makes the metrics of a worker as they are now."""
    request = ExportMetricsServiceRequest.FromString(body)
    for resource in request.resource_metrics:
        for attribute in resource.resource.attributes:
            if attribute.key == "service.instance.id":
                attribute.value.string_value = instance
    points = [
        point
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for kind in ("sum", "gauge", "histogram")
        if metric.HasField(kind)
        for point in getattr(metric, kind).data_points
    ]

    def now() -> bytes:
        at = time.time_ns()
        for point in points:
            point.time_unix_nano = at
        return gzip.compress(request.SerializeToString(), 1)

    return now


class Sender:
    """Sends OTLP requests over one connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __call__(self, signal: str, body: bytes) -> bool:
        """Whether the Collector took `body`."""
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        self.connection.request("POST", f"/v1/{signal}", body, headers)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status == 200


@contextmanager
def sending(stack: Stack, recorded: Recorded, workers: int, calls: float) -> Iterator[None]:
    """Sends what `workers` send that make `calls` a second together, for as long as the block runs."""
    over = threading.Event()
    port = stack.ports["otlp-http"]
    makers = [metrics_of_a_worker(recorded.metrics, str(uuid.uuid4())) for _ in range(workers)]

    def metrics() -> None:
        send = Sender(port)
        number = 0
        began = time.monotonic()
        while not over.wait(max(0.0, began + number * INTERVAL / workers - time.monotonic())):
            send("metrics", makers[number % workers]())
            number += 1

    def events() -> None:
        send = Sender(port)
        number = 0
        began = time.monotonic()
        while not over.wait(max(0.0, began + number * BATCH / calls - time.monotonic())):
            send("logs", recorded.logs)
            send("traces", recorded.traces)
            number += 1

    threads = [threading.Thread(target=target, daemon=True) for target in (metrics, events)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes(pid: int) -> float:
    """The memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(stack: Stack, recorded: Recorded, workers: int, calls: float) -> Measured:
    """What a case takes once it has settled: every worker has sent its metrics once."""
    pids = {name: stack.pid(name) for name in MEASURED}
    with sending(stack, recorded, workers, calls):
        time.sleep(INTERVAL * 1.5)
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        began = time.monotonic()
        time.sleep(SECONDS)
        took = time.monotonic() - began
        used = {name: (cpu_seconds(pid) - before[name]) / took for name, pid in pids.items()}
    return Measured(
        workers,
        calls,
        used,
        {name: megabytes(pid) for name, pid in pids.items()},
        stack.value('count({job="load"})'),
        stack.value("sum(otelcol_exporter_send_failed_metric_points or vector(0))"),
    )


def most_calls(stack: Stack, recorded: Recorded, seconds: float = 20) -> tuple[float, dict[str, float]]:
    """Calls a second that are taken when they are sent as fast as they are taken, and the cores in use meanwhile."""
    port = stack.ports["otlp-http"]
    limit = time.monotonic() + seconds
    taken: list[int] = []

    def push() -> None:
        send = Sender(port)
        while time.monotonic() < limit:
            if send("logs", recorded.logs) and send("traces", recorded.traces):
                taken.append(BATCH)

    before = {name: cpu_seconds(stack.pid(name)) for name in MEASURED}
    began = time.monotonic()
    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    return sum(taken) / took, {name: (cpu_seconds(stack.pid(name)) - before[name]) / took for name in MEASURED}


@contextmanager
def running_stack() -> Iterator[Stack]:
    """A stack with the shipped files for an empty claude-otel.yaml."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        stack = Stack(State(Path(directory)), free_ports(), generated.files(Config()))
        stack.up()
        try:
            yield stack
        finally:
            native.down(stack.state, print)


def cases(recorded: Recorded) -> Iterator[Measured]:
    """Every case on a stack of its own, so that none has the series of another."""
    for workers, calls in CASES:
        with running_stack() as stack:
            found = measure(stack, recorded, workers, calls)
            eventually(lambda: stack.query("up"), bool)
        print(found, flush=True)
        yield found


def page(recorded: Recorded, found: list[Measured], most: float, cores: dict[str, float]) -> str:
    """The text of docs/load.md."""
    rows = "\n".join(
        f"| {each.workers} | {each.calls:,.0f} | {each.cores['collector']:.2f} | {each.cores['prometheus']:.2f} "
        f"| {each.megabytes['collector']:.0f} | {each.megabytes['prometheus']:.0f} | {each.series:,.0f} |"
        for each in found
    )
    lost = sum(each.lost for each in found)
    return f"""\
# What the stack carries

Written by `make load` on {date.today().isoformat()}: {machine()}. The native stack with the files of this
repository; the sender shares the machine. Each worker exports its metrics every {INTERVAL:.0f} s (the SDK's default is
60 s), and each call is a span and an event. A worker here has three surfaces, three models, streams, caches and errors:
{recorded.series:,} series. Samples lost: {lost:.0f}.

| workers | calls/s | Collector, cores | Prometheus, cores | Collector, MB | Prometheus, MB | series |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{rows}

What Prometheus costs grows with workers, not with calls: ten times the calls are the same series. What the Collector
costs grows with both, as every call has a span and an event that are written down.

Sent as fast as it is taken, the Collector takes **{most:,.0f} calls a second** (a span and an event each), with
{cores["collector"]:.2f} cores of its own: the disk bounds it, which gets about 7 kB for a call, and the sender.
Series are those of Prometheus, recorded ones included.
"""


def machine() -> str:
    """The machine, in general."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, shared with others"


def main() -> None:
    """Measures, and writes the page."""
    recorded = record()
    print(f"a worker has {recorded.series} series", flush=True)
    found = list(cases(recorded))
    with running_stack() as stack:
        most, cores = most_calls(stack, recorded)
    PAGE.write_text(page(recorded, found, most, cores), encoding="utf-8")
    print(f"wrote {PAGE}", flush=True)


if __name__ == "__main__":
    main()
