"""What changed while a program ran: models and prompts of its call sites, and releases of the program.

What was there before the first change is set beside what came after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from claude_otel.cli.record import UNKNOWN, Call
from claude_otel.cli.tally import OTHER, Tally

MOST = 50
"""Versions of one thing that are told apart; further ones are one."""


class Sums:
    """Calls, errors, money and cache of some calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.cost = 0.0
        self.input_tokens = 0
        self.cache_read = 0

    def add(self, call: Call) -> None:
        """Takes `call` in."""
        self.calls += 1
        self.errors += call.failed
        self.cost += call.bill.usd or 0.0
        self.input_tokens += call.input_tokens
        self.cache_read += call.cache_read


class Versions:
    """The versions of one thing, such as the prompt of a call site: how many, since when, and what they did."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.changed_at: float | None = None
        self.before = Sums()
        self.after = Sums()

    def add(self, version: str, call: Call) -> None:
        """Takes `call` in, which was made with this version."""
        if version not in self.calls and len(self.calls) >= MOST:
            version = OTHER
        if self.calls and version not in self.calls and self.changed_at is None:
            self.changed_at = call.at
        self.calls[version] = self.calls.get(version, 0) + 1
        (self.before if self.changed_at is None else self.after).add(call)

    @property
    def capped(self) -> bool:
        """Whether there may be more versions than are told apart."""
        return OTHER in self.calls


@dataclass(frozen=True)
class Row:
    """Calls of which each had more input than the one before: how many, and the first and the last one's tokens."""

    calls: int = 0
    first: int = 0
    last: int = 0


class Growth:
    """The longest row of a call site: a loop that reads again all that it has read makes a long one."""

    def __init__(self) -> None:
        self.now = Row()
        self.longest = Row()

    def add(self, call: Call) -> None:
        """Takes `call` in."""
        asked = call.input_tokens
        if not asked:
            return
        grows = self.now.calls and asked > self.now.last
        self.now = Row(self.now.calls + 1, self.now.first, asked) if grows else Row(1, asked, asked)
        if self.now.calls > self.longest.calls:
            self.longest = self.now


class Site:
    """A place in the code that makes calls for a surface."""

    def __init__(self) -> None:
        self.models = Versions()
        self.prompts = Versions()
        self.growth = Growth()
        self.sums = Sums()

    def add(self, call: Call) -> None:
        """Takes `call` in. A call that no model answered says nothing of models."""
        self.sums.add(call)
        self.growth.add(call)
        if call.served:
            self.models.add(call.served, call)
        if call.prompt:
            self.prompts.add(call.prompt, call)


SiteKey = tuple[str, str]
"""Surface and call site."""


class Changes:
    """The versions that were seen, for each call site and for each program."""

    def __init__(self) -> None:
        self.sites: Tally[SiteKey, Site] = Tally(Site, (OTHER, OTHER))
        self.releases: Tally[str, Versions] = Tally(Versions, OTHER)

    def add(self, call: Call) -> None:
        """Takes `call` in, if it asked for a message."""
        if not call.is_message:
            return
        self.sites[call.surface, call.call_site or UNKNOWN].add(call)
        if call.version:
            self.releases[call.service].add(call.version, call)
