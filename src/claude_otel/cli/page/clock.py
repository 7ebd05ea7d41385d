"""Times of a run, as the clock on the wall of whoever reads the page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

DAY = 86_400.0


@dataclass(frozen=True)
class Clock:
    """Tells local times; with the day where a run lasted longer than one."""

    first: float
    last: float

    def __call__(self, at: float | None) -> str:
        """A time, empty when it is not known."""
        if not at or at <= 0:
            return ""
        return local(at).strftime("%m-%d %H:%M" if self.last - self.first > DAY else "%H:%M:%S")

    @property
    def whole(self) -> str:
        """From when to when, with day and zone; empty when that is not known."""
        if self.first <= 0:
            return ""
        begin, end = local(self.first), local(self.last)
        until = end.strftime("%H:%M:%S" if begin.date() == end.date() else "%Y-%m-%d %H:%M:%S")
        return f"{begin.strftime('%Y-%m-%d %H:%M:%S')} to {until} ({end.strftime('%Z')})"


def local(at: float) -> datetime:
    """A Unix time in the zone of this machine."""
    return datetime.fromtimestamp(at).astimezone()
