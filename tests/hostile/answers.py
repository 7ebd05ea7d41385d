"""Hostile answers: valid ones with their fields, bytes, headers and pieces changed. A `Random` decides everything."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import wire

Kind = Literal["message", "stream", "count", "batch", "results", "models"]
"""What an answer was before it was changed."""

Break = Literal["", "read", "protocol", "timeout"]
"""What cuts the connection after the last piece."""

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Answer:
    """One answer as it comes over the wire."""

    status: int
    headers: Headers
    pieces: tuple[bytes, ...]
    breaks: Break = ""

    @property
    def digest(self) -> bytes:
        """The same for the same answer only."""
        return hashlib.blake2b(repr(self).encode(), digest_size=16).digest()


# Values.

DEEP, DIGITS = "<deep>", "<digits>"
"""Stand for what `json.dumps` cannot write: 20,000 nested lists, and a number of 5,000 digits."""

NUMBERS: tuple[Any, ...] = (
    0, 1, 7, -1, -1000, 1.5, -0.0, 1e308, float("nan"), float("inf"), float("-inf"),
    2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**12, 10**13, 10**30, 10**400, -(10**400), DIGITS,
)  # fmt: skip
TEXTS = ("", "0", "12", "none", "other", "x" * 300, "\ud800", "a\udfffb", "\0", "\u202e", "🦀", "é" * 150, DEEP, "\r\n")
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], [1, "2"], {"type": []}, {"type": None}, {"": {}})
VALUES = (*NUMBERS, *TEXTS, *OTHERS)

STOP_REASONS = ("end_turn", "max_tokens", "tool_use", "refusal", "pause_turn", "stop_sequence", "bored", "compaction")
BLOCKS: tuple[Any, ...] = (
    {"type": "text", "text": "hi", "citations": [{"type": "unheard_of"}]},
    {"type": "thinking", "thinking": "hm", "signature": "s"},
    {"type": "redacted_thinking", "data": "d"},
    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
    {"type": "fallback", "from": {"model": "claude-opus-5-5"}, "to": {"model": "claude-sonnet-5-5"}},
    {"type": "compaction", "content": "short"},
    {"type": "unheard_of", "what": 1},
    {"no": "type"},
)
DELTAS: tuple[Any, ...] = (
    {"type": "text_delta", "text": "tea"},
    {"type": "thinking_delta", "thinking": "hm"},
    {"type": "signature_delta", "signature": "s"},
    {"type": "input_json_delta", "partial_json": '{"a": '},
    {"type": "citations_delta", "citation": {"type": "char_location"}},
    {"type": "compaction_delta", "content": "short"},
    {"type": "unheard_of"},
    {},
)
ITERATIONS: tuple[Any, ...] = (
    {"type": "message", "input_tokens": 5, "output_tokens": 6},
    {"type": "compaction", "input_tokens": 50, "output_tokens": 60, "cache_read_input_tokens": 2},
    {"type": "advisor_message", "model": "claude-opus-5-5", "input_tokens": 1, "output_tokens": 2},
    {"type": "fallback_message", "model": "claude-sonnet-5-5", "input_tokens": 3, "output_tokens": 4},
    {"type": "unheard_of", "input_tokens": 1},
)
FULL_USAGE: dict[str, Any] = {
    **wire.USAGE,
    "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 2},
    "inference_geo": "us",
    "speed": "standard",
}
TIERS = ("standard", "priority", "batch", "flex", "unheard_of")
ERROR_TYPES = ("invalid_request_error", "rate_limit_error", "overloaded_error", "api_error", "billing_error", "new_one")
ERROR_CODES = (
    "enforced_spend_limit_reached",
    "credit_balance_too_low",
    "ramp_limit",
    "Not A Code",
    "n" * 100,
    "new_one",
)
DIAGNOSES = ("model_changed", "tools_changed", "unavailable", "unheard_of")


def value(chance: Random) -> Any:
    """Any value but the one that is expected."""
    return chance.choice(VALUES) if chance.random() < 0.9 else chance.randrange(-(2**70), 2**70)


def usage(chance: Random) -> Any:
    """The usage of an answer, with some of its numbers changed."""
    made = json.loads(json.dumps(FULL_USAGE))
    if chance.random() < 0.3:
        made["iterations"] = [dict(chance.choice(ITERATIONS)) for _ in range(chance.randrange(4))]
    if chance.random() < 0.3:
        made["service_tier"] = chance.choice(TIERS)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        part = chance.choice([made, *(inner for inner in made.values() if isinstance(inner, dict))])
        if part:
            part[chance.choice(list(part))] = chance.choice(NUMBERS) if chance.random() < 0.7 else value(chance)
    return made if chance.random() < 0.95 else value(chance)


def message(chance: Random) -> dict[str, Any]:
    """A message, unlike the API's in a few things."""
    made: dict[str, Any] = {**wire.MESSAGE, "id": f"msg_{chance.randrange(10**6)}", "usage": usage(chance)}
    if chance.random() < 0.3:
        made["content"] = [chance.choice(BLOCKS) for _ in range(chance.randrange(4))]
    if chance.random() < 0.3:
        made["stop_reason"] = chance.choice(STOP_REASONS)
    if chance.random() < 0.1:
        made["stop_details"] = {"type": "refusal", "category": chance.choice(("cyber", *TEXTS))}
    if chance.random() < 0.1:
        reason = {"type": chance.choice(DIAGNOSES), "cache_missed_input_tokens": chance.choice(NUMBERS)}
        made["diagnostics"] = {"cache_miss_reason": reason}
    return made


