"""The same rules and dashboards for a cluster that runs kube-prometheus-stack: PrometheusRules and ConfigMaps.

They hold the generated files as they are, indented. The values that Prometheus needs, as it receives OTLP itself, are
those of the stack's own Prometheus.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import PurePosixPath

from claude_otel.monitoring.config import Config
from claude_otel.monitoring.prometheus import OUT_OF_ORDER, PROMOTED

RULES = "alerts/rules/"
DASHBOARDS = "dashboards/"

VALUES = "kube-prometheus-stack-values.yaml"
"""What the Helm chart is told; the files of the folder beside it are applied."""

RELEASE = "kube-prometheus-stack"
"""The name that the chart is usually released by: its Prometheus takes rules with this label."""


def manifests(config: Config, files: Mapping[str, str], release: str = RELEASE) -> dict[str, str]:
    """The text of each file for a cluster, from the generated files: by its path."""
    found = {VALUES: values(config)}
    for path, text in files.items():
        name = PurePosixPath(path)
        if path.startswith(RULES):
            found[f"manifests/{name.stem}-rules.yaml"] = prometheus_rule(name.stem, text, release)
        elif path.startswith(DASHBOARDS):
            found[f"manifests/{name.stem}-dashboard.yaml"] = dashboard(name, text)
    return found


def prometheus_rule(name: str, text: str, release: str) -> str:
    """A rule file as a PrometheusRule."""
    _, _, rules = text.partition("\n")
    return f"""\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: claude-otel
    release: {release}
spec:
{textwrap.indent(rules, "  ")}"""


def dashboard(name: PurePosixPath, text: str) -> str:
    """A dashboard as a ConfigMap, which the sidecar of the chart's Grafana finds by its label."""
    return f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name.stem}-dashboard
  labels:
    app.kubernetes.io/name: claude-otel
    grafana_dashboard: "1"
  annotations:
    grafana_folder: Claude
data:
  {name.name}: |
{textwrap.indent(text, "    ")}"""


def values(config: Config) -> str:
    """What the chart's Prometheus needs: it receives OTLP, keeps these labels, and takes what is late."""
    return f"""\
prometheus:
  prometheusSpec:
    retention: {config.retention_days}d
    enableOTLPReceiver: true
    enableFeatures: [exemplar-storage]
    otlp:
      translationStrategy: UnderscoreEscapingWithSuffixes
      keepIdentifyingResourceAttributes: true
      promoteResourceAttributes:
{"".join(f"        - {name}{chr(10)}" for name in PROMOTED)}\
    tsdb:
      # What waited in a Collector's queue is late. The ledger rules look back as far.
      outOfOrderTimeWindow: {OUT_OF_ORDER}
"""
