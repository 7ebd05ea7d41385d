"""The stack as containers, on a real engine: `START_DOCKERD=1 make test-compose` runs this; `make test` does not.

The images are made of the real programs (docker_engine.py). Grafana and Tempo take part where they are on PATH; else a
stand-in answers Grafana's health check, and the stack is one without Tempo. The tests run in their order.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from docker_engine import HOST, engine, images, make
from native_stack import eventually

from claude_otel.fakeapi import FakeAPI
from claude_otel.monitoring import compose
from claude_otel.stack import components, containers
from claude_otel.stack.health import OPENER
from claude_otel.stack.ports import free_ports, is_free, listening_inodes
from claude_otel.stack.state import State
from programs import environment, run

PROGRAM = """
import anthropic
from claude_otel import surface

client = anthropic.Anthropic(max_retries=0)
ask = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
with surface("checkout-chat"):
    print(client.messages.create(**ask)._request_id)
    for number in range(5):
        try:
            client.messages.create(**ask, extra_headers={"x-fake-fault": "authentication_error"})
        except anthropic.AuthenticationError as error:
            print(error.request_id)
"""

TEMPO = components.optional("tempo")
GRAFANA = components.optional("grafana")


@dataclass
class Hook:
    """A webhook on this machine that containers reach, and what came to it: headers and notifications."""

    came: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    port: int = 0


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`DOCKER_HOST` of an engine that has the images."""
    directory = tmp_path_factory.mktemp("engine")
    with engine(directory) as host:
        for name, image in images().items():
            make(host, name, image)
        yield host


