"""A recording rule and a group of rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

INTERVAL = "1m"
"""How often rules are evaluated: as often as the SDKs export."""


@dataclass(frozen=True)
class Recording:
    """A rule that records the result of `expr` as `record`; `why` is a comment above it."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated one after the other."""

    name: str
    rules: tuple[Recording, ...]
    why: str = ""
