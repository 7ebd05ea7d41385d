"""Where telemetry goes: the exporter, protocol and endpoint of each signal, as the distro and the SDK resolve them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Literal
from urllib.parse import urlsplit

from claude_otel.cli.checks.finding import Finding, error, ok, warning, without_secrets

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")

GRPC = "grpc"
HTTP = "http/protobuf"

DEFAULT_ENDPOINTS = {GRPC: "http://localhost:4317", HTTP: "http://localhost:4318"}
BY_NAME = {"otlp_proto_grpc": GRPC, "otlp_proto_http": HTTP}

INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
INTERVAL_MS = 60_000.0


@dataclass(frozen=True)
class Target:
    """Where one signal goes. `endpoint` is `None` for an exporter that is not OTLP."""

    signal: Signal
    exporter: str
    protocol: str = ""
    endpoint: str | None = None
    protocol_variable: str = ""
    endpoint_variable: str = ""
    """The variable that names the endpoint, empty when it is the default."""

    @property
    def port(self) -> int | None:
        """The port of the endpoint."""
        parts = urlsplit(self.endpoint or "")
        return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def value(env: Mapping[str, str], signal: Signal, name: str) -> tuple[str, str]:
    """The value of an exporter's setting and the variable that has it: the signal's own before the common one."""
    for variable in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", f"OTEL_EXPORTER_OTLP_{name}"):
        if env.get(variable, "").strip():
            return env[variable].strip(), variable
    return "", ""


def targets(env: Mapping[str, str], distro: bool = True) -> list[Target]:
    """Where each signal goes; nothing at all where the variables say so, or without a distro by default."""
    default = "otlp" if distro else ""
    return [
        target(signal, name.strip(), env)
        for signal in SIGNALS
        for name in env.get(f"OTEL_{signal.upper()}_EXPORTER", default).split(",")
        if name.strip() and name.strip().lower() != "none"
    ]


def target(signal: Signal, exporter: str, env: Mapping[str, str]) -> Target:
    """Where `signal` goes by `exporter`."""
    if exporter != "otlp" and exporter not in BY_NAME:
        return Target(signal, exporter)
    named, protocol_variable = value(env, signal, "PROTOCOL")
    protocol = BY_NAME.get(exporter, named or GRPC)
    endpoint, variable = value(env, signal, "ENDPOINT")
    if not endpoint:
        endpoint = DEFAULT_ENDPOINTS.get(protocol, "")
    if protocol == HTTP and not variable.endswith(f"{signal.upper()}_ENDPOINT"):
        endpoint = f"{endpoint.rstrip('/')}/v1/{signal}"
    return Target(signal, exporter, protocol, endpoint, protocol_variable, variable)


def silent(env: Mapping[str, str], found: list[Target], distro: bool) -> list[Finding]:
    """The signals that go nowhere; a distro that is missing has a finding of its own."""
    missing = [signal for signal in SIGNALS if signal not in {each.signal for each in found}]
    if not missing or not distro:
        return []
    variables = [f"OTEL_{signal.upper()}_EXPORTER" for signal in missing]
    said = ", ".join(f"{name}={env.get(name, '')}" for name in variables)
    commands = tuple(f"export {name}=otlp" for name in variables)
    if len(missing) == len(SIGNALS):
        return [error("exporter", f"nothing is exported: {said}", "Export it:", *commands)]
    lost = {
        "traces": "spans",
        "metrics": "metrics, and with them cost, budgets and alerts",
        "logs": "the record of each call, with its request id",
    }
    what = f"no exporter for {' and '.join(missing)} ({said}): you have no {', and no '.join(map(lost.get, missing))}"  # type: ignore[arg-type]
    return [warning("exporter", what, "If you want them:", *commands)]


def wrong(each: Target) -> Finding | None:
    """The finding that the exporter of a signal cannot even be set up."""
    group = f"opentelemetry_{each.signal}_exporter"
    if each.endpoint is None:
        return not_otlp(each, group)
    if each.protocol not in DEFAULT_ENDPOINTS:
        what = f"{each.protocol_variable}={each.protocol!r} is not one of {GRPC}, {HTTP}: all telemetry stays off"
        return error("exporter", what, "Name one of them:", f"export {each.protocol_variable}={HTTP}")
    wanted = next(name for name, protocol in BY_NAME.items() if protocol == each.protocol)
    if not metadata.entry_points(group=group, name=wanted):
        install = f"pip install opentelemetry-exporter-{wanted.replace('_', '-')}"
        return error("exporter", f"no OTLP exporter for {each.protocol} is installed", "Install it:", install)
    return bad_endpoint(each)


def not_otlp(each: Target, group: str) -> Finding | None:
    """The finding of an exporter by a name that nobody has."""
    if metadata.entry_points(group=group, name=each.exporter):
        return None
    variable = f"OTEL_{each.signal.upper()}_EXPORTER"
    what = f"{variable}={each.exporter!r} is not installed: all telemetry stays off"
    return error("exporter", what, "Name one that is:", f"export {variable}=otlp")


def bad_endpoint(each: Target) -> Finding | None:
    """The finding of an endpoint that is no URL."""
    shown = without_secrets(each.endpoint or "")
    try:
        parts = urlsplit(each.endpoint or "")
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good, shown = False, "(not a URL)"
    if good:
        return None
    what = f"{each.endpoint_variable}={shown} is not a URL: the exporter needs http:// or https://, host and port"
    example = shown if "://" not in shown and ":" in shown else "localhost:4317"
    return error("exporter", what, "Write it whole:", f"export {each.endpoint_variable}=http://{example}")


def interval_ms(env: Mapping[str, str]) -> float:
    """How often metrics are exported. A value that is no number counts for nothing, as in the SDK."""
    try:
        return float(env.get(INTERVAL, INTERVAL_MS))
    except ValueError:
        return INTERVAL_MS


def interval(env: Mapping[str, str]) -> list[Finding]:
    """Whether metrics are exported, and how often."""
    milliseconds = interval_ms(env)
    shorter = f"export {INTERVAL}=15000"
    if milliseconds <= 0:
        return [error("interval", f"{INTERVAL}={env[INTERVAL]!r}: all telemetry stays off", "Raise it:", shorter)]
    what = f"metrics are exported every {milliseconds / 1000:g} s, and when a program ends"
    if not number(env.get(INTERVAL, "0")):
        return [
            warning("interval", f"{INTERVAL}={env[INTERVAL]!r} is no number; {what}", "Give milliseconds:", shorter)
        ]
    if milliseconds > INTERVAL_MS:
        return [warning("interval", f"{what}: alerts come late", "Export sooner:", shorter)]
    return [ok("interval", what)]


def number(text: str) -> bool:
    """Whether `text` is a number."""
    try:
        return float(text) == float(text)
    except ValueError:
        return False
