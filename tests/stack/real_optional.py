"""Tempo and Grafana are part of the stack where they are on PATH. Stand-ins take their places: `make test-stack`.

The stand-in of Tempo is another Collector, which receives spans as Tempo does; that of Grafana answers its health.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from native_stack import Stack, eventually, files

from claude_otel.fakeapi import FakeAPI
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.tempo import GRPC_PORT, HTTP_PORT, OTLP_PORT, tempo_yml
from claude_otel.stack import components, native
from claude_otel.stack.ports import free_ports
from claude_otel.stack.running import stop
from claude_otel.stack.state import State
from claude_otel.stack.status import status
from programs import run

TEMPO = """\
extensions: {{health_check: {{endpoint: "127.0.0.1:${{env:{http}}}", path: /ready}}}}
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:${{env:{otlp}}}"}}}}}}}}
exporters: {{file: {{path: {file}, append: true}}}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [file]}}}}
"""

GRAFANA = """\
import http.server, os, sys
if "--version" in sys.argv:
    sys.exit(print("grafana version 12.3.0"))
assert sys.argv[1] == "server" and sys.argv[2].startswith("--homepath=")
kind, _, path = os.environ["GF_SECURITY_ADMIN_PASSWORD"].partition("{")
assert kind == "$__file" and len(open(path.rstrip("}")).read()) > 20
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
address = os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])
http.server.HTTPServer(address, Handler).serve_forever()
"""

SCRIPT = """
import anthropic
client = anthropic.Anthropic()
message = {"role": "user", "content": "Hello"}
print(client.messages.create(model="claude-opus-5-5", max_tokens=100, messages=[message])._request_id)
"""


@pytest.fixture
def received(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the stand-ins on PATH. The file that the one of Tempo writes spans to."""
    spans, config, path = tmp_path / "spans.jsonl", tmp_path / "tempo.yaml", tmp_path / "path"
    config.write_text(TEMPO.format(http=HTTP_PORT, otlp=OTLP_PORT, file=spans))
    (tmp_path / "grafana.py").write_text(GRAFANA)
    path.mkdir()
    version = 'case "$1" in --version) echo "tempo, version 3.0.3"; exit;; esac'
    executable(path / "tempo", f"{version}\nexec {components.find('collector')} --config={config}")
    executable(path / "grafana", f'exec {sys.executable} {tmp_path / "grafana.py"} "$@"')
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    return spans


def executable(file: Path, commands: str) -> None:
    """Writes a program of the shell."""
    file.write_text(f"#!/bin/sh\n{commands}\n")
    file.chmod(0o755)


def call(stack: Stack, folder: Path) -> str:
    """The request id of a call whose telemetry the stack gets."""
    (folder / "script.py").write_text(SCRIPT)
    with FakeAPI(tag=os.urandom(3).hex()) as api:
        done = run([str(folder / "script.py")], api.environment, stack.environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def text(file: Path) -> str:
    """What a file has, nothing while it is not there."""
    return file.read_text() if file.exists() else ""


def test_spans_reach_tempo_also_after_it_was_down(received: Path, tmp_path: Path) -> None:
    """They are in the file of the Collector as well. Grafana has a password that only this user can read."""
    wanted = {**files(), "stack/tempo.yaml": tempo_yml(Config())}
    stack = Stack(State(tmp_path / "stack"), free_ports(), wanted)
    order = ["notifications", "alertmanager", "tempo", "prometheus", "collector", "grafana"]
    try:
        assert native.up(wanted, stack.state, stack.ports, print) == order
        told = status(stack.state)
        assert told.well
        assert [each.name for each in told.programs] == order
        assert {each.exporter for each in told.queues} == {"otlp_http/prometheus", "otlp_grpc/tempo"}
        first = call(stack, tmp_path)
        assert first in eventually(lambda: text(received), lambda spans: first in spans)
        stop(stack.state.run("tempo"), 20)
        second = call(stack, tmp_path)
        assert second in text(stack.state.collector / "traces.jsonl")
        assert second not in text(received)
        assert native.up(wanted, stack.state, stack.ports, print) == ["tempo"]
        assert second in eventually(lambda: text(received), lambda spans: second in spans)
        password = stack.state.secrets / "grafana-admin"
        assert stat.S_IMODE(password.stat().st_mode) == 0o600
    finally:
        assert native.down(stack.state, print) == list(reversed(order))


def test_their_configuration_names_the_ports() -> None:
    """The environment that the stand-in reads is that of Tempo's own file."""
    assert all(f"${{{variable}:-" in tempo_yml(Config()) for variable in (HTTP_PORT, GRPC_PORT, OTLP_PORT))
