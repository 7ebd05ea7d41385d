"""What a request is, and by which way of the SDK it was made, from its options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

Operation = Literal["chat", "count_tokens", "create_batch", "retrieve_batch", "batch_results"]

_PATH = re.compile(r"(?:^|[/:])v1/messages(/count_tokens|/batches(?:/([^/?]+)(/results)?)?)?$")


def operation_of(options: Any) -> tuple[Operation, str | None] | None:
    """What a request is, and the id of its batch; `None` for one that is not recorded."""
    url, method = options.url, options.method.lower()
    if url == "/v1/messages" and method == "post":
        return _CHAT
    if "v1/messages" not in url:
        return None
    match = _PATH.search(url.partition("?")[0])
    if match is None:
        return None
    rest, batch_id, results = match.groups()
    if method == "post" and batch_id is None:
        return {None: "chat", "/count_tokens": "count_tokens"}.get(rest, "create_batch"), None  # type: ignore[return-value]
    if method == "get" and batch_id is not None:
        return ("batch_results" if results else "retrieve_batch"), batch_id
    return None


_CHAT: tuple[Operation, None] = ("chat", None)


def method_of(options: Any, operation: Operation) -> str:
    """The way into the SDK, from the headers in which it says so itself."""
    # Options of older versions of the SDK lack some: of a model's attribute, that is costly to find out.
    of = vars(options).get
    headers, qualifiers = of("headers"), of("qualifiers")
    # Since 1.14 every method of the SDK names its span.
    plain = _METHODS[operation] if of("span_name", "") is not None else str(options.method).lower()
    if not headers and not qualifiers and "?" not in options.url:
        return plain
    told: dict[str, str] = {}
    if headers and (type(headers) is dict or isinstance(headers, Mapping)):
        for key, value in headers.items():
            if tells_way(key):
                told[key.lower()] = str(value)
    beta = "beta=true" in options.url or (bool(qualifiers) and qualifiers.get("beta") == "true")
    way = _helper(told) or plain
    if not told:
        return f"beta.{way}" if beta else way
    # "true" is what raw responses said before 1.0.
    raw = _RAW.get(told.get("x-stainless-raw-response", ""), "")
    return f"{raw}{'beta.' if beta else ''}{way}"


def tells_way(name: object) -> bool:
    """Whether a header of this name tells by which way of the SDK a request was made. Most requests have none."""
    return isinstance(name, str) and name[:11] in ("X-Stainless", "x-stainless")


_RAW = {"raw": "raw.", "true": "raw.", "stream": "streaming."}

_METHODS: dict[Operation, str] = {
    "chat": "create",
    "count_tokens": "count_tokens",
    "create_batch": "batches.create",
    "retrieve_batch": "batches.retrieve",
    "batch_results": "batches.results",
}


def _helper(told: Mapping[str, str]) -> str:
    """The helper of the SDK that made the request; empty for none."""
    if told:
        helper = told.get("x-stainless-helper", "")
        if "BetaToolRunner" in helper:
            return "tool_runner"
        if "message-thread" in helper:
            return "thread"
        if told.get("x-stainless-helper-method") == "stream" or "x-stainless-stream-helper" in told:
            return "stream"
        if "messages.parse" in helper:
            return "parse"
    return ""
