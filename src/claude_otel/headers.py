"""What the headers of an answer tell: the ids that support asks for, and the rate limits.

`anthropic-ratelimit-<type>-{limit,remaining}`, and the priority and fast variants, as documented at
https://docs.anthropic.com/en/api/rate-limits. Read by their form, so that a new type is read too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_RATE_LIMIT = "anthropic-ratelimit-"
_OTHERS = ("anthropic-priority-", "anthropic-fast-")

_LONGEST = 64
"""Characters of the name of a header that tells of a limit."""


RateLimit = tuple[str, int | None, int | None]
"""One limit: its type, what remains of it, and what it is in all, either of which may be missing."""


class Headers:
    """The headers of one answer, as far as the record needs them.

    `scarcest` is the type of the limit of which the smallest share remains, and that share from 0 to 1.
    """

    request_id: str | None = None
    organization_id: str | None = None
    workspace_id: str | None = None
    rate_limits: Sequence[RateLimit] = ()
    limit_types: tuple[str, ...] = ()
    scarcest: tuple[str, float] | None = None


NONE = Headers()
"""Of a call that got no answer."""


class Name:
    """The name of a header that tells something: a field of `Headers`, or a part of a limit."""

    __slots__ = ("field", "kind", "last", "part")

    def __init__(self, field: str, kind: str = "", part: int = 0) -> None:
        self.field, self.kind, self.part = field, kind, part
        self.last: tuple[bytes, int | None] = b"", None
        """The last value, and the number it is. Together: another thread may set them in between."""


REMAINING, LIMIT = 0, 1

_NAMES: dict[bytes, Name | None] = {}
_MOST_NAMES = 500


def read(headers: Any) -> Headers:
    """What the `headers` of an answer tell."""
    found = Headers()
    limits: dict[str, list[int | None]] = {}
    for _, lower, value in rows_of(headers):
        name = _NAMES[lower] if lower in _NAMES else named(lower)
        if name is None:
            continue
        if name.field:
            setattr(found, name.field, text(value))
            continue
        # Most limits are what they were in the answer before.
        known, told = name.last
        if value != known:
            told = number(value)
            name.last = value, told
        if name.kind in limits:
            limits[name.kind][name.part] = told
        else:
            limits[name.kind] = [told, None] if name.part == REMAINING else [None, told]
    if limits:
        take_limits(found, limits)
    return found


def take_limits(found: Headers, limits: dict[str, list[int | None]]) -> None:
    """Puts the rate limits into `found`."""
    least, scarcest, rate_limits = math.inf, "", []
    for kind, (remaining, limit) in limits.items():
        if remaining is not None or limit is not None:
            rate_limits.append((kind, remaining, limit))
            if limit and remaining is not None and (share := remaining / limit) < least:
                least, scarcest = share, kind
    found.rate_limits = rate_limits
    found.limit_types = tuple([kind for kind, _, _ in rate_limits])
    if scarcest:
        found.scarcest = (scarcest, min(least, 1.0))


def rows_of(headers: Any) -> list[tuple[bytes, bytes, bytes]]:
    """The headers as the HTTP library keeps them: the name as it came, in lower case, and the value."""
    rows: Any = getattr(headers, "_list", None)
    return rows if type(rows) is list else [(name, name.lower(), value) for name, value in headers.raw]


def named(lower: bytes) -> Name | None:
    """What the name `lower` of a header tells, `None` for nothing."""
    name = lower[: _LONGEST + 1].decode("ascii", "replace")
    kind, _, part = name.rpartition("-")
    known = None
    if name in ("request-id", "anthropic-organization-id", "anthropic-workspace-id"):
        known = Name(name.removeprefix("anthropic-").replace("-", "_"))
    elif part in ("remaining", "limit") and len(name) <= _LONGEST and kind.startswith((_RATE_LIMIT, *_OTHERS)):
        kind = kind.removeprefix(_RATE_LIMIT if kind.startswith(_RATE_LIMIT) else "anthropic-")
        known = Name("", kind, REMAINING if part == "remaining" else LIMIT)
    if len(_NAMES) < _MOST_NAMES and len(lower) <= _LONGEST:
        _NAMES[lower] = known
    return known


def number(value: bytes) -> int | None:
    """A count; `None` for anything else."""
    return int(value) if value.isdigit() and len(value) <= 15 else None


def text(value: bytes) -> str | None:
    """An id as text; `None` for one that is empty or too long to be an id."""
    return value.decode("ascii", "replace") if 0 < len(value) <= 128 else None
