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
    scarcest: tuple[str, float] | None = None


NONE = Headers()
"""Of a call that got no answer."""


def read(headers: Any) -> Headers:
    """What the `headers` of an answer tell. By their place, as one answer has them in the order of the other."""
    rows = rows_of(headers)
    names = tuple([lower for _, lower, _ in rows])
    places = _PLACES.get(names)
    if places is None:
        places = places_of(names)
        if len(_PLACES) < _MOST_PLACES and len(names) <= _MOST_NAMES:
            _PLACES[names] = places
    found = Headers()
    for field, place in places.ids:
        setattr(found, field, text(rows[place][2]))
    if places.limits:
        take_limits(found, places.limits, rows)
    return found


Rows = list[tuple[bytes, bytes, bytes]]
"""Headers as the HTTP library keeps them: the name as it came, in lower case, and the value."""

Limit = tuple[str, int, int]
"""The type of a limit, and the places of what remains of it and of what it is in all; -1 for none."""


class Places(NamedTuple):
    """Where among the headers of an answer those are that tell something: a field of `Headers` each, and the limits."""

    ids: list[tuple[str, int]]
    limits: list[Limit]


_PLACES: dict[tuple[bytes, ...], Places] = {}
_MOST_PLACES = 100
_MOST_NAMES = 100


def rows_of(headers: Any) -> Rows:
    """The rows of `headers`."""
    rows: Any = getattr(headers, "_list", None)
    return rows if type(rows) is list else [(name, name.lower(), value) for name, value in headers.raw]


def take_limits(found: Headers, limits: list[Limit], rows: Rows) -> None:
    """Puts the rate limits into `found`."""
    least, scarcest, rate_limits = math.inf, "", []
    for kind, at_remaining, at_limit in limits:
        remaining = number(rows[at_remaining][2]) if at_remaining >= 0 else None
        limit = number(rows[at_limit][2]) if at_limit >= 0 else None
        if remaining is not None or limit is not None:
            rate_limits.append((kind, remaining, limit))
            if limit and remaining is not None and (share := remaining / limit) < least:
                least, scarcest = share, kind
    found.rate_limits = rate_limits
    if scarcest:
        found.scarcest = (scarcest, min(least, 1.0))


def places_of(names: tuple[bytes, ...]) -> Places:
    """The places of what `names`, the names of an answer's headers, tell."""
    ids: dict[str, int] = {}
    limits: dict[str, dict[str, int]] = {}
    for place, lower in enumerate(names):
        name = lower[: _LONGEST + 1].decode("ascii", "replace")
        kind, _, part = name.rpartition("-")
        if name in ("request-id", "anthropic-organization-id", "anthropic-workspace-id"):
            ids[name.removeprefix("anthropic-").replace("-", "_")] = place
        elif part in ("remaining", "limit") and len(name) <= _LONGEST and kind.startswith((_RATE_LIMIT, *_OTHERS)):
            kind = kind.removeprefix(_RATE_LIMIT if kind.startswith(_RATE_LIMIT) else "anthropic-")
            limits.setdefault(kind, {})[part] = place
    of_limits = [(kind, of.get("remaining", -1), of.get("limit", -1)) for kind, of in sorted(limits.items())]
    return Places(list(ids.items()), of_limits)


def number(value: bytes) -> int | None:
    """A count; `None` for anything else."""
    return int(value) if value.isdigit() and len(value) <= 15 else None


def text(value: bytes) -> str | None:
    """An id as text; `None` for one that is empty or too long to be an id."""
    return value.decode("ascii", "replace") if 0 < len(value) <= 128 else None
