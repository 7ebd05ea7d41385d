"""Ids that count up: unique within a server, and the same again for the same seed."""

from __future__ import annotations

import itertools


class Ids:
    """The next id of each kind. `tag` keeps the ids of two servers apart."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._counts: dict[str, itertools.count[int]] = {}

    def next(self, prefix: str) -> str:
        """The next id with the prefix, such as `msg_01s0000000000000001`."""
        count = self._counts.setdefault(prefix, itertools.count(1))
        return f"{prefix}_01{self._tag}{next(count):012d}"