@pytest.fixture(scope="module")
def hook(docker: str) -> Iterator[Hook]:
    """The webhook, which listens at the engine's own bridge."""
    del docker
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.came.append((dict(self.headers), json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer((HOST, 0), Handler)
    found.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@dataclass
class Stack:
    """A stack of containers, and what is asked of it."""

    directory: Path
    host: str
    config: Path
    ports: dict[str, int]

    @property
    def state(self) -> State:
        """Its files."""
        return State(self.directory)

    def claude_otel(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The command line, after it has ended."""
        command = [sys.executable, "-m", "claude_otel", *arguments, "--dir", str(self.directory)]
        env = environment({"DOCKER_HOST": self.host, **more})
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=500, check=False)

    def up(self, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
        """`stack up` with the ports and the file of this test."""
        ports = [option for name, port in self.ports.items() for option in ("--port", f"{name}={port}")]
        config = ["--config", str(self.config)]
        tempo = "--tempo" if TEMPO else "--no-tempo"
        return self.claude_otel("stack", "up", tempo, *config, *ports, *options, **more)

    def docker(self, *arguments: str) -> str:
        """What a command of Docker prints, run beside the Compose files."""
        command = ["docker", *arguments]
        env = {**os.environ, "DOCKER_HOST": self.host}
        done = subprocess.run(
            command, cwd=containers.folder(self.state), env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def inspect(self) -> dict[str, dict[str, Any]]:
        """Every container, by service."""
        told = json.loads(self.docker("inspect", *self.docker("compose", "ps", "--all", "--quiet").split()))
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in told}

    def ask(self, name: str, path: str) -> Any:
        """The JSON that a published port answers."""
        with OPENER.open(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=10) as answer:
            return json.load(answer)

    def value(self, promql: str) -> float:
        """The only value of an instant query, 0 when there is none."""
        answer = self.ask("prometheus", f"/api/v1/query?{urllib.parse.urlencode({'query': promql})}")
        result = answer["data"]["result"]
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else 0.0


@pytest.fixture(scope="module")
def stack(docker: str, hook: Hook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that was brought up, and is taken down with its volumes."""
    directory = tmp_path_factory.mktemp("stack")
    token = directory / "keys" / "token"
    token.parent.mkdir(mode=0o700)
    token.write_text("a-token")
    token.chmod(0o644)
    config = directory / "claude-otel.yaml"
    config.write_text(
        "notify: {receivers: {team: {webhook: "
        f"{{url: 'http://{HOST}:{hook.port}/hook', token_file: '{token}'}}}}}}}}\n"
    )
    free = iter(free_ports().values())
    found = Stack(directory / "state", docker, config, {name: next(free) for name in compose.PUBLISHED})
    done = found.up()
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{found.ports['otlp-http']}" in done.stdout
        assert f"password in {found.state.secrets}/grafana-admin" in done.stdout
        yield found
    finally:
        found.claude_otel("stack", "down", "--volumes", "--yes")


@pytest.fixture(scope="module")
def printed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The request ids of an instrumented program: one call that went well, and five that were refused.

    It runs once the ledger counts: what came before that is no spending of the day, and no alert.
    """
    begun = 'count(claude:cost_usd:ledger{part="since"})'
    assert eventually(lambda: stack.value(begun), lambda count: count == 1, seconds=120) == 1
    folder = tmp_path_factory.mktemp("program")
    (folder / "program.py").write_text(PROGRAM)
    sent = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{stack.ports['otlp-http']}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "shop",
    }
    with FakeAPI() as api:
        done = run([str(folder / "program.py")], api.environment, sent, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def expected_services() -> set[str]:
    """The services that run."""
    return {"alertmanager", "collector", "grafana", "prometheus", *(["tempo"] if TEMPO else [])}


def test_all_are_up_and_healthy(stack: Stack) -> None:
    """By the programs of the images themselves where they have some, and as `status` sees it from outside."""
    found = stack.inspect()
    assert {name for name, told in found.items() if told["State"]["Running"]} == expected_services()
    assert found["collector-volume"]["State"]["ExitCode"] == 0
    for name in ("prometheus", "alertmanager", "grafana"):
        look = lambda name=name: stack.inspect()[name]["State"]["Health"]["Status"]  # noqa: E731
        assert eventually(look, lambda status: status == "healthy") == "healthy", name
    done = stack.claude_otel("stack", "status", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["well"]) == (0, True)
    programs = {each["name"]: each for each in told["programs"]}
    assert set(programs) == expected_services()
    assert programs["prometheus"]["version"] == components.COMPONENTS["prometheus"].version
    assert all(each["healthy"] for each in programs.values())
    queues = eventually(lambda: json.loads(stack.claude_otel("stack", "status", "--json").stdout)["queues"], bool, 60)
    capacity = {each["exporter"]: each["capacity_bytes"] for each in queues}
    assert set(capacity) == {"otlp_http/prometheus", *(["otlp_grpc/tempo"] if TEMPO else [])}
    assert capacity["otlp_http/prometheus"] == 256 * 1024 * 1024


def test_ports_are_open_on_loopback_only(stack: Stack) -> None:
    """Every port that is published is bound to 127.0.0.1, as the system's own table of sockets has it."""
    bound = {
        (binding["HostIp"], int(binding["HostPort"]))
        for told in stack.inspect().values()
        for bindings in told["HostConfig"]["PortBindings"].values()
        for binding in bindings
    }
    ports = {stack.ports[name] for name, (service, _) in compose.PUBLISHED.items() if service in expected_services()}
    assert bound == {("127.0.0.1", port) for port in ports}
    for port in ports:
        assert list(listening_inodes(port))
        assert listening_at(port) == {"0100007F"}


def listening_at(port: int) -> set[str]:
    """The local addresses at which something listens on `port`, as /proc tells them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                found.add(local.rpartition(":")[0])
    return found


def test_services_are_bounded(stack: Stack) -> None:
    """What the Compose file says is what the engine does: memory, rights, users, and the root's mount."""
    for name, told in stack.inspect().items():
        if name == "collector-volume":
            continue
        host = told["HostConfig"]
        assert host["Memory"] == in_bytes(compose.MEMORY[name])
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert told["Config"]["User"] == compose.USERS[name]
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}}
        status = Path(f"/proc/{told['State']['Pid']}/status").read_text()
        assert re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1] == compose.USERS[name].split(":")[0]  # type: ignore[index]
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)


