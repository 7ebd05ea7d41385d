"""What a script asks of an answer, where it is not to follow from the prompt."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, get_args

from .jsontypes import JSON

RefusalTime = Literal["before_output", "mid_output"]


@dataclass(frozen=True)
class Wanted:
    """The parts of an answer that a rule sets. `None` leaves a part to the prompt."""

    text: str | None = None
    """The text of the answer."""
    output_tokens: int | None = None
    """How many tokens of text the answer has, when `text` is not set."""
    thinking: str | None = None
    """The thinking that comes first, whether or not it was asked for."""
    thinking_tokens: int | None = None
    """How many tokens of thinking come first, when `thinking` is not set."""
    stop_reason: str | None = None
    tool_use: bool | None = None
    """`True` calls a tool in every answer, results or not; `False` calls none."""
    refusal: RefusalTime | None = None
    category: str | None = None
    """The category of a refusal, such as `cyber`."""
    model: str | None = None
    """The model that serves, in place of the one asked for."""
    service_tier: str | None = None
    usage: JSON = field(default_factory=dict)
    """Token counts in place of the counted ones: input_tokens, cache_read_input_tokens, ephemeral_5m_input_tokens,
    ephemeral_1h_input_tokens, output_tokens, thinking_tokens."""
    compaction: JSON = field(default_factory=dict)
    """A compaction before the answer: input_tokens and output_tokens."""
    advisor: JSON = field(default_factory=dict)
    """An advisor that is asked during the answer: model, input_tokens and output_tokens."""


USAGE_FIELDS = (
    "input_tokens",
    "cache_read_input_tokens",
    "ephemeral_5m_input_tokens",
    "ephemeral_1h_input_tokens",
    "output_tokens",
    "thinking_tokens",
)


def wanted_from(values: JSON) -> Wanted:
    """The wishes a script file writes as an object. Raises `ValueError` that names what is wrong."""
    known = {item.name for item in fields(Wanted)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"unknown answer field {unknown[0]!r}; expected one of {', '.join(sorted(known))}")
    wrong = sorted(set(values.get("usage") or {}) - set(USAGE_FIELDS))
    if wrong:
        raise ValueError(f"unknown usage field {wrong[0]!r}; expected one of {', '.join(USAGE_FIELDS)}")
    if values.get("refusal") not in (None, *get_args(RefusalTime)):
        raise ValueError(f"refusal is {values['refusal']!r}; expected before_output or mid_output")
    return Wanted(**values)
