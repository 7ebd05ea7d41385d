"""The tables of a run's report: what went wrong, surfaces, the bill, and what missed the cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from claude_otel.cli.fmt import BLAME_STYLES, Style, percent, printable, seconds, shortened, tokens, usd
from claude_otel.cli.report import Report
from claude_otel.cli.tally import Group, Miss, by_size

ROWS = 12
"""A table with more rows than this shows the largest, and how many more there are."""

NAME_COLUMNS = 32

SURFACE_HEAD = ("", "calls", "err", "cost", "cached", "ttft p50", "p95", "took p50", "p95")
TROUBLE_HEAD = ("blame", "status", "error", "calls", "newest request id")
MISS_HEAD = ("", "calls", "tokens", "cost", "")

Table = tuple[str, list[list[str]], str]


def tables(report: Report, style: Style, columns: int) -> Iterator[Table]:
    """Heading, rows and alignment of each table that has something to show."""
    if report.troubles:
        yield "What went wrong", [*head(TROUBLE_HEAD, style), *trouble_rows(report, style)], "<<<><"
    if report.surfaces:
        yield "By surface", head(SURFACE_HEAD, style) + surface_rows(report, style, columns), "<>>>>>>>>"
    if report.cost:
        yield "Cost by component", money_rows(by_size(report.components), report.cost, style), "<>>"
        yield "Cost by model", money_rows(by_size(report.models), report.cost, style), "<>>"
    if report.misses:
        yield "Why the cache was not read", head(MISS_HEAD, style) + miss_rows(report, style), "<>>><"


def has_rows(table: Table) -> bool:
    """Whether a table has anything in it."""
    return bool(table[1])


def head(names: Sequence[str], style: Style) -> list[list[str]]:
    """The row of column names."""
    return [[style(name, "dim") for name in names]]


def trouble_rows(report: Report, style: Style) -> Iterator[list[str]]:
    """Blame, status, error, count and newest request ids of each kind of trouble, the most frequent first."""
    ranked = sorted(report.troubles.values.items(), key=lambda item: -item[1].calls)
    for (blame, status, error), trouble in ranked[:ROWS]:
        newest = trouble.request_ids[-1] if trouble.request_ids else ""
        named = style(printable(blame), BLAME_STYLES.get(blame, "red"))
        yield [named, status, printable(error), f"{trouble.calls:,}", style(printable(newest), "dim")]
    if len(ranked) > ROWS:
        yield [style(f"({len(ranked) - ROWS} more)", "dim"), "", "", "", ""]


def surface_rows(report: Report, style: Style, columns: int) -> list[list[str]]:
    """A row for each surface, the most expensive first."""
    ranked = sorted(report.surfaces.values.items(), key=lambda item: (-item[1].cost, -item[1].calls))
    rows = [
        surface_row(shortened(printable(name), name_columns(columns)), group, style) for name, group in ranked[:ROWS]
    ]
    if len(ranked) > ROWS:
        rows.append([style(f"({len(ranked) - ROWS} more)", "dim")] + [""] * 8)
    return rows


def name_columns(columns: int) -> int:
    """How wide a surface's name may be beside its numbers."""
    return max(12, min(NAME_COLUMNS, columns - len("  ".join(SURFACE_HEAD)) - 8))


def surface_row(name: str, group: Group, style: Style) -> list[str]:
    """The numbers of one surface."""
    share = percent(group.cache_read / group.input_tokens) if group.input_tokens else "-"
    measured = [seconds(sample.percentile(at)) for sample in (group.first_text, group.duration) for at in (0.5, 0.95)]
    failed = style(str(group.errors), "red") if group.errors else "0"
    return [
        style(name, "cyan"),
        f"{group.calls:,}",
        failed,
        usd(group.cost),
        share,
        *measured,
    ]


def money_rows(amounts: dict[str, float], total: float, style: Style) -> list[list[str]]:
    """A row for each part of the bill that is not zero: name, USD, share."""
    parts = [(name, part) for name, part in amounts.items() if part]
    rows = [
        [shortened(printable(name), NAME_COLUMNS), usd(part), style(percent(part / total), "dim")]
        for name, part in parts[:ROWS]
    ]
    if len(parts) > ROWS:
        rows.append([style(f"({len(parts) - ROWS} more)", "dim"), usd(sum(part for _, part in parts[ROWS:])), ""])
    return rows


MEANINGS = {
    "model_changed": "another model than before",
    "tools_changed": "the tools changed",
    "system_changed": "the system prompt changed",
    "parameters_changed": "parameters changed",
    "messages_changed": "earlier messages changed",
    "expired": "not used within its life",
    "cold": "first use",
    "parallel": "another call was still writing it",
    "below_minimum": "too short to be cached",
    "not_asked": "no cache_control in the request",
}
"""Why the cache was not read, in words."""


def miss_rows(report: Report, style: Style) -> list[list[str]]:
    """A row for each reason why the cache was not read, the most expensive first."""
    ranked = sorted(report.misses.values.items(), key=lambda item: (-item[1].usd, -item[1].tokens, -item[1].calls))
    return [miss_row(printable(reason), miss, style) for reason, miss in ranked[:ROWS]]


def miss_row(reason: str, miss: Miss, style: Style) -> list[str]:
    """The numbers of one reason, and the reason in words."""
    meaning = style(MEANINGS.get(reason, ""), "dim")
    lost = [tokens(miss.tokens), usd(miss.usd)] if miss.tokens or miss.usd else ["-", "-"]
    return [style(reason, "yellow"), f"{miss.calls:,}", *lost, meaning]