def in_bytes(size: str) -> int:
    """A size as Compose files have it."""
    return int(size[:-1]) * {"m": 2**20, "g": 2**30}[size[-1]]


def test_call_arrives_in_prometheus(stack: Stack, printed: list[str]) -> None:
    """What an instrumented program sends to the published port."""
    assert len(printed) == 6
    calls = 'sum(claude_calls_total{job="shop", claude_surface="checkout-chat"})'
    assert eventually(lambda: stack.value(calls), lambda count: count == 6) == 6


def test_call_is_found_again(stack: Stack, printed: list[str]) -> None:
    """A request id leads to the call, which is in the Collector's volume."""
    done = stack.claude_otel("calls", "--request-id", printed[0])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(printed[0])
    assert "checkout-chat" in done.stdout


@pytest.mark.skipif(TEMPO is None, reason="no Tempo on PATH")
def test_spans_arrive_in_tempo(stack: Stack, printed: list[str]) -> None:
    """A trace for each call: the application has no span of its own around them."""
    query = urllib.parse.urlencode({"q": '{ resource.service.name = "shop" }', "limit": 100})
    found = eventually(
        lambda: stack.ask("tempo", f"/api/search?{query}")["traces"], lambda traces: len(traces) == len(printed)
    )
    assert len(found) == len(printed)


def test_programs_are_scraped(stack: Stack) -> None:
    """At their addresses in the network of the containers."""
    assert eventually(lambda: stack.value("sum(up)"), lambda count: count == 3, seconds=60) == 3


def test_every_rule_evaluates(stack: Stack) -> None:
    """The rules are the generated ones, and none of them fails."""
    rules = eventually(
        lambda: all_rules(stack), lambda found: all(each["health"] == "ok" for each in found), seconds=90
    )
    assert len(rules) > 100
    assert {each["health"] for each in rules} == {"ok"}


def all_rules(stack: Stack) -> list[dict[str, str]]:
    """Every rule as Prometheus has it."""
    return [rule for group in stack.ask("prometheus", "/api/v1/rules")["data"]["groups"] for rule in group["rules"]]


def test_alert_arrives_at_the_webhook(stack: Stack, printed: list[str], hook: Hook) -> None:
    """Five refused calls are a page within minutes, sent with the token that is in a file of the user's."""
    del printed

    def pages() -> list[dict[str, str]]:
        return [headers for headers, told in hook.came if "ClaudeAuthenticationFailing" in json.dumps(told)]

    assert eventually(pages, bool, seconds=240), json.dumps(stack.ask("prometheus", "/api/v1/alerts"))[:2000]
    assert pages()[0]["Authorization"] == "Bearer a-token"


def test_notification_of_nobody_is_taken(stack: Stack) -> None:
    """What no receiver is told goes to the Collector, which takes it: it is no failure of Alertmanager's."""
    url = (stack.state.secrets / "notification-log.url").read_text()
    assert url == "http://collector:4318/v1/logs"
    path = urllib.parse.urlsplit(url).path
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.ports['otlp-http']}{path}",
        b'{"receiver": "claude-otel-log", "status": "firing", "alerts": [{"labels": {"alertname": "Tried"}}]}',
        {"Content-Type": "application/json"},
    )
    with OPENER.open(request, timeout=10) as answer:
        assert answer.status == 200


def test_changed_file_is_read_again(stack: Stack) -> None:
    """`up` on a stack that is up starts nothing anew; the programs whose files changed read them."""
    before = {name: told["State"]["StartedAt"] for name, told in stack.inspect().items()}
    text = stack.config.read_text()
    stack.config.write_text(text + "limits: {error_ratio: 7}\n")
    done = stack.up()
    assert done.returncode == 0, done.stderr
    assert "prometheus was up, and reads its changed files again" in done.stdout
    seen = eventually(
        lambda: [each["query"] for each in all_rules(stack) if each["name"] == "ClaudeErrorRateHigh"],
        lambda queries: "0.07" in queries[0],
    )
    assert "0.07" in seen[0]
    after = {name: told["State"]["StartedAt"] for name, told in stack.inspect().items()}
    assert {name for name in expected_services() if before[name] != after[name]} == set()
    stack.config.write_text(text)


