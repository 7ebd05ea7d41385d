"""A forked child counts from zero, so that parent and children together are what was called."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from receiver import Receiver

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

TESTS = Path(__file__).parent

PROGRAM = """
import json, os, sys
sys.path.insert(0, {tests!r})
import wire
from conftest import Exported

exported = Exported()
exported.instrument()
client = wire.client()

def sums():
    return {{
        "calls": exported.value("claude.calls"),
        "durations": exported.value("gen_ai.client.inference.duration"),
        "input": exported.value("gen_ai.client.inference.usage.input_tokens"),
        "cost": round(exported.value("claude.cost"), 6),
        "active": exported.value("claude.active_calls"),
        "events": len(exported.events()),
    }}

def tell(who, **more):
    print(json.dumps([who, {{**sums(), **more}}]), flush=True)

def forked(child):
    pid = os.fork()
    if not pid:
        try:
            child()
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""


def told(program: str) -> dict[str, dict[str, Any]]:
    """What a program and its children say of themselves."""
    source = PROGRAM.format(tests=str(TESTS)) + program
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=300)
    assert done.stderr == ""
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_a_child_starts_at_zero() -> None:
    """Its counters and its histograms, and the parent's go on."""
    found = told("""
client.messages.create(**wire.ASK)
client.messages.create(**wire.ASK)

def child():
    exported.clear()
    tell("born")
    for _ in range(3):
        client.messages.create(**wire.ASK)
    tell("child")
    def grandchild():
        exported.clear()
        client.messages.create(**wire.ASK)
        tell("grandchild")
    forked(grandchild)

forked(child)
client.messages.create(**wire.ASK)
tell("parent")
""")
    assert found == {
        "born": {"calls": 0, "durations": 0, "input": 0, "cost": 0, "active": 0, "events": 0},
        "child": {"calls": 3, "durations": 3, "input": 390, "cost": 0.0009, "active": 0, "events": 3},
        "grandchild": {"calls": 1, "durations": 1, "input": 130, "cost": 0.0003, "active": 0, "events": 1},
        "parent": {"calls": 3, "durations": 3, "input": 390, "cost": 0.0009, "active": 0, "events": 3},
    }


def test_a_stream_that_is_open_over_a_fork_is_the_parents() -> None:
    """A child that reads or drops its copy records nothing."""
    found = told("""
import gc
events = client.messages.create(**wire.ASK, stream=True)
dropped = client.messages.create(**wire.ASK, stream=True)
next(events)

def child():
    global dropped
    exported.clear()
    list(events)
    del dropped
    gc.collect()
    tell("child")

forked(child)
list(events)
dropped.close()
tell("parent")
""")
    none = {"calls": 0, "durations": 0, "input": 0, "cost": 0, "active": 0, "events": 0}
    assert found["child"] == none
    assert found["parent"] == {"calls": 2, "durations": 2, "input": 130, "cost": 0.0003, "active": 0, "events": 2}


def test_calls_that_are_not_settled_yet() -> None:
    """The parent's are settled by the parent, also where the child looks at what it has exported."""
    found = told("""
for _ in range(3):
    client.messages.create(**wire.ASK)

def child():
    assert [span.attributes["gen_ai.operation.name"] for span in exported.spans] == ["chat"] * 3
    exported.clear()
    client.messages.create(**wire.ASK)
    tell("child")

forked(child)
tell("parent")
""")
    assert (found["child"]["calls"], found["child"]["durations"], found["child"]["active"]) == (1, 1, 0)
    assert (found["parent"]["calls"], found["parent"]["durations"], found["parent"]["active"]) == (3, 3, 0)


def test_a_fork_while_locks_are_held() -> None:
    """Another thread of the parent may hold any lock of ours; the child has none of its threads."""
    found = told("""
import claude_otel.batches, claude_otel.cache_watch, claude_otel.metrics
system = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]
client.messages.create(**wire.ASK, system=system)
locks = [claude_otel.batches.LEDGER._lock]
locks += [watch._lock for watch in claude_otel.cache_watch._watches]
tables = [made.table for made in claude_otel.metrics._by_provider.values()]
locks += [lock for table in tables for lock in (table.lock, table.settle_lock)]
for lock in locks:
    lock.acquire()

def child():
    import signal
    signal.alarm(10)
    exported.clear()
    client.messages.create(**wire.ASK, system=system)
    assert claude_otel.batches.LEDGER.is_new("b", 0)
    tell("child")

forked(child)
""")
    assert found["child"]["calls"] == 1


def test_processes_are_told_apart() -> None:
    """Where the resource says nothing of the process, its points do, and a child's say another."""
    found = told("""
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
import claude_otel

def instances(reader):
    data = reader.get_metrics_data()
    return sorted({
        point.attributes.get("service.instance.id", "") + resource.resource.attributes.get("service.instance.id", "")
        for resource in data.resource_metrics for scope in resource.scope_metrics
        for metric in scope.metrics for point in metric.data.data_points
    })

claude_otel.uninstrument()
for name, resource in (("plain", Resource({})), ("made", Resource.create())):
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource=resource)
    claude_otel.instrument(meter_provider=provider)
    client.messages.create(**wire.ASK)
    tell("parent " + name, instances=instances(reader))

    def child():
        client.messages.create(**wire.ASK)
        tell("child " + name, instances=instances(reader))

    forked(child)
    claude_otel.uninstrument()
""")
    instances = [found[f"{who} {name}"]["instances"] for who in ("parent", "child") for name in ("plain", "made")]
    assert [len(each) for each in instances] == [1, 1, 1, 1]
    assert len({each[0] for each in instances}) == 4


