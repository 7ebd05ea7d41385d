"""What the headers of an answer tell: the ids that support asks for, and the rate limits.

`anthropic-ratelimit-<type>-{limit,remaining}`, and the priority and fast variants, as documented at
https://docs.anthropic.com/en/api/rate-limits. Read by their form, so that a new type is read too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter, methodcaller, truediv
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


def rows(headers: Any) -> Rows:
    """The rows of `headers`, the HTTP library's, which stay as they are now."""
    found: Any = getattr(headers, "_list", None)
    return found.copy() if type(found) is list else [(name, name.lower(), value) for name, value in headers.raw]


def read(rows: Rows) -> Headers:
    """What the headers of an answer tell. By their place, as one answer has them in the order of the other."""
    found = Headers()
    if not rows:
        return found
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
    parts = vars(found)
    ids = places.pick_ids(values)
    if ids and b"" not in ids and max(map(len, ids)) <= _LONGEST_ID:
        parts.update(zip(places.ids, map(_DECODED, ids), strict=True))
    else:
        for field, value in zip(places.ids, ids, strict=True):
            parts[field] = _DECODED(value) if 0 < len(value) <= _LONGEST_ID else None
    if places.kinds:
        parts["kinds"] = places.kinds
        whole = places.whole
        if whole is None or not whole_limits(parts, whole[0](values), whole[1](values)):
            broken_limits(found, places, values)
    return found


_LONGEST_ID = 128
_DECODED = methodcaller("decode", "ascii", "replace")


Pick = Callable[[tuple[bytes, ...]], tuple[bytes, ...]]


class Places(NamedTuple):
    """Where among the headers of an answer those are that tell something: a field of `Headers` each, and the limits.

    The limits are listed by type: `kinds`, where what remains of each is told, and what it is in all; -1 for nowhere.
    """

    ids: tuple[str, ...]
    pick_ids: Pick
    kinds: tuple[str, ...]
    remaining: tuple[int, ...]
    limits: tuple[int, ...]
    whole: tuple[Pick, Pick] | None
    """Take what remains of each limit, and what each is in all, from the values; `None` where one lacks."""


_PLACES: dict[tuple[bytes, ...], Places] = {}
_last: tuple[tuple[bytes, ...], Places] = ((), Places((), tuple, (), (), (), None))
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


def broken_limits(found: Headers, places: Places, values: tuple[bytes, ...]) -> None:
    """Puts the rate limits into `found` as far as they are told."""
    found.remaining, found.limits = (
        [number(values[place]) if place >= 0 else None for place in of] for of in (places.remaining, places.limits)
    )
    for kind, remaining, limit in found.rate_limits:
        if limit and remaining is not None:
            share = min(remaining / limit, 1.0)
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
    told = sorted(limits.items())
    remaining, of_all = (tuple([of.get(part, -1) for _, of in told]) for part in ("remaining", "limit"))
    whole = None if -1 in (*remaining, *of_all) else (picked(remaining), picked(of_all))
    return Places(tuple(ids), picked(tuple(ids.values())), tuple([kind for kind, _ in told]), remaining, of_all, whole)


def picked(places: tuple[int, ...]) -> Pick:
    """What takes the values at `places`."""
    # Of one place `itemgetter` gives no tuple.
    return itemgetter(*places) if len(places) > 1 else lambda values: tuple([values[place] for place in places])


_LARGEST = 10**15 - 1


def number(value: bytes) -> int | None:
    """A count; `None` for anything else."""
    return int(value) if value.isdigit() and len(value) <= 15 else None
