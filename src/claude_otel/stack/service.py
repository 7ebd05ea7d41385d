"""A program of the native stack, and what it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claude_otel.stack.ports import HOST, Ports
from claude_otel.stack.state import State

LISTENERS: dict[str, tuple[str, ...]] = {
    "notifications": ("notifications",),
    "alertmanager": ("alertmanager",),
    "tempo": ("tempo", "tempo-grpc", "tempo-otlp"),
    "prometheus": ("prometheus",),
    "collector": ("otlp-grpc", "otlp-http", "collector-health", "collector-metrics"),
    "grafana": ("grafana",),
}
"""The ports of each program, in the order in which programs are started: after those they send to."""

NAMES = tuple(LISTENERS)

HEALTH: dict[str, tuple[str, str]] = {
    "notifications": ("notifications", "/-/ready"),
    "alertmanager": ("alertmanager", "/-/ready"),
    "tempo": ("tempo", "/ready"),
    "prometheus": ("prometheus", "/-/ready"),
    "collector": ("collector-health", "/"),
    "grafana": ("grafana", "/api/health"),
}
"""The port and the path at which each program says whether it is well."""

OPTIONAL = frozenset({"tempo", "grafana"})


def listening(name: str, ports: Ports) -> dict[str, int]:
    """The ports of the program `name`."""
    return {port: ports[port] for port in LISTENERS[name]}


def health_url(name: str, ports: Ports) -> str:
    """Where the program `name` says whether it is well."""
    port, path = HEALTH[name]
    return f"http://{HOST}:{ports[port]}{path}"


@dataclass(frozen=True)
class Service:
    """A program of the stack, ready to be started."""

    name: str
    command: list[str]
    ports: Ports
    health: str
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    reloads: tuple[str, ...] = ()
    """The generated files after whose change it is told to read them again."""


@dataclass(frozen=True)
class Special:
    """What a drill has otherwise than a stack in earnest."""

    prometheus_flags: tuple[str, ...] = ()
    metrics_to: str = ""
    """The `host:port` that the Collector sends metrics to, in place of Prometheus' own."""


AS_USUAL = Special()


@dataclass(frozen=True)
class Surroundings:
    """What a service is made from."""

    state: State
    ports: Ports
    tempo: Path | None = None
    grafana: Path | None = None
    """The optional programs, where they are."""
    special: Special = AS_USUAL

    def placed(self, name: str) -> dict[str, Any]:
        """The fields of a service that follow from its name."""
        return {"name": name, "ports": listening(name, self.ports), "health": health_url(name, self.ports)}

    def address(self, name: str) -> str:
        """Where `name` listens."""
        return f"{HOST}:{self.ports[name]}"