STORM = """
import faulthandler, signal, sys, threading, time
sys.path.insert(0, {tests!r})
import os, wire
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
import claude_otel

sent = {{"spans": 0, "logs": 0, "metrics": 0}}

class Spans(SpanExporter):
    def export(self, spans):
        time.sleep(0.005)
        sent["spans"] += len(spans)
        return SpanExportResult.SUCCESS

class Logs(LogRecordExporter):
    def export(self, batch):
        time.sleep(0.005)
        sent["logs"] += len(batch)
        return LogRecordExportResult.SUCCESS
    def shutdown(self): pass
    def force_flush(self, timeout_millis=0): return True

class Metrics(MetricExporter):
    def export(self, data, timeout_millis=0, **_):
        time.sleep(0.02)
        sent["metrics"] += 1
        return MetricExportResult.SUCCESS
    def shutdown(self, *_, **__): pass
    def force_flush(self, timeout_millis=0): return True

tracers = TracerProvider()
tracers.add_span_processor(BatchSpanProcessor(Spans(), schedule_delay_millis=5))
loggers = LoggerProvider()
loggers.add_log_record_processor(BatchLogRecordProcessor(Logs(), schedule_delay_millis=5))
meters = MeterProvider([PeriodicExportingMetricReader(Metrics(), export_interval_millis=20)])
claude_otel.instrument(tracer_provider=tracers, meter_provider=meters, logger_provider=loggers)

def ask(client):
    client.messages.create(**wire.ASK)
    list(client.messages.create(**wire.ASK, stream=True))

# What libraries do once, under locks of their own, is done.
client = wire.client()
ask(client)
over = threading.Event()

def call():
    own = wire.client()
    while not over.is_set():
        ask(own)

threads = [threading.Thread(target=call) for _ in range(8)]
for thread in threads:
    thread.start()
failed = []
for _ in range(50):
    pid = os.fork()
    if not pid:
        faulthandler.register(signal.SIGALRM, all_threads=True, chain=True)
        signal.alarm(60)
        sent.update(spans=0, logs=0, metrics=0)
        # Unstreamed: before Python 3.12 the SDK's streams have a lock of their own, in a cached property.
        for _ in range(2):
            client.messages.create(**wire.ASK)
        for provider in (tracers, loggers, meters):
            provider.force_flush()
        os._exit(not (sent["spans"] == sent["logs"] == 2 and sent["metrics"]))
    if os.waitpid(pid, 0)[1]:
        failed.append(pid)
        break
over.set()
for thread in threads:
    thread.join()
assert not failed
"""


def test_forks_in_the_middle_of_calls() -> None:
    """Whatever the other threads are doing, a child makes its calls and exports them."""
    program = STORM.format(tests=str(TESTS))
    # Python warns of forks beside threads since 3.12.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")


APP = """
import sys
sys.path.insert(0, {tests!r})
import wire

client = wire.client()
for _ in range(3):
    client.messages.create(**wire.ASK)

def app(environ, start_response):
    list(client.messages.create(**wire.ASK, stream=True))
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"hello"]
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def fetch(port: int, deadline: float) -> None:
    """One request to the server, as soon as it answers."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=60) as answer:
                assert answer.read() == b"hello"
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_gunicorn_with_preload(tmp_path: Path) -> None:
    """Calls before the fork are the parent's, those after it the workers': together what was served."""
    pytest.importorskip("gunicorn")
    (tmp_path / "app.py").write_text(APP.format(tests=str(TESTS)))
    commands = Path(sys.executable).parent
    port, served = free_port(), 20
    with Receiver() as receiver:
        environment = {
            **receiver.environment,
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        }
        command = ["gunicorn", "--preload", "--workers", "2", "--bind", f"127.0.0.1:{port}", "app:app"]
        server = subprocess.Popen(
            [commands / "opentelemetry-instrument", *command],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            deadline = time.monotonic() + 30
            for _ in range(served):
                fetch(port, deadline)
        finally:
            server.send_signal(signal.SIGTERM)
            output = server.communicate(timeout=180)[0]
        assert "Traceback" not in output, output
        assert receiver.value("claude.calls") == 3 + served
        assert receiver.value("gen_ai.client.inference.duration") == 3 + served
        assert receiver.value("gen_ai.client.inference.time_to_first_chunk") == served
        assert receiver.value("gen_ai.client.inference.usage.input_tokens") == 130 * (3 + served)
        assert receiver.value("claude.cost") == pytest.approx(0.0003 * (3 + served))
        assert len(receiver.events()) == 3 + served