def error(chance: Random) -> dict[str, Any]:
    """The body of an error."""
    told: dict[str, Any] = {
        "type": chance.choice(ERROR_TYPES),
        "message": chance.choice(("told", "Your credit balance is too low")),
    }
    if chance.random() < 0.5:
        told["details"] = {"error_code": chance.choice(ERROR_CODES)}
    made: dict[str, Any] = {"type": "error", "error": told, "request_id": "req_2"}
    return mutated(chance, made) if chance.random() < 0.6 else made


def batch(chance: Random) -> dict[str, Any]:
    """A batch that has ended."""
    identity = f"msgbatch_{chance.randrange(10**9)}"
    return {
        "id": identity,
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": {"processing": 0, "succeeded": 1, "errored": 1, "canceled": 0, "expired": 0},
        "created_at": "2026-11-21T00:00:00Z",
        "expires_at": "2026-11-22T00:00:00Z",
        "results_url": f"https://api.anthropic.com/v1/messages/batches/{identity}/results",
    }


def row(chance: Random) -> dict[str, Any]:
    """One result of a batch."""
    kind = chance.choice(("succeeded", "succeeded", "succeeded", "errored", "expired", "unheard_of"))
    result: dict[str, Any] = {"type": kind}
    if kind == "succeeded":
        result["message"] = message(chance)
    elif kind == "errored":
        result["error"] = error(chance)
    return {"custom_id": str(chance.randrange(100)), "result": result}


# Changes of a structure.


def mutated(chance: Random, data: Any) -> Any:
    """`data` with one thing in it changed, at any depth."""
    if isinstance(data, dict) and data and chance.random() < 0.8:
        key = chance.choice(list(data))
        return in_object(chance, data, key) if chance.random() < 0.5 else {**data, key: mutated(chance, data[key])}
    if isinstance(data, list) and data and chance.random() < 0.8:
        at = chance.randrange(len(data))
        before, item, after = data[:at], data[at], data[at + 1 :]
        return [*before, *chance.choice(([], [item, item], [mutated(chance, item)], [value(chance)])), *after]
    return value(chance)


def in_object(chance: Random, data: dict[str, Any], key: str) -> dict[str, Any]:
    """`data` with its field `key` gone, renamed, wrapped, doubled under another name, or with another value."""
    rest = {name: item for name, item in data.items() if name != key}
    return chance.choice(
        (
            rest,
            {**rest, f"{key}x": data[key]},
            {**data, key: [data[key]]},
            {**data, key: {key: data[key]}},
            {**data, key: str(data[key])},
            {**data, chance.choice(("type", "usage", "id", "unheard_of")): data[key]},
            {**data, key: value(chance)},
            {**data, key: value(chance)},
        )
    )


