"""Where a call goes, from the client that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """Where a call goes: what OpenTelemetry calls the provider, whose prices hold, and the server."""

    provider: str
    platform: str
    region: str | None
    address: str
    port: int


def target_of(client: Any) -> Target:
    """Where the requests of `client` go. It has a platform of its own since 1.14; before, its class tells."""
    provider = getattr(client, "_gen_ai_provider_name", None)
    platform = getattr(client, "_otel_platform", None)
    if provider is None:
        provider, platform = _by_class(type(client))
    if platform == "bedrock" and any("Mantle" in cls.__name__ for cls in type(client).__mro__):
        platform = "mantle"
    region = getattr(client, "aws_region", None) or getattr(client, "region", None)
    url = client.base_url
    return Target(
        provider=str(provider),
        platform=platform or "anthropic",
        region=region if isinstance(region, str) else None,
        address=url.host,
        port=url.port or (80 if url.scheme == "http" else 443),
    )


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
