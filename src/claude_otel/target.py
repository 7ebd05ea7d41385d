"""Where a call goes, from the client that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(slots=True, eq=False)
class Target:
    """Where a call goes: what OpenTelemetry calls the provider, whose prices hold, and the server."""

    provider: str
    platform: str
    region: str | None
    address: str
    port: int


_ATTRIBUTE = "_self_claude_otel_target"


def target_of(client: Any) -> Target:
    """Where the requests of `client` go; kept on the client, as long as it goes there."""
    url, known = client.base_url, vars(client).get(_ATTRIBUTE)
    # To look for a region where there is none takes longest.
    if known is not None and known[0] is url and (known[1] is None or known[1] == region_of(client)):
        target: Target = known[2]
        return target
    region = region_of(client)
    target = _target_of(client, url, region)
    vars(client)[_ATTRIBUTE] = url, region, target
    return target


def region_of(client: Any) -> object:
    """The region of a client for a cloud, `None` without one."""
    return getattr(client, "aws_region", None) or getattr(client, "region", None)


def _target_of(client: Any, url: Any, region: object) -> Target:
    # A client has a platform of its own since 1.14; before, its class tells.
    provider = getattr(client, "_gen_ai_provider_name", None)
    platform = getattr(client, "_otel_platform", None)
    if provider is None:
        provider, platform = _by_class(type(client))
    if platform == "bedrock" and any("Mantle" in cls.__name__ for cls in type(client).__mro__):
        platform = "mantle"
    port = url.port or (80 if url.scheme == "http" else 443)
    return _same(str(provider), platform or "anthropic", region if isinstance(region, str) else None, url.host, port)


@lru_cache(maxsize=100)
def _same(provider: str, platform: str, region: str | None, address: str, port: int) -> Target:
    """One target for all clients that go there: some applications make a client for each call."""
    return Target(provider, platform, region, address, port)


def _by_class(cls: type) -> tuple[str, str | None]:
    names = " ".join(base.__name__ for base in cls.__mro__)
    for part, provider, platform in (
        ("Bedrock", "aws.bedrock", "bedrock"),
        ("Vertex", "gcp.vertex_ai", "vertex"),
        ("Foundry", "anthropic", "foundry"),
        ("AnthropicAWS", "anthropic", "aws"),
        ("GoogleCloud", "anthropic", "google_cloud"),
    ):
        if part in names:
            return provider, platform
    return "anthropic", None
