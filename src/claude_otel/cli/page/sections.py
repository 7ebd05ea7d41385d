"""The five sections of the page: a question, its answer in words, then charts and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from claude_otel.cli.changes import Versions
from claude_otel.cli.fmt import percent, plural, seconds, tokens, usd
from claude_otel.cli.page import answers
from claude_otel.cli.page.charts import Axis, Bar, buckets, chart, distribution, share_bar, used
from claude_otel.cli.page.clock import Clock
from claude_otel.cli.page.markup import Markup, request_id, table, tag
from claude_otel.cli.record import Call
from claude_otel.cli.report import Report
from claude_otel.cli.tables import MEANINGS
from claude_otel.cli.tally import Group, by_size
from claude_otel.cli.timeline import Span

ROWS = 20
"""A table with more rows than this shows the largest, and how many more there are."""

Pieces = tuple[tuple[str, float], ...]
ToBar = Callable[[Span], Pieces]
Words = Callable[[float], str]

BLAMES_SHOWN = tuple(answers.BLAMES)
"""The colours of the chart of errors, from the bottom."""


def sections(report: Report, clock: Clock) -> Iterator[Markup]:
    """The five sections."""
    yield section("fault", "Is it us or Anthropic?", answers.whose_fault(report), *fault(report, clock))
    yield section("hurt", "Who is hurt?", answers.who_is_hurt(report), *hurt(report, clock))
    yield section("money", "What burns the money?", answers.what_burns_money(report), *money(report, clock))
    yield section("changed", "What changed?", answers.what_changed(report, clock), *changed(report, clock))
    yield section("cache", "Is the cache broken, and why?", answers.is_the_cache_broken(report), *cache(report, clock))


def section(name: str, question: str, answer: str, *parts: Markup) -> Markup:
    """A question, its answer, and what it is made of."""
    return tag(
        "section",
        tag("h2", question, id=name),
        tag("p", answer, class_="answer"),
        *parts,
        aria_labelledby=name,
    )


def fault(report: Report, clock: Clock) -> Iterator[Markup]:
    """Errors by blame over time, and each kind of trouble with its newest request ids."""
    blames = [blame for blame in BLAMES_SHOWN if blame in report.blames.values]
    if blames:
        legend = [(blame, f"{answers.BLAMES[blame].who}: {int(report.blames.values[blame]):,}") for blame in blames]
        yield over_time("Calls that failed, by who is to blame", report, clock, blame_bar, plural_calls, legend)
    ranked = sorted(report.troubles.values.items(), key=lambda item: -item[1].calls)
    rows = [
        [
            blame,
            " ".join(filter(None, [status, error])),
            f"{trouble.calls:,}",
            when(trouble.first_at, trouble.last_at, clock),
            ids(trouble.request_ids),
        ]
        for (blame, status, error), trouble in ranked[:ROWS]
    ]
    head = ("Blame", "Error", "Calls", "When", "Newest request ids")
    yield table("What went wrong", head, with_rest(rows, len(ranked), 5), "<<><<")
    yield waits(report)


def waits(report: Report) -> Markup:
    """The rate limits that came nearest to their end."""
    ranked = sorted(report.headroom.items(), key=lambda item: item[1][0])
    rows = [[name, percent(low), model] for name, (low, model) in ranked]
    return table("Rate limits: the lowest that was left", ("Limit", "Left", "Model"), rows, "<><")


def hurt(report: Report, clock: Clock) -> Iterator[Markup]:
    """Each surface: errors, times and their distribution; then the slowest calls."""
    ranked = sorted(report.surfaces.values.items(), key=lambda item: (-item[1].errors, -item[1].calls))
    firsts = {name: buckets(group.first_text.values) for name, group in ranked[:ROWS]}
    wholes = {name: buckets(group.duration.values) for name, group in ranked[:ROWS]}
    shown = used([*firsts.values(), *wholes.values()])
    rows = [
        [
            name,
            f"{group.calls:,}",
            errors(group),
            *(seconds(group.first_text.percentile(share)) for share in (0.5, 0.95)),
            distribution(f"First text of {name}", firsts[name], shown),
            *(seconds(group.duration.percentile(share)) for share in (0.5, 0.95)),
            distribution(f"Whole answer of {name}", wholes[name], shown),
        ]
        for name, group in ranked[:ROWS]
    ]
    head = (
        "Surface", "Calls", "Errors", "First text p50", "First text p95", "First text",
        "Whole answer p50", "Whole answer p95", "Whole answer",
    )  # fmt: skip
    yield table("Surfaces, those with most errors first", head, with_rest(rows, len(ranked), 9), "<><>><>><")
    yield tag("p", "Times are of messages that did not fail; a percentile is a time that was measured.", class_="note")
    yield calls_table("The slowest calls", report.slowest.calls, clock)


def errors(group: Group) -> str:
    """How many calls of a surface failed, and by whose fault."""
    if not group.errors:
        return "0"
    ranked = sorted(group.blames.items(), key=lambda item: -item[1])
    return f"{group.errors:,} ({', '.join(name for name, _ in ranked)})"


def money(report: Report, clock: Clock) -> Iterator[Markup]:
    """Cost over time and by everything it can be split by; then the dearest calls."""
    if report.cost:
        yield over_time("Cost", report, clock, cost_bar, usd)
    surfaces = {name: group.cost for name, group in report.surfaces.values.items()}
    by_surface = dict(sorted(surfaces.items(), key=lambda item: -item[1]))
    yield tag(
        "div",
        amounts("By component", by_size(report.components), report.cost),
        amounts("By surface", by_surface, report.cost),
        amounts("By model", by_size(report.models), report.cost),
        class_="side-by-side",
    )
    yield calls_table("The dearest calls", report.dearest.calls, clock)


def amounts(caption: str, parts: dict[str, float], total: float) -> Markup:
    """Parts of the bill that are not zero: name, USD, share."""
    found = [(name, part) for name, part in parts.items() if part]
    rows: list[list[str]] = [
        [name, usd(part), share_bar(part / total, percent(part / total))] for name, part in found[:ROWS] if total
    ]
    if len(found) > ROWS:
        rest = sum(part for _, part in found[ROWS:])
        rows.append([f"({len(found) - ROWS:,} more)", usd(rest), percent(rest / total)])
    return table(caption, (caption.removeprefix("By ").capitalize(), "Cost", "Share"), rows, "<><")


def changed(report: Report, clock: Clock) -> Iterator[Markup]:
    """Each change, and calls before and after it; then the models and releases that were there."""
    found = answers.changes(report)
    rows = [
        [
            f"{each.what} of {each.where}",
            clock(each.versions.changed_at),
            count_of(each.versions),
            answers.sums_words(each.versions.before),
            answers.sums_words(each.versions.after),
        ]
        for each in found[:ROWS]
    ]
    head = ("What", "First change", "Versions", "Before", "Since")
    yield table("Before and after each first change", head, with_rest(rows, len(found), 5), "<<><<")
    yield what_ran(report)
    yield releases(report)


def what_ran(report: Report) -> Markup:
    """The call sites of messages, with their models and how many prompts they had."""
    ranked = sorted(report.changes.sites.values.items(), key=lambda item: -item[1].sums.calls)
    rows = [
        [
            surface,
            call_site,
            ", ".join(list(site.models.calls)[:5]) or "-",
            count_of(site.prompts),
            f"{site.sums.calls:,}",
        ]
        for (surface, call_site), site in ranked[:ROWS]
    ]
    head = ("Surface", "Call site", "Models that answered", "Prompts", "Calls")
    return table("What ran", head, with_rest(rows, len(ranked), 5), "<<<>>")


def releases(report: Report) -> Markup:
    """The releases of the program, where it names them."""
    rows = [
        [service or "the program", version, f"{count:,}"]
        for service, versions in report.changes.releases.values.items()
        for version, count in versions.calls.items()
    ]
    return table("Releases", ("Program", "Release", "Calls"), with_rest(rows[:ROWS], len(rows), 3), "<<>")


def count_of(versions: Versions) -> str:
    """How many versions there were, as far as they are told apart."""
    return f"{len(versions.calls) - 1:,}+" if versions.capped else f"{len(versions.calls):,}"


def cache(report: Report, clock: Clock) -> Iterator[Markup]:
    """The ratio over time, why the cache was not read, and the ratio of each surface."""
    if report.cache_read or report.cache_write:
        yield over_time("Input read from the cache", report, clock, ratio_bar, percent)
    yield misses(report)
    yield cache_by_surface(report)


def misses(report: Report) -> Markup:
    """Why the cache was not read, and what that cost."""
    ranked = sorted(report.misses.values.items(), key=lambda item: (-item[1].usd, -item[1].tokens, -item[1].calls))
    rows = [
        [
            reason,
            f"{miss.calls:,}",
            tokens(miss.tokens) if miss.tokens else "-",
            usd(miss.usd) if miss.usd else "-",
            MEANINGS.get(reason, ""),
        ]
        for reason, miss in ranked[:ROWS]
    ]
    head = ("Reason", "Calls", "Tokens", "Lost", "In words")
    return table("Why the cache was not read", head, with_rest(rows, len(ranked), 5), "<>>><")


def cache_by_surface(report: Report) -> Markup:
    """What the cache gave each surface, those first that lost most."""
    asked = [(name, group) for name, group in report.surfaces.values.items() if group.input_tokens]
    asked.sort(key=lambda item: -item[1].missed_usd)
    rows = [
        [
            name,
            tokens(group.input_tokens),
            share_bar(group.cache_read / group.input_tokens, percent(group.cache_read / group.input_tokens)),
            usd(group.missed_usd) if group.missed_usd else "-",
        ]
        for name, group in asked[:ROWS]
    ]
    head = ("Surface", "Input tokens", "Read from the cache", "Lost by misses")
    return table("Cache by surface", head, with_rest(rows, len(asked), 4), "<><>")


def calls_table(caption: str, calls: Sequence[Call], clock: Clock) -> Markup:
    """Single calls, with the ids to send to support."""
    rows = [
        [
            clock(call.at) or "-",
            call.surface,
            call.model,
            seconds(call.duration),
            f"{tokens(call.input_tokens)} / {tokens(call.output_tokens)}",
            usd(call.bill.usd),
            f"{call.outcome}, {call.blame}" if call.blame and call.blame != call.outcome else call.outcome,
            request_id(call.request_id or call.batch_id or ""),
        ]
        for call in calls
    ]
    head = ("Ended", "Surface", "Model", "Took", "Tokens in / out", "Cost", "Outcome", "Request id")
    return table(caption, head, rows, "<<<>>><<")


def over_time(
    title: str, report: Report, clock: Clock, to_bar: ToBar, words: Words, legend: Sequence[tuple[str, str]] = ()
) -> Markup:
    """A chart of the spans of the run; none when there are not three of them."""
    spans = report.timeline.spans
    if len(spans) < 3:
        return Markup("")
    width = report.timeline.width
    values = [to_bar(span) for _, span in spans]
    sums = [sum(value for _, value in pieces) for pieces in values]
    bars = [
        Bar(pieces, f"{clock(at)}: {words(value) if pieces else 'nothing'}")
        for (at, _), pieces, value in zip(spans, values, sums, strict=True)
    ]
    top = 1.0 if to_bar is ratio_bar else max(sums)
    peak = spans[sums.index(max(sums))][0]
    full = f"{title}, a bar for {span_words(width)}. Highest: {words(max(sums))} at {clock(peak)}."
    axis = Axis(top, words(top), clock(spans[0][0]), clock(spans[-1][0] + width))
    return chart(full, bars, axis, legend)


def span_words(width: int) -> str:
    """The width of a bar in words."""
    return "each second" if width == 1 else f"{width:,} seconds"


def blame_bar(span: Span) -> Pieces:
    """Errors of a span by blame."""
    return tuple((blame, float(span.blames[blame])) for blame in BLAMES_SHOWN if blame in span.blames)


def cost_bar(span: Span) -> Pieces:
    """The cost of a span."""
    return (("plain", span.cost),)


def ratio_bar(span: Span) -> Pieces:
    """The share of the input of a span that was read from the cache."""
    return (("plain", span.hit_ratio),) if span.hit_ratio is not None else ()


def plural_calls(value: float) -> str:
    """So many calls."""
    return plural(int(value), "call")


def when(first: float, last: float, clock: Clock) -> str:
    """From when to when something was seen."""
    begin, end = clock(first), clock(last)
    return begin if begin == end else f"{begin} to {end}"


def ids(found: Sequence[str]) -> Markup:
    """Request ids, the newest first."""
    return tag("div", *(tag("div", request_id(each)) for each in reversed(found)))


def with_rest(rows: Sequence[Sequence[str]], count: int, columns: int) -> list[Sequence[str]]:
    """`rows` of `count`, and how many are not shown."""
    if count <= len(rows):
        return list(rows)
    return [*rows, [f"({count - len(rows):,} more)", *[""] * (columns - 1)]]
