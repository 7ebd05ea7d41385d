"""The stack as containers: stack/compose.yaml, and what Tempo and Loki add to it as files of their own.

The programs read the very files of the native stack. What differs is here: addresses, users, mounts and limits. Every
port is published on loopback only. What a user may change is an environment variable, which Compose also takes from
the `.env` beside the file, as `claude-otel stack init` writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from claude_otel.monitoring import collector, grafana, tempo
from claude_otel.monitoring.alertmanager import LOCAL_LOG_URL_FILE
from claude_otel.monitoring.prometheus import FLAGS, target_files

if TYPE_CHECKING:
    from claude_otel.monitoring.config import Config

IMAGES = {
    "collector": "otel/opentelemetry-collector-contrib:0.155.0",
    "prometheus": "prom/prometheus:v3.14.0",
    "alertmanager": "prom/alertmanager:v0.33.1",
    "grafana": "grafana/grafana:12.3.0",
    "tempo": "grafana/tempo:3.0.3",
    "loki": "grafana/loki:3.7.6",
}
"""The image of each service. Their digests are in a file of their own: `claude-otel stack pin` writes it."""

USERS = {
    "collector": "10001:10001",
    "prometheus": "65534:65534",
    "alertmanager": "65534:65534",
    "grafana": "472:0",
    "tempo": "10001:10001",
    "loki": "10001:10001",
}
"""The user that each image is made for, to whom its directories belong."""

MEMORY = {
    "collector": "640m",
    "prometheus": "2g",
    "alertmanager": "256m",
    "grafana": "512m",
    "tempo": "1g",
    "loki": "1g",
}
"""How much memory each service may have, unless `CLAUDE_OTEL_MEMORY_SERVICE` says otherwise."""

COLLECTOR_GOMEMLIMIT = "320MiB"
"""Where Go's garbage collector works harder: below the limit at which the Collector refuses."""

PUBLISHED = {
    "otlp-grpc": ("collector", 4317),
    "otlp-http": ("collector", 4318),
    "collector-health": ("collector", 13133),
    "prometheus": ("prometheus", 9090),
    "alertmanager": ("alertmanager", 9093),
    "grafana": ("grafana", 3000),
    "tempo": ("tempo", 3200),
    "loki": ("loki", 3100),
}
"""The published ports: of which service, and the port in its container, which is the usual one outside as well."""

HEALTH = {
    "alertmanager": ("alertmanager", "/-/ready"),
    "prometheus": ("prometheus", "/-/ready"),
    "tempo": ("tempo", "/ready"),
    "loki": ("loki", "/ready"),
    "collector": ("collector-health", "/"),
    "grafana": ("grafana", "/api/health"),
}
"""The published port and the path at which each service says whether it is well."""

SECRETS = "CLAUDE_OTEL_SECRETS"
"""The directory of what is generated and secret, relative to the file."""

FILES = "/etc/claude-otel"
"""Where containers have the generated files, under the paths of the repository."""

GRAFANA_PASSWORD = "grafana-admin"  # noqa: S105 - the name of a file
"""The file with Grafana's password."""

COLLECTOR_DATA = "/var/lib/claude-otel"


