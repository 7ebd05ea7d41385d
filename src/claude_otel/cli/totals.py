"""The totals of a run: a name and a value for each thing that there is something to say of."""

from __future__ import annotations

from collections.abc import Iterator

from claude_otel.cli.fmt import Style, percent, plural, printable, seconds, table, tokens, usd
from claude_otel.cli.report import Report
from claude_otel.cli.sample import Sample
from claude_otel.cli.tally import by_size


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
    parts = [("cached", report.cache_read), ("written", report.cache_write)]
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
    return f"{plural(report.retried, 'call')}, {report.recovered} recovered ({cost})"


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
    created = f"{int(counts.get('created', 0))} created with {plural(int(counts.get('requests', 0)), 'request')}"
    failed = f", {int(counts.get('failed', 0))} failed" if counts.get("failed") else ""
    results = f"{plural(int(counts.get('results_read', 0)), 'result')} read{failed}"
    return f"{created}; {results}, {usd(counts.get('cost_usd', 0.0))}"


def unpriced(report: Report) -> str:
    """The models that have no price."""
    if not report.unpriced:
        return ""
    names = ", ".join(printable(name) for name in list(by_size(report.unpriced_models))[:5])
    return f"{plural(report.unpriced, 'call')} ({names}): their cost is not in the sums"
