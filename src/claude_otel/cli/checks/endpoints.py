"""The findings about exporters and endpoints: what is configured, and how far an export gets."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from claude_otel.cli.checks import probe
from claude_otel.cli.checks.exporters import GRPC, HTTP, Target, silent, targets, value, wrong
from claude_otel.cli.checks.finding import Finding, error, ok, without_secrets
from claude_otel.cli.checks.probe import Reach

CHECK = "endpoint"
DEADLINE = 3 * probe.SECONDS
"""Probes of one endpoint follow each other: connection, its protocol, the other one."""

OTHER = {GRPC: HTTP, HTTP: GRPC}
USUAL_PORTS = {GRPC: 4317, HTTP: 4318}


@dataclass(frozen=True)
class Exporters:
    """Where every signal goes, and how far an export to each OTLP endpoint got."""

    targets: Sequence[Target]
    reached: Mapping[Target, Reach]
    findings: list[Finding]


def exporters(env: Mapping[str, str], distro: bool) -> Exporters:
    """Exporters as the environment has them, every endpoint probed."""
    found = targets(env, distro)
    mistakes = {each: mistake for each in found if (mistake := wrong(each))}
    reached = reached_all([each for each in found if each.endpoint is not None and each not in mistakes], env)
    findings = [*silent(env, found, distro), *dict.fromkeys(mistakes.values())]
    findings += [*files(found, env), *malformed_headers(found, env)]
    findings += [ok("exporter", f"{each.signal}: {each.exporter}") for each in found if plain(each, mistakes)]
    findings += told(reached, env)
    return Exporters(found, reached, findings)


def files(found: Sequence[Target], env: Mapping[str, str]) -> list[Finding]:
    """The certificates and keys that are named and cannot be read."""
    kinds = ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")
    named = {value(env, each.signal, kind) for each in found if each.endpoint for kind in kinds}
    unread = sorted(variable for path, variable in named if path and not os.access(path, os.R_OK))
    what = "names a file that cannot be read: the exporter does not start"
    return [error("exporter", f"{name} {what}", "Name one that can, or none:", f"unset {name}") for name in unread]


def malformed_headers(found: Sequence[Target], env: Mapping[str, str]) -> list[Finding]:
    """The variables with headers that are not sent, as they are not written `name=value`."""
    named = {value(env, each.signal, "HEADERS") for each in found if each.endpoint}
    wrong_ones = sorted({variable for text, variable in named if not all("=" in part for part in parts_of(text))})
    what = "has an entry that is not name=value, which is not sent"
    example = "authorization=Bearer%20$TOKEN"
    return [error("exporter", f"{name} {what}", "Write it so:", f'export {name}="{example}"') for name in wrong_ones]


def parts_of(text: str) -> list[str]:
    """The headers of a variable, which stand between commas."""
    return [part for part in text.split(",") if part.strip()]


def plain(each: Target, mistakes: Mapping[Target, Finding]) -> bool:
    """Whether this is an exporter that sends nowhere, such as `console`."""
    return each.endpoint is None and each not in mistakes


def reached_all(found: Sequence[Target], env: Mapping[str, str]) -> dict[Target, Reach]:
    """How far an export to each target gets, all tried at once. One that hangs, as in a name server, timed out."""
    reached: dict[Target, Reach] = dict.fromkeys(found, "timeout")

    def look(target: Target) -> None:
        try:
            reached[target] = probe.reach(target, env)
        except Exception:
            reached[target] = "broken"

    threads = [threading.Thread(target=look, args=(each,), daemon=True) for each in found]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + DEADLINE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(reached)


def told(reached: Mapping[Target, Reach], env: Mapping[str, str]) -> list[Finding]:
    """A finding for each endpoint and outcome; signals that share both share the finding."""
    groups: dict[tuple[str, str, str, Reach], list[Target]] = {}
    for each, how in reached.items():
        groups.setdefault((each.protocol, base(each), each.endpoint_variable, how), []).append(each)
    return [finding(group, how, env) for (_, _, _, how), group in groups.items()]


def base(target: Target) -> str:
    """The endpoint as it is shown: without secrets, and without the path that the exporter adds."""
    shown = without_secrets(target.endpoint or "")
    path = f"/v1/{target.signal}"
    return (
        shown.removesuffix(path)
        if not target.endpoint_variable.endswith(f"{target.signal.upper()}_ENDPOINT")
        else shown
    )


def finding(group: Sequence[Target], how: Reach, env: Mapping[str, str]) -> Finding:
    """The finding about targets that share endpoint and outcome."""
    first = group[0]
    where = f"{', '.join(each.signal for each in group)} by {first.protocol} to {base(first)}"
    source = f" ({first.endpoint_variable})" if first.endpoint_variable else " (the default)"
    if how == "ok":
        return ok(CHECK, f"{where}{source}: an empty export is accepted")
    what, remedy, commands = TELL[how](first, env)
    return error(CHECK, f"{where}{source}: {what}", remedy, *commands)


Told = tuple[str, str, tuple[str, ...]]
"""What is wrong, the remedy in words, and its commands."""

Tell = Callable[[Target, Mapping[str, str]], Told]


def other_protocol(target: Target, env: Mapping[str, str]) -> Told:  # noqa: ARG001
    """The port is the other protocol's."""
    theirs = OTHER[target.protocol]
    names = {GRPC: "gRPC", HTTP: "HTTP"}
    what = f"it speaks OTLP over {names[theirs]}, and {names[target.protocol]} is sent to it"
    protocol = f"export {protocol_variable(target)}={theirs}"
    elsewhere = f"export {endpoint_variable(target)}={moved(target, USUAL_PORTS[target.protocol])}"
    return what, f"Speak its protocol, or send to its port for {names[target.protocol]}:", (protocol, elsewhere)