def compose_yml(config: Config) -> str:
    """The text of `stack/compose.yaml`: Collector, Prometheus, Alertmanager and Grafana."""
    return f"""\
name: claude-otel

services:
  # Named volumes belong to root where an image has no directory of that name, as the Collector's has none.
  collector-volume:
    image: {IMAGES["prometheus"]}
    user: "0:0"
    entrypoint: [/bin/chown, "{USERS["collector"]}", {COLLECTOR_DATA}]
    command: []
    network_mode: none
    restart: "no"
    read_only: true
    cap_drop: [ALL]
    cap_add: [CHOWN]
    security_opt: ["no-new-privileges:true"]
    mem_limit: 64m
    volumes:
      - collector:{COLLECTOR_DATA}

  alertmanager:
{hardened("alertmanager")}\
    # Files that a receiver names without a directory are looked for here.
    working_dir: /run/secrets
    command:
      - --config.file={FILES}/alerts/alertmanager.yml
      - --storage.path=/alertmanager
      - --web.listen-address=0.0.0.0:9093
      - --web.external-url=http://127.0.0.1:{port("alertmanager")}
      - --cluster.listen-address=
    ports:
{published("alertmanager")}\
    volumes:
      - ../alerts:{FILES}/alerts:ro
      - alertmanager:/alertmanager
    secrets:
      - source: notification-log
        target: /run/secrets/{LOCAL_LOG_URL_FILE}
{mounted_secrets(config)}\
    healthcheck:
      test: [CMD, /bin/amtool, "--alertmanager.url=http://127.0.0.1:9093", cluster, show]
{checked_every("30s")}\

  prometheus:
{hardened("prometheus")}\
    stop_grace_period: 2m
    command:
      - --config.file={FILES}/stack/prometheus.yml
      - --storage.tsdb.path=/prometheus
      - --web.listen-address=0.0.0.0:9090
      - --web.external-url=http://127.0.0.1:{port("prometheus")}
{"".join(f"      - {flag}{chr(10)}" for flag in FLAGS)}\
    ports:
{published("prometheus")}\
    volumes:
      - .:{FILES}/stack:ro
      - ../alerts:{FILES}/alerts:ro
      - prometheus:/prometheus
    healthcheck:
      test: [CMD, /bin/promtool, check, ready, "--url=http://127.0.0.1:9090"]
      # It first reads its write-ahead log.
{checked_every("5m")}\
    depends_on:
      alertmanager:
        condition: service_started

  # Its image has no program to check its health with: it is asked from outside, at the port below.
  collector:
{hardened("collector")}\
    stop_grace_period: 30s
    # Later files add to earlier ones. compose-tempo.yaml puts another in the place of the second and the third,
    # compose-loki.yaml in that of the third; the file before once more changes nothing.
    command:
      - --config={FILES}/collector.yaml
      - --config={FILES}/collector-traces.yaml
      - --config={FILES}/collector-calls.yaml
    environment:
      {collector.BIND}: 0.0.0.0
      {collector.DIRECTORY}: {COLLECTOR_DATA}
      {collector.PROMETHEUS}: prometheus:9090
      GOMEMLIMIT: {COLLECTOR_GOMEMLIMIT}
    ports:
{published("collector")}\
    volumes:
      - ./collector.yaml:{FILES}/collector.yaml:ro
      - ./collector.yaml:{FILES}/collector-traces.yaml:ro
      - ./collector.yaml:{FILES}/collector-calls.yaml:ro
      - collector:{COLLECTOR_DATA}
    depends_on:
      collector-volume:
        condition: service_completed_successfully
      prometheus:
        condition: service_healthy

  grafana:
{hardened("grafana")}\
    environment:
{"".join(f'      {name}: "{value}"{chr(10)}' for name, value in grafana.SETTINGS.items())}\
      GF_SECURITY_ADMIN_PASSWORD: $$__file{{/run/secrets/{GRAFANA_PASSWORD}}}
      # Everybody who can reach it may look, and nothing more.
      GF_AUTH_ANONYMOUS_ENABLED: ${{{grafana.ANONYMOUS}:-false}}
      GF_SERVER_ROOT_URL: {config.links.dashboards}
      {grafana.PROMETHEUS}: prometheus:9090
      {grafana.ALERTMANAGER}: alertmanager:9093
      {grafana.DASHBOARDS}: {FILES}/dashboards
      GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: {FILES}/dashboards/{grafana.HOME}
    ports:
{published("grafana")}\
    volumes:
      - ./grafana/datasources/claude-otel.yaml:/etc/grafana/provisioning/datasources/claude-otel.yaml:ro
      - ./grafana/dashboards/claude-otel.yaml:/etc/grafana/provisioning/dashboards/claude-otel.yaml:ro
      - ../dashboards:{FILES}/dashboards:ro
      - grafana:/var/lib/grafana
    secrets:
      - {GRAFANA_PASSWORD}
    healthcheck:
      test: [CMD, curl, --fail, --silent, --output, /dev/null, "http://127.0.0.1:3000/api/health"]
{checked_every("2m")}\
    depends_on:
      prometheus:
        condition: service_healthy

volumes:
  alertmanager:
  collector:
  grafana:
  prometheus:

networks:
  default:
    driver: bridge

# Files that only you may reach and every container may read: put them into a directory that is yours alone.
secrets:
  notification-log:
    file: {secret(LOCAL_LOG_URL_FILE)}
  {GRAFANA_PASSWORD}:
    file: {secret(GRAFANA_PASSWORD)}
{"".join(f"  {name}:{chr(10)}    file: {quoted(path)}{chr(10)}" for name, path in named_secrets(config).items())}\
"""


