"""The programs of the native stack: with which command, directory and environment each is started.

They are in the order in which they are started: a program after those it sends to. They are ended in the opposite one.
"""

from __future__ import annotations

import sys

from claude_otel.monitoring import collector as collector_config
from claude_otel.monitoring import prometheus as prometheus_config
from claude_otel.stack import components, optional
from claude_otel.stack.ports import HOST
from claude_otel.stack.service import Service, Surroundings

COLLECTOR_MEMORY = "320MiB"
"""Where Go's garbage collector works harder: below the limit at which the Collector refuses."""


def services(around: Surroundings) -> list[Service]:
    """The programs of a stack. Raises `Problem` when one that is needed is not there."""
    found = [notifications(around), alertmanager(around)]
    if around.tempo:
        found.append(optional.tempo(around, around.tempo))
    found += [prometheus(around), collector(around)]
    if around.grafana:
        found.append(optional.grafana(around, around.grafana))
    return found


def notifications(around: Surroundings) -> Service:
    """The local log of notifications."""
    state = around.state
    options = ["--port", str(around.ports["notifications"]), "--file", str(state.notifications)]
    return Service(
        **around.placed("notifications"),
        command=[sys.executable, "-m", "claude_otel.stack.notification_log", *options, "--logs", str(state.logs)],
        cwd=state.directory,
    )


def alertmanager(around: Surroundings) -> Service:
    """Alertmanager, alone: no cluster."""
    binary = components.find("alertmanager")
    state = around.state
    return Service(
        **around.placed("alertmanager"),
        command=[
            str(binary),
            f"--config.file={state.config / 'alerts' / 'alertmanager.yml'}",
            f"--storage.path={state.data('alertmanager')}",
            f"--web.listen-address={around.address('alertmanager')}",
            f"--web.external-url=http://{around.address('alertmanager')}",
            "--cluster.listen-address=",
        ],
        cwd=state.secrets,
        version=components.version(binary, "alertmanager"),
        reloads=("alerts/alertmanager.yml", "alerts/templates/"),
    )


def prometheus(around: Surroundings) -> Service:
    """Prometheus."""
    binary = components.find("prometheus")
    state = around.state
    return Service(
        **around.placed("prometheus"),
        command=[
            str(binary),
            f"--config.file={state.config / 'stack' / 'prometheus.yml'}",
            f"--storage.tsdb.path={state.data('prometheus')}",
            f"--web.listen-address={around.address('prometheus')}",
            f"--web.external-url=http://{around.address('prometheus')}",
            *prometheus_config.FLAGS,
            *around.special.prometheus_flags,
        ],
        cwd=state.directory,
        version=components.version(binary, "prometheus"),
        reloads=("stack/prometheus.yml", "alerts/rules/"),
    )


def collector(around: Surroundings) -> Service:
    """The Collector; with the file that adds Tempo where there is one."""
    binary = components.find("collector")
    state, ports = around.state, around.ports
    files = ["collector.yaml", *(["collector-tempo.yaml"] if around.tempo else [])]
    return Service(
        **around.placed("collector"),
        command=[str(binary), *(f"--config={state.config / 'stack' / file}" for file in files)],
        cwd=state.collector,
        env={
            collector_config.BIND: HOST,
            collector_config.DIRECTORY: str(state.collector),
            collector_config.GRPC_PORT: str(ports["otlp-grpc"]),
            collector_config.HTTP_PORT: str(ports["otlp-http"]),
            collector_config.HEALTH_PORT: str(ports["collector-health"]),
            collector_config.METRICS_PORT: str(ports["collector-metrics"]),
            collector_config.PROMETHEUS: around.special.metrics_to or around.address("prometheus"),
            collector_config.TEMPO: around.address("tempo-otlp"),
            "GOMEMLIMIT": COLLECTOR_MEMORY,
        },
        version=components.version(binary, "collector"),
        reloads=("stack/collector.yaml", "stack/collector-tempo.yaml"),
    )
