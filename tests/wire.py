"""The Claude API as the SDK sees it, inside the process: an HTTP transport that answers from a script.

Answers have the API's wire format, JSON or server-sent events, or the event stream of Bedrock. A body is a list of
steps: bytes that are sent, an exception that is raised, or a number of seconds to wait. Works with either HTTP library
of the SDK, httpx before 1.0 and httpx2 since.
"""

from __future__ import annotations

import asyncio
import binascii
import json
import struct
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import anthropic
from anthropic import _base_client

http: Any = vars(_base_client).get("httpx2") or vars(_base_client)["httpx"]

Step = bytes | BaseException | float
"""One step of a body: bytes that are sent, an exception that is raised, or seconds to wait."""

HEADERS = {
    "request-id": "req_1",
    "anthropic-organization-id": "org_1",
    "anthropic-workspace-id": "wrkspc_1",
}

LIMITS = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "40",
    "anthropic-ratelimit-requests-reset": "2026-11-21T00:00:00Z",
    "anthropic-ratelimit-input-tokens-limit": "100000",
    "anthropic-ratelimit-input-tokens-remaining": "25000",
    "anthropic-ratelimit-input-tokens-reset": "2026-11-21T00:00:00Z",
}

USAGE = {
    "input_tokens": 10,
    "output_tokens": 7,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 20,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 0},
    "service_tier": "standard",
    "output_tokens_details": {"thinking_tokens": 2},
}

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": USAGE,
}

ASK: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 10,
    "messages": [{"role": "user", "content": "x"}],
}
"""The arguments of a call."""


