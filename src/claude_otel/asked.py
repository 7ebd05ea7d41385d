"""What a call asks for, read from the SDK's request options. Scalars only: no content is kept."""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from claude_otel.usage import SHORT, get, text


class Asked:
    """The request of a call, as far as the record needs it. Calls that ask for the same may share one.

    The hashes are local: `tools`, `system` and `parameters` are what a change of makes the cache miss.
    """

    timeout: float | None = None
    max_retries: int | None = None
    max_tokens: int | None = None
    effort: str | None = None
    service_tier: str | None = None
    thinking_type: str | None = None
    thinking_budget: int | None = None
    task_budget: int | None = None
    tools: int = 0
    json_output: bool = False
    betas: tuple[str, ...] = ()
    batch_requests: int | None = None
    user: str | None = None
    cache_ttl: str | None = None
    prefix: Prefix | None = None
    told: dict[str, Any] | None = None
    """Its attributes, once they have been worked out."""


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
    of = vars(options).get
    body, extra = of("json_data"), of("extra_json")
    # The abstract class is asked last: it takes as long as ten other looks.
    body = body if type(body) is dict or isinstance(body, Mapping) else {}
    return {**body, **extra} if extra and isinstance(extra, Mapping) else body


def model_of(options: Any) -> str | None:
    """The model that the request asks for."""
    return text(body_of(options).get("model"))


def betas_of(headers: object) -> tuple[str, ...]:
    """The betas in the `headers` that a request itself sets."""
    if not (type(headers) is dict or isinstance(headers, Mapping)):
        return ()
    names = names_of_betas(tuple(headers))
    if not names:
        return ()
    value = next((headers[name] for name in names if isinstance(headers[name], str)), "")
    return tuple(beta.strip()[:SHORT] for beta in value.split(",") if beta.strip())


@lru_cache(maxsize=100)
def names_of_betas(names: tuple[object, ...]) -> tuple[str, ...]:
    """Those of the `names` of headers that name betas."""
    return tuple([name for name in names if isinstance(name, str) and name.lower() == "anthropic-beta"])


def read(client: Any, options: Any, operation: str, model: str | None) -> Asked:
    """What the prepared `options` of a request of `client` ask for."""
    timeout, max_retries = timeout_of(client, options), options.max_retries
    # The SDK's mark for what is not given is falsy.
    if type(max_retries) is not int and not max_retries:
        max_retries = client.max_retries
    body, headers, extra = map(vars(options).get, ("json_data", "headers", "extra_json"))
    if extra or type(body) is not dict:
        body = body_of(options)
    of = body.get
    if operation != "chat":
        asked = Asked()
        asked.timeout, asked.max_retries = timeout, max_retries
        if operation == "create_batch" and isinstance(requests := of("requests"), (list, tuple)):
            asked.batch_requests = len(requests)
        return asked
    max_tokens, tools, system = of("max_tokens"), of("tools"), of("system")
    texts = key_of_texts(system) if type(system) is list else digest(system) if system else ""
    key = (
        timeout, max_retries, max_tokens if type(max_tokens) is int else None,
        len(tools) if tools and isinstance(tools, (list, tuple)) else 0,
        digest(tools) if tools else "", betas_of(headers) if headers else (), model, cache_ttl(body), texts,
    )  # fmt: skip
    is_plain = texts is not None and PLAIN.issuperset(body)
    known = _known.get(key) if is_plain else None
    if known is not None:
        return known
    asked = Asked()
    asked.timeout, asked.max_retries, asked.max_tokens, asked.tools, hashed, asked.betas, _, ttl, _ = key
    hashed_system, system_ttl = system_of(system, texts)
    asked.cache_ttl = "1h" if system_ttl == "1h" else ttl or system_ttl
    parameters = "" if is_plain else read_the_rest(asked, of)
    asked.prefix = Prefix(model or "", hashed, hashed_system, parameters)
    if is_plain:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[key] = asked
    return asked


_known: dict[tuple[Any, ...], Asked] = {}
_MOST_KNOWN = 256


PLAIN = frozenset(
    {
        "model",
        "max_tokens",
        "messages",
        "system",
        "tools",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "cache_control",
    }
)
"""The fields that most requests have no others than."""


def read_the_rest(asked: Asked, of: Callable[[str], Any]) -> str:
    """Notes what few requests ask for, and gives the hash of what the cache goes by among it."""
    effort = None
    thinking = of("thinking")
    if (output := of("output_config")) is not None:
        effort = get(output, "effort")
        asked.effort = text(effort)
        asked.task_budget = integer(get(get(output, "task_budget"), "total"))
    if thinking is not None:
        asked.thinking_type = text(get(thinking, "type"))
        asked.thinking_budget = integer(get(thinking, "budget_tokens"))
    form = of("output_format") if output is None else get(output, "format") or of("output_format")
    if form is not None:
        asked.json_output = get(form, "type") == "json_schema"
    if (tier := of("service_tier")) is not None:
        asked.service_tier = text(tier)
    if (metadata := of("metadata")) is not None:
        asked.user = user_of(metadata)
    # https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching, "What invalidates the cache".
    choice, speed = of("tool_choice"), of("speed")
    plain = choice is None and thinking is None and effort is None and speed is None
    return "" if plain else digest((choice, thinking, effort, speed))


