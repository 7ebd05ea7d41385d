"""Whether an OTLP endpoint can be reached: a connection, then an export request without any data in it.

When the endpoint does not answer in the protocol that is configured, the other one is tried, which tells the most
frequent mistake: gRPC sent to the port of HTTP, or the other way round.
"""

from __future__ import annotations

import http.client
import logging
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from opentelemetry.util.re import parse_env_headers

from claude_otel.cli.checks.exporters import HTTP, Target, value

SECONDS = 2.0
"""How long each probe waits."""

Reach = Literal[
    "ok", "refused", "no_host", "timeout", "other_protocol", "denied", "not_found", "rejected", "tls", "broken"
]

SERVICES = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}

BY_STATUS: dict[int, Reach] = {401: "denied", 403: "denied", 404: "not_found", 405: "not_found"}
BY_CODE: dict[str, Reach] = {
    "OK": "ok",
    "UNAUTHENTICATED": "denied",
    "PERMISSION_DENIED": "denied",
    "UNIMPLEMENTED": "not_found",
    "DEADLINE_EXCEEDED": "timeout",
    "UNAVAILABLE": "broken",
}


def reach(target: Target, env: Mapping[str, str]) -> Reach:
    """How far an export to `target` gets. Never raises."""
    failed = None if proxied(target) else connection(target)
    if failed:
        return failed
    answered = over_http(target, env) if target.protocol == HTTP else over_grpc(target, env)
    if answered in ("broken", "timeout", "tls") and speaks_other(target, env):
        return "other_protocol"
    return answered


def proxied(target: Target) -> bool:
    """Whether exports go through a proxy, so that the endpoint need not be reachable directly."""
    parts = urlsplit(target.endpoint or "")
    host = parts.hostname or ""
    return parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)


def connection(target: Target) -> Reach | None:
    """Why no connection can be made; `None` when it can."""
    host = urlsplit(target.endpoint or "").hostname or ""
    try:
        socket.create_connection((host, target.port or 0), SECONDS).close()
    except socket.gaierror:
        return "no_host"
    except TimeoutError:
        return "timeout"
    except OSError:
        return "refused"
    return None


def speaks_other(target: Target, env: Mapping[str, str]) -> bool:
    """Whether the endpoint answers in the protocol that is not configured."""
    if target.protocol == HTTP:
        return over_grpc(target, env) not in ("broken", "timeout", "tls")
    parts = urlsplit(target.endpoint or "")
    url = urlunsplit((parts.scheme, parts.netloc, f"/v1/{target.signal}", "", ""))
    return over_http(target, env, url) not in ("broken", "timeout", "tls")


def headers(target: Target, env: Mapping[str, str]) -> dict[str, str]:
    """The headers that the exporter would send. They are sent to the endpoint and shown to nobody."""
    # OpenTelemetry logs a header that it cannot read, with its value.
    logging.getLogger(parse_env_headers.__module__).disabled = True
    return dict(parse_env_headers(value(env, target.signal, "HEADERS")[0], liberal=True))


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: exporters do not either."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def over_http(target: Target, env: Mapping[str, str], url: str | None = None) -> Reach:
    """How an empty OTLP/HTTP request is answered."""
    sent = {"Content-Type": "application/x-protobuf", **headers(target, env)}
    request = urllib.request.Request(url or target.endpoint or "", data=b"", headers=sent, method="POST")
    try:
        opener = urllib.request.build_opener(NoRedirect, urllib.request.HTTPSHandler(context=context(target, env)))
        with opener.open(request, timeout=SECONDS) as response:
            return "ok" if response.status < 300 else "rejected"
    except urllib.error.HTTPError as answer:
        return BY_STATUS.get(answer.code, "rejected")
    except urllib.error.URLError as failure:
        return broken(failure.reason)
    except (OSError, http.client.HTTPException, ValueError) as failure:
        return broken(failure)


def broken(reason: object) -> Reach:
    """How a request that was not answered failed."""
    if isinstance(reason, TimeoutError):
        return "timeout"
    return "tls" if isinstance(reason, ssl.SSLError) else "broken"


def context(target: Target, env: Mapping[str, str]) -> ssl.SSLContext:
    """TLS with the certificates that the exporter would use."""
    made = ssl.create_default_context(cafile=value(env, target.signal, "CERTIFICATE")[0] or None)
    certificate = value(env, target.signal, "CLIENT_CERTIFICATE")[0]
    if certificate:
        made.load_cert_chain(certificate, value(env, target.signal, "CLIENT_KEY")[0] or None)
    return made


def over_grpc(target: Target, env: Mapping[str, str]) -> Reach:
    """How an empty OTLP/gRPC request is answered."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import grpc  # type: ignore[import-untyped]

    with channel(grpc, target, env) as opened:
        export = opened.unary_unary(SERVICES[target.signal], request_serializer=bytes, response_deserializer=bytes)
        sent = [(name.lower(), text) for name, text in headers(target, env).items()]
        try:
            export(b"", timeout=SECONDS, metadata=sent)
        except grpc.RpcError as failure:
            return BY_CODE.get(failure.code().name, "rejected")
    return "ok"


def channel(grpc: Any, target: Target, env: Mapping[str, str]) -> Any:
    """A channel to the endpoint, over TLS where the exporter would use it."""
    parts = urlsplit(target.endpoint or "")
    address = f"{parts.hostname}:{target.port}" if ":" not in (parts.hostname or "") else parts.netloc
    if not over_tls(target, env):
        return grpc.insecure_channel(address)
    files = [value(env, target.signal, name)[0] for name in ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")]
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(*map(content, files)))


def over_tls(target: Target, env: Mapping[str, str]) -> bool:
    """Whether the gRPC exporter uses TLS: by scheme, unless a variable says otherwise."""
    if (target.endpoint or "").startswith("https:"):
        return True
    insecure = value(env, target.signal, "INSECURE")[0]
    return bool(insecure) and insecure.lower() != "true"


def content(path: str) -> bytes | None:
    """What is in a file, `None` without one."""
    if not path:
        return None
    with open(path, "rb") as file:
        return file.read()