def test_logs(stack: Stack) -> None:
    done = stack.claude_otel("stack", "logs", "prometheus", "--tail", "5")
    assert done.returncode == 0
    assert 1 <= len(done.stdout.splitlines()) <= 5
    refused = stack.claude_otel("stack", "logs", "nobody")
    assert refused.returncode == 125
    assert "There are alertmanager, prometheus" in refused.stderr


def test_images_that_were_not_pulled_are_not_pinned(stack: Stack) -> None:
    done = stack.claude_otel("stack", "pin")
    assert done.returncode == 125
    assert "was made here, not pulled from a registry: it has no digest" in done.stderr
    assert not (containers.folder(stack.state) / containers.PINNED).exists()


def test_down_and_up_keeps_data(stack: Stack, printed: list[str]) -> None:
    """Metrics, calls and the password are those from before; in between nothing runs and every port is free."""
    password = (stack.state.secrets / "grafana-admin").read_text()
    done = stack.claude_otel("stack", "down")
    assert done.returncode == 0, done.stderr
    assert "what it keeps is in its volumes" in done.stdout
    assert stack.docker("ps", "--all", "--quiet") == ""
    assert all(is_free(port) for port in stack.ports.values())
    assert stack.claude_otel("stack", "status").returncode == 3
    assert "Nothing of a stack" in stack.claude_otel("stack", "down").stdout

    again = stack.up()
    assert again.returncode == 0, again.stderr
    assert stack.value('sum(last_over_time(claude_calls_total{job="shop"}[1h]))') == 6
    assert stack.claude_otel("calls", "--request-id", printed[0]).stdout.strip().endswith(printed[0])
    assert (stack.state.secrets / "grafana-admin").read_text() == password


@pytest.mark.skipif(GRAFANA is None, reason="no Grafana on PATH")
def test_grafana_has_what_it_is_provisioned_with(stack: Stack) -> None:
    """Only with the password of the file; every data source answers, and every dashboard is there."""
    password = (stack.state.secrets / "grafana-admin").read_text()
    assert grafana(stack, "/api/datasources", "admin:admin")[0] == 401
    assert grafana(stack, "/api/datasources", "")[0] == 401
    status, found = grafana(stack, "/api/datasources", f"admin:{password}")
    assert status == 200
    uids = {each["uid"] for each in found}
    assert uids == {"prometheus", "alertmanager", *(["tempo"] if TEMPO else [])}
    assert grafana(stack, "/api/datasources/uid/prometheus/health", f"admin:{password}")[1]["status"] == "OK"
    _, boards = grafana(stack, "/api/search?type=dash-db", f"admin:{password}")
    files = (stack.state.config / "dashboards").glob("*.json")
    assert {each["uid"] for each in boards} == {json.loads(file.read_text())["uid"] for file in files}


@pytest.mark.skipif(GRAFANA is None, reason="no Grafana on PATH")
def test_everybody_may_look_if_that_is_wanted(stack: Stack) -> None:
    """And only look; without the switch nobody may."""
    assert stack.up(CLAUDE_OTEL_GRAFANA_ANONYMOUS="true").returncode == 0
    assert grafana(stack, "/api/dashboards/uid/claude-oncall", "")[0] == 200
    assert grafana(stack, "/api/admin/settings", "")[0] == 403
    assert stack.up().returncode == 0
    assert grafana(stack, "/api/dashboards/uid/claude-oncall", "")[0] == 401


