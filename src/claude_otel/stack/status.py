"""How the native stack is: which programs run, are healthy, where, since when, and what waits in the queues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claude_otel.stack.health import OPENER, is_healthy
from claude_otel.stack.native import all_running, known_ports
from claude_otel.stack.ports import HOST, Ports
from claude_otel.stack.running import Running
from claude_otel.stack.service import NAMES, OPTIONAL, health_url, listening
from claude_otel.stack.state import State

SAMPLE = re.compile(r'^(otelcol_exporter_queue_\w+)\{[^}]*exporter="([^"]+)"[^}]*\} (\S+)', re.MULTILINE)


@dataclass(frozen=True)
class Queue:
    """What waits to be sent by an exporter of the Collector, in bytes."""

    exporter: str
    size: int
    capacity: int


@dataclass(frozen=True)
class Program:
    """A program of the stack: `running` is `None` when it does not run."""

    name: str
    running: Running | None
    healthy: bool
    ports: dict[str, int]
    log: str


@dataclass(frozen=True)
class Status:
    """The whole stack."""

    directory: str
    programs: list[Program]
    queues: list[Queue] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    start: str = "claude-otel stack up --native"
    """The command that starts what is down."""

    @property
    def well(self) -> bool:
        """Whether all that belongs to the stack is up and healthy."""
        return all(program.healthy for program in self.programs)

    def document(self) -> dict[str, Any]:
        """The status as JSON has it."""
        return {
            "directory": self.directory,
            "well": self.well,
            "programs": [
                {
                    "name": each.name,
                    "up": each.running is not None,
                    "healthy": each.healthy,
                    "pid": each.running.pid if each.running else None,
                    "since": each.running.since if each.running else None,
                    "version": (each.running.version or None) if each.running else None,
                    "ports": each.ports,
                    "log": each.log,
                }
                for each in self.programs
            ],
            "queues": [
                {"exporter": each.exporter, "bytes": each.size, "capacity_bytes": each.capacity} for each in self.queues
            ],
            "bytes_on_disk": self.sizes,
        }


def status(state: State) -> Status:
    """How the stack in `state` is now."""
    up = all_running(state)
    ports = known_ports(state)
    programs = [program(name, up.get(name), ports, state) for name in NAMES if name in up or name not in OPTIONAL]
    queues = list(collector_queues(ports["collector-metrics"])) if "collector" in up else []
    return Status(str(state.directory), programs, queues, dict(sizes(state)))


def program(name: str, found: Running | None, ports: Ports, state: State) -> Program:
    """How one program is."""
    healthy = found is not None and is_healthy(health_url(name, ports))
    return Program(name, found, healthy, listening(name, ports), str(state.log(name)))


def collector_queues(port: int) -> Iterator[Queue]:
    """The queues of the Collector, as it tells them itself; none while it does not answer."""
    try:
        with OPENER.open(f"http://{HOST}:{port}/metrics", timeout=2) as answer:
            text = answer.read().decode()
    except OSError:
        return
    told: dict[str, dict[str, float]] = {}
    for name, exporter, value in SAMPLE.findall(text):
        told.setdefault(exporter, {})[name] = float(value)
    for exporter, values in sorted(told.items()):
        size, capacity = (values.get(f"otelcol_exporter_queue_{key}", 0) for key in ("size", "capacity"))
        yield Queue(exporter, int(size), int(capacity))


def sizes(state: State) -> Iterator[tuple[str, int]]:
    """What each part keeps on disk, in bytes."""
    for name, folder in (
        ("prometheus", state.data("prometheus")),
        ("alertmanager", state.data("alertmanager")),
        ("tempo", state.data("tempo")),
        ("queues", state.collector / "queue"),
        ("logs", state.logs),
    ):
        if folder.is_dir():
            yield name, size(folder)
    yield "calls, traces and logs", sum(file.stat().st_size for file in state.collector.glob("*.jsonl"))


def size(folder: Path) -> int:
    """The bytes that the files of `folder` take; one that vanishes while this looks takes none."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_blocks * 512
        except OSError:
            continue
    return total