def unreachable(said: str) -> Tell:
    """How an endpoint is told of at which nobody answers."""

    def tell(target: Target, env: Mapping[str, str]) -> Told:  # noqa: ARG001
        theirs = OTHER[target.protocol]
        elsewhere = f"export {endpoint_variable(target)}={moved(target, USUAL_PORTS[target.protocol], 'HOST')}"
        remedy = "Start a Collector there, or send to the one you have, or do without one:"
        commands = [elsewhere, "claude-otel run python app.py"]
        if target.port == USUAL_PORTS[theirs]:
            remedy = f"{target.port} is usually for {theirs}. {remedy}"
            commands.insert(0, f"export {protocol_variable(target)}={theirs}")
        return said, remedy, tuple(commands)

    return tell


def denied(target: Target, env: Mapping[str, str]) -> Told:
    """Access is refused."""
    names = ", ".join(probe.headers(target, env)) or "none"
    what = f"it refuses access; headers that are sent: {names}"
    variable = "OTEL_EXPORTER_OTLP_HEADERS"
    return what, "Give the header that it wants:", (f'export {variable}="authorization=Bearer%20$TOKEN"',)


def not_found(target: Target, env: Mapping[str, str]) -> Told:  # noqa: ARG001
    """There is no receiver for the signal."""
    what = f"it does not take {target.signal}"
    if target.protocol == HTTP and not (target.endpoint or "").endswith(f"/v1/{target.signal}"):
        fixed = f"{without_secrets(target.endpoint or '').rstrip('/')}/v1/{target.signal}"
        return (
            f"{what} at this path",
            "A signal's own endpoint needs its path:",
            (f"export {endpoint_variable(target)}={fixed}",),
        )
    remedy = f"Add a pipeline for {target.signal} to it, or do not send them:"
    return what, remedy, (f"export OTEL_{target.signal.upper()}_EXPORTER=none",)


def rejected(target: Target, env: Mapping[str, str]) -> Told:  # noqa: ARG001
    """An empty export is not accepted."""
    what = "something answers, and does not accept an empty OTLP export"
    return what, "Is it an OTLP receiver? A Collector with the otlp receiver is:", (set_endpoint(target),)


def tls(target: Target, env: Mapping[str, str]) -> Told:  # noqa: ARG001
    """TLS fails."""
    remedy = "Name the certificate of its authority, or use http:// where it has no TLS:"
    certificate = "export OTEL_EXPORTER_OTLP_CERTIFICATE=/path/to/ca.pem"
    plain_url = base(target).replace("https:", "http:", 1)
    return (
        "no TLS connection can be made",
        remedy,
        (certificate, f"export {endpoint_variable(target)}={plain_url}"),
    )


def garbled(target: Target, env: Mapping[str, str]) -> Told:  # noqa: ARG001
    """Nothing known is spoken."""
    what = "it accepts connections, and answers neither OTLP over gRPC nor over HTTP"
    return what, "Send to a Collector's otlp receiver:", (set_endpoint(target),)


def set_endpoint(target: Target) -> str:
    """The line that sends to the usual port of the same host."""
    return f"export {endpoint_variable(target)}={moved(target, USUAL_PORTS[target.protocol])}"


def endpoint_variable(target: Target) -> str:
    """The variable to change an endpoint with: the one that set it."""
    return target.endpoint_variable or "OTEL_EXPORTER_OTLP_ENDPOINT"


def protocol_variable(target: Target) -> str:
    """The variable to change a protocol with: the one that set it."""
    return target.protocol_variable or "OTEL_EXPORTER_OTLP_PROTOCOL"


def moved(target: Target, port: int, to: str = "") -> str:
    """The endpoint at another port, of the same host or of `to`, as its variable wants it."""
    parts = urlsplit(target.endpoint or "")
    host = to or (f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname)
    own = target.endpoint_variable.endswith(f"{target.signal.upper()}_ENDPOINT") and target.protocol == HTTP
    return f"{parts.scheme}://{host}:{port}" + (f"/v1/{target.signal}" if own else "")


TELL: dict[Reach, Tell] = {
    "refused": unreachable("nobody listens there"),
    "no_host": unreachable("there is no such host"),
    "timeout": unreachable(f"no answer within {probe.SECONDS:g} s"),
    "other_protocol": other_protocol,
    "denied": denied,
    "not_found": not_found,
    "rejected": rejected,
    "tls": tls,
    "broken": garbled,
}
"""How each outcome is told."""
