"""The events of a stream that the application reads as bytes or text itself, without the SDK's parser."""

from __future__ import annotations

import json
from typing import Any

_LONGEST = 1_000_000
"""Bytes that an unfinished line may have; a longer one is skipped, so that nothing grows with the answer."""


class Scanner:
    """Finds the events in pieces of a body. Only the lines that carry data are parsed."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[dict[str, Any]]:
        """The events that end in `piece`."""
        *lines, self._rest = (self._rest + piece).replace(b"\r", b"\n").split(b"\n")
        if len(self._rest) > _LONGEST:
            self._rest = b""
        return [event for line in lines if (event := event_of(line)) is not None]


def event_of(line: bytes) -> dict[str, Any] | None:
    """The event that a line of the body carries."""
    if not line.startswith(b"data:"):
        return None
    try:
        event = json.loads(line[5:])
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
