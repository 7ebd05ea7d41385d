"""The native stack with its real programs: up, used, and down. `make test-stack` runs this; `make test` does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from native_stack import Stack, eventually, files, native_stack

from claude_otel import telemetry as t
from claude_otel.cli.problem import Problem
from claude_otel.fakeapi import FakeAPI
from claude_otel.monitoring import metric_names as m
from claude_otel.stack import native
from claude_otel.stack.health import OPENER
from claude_otel.stack.notification_log import notifications
from claude_otel.stack.ports import free_ports, is_free
from claude_otel.stack.running import running
from claude_otel.stack.service import NAMES
from claude_otel.stack.state import State
from claude_otel.stack.status import status
from programs import environment, run

ROOT = Path(__file__).resolve().parents[2]
NEEDED = [name for name in NAMES if name not in ("tempo", "grafana")]

PROGRAM = """
import logging
import anthropic
from opentelemetry import trace
from claude_otel import surface

client = anthropic.Anthropic(max_retries=1)
long = [{"type": "text", "text": "Be brief. " * 2000, "cache_control": {"type": "ephemeral"}}]
late = [{"type": "text", "text": "Be kind. " * 2000, "cache_control": {"type": "ephemeral"}}]

def ask(text="Hello", fault="", **more):
    headers = {"x-fake-fault": fault} if fault else {}
    asked = {"model": "claude-opus-5-5", "max_tokens": 500, "messages": [{"role": "user", "content": text}], **more}
    return client.messages.create(**asked, extra_headers=headers)

with surface("checkout-chat"):
    for number in range(3):
        ask(system=long, thinking={"type": "adaptive"})
        for event in ask(system=long, stream=True):
            pass
    ask(system=late)
    ask(system=late)
    ask(fault="overloaded; times=1")
    try:
        ask(fault="invalid_request")
    except anthropic.BadRequestError as error:
        print("failed", error.request_id)
    print("found", ask()._request_id)

tracer = trace.get_tracer("application")
with tracer.start_as_current_span("sk-ant-api03-NAME", attributes={"k": "sk-ant-api03-SPAN"}) as span:
    span.add_event("e", {"k": "sk-ant-api03-EVENT"})
    span.record_exception(ValueError("sk-ant-api03-EXCEPTION"))
    span.set_status(trace.Status(trace.StatusCode.ERROR, "sk-ant-api03-STATUS"))
logging.getLogger("application").warning("the key is sk-ant-api03-BODY")
logging.getLogger("application").warning("a log of the application", extra={"k": "sk-ant-api03-LOG"})
"""

NOT_CAUSED = {
    m.name(t.UNPRICED_METRIC),
    m.name(t.ERRORS_METRIC),
}
"""Counters of what the program above does not do."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up."""
    with native_stack(tmp_path_factory.mktemp("stack")) as up:
        yield up


@pytest.fixture(scope="module")
def printed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the program printed, whose telemetry the stack has: request ids."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "program.py").write_text(PROGRAM)
    more = {
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.version=7,k=sk-ant-api03-RESOURCE",
        "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true",
    }
    with FakeAPI() as api:
        done = run([str(folder / "program.py")], api.environment, stack.environment, more, cwd=folder)
    assert done.returncode == 0, done.stderr
    seen = eventually(lambda: stack.value(f"sum({m.name(t.CALLS_METRIC)})"), lambda count: count >= 11)
    assert seen == 11
    return dict(line.split() for line in done.stdout.splitlines())


