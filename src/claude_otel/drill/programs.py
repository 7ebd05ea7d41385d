"""The instrumented programs of the drill: started as a user starts them, told what to do, ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from claude_otel.cli.environment import site_directory, with_first
from claude_otel.drill.traffic import Traffic

DROPPED = ("OTEL_", "CLAUDE_OTEL_", "ANTHROPIC_")
"""What configures telemetry or the SDK in the user's own environment, and must not reach a program of the drill."""

PATIENCE = 10.0
"""Seconds that a program has to end before it is killed."""


class Program:
    """A program that runs."""

    def __init__(self, service: str, variables: Mapping[str, str], log: Path, *options: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
        env = {**kept, **variables, "OTEL_SERVICE_NAME": service, "OTEL_PYTHON_DISTRO": "distro"}
        env["OTEL_PYTHON_CONFIGURATOR"] = "configurator"
        for exporter in ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"):
            env[exporter] = "otlp"
        env["PYTHONPATH"] = with_first(site_directory(), kept.get("PYTHONPATH", ""))
        self.lock = threading.Lock()
        with log.open("ab") as printed:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "claude_otel.drill.program", *options],
                env=env, stdin=subprocess.PIPE, stdout=printed, stderr=printed, text=True, start_new_session=True,
            )  # fmt: skip

    def start(self, traffic: Traffic) -> None:
        """Has the program make the calls of `traffic`."""
        self.order({"start": asdict(traffic)})

    def stop(self, surface: str) -> None:
        """Has it make no more calls of `surface`."""
        self.order({"stop": surface})

    def order(self, order: object) -> None:
        """Writes a line that the program reads."""
        assert self.process.stdin
        with self.lock:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        """Ends the program as a lack of memory would."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Ends the program by itself, else by force."""
        assert self.process.stdin
        try:
            self.process.stdin.close()
            self.process.wait(PATIENCE)
        except (OSError, subprocess.TimeoutExpired):
            self.kill()
