"""The prompt as the cache sees it: a row of segments, tools before system before messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .jsontypes import JSON, as_dict, canonical, dicts
from .tokens import block_tokens, tool_tokens, without_cache_control

Part = Literal["tools", "system", "messages"]


@dataclass(frozen=True)
class Segment:
    """One tool, system block or content block: what it says, how long it is, and whether a cache ends there."""

    part: Part
    text: str
    tokens: int
    ttl: str | None = None


def segments(body: JSON) -> list[Segment]:
    """The segments of a request, in the order the API caches them."""
    return [*_tools(body), *_system(body), *_messages(body)]


def input_tokens(body: JSON) -> int:
    """The tokens of everything a request sends; at least one."""
    return max(1, sum(segment.tokens for segment in segments(body)))


def blocks(content: object) -> list[JSON]:
    """The content blocks of a message or system prompt; a plain text is one text block."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else dicts(content)


def _tools(body: JSON) -> Iterator[Segment]:
    for tool in dicts(body.get("tools")):
        yield _segment("tools", tool, tool_tokens(tool))


def _system(body: JSON) -> Iterator[Segment]:
    for block in blocks(body.get("system")):
        yield _segment("system", block, block_tokens(block))


def _messages(body: JSON) -> Iterator[Segment]:
    for message in dicts(body.get("messages")):
        for block in blocks(message.get("content")):
            yield _segment("messages", block, block_tokens(block), role=str(message.get("role")))


def _segment(part: Part, block: JSON, tokens: int, role: str = "") -> Segment:
    text = f"{part}:{role}:{canonical(without_cache_control(block))}"
    return Segment(part, text, tokens, cache_ttl(block.get("cache_control")))


def cache_ttl(cache_control: object) -> str | None:
    """How long a `cache_control` keeps a prefix (`5m` or `1h`), `None` where there is none."""
    if not isinstance(cache_control, dict):
        return None
    return "1h" if as_dict(cache_control).get("ttl") == "1h" else "5m"
