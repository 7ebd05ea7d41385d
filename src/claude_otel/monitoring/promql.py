"""Small functions that write PromQL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import indent

Labels = tuple[str, ...]


def quoted(text: str) -> str:
    """`text` as a PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def any_of(values: Iterable[str]) -> str:
    """A regular expression, quoted, that matches each of `values` and nothing else."""
    return quoted("|".join(re.escape(value).replace("\\-", "-").replace("\\ ", " ") for value in values))


def number(value: float) -> str:
    """`value` as short as it can be written, never with an exponent."""
    if value == int(value):
        return str(int(value))
    text = repr(float(value))
    return f"{value:.20f}".rstrip("0") if "e" in text else text


def edge(bound: float) -> str:
    """A regular expression, quoted, for the `le` of a bucket: `2` over OTLP, `2.0` where it was scraped."""
    plain = number(bound).replace(".", "[.]")
    return quoted(plain if "." in number(bound) else f"{plain}|{plain}[.]0")


def by(labels: Labels, inner: str, function: str = "sum") -> str:
    """`inner` summed up by `labels`, over several lines where it is long."""
    head = f"{function} by ({', '.join(labels)})" if labels else function
    if "\n" in inner or len(inner) > 100:
        return f"{head} (\n{indent(inner, '  ')}\n)"
    return f"{head} ({inner})"


def on(labels: Labels) -> str:
    """The matching clause for `labels`."""
    return f"on ({', '.join(labels)})"


def ratio(part: str, whole: str) -> str:
    """`part` of `whole`, nothing where the whole is nothing."""
    return f"{part}\n/\n({whole} > 0)"


def quantile(q: float, labels: Labels, bucket: str, window: str) -> str:
    """The quantile `q` of a histogram in `window`."""
    return f"histogram_quantile({number(q)}, {by((*labels, 'le'), f'rate({bucket}[{window}])')})"


def names(expr: str) -> frozenset[str]:
    """The names of series that `expr` reads. `expr` is ours: names of functions are always followed by a bracket."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
    bare = re.sub(r"\b(by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\{[^}]*\}", " ", bare)
    found = re.findall(r"(?<![\w:.$])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])", bare)
    return frozenset(found) - _WORDS


_WORDS = frozenset(
    [
        "and",
        "or",
        "unless",
        "bool",
        "offset",
        "on",
        "by",
        "group_left",
        "group_right",
        "ignoring",
        "without",
        "sum",
        "count",
        "min",
        "max",
        "avg",
        "group",
        "topk",
        "inf",
        "Inf",
        "nan",
        "NaN",
    ]
)
