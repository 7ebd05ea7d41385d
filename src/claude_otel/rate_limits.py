"""The rate limits that an answer's headers tell of.

`anthropic-ratelimit-<type>-{limit,remaining}`, and the priority and fast variants, as documented at
https://docs.anthropic.com/en/api/rate-limits. Read by their form, so that a new type is read too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_RATE_LIMIT = b"anthropic-ratelimit-"
_OTHERS = (b"anthropic-priority-", b"anthropic-fast-")


class RateLimit(NamedTuple):
    """One limit: its type, what remains of it, and what it is in all, either of which may be missing."""

    type: str
    remaining: int | None
    limit: int | None


def read(headers: Any) -> list[RateLimit]:
    """The limits in the `headers` of an answer, in the order in which they stand there."""
    found: dict[bytes, dict[bytes, int]] = {}
    for key, value in headers.raw:
        name = key.lower()
        if not name.startswith(b"anthropic-"):
            continue
        kind, _, field = name.rpartition(b"-")
        if field not in (b"remaining", b"limit") or not value.isdigit() or len(value) > 15:
            continue
        if kind.startswith(_RATE_LIMIT):
            kind = kind[len(_RATE_LIMIT) :]
        elif kind.startswith(_OTHERS):
            kind = kind[len(b"anthropic-") :]
        else:
            continue
        found.setdefault(kind, {})[field] = int(value)
    return [
        RateLimit(kind.decode("ascii", "replace"), of.get(b"remaining"), of.get(b"limit")) for kind, of in found.items()
    ]


def scarcest(limits: list[RateLimit]) -> tuple[str, float] | None:
    """The type of the limit of which the smallest share remains, and that share from 0 to 1."""
    shares = [
        (limit.remaining / limit.limit, limit.type) for limit in limits if limit.limit and limit.remaining is not None
    ]
    if not shares:
        return None
    share, name = min(shares)
    return name, min(share, 1.0)
