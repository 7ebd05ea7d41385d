"""What is wrong with claude-otel.yaml, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Place = tuple[str | int, ...]
"""Where a value stands: the keys and indices that lead to it."""


def dotted(place: Sequence[object]) -> str:
    """A place as people read it: `notify.routes[0].receiver`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".")


@dataclass(frozen=True)
class Fault:
    """What is wrong at a place, and the remedy. A warning has the same form."""

    place: Place
    what: str
    name: str = ""
    """The place as text, where it is known only so."""
