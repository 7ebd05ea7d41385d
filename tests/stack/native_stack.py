"""A native stack for a test: its files, started on free ports in a directory of the test, and taken down."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any, TypeVar

from claude_otel.monitoring.collector import collector_tempo_yml, collector_yml
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.prometheus import prometheus_yml
from claude_otel.monitoring.rules_file import LEDGER, RECORDING, rule_files
from claude_otel.stack import native
from claude_otel.stack.health import OPENER
from claude_otel.stack.ports import free_ports
from claude_otel.stack.running import running
from claude_otel.stack.state import State

T = TypeVar("T")

ALERTMANAGER = """\
route: {receiver: log, group_wait: 1s, group_interval: 1s}
receivers:
  - name: log
    webhook_configs: [{url_file: notification-log.url}]
"""


def files(changes: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Generated files with an Alertmanager that sends all to the local log, and the recording rules, every second."""
    config = Config()
    rules = {path: re.sub(r"interval: \S+", "interval: 1s", text) for path, text in rule_files(config).items()}
    fast = prometheus_yml(config).replace("15s", "1s")
    return {
        LEDGER: rules[LEDGER],
        RECORDING: rules[RECORDING],
        "stack/prometheus.yml": fast,
        "stack/collector.yaml": collector_yml(config),
        "stack/collector-tempo.yaml": collector_tempo_yml(config),
        "alerts/alertmanager.yml": ALERTMANAGER,
        **changes,
    }


@dataclass
class Stack:
    """A stack that runs, and what is asked of it."""

    state: State
    ports: dict[str, int]
    files: dict[str, str]

    def up(self) -> list[str]:
        """Starts what does not run."""
        return native.up(self.files, self.state, self.ports, print, optional=False)

    def pid(self, name: str) -> int:
        """The process id of a program that runs."""
        found = running(self.state.run(name))
        assert found, f"{name} does not run"
        return found.pid

    @property
    def environment(self) -> dict[str, str]:
        """What makes an instrumented program send its telemetry here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.ports['otlp-http']}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        }

    def ask(self, name: str, path: str) -> Any:
        """The JSON that a program answers to a GET."""
        with OPENER.open(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=10) as answer:
            return json.load(answer)

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        answer = self.ask("prometheus", f"/api/v1/query?{urllib.parse.urlencode({'query': promql})}")
        return list(answer["data"]["result"])

    def value(self, promql: str) -> float:
        """The only value of an instant query, 0 when there is none."""
        result = self.query(promql)
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else 0.0


@contextmanager
def native_stack(directory: Path, changes: Mapping[str, str] = MappingProxyType({})) -> Iterator[Stack]:
    """A stack that is up, and down afterwards."""
    stack = Stack(State(directory), free_ports(), files(changes))
    stack.up()
    try:
        yield stack
    finally:
        native.down(stack.state, print)


def eventually(look: Callable[[], T], good: Callable[[T], bool], seconds: float = 30) -> T:
    """What `look` finds once it is `good`; after `seconds` the last that it found, for the assertion to show."""
    limit = monotonic() + seconds
    while True:
        try:
            found = look()
            if good(found) or monotonic() > limit:
                return found
        except OSError:
            if monotonic() > limit:
                raise
        sleep(0.2)