def claude_otel(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, after it has ended."""
    command = [sys.executable, "-m", "claude_otel", *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300, check=False)


def test_names_of_metrics(stack: Stack, printed: dict[str, str]) -> None:
    """Every metric of the table has the names in Prometheus that the rules use, and there are no others."""
    del printed
    wanted = {name for metric in t.METRICS if m.name(metric) not in NOT_CAUSED for name in m.series(metric)}
    found = {each["metric"]["__name__"] for each in stack.query('group by (__name__) ({job="shop"})')}
    assert {name for name in found if ":" not in name} - {"target_info"} == wanted


@pytest.mark.parametrize("metric", [each for each in t.METRICS if m.name(each) not in NOT_CAUSED], ids=lambda e: e.name)
def test_labels_of_metrics(stack: Stack, printed: dict[str, str], metric: t.Metric) -> None:
    """The labels of a metric are its attributes, those of the resource that are promoted, and who wrote it."""
    del printed
    who = {"__name__", "job", "instance", "le"}
    promoted = {"service_name", "service_version", "service_instance_id", "deployment_environment_name"}
    attributes = {m.label(attribute) for attribute in metric.attributes}
    for name in m.series(metric):
        for each in stack.query(f'{name}{{job="shop"}}'):
            labels = {label for label, value in each["metric"].items() if value}
            assert labels - who - promoted <= attributes
            assert attributes - labels <= {m.label(t.ERROR_TYPE)}
            assert promoted <= labels


def test_call_is_found_again(stack: Stack, printed: dict[str, str]) -> None:
    """A request id that a user names leads to the call."""
    done = claude_otel("calls", "--request-id", printed["found"], "--dir", str(stack.state.directory))
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert "claude-opus-5-5" in line
    assert "checkout-chat" in line
    assert line.endswith(printed["found"])


def test_calls_by_blame(stack: Stack, printed: dict[str, str]) -> None:
    """Those that failed by the caller's fault, as JSON."""
    done = claude_otel("calls", "--blame", "caller", "--since", "1h", "--json", "--dir", str(stack.state.directory))
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["attributes"]["anthropic.request.id"] == printed["failed"]
    assert json.loads(line)["service"] == "shop"


def test_keys_are_masked(stack: Stack, printed: dict[str, str]) -> None:
    """Keys of the API that got into telemetry, wherever, are in no file and in no label."""
    del printed
    kept = {path.name: path.read_text() for path in stack.state.collector.glob("*.jsonl")}
    assert set(kept) == {"calls.jsonl", "traces.jsonl", "logs.jsonl"}
    assert "a log of the application" in kept["logs.jsonl"]
    assert "****" in kept["traces.jsonl"]
    assert [name for name, text in kept.items() if "sk-ant" in text] == []
    assert "sk-ant" not in json.dumps(stack.query('{job="shop"}'))


def test_calls_and_other_logs_are_apart(stack: Stack, printed: dict[str, str]) -> None:
    """A talkative application does not push its calls out of their files."""
    del printed
    assert "a log of the application" not in (stack.state.collector / "calls.jsonl").read_text()
    assert t.CALL_EVENT not in (stack.state.collector / "logs.jsonl").read_text()


def test_scrapes_itself(stack: Stack) -> None:
    """Collector, Prometheus and Alertmanager are asked about themselves."""
    up = eventually(lambda: stack.query("up == 1"), lambda result: len(result) == 3)
    assert {each["metric"]["job"] for each in up} == {"collector", "prometheus", "alertmanager"}


def test_late_samples_are_stored(stack: Stack) -> None:
    """What waited in a queue for nearly six hours is stored, though Prometheus has newer samples."""
    send_sum(stack, "late.enough", time.time() - 5.5 * 3600)
    found = eventually(lambda: stack.query("last_over_time(late_enough_total[6h])"), bool)
    assert [each["value"][1] for each in found] == ["7"]


def test_refused_samples_harm_nobody_else(stack: Stack) -> None:
    """Samples that Prometheus cannot take are lost, and counted, but not those that others send at the same time."""
    refused = 'sum(otelcol_exporter_send_failed_metric_points{exporter="otlp_http/prometheus"})'
    before = stack.value(refused)
    for number in range(20):
        send_sum(stack, f"good.{number}", time.time())
        send_sum(stack, "too.late", time.time() - 7 * 3600)
        send_sum(stack, "delta", time.time(), temporality=1)
    assert eventually(lambda: stack.value(refused) - before, lambda count: count >= 40) == 40
    assert len(stack.query('{__name__=~"good_.*"}')) == 20
    assert not stack.query("last_over_time(too_late_total[8h]) or last_over_time(delta_total[8h])")


def send_sum(stack: Stack, name: str, at: float, temporality: int = 2) -> None:
    """Sends a counter that is 7, with a time stamp."""
    point = {"asInt": "7", "timeUnixNano": str(int(at * 1e9)), "startTimeUnixNano": str(int((at - 60) * 1e9))}
    metric = {"name": name, "sum": {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": [point]}}
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
    url = f"http://127.0.0.1:{stack.ports['otlp-http']}/v1/metrics"
    OPENER.open(urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=10).close()


def test_notifications_arrive_in_the_local_log(stack: Stack) -> None:
    """Without a receiver, what Alertmanager sends is in a file of the stack."""
    alert = [{"labels": {"alertname": "Tried", "severity": "page"}, "annotations": {"summary": "It was tried."}}]
    url = f"http://127.0.0.1:{stack.ports['alertmanager']}/api/v2/alerts"
    request = urllib.request.Request(url, json.dumps(alert).encode(), {"Content-Type": "application/json"})
    OPENER.open(request, timeout=10).close()
    found = eventually(lambda: list(notifications(stack.state.notifications)), bool)
    (notification,) = found
    assert notification["path"] == "/log"
    assert notification["notification"]["status"] == "firing"
    assert notification["notification"]["alerts"][0]["labels"]["alertname"] == "Tried"


def test_changed_file_is_read_again(stack: Stack) -> None:
    """`up` on a stack that is up starts nothing, and the programs whose files changed read them."""
    path = "alerts/rules/test.yml"
    stack.files[path] = "groups: [{name: new, rules: [{record: new, expr: vector(1)}]}]\n"
    assert stack.up() == []
    assert eventually(lambda: stack.value("new"), lambda value: value == 1) == 1
    del stack.files[path]
    assert stack.up() == []
    assert not (stack.state.config / path).exists()


def test_status(stack: Stack) -> None:
    """Everything is well; the document has what the page has."""
    done = claude_otel("stack", "status", "--dir", str(stack.state.directory), "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert told["well"] is True
    programs = {each["name"]: each for each in told["programs"]}
    assert list(programs) == NEEDED
    assert programs["prometheus"]["version"] == "3.14.0"
    assert programs["collector"]["pid"] == stack.pid("collector")
    (queue,) = told["queues"]
    assert queue["exporter"] == "otlp_http/prometheus"
    assert queue["capacity_bytes"] == 256 * 1024 * 1024
    page = claude_otel("stack", "status", "--dir", str(stack.state.directory)).stdout
    assert all(name in page for name in NEEDED)


def test_program_that_died_is_seen_and_started_again(stack: Stack) -> None:
    """`status` names it, `up` starts it alone."""
    os.kill(stack.pid("alertmanager"), signal.SIGKILL)
    down = eventually(lambda: status(stack.state), lambda now: not now.well)
    assert [each.name for each in down.programs if not each.healthy] == ["alertmanager"]
    assert stack.up() == ["alertmanager"]
    assert status(stack.state).well


def test_other_ports_while_it_runs(stack: Stack) -> None:
    with pytest.raises(Problem, match="runs with other ports"):
        native.up(stack.files, stack.state, free_ports(), print, optional=False)


def test_port_in_use(stack: Stack, tmp_path: Path) -> None:
    """The process that holds it is named, nothing is started, and the way out is said."""
    with pytest.raises(Problem) as problem:
        native.up(stack.files, State(tmp_path), {**free_ports(), "prometheus": stack.ports["prometheus"]}, print, False)
    assert f"port {stack.ports['prometheus']} (prometheus) is in use by process {stack.pid('prometheus')}" in str(
        problem.value
    )
    assert "--port prometheus=" in str(problem.value)
    assert not native.any_running(State(tmp_path))


def test_program_that_cannot_start(tmp_path: Path) -> None:
    """Its last lines are shown, and what was started before it is taken down again."""
    ports, state = free_ports(), State(tmp_path)
    broken = files({"stack/collector.yaml": "receivers: {nonsense: {}}\n"})
    with pytest.raises(Problem) as problem:
        native.up(broken, state, ports, print, optional=False)
    assert "collector ended as it started" in str(problem.value)
    assert "nonsense" in str(problem.value)
    assert str(state.log("collector")) in str(problem.value)
    assert not native.any_running(state)
    assert all(is_free(port) for port in ports.values())


def test_the_shipped_files(tmp_path: Path) -> None:
    """The command line brings up the stack with the very files that are committed, and all their rules evaluate."""
    ports = free_ports()
    options = [option for name, port in ports.items() for option in ("--port", f"{name}={port}")]
    stack = Stack(State(tmp_path), ports, {})
    (tmp_path / "empty.yaml").touch()
    config = ["--config", str(tmp_path / "empty.yaml")]
    try:
        done = claude_otel("stack", "up", "--native", "--dir", str(tmp_path), *config, *options)
        assert done.returncode == 0, done.stderr
        assert f"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{ports['otlp-http']}" in done.stdout
        assert "nobody" in done.stderr
        for path in ("stack/prometheus.yml", "stack/collector.yaml", "alerts/alertmanager.yml"):
            assert (stack.state.config / path).read_text() == (ROOT / path).read_text()
        rules = eventually(lambda: all_rules(stack), evaluated, seconds=90)
        assert [(each["name"], each["lastError"]) for each in rules if each["health"] != "ok"] == []
        assert {"record", "alert"} <= {"alert" if each["type"] == "alerting" else "record" for each in rules}
        found = eventually(
            lambda: stack.ask("prometheus", "/api/v1/alertmanagers")["data"]["activeAlertmanagers"], bool
        )
        assert [each["url"] for each in found] == [f"http://127.0.0.1:{ports['alertmanager']}/api/v2/alerts"]
    finally:
        native.down(stack.state, print)


def all_rules(stack: Stack) -> list[dict[str, str]]:
    """Every rule as Prometheus has it."""
    groups = stack.ask("prometheus", "/api/v1/rules")["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def evaluated(rules: list[dict[str, str]]) -> bool:
    """Whether every rule has been evaluated."""
    return bool(rules) and all(each["health"] != "unknown" for each in rules)


def test_down_leaves_nothing(tmp_path: Path) -> None:
    """Every program has ended when `down` returns; what was kept is there after the next `up`."""
    with native_stack(tmp_path) as stack:
        pids = [stack.pid(name) for name in NEEDED]
        send_sum(stack, "kept", time.time())
        assert eventually(lambda: stack.value("kept_total"), lambda value: value == 7) == 7
        done = claude_otel("stack", "down", "--dir", str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert [line.split()[0] for line in done.stdout.splitlines()] == list(reversed(NEEDED))
        assert all(running(stack.state.run(name)) is None for name in NAMES)
        assert all(is_free(port) for port in stack.ports.values())
        assert not any(is_process(pid) for pid in pids)
        assert "Nothing of a stack" in claude_otel("stack", "down", "--dir", str(tmp_path)).stdout
        assert claude_otel("stack", "status", "--dir", str(tmp_path)).returncode == 3
        assert stack.up() == NEEDED
        assert stack.value("last_over_time(kept_total[5m])") == 7


def is_process(pid: int) -> bool:
    """Whether a process with this id does something; one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
