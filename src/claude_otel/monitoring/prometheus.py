"""The configuration of Prometheus, the same file for Compose and for the native stack.

Prometheus expands no environment variables in its configuration. Whatever differs between the two is therefore beside
it: the addresses of the scraped programs are in the files of `targets/`, ports and directories are flags, and the
paths in it are relative to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from claude_otel.monitoring.ledger import LATE

if TYPE_CHECKING:
    from claude_otel.monitoring.config import Config

SCRAPED = ("collector", "prometheus", "alertmanager")
"""The jobs: the programs of the stack, which Prometheus asks about themselves."""

INTERVAL = "15s"
"""How often programs are scraped and rules evaluated."""

OUT_OF_ORDER = LATE
"""How late a sample may be and still be stored.

Samples are late when they waited in the queue of the Collector. Prometheus stores none that is older than this before
its newest one, so this is how long it may be down until something is lost. The ledger rules look back as far.
"""

PROMOTED = ("service.name", "service.version", "deployment.environment.name", "service.instance.id")
"""The resource attributes that become labels."""

FLAGS = ("--web.enable-otlp-receiver", "--enable-feature=exemplar-storage")
"""What Prometheus must be started with besides its paths and addresses."""


def prometheus_yml(config: Config) -> str:
    """The text of `stack/prometheus.yml`."""
    return f"""\
global:
  scrape_interval: {INTERVAL}
  evaluation_interval: {INTERVAL}

rule_files:
  - ../alerts/rules/*.yml

# The addresses are in files, as they differ between Compose and a stack of processes.
alerting:
  alertmanagers:
    - file_sd_configs:
        - files: [targets/alertmanager.yml]

scrape_configs:
{"".join(scrape(job) for job in SCRAPED)}
# Calls arrive over OTLP: --web.enable-otlp-receiver.
otlp:
  translation_strategy: UnderscoreEscapingWithSuffixes
  keep_identifying_resource_attributes: true
  promote_resource_attributes:
{"".join(f"    - {name}{chr(10)}" for name in PROMOTED)}
storage:
  tsdb:
    # What waited in the Collector's queue while Prometheus was down is late. The ledger rules look back as far.
    out_of_order_time_window: {OUT_OF_ORDER}
    retention:
      time: {config.retention_days}d
  exemplars:
    max_exemplars: 100000
"""


def scrape(job: str) -> str:
    """The scrape configuration of one program of the stack."""
    return f"""\
  - job_name: {job}
    file_sd_configs:
      - files: [targets/{job}.yml]
"""


def target_files(addresses: Mapping[str, str]) -> dict[str, str]:
    """The files beside `prometheus.yml` that say where each job is: path and text, from job and `host:port`."""
    return {f"targets/{job}.yml": json.dumps([{"targets": [addresses[job]]}]) + "\n" for job in SCRAPED}
