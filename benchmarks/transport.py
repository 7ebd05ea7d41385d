"""A Claude API in the process: one answer, ready as bytes, so that a benchmark times the SDK and us and no network."""

from __future__ import annotations

import json
from typing import Any

MODEL = "claude-opus-5-5"
LONG, SHORT = 500, 10
"""Text deltas of a stream: as many as tokens are asked for."""
REQUEST: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": LONG,
    "system": [{"type": "text", "text": "You sell tea. " * 50, "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "Is green tea in stock?"}],
}
USAGE = {
    "input_tokens": 12,
    "output_tokens": 500,
    "cache_read_input_tokens": 4000,
    "cache_creation_input_tokens": 200,
    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 0},
    "service_tier": "standard",
    "inference_geo": "global",
    "output_tokens_details": {"thinking_tokens": 100},
}
USD = 12 * 4e-6 + 4000 * 0.2e-6 + 200 * 5e-6 + 500 * 20e-6
"""The bill of one call at the list price of the model: input 4, cache read 0.20, 5m write 5, output 20 USD per MTok."""

MESSAGE = {
    "id": "msg_bench",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [{"type": "text", "text": "Yes, it is."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": USAGE,
}
HEADERS = {
    "request-id": "req_bench",
    "anthropic-organization-id": "org_bench",
    "anthropic-workspace-id": "wrkspc_bench",
    **{
        f"anthropic-ratelimit-{kind}-{part}": value
        for kind in ("requests", "tokens", "input-tokens", "output-tokens")
        for part, value in (("limit", "4000"), ("remaining", "3990"), ("reset", "2026-11-21T00:00:00Z"))
    },
}


def events(deltas: int) -> bytes:
    """A stream with so many text deltas."""
    start = {**MESSAGE, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}
    listed: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *[{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "tea "}}] * deltas,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 500}},
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in listed)


def client(**options: Any) -> Any:
    """A client of the API in the process, of the `anthropic` that is imported now."""
    import anthropic
    from anthropic import _base_client

    http: Any = vars(_base_client).get("httpx2") or vars(_base_client)["httpx"]
    message, streams = json.dumps(MESSAGE).encode(), {deltas: events(deltas) for deltas in (SHORT, LONG)}

    def answer(request: Any) -> Any:
        asked = json.loads(request.content)
        if asked.get("stream"):
            content = streams[asked["max_tokens"]]
            return http.Response(200, headers={**HEADERS, "content-type": "text/event-stream"}, content=content)
        return http.Response(200, headers={**HEADERS, "content-type": "application/json"}, content=message)

    transport = http.MockTransport(answer)
    return anthropic.Anthropic(api_key="none", http_client=http.Client(transport=transport), **options)


def create(api: Any) -> None:
    """One unstreamed call."""
    api.messages.create(**REQUEST)


def stream(api: Any, deltas: int = LONG) -> None:
    """One streamed call."""
    for _ in api.messages.create(**{**REQUEST, "max_tokens": deltas}, stream=True):
        pass


def short_stream(api: Any) -> None:
    """One streamed call with a short answer, which costs what a longer one does but for its events."""
    stream(api, SHORT)


def helper(api: Any) -> None:
    """One call by the stream helper."""
    with api.messages.stream(**REQUEST) as events:
        events.until_done()
