"""What a call asks for, read from the SDK's request options. Scalars only: no content is kept."""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from claude_otel.usage import SHORT, get, text


class Asked:
    """The request of a call, as far as the record needs it.

    The hashes are local: `tools`, `system` and `parameters` are what a change of makes the cache miss.
    """

    max_tokens: int | None = None
    effort: str | None = None
    service_tier: str | None = None
    thinking_type: str | None = None
    thinking_budget: int | None = None
    task_budget: int | None = None
    tools: int = 0
    json_output: bool = False
    betas: tuple[str, ...] = ()
    user: str | None = None
    cache_ttl: str | None = None
    prefix: Prefix | None = None


class Prefix(NamedTuple):
    """The hashes of what the prompt cache goes by, besides the messages."""

    model: str
    tools: str
    system: str
    parameters: str


@lru_cache(maxsize=256)
def fingerprint(tools: str, system: str) -> str:
    """The fingerprint of a prompt: of its tools and system, so that models can be compared on the same prompt."""
    return hashlib.blake2b((tools + system).encode(), digest_size=8).hexdigest()


NOTHING = Asked()
"""Of a request that was never prepared."""


def integer(value: object) -> int | None:
    """`value` when it is a whole number."""
    return value if type(value) is int else None


def body_of(options: Any) -> Mapping[str, Any]:
    """The JSON body of a request, empty when it has none; `extra_body` goes before what the method was given."""
    body, extra = getattr(options, "json_data", None), getattr(options, "extra_json", None)
    body = body if isinstance(body, Mapping) else {}
    return {**body, **extra} if isinstance(extra, Mapping) and extra else body


def model_of(options: Any) -> str | None:
    """The model that the request asks for."""
    return text(body_of(options).get("model"))


def betas_of(options: Any) -> tuple[str, ...]:
    """The betas in the headers that the request itself sets."""
    headers = getattr(options, "headers", None)
    for key, value in headers.items() if isinstance(headers, Mapping) else ():
        if isinstance(value, str) and isinstance(key, str) and key.lower() == "anthropic-beta":
            return tuple(beta.strip()[:SHORT] for beta in value.split(",") if beta.strip())
    return ()


def read(options: Any, model: str | None) -> Asked:
    """What the prepared `options` of a Messages request ask for."""
    body = body_of(options)
    of = body.get
    asked = Asked()
    asked.max_tokens = integer(of("max_tokens"))
    if (tools := of("tools")) is not None:
        asked.tools = len(tools) if isinstance(tools, (list, tuple)) else 0
    if (output := of("output_config")) is not None:
        asked.effort = text(get(output, "effort"))
        asked.task_budget = integer(get(get(output, "task_budget"), "total"))
    if (thinking := of("thinking")) is not None:
        asked.thinking_type = text(get(thinking, "type"))
        asked.thinking_budget = integer(get(thinking, "budget_tokens"))
    if (form := get(output, "format") or of("output_format")) is not None:
        asked.json_output = get(form, "type") == "json_schema"
    asked.service_tier = text(of("service_tier"))
    asked.betas = betas_of(options)
    asked.user = user_of(body)
    asked.cache_ttl = cache_ttl(body)
    asked.prefix = prefix_of(body, model or "")
    return asked


def user_of(body: Mapping[str, Any]) -> str | None:
    """`metadata.user_id` of the request. It leaves the process as a keyed hash only."""
    user = get(body.get("metadata"), "user_id")
    return user if isinstance(user, str) else None


def cache_ttl(body: Mapping[str, Any]) -> str | None:
    """The longest life, `5m` or `1h`, that the request asks the cache for; `None` when it asks for none."""
    controls = cache_controls(body)
    if not controls:
        return None
    return "1h" if any(get(control, "ttl") == "1h" for control in controls) else "5m"


def cache_controls(body: Mapping[str, Any]) -> list[Any]:
    """The cache breakpoints of the request. At most four are allowed, so the search ends there."""
    control = body.get("cache_control")
    found = [] if control is None else [control]
    for part in (body.get("tools"), body.get("system")):
        if isinstance(part, (list, tuple)):
            found += controls_in(part)
    messages = body.get("messages")
    if isinstance(messages, (list, tuple)):
        # From the end: breakpoints of a conversation stand on its last turns.
        for message in reversed(messages):
            content = get(message, "content")
            if isinstance(content, (list, tuple)):
                found += controls_in(content)
                if len(found) >= 4:
                    break
    return found


def controls_in(blocks: Sequence[Any]) -> list[Any]:
    """The cache breakpoints of a list of blocks."""
    return [control for block in blocks if (control := get(block, "cache_control")) is not None]


def prefix_of(body: Mapping[str, Any], model: str) -> Prefix:
    """The hashes of the request's tools, system prompt, and the parameters that invalidate a cached prefix.

    https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching, "What invalidates the cache".
    """
    of = body.get
    parameters = (of("tool_choice"), of("thinking"), get(of("output_config"), "effort"), of("speed"))
    return Prefix(model, digest(of("tools")), digest(of("system")), "" if parameters == _NONE else digest(parameters))


_NONE = (None, None, None, None)

_digests: dict[tuple[int, int], str] = {}
_MOST_DIGESTS = 256


def digest(value: object) -> str:
    """A hash of `value` that is the same in every process, 16 hexadecimal digits; empty for nothing."""
    if not value:
        return ""
    data = plain_bytes(value)
    # Python's own hash is much cheaper than a cryptographic one, and a prompt is sent many times.
    key = (hash(data), len(data))
    known = _digests.get(key)
    if known is None:
        known = hashlib.blake2b(data, digest_size=8).hexdigest()
        if len(_digests) >= _MOST_DIGESTS:
            _digests.clear()
        _digests[key] = known
    return known


def plain_bytes(value: Any) -> bytes:
    """`value` as bytes: marshal's second format is fast and the same everywhere; what it cannot take becomes JSON."""
    try:
        return marshal.dumps(value, 2)
    except ValueError:
        return json.dumps(value, default=str, sort_keys=True).encode()


def timeout_of(client: Any, options: Any) -> float | None:
    """The read timeout in force, in seconds; `None` when there is none."""
    timeout = options.timeout
    if timeout is not None and not isinstance(timeout, (int, float)) and not hasattr(timeout, "read"):
        timeout = client.timeout
    timeout = getattr(timeout, "read", timeout)
    return float(timeout) if isinstance(timeout, (int, float)) else None