def encoded(chance: Random, data: Any) -> bytes:
    """`data` as JSON, with what only JSON can say."""
    written = json.dumps(data, indent=chance.choice((None, None, None, 1))).encode()
    if chance.random() < 0.05:
        # The last of two fields of one name counts, and the first is there too.
        written = written.replace(b'"usage"', b'"usage": {"input_tokens": -5}, "usage"', 1)
    if DEEP in str(data):
        written = written.replace(json.dumps(DEEP).encode(), b"[" * 20_000 + b"]" * 20_000)
    if DIGITS in str(data):
        written = written.replace(json.dumps(DIGITS).encode(), b"9" * 5_000)
    return written


# Streams.

EXTRA: tuple[dict[str, Any], ...] = (
    {"type": "ping"},
    {"type": "unheard_of", "what": 1},
    {"type": "message_stop"},
    {"type": "message_start"},
    {"type": "message_delta"},
    {"type": "content_block_start"},
    {"type": "content_block_delta"},
    {"type": "content_block_stop"},
    {"type": "content_block_stop", "index": -1},
    {"type": None},
    {"type": ["message_stop"]},
    {"type": {"message_stop": 1}},
    {},
)


def events(chance: Random) -> list[Any]:
    """The events of a stream, some of them changed, lost, doubled or out of order."""
    opened = {**message(chance), "content": [], "stop_reason": None}
    made: list[Any] = [{"type": "message_start", "message": opened}]
    for index in range(chance.choice((1, 1, 1, 2, 3))):
        block, several = chance.choice(({"type": "text", "text": ""}, *BLOCKS)), chance.randrange(4)
        made.append({"type": "content_block_start", "index": index, "content_block": block})
        made += [
            {"type": "content_block_delta", "index": index, "delta": chance.choice((DELTAS[0], *DELTAS))}
            for _ in range(several)
        ]
        made.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": chance.choice(STOP_REASONS), "stop_sequence": None}
    made += [{"type": "message_delta", "delta": ended, "usage": usage(chance)}, {"type": "message_stop"}]
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        made = rearranged(chance, made)
    return made


def rearranged(chance: Random, made: list[Any]) -> list[Any]:
    """`made` with one change to it."""
    at = chance.randrange(len(made) + 1)
    here = made[at : at + 1]
    return chance.choice(
        (
            lambda: made[:at] + made[at + 1 :],
            lambda: made[:at] + here + here + made[at + 1 :],
            lambda: made[:at] + [mutated(chance, item) for item in here] + made[at + 1 :],
            lambda: made[:at] + [mutated(chance, item) for item in here] + made[at + 1 :],
            lambda: [*made[:at], chance.choice(EXTRA), *made[at:]],
            lambda: [*made[:at], error(chance), *made[at:]],
            lambda: made[:at],
            lambda: made[at:] + made[:at],
            # Of two streams in turns: what one connection gives to two calls.
            lambda: [item for pair in zip(made, made[::-1], strict=True) for item in pair],
            lambda: made + made,
            lambda: [*made, value(chance)],
        )
    )()


def event_stream(chance: Random) -> bytes:
    """Server-sent events, some of them not as the specification has them."""
    end = chance.choice((b"\n", b"\n", b"\n", b"\r\n", b"\r"))
    parts = [event(chance, item, end) for item in events(chance)]
    if chance.random() < 0.15:
        parts.insert(chance.randrange(len(parts) + 1), chance.choice(LINES) + end * chance.choice((0, 1, 2)))
    return b"".join(parts)


LINES = (
    b": a comment", b"data", b"data:", b"data: ", b"event: message_start", b"event", b"id: \x00", b"id: 7",
    b"retry: soon", b"retry: 10", b"data: {", b"data: [1", b"data: \xff\xfe", b"\xef\xbb\xbfdata: {}",
    b"unheard_of: 1", b"event: error", b"event: error\ndata: overloaded", b"event: ping\ndata: {",
    b'data:{"type": "message_stop"}', b"\n\n\n\n", b"data: null", b"event: message_stop\ndata: []",
    b'event: message_delta\ndata: "text"', b"data: " + b"x" * 70_000,
)  # fmt: skip


