"""The five questions about a run, answered in a sentence or two each, and what stands out of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from claude_otel.cli.changes import Row, Site, SiteKey, Sums, Versions
from claude_otel.cli.fmt import percent, plural, seconds, tokens, usd
from claude_otel.cli.page.clock import Clock
from claude_otel.cli.record import NOT_ERRORS
from claude_otel.cli.report import Report
from claude_otel.cli.tables import MEANINGS
from claude_otel.cli.tally import Miss, by_size

BREAKS = frozenset(
    {
        "model_changed",
        "tools_changed",
        "system_changed",
        "parameters_changed",
        "messages_changed",
        "previous_message_not_found",
    }
)
"""The reasons that a program can mend, unlike a first use."""

BROKEN = 0.05
"""The share of the bill from which what a broken cache cost is the news of the run."""

LOOP = 8
"""Calls in a row, each with more input than the one before, from which they are taken for a loop."""

GROWN = 2
"""How many times as much input the last of them has as the first, at least."""

MOST_OF_THE_BILL = 0.3
"""The share of the bill from which such a row is the news of the run."""


@dataclass(frozen=True)
class Blame:
    """Who is to blame: in short, as the beginning of an answer, and what it means."""

    who: str
    answer: str
    meaning: str


BLAMES = {
    "provider": Blame("Anthropic", "It is Anthropic", "the API was overloaded, failed, or cut an answer off"),
    "quota": Blame("a rate limit", "It is our rate limit", "more was asked for than the rate limits allow"),
    "budget": Blame("a spend limit", "It is our spend limit", "the API refused as a spend limit was reached"),
    "caller": Blame("us", "It is us", "the request was wrong: it fails again as it is"),
    "network": Blame("the network", "It is the network", "no connection, or one that was lost"),
    "timeout": Blame("a timeout", "It is a timeout", "the answer took longer than the client waits"),
}
NOBODY = Blame("nobody known", "It is not known", "")


def stands_out(report: Report) -> list[str]:
    """What happened, the gravest first."""
    return [
        *([f"{fault_words(report)}."] if report.errors else []),
        *([f"The cache is broken: {miss_words(report)}"] if is_broken(report) else []),
        *(loop_words(key, site) for key, site in loops(report) if is_most(site, report)),
        *([unpriced(report)] if report.unpriced else []),
    ]


def all_well(report: Report) -> str:
    """That nothing stands out."""
    surfaces = plural(len(report.surfaces.values), "surface")
    cached = f"; the cache gave {percent(report.hit_ratio)} of the input" if report.cache_read else ""
    return f"All is well: {plural(report.calls, 'call')} of {surfaces} without an error for {usd(report.cost)}{cached}."


def whose_fault(report: Report) -> str:
    """Is it us or Anthropic?"""
    if not report.errors:
        return f"Neither: {none_of(report.calls)} failed.{resent(report)}" if report.calls else "There was no call."
    ranked = ranked_blames(report)
    blame, count = ranked[0]
    told = BLAMES.get(blame, NOBODY)
    if count == report.errors:
        return f"{fault_words(report)}, {'all' if count > 1 else 'and'} for one reason: {told.meaning}.{resent(report)}"
    others = ", ".join(f"{number:,} to {BLAMES.get(name, NOBODY).who}" for name, number in ranked[1:])
    return f"{fault_words(report)}; {count:,} are put down to {told.who} ({told.meaning}), {others}.{resent(report)}"


def fault_words(report: Report) -> str:
    """Who is to blame for most errors, and how many there are."""
    blame, count = ranked_blames(report)[0]
    who = BLAMES.get(blame, NOBODY).answer if count * 2 > report.errors else "It is not one thing"
    return (
        f"{who}: {report.errors:,} of {plural(report.calls, 'call')} failed ({percent(report.errors / report.calls)})"
    )


def none_of(calls: int) -> str:
    """That it is none of so many."""
    return f"none of {calls:,} calls" if calls != 1 else "the only call has not"


def resent(report: Report) -> str:
    """How often calls were sent again, and whether it helped."""
    if not report.retried:
        return ""
    return f" {plural(report.retried, 'call')} took more than one attempt, and {report.recovered:,} came through."


def ranked_blames(report: Report) -> list[tuple[str, int]]:
    """Errors by who is to blame, the most first: cancelled and refused calls are none."""
    found = [(name, int(count)) for name, count in report.blames.values.items() if name not in NOT_ERRORS]
    return sorted(found, key=lambda item: -item[1])


def who_is_hurt(report: Report) -> str:
    """Which surfaces fail, and which is slow."""
    failing = sorted(
        ((name, group) for name, group in report.surfaces.values.items() if group.errors),
        key=lambda item: -item[1].errors,
    )
    said = [
        f"{name}: {group.errors:,} of its {plural(group.calls, 'call')} failed ({percent(group.errors / group.calls)})"
        for name, group in failing[:3]
    ]
    more = f", and {plural(len(failing) - 3, 'more surface')}" if len(failing) > 3 else ""
    return (f"{'; '.join(said)}{more}." if said else "Nobody: no call failed.") + slowest(report)


def slowest(report: Report) -> str:
    """The surface whose first text comes last."""
    waits = [
        (group.first_text.percentile(0.95) or 0.0, name)
        for name, group in report.surfaces.values.items()
        if group.first_text.count
    ]
    if not waits:
        return ""
    wait, name = max(waits)
    return f" The longest wait for a first text is that of {name}: p95 {seconds(wait)}."


def what_burns_money(report: Report) -> str:
    """The bill, and what most of it is."""
    if not report.cost:
        return f"Nothing was billed.{' ' + unpriced(report) if report.unpriced else ''}"
    surface, group = max(report.surfaces.values.items(), key=lambda item: item[1].cost)
    model, model_cost = next(iter(by_size(report.models).items()))
    component, part = next(iter(by_size(report.components).items()), ("", 0.0))
    parts = [
        f"{surface} is {percent(group.cost / report.cost)} of it",
        f"{model} {percent(model_cost / report.cost)}",
        *([f"{COMPONENTS.get(component, component)} {percent(part / report.cost)}"] if component else []),
    ]
    grown = "".join(f" {loop_words(key, site)}" for key, site in loops(report))
    note = f" {unpriced(report)}" if report.unpriced else ""
    return f"{usd(report.cost)} in all: {', '.join(parts)}.{grown}{note}"


COMPONENTS = {
    "input": "input that is neither read from nor written to the cache",
    "output": "output",
    "cache_read": "cache reads",
    "cache_write_5m": "cache writes for 5 minutes",
    "cache_write_1h": "cache writes for 1 hour",
    "web_search": "web searches",
}
"""The parts of a bill in words."""


def unpriced(report: Report) -> str:
    """Models without a price."""
    names = ", ".join(list(by_size(report.unpriced_models))[:5])
    return f"{plural(report.unpriced, 'call')} of {names} had no price: their cost is in no sum here."


def loops(report: Report) -> Iterator[tuple[SiteKey, Site]]:
    """The call sites whose calls grew as those of a loop do, the dearest first, three at most."""
    found = [item for item in report.changes.sites.values.items() if is_loop(item[1].growth.longest)]
    yield from sorted(found, key=lambda item: -item[1].sums.cost)[:3]


def is_loop(row: Row) -> bool:
    """Whether a row of growing calls is taken for a loop; that of a customer who asks on is short, or grows slowly."""
    return row.calls >= LOOP and row.last >= GROWN * row.first


def is_most(site: Site, report: Report) -> bool:
    """Whether a call site spent so much of the bill that it is news."""
    return report.cost > 0 and site.sums.cost >= MOST_OF_THE_BILL * report.cost


def loop_words(key: SiteKey, site: Site) -> str:
    """A row of calls that grew."""
    row: Row = site.growth.longest
    return (
        f"{key[0]} runs on: {row.calls:,} calls in a row, each with more input than the one before, from "
        f"{tokens(row.first)} to {tokens(row.last)} tokens; "
        f"{usd(site.sums.cost)} for its {plural(site.sums.calls, 'call')}."
    )


def what_changed(report: Report, clock: Clock) -> str:
    """Models, prompts and releases that were not the same throughout."""
    found = [f"{change.what} of {change.where} {change_words(change.versions, clock)}" for change in changes(report)]
    if not found:
        return "Nothing: each call site kept its model and its prompt, and no release came."
    more = f" And {plural(len(found) - 3, 'more change')}: see below." if len(found) > 3 else ""
    return " ".join(f"{words[0].upper()}{words[1:]}." for words in found[:3]) + more


@dataclass(frozen=True)
class Change:
    """Something that was not the same throughout: what, of what, and its versions."""

    what: str
    where: str
    versions: Versions


def changes(report: Report) -> list[Change]:
    """All that changed, in the order of time."""
    found = [
        Change("the release", service or "the program", each)
        for service, each in report.changes.releases.values.items()
    ]
    for (surface, call_site), site in report.changes.sites.values.items():
        where = surface if call_site in ("unknown", surface) else f"{surface} ({call_site})"
        found += [Change("the model", where, site.models), Change("the prompt", where, site.prompts)]
    changed = [change for change in found if change.versions.changed_at is not None]
    return sorted(changed, key=lambda change: change.versions.changed_at or 0.0)


def change_words(versions: Versions, clock: Clock) -> str:
    """When it changed first, and how many there were."""
    at = clock(versions.changed_at)
    names = f"over {len(versions.calls) - 1}" if versions.capped else f"{len(versions.calls)}"
    return f"changed{f' at {at}' if at else ''} ({names} different ones)"


def sums_words(sums: Sums) -> str:
    """Some calls in short: how many, what one cost, how much came from the cache, how many failed."""
    if not sums.calls:
        return "-"
    cached = f", {percent(sums.cache_read / sums.input_tokens)} cached" if sums.input_tokens else ""
    failed = f", {percent(sums.errors / sums.calls)} failed" if sums.errors else ""
    return f"{plural(sums.calls, 'call')}, {usd(sums.cost / sums.calls)} each{cached}{failed}"


def is_the_cache_broken(report: Report) -> str:
    """Is the cache broken, and why?"""
    if not report.input_tokens:
        return "No call has read any input: there is nothing to say of the cache."
    ratio = f"{percent(report.hit_ratio)} of the input was read from it{saved(report)}."
    if is_broken(report):
        return f"Yes: {miss_words(report)} {ratio}"
    why = f" Why not the rest, by what it cost: {miss_words(report)}" if report.misses else ""
    if not report.cache_read and not report.cache_write:
        return f"It is not in use: {ratio}{why}"
    return f"No: {ratio}{why}"


def saved(report: Report) -> str:
    """What the cache saved, or cost more than it gave."""
    gain = report.uncached_cost - report.cost
    if abs(gain) < 0.00005:
        return ""
    return f", which saved {usd(gain)}" if gain > 0 else f", and its writes cost {usd(-gain)} more than it saved"


def is_broken(report: Report) -> bool:
    """Whether misses that the program can mend cost so much that they are the news of the run."""
    lost = sum(miss.usd for reason, miss in report.misses.values.items() if reason in BREAKS)
    return lost >= BROKEN * report.cost > 0


def miss_words(report: Report) -> str:
    """The reason that cost most, or was most frequent when none cost anything."""
    reason, miss = max(report.misses.values.items(), key=lambda item: (item[1].usd, item[1].tokens, item[1].calls))
    words = MEANINGS.get(reason, reason)
    counted = plural(miss.calls, "call")
    if not miss.usd:
        return f"{words} ({counted})."
    return f"{words} ({counted}{most_hit(report, miss)}), and {lost_words(miss)}."


def most_hit(report: Report, miss: Miss) -> str:
    """The surface that lost most by misses, if it is most of what this reason cost."""
    surface, group = max(report.surfaces.values.items(), key=lambda item: item[1].missed_usd)
    return f", most of {surface}" if group.missed_usd * 2 > miss.usd else ""


def lost_words(miss: Miss) -> str:
    """What a reason cost."""
    return f"{tokens(miss.tokens)} tokens were not read from the cache, for {usd(miss.usd)} more"
