"""Why the prompt cache was missed, and what the miss cost.

The API tells when the request asks for its diagnostics. Else the reason is worked out from hashes of what was sent,
kept for each call site: what changed since the prefix that this call site last used, whether that one has expired,
or whether another call was still writing it. No content is kept.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple
from weakref import WeakSet

from claude_otel.asked import Prefix
from claude_otel.usage import Usage, cached

MODEL, TOOLS, SYSTEM = "model_changed", "tools_changed", "system_changed"
PARAMETERS, MESSAGES = "parameters_changed", "messages_changed"
EXPIRED, COLD, PARALLEL = "expired", "cold", "parallel"
BELOW_MINIMUM, NOT_ASKED = "below_minimum", "not_asked"

OURS = frozenset({MODEL, TOOLS, SYSTEM, PARAMETERS, MESSAGES, EXPIRED, COLD, PARALLEL, BELOW_MINIMUM, NOT_ASKED})
APIS = frozenset({MODEL, TOOLS, SYSTEM, MESSAGES, "previous_message_not_found", "unavailable"})
"""The reasons that the API gives in `diagnostics.cache_miss_reason.type`."""

LIFE = {"5m": 300.0, "1h": 3600.0}
"""Seconds that an entry lives after its last use."""

_MOST_SITES = 200
_MOST_PREFIXES = 32


@dataclass(slots=True)
class Seen:
    """A prefix that a call site used. Times are of a monotonic clock, in seconds."""

    used: float | None = None
    """When a call last asked for it to be cached; `None` while none has."""
    life: float = 0.0
    begun: bool = False
    """Whether a response to it has begun since: from then on the entry can be read."""
    open: int = 0
    """Calls to it that have not ended."""
    usage: Mapping[str, Any] | None = None
    """What the last answer to it used, as merged fields: they tell how many tokens are in the cache."""


class Expectation(NamedTuple):
    """What the cache should hold as a call that asks for it starts. `used` to `usage` are of its prefix then."""

    started: float
    changed: str | None
    """What differs from the prefix that the call site used last, `None` for the same one or the first."""
    used: float | None
    life: float
    begun: bool
    open: int
    usage: Mapping[str, Any] | None
    last_usage: Mapping[str, Any] | None
    """Of the prefix that the call site used last."""
    entry: Seen
    """The call's own prefix as it goes on. Once the response has begun, calls can read what it wrote."""


@dataclass(slots=True, unsafe_hash=True)
class Miss:
    """A reason, and the tokens that a hit would have read."""

    reason: str
    tokens: int


class Site:
    """The prefixes that a call site used, the one that it used last at the end."""

    __slots__ = ("entry", "prefix", "seen")

    def __init__(self) -> None:
        self.seen: OrderedDict[Prefix, Seen] = OrderedDict()
        self.prefix: Prefix | None = None
        """The last one, and what is known of it."""
        self.entry: Seen = Seen()

    def use(self, prefix: Prefix) -> bool:
        """Makes `prefix` the last one. Whether it is of a prompt that was not among them."""
        entry = self.seen.get(prefix)
        is_new = entry is None and bool(self.seen) and not any(known[1:3] == prefix[1:3] for known in self.seen)
        if entry is None:
            entry = self.seen[prefix] = Seen()
            if len(self.seen) > _MOST_PREFIXES:
                self.seen.popitem(last=False)
        self.seen.move_to_end(prefix)
        self.prefix, self.entry = prefix, entry
        return is_new


class CacheWatch:
    """The prefixes that each call site used last. Bounded: a few prefixes for each of a few call sites."""

    def __init__(self) -> None:
        self._lock = Lock()
        _watches.add(self)
        self._sites: OrderedDict[str, Site] = OrderedDict()

    def start(self, name: str, prefix: Prefix, ttl: str | None, now: float) -> tuple[Expectation | None, bool]:
        """What to expect of the cache, when `ttl` asks for it, and whether the prompt is new at the site `name`."""
        with self._lock:
            site = self._sites.get(name)
            if site is None:
                site = self._sites[name] = Site()
                if len(self._sites) > _MOST_SITES:
                    self._sites.popitem(last=False)
            self._sites.move_to_end(name)
            last, entry = site.prefix, site.entry
            last_usage, new_prompt, changed = entry.usage, False, None
            if last is not prefix and last != prefix:
                new_prompt = site.use(prefix)
                entry, changed = site.entry, difference(last, prefix)
            if ttl is None:
                return None, new_prompt
            used, life, begun, opened = entry.used, entry.life, entry.begun, entry.open
            entry.used, entry.life, entry.open = now, LIFE[ttl], opened + 1
            if begun and used is not None and now - used > life:
                entry.begun = False
            # As `Expectation(...)`, which is a function of Python.
            told = now, changed, used, life, begun, opened, entry.usage, last_usage, entry
            return tuple.__new__(Expectation, told), new_prompt

    def ended(self, expected: Expectation, usage: Mapping[str, Any]) -> None:
        """Notes that a call ended, and what it used, as merged fields that stay as they are; empty when not known."""
        entry = expected.entry
        with self._lock:
            if entry.open:
                entry.open -= 1
            if usage:
                entry.usage = usage

    def unlock(self) -> None:
        """Replaces the lock by one that nobody holds: for a forked child."""
        self._lock = Lock()


_watches: WeakSet[CacheWatch] = WeakSet()


def unlock_all() -> None:
    """Lets a forked child use the watches, whose locks another thread of the parent may have held."""
    for watch in _watches:
        watch.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=unlock_all)


def difference(before: Prefix | None, now: Prefix) -> str | None:
    """What changed from one prefix to another; the API looks at model, tools, system and parameters in this order."""
    if before is None or before == now:
        return None
    if before.model != now.model:
        return MODEL
    if before.tools != now.tools:
        return TOOLS
    return SYSTEM if before.system != now.system else PARAMETERS


def miss(
    expected: Expectation | None, usage: Usage, diagnosis: tuple[str, int] | None, minimum: int | None
) -> Miss | None:
    """Why the call missed the cache; `None` when it read from it. `diagnosis` is the API's reason and tokens."""
    if diagnosis is not None:
        return Miss(diagnosis[0] if diagnosis[0] in APIS else "unavailable", diagnosis[1])
    totals = usage.totals
    if totals.cache_read:
        return None
    if expected is None:
        return Miss(NOT_ASKED, 0)
    written = totals.cache_write
    if not written:
        return Miss(BELOW_MINIMUM if minimum is None or totals.prompt_tokens < minimum else MESSAGES, 0)
    reason = _reason(expected)
    if reason in (COLD, PARALLEL):
        return Miss(reason, written)
    tokens = cached(expected.usage or {}) or cached(expected.last_usage or {})
    return Miss(reason, min(written, tokens) if tokens else written)


def _reason(expected: Expectation) -> str:
    if expected.used is None:
        return expected.changed or COLD
    if expected.started - expected.used > expected.life:
        return EXPIRED
    if expected.begun:
        return MESSAGES
    return PARALLEL if expected.open else COLD
