"""The configuration of the Collector, the same files for Compose and for the native stack.

What differs between the two comes from the environment, with the native stack's values as defaults. A second file adds
Tempo: an exporter to a Tempo that is not there would fill its queue, so that file is given only where Tempo is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claude_otel.monitoring.config import Config

SECRETS = "sk-ant-[A-Za-z0-9_-]+"
"""What an Anthropic key looks like."""

BIND = "CLAUDE_OTEL_BIND"
DIRECTORY = "CLAUDE_OTEL_COLLECTOR_DIR"
GRPC_PORT = "CLAUDE_OTEL_OTLP_GRPC_PORT"
HTTP_PORT = "CLAUDE_OTEL_OTLP_HTTP_PORT"
HEALTH_PORT = "CLAUDE_OTEL_COLLECTOR_HEALTH_PORT"
METRICS_PORT = "CLAUDE_OTEL_COLLECTOR_METRICS_PORT"
PROMETHEUS = "CLAUDE_OTEL_PROMETHEUS"
TEMPO = "CLAUDE_OTEL_TEMPO"
"""The environment variables that the files read, all of them optional."""

MEBIBYTE = 1024 * 1024

QUEUE_MIB = 256
"""How much a queue holds on disk, in MiB."""

MEMORY_MIB = 400
"""Above this the Collector refuses what comes, and the programs send it again."""

CALLS = "calls.jsonl"
TRACES = "traces.jsonl"
OTHER_LOGS = "logs.jsonl"
"""The files in `DIRECTORY`."""

FILE_MIB = 50
CALL_FILES = 20
OTHER_FILES = 3
"""Sizes of the files, and how many full ones are kept besides the one that is written."""


def collector_yml(config: Config) -> str:  # noqa: ARG001 - every generated file is a function of the configuration
    """The text of `stack/collector.yaml`."""
    return f"""\
extensions:
  health_check:
    endpoint: {bind(HEALTH_PORT, 13133)}
  # The queues of the exporters. What is in them survives the Collector, however it ends.
  file_storage:
    directory: {directory()}/queue
    create_directory: true
    fsync: true
    compaction:
      on_start: true
      on_rebound: true
      directory: {directory()}/queue

receivers:
  otlp:
    protocols:
      grpc:
        endpoint: {bind(GRPC_PORT, 4317)}
      http:
        endpoint: {bind(HTTP_PORT, 4318)}

# No batch processor: it would acknowledge what is only in memory.
processors:
  memory_limiter:
    check_interval: 1s
    limit_mib: {MEMORY_MIB}
    spike_limit_mib: {MEMORY_MIB // 4}
  # Keys of the API that someone put into an attribute, a log or a resource.
  redaction:
    allow_all_keys: true
    blocked_values: ["{SECRETS}"]
    summary: silent
  # The places that the redaction processor does not look at.
  transform/redaction:
    error_mode: ignore
    trace_statements:
      - replace_pattern(span.status.message, "{SECRETS}", "****")
      - replace_pattern(span.name, "{SECRETS}", "****")
  filter/calls:
    error_mode: ignore
    logs:
      log_record: ['not IsMatch(log.event_name, "^claude[.]")']
  filter/other_logs:
    error_mode: ignore
    logs:
      log_record: ['IsMatch(log.event_name, "^claude[.]")']

exporters:
  otlp_http/prometheus:
    metrics_endpoint: http://${{env:{PROMETHEUS}:-127.0.0.1:9090}}/api/v1/otlp/v1/metrics
    # What one process sends stays one request. Prometheus refuses the whole of one that has a single sample it cannot
    # take (a wrong clock, delta temporality): nobody else's samples are lost with it. One consumer keeps the order.
    sending_queue:
      storage: file_storage
      sizer: bytes
      queue_size: {QUEUE_MIB * MEBIBYTE}
      num_consumers: 1
    retry_on_failure:
      max_interval: 10s
      max_elapsed_time: 0
  # `claude-otel calls` reads this one.
{rotated("calls", CALLS, CALL_FILES)}{rotated("traces", TRACES, OTHER_FILES)}{rotated("logs", OTHER_LOGS, OTHER_FILES)}
service:
  extensions: [health_check, file_storage]
  telemetry:
    resource:
      attributes:
        - name: service.name
          value: collector
    metrics:
      level: normal
      readers:
        - pull:
            exporter:
              prometheus:
                host: ${{env:{BIND}:-127.0.0.1}}
                port: ${{env:{METRICS_PORT}:-8888}}
                # Names as every version had them: without these, a version may add suffixes.
                without_scope_info: true
                without_type_suffix: true
                without_units: true
  pipelines:
    metrics:
      receivers: [otlp]
      processors: [memory_limiter, redaction]
      exporters: [otlp_http/prometheus]
    traces:
      receivers: [otlp]
      processors: [memory_limiter, redaction, transform/redaction]
      exporters: [file/traces]
    logs/calls:
      receivers: [otlp]
      processors: [memory_limiter, filter/calls, redaction]
      exporters: [file/calls]
    logs/other:
      receivers: [otlp]
      processors: [memory_limiter, filter/other_logs, redaction]
      exporters: [file/logs]
"""


def collector_tempo_yml(config: Config) -> str:  # noqa: ARG001
    """The text of `stack/collector-tempo.yaml`, which is given to the Collector after the other where Tempo is."""
    return f"""\
exporters:
  otlp_grpc/tempo:
    endpoint: ${{env:{TEMPO}:-127.0.0.1:14317}}
    tls:
      insecure: true
    sending_queue:
      storage: file_storage
      sizer: bytes
      queue_size: {QUEUE_MIB // 4 * MEBIBYTE}
    retry_on_failure:
      max_interval: 10s
      max_elapsed_time: 0

service:
  pipelines:
    traces:
      exporters: [file/traces, otlp_grpc/tempo]
"""


def bind(variable: str, port: int) -> str:
    """An address to listen on, on loopback unless the environment says another."""
    return f'"${{env:{BIND}:-127.0.0.1}}:${{env:{variable}:-{port}}}"'


def directory() -> str:
    """The directory that the Collector writes to."""
    return f"${{env:{DIRECTORY}:-.}}"


def rotated(name: str, file: str, kept: int) -> str:
    """An exporter that appends lines of OTLP JSON to a file, which is set aside when it is full."""
    return f"""\
  file/{name}:
    path: {directory()}/{file}
    rotation:
      max_megabytes: {FILE_MIB}
      max_backups: {kept}
"""
