"""A Messages request as the fake API reads it, from whichever platform's client it came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import invalid_request, model_not_found
from .jsontypes import JSON, as_dict, dicts
from .models import is_retired, served_model
from .prefix import blocks, segments
from .prompt_cache import MAXIMUM_BREAKPOINTS, breakpoint_ttls

DEFAULT_WORKSPACE = "wrkspc_fake_default"
CLIENTS = {
    "AnthropicBedrockMantle": "mantle",
    "AnthropicBedrock": "bedrock",
    "AnthropicVertex": "vertex",
    "AnthropicFoundry": "foundry",
    "AnthropicAWS": "aws",
    "AnthropicGoogleCloud": "google_cloud",
}


@dataclass(frozen=True)
class MessagesRequest:
    """The body and headers of `POST /v1/messages`, with the model put back where a platform keeps it in the path."""

    body: JSON
    headers: Mapping[str, str]
    platform: str = "anthropic"
    service_tier: str = "standard"

    @property
    def model(self) -> str:
        """The model as the request names it."""
        return str(self.body.get("model") or "")

    @property
    def served_model(self) -> str:
        """The id of the model that answers."""
        return served_model(self.model)

    @property
    def stream(self) -> bool:
        """Whether the answer is to come as events."""
        return self.body.get("stream") is True

    @property
    def workspace(self) -> str:
        """The workspace the request belongs to: what it names, else the default one."""
        return self.headers.get("anthropic-workspace-id") or DEFAULT_WORKSPACE

    @property
    def betas(self) -> set[str]:
        """The beta features the request turns on, by header or (on Bedrock) in the body."""
        named = self.body.get("anthropic_beta") or []
        header = self.headers.get("anthropic-beta", "").split(",")
        return {beta.strip() for beta in [*header, *map(str, named)] if beta.strip()}

    @property
    def user_texts(self) -> list[str]:
        """Every text the user wrote, oldest first."""
        return [
            str(block.get("text") or "")
            for message in dicts(self.body.get("messages"))
            if message.get("role") == "user"
            for block in blocks(message.get("content"))
            if block.get("type") == "text"
        ]

    def for_model(self, patch: JSON) -> MessagesRequest:
        """The request with the fields of a `fallbacks` entry put over its own."""
        body = {key: value for key, value in {**self.body, **patch}.items() if value is not None}
        return MessagesRequest(body, self.headers, self.platform, self.service_tier)


def platform_of(headers: Mapping[str, str]) -> str:
    """The platform whose client sent the request, by its `User-Agent`; `anthropic` for any other sender."""
    client = headers.get("user-agent", "").partition("/")[0].removeprefix("Async")
    return CLIENTS.get(client, "anthropic")


def parse_json(raw: bytes) -> JSON:
    """The JSON object of a request body. Raises the API's 400 for anything else."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise invalid_request(f"The request body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise invalid_request("The request body must be a JSON object.")
    return body


def check(body: JSON, *, needs_max_tokens: bool = True, serve_retired: bool = False) -> None:
    """Raise the API's error for a Messages body that is not acceptable."""
    for name in ("model", "messages", "max_tokens"):
        if name not in body and (name != "max_tokens" or needs_max_tokens):
            raise invalid_request(f"{name}: Field required")
    check_messages(body["messages"])
    check_max_tokens(body.get("max_tokens", 1))
    check_breakpoints(body)
    model = body["model"]
    if not isinstance(model, str) or not model or (is_retired(model) and not serve_retired):
        raise model_not_found(str(model))


def check_messages(messages: object) -> None:
    """Raise the API's error unless there are messages, each with a role and content."""
    if not isinstance(messages, list):
        raise invalid_request("messages: Input should be a valid list")
    if not messages:
        raise invalid_request("messages: at least one message is required")
    for index, message in enumerate(messages):
        for name in ("role", "content"):
            if name not in as_dict(message):
                raise invalid_request(f"messages.{index}.{name}: Field required")


def check_max_tokens(max_tokens: object) -> None:
    """Raise the API's error unless `max_tokens` is a positive whole number."""
    if not isinstance(max_tokens, int) or isinstance(max_tokens, bool):
        raise invalid_request("max_tokens: Input should be a valid integer")
    if max_tokens < 1:
        raise invalid_request("max_tokens: Input should be greater than or equal to 1")


def check_breakpoints(body: JSON) -> None:
    """Raise the API's error for more than four cache breakpoints, or for a 1h one after a 5m one."""
    ttls = [ttl for _, ttl in breakpoint_ttls(body, segments(body))]
    if len(ttls) > MAXIMUM_BREAKPOINTS:
        raise invalid_request(f"A maximum of 4 blocks with cache_control may be provided. Found {len(ttls)}.")
    if "5m" in ttls and "1h" in ttls[ttls.index("5m") :]:
        raise invalid_request("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.")
