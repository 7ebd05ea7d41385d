"""`--forward`: what a run receives is at a Collector as well; one that fails changes nothing for the program."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from claude_otel.cli.forward import Forward
from claude_otel.cli.problem import Problem
from claude_otel.cli.receiver import Receiver
from cli_child import claude_otel


class Collector:
    """Takes OTLP as a Collector does, and keeps it: bodies by path."""

    def __init__(self) -> None:
        self.came: dict[str, list[bytes]] = {"/v1/logs": [], "/v1/metrics": [], "/v1/traces": []}
        self.receiver = Receiver({path: bodies.append for path, bodies in self.came.items()})


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A Collector that runs."""
    found = Collector()
    yield found
    found.receiver.close()


def free_address() -> str:
    """An address at which nothing listens."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{trial.getsockname()[1]}"


def test_the_demo_is_sent_on(collector: Collector, tmp_path: Path) -> None:
    """Every call of the report is an event at the Collector, and its counter has as many, under the demo's name."""
    path = tmp_path / "report.json"
    url = collector.receiver.url
    done = claude_otel("demo", "--seconds", "3", "--quiet", "--json", str(path), "--forward", url)
    assert done.returncode == 0, done.stderr
    assert f"All of it is also at {url}." in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Next: ")
    report = json.loads(path.read_text())
    logs = [ExportLogsServiceRequest.FromString(body) for body in collector.came["/v1/logs"]]
    events = [
        record.event_name
        for request in logs
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    assert report["calls"] > 3
    assert events.count("claude.call") == report["calls"]
    last = ExportMetricsServiceRequest.FromString(collector.came["/v1/metrics"][-1])
    (resource,) = last.resource_metrics
    assert ("service.name", "demo-shop") in {
        (each.key, each.value.string_value) for each in resource.resource.attributes
    }
    metrics = {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
    assert sum(point.as_int or point.as_double for point in metrics["claude.calls"].sum.data_points) == report["calls"]
    assert collector.came["/v1/traces"]


def test_nothing_there(tmp_path: Path) -> None:
    """The program is not even started, and the way out is said."""
    url = free_address()
    done = claude_otel("run", "--forward", url, sys.executable, "-c", f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert done.returncode == 125
    assert f"--forward: {url} does not take OTLP over HTTP" in done.stderr
    assert "http://127.0.0.1:4318" in done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1:1", "ftp://127.0.0.1"])
def test_endpoint_that_is_none(url: str) -> None:
    with pytest.raises(Problem, match="does not take OTLP over HTTP"):
        Forward(url)


def test_collector_that_ends_meanwhile(collector: Collector) -> None:
    """What it did not get is counted and told; the run itself has all of it."""
    forward = Forward(collector.receiver.url)
    taken: list[bytes] = []
    take = forward.routes({"/v1/logs": taken.append})["/v1/logs"]
    collector.receiver.close()
    take(b"one")
    take(b"two")
    assert taken == [b"one", b"two"]
    assert forward.close().startswith(f"2 requests could not be sent on to {collector.receiver.url}: ")
