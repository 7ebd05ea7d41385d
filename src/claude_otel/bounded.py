"""Values that stay few: after a cap, every new value is `other`."""

from __future__ import annotations

OTHER = "other"
LONGEST = 120
"""Characters that a value keeps."""


class Bounded:
    """Gives a value back as it is while fewer than `cap` different ones were seen, and `other` after that."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._seen: dict[str, str] = {}

    def __call__(self, value: str) -> str:
        known = self._seen.get(value)
        if known is not None:
            return known
        if len(self._seen) >= self._cap:
            return OTHER
        return self._seen.setdefault(value, value[:LONGEST])


def one_of(values: frozenset[str], value: object) -> str:
    """`value` when it is one of `values`, else `other`."""
    return value if isinstance(value, str) and value in values else OTHER
