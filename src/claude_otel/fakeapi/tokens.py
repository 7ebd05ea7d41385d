"""How the fake API counts tokens: four characters are a token, rounded up, block by block.

An image is always `IMAGE_TOKENS`, a PDF or other file `FILE_TOKENS`. A tool's definition, a tool's input and any other
block count as their compact JSON text. Roles and separators count nothing, so a sum can be written down by hand.
"""

from __future__ import annotations

from collections.abc import Callable

from .jsontypes import JSON, as_dict, canonical

CHARACTERS_PER_TOKEN = 4
IMAGE_TOKENS = 1_600
FILE_TOKENS = 2_000


def text_tokens(text: str) -> int:
    """The tokens of a text: a quarter of its characters, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def block_tokens(block: object) -> int:
    """The tokens of one content block, in a request or in an answer."""
    if isinstance(block, str):
        return text_tokens(block)
    block = as_dict(block)
    count = BLOCK_COUNTS.get(str(block.get("type")))
    return count(block) if count else text_tokens(canonical(without_cache_control(block)))


def tool_tokens(tool: JSON) -> int:
    """The tokens of a tool's definition."""
    return text_tokens(canonical(without_cache_control(tool)))


def without_cache_control(value: object) -> object:
    """The value without any `cache_control`, however deep."""
    if isinstance(value, dict):
        return {key: without_cache_control(item) for key, item in value.items() if key != "cache_control"}
    if isinstance(value, list):
        return [without_cache_control(item) for item in value]
    return value


def _text_block(block: JSON) -> int:
    return text_tokens(str(block.get("text") or ""))


def _thinking_block(block: JSON) -> int:
    return text_tokens(str(block.get("thinking") or ""))


def _tool_use_block(block: JSON) -> int:
    return text_tokens(str(block.get("name")) + canonical(block.get("input") or {}))


def _tool_result_block(block: JSON) -> int:
    content = block.get("content") or ""
    return sum(map(block_tokens, content)) if isinstance(content, list) else text_tokens(str(content))


def _document_block(block: JSON) -> int:
    source = as_dict(block.get("source"))
    return text_tokens(str(source.get("data") or "")) if source.get("type") == "text" else FILE_TOKENS


def _image_block(_: JSON) -> int:
    return IMAGE_TOKENS


BLOCK_COUNTS: dict[str, Callable[[JSON], int]] = {
    "text": _text_block,
    "thinking": _thinking_block,
    "tool_use": _tool_use_block,
    "server_tool_use": _tool_use_block,
    "tool_result": _tool_result_block,
    "document": _document_block,
    "image": _image_block,
}
