"""Durations as Prometheus writes them, and the one function that scales those of a rule file.

Rules are written with the largest unit that fits (`1d`, not `24h`), so that a scaled file can be scaled back byte for
byte. What belongs to the calendar (the 86400 seconds of a day, the range in which midnight is looked up) is written as
a bare number of seconds and is not scaled: a drill runs faster, but its midnight is everybody's.
"""

from __future__ import annotations

import re
from fractions import Fraction

_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = re.compile(r"(?<![\w.$])(\d+)(ms|d|h|m|s)(?!\w)")
_STRING = re.compile(r'("(?:[^"\\]|\\.)*")')
_KEY = re.compile(
    r"\s*(?:- )?(interval|for|keep_firing_for|evaluation_interval|group_wait|group_interval|repeat_interval):\s"
)
_EXPRESSION = re.compile(r"(\s*)(?:- )?expr: \|-?$")


class DurationError(ValueError):
    """A duration that cannot be written, or not be scaled back."""


def milliseconds(text: str) -> int:
    """How long `text` (`30s`, `5m`, `1h`, `1d`) is."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise DurationError(f"{text!r} is no duration. Write a whole number and one of d, h, m, s, ms: 5m")
    return int(found[1]) * _MILLISECONDS[found[2]]


def seconds(text: str) -> float:
    """How many seconds `text` is."""
    return milliseconds(text) / 1000


def text(length: int) -> str:
    """`length` in milliseconds, in the largest unit that divides it."""
    if length <= 0:
        return f"{length}s" if length == 0 else f"{length}ms"
    for unit, size in _MILLISECONDS.items():
        if length % size == 0:
            return f"{length // size}{unit}"
    raise AssertionError(length)


def of_seconds(length: float) -> str:
    """`length` seconds as a duration."""
    return text(round(length * 1000))


def scaled(duration: str, factor: Fraction) -> str:
    """`duration` times `factor`. It must be written with the largest unit, and stay a whole number of milliseconds."""
    length = milliseconds(duration)
    if length and text(length) != duration:
        raise DurationError(f"{duration} cannot be scaled back: write {text(length)}")
    if length == 0:
        return duration
    product = length * factor
    if product.denominator != 1:
        raise DurationError(f"{duration} times {factor} is no whole number of milliseconds")
    return text(int(product))


def scale(rules: str, factor: Fraction) -> str:
    """The rule file (or Alertmanager's) `rules` with every duration of its intervals and expressions times `factor`.

    `scale(scale(rules, f), 1 / f) == rules`. Text in quotes, comments and annotations stay as they are.
    """
    lines = []
    block: int | None = None
    for line in rules.split("\n"):
        indent = len(line) - len(line.lstrip())
        if block is not None and line.strip() and indent <= block:
            block = None
        opened = _EXPRESSION.fullmatch(line)
        if block is not None:
            lines.append(_expression(line, factor))
        elif _KEY.match(line):
            lines.append(_DURATION.sub(lambda found: scaled(found[0], factor), line))
        else:
            lines.append(line)
        if block is None and opened:
            block = len(opened[1])
    return "\n".join(lines)


def _expression(line: str, factor: Fraction) -> str:
    parts = _STRING.split(line)
    parts[::2] = [_DURATION.sub(lambda found: scaled(found[0], factor), part) for part in parts[::2]]
    return "".join(parts)