def event(chance: Random, data: Any, end: bytes) -> bytes:
    """One event, whose name may not be that of its data."""
    kind = data.get("type") if isinstance(data, dict) else None
    name = kind if isinstance(kind, str) and kind.isprintable() and kind.isascii() else "message_delta"
    if chance.random() < 0.03:
        name = chance.choice(("message_stop", "error", "unheard_of", "", "completion", "ping"))
    text = encoded(chance, data)
    lines = [b"event: " + name.encode(), *(b"data: " + line for line in text.split(b"\n"))]
    if chance.random() < 0.03:
        chance.shuffle(lines)
    return end.join(lines) + end * (2 if chance.random() < 0.99 else 1)


# Changes of bytes.

JUNK = (
    b"\xff", b"\xfe\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f", b"\x00", b"\xef\xbb\xbf", b"\r", b"\n", b"\n\n",
    b"\r\n\r\n", b'"', b"\\", b"{", b"}", b"]", b",", b"\\ud83d", b"\\u0000", b"\x1f\x8b", b"\xe2\x80\xa8", b"\x85",
    b"\x1c", b"\x0b",
)  # fmt: skip
BODIES = (
    b"", b" ", b"\n", b"null", b"[]", b"{}", b'""', b"0", b"-1", b"true", b"NaN", b'"text"', b"{", b"[",
    b"<html>Bad gateway</html>", b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"\x00\x00\x00{", b"[" * 20_000,
    b"9" * 5_000, b'{"usage": {}}', b'{"type": "error"}', b'{"error": null}', b'{"error": "text"}',
    b'{"error": {"type": ["x"], "details": [1]}}', b'{"input_tokens": -1}',
    b'{"usage": [{"input_tokens": 1}], "id": 5}', b'{"id": "msg_1", "usage": {"input_tokens": 1e3}}', b"data: {}\n\n",
)  # fmt: skip


def spoiled(chance: Random, body: bytes) -> bytes:
    """`body` with one change to its bytes."""
    start = chance.randrange(len(body) + 1)
    end = min(len(body), start + chance.randrange(40))
    return chance.choice(
        (
            lambda: body[:start],
            lambda: body[start:],
            lambda: body[:start] + body[end:],
            lambda: body[:end] + body[start:],
            lambda: body[:start] + chance.choice(JUNK) + body[start:],
            lambda: body[:start] + chance.choice(JUNK) + body[end:],
            lambda: body[:start] + bytes(chance.randrange(256) for _ in range(chance.randrange(1, 6))) + body[end:],
            lambda: chance.choice(BODIES),
            lambda: body + body,
            lambda: body.decode("utf-8", "replace").encode("utf-16", "replace"),
        )
    )()


def pieces(chance: Random, body: bytes) -> tuple[bytes, ...]:
    """`body` as it comes over the wire: at once, or cut anywhere."""
    if not body or chance.random() < 0.5:
        return (body,) if body or chance.random() < 0.5 else ()
    cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.choice((1, 2, 3, 10, 40))))
    return tuple(body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True))


# Headers.

TYPES = (
    b"", b"text/html", b"application/json; charset=utf-16", b"application/json; charset=none",
    b"text/event-stream; x=\xff", b"application/x-ndjson", b"json", b";", b"application/vnd.amazon.eventstream",
)  # fmt: skip
NUMBERS_IN_HEADERS = (
    b"", b"0", b"-1", b"1.5", b"soon", b"9" * 15, b"9" * 16, b"9" * 400, b"1e9", b"\xb2", b"\xd9\xa3", b" 7 ", b"4000",
    b"NaN", b"inf",
)  # fmt: skip
LYING = (
    b"anthropic-ratelimit-requests-limit", b"anthropic-ratelimit-requests-remaining",
    b"anthropic-ratelimit-tokens-limit", b"anthropic-ratelimit-tokens-remaining", b"anthropic-ratelimit--remaining",
    b"anthropic-ratelimit-limit", b"anthropic-priority-input-tokens-remaining", b"anthropic-fast-output-tokens-limit",
    b"retry-after", b"retry-after-ms", b"content-length", b"anthropic-ratelimit-unheard-of-remaining",
    b"Anthropic-RateLimit-Requests-Limit",
)  # fmt: skip
IDS = (b"request-id", b"anthropic-organization-id", b"anthropic-workspace-id")
WORDS = (b"", b"x" * 128, b"x" * 5_000, b"\xff\xfe", b"req \x7f", b"\xc3\xa9", b"none")
ENCODINGS = (b"gzip", b"deflate", b"br", b"zstd", b"identity", b"unheard_of", b"gzip, gzip")


