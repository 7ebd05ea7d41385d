"""What the headers of an answer tell: the ids that support asks for, and the rate limits.

`anthropic-ratelimit-<type>-{limit,remaining}`, and the priority and fast variants, as documented at
https://docs.anthropic.com/en/api/rate-limits. Read by their form, so that a new type is read too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

_RATE_LIMIT = b"anthropic-ratelimit-"
_OTHERS = (b"anthropic-priority-", b"anthropic-fast-")

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

_IDS = (b"request-id", b"anthropic-organization-id", b"anthropic-workspace-id")


def read(headers: Any) -> Headers:
    """What the `headers` of an answer tell. One pass over their bytes: looking them up by name is much dearer."""
    ids: dict[bytes, str | None] = {}
    limits: dict[bytes, dict[bytes, int]] = {}
    for key, value in headers.raw:
        name = key.lower()
        if name in _IDS:
            ids[name] = text(value)
        elif name.startswith(b"anthropic-"):
            _limit(limits, name, value)
    found = [
        RateLimit(kind.decode("ascii", "replace"), parts.get(b"remaining"), parts.get(b"limit"))
        for kind, parts in limits.items()
    ]
    request_id, organization_id, workspace_id = map(ids.get, _IDS)
    return Headers(request_id, organization_id, workspace_id, tuple(found))


def text(value: bytes) -> str | None:
    """An id as text; `None` for one that is empty or too long to be an id."""
    return value.decode("ascii", "replace") if 0 < len(value) <= 128 else None


def _limit(limits: dict[bytes, dict[bytes, int]], name: bytes, value: bytes) -> None:
    kind, _, part = name.rpartition(b"-")
    if part not in (b"remaining", b"limit") or not value.isdigit() or len(value) > 15 or len(name) > _LONGEST:
        return
    if kind.startswith(_RATE_LIMIT):
        kind = kind[len(_RATE_LIMIT) :]
    elif kind.startswith(_OTHERS):
        kind = kind[len(b"anthropic-") :]
    else:
        return
    limits.setdefault(kind, {})[part] = int(value)


def scarcest(limits: Sequence[RateLimit]) -> tuple[str, float] | None:
    """The type of the limit of which the smallest share remains, and that share from 0 to 1."""
    shares = [
        (limit.remaining / limit.limit, limit.type) for limit in limits if limit.limit and limit.remaining is not None
    ]
    if not shares:
        return None
    share, name = min(shares)
    return name, min(share, 1.0)
