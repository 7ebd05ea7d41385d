"""What the headers of an answer tell: the ids that support asks for, and the rate limits.

`anthropic-ratelimit-<type>-{limit,remaining}`, and the priority and fast variants, as documented at
https://docs.anthropic.com/en/api/rate-limits. Read by their form, so that a new type is read too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter, truediv
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
    kinds: tuple[str, ...] = ()
    """The types of the limits that the headers name."""
    remaining: Sequence[int | None] = ()
    limits: Sequence[int | None] = ()
    """What remains of each, and what it is in all."""
    scarcest: tuple[str, float] | None = None

    @property
    def rate_limits(self) -> list[RateLimit]:
        """The limits that the headers tell."""
        return list(zip(self.kinds, self.remaining, self.limits, strict=True))


NONE = Headers()
"""Of a call that got no answer."""


def take(headers: Any) -> tuple[Places, tuple[bytes, ...]]:
    """What tells something of `headers`, the HTTP library's, as they are now, and its places: few objects to be kept.

    By their place, as one answer has them in the order of the other.
    """
    rows: Any = getattr(headers, "_list", None)
    if type(rows) is not list:
        rows = [(name, name.lower(), value) for name, value in headers.raw]
    if not rows:
        return NOWHERE, ()
    _, names, values = zip(*rows, strict=True)
    global _last
    last, places = _last
    if last != names:
        # Most answers have the same headers as the last one, and to compare is cheaper than to hash.
        known = _PLACES.get(names)
        places = places_of(names) if known is None else known
        if known is None and len(_PLACES) < _MOST_PLACES and len(names) <= _MOST_NAMES:
            _PLACES[names] = places
        _last = names, places
    return places, places.pick(values)


def read(places: Places, values: tuple[bytes, ...]) -> Headers:
    """What the headers of an answer tell, of which `take` has picked the `values`."""
    found = Headers()
    parts, count = vars(found), len(places.ids)
    ids = values[:count]
    joined = b"\n".join(ids)
    # To decode them together is cheaper, and a line more would be one of a value.
    told = joined.decode("ascii", "replace").split("\n") if len(joined) <= _LONGEST_ID and b"" not in ids else ()
    if len(told) == count:
        parts.update(zip(places.ids, told, strict=True))
    else:
        for field, value in zip(places.ids, ids, strict=True):
            parts[field] = value.decode("ascii", "replace") if 0 < len(value) <= _LONGEST_ID else None
    if places.kinds:
        parts["kinds"] = places.kinds
        middle = count + len(places.remaining)
        remaining, limits = values[count:middle], values[middle:]
        if not (places.are_whole and whole_limits(parts, remaining, limits)):
            broken_limits(found, places, remaining, limits)
    return found


_LONGEST_ID = 128


Pick = Callable[[tuple[bytes, ...]], tuple[bytes, ...]]


class Places(NamedTuple):
    """Where among the headers of an answer those are that tell something: a field of `Headers` each, and the limits.

    `pick` takes them from the values of all: those of the ids, then what remains of each limit, then what it is in all.
    """

    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    """The types of the limits."""
    remaining: tuple[str, ...]
    limits: tuple[str, ...]
    """Those of which it is told what remains, and what they are in all."""
    are_whole: bool
    """Whether both are told of each limit."""
    pick: Pick


_PLACES: dict[tuple[bytes, ...], Places] = {}
NOWHERE = Places((), (), (), (), True, tuple)
_last: tuple[tuple[bytes, ...], Places] = ((), NOWHERE)
_MOST_PLACES = 100
_MOST_NAMES = 100


def whole_limits(parts: dict[str, Any], remaining: tuple[bytes, ...], limits: tuple[bytes, ...]) -> bool:
    """Puts the rate limits into the `parts` of `Headers`, if each value is a number, as they nearly always are."""
    of_all = _KNOWN_LIMITS.get(limits)
    if of_all is None:
        of_all = numbers_of(limits)
        if not of_all or 0 in of_all:
            return False
        if len(_KNOWN_LIMITS) < _MOST_PLACES:
            _KNOWN_LIMITS[limits] = of_all
    numbers = numbers_of(remaining)
    if not numbers:
        return False
    shares = list(map(truediv, numbers, of_all))
    least = min(shares)
    parts["remaining"], parts["limits"] = numbers, of_all
    parts["scarcest"] = parts["kinds"][shares.index(least)], least if least < 1 else 1.0
    return True


_KNOWN_LIMITS: dict[tuple[bytes, ...], list[int]] = {}
"""What the limits are in all is the same in most answers."""


def numbers_of(values: tuple[bytes, ...]) -> list[int]:
    """The counts that `values` are; none where one of them is anything else."""
    if b"" in values or not b"".join(values).isdigit():
        return []
    numbers = list(map(int, values))
    return numbers if max(numbers) <= _LARGEST else []


def broken_limits(found: Headers, places: Places, remaining: tuple[bytes, ...], limits: tuple[bytes, ...]) -> None:
    """Puts the rate limits into `found` as far as they are told."""
    numbers, of_all = dict(zip(places.remaining, remaining, strict=True)), dict(zip(places.limits, limits, strict=True))
    found.remaining = [number(numbers.get(kind, b"")) for kind in places.kinds]
    found.limits = [number(of_all.get(kind, b"")) for kind in places.kinds]
    for kind, left, limit in found.rate_limits:
        if limit and left is not None:
            share = min(left / limit, 1.0)
            if found.scarcest is None or share < found.scarcest[1]:
                found.scarcest = kind, share


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
    kinds = sorted(limits)
    at = list(ids.values())
    told: list[tuple[str, ...]] = []
    for part in ("remaining", "limit"):
        having = [kind for kind in kinds if part in limits[kind]]
        told.append(tuple(having))
        at += [limits[kind][part] for kind in having]
    remaining, of_all = told
    return Places(tuple(ids), tuple(kinds), remaining, of_all, remaining == of_all, picked(at))


def picked(places: Sequence[int]) -> Pick:
    """What takes the values at `places`."""
    # Of one place `itemgetter` gives no tuple.
    return itemgetter(*places) if len(places) > 1 else lambda values: tuple([values[place] for place in places])


_LARGEST = 10**15 - 1


def number(value: bytes) -> int | None:
    """A count; `None` for anything else."""
    return int(value) if value.isdigit() and len(value) <= 15 else None
