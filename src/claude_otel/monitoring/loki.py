"""The configuration of Loki, the Collector's way to it, and Grafana's. Loki is no part of the stack unless asked for.

It keeps the `claude.call` events, which are searched by request id, surface or blame without going to a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_otel.monitoring.collector import MEBIBYTE, QUEUE_MIB
from claude_otel.monitoring.grafana import LOKI

if TYPE_CHECKING:
    from claude_otel.monitoring.config import Config

SINCE = "2026-01-01"
"""The day from which on the layout of Loki's data holds. A later change of layout is an entry of its own below it."""


def loki_yml(config: Config) -> str:
    """The text of `stack/loki.yaml`: one process, everything in one directory."""
    return f"""\
auth_enabled: false

server:
  http_listen_address: 0.0.0.0
  http_listen_port: 3100
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: 9096

common:
  path_prefix: /loki
  replication_factor: 1
  instance_addr: 127.0.0.1
  ring:
    kvstore:
      store: inmemory
  storage:
    filesystem:
      chunks_directory: /loki/chunks
      rules_directory: /loki/rules

schema_config:
  configs:
    - from: {SINCE}
      store: tsdb
      object_store: filesystem
      schema: v13
      index:
        prefix: index_
        period: 24h

# The clients for storage that 3.7 has unless told otherwise; later versions have others.
storage_config:
  use_thanos_objstore: false

# Attributes of an event are kept beside it: {{service_name="shop"}} | claude_blame="provider"
limits_config:
  allow_structured_metadata: true
  retention_period: {config.retention_days * 24}h

compactor:
  working_directory: /loki/compactor
  retention_enabled: true
  delete_request_store: filesystem

analytics:
  reporting_enabled: false
"""


def collector_loki_yml(config: Config) -> str:  # noqa: ARG001 - every generated file is a function of the configuration
    """The text of `stack/collector-loki.yaml`, which is given to the Collector after the others where Loki is."""
    return f"""\
exporters:
  otlp_http/loki:
    logs_endpoint: http://${{env:{LOKI}:-127.0.0.1:3100}}/otlp/v1/logs
    sending_queue:
      storage: file_storage
      sizer: bytes
      queue_size: {QUEUE_MIB // 4 * MEBIBYTE}
    retry_on_failure:
      max_interval: 10s
      max_elapsed_time: 0

service:
  pipelines:
    logs/calls:
      exporters: [file/calls, otlp_http/loki]
"""


def loki_datasource_yml(config: Config) -> str:  # noqa: ARG001
    """The text of `stack/grafana/loki.yaml`, which is put among Grafana's data sources where Loki is."""
    return f"""\
apiVersion: 1
datasources:
  - name: Loki
    uid: loki
    type: loki
    access: proxy
    url: http://${LOKI}
    jsonData:
      derivedFields:
        - name: trace
          matcherType: label
          matcherRegex: trace_id
          datasourceUid: tempo
          url: $${{__value.raw}}
          urlDisplayLabel: The call's trace
"""
