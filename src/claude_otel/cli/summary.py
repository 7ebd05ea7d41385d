"""The report of a run as text, to be read in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from claude_otel.cli.fmt import (
    BLAME_STYLES,
    Style,
    percent,
    plural,
    printable,
    seconds,
    shortened,
    table,
    tokens,
    usd,
)
from claude_otel.cli.health import Health
from claude_otel.cli.report import Report
from claude_otel.cli.sample import Sample
from claude_otel.cli.tally import Group, by_size

ROWS = 12
"""A table with more rows than this shows the largest, and how many more there are."""

NAME_COLUMNS = 32


def summary(report: Report, health: Health, title: str, style: Style) -> list[str]:
    """The lines of the report: a heading, the totals, a table for each thing there is something to say of."""
    lines = [style(f"claude-otel  {printable(title)}", "bold"), ""]
    lines += totals(report, style)
    for heading, rows, align in tables(report, style):
        lines += ["", style(heading, "bold"), *table(rows, align)]
    notes = list(remarks(health, style))
    return lines + (["", *notes] if notes else [])


def totals(report: Report, style: Style) -> list[str]:
    """The numbers of the whole run."""
    rows = [(style(name, "dim"), value) for name, value in total_rows(report, style) if value]
    return table(rows, "<<")


def total_rows(report: Report, style: Style) -> Iterator[tuple[str, str]]:
    """Names and values of the totals."""
    yield "calls", calls(report, style)
    yield "cost", cost(report, style)
    yield "tokens", token_counts(report)
    yield "cache", f"{percent(report.hit_ratio)} of input tokens read from it" if report.input_tokens else ""
    yield "first text", times(report.first_text)
    yield "first chunk", times(report.first_chunk)
    yield "latency", times(report.duration)
    yield "retries", retries(report)
    yield "rate limits", headroom(report)
    yield "batches", batches(report)
    yield (
        "count_tokens",
        f"{plural(report.counted_calls, 'call')}, {tokens(report.counted_tokens)} tokens counted"
        if report.counted_calls
        else "",
    )
    yield "unpriced", style(unpriced(report), "yellow")


def calls(report: Report, style: Style) -> str:
    """How many calls there were, how many of them failed, in how many processes."""
    share = f" ({percent(report.errors / report.calls)})" if report.errors else ""
    failed = style(plural(report.errors, "error") + share, "red" if report.errors else "green")
    where = f" in {len(report.instances)} processes" if len(report.instances) > 1 else ""
    return f"{report.calls:,}, {failed}{where}"


def cost(report: Report, style: Style) -> str:
    """What it cost, and what the cache saved, or lost."""
    spent = style(usd(report.cost), "bold")
    saved = report.uncached_cost - report.cost
    if abs(saved) < 0.00005 or not report.uncached_cost:
        return spent
    verb, share = ("saved", saved) if saved > 0 else ("added", -saved)
    return f"{spent}; the cache {verb} {usd(share)} ({percent(share / report.uncached_cost)})"


def token_counts(report: Report) -> str:
    """Input and output, and what they were made of."""
    if not report.input_tokens and not report.output_tokens:
        return ""
    parts = [("cache reads", report.cache_read), ("cache writes", report.cache_write)]
    inside = ", ".join(f"{tokens(count)} {name}" for name, count in parts if count)
    thought = f" ({tokens(report.reasoning)} thinking)" if report.reasoning else ""
    asked = f"in {tokens(report.input_tokens)}{f' ({inside})' if inside else ''}"
    return f"{asked}, out {tokens(report.output_tokens)}{thought}"


def times(sample: Sample) -> str:
    """The median and the 95th percentile."""
    if not sample.count:
        return ""
    about = "" if sample.exact else f" (of {len(sample.values):,} out of {sample.count:,} calls, at random)"
    return f"p50 {seconds(sample.percentile(0.5))}  p95 {seconds(sample.percentile(0.95))}{about}"


def retries(report: Report) -> str:
    """How many calls were sent again, and whether it helped."""
    if not report.retried:
        return ""
    cost = f"{plural(report.resent, 'more attempt')}, {seconds(report.backoff)} of back-off"
    return f"{plural(report.retried, 'call')} sent again ({cost}), {report.recovered} recovered"


def headroom(report: Report) -> str:
    """The rate limit that came nearest to its end."""
    if not report.headroom:
        return ""
    name, (low, model) = min(report.headroom.items(), key=lambda item: item[1][0])
    return f"lowest headroom {percent(low)} ({printable(name)}, {printable(model)})"


def batches(report: Report) -> str:
    """What was sent in batches, and what came of it."""
    counts = report.batches.values
    if not counts:
        return ""
    created = (
        f"{int(counts.get('created', 0))} created with {plural(int(counts.get('requests', 0)), 'request')}"
    )
    failed = f", {int(counts.get('failed', 0))} failed" if counts.get("failed") else ""
    results = f"{plural(int(counts.get('results_read', 0)), 'result')} read{failed}"
    return f"{created}; {results}, {usd(counts.get('cost_usd', 0.0))}"


def unpriced(report: Report) -> str:
    """The models that have no price."""
    if not report.unpriced:
        return ""
    names = ", ".join(printable(name) for name in list(by_size(report.unpriced_models))[:5])
    return f"{plural(report.unpriced, 'call')} ({names}): their cost is not in the sums"


Table = tuple[str, list[list[str]], str]


def tables(report: Report, style: Style) -> Iterator[Table]:
    """Heading, rows and alignment of each table that has something to show."""
    if report.troubles:
        yield "What went wrong", [*trouble_rows(report, style)], "<<<><"
    if report.surfaces:
        yield (
            "By surface",
            head(["", "calls", "errors", "cost", "cached", "ttft p50", "p95", "latency p50", "p95"], style)
            + surface_rows(report, style),
            "<>>>>>>>>",
        )
    if report.cost:
        yield "Cost by component", money_rows(by_size(report.components), report.cost, style), "<>>"
        yield "Cost by model", money_rows(by_size(report.models), report.cost, style), "<>>"
    if report.misses:
        yield (
            "Why the cache was not read",
            head(["", "calls", "tokens", "cost"], style) + miss_rows(report, style),
            "<>>>",
        )


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


def surface_rows(report: Report, style: Style) -> list[list[str]]:
    """A row for each surface, the most expensive first."""
    ranked = sorted(report.surfaces.values.items(), key=lambda item: (-item[1].cost, -item[1].calls))
    rows = [surface_row(name, group, style) for name, group in ranked[:ROWS]]
    if len(ranked) > ROWS:
        rows.append([style(f"({len(ranked) - ROWS} more)", "dim")] + [""] * 8)
    return rows


def surface_row(name: str, group: Group, style: Style) -> list[str]:
    """The numbers of one surface."""
    share = percent(group.cache_read / group.input_tokens) if group.input_tokens else "-"
    measured = [
        seconds(sample.percentile(at)) for sample in (group.first_text, group.duration) for at in (0.5, 0.95)
    ]
    failed = style(str(group.errors), "red") if group.errors else "0"
    return [
        style(shortened(printable(name), NAME_COLUMNS), "cyan"),
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
        rows.append(
            [style(f"({len(parts) - ROWS} more)", "dim"), usd(sum(part for _, part in parts[ROWS:])), ""]
        )
    return rows


def miss_rows(report: Report, style: Style) -> list[list[str]]:
    """A row for each reason why the cache was not read, the most expensive first."""
    ranked = sorted(report.misses.values.items(), key=lambda item: (-item[1].usd, -item[1].tokens))
    return [
        [style(printable(reason), "yellow"), f"{miss.calls:,}", tokens(miss.tokens), usd(miss.usd)]
        for reason, miss in ranked[:ROWS]
    ]


def remarks(health: Health, style: Style) -> Iterator[str]:
    """What the reader must know about the report itself."""
    if health.failures:
        parts = ", ".join(f"{count} in {part}" for part, count in health.failures.items())
        yield style(
            f"The instrumentation failed: {parts}. The program was not affected; please report it.", "yellow"
        )
    if health.lost_events:
        yield style(
            f"{plural(health.lost_events, 'event')} never arrived: the numbers above are too low.", "yellow"
        )
