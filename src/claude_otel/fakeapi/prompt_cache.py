"""The prompt cache: what of a prompt is read from it, what is written to it, and for how long.

A prefix is known by everything up to a breakpoint, and by workspace, model, speed, thinking, effort and tool choice.
It can be read only once the response of the request that wrote it has begun, and a read renews its time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from .clock import Clock
from .jsontypes import JSON, as_dict, canonical
from .models import minimum_prefix
from .prefix import Segment, cache_ttl, segments

MAXIMUM_BREAKPOINTS = 4
LOOK_BACK = 20
MAXIMUM_KEPT = 50_000
SECONDS = {"5m": 300.0, "1h": 3_600.0}


@dataclass(frozen=True)
class CachePlan:
    """How the tokens of one prompt split, and the prefixes that become readable when its response begins."""

    uncached: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    prefixes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Breakpoint:
    """The end of a prefix: where it is, what it is known by, how many tokens it holds and how long it is kept."""

    index: int
    key: str
    tokens: int
    ttl: str


@dataclass(frozen=True)
class Kept:
    """Until when a prefix can be read, and for how long a read renews it."""

    until: float
    ttl: str


class PromptCache:
    """The prefixes of all workspaces and models, each with the time at which it is forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Kept] = {}

    def plan(self, workspace: str, model: str, body: JSON) -> CachePlan:
        """What a prompt would read and write now. Changes nothing."""
        row = segments(body)
        keys = list(_prefix_keys(_scope(workspace, model, body), row))
        sums = list(_running_sums(row))
        total = sums[-1] if sums else 0
        breakpoints = [
            Breakpoint(index, keys[index], sums[index], ttl)
            for index, ttl in breakpoint_ttls(body, row)
            if sums[index] >= minimum_prefix(model)
        ]
        if not breakpoints:
            return CachePlan(uncached=max(1, total))
        hit = self._longest_hit(breakpoints, keys)
        prefixes = {point.key: point.ttl for point in breakpoints}
        if hit is not None:
            prefixes.setdefault(keys[hit], self._kept[keys[hit]].ttl)
        return _plan(breakpoints, 0 if hit is None else sums[hit], total, prefixes)

    def begin(self, plan: CachePlan) -> None:
        """Make the prefixes of a plan readable, or renew them, as its response begins."""
        for key, ttl in plan.prefixes.items():
            self._keep(key, ttl)
        if len(self._kept) > MAXIMUM_KEPT:
            now = self._clock.now()
            self._kept = {key: kept for key, kept in self._kept.items() if kept.until > now}

    def clear(self) -> None:
        """Forget every prefix."""
        self._kept.clear()

    def _keep(self, key: str, ttl: str) -> None:
        until = self._clock.now() + SECONDS[ttl]
        kept = self._kept.get(key)
        if kept is None or kept.until <= until:
            self._kept[key] = Kept(until, ttl)

    def _longest_hit(self, breakpoints: list[Breakpoint], keys: list[str]) -> int | None:
        now = self._clock.now()
        for point in reversed(breakpoints):
            for index in range(point.index, max(-1, point.index - LOOK_BACK), -1):
                kept = self._kept.get(keys[index])
                if kept is not None and kept.until > now:
                    return index
        return None


def breakpoint_ttls(body: JSON, row: list[Segment]) -> list[tuple[int, str]]:
    """Where a prompt's prefixes end, in order, with the time to live of each. A top-level `cache_control` marks the
    last segment."""
    marked = [(index, segment.ttl) for index, segment in enumerate(row) if segment.ttl]
    automatic = cache_ttl(body.get("cache_control"))
    if automatic and row and row[-1].ttl is None:
        marked.append((len(row) - 1, automatic))
    return marked


def _plan(breakpoints: list[Breakpoint], read: int, total: int, prefixes: dict[str, str]) -> CachePlan:
    last = breakpoints[-1].tokens
    until_1h = max((point.tokens for point in breakpoints if point.ttl == "1h"), default=0)
    written_1h = max(0, until_1h - read)
    return CachePlan(
        uncached=total - last,
        read=read,
        written_5m=max(0, last - read - written_1h),
        written_1h=written_1h,
        prefixes=prefixes,
    )


def _scope(workspace: str, model: str, body: JSON) -> str:
    effort = as_dict(body.get("output_config")).get("effort")
    return canonical(
        [workspace, model, body.get("speed"), body.get("thinking"), effort, body.get("tool_choice")],
    )


def _prefix_keys(scope: str, row: list[Segment]) -> Iterator[str]:
    digest = hashlib.sha256(scope.encode())
    for segment in row:
        digest.update(b"\0" + segment.text.encode())
        yield digest.hexdigest()


def _running_sums(row: list[Segment]) -> Iterator[int]:
    total = 0
    for segment in row:
        total += segment.tokens
        yield total