def grafana(stack: Stack, path: str, login: str) -> tuple[int, Any]:
    """Status and JSON that Grafana answers to a user."""
    request = urllib.request.Request(f"http://127.0.0.1:{stack.ports['grafana']}{path}")
    if login:
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with OPENER.open(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None


def test_older_version_is_not_started_on_newer_data(stack: Stack) -> None:
    """A volume that a newer version wrote is left alone, and so is what runs."""
    file = stack.directory / "data-versions.json"
    text = file.read_text()
    told = json.loads(text)
    told["prometheus"]["version"] = "4.0.0"
    file.write_text(json.dumps(told))
    done = stack.up()
    assert done.returncode == 125
    assert "the data of prometheus was last written by 4.0.0, and this would be 3.14.0" in done.stderr
    assert "nothing was started" in done.stderr
    file.write_text(text)
    assert stack.up().returncode == 0
    assert stack.value('sum(last_over_time(claude_calls_total{job="shop"}[1h]))') == 6


def test_unreadable_secret(stack: Stack) -> None:
    """It is named with both ways out before anything is touched."""
    token = stack.config.parent / "keys" / "token"
    token.chmod(0o600)
    done = stack.up()
    token.chmod(0o644)
    assert done.returncode == 125
    assert f"{token} cannot be read by Alertmanager, which is user 65534 in its container" in done.stderr
    assert f"sudo chown 65534 {token}" in done.stderr
    assert stack.claude_otel("stack", "status").returncode == 0


def test_port_in_use(stack: Stack, docker: str, tmp_path: Path) -> None:
    """Another stack beside this one is refused its ports, with who holds them and the way out."""
    other = Stack(tmp_path / "other", docker, stack.config, stack.ports)
    done = other.up()
    assert done.returncode == 125
    assert f"port {stack.ports['prometheus']} (prometheus) is in use by process" in done.stderr
    assert "claude-otel stack up --port" in done.stderr
    assert "Nothing of a stack" in other.claude_otel("stack", "down").stdout


def test_engine_that_does_not_run(stack: Stack, tmp_path: Path) -> None:
    done = stack.up(DOCKER_HOST=f"unix://{tmp_path}/nothing.sock")
    assert done.returncode == 125
    assert "the Docker engine does not answer" in done.stderr
    assert "claude-otel stack up --native" in done.stderr


def test_service_that_cannot_start(docker: str, stack: Stack, tmp_path: Path) -> None:
    """Its last lines are shown, and how to see more."""
    free = iter(free_ports().values())
    other = Stack(tmp_path / "other", docker, stack.config, {name: next(free) for name in compose.PUBLISHED})
    done = other.up(CLAUDE_OTEL_MEMORY_PROMETHEUS="8m")
    try:
        assert done.returncode == 125
        assert "prometheus did not start" in done.stderr
        assert "claude-otel stack logs prometheus" in done.stderr
    finally:
        other.claude_otel("stack", "down", "--volumes", "--yes")


def test_volumes_are_deleted_only_if_that_is_wanted(stack: Stack) -> None:
    """Without a terminal to ask on it takes a second word."""
    refused = stack.claude_otel("stack", "down", "--volumes")
    assert refused.returncode == 125
    assert "--volumes --yes" in refused.stderr
    assert stack.claude_otel("stack", "status").returncode == 0
    done = stack.claude_otel("stack", "down", "--volumes", "--yes")
    assert done.returncode == 0, done.stderr
    assert stack.docker("volume", "ls", "--quiet") == ""


def test_the_shipped_file_is_what_compose_reads(stack: Stack) -> None:
    """The committed Compose files are those that ran here, but for the receiver's secret."""
    here = yaml.safe_load((containers.folder(stack.state) / "compose.yaml").read_text())
    shipped = yaml.safe_load((Path(__file__).parents[2] / "stack" / "compose.yaml").read_text())
    for service in (here["services"]["alertmanager"], shipped["services"]["alertmanager"]):
        service["secrets"] = [each for each in service["secrets"] if each["source"] == "notification-log"]
    assert here["services"] == shipped["services"]
