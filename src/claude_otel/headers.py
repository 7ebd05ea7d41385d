"""What the headers of an answer tell: the ids that support asks for, and the rate limits.

`anthropic-ratelimit-<type>-{limit,remaining}`, and the priority and fast variants, as documented at
https://docs.anthropic.com/en/api/rate-limits. Read by their form, so that a new type is read too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

_RATE_LIMIT = "anthropic-ratelimit-"
_OTHERS = ("anthropic-priority-", "anthropic-fast-")

_LONGEST = 64
"""Characters of the name of a header that tells of a limit."""


class RateLimit(NamedTuple):
    """One limit: its type, what remains of it, and what it is in all, either of which may be missing."""

    type: str
    remaining: int | None
    limit: int | None


class Headers(NamedTuple):
    """The headers of one answer, as far as the record needs them."""

    request_id: str | None = None
    organization_id: str | None = None
    workspace_id: str | None = None
    rate_limits: tuple[RateLimit, ...] = ()


NONE = Headers()
"""Of a call that got no answer."""


def read(headers: Any) -> Headers:
    """What the `headers` of an answer tell. One pass over their bytes: looking them up by name is much dearer."""
    ids: dict[str, str | None] = {}
    remaining: dict[str, int] = {}
    limits: dict[str, int] = {}
    for name, value in headers.raw:
        found = _PARTS[name] if name in _PARTS else part_of(name)
        if found is None:
            continue
        part, kind = found
        if part == "id":
            ids[kind] = text(value)
        elif value.isdigit() and len(value) <= 15:
            (limits if part == "limit" else remaining)[kind] = int(value)
    kinds = limits if limits.keys() == remaining.keys() else {**limits, **remaining}
    found_limits = tuple([RateLimit(kind, remaining.get(kind), limits.get(kind)) for kind in kinds])
    return Headers(ids.get("request-id"), ids.get("organization-id"), ids.get("workspace-id"), found_limits)


_PARTS: dict[bytes, tuple[str, str] | None] = {}
"""What is known of the names of headers, which are the same in every answer."""

_MOST_PARTS = 200


def part_of(name: bytes) -> tuple[str, str] | None:
    """What a header of this name tells: `id` and of what, `remaining` or `limit` and of which limit, or nothing."""
    found = _part_of(name.lower().decode("ascii", "replace")) if len(name) <= _LONGEST else None
    if len(_PARTS) < _MOST_PARTS:
        _PARTS[name] = found
    return found


def _part_of(name: str) -> tuple[str, str] | None:
    if name in ("request-id", "anthropic-organization-id", "anthropic-workspace-id"):
        return "id", name.removeprefix("anthropic-")
    kind, _, part = name.rpartition("-")
    if part in ("remaining", "limit"):
        if kind.startswith(_RATE_LIMIT):
            return part, kind.removeprefix(_RATE_LIMIT)
        if kind.startswith(_OTHERS):
            return part, kind.removeprefix("anthropic-")
    return None


def text(value: bytes) -> str | None:
    """An id as text; `None` for one that is empty or too long to be an id."""
    return value.decode("ascii", "replace") if 0 < len(value) <= 128 else None


def scarcest(limits: Sequence[RateLimit]) -> tuple[str, float] | None:
    """The type of the limit of which the smallest share remains, and that share from 0 to 1."""
    found, least = None, math.inf
    for kind, remaining, limit in limits:
        if limit and remaining is not None and (share := remaining / limit) < least:
            found, least = kind, share
    return None if found is None else (found, min(least, 1.0))
