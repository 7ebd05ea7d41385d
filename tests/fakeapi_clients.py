"""Clients that point at a fake API, one for each platform the SDK knows, and what most tests send."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import anthropic
from anthropic.lib.foundry import AnthropicFoundry, AsyncAnthropicFoundry

from claude_otel.fakeapi import FakeAPI

MODEL = "claude-sonnet-5-5"
HELLO: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 1_024,
    "messages": [{"role": "user", "content": "Hello!"}],
}
AWS = {"aws_region": "us-east-1", "aws_access_key": "key", "aws_secret_key": "secret"}
VERTEX = {"region": "us-east5", "project_id": "project", "access_token": "token"}
GOOGLE = {"project": "project", "workspace_id": "wrkspc_google", "token_provider": lambda: "token"}

Platform = tuple[Callable[..., Any], Callable[..., Any], str, dict[str, Any]]
PLATFORMS: dict[str, Platform] = {
    "anthropic": (anthropic.Anthropic, anthropic.AsyncAnthropic, "", {"api_key": "fake"}),
    "bedrock": (anthropic.AnthropicBedrock, anthropic.AsyncAnthropicBedrock, "", AWS),
    "mantle": (anthropic.AnthropicBedrockMantle, anthropic.AsyncAnthropicBedrockMantle, "/anthropic", AWS),
    "vertex": (anthropic.AnthropicVertex, anthropic.AsyncAnthropicVertex, "/v1", VERTEX),
    "foundry": (AnthropicFoundry, AsyncAnthropicFoundry, "/anthropic", {"api_key": "fake"}),
    "aws": (anthropic.AnthropicAWS, anthropic.AsyncAnthropicAWS, "", {**AWS, "workspace_id": "wrkspc_aws"}),
    "google_cloud": (anthropic.AnthropicGoogleCloud, anthropic.AsyncAnthropicGoogleCloud, "/v1/projects/p", GOOGLE),
}


def client(api: FakeAPI, platform: str = "anthropic", **options: Any) -> Any:
    """A client of the platform that points at the fake API."""
    sync, _, path, fields = PLATFORMS[platform]
    http_client = anthropic.DefaultHttpxClient(verify=False)  # no certificates to load for plain HTTP
    return sync(base_url=f"{api.url}{path}", http_client=http_client, **fields, **options)


def async_client(api: FakeAPI, platform: str = "anthropic", **options: Any) -> Any:
    """The client of the platform whose methods are coroutines."""
    _, kind, path, fields = PLATFORMS[platform]
    http_client = anthropic.DefaultAsyncHttpxClient(verify=False)
    return kind(base_url=f"{api.url}{path}", http_client=http_client, **fields, **options)


def finished(value: Any) -> Any:
    """The value, once it has been awaited if it has to be."""
    return asyncio.run(value) if inspect.isawaitable(value) else value


def user(text: str, **fields: Any) -> dict[str, Any]:
    """The arguments of a call in which the user says one thing."""
    return {**HELLO, "messages": [{"role": "user", "content": text}], **fields}
