"""The environment of the program that `run` starts: what `opentelemetry-instrument` sets, and where to send.

Nothing else of the user's environment changes, and the program's own variables are all still there.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence

from opentelemetry.instrumentation import auto_instrumentation

EXPORTER_PREFIX = "OTEL_EXPORTER_OTLP_"
"""The user's exporter settings, which would lead away from the receiver."""

REMOVED = ("OTEL_SDK_DISABLED", "OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE")
"""Variables that would keep the SDK from starting, or from reading the ones below."""

FIXED = {
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_BLRP_SCHEDULE_DELAY": "100",
    "OTEL_BLRP_MAX_QUEUE_SIZE": "20000",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    "OTEL_PYTHON_DISTRO": "distro",
    "OTEL_PYTHON_CONFIGURATOR": "configurator",
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true",
    "CLAUDE_OTEL_LOGS": "all",
    "CLAUDE_OTEL_FLUSH_ON_SIGTERM": "1",
}
"""What the run needs, whatever the user's environment says: OTLP over HTTP, soon and to the end, all events."""

PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def child_environment(source: Mapping[str, str], endpoint: str, command: Sequence[str]) -> dict[str, str]:
    """The environment of `command`, with telemetry on and sent to `endpoint`."""
    env = {name: value for name, value in source.items() if not name.startswith(EXPORTER_PREFIX)}
    for name in REMOVED:
        env.pop(name, None)
    env.update(FIXED, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    env["PATH"] = with_first(os.path.dirname(sys.executable), source.get("PATH") or os.defpath)
    env["PYTHONPATH"] = with_first(site_directory(), source.get("PYTHONPATH", ""))
    name_service(env, command)
    keep_from_proxies(env)
    return env


def site_directory() -> str:
    """The directory whose `sitecustomize` starts OpenTelemetry in a Python that has it on its path."""
    return os.path.dirname(os.path.abspath(auto_instrumentation.__file__))


def with_first(directory: str, path: str) -> str:
    """The search path `path` with `directory` at its head, once."""
    rest = [entry for entry in path.split(os.pathsep) if entry != directory] if path else []
    return os.pathsep.join([directory, *rest])


def name_service(env: dict[str, str], command: Sequence[str]) -> None:
    """Names the service after the program, unless the user has named it."""
    if "service.name=" not in env.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        env.setdefault("OTEL_SERVICE_NAME", service_name(command))


def service_name(command: Sequence[str]) -> str:
    """`app` for `python app.py`, `shop.main` for `python -m shop.main`, else the program's own name."""
    program = os.path.basename(command[0])
    rest = list(command[1:])
    if not is_python(program):
        return program.removesuffix(".py")
    if "-m" in rest[:-1]:
        return rest[rest.index("-m") + 1]
    scripts = [argument for argument in rest if not argument.startswith("-")]
    return os.path.basename(scripts[0]).removesuffix(".py") if scripts else program


def is_python(program: str) -> bool:
    """Whether a program of this name is a Python interpreter."""
    return re.fullmatch(r"(python|pypy)[0-9.]*t?", os.path.basename(program)) is not None


def keep_from_proxies(env: dict[str, str]) -> None:
    """Keeps the telemetry from being sent to a proxy: loopback is reached directly."""
    if not any(env.get(name) for name in PROXIES):
        return
    hosts = env.get("no_proxy") or env.get("NO_PROXY") or ""
    if hosts != "*":
        env["no_proxy"] = env["NO_PROXY"] = ",".join(filter(None, [hosts, "127.0.0.1"]))