def user_of(metadata: Any) -> str | None:
    """`user_id` of the request's metadata. It leaves the process as a keyed hash only."""
    user = get(metadata, "user_id")
    return user if isinstance(user, str) else None


def system_of(system: Any, key: Any) -> tuple[str, str | None]:
    """The hash of a system prompt, and the longest life that it asks the cache for; `key` is what it is known by."""
    known = None if key is None else _systems.get(key)
    if known is None:
        found: list[Any] = []
        if isinstance(system, (list, tuple)):
            add_controls(system, found)
        known = digest(system), longest(found)
        if key is not None:
            if len(_systems) >= _MOST_DIGESTS:
                _systems.clear()
            _systems[key] = known
    return known


_systems: dict[object, tuple[str, str | None]] = {}


def cache_ttl(body: Mapping[str, Any]) -> str | None:
    """The longest life, `5m` or `1h`, that the request asks the cache for outside of its system prompt; else `None`."""
    of = body.get
    found: list[Any] = []
    if (control := of("cache_control")) is not None:
        found.append(control)
    tools, messages = of("tools"), of("messages")
    if tools and isinstance(tools, (list, tuple)):
        add_controls(tools, found)
    if isinstance(messages, (list, tuple)) and not are_texts(messages):
        # From the end: breakpoints of a conversation stand on its last turns.
        for message in reversed(messages):
            content = message.get("content") if type(message) is dict else get(message, "content")
            if type(content) is not str and isinstance(content, (list, tuple)):
                add_controls(content, found)
                # At most four are allowed.
                if len(found) >= 4:
                    break
    return longest(found) if found else None


def are_texts(messages: Sequence[Any]) -> bool:
    """Whether the content of each of `messages` is a text, and so no block with a breakpoint."""
    try:
        return _TEXT.issuperset(map(type, map(_CONTENT, messages)))
    except (KeyError, TypeError):
        return False


_TEXT = frozenset({str})
_CONTENT = itemgetter("content")


def longest(controls: list[Any]) -> str | None:
    """The longest life that cache breakpoints ask for; `None` without any."""
    for control in controls:
        if get(control, "ttl") == "1h":
            return "1h"
    return "5m" if controls else None


def add_controls(blocks: Sequence[Any], found: list[Any]) -> None:
    """Adds the cache breakpoints of a list of blocks to `found`."""
    for block in blocks:
        control = block.get("cache_control") if isinstance(block, dict) else getattr(block, "cache_control", None)
        if control is not None:
            found.append(control)


_digests: dict[tuple[object, ...], str] = {}
_MOST_DIGESTS = 256


def digest(value: object) -> str:
    """A hash of `value` that is the same in every process, 16 hexadecimal digits; empty for nothing."""
    if not value:
        return ""
    key: tuple[object, ...] | None = None
    data = b""
    if type(value) is str:
        key = (hash(value), len(value), "text")
    elif type(value) is list:
        key = key_of_texts(value)
    if key is None:
        data = plain_bytes(value)
        key = (hash(data), len(data))
    known = _digests.get(key)
    if known is None:
        known = hashlib.blake2b(data or plain_bytes(value), digest_size=8).hexdigest()
        if len(_digests) >= _MOST_DIGESTS:
            _digests.clear()
        _digests[key] = known
    return known


_FEW = 8
_EPHEMERAL = {"type": "ephemeral"}


def key_of_texts(blocks: list[Any]) -> tuple[object, ...] | None:
    """What the few text `blocks` of a system prompt are known by, `None` for many, or when one is of another form.

    Python's own hash is much cheaper than a cryptographic one, and kept with a text, which is sent many times.
    """
    key: list[object] = []
    if len(blocks) > _FEW:
        return None
    for block in blocks:
        if type(block) is not dict or block.get("type") != "text":
            return None
        text, control = block.get("text"), block.get("cache_control")
        if type(text) is not str or len(block) != (2 if control is None else 3):
            return None
        told = "" if control == _EPHEMERAL else None if control is None else plain_bytes(control)
        key += (hash(text), len(text), told)
    return tuple(key)


def plain_bytes(value: Any) -> bytes:
    """`value` as bytes: marshal's second format is fast and the same everywhere; what it cannot take becomes JSON."""
    try:
        return marshal.dumps(value, 2)
    except ValueError:
        return json.dumps(value, default=str, sort_keys=True).encode()


def timeout_of(client: Any, options: Any) -> float | None:
    """The read timeout in force, in seconds; `None` when there is none."""
    timeout = options.timeout
    if type(timeout) is float:
        return timeout
    if timeout is not None and not isinstance(timeout, int):
        timeout = timeout if hasattr(timeout, "read") else client.timeout
        timeout = getattr(timeout, "read", timeout)
        if type(timeout) is float:
            return timeout
    return float(timeout) if isinstance(timeout, (int, float)) else None