def headers(chance: Random, content_type: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, some of which lie."""
    made = [(name.encode(), text.encode()) for name, text in {**wire.HEADERS, **wire.LIMITS}.items()]
    lies = chance.random()
    made.append((b"content-type", content_type if lies > 0.08 else chance.choice((b"application/json", *TYPES))))
    made += [lie(chance) for _ in range(chance.choice((0, 0, 0, 1, 2, 5)))]
    if chance.random() < 0.01:
        made += [(b"anthropic-ratelimit-%d-remaining" % number, b"1") for number in range(300)]
    if chance.random() < 0.05:
        made = [pair for pair in made if pair[0] == b"content-type"]
    return made


def lie(chance: Random) -> tuple[bytes, bytes]:
    """A header that is not true, or not of its type."""
    kind = chance.random()
    if kind < 0.6:
        return chance.choice(LYING), chance.choice(NUMBERS_IN_HEADERS)
    if kind < 0.8:
        return chance.choice(IDS), chance.choice(WORDS)
    if kind < 0.9:
        return b"x-should-retry", chance.choice((b"true", b"false", b"perhaps"))
    return b"content-encoding", chance.choice(ENCODINGS)


# Answers.

OK = (200,) * 12 + (201, 204, 206, 299)
FAILED = (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 429, 429, 451, 499, 500, 502, 503, 504, 529, 529, 599)
ODD = (100, 101, 199, 300, 301, 302, 304, 307, 308, 399, 600, 700, 999)
PLACES = (b"https://api.anthropic.com/v1/messages", b"/elsewhere", b"", b"//", b"http://[", b"\xff", b"javascript:1")


def results(chance: Random) -> bytes:
    """The results of a batch, a line each."""
    rows: list[Any] = [row(chance) for _ in range(chance.randrange(5))]
    return chance.choice((b"\n", b"\n", b"\r\n")).join(
        encoded(chance, mutated(chance, item) if chance.random() < 0.4 else item) for item in rows
    )


BODY: dict[Kind, Callable[[Random], bytes]] = {
    "message": lambda chance: encoded(chance, changed(chance, message(chance))),
    "stream": event_stream,
    "count": lambda chance: encoded(chance, changed(chance, {"input_tokens": chance.randrange(10**6)})),
    "batch": lambda chance: encoded(chance, changed(chance, batch(chance))),
    "results": results,
    "models": lambda chance: encoded(
        chance, changed(chance, {"data": [{"type": "model", "id": f"m{chance.randrange(10**6)}"}], "has_more": False})
    ),
}


def changed(chance: Random, data: Any) -> Any:
    """`data` with as many changes as chance wants, often none."""
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        data = mutated(chance, data)
    return data


def answer(chance: Random, kind: Kind) -> Answer:
    """A hostile answer to a request whose answer is of `kind`."""
    if chance.random() < 0.05:
        kind = chance.choice(list(BODY))
    status = chance.choice(OK) if chance.random() < 0.8 else chance.choice((*FAILED, *FAILED, *ODD))
    streams = kind == "stream" and status < 300
    told = headers(chance, b"text/event-stream" if streams else b"application/json")
    body = BODY[kind](chance) if status < 300 else encoded(chance, error(chance))
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
        body = spoiled(chance, body)
    if 300 <= status < 400 and chance.random() < 0.5:
        told.append((b"location", chance.choice(PLACES)))
    if chance.random() < 0.03:
        body = gzip.compress(body, mtime=0)
        told.append((b"content-encoding", b"gzip"))
        body = body[: chance.randrange(len(body))] if chance.random() < 0.3 else body
    breaks: Break = chance.choice(("read", "protocol", "timeout")) if chance.random() < 0.08 else ""
    return Answer(status, tuple(told), pieces(chance, body), breaks)