def message(*, usage: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The answer to an unstreamed call, with these changes to its message and its usage."""
    return {**MESSAGE, "usage": {**USAGE, **(usage or {})}, **changes}


def start(**usage: Any) -> dict[str, Any]:
    """The first event of a stream: output is a placeholder yet."""
    placeholders = {**USAGE, "output_tokens": 1, "output_tokens_details": None}
    return {
        "type": "message_start",
        "message": {**MESSAGE, "content": [], "stop_reason": None, "usage": {**placeholders, **usage}},
    }


def text(*parts: str) -> list[dict[str, Any]]:
    """The events of a block of text."""
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}} for part in parts
    ]
    opened = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    return [opened, *deltas, {"type": "content_block_stop", "index": 0}]


def end(stop_reason: str = "end_turn", **usage: Any) -> dict[str, Any]:
    """The event with the final numbers."""
    final = {
        "input_tokens": 10,
        "output_tokens": 7,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "output_tokens_details": {"thinking_tokens": 2},
    }
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": {**final, **usage}}


STOP = {"type": "message_stop"}
EVENTS: list[dict[str, Any]] = [start(), {"type": "ping"}, *text("he", "llo"), end(), STOP]
"""A whole stream that says what `MESSAGE` does."""

BEGUN: list[dict[str, Any]] = EVENTS[:4]
"""A stream up to its first text."""


def sse(event: dict[str, Any]) -> bytes:
    """`event` as a server-sent one."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def aws(event: dict[str, Any]) -> bytes:
    """`event` as a message of the event stream that Bedrock answers with."""
    payload = json.dumps({"bytes": b64encode(json.dumps(event).encode()).decode()}).encode()
    headers = b"".join(
        struct.pack("!B", len(name)) + name + b"\x07" + struct.pack("!H", len(value)) + value
        for name, value in (
            (b":event-type", b"chunk"),
            (b":content-type", b"application/json"),
            (b":message-type", b"event"),
        )
    )
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack("!I", binascii.crc32(prelude))
    return prelude + headers + payload + struct.pack("!I", binascii.crc32(prelude + headers + payload))


class Body(http.SyncByteStream):  # type: ignore[misc]
    """A body that is read in steps."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for step in self.steps:
            if isinstance(step, BaseException):
                raise step
            if isinstance(step, bytes):
                yield step
            else:
                time.sleep(step)

    def close(self) -> None:
        self.closed = True


class AsyncBody(http.AsyncByteStream):  # type: ignore[misc]
    """A body that an async client reads in steps."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self.steps:
            if isinstance(step, BaseException):
                raise step
            if isinstance(step, bytes):
                yield step
            else:
                await asyncio.sleep(step)

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Answer:
    """One answer of the API: a body of JSON, or the steps of one that is read piece by piece."""

    json: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    steps: list[Step] | None = None
    wait: float = 0.0

    def content_type(self) -> str:
        """The type of the body."""
        return "application/json" if self.steps is None else "text/event-stream"


def error(
    status: int,
    kind: str = "api_error",
    message: str = "told",
    code: str | None = None,
    retry_ms: int | None = 1,
    **headers: str,
) -> Answer:
    """An answer that is an error."""
    told: dict[str, Any] = {"type": kind, "message": message}
    if code is not None:
        told["details"] = {"error_code": code}
    hurry = {} if retry_ms is None else {"retry-after-ms": str(retry_ms)}
    return Answer({"type": "error", "error": told}, status, {**hurry, **headers})


def stream(*parts: dict[str, Any] | Step) -> Answer:
    """An answer that streams these events and steps."""
    return Answer(steps=[sse(part) if isinstance(part, dict) else part for part in parts])


Scripted = Answer | BaseException | Callable[[Any], Answer]


class Wire(http.BaseTransport, http.AsyncBaseTransport):  # type: ignore[misc]
    """Answers each request with the next of its script, and with a whole message when that has run out."""

    def __init__(self, *script: Scripted, during: Callable[[], None] | None = None) -> None:
        self.script = list(script)
        self.requests: list[Any] = []
        self.bodies: list[Any] = []
        self._during = during

    def handle_request(self, request: Any) -> Any:
        """The answer to a request of a sync client."""
        request.read()
        answer = self._next(request)
        if answer.wait:
            time.sleep(answer.wait)
        return self._response(request, answer, Body)

    async def handle_async_request(self, request: Any) -> Any:
        """The answer to a request of an async client."""
        await request.aread()
        answer = self._next(request)
        if answer.wait:
            await asyncio.sleep(answer.wait)
        return self._response(request, answer, AsyncBody)

    def _next(self, request: Any) -> Answer:
        self.requests.append(request)
        if self._during is not None:
            self._during()
        if not self.script:
            return default(request)
        scripted = self.script.pop(0)
        if isinstance(scripted, BaseException):
            raise scripted
        return scripted(request) if callable(scripted) else scripted

    def _response(self, request: Any, answer: Answer, body: type[Any]) -> Any:
        headers = {**HEADERS, "content-type": answer.content_type(), **answer.headers}
        steps = answer.steps
        if steps is None:
            steps = [answer.json if isinstance(answer.json, bytes) else json.dumps(answer.json).encode()]
        self.bodies.append(body(steps))
        return http.Response(answer.status, headers=headers, stream=self.bodies[-1], request=request)


def default(request: Any) -> Answer:
    """What the API answers to a request that asks for nothing special."""
    path = request.url.path
    if path.endswith(("/count_tokens", "count-tokens:rawPredict")):
        return Answer({"input_tokens": 42})
    if path.endswith("/invoke-with-response-stream"):
        return Answer(steps=[aws(event) for event in EVENTS])
    asked = json.loads(request.content) if request.content else {}
    return stream(*EVENTS) if asked.get("stream") else Answer(MESSAGE)


def client(*script: Scripted, wire: Wire | None = None, **options: Any) -> Any:
    """A client of the SDK, whose requests are answered by `script`."""
    transport = wire or Wire(*script)
    return anthropic.Anthropic(api_key="key", http_client=http.Client(transport=transport), **options)


def async_client(*script: Scripted, wire: Wire | None = None, **options: Any) -> Any:
    """An async client of the SDK, whose requests are answered by `script`."""
    transport = wire or Wire(*script)
    return anthropic.AsyncAnthropic(api_key="key", http_client=http.AsyncClient(transport=transport), **options)
