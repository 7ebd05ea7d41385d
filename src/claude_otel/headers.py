"""What the headers of an answer tell: the ids that support asks for, and the rate limits.

`anthropic-ratelimit-<type>-{limit,remaining}`, and the priority and fast variants, as documented at
https://docs.anthropic.com/en/api/rate-limits. Read by their form, so that a new type is read too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

_RATE_LIMIT = "anthropic-ratelimit-"
_OTHERS = ("anthropic-priority-", "anthropic-fast-")

_LONGEST = 64
"""Characters of the name of a header that tells of a limit."""


RateLimit = tuple[str, int | None, int | None]
"""One limit: its type, what remains of it, and what it is in all, either of which may be missing."""


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
    """What the `headers` of an answer tell. By their place, as one answer has them in the order of the other."""
    raw = headers.raw
    names = tuple([name for name, _ in raw])
    places = _PLACES.get(names)
    if places is None:
        places = places_of(names)
        if len(_PLACES) < _MOST_PLACES and len(names) <= _MOST_NAMES:
            _PLACES[names] = places
    found = Headers()
    for field, place in places.ids:
        setattr(found, field, text(raw[place][1]))
    limits: list[RateLimit] = []
    share, scarcest = math.inf, ""
    for kind, at_remaining, at_limit in places.limits:
        remaining = None if at_remaining is None else number(raw[at_remaining][1])
        limit = None if at_limit is None else number(raw[at_limit][1])
        if remaining is not None or limit is not None:
            limits.append((kind, remaining, limit))
            if limit and remaining is not None and remaining / limit < share:
                share, scarcest = remaining / limit, kind
    if limits:
        found.rate_limits = tuple(limits)
        found.scarcest = (scarcest, min(share, 1.0)) if scarcest else None
    return found


class Places(NamedTuple):
    """Where among the headers of an answer those are that tell something: a field of `Headers` each, and the limits."""

    ids: list[tuple[str, int]]
    limits: list[tuple[str, int | None, int | None]]


_PLACES: dict[tuple[bytes, ...], Places] = {}
_MOST_PLACES = 100
_MOST_NAMES = 100


def places_of(names: tuple[bytes, ...]) -> Places:
    """The places of what `names`, the names of an answer's headers, tell."""
    ids: dict[str, int] = {}
    limits: dict[str, dict[str, int]] = {}
    for place, raw_name in enumerate(names):
        name = raw_name[: _LONGEST + 1].lower().decode("ascii", "replace")
        kind, _, part = name.rpartition("-")
        if name in ("request-id", "anthropic-organization-id", "anthropic-workspace-id"):
            ids[name.removeprefix("anthropic-").replace("-", "_")] = place
        elif part in ("remaining", "limit") and len(name) <= _LONGEST and kind.startswith((_RATE_LIMIT, *_OTHERS)):
            kind = kind.removeprefix(_RATE_LIMIT if kind.startswith(_RATE_LIMIT) else "anthropic-")
            limits.setdefault(kind, {})[part] = place
    of_limits = [(kind, of.get("remaining"), of.get("limit")) for kind, of in sorted(limits.items())]
    return Places(list(ids.items()), of_limits)


def number(value: bytes) -> int | None:
    """A count; `None` for anything else."""
    return int(value) if value.isdigit() and len(value) <= 15 else None


def text(value: bytes) -> str | None:
    """An id as text; `None` for one that is empty or too long to be an id."""
    return value.decode("ascii", "replace") if 0 < len(value) <= 128 else None
