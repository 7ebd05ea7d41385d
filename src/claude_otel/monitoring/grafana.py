"""What Grafana is provisioned with, the same files for Compose and for the native stack: data sources and dashboards.

Grafana puts environment variables into these files: addresses and the folder of the dashboards differ between the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claude_otel.monitoring.config import Config

PROMETHEUS = "CLAUDE_OTEL_PROMETHEUS"
ALERTMANAGER = "CLAUDE_OTEL_ALERTMANAGER"
TEMPO = "CLAUDE_OTEL_TEMPO"
LOKI = "CLAUDE_OTEL_LOKI"
DASHBOARDS = "CLAUDE_OTEL_DASHBOARDS"
LOGS = "CLAUDE_OTEL_LOGS_DATASOURCE"
"""The environment variables that the files read; `LOGS` is `loki` where there is one, else empty."""

EXPORT_INTERVAL = "60s"
"""How often programs export unless they are told otherwise. No panel takes a rate over less than four of these."""

SETTINGS = {
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED": "true",
    "GF_NEWS_NEWS_FEED_ENABLED": "false",
    "GF_SECURITY_DISABLE_GRAVATAR": "true",
    "GF_USERS_ALLOW_SIGN_UP": "false",
    "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
    "GF_LOG_MODE": "console",
}
"""Grafana asks nobody on the internet, and nobody makes an account. Who needs none may only look."""

HOME = "claude-oncall.json"
"""The dashboard that people see first."""

ANONYMOUS = "CLAUDE_OTEL_GRAFANA_ANONYMOUS"
"""The environment variable that, being `true`, lets everybody look who can reach Grafana."""


def datasources_yml(config: Config) -> str:  # noqa: ARG001 - every generated file is a function of the configuration
    """The text of `stack/grafana/datasources/claude-otel.yaml`."""
    return f"""\
apiVersion: 1
datasources:
  - name: Prometheus
    uid: prometheus
    type: prometheus
    access: proxy
    url: http://${PROMETHEUS}
    isDefault: true
    jsonData:
      httpMethod: POST
      prometheusType: Prometheus
      # How often programs export: $__rate_interval is never shorter than four of these.
      timeInterval: {EXPORT_INTERVAL}
      alertmanagerUid: alertmanager
      exemplarTraceIdDestinations:
        - name: trace_id
          datasourceUid: tempo
          urlDisplayLabel: The call's trace
  - name: Alertmanager
    uid: alertmanager
    type: alertmanager
    access: proxy
    url: http://${ALERTMANAGER}
    jsonData:
      implementation: prometheus
"""


def tempo_datasource_yml(config: Config) -> str:  # noqa: ARG001
    """The text of `stack/grafana/datasources/tempo.yaml`."""
    return f"""\
apiVersion: 1
datasources:
  - name: Tempo
    uid: tempo
    type: tempo
    access: proxy
    url: http://${TEMPO}
    jsonData:
      tracesToMetrics:
        datasourceUid: prometheus
        spanStartTimeShift: -15m
        spanEndTimeShift: 15m
        tags:
          - key: service.name
            value: service_name
          - key: claude.surface
            value: claude_surface
        queries:
          - name: Calls by outcome
            query: sum by (claude_outcome) (rate(claude_calls_total{{$$__tags}}[$$__rate_interval]))
          - name: USD an hour
            query: sum by (claude_surface) (rate(claude_cost_USD_total{{$$__tags}}[$$__rate_interval])) * 3600
      # Links to the call's event, where there is a Loki.
      tracesToLogsV2:
        datasourceUid: ${LOGS}
        spanStartTimeShift: -5m
        spanEndTimeShift: 5m
        customQuery: true
        query: '{{service_name=~".+"}} | trace_id="$${{__span.traceId}}"'
"""


def dashboards_yml(config: Config) -> str:  # noqa: ARG001
    """The text of `stack/grafana/dashboards/claude-otel.yaml`."""
    return f"""\
apiVersion: 1
providers:
  - name: claude-otel
    folder: Claude
    folderUid: claude
    type: file
    # A dashboard is changed in its file: what is saved in Grafana would be lost with the next change of that.
    allowUiUpdates: false
    updateIntervalSeconds: 30
    options:
      path: ${DASHBOARDS}
"""
