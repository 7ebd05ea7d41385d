"""What the headers of an answer tell: the ids that support asks for, and the rate limits.

`anthropic-ratelimit-<type>-{limit,remaining}`, and the priority and fast variants, as documented at
https://docs.anthropic.com/en/api/rate-limits. Read by their form, so that a new type is read too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import itemgetter, truediv
from typing import Any, NamedTuple

_RATE_LIMIT = "anthropic-ratelimit-"
_OTHERS = ("anthropic-priority-", "anthropic-fast-")

_LONGEST = 64
"""Characters of the name of a header that tells of a limit."""


Rows = list[tuple[bytes, bytes, bytes]]
"""Headers: the name of each as it came and in lower case, and its value."""

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
    kinds: tuple[str, ...] = ()
    """The types of the limits that the headers name."""
    scarcest: tuple[str, float] | None = None


NONE = Headers()
"""Of a call that got no answer."""


def rows(headers: Any) -> Rows:
    """The rows of `headers`, the HTTP library's, which stay as they are now."""
    found: Any = getattr(headers, "_list", None)
    return found.copy() if type(found) is list else [(name, name.lower(), value) for name, value in headers.raw]


def read(rows: Rows) -> Headers:
    """What the headers of an answer tell. By their place, as one answer has them in the order of the other."""
    # `map` with a C function takes one step of the interpreter, a loop ten for each header.
    names = tuple(map(_LOWER, rows))
    places = _PLACES.get(names)
    if places is None:
        places = places_of(names)
        if len(_PLACES) < _MOST_PLACES and len(names) <= _MOST_NAMES:
            _PLACES[names] = places
    found = Headers()
    values = list(map(_VALUE, map(rows.__getitem__, places.all)))
    for field, value in zip(places.ids, values):  # noqa: B905 - the values of the limits come after those of the ids
        setattr(found, field, value.decode("ascii", "replace") if 0 < len(value) <= _LONGEST_ID else None)
    if places.kinds:
        found.kinds = places.kinds
        if not places.whole or not whole_limits(found, values[len(places.ids) :]):
            broken_limits(found, places, rows)
    return found


_LONGEST_ID = 128

_LOWER, _VALUE = itemgetter(1), itemgetter(2)
"""Of a header as the HTTP library keeps it: its name as it came, in lower case, and its value."""


class Places(NamedTuple):
    """Where among the headers of an answer those are that tell something: a field of `Headers` each, and the limits.

    The limits are listed by type: `kinds`, where what remains of each is told, and what it is in all; -1 for nowhere.
    """

    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    remaining: tuple[int, ...]
    limits: tuple[int, ...]
    whole: bool
    """Whether each limit has both numbers."""
    all: tuple[int, ...]
    """The places of the ids, of what remains, and of what it is in all."""


_PLACES: dict[tuple[bytes, ...], Places] = {}
_MOST_PLACES = 100
_MOST_NAMES = 100


def whole_limits(found: Headers, values: list[bytes]) -> bool:
    """Puts the rate limits into `found`, if each of `values` is a number, as they nearly always are."""
    if b"" in values or not b"".join(values).isdigit():
        return False
    numbers, kinds = list(map(int, values)), found.kinds
    remaining, limits = numbers[: len(kinds)], numbers[len(kinds) :]
    if max(numbers) > _LARGEST or 0 in limits:
        return False
    found.rate_limits = list(zip(kinds, remaining, limits, strict=True))
    least, scarcest = min(zip(map(truediv, remaining, limits), kinds, strict=True))
    found.scarcest = scarcest, min(least, 1.0)
    return True


def broken_limits(found: Headers, places: Places, rows: Rows) -> None:
    """Puts the rate limits into `found` as far as they are told."""
    least, scarcest, rate_limits = math.inf, "", []
    for kind, at_remaining, at_limit in zip(places.kinds, places.remaining, places.limits, strict=True):
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
    told = sorted(limits.items())
    remaining, of_all = (tuple([of.get(part, -1) for _, of in told]) for part in ("remaining", "limit"))
    whole = -1 not in remaining and -1 not in of_all
    every = (*ids.values(), *remaining, *of_all) if whole else tuple(ids.values())
    return Places(tuple(ids), tuple([kind for kind, _ in told]), remaining, of_all, whole, every)


_LARGEST = 10**15 - 1


def number(value: bytes) -> int | None:
    """A count; `None` for anything else."""
    return int(value) if value.isdigit() and len(value) <= 15 else None