def compose_tempo_yml(config: Config) -> str:  # noqa: ARG001 - every generated file is a function of the configuration
    """The text of `stack/compose-tempo.yaml`, which is given after the first where traces are kept."""
    return f"""\
services:
  # Its image has no program to check its health with: it is asked from outside, at the port below.
  tempo:
{hardened("tempo")}\
    command:
      - -target=all
      - -config.expand-env=true
      - -config.file={FILES}/tempo.yaml
    environment:
      {tempo.BIND}: 0.0.0.0
      {tempo.DIRECTORY}: /var/tempo
    ports:
{published("tempo")}\
    volumes:
      - ./tempo.yaml:{FILES}/tempo.yaml:ro
      - tempo:/var/tempo

  collector:
    environment:
      {collector.TEMPO}: tempo:14317
    volumes:
      - ./collector-tempo.yaml:{FILES}/collector-traces.yaml:ro
      - ./collector-tempo.yaml:{FILES}/collector-calls.yaml:ro
    depends_on:
      tempo:
        condition: service_started

  grafana:
    environment:
      {grafana.TEMPO}: tempo:3200
      {grafana.LOGS}: ${{{grafana.LOGS}:-}}
    volumes:
      - ./grafana/datasources/tempo.yaml:/etc/grafana/provisioning/datasources/tempo.yaml:ro

volumes:
  tempo:
"""


def compose_loki_yml(config: Config) -> str:  # noqa: ARG001
    """The text of `stack/compose-loki.yaml`, which is given after the others where call events are searched in Loki."""
    return f"""\
services:
  # Its image has no program to check its health with: it is asked from outside, at the port below.
  loki:
{hardened("loki")}\
    command:
      - -target=all
      - -config.file={FILES}/loki.yaml
    ports:
{published("loki")}\
    volumes:
      - ./loki.yaml:{FILES}/loki.yaml:ro
      - loki:/loki

  collector:
    environment:
      {grafana.LOKI}: loki:3100
    volumes:
      - ./collector-loki.yaml:{FILES}/collector-calls.yaml:ro
    depends_on:
      loki:
        condition: service_started

  grafana:
    environment:
      {grafana.LOKI}: loki:3100
      {grafana.LOGS}: loki
    volumes:
      - ./grafana/loki.yaml:/etc/grafana/provisioning/datasources/loki.yaml:ro

volumes:
  loki:
"""


def hardened(service: str) -> str:
    """What every service has: its image and user, no rights, a read-only root, bounds on memory and on its log."""
    return f"""\
    image: {IMAGES[service]}
    user: "{USERS[service]}"
    restart: unless-stopped
    read_only: true
    tmpfs: ["/tmp:size=64m,noexec,nosuid,nodev"]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    pids_limit: 512
    mem_limit: ${{CLAUDE_OTEL_MEMORY_{service.upper()}:-{MEMORY[service]}}}
    logging:
      driver: json-file
      options: {{max-size: 10m, max-file: "3"}}
"""


def checked_every(start_period: str) -> str:
    """How often a health check runs, and how long a service may take to start."""
    return f"""\
      interval: 5s
      timeout: 5s
      retries: 6
      start_period: {start_period}
"""


def published(service: str) -> str:
    """The ports of a service, on loopback."""
    ports = {name: inside for name, (owner, inside) in PUBLISHED.items() if owner == service}
    return "".join(f'      - "127.0.0.1:{port(name)}:{inside}"\n' for name, inside in ports.items())


def port(name: str) -> str:
    """The published port `name`, which the environment may change."""
    return f"${{{port_variable(name)}:-{PUBLISHED[name][1]}}}"


def port_variable(name: str) -> str:
    """The environment variable that changes the published port `name`."""
    return f"CLAUDE_OTEL_PORT_{name.upper().replace('-', '_')}"


def secret(name: str) -> str:
    """A file in the directory of generated secrets."""
    return f"${{{SECRETS}:-../secrets}}/{name}"


def mounted_secrets(config: Config) -> str:
    """The files of the user's receivers, which Alertmanager finds under the paths that claude-otel.yaml names."""
    return "".join(
        f"      - source: {name}\n        target: {quoted(path)}\n" for name, path in named_secrets(config).items()
    )


def named_secrets(config: Config) -> dict[str, str]:
    """The files that receivers name, each once, by a name that Compose takes."""
    paths = sorted(set(secret_files(config.notify)))
    return {
        f"{number}-{re.sub(r'[^a-z0-9]+', '-', path.lower()).strip('-')}": path for number, path in enumerate(paths, 1)
    }


def secret_files(part: object) -> Iterator[str]:
    """The value of every key of a receiver that names a file."""
    if isinstance(part, BaseModel):
        for key in type(part).model_fields:
            value = getattr(part, key)
            if key.endswith("_file") and value:
                yield value
            else:
                yield from secret_files(value)
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from secret_files(value)


def quoted(path: str) -> str:
    """A path as YAML and Compose read it: no variable is put into it."""
    return json.dumps(path.replace("$", "$$"), ensure_ascii=False)


ADDRESSES = {"collector": "collector:8888", "prometheus": "prometheus:9090", "alertmanager": "alertmanager:9093"}
"""Where Prometheus scrapes each job."""


def target(job: str) -> str:
    """The text of the file that says where a scraped service is."""
    return target_files(ADDRESSES)[f"targets/{job}.yml"]
