"""The events a message is streamed as, and their bytes as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .jsontypes import JSON, canonical

MAXIMUM_DELTAS = 40
SHORTEST_DELTA = 16
ONLY_AT_START = ("cache_creation", "service_tier", "inference_geo", "speed")
PING: JSON = {"type": "ping"}


def events_of(message: JSON, start: JSON) -> Iterator[JSON]:
    """The events of a message, in order; a ping follows the first `content_block_start`."""
    yield {"type": "message_start", "message": start}
    if not message["content"]:
        yield PING
    for index, block in enumerate(message["content"]):
        opened, deltas = block_events(block)
        yield {"type": "content_block_start", "index": index, "content_block": opened}
        if index == 0:
            yield PING
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield message_delta(message)
    yield {"type": "message_stop"}


def message_delta(message: JSON) -> JSON:
    """The event that tells why the message ends, and its usage: cumulative, without what only the start has."""
    delta = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    usage = {name: value for name, value in message["usage"].items() if name not in ONLY_AT_START}
    return {"type": "message_delta", "delta": delta, "usage": usage}


def block_events(block: JSON) -> tuple[JSON, list[JSON]]:
    """A block as it opens, and the deltas that fill it."""
    fill = FILLED_BY_DELTAS.get(block["type"])
    return fill(block) if fill else (block, [])


def _text(block: JSON) -> tuple[JSON, list[JSON]]:
    citations = block.get("citations")
    opened: JSON = {"type": "text", "text": ""}
    if citations is None:
        return opened, [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    cited = [{"type": "citations_delta", "citation": citation} for citation in citations]
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    return {"citations": [], **opened}, [*cited, *deltas]


def _thinking(block: JSON) -> tuple[JSON, list[JSON]]:
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
    signed = {"type": "signature_delta", "signature": block["signature"]}
    return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]


def _tool_use(block: JSON) -> tuple[JSON, list[JSON]]:
    parts = ["", *pieces(json.dumps(block["input"], ensure_ascii=False))]
    deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
    return {**block, "input": {}}, deltas


def _compaction(block: JSON) -> tuple[JSON, list[JSON]]:
    delta = {**block, "type": "compaction_delta"}
    return {"type": "compaction", "content": None, "encrypted_content": None}, [delta]


FILLED_BY_DELTAS = {
    "text": _text,
    "thinking": _thinking,
    "tool_use": _tool_use,
    "server_tool_use": _tool_use,
    "compaction": _compaction,
}


def pieces(text: str) -> list[str]:
    """A text in the pieces it is streamed in: of sixteen characters, longer where that would make too many."""
    size = max(SHORTEST_DELTA, -(-len(text) // MAXIMUM_DELTAS))
    return [text[at : at + size] for at in range(0, len(text), size)]


def delta_text(event: JSON) -> str:
    """The generated text an event carries, of whatever kind."""
    delta = event.get("delta") or {}
    return str(delta.get("text") or delta.get("thinking") or delta.get("partial_json") or "")


def sse(event: JSON) -> bytes:
    """An event as the Claude API writes it."""
    return f"event: {event['type']}\ndata: {canonical(event)}\n\n".encode()
