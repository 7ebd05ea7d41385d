"""What the headers of an answer tell: the ids that support asks for, and the rate limits.

`anthropic-ratelimit-<type>-{limit,remaining}`, and the priority and fast variants, as documented at
https://docs.anthropic.com/en/api/rate-limits. Read by their form, so that a new type is read too.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(slots=True)
class Headers:
    """The headers of one answer, as far as the record needs them.

    `scarcest` is the type of the limit of which the smallest share remains, and that share from 0 to 1.
    """

    request_id: str | None = None
    organization_id: str | None = None
    workspace_id: str | None = None
    rate_limits: tuple[RateLimit, ...] = ()
    scarcest: tuple[str, float] | None = None


NONE = Headers()
"""Of a call that got no answer."""


def read(headers: Any) -> Headers:
    """What the `headers` of an answer tell. One pass over their bytes: looking them up by name is much dearer."""
    found = Headers()
    remaining: dict[str, int] = {}
    limits: dict[str, int] = {}
    for name, value in headers.raw:
        meaning = _MEANINGS[name] if name in _MEANINGS else meaning_of(name)
        if meaning is None:
            continue
        kind, into = meaning
        if into == "id":
            setattr(found, kind, text(value))
        elif value.isdigit() and len(value) <= 15:
            (limits if into == "limit" else remaining)[kind] = int(value)
    if limits or remaining:
        kinds = limits if limits.keys() == remaining.keys() else {**limits, **remaining}
        found.rate_limits = tuple([RateLimit(kind, remaining.get(kind), limits.get(kind)) for kind in kinds])
        shares = [(remaining[kind] / limit, kind) for kind, limit in limits.items() if limit and kind in remaining]
        if shares:
            share, kind = min(shares)
            found.scarcest = kind, min(share, 1.0)
    return found


_MEANINGS: dict[bytes, tuple[str, str] | None] = {}
"""What is known of the names of headers, which are the same in every answer."""

_MOST_MEANINGS = 200


def meaning_of(name: bytes) -> tuple[str, str] | None:
    """What a header of this name tells: a field and `id`, a limit and `remaining` or `limit`, or nothing."""
    found = _meaning_of(name.lower().decode("ascii", "replace")) if len(name) <= _LONGEST else None
    if len(_MEANINGS) < _MOST_MEANINGS:
        _MEANINGS[name] = found
    return found


def _meaning_of(name: str) -> tuple[str, str] | None:
    if name in ("request-id", "anthropic-organization-id", "anthropic-workspace-id"):
        return name.removeprefix("anthropic-").replace("-", "_"), "id"
    kind, _, part = name.rpartition("-")
    if part in ("remaining", "limit"):
        if kind.startswith(_RATE_LIMIT):
            return kind.removeprefix(_RATE_LIMIT), part
        if kind.startswith(_OTHERS):
            return kind.removeprefix("anthropic-"), part
    return None


def text(value: bytes) -> str | None:
    """An id as text; `None` for one that is empty or too long to be an id."""
    return value.decode("ascii", "replace") if 0 < len(value) <= 128 else None
