"""Tempo and Grafana: part of the native stack where they are on `PATH`. Everything else works without them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from claude_otel.monitoring import grafana as grafana_config
from claude_otel.monitoring import tempo as tempo_config
from claude_otel.stack import components
from claude_otel.stack.ports import HOST
from claude_otel.stack.service import Service, Surroundings
from claude_otel.stack.state import write

PACKAGED_HOME = Path("/usr/share/grafana")
"""Where packages put Grafana's own files; an archive has them beside its `bin`."""


def tempo(around: Surroundings, binary: Path) -> Service:
    """Tempo, which keeps the traces."""
    state, ports = around.state, around.ports
    return Service(
        **around.placed("tempo"),
        command=[
            str(binary),
            "-target=all",
            "-config.expand-env=true",
            f"-config.file={state.config / 'stack' / 'tempo.yaml'}",
        ],
        cwd=state.directory,
        env={
            tempo_config.BIND: HOST,
            tempo_config.DIRECTORY: str(state.data("tempo")),
            tempo_config.HTTP_PORT: str(ports["tempo"]),
            tempo_config.GRPC_PORT: str(ports["tempo-grpc"]),
            tempo_config.OTLP_PORT: str(ports["tempo-otlp"]),
        },
        version=components.version(binary, "tempo"),
    )


def grafana(around: Surroundings, binary: Path) -> Service:
    """Grafana, whose admin password is in a file that only this user may read."""
    state = around.state
    password = state.secrets / "grafana-admin"
    if not password.exists():
        write(password, secrets.token_urlsafe(24), mode=0o600)
    return Service(
        **around.placed("grafana"),
        command=[str(binary), "server", f"--homepath={home(binary)}"],
        cwd=state.directory,
        env={
            **grafana_config.SETTINGS,
            "GF_SERVER_HTTP_ADDR": HOST,
            "GF_SERVER_HTTP_PORT": str(around.ports["grafana"]),
            "GF_PATHS_DATA": str(state.data("grafana")),
            "GF_PATHS_LOGS": str(state.data("grafana")),
            "GF_PATHS_PROVISIONING": str(state.config / "stack" / "grafana"),
            "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{{password}}}",
            "GF_AUTH_ANONYMOUS_ENABLED": os.environ.get(grafana_config.ANONYMOUS, "false"),
            grafana_config.PROMETHEUS: around.address("prometheus"),
            grafana_config.ALERTMANAGER: around.address("alertmanager"),
            grafana_config.TEMPO: around.address("tempo"),
            grafana_config.LOGS: "",
            grafana_config.DASHBOARDS: str(state.config / "dashboards"),
            "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(state.config / "dashboards" / grafana_config.HOME),
        },
        version=components.version(binary, "grafana"),
    )


def home(binary: Path) -> Path:
    """Where Grafana's own files are."""
    archive = binary.resolve().parent.parent
    return archive if (archive / "conf" / "defaults.ini").is_file() else PACKAGED_HOME
