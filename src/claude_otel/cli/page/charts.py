"""Charts as SVG that is stretched to its place; all words stand beside it, in the page's own size."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from claude_otel.cli.fmt import seconds
from claude_otel.cli.page.markup import Markup, tag
from claude_otel.telemetry import DURATION_EDGES

HEIGHT = 100.0


@dataclass(frozen=True)
class Bar:
    """One bar: its pieces from the bottom, each a class and a value, and what it says when it is pointed at."""

    pieces: tuple[tuple[str, float], ...]
    words: str


@dataclass(frozen=True)
class Axis:
    """The ends of both axes: what the highest bar may reach, in words too, and where the bars begin and end."""

    top: float
    top_words: str
    first: str
    last: str


def chart(title: str, bars: Sequence[Bar], axis: Axis, legend: Sequence[tuple[str, str]] = ()) -> Markup:
    """A figure of bars over time. `legend` names the classes of the pieces."""
    keys = [tag("li", tag("span", class_=f"key {name}", aria_hidden="true"), words) for name, words in legend]
    return tag(
        "figure",
        tag("figcaption", title),
        tag("p", axis.top_words, class_="top", aria_hidden="true"),
        drawing(title, bars, axis.top, "bars"),
        tag("p", tag("span", axis.first), tag("span", axis.last), class_="ends"),
        tag("ul", *keys, class_="legend") if keys else Markup(""),
    )


def drawing(title: str, bars: Sequence[Bar], top: float, kind: str) -> Markup:
    """The bars alone."""
    shapes = [bar(number, each, top) for number, each in enumerate(bars)]
    return tag(
        "svg",
        tag("title", title),
        *shapes,
        viewBox=f"0 0 {max(1, len(bars))} {HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
        class_=kind,
    )


def bar(place: int, each: Bar, top: float) -> Markup:
    """A bar: its pieces, and a place to point at that is as high as the chart."""
    shapes = []
    reached = 0.0
    for name, value in each.pieces:
        height = HEIGHT * value / top if top else 0.0
        if height > 0:
            shapes.append(rectangle(place + 0.06, HEIGHT - reached - height, 0.88, height, f"piece {name}"))
        reached += height
    whole = rectangle(place, 0, 1, HEIGHT, "whole")
    return tag("g", tag("title", each.words), whole, *shapes)


def rectangle(x: float, y: float, width: float, height: float, name: str) -> Markup:
    """A rectangle."""
    return tag("rect", x=f"{x:g}", y=f"{y:.4g}", width=f"{width:g}", height=f"{height:.4g}", class_=name)


def buckets(values: Sequence[float]) -> list[int]:
    """How many of `values` are in each bucket of the metrics' own edges; the last one is above the last edge."""
    counts = [0] * (len(DURATION_EDGES) + 1)
    for value in values:
        counts[bisect_left(DURATION_EDGES, value)] += 1
    return counts


def used(all_counts: Sequence[Sequence[int]]) -> range:
    """The buckets from the first to the last that any has something in."""
    filled = [number for counts in all_counts for number, count in enumerate(counts) if count]
    return range(min(filled), max(filled) + 1) if filled else range(0)


def distribution(name: str, counts: Sequence[int], shown: range) -> Markup:
    """How long calls took, as small bars with the ends of the scale below them; the same scale for all of a table."""
    if not sum(counts):
        return Markup("-")
    bars = [Bar((("plain", counts[number]),), f"{between(number)}: {counts[number]:,}") for number in shown]
    words = "; ".join(f"{between(number)}: {counts[number]:,}" for number in shown if counts[number])
    picture = drawing(f"{name}. {words}", bars, max(counts), "spread")
    low = seconds(DURATION_EDGES[shown.start - 1]) if shown.start else "0s"
    high = seconds(DURATION_EDGES[shown.stop - 1]) if shown.stop <= len(DURATION_EDGES) else "over 10m"
    ends = tag("span", tag("span", low), tag("span", high), class_="ends", aria_hidden="true")
    return tag("div", picture, ends)


def between(number: int) -> str:
    """The bucket in words."""
    if number == len(DURATION_EDGES):
        return f"over {seconds(DURATION_EDGES[-1])}"
    low = seconds(DURATION_EDGES[number - 1]) if number else "0s"
    return f"{low} to {seconds(DURATION_EDGES[number])}"


def share_bar(share: float, words: str) -> Markup:
    """A share of a whole, as a bar behind its number."""
    picture = tag(
        "svg",
        rectangle(0, 0, max(0.0, min(1.0, share)) * 100, 10, "piece plain"),
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        class_="share",
        aria_hidden="true",
    )
    return tag("span", picture, words)
