"""A real Alertmanager with the generated configuration: who hears of an outage, and how often."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from claude_otel.monitoring import alertmanager, generated
from claude_otel.monitoring.config_file import read
from claude_otel.stack import components

pytestmark = pytest.mark.components

PATIENCE = 60
"""Seconds that a busy machine is given."""


class Heard(ThreadingHTTPServer):
    """Takes notifications, and keeps who was told of what."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Ear)
        self.told: list[tuple[str, str, list[str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def about(self, alert: str) -> list[tuple[str, str, list[str]]]:
        """The notifications with this alert: receiver, status, alerts with their surfaces."""
        return [each for each in self.told if any(name.partition(" ")[0] == alert for name in each[2])]


class Ear(BaseHTTPRequestHandler):
    server: Heard

    def do_POST(self) -> None:
        """Keeps a notification."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = [f"{a['labels']['alertname']} {a['labels'].get('claude_surface', '')}".strip() for a in body["alerts"]]
        self.server.told.append((self.path, body["status"], sorted(names)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


@pytest.fixture
def heard() -> Iterator[Heard]:
    """The receivers."""
    with Heard() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def address(heard: Heard, tmp_path: Path) -> Iterator[str]:
    """An Alertmanager that pages `oncall`, and has no receiver for the rest. Groups wait one second."""
    config = read(f"""\
notify:
  receivers: {{oncall: {{webhook: {{url: "{heard.url}/oncall"}}}}}}
  routes: [{{severity: page, receiver: oncall}}]
  watchdog: {{webhook: {{url: "{heard.url}/dead-mans-switch"}}}}
""").config
    for path, text in generated.files(config).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(re.sub(r"(group_wait|group_interval): \w+", r"\1: 1s", text))
    (tmp_path / alertmanager.LOCAL_LOG_URL_FILE).write_text(f"{heard.url}/log")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        components.find("alertmanager"),
        f"--config.file={tmp_path / alertmanager.PATH}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log) as process,
    ):
        try:
            until(lambda: ready(address))
            yield address
        finally:
            process.terminate()
    assert "level=ERROR" not in (tmp_path / "log").read_text()


def until(condition: Any) -> None:
    """Waits until `condition` holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.1)


def ready(address: str) -> bool:
    """Whether Alertmanager takes alerts."""
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def send(address: str, *alerts: dict[str, str], over: bool = False) -> None:
    """Tells Alertmanager that these alerts fire, or that they do no more."""
    ends = {"endsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} if over else {}
    body = [{"labels": labels, "annotations": {"summary": labels["alertname"]}, **ends} for labels in alerts]
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{address}/api/v2/alerts", json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=30).close()


def one(name: str, severity: str, category: str, **labels: str) -> dict[str, str]:
    """The labels of an alert."""
    return {"alertname": name, "severity": severity, "category": category, **labels}


ERRORS = [
    one("ClaudeErrorRateHigh", "page", "errors", claude_surface=each, claude_blame="provider") for each in "abcde"
]
BURNS = [one("ClaudeAvailabilityBudgetBurn", "page", "errors", claude_surface=each) for each in "abcde"]
STORM = one("ClaudeOverloadedStorm", "page", "errors")
KEY = one("ClaudeAuthenticationFailing", "page", "errors", job="shop")
TICKET = one("ClaudeRefusals", "ticket", "answers", claude_surface="a")
WATCHDOG = one("Watchdog", "info", "watchdog")


def test_an_outage_of_five_surfaces_is_one_page(address: str, heard: Heard) -> None:
    """A storm silences ten alerts; what is no part of it is heard; and it is told once that it is over."""
    send(address, WATCHDOG, STORM, *ERRORS, *BURNS, KEY, TICKET)
    until(lambda: heard.about("ClaudeOverloadedStorm") and heard.about("ClaudeAuthenticationFailing"))
    until(lambda: heard.about("ClaudeRefusals") and heard.about("Watchdog"))
    send(address, STORM, *ERRORS, *BURNS, over=True)
    until(lambda: len(heard.about("ClaudeOverloadedStorm")) == 2)
    time.sleep(3)
    assert heard.about("ClaudeOverloadedStorm") == [
        ("/oncall", "firing", ["ClaudeOverloadedStorm"]),
        ("/oncall", "resolved", ["ClaudeOverloadedStorm"]),
    ]
    assert heard.about("ClaudeErrorRateHigh") == heard.about("ClaudeAvailabilityBudgetBurn") == []
    assert heard.about("ClaudeAuthenticationFailing") == [("/oncall", "firing", ["ClaudeAuthenticationFailing"])]
    assert heard.about("ClaudeRefusals") == [("/log", "firing", ["ClaudeRefusals a"])]
    assert heard.about("Watchdog")[0] == ("/dead-mans-switch", "firing", ["Watchdog"])


def test_errors_of_five_surfaces_without_a_storm_are_one_page(address: str, heard: Heard) -> None:
    """With every surface in it; their burning budgets are no second one."""
    send(address, *ERRORS, *BURNS)
    until(lambda: heard.about("ClaudeErrorRateHigh"))
    time.sleep(3)
    assert heard.told == [("/oncall", "firing", [f"ClaudeErrorRateHigh {each}" for each in "abcde"])]
