"""The configuration of Tempo, the same file for Compose and for the native stack (`-config.expand-env=true`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claude_otel.monitoring.config import Config

BIND = "CLAUDE_OTEL_BIND"
DIRECTORY = "CLAUDE_OTEL_TEMPO_DIR"
HTTP_PORT = "CLAUDE_OTEL_TEMPO_HTTP_PORT"
GRPC_PORT = "CLAUDE_OTEL_TEMPO_GRPC_PORT"
OTLP_PORT = "CLAUDE_OTEL_TEMPO_OTLP_PORT"
"""The environment variables that the file reads, all of them optional."""


def tempo_yml(config: Config) -> str:  # noqa: ARG001 - every generated file is a function of the configuration
    """The text of `stack/tempo.yaml`."""
    return f"""\
server:
  http_listen_address: ${{{BIND}:-127.0.0.1}}
  http_listen_port: ${{{HTTP_PORT}:-3200}}
  grpc_listen_address: ${{{BIND}:-127.0.0.1}}
  grpc_listen_port: ${{{GRPC_PORT}:-9095}}
distributor:
  receivers:
    otlp:
      protocols:
        grpc:
          endpoint: ${{{BIND}:-127.0.0.1}}:${{{OTLP_PORT}:-14317}}
storage:
  trace:
    backend: local
    wal:
      path: ${{{DIRECTORY}:-.}}/wal
    local:
      path: ${{{DIRECTORY}:-.}}/blocks
usage_report:
  reporting_enabled: false
memberlist:
  bind_addr: [127.0.0.1]
  abort_if_cluster_join_fails: false
"""
