"""A finding: what a check saw, how bad it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """What `check` saw. `commands` are lines to copy into a shell, `remedy` says in words what they do."""

    check: str
    level: Level
    what: str
    remedy: str = ""
    commands: tuple[str, ...] = ()


def ok(check: str, what: str, remedy: str = "", *commands: str) -> Finding:
    """A finding that all is well."""
    return Finding(check, "ok", what, remedy, commands)


def warning(check: str, what: str, remedy: str, *commands: str) -> Finding:
    """A finding that may be meant so."""
    return Finding(check, "warning", what, remedy, commands)


def error(check: str, what: str, remedy: str, *commands: str) -> Finding:
    """A finding that keeps calls, or their cost, from being seen."""
    return Finding(check, "error", what, remedy, commands)


def guarded(check: str, look: Callable[[], Sequence[Finding]]) -> list[Finding]:
    """What `look` finds. Never raises: a check that fails is itself a finding, and the others go on."""
    try:
        return list(look())
    except Exception as failure:
        what = f"this check failed in claude-otel itself: {type(failure).__name__}"
        return [warning(check, what, "The other checks are not affected. Please report it.")]


def without_secrets(url: str) -> str:
    """`url` without user, password, query and fragment, any of which may be a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
