"""What every query of every panel must say of mixed.py's calls, from the journal; and what else changes the panel.

Keys are legends, or the labels that a table shows; values are exact unless they are a `Between`. `changed_by` is a
scenario of the demo, or one of `OTHERS`, in which the panel says something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from filled import LIMITS, Filled
from journal import Call, Numbers, Truth, failed

from claude_otel.monitoring.alert import Dashboard

OTHERS = {
    "empty": "a stack that no program sends to",
    "broken": "a program without claude-otel.yaml, an instrumentation that fails, late samples, a Tempo that is down",
    "past": "a stack whose book is three days old",
}
"""Scenarios that are none of the demo's."""


@dataclass(frozen=True)
class Between:
    """A value that the journal bounds."""

    low: float
    high: float


Expected = Mapping[tuple[str, ...], float | Between]
Say = Callable[[Truth, Filled], Expected]


@dataclass(frozen=True)
class Expectation:
    """Of one panel: what each of its queries must say, and what changes it."""

    board: Dashboard
    title: str
    says: tuple[Say, ...]
    changed_by: str


def plus(numbers: Numbers, factor: float = 1.0) -> Numbers:
    """Numbers times a factor, without those that are nothing."""
    return {key: value * factor for key, value in numbers.items() if value}


def one(value: float | Between) -> Expected:
    """The only result of a panel with one number."""
    return {("",): value}


def over(part: Numbers, whole: Numbers) -> Numbers:
    """A share of each of `whole`."""
    return {key: part.get(key, 0.0) / value for key, value in whole.items() if value}


def only(numbers: Numbers) -> float:
    """The only number."""
    return sum(numbers.values())


def suffixed(numbers: Numbers, suffix: str) -> Numbers:
    """Numbers whose keys have a suffix."""
    return {(f"{key[0]}{suffix}",): value for key, value in numbers.items()}


def on_surface(*names: str) -> Callable[[Numbers], Numbers]:
    """Only some surfaces."""
    return lambda numbers: {key: value for key, value in numbers.items() if key[0] in names}


NOTHING: Say = lambda t, s: {}  # noqa: E731
SURFACES = ("checkout-chat", "report-writer", "support", "nightly-batch")
BUDGETS = {
    ("checkout-chat", "time_to_first_text"): 2.0,
    ("checkout-chat", "duration"): 21.0,
    ("report-writer", "duration"): 60.0,
    ("report-writer", "tokens_per_second"): 1.0,
    ("support", "time_to_first_text"): 0.05,
}
ALLOWED = {key: 0.05 if key[0] == "report-writer" else 0.1 for key in BUDGETS}
OVER = {key: 1.0 if key[0] == "support" else 0.0 for key in BUDGETS}
"""Every answer to `support` takes longer than its budget: the fake API waits at least 0.09 s for its first token."""
FAILURES_ALLOWED = {("checkout-chat",): 0.05, ("support",): 0.05, ("report-writer",): 0.005, ("nightly-batch",): 0.005}
FAST_ENOUGH = Between(0.05, 3.0)
"""What the fake API's latency makes of an answer on a busy machine, in seconds."""

MODELS = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-wonder-9", "claude-sonnet-4-5-20250929")


def failed_by(*by: str) -> Say:
    """Failed calls."""
    return lambda t, s: t.count(*by, where=failed)


def calls_of(t: Truth) -> Numbers:
    """Calls by surface."""
    return t.count("surface")


def failed_share(t: Truth) -> Numbers:
    """Failed calls of each surface's, as a share."""
    return over(t.count("surface", where=failed), calls_of(t))


def burn(t: Truth) -> Numbers:
    """How fast failed calls use up what each surface may fail."""
    return over(failed_share(t), FAILURES_ALLOWED)


def answers(t: Truth) -> Numbers:
    """Answers with a reason to stop, by surface."""
    return t.count("surface", where=lambda call: call.stop != "none")


def stopped(t: Truth, stop: str) -> Numbers:
    """The share of the answers of a surface that stopped for a reason."""
    found = t.count("surface", where=lambda call: call.stop == stop)
    return {key: value / answers(t)[key] for key, value in found.items()}


def tokens(t: Truth, *components: str) -> Numbers:
    """Tokens of some components, by surface."""
    return t.total("tokens", "surface", where=lambda part: part.component in components)


INPUT = ("input", "cache_read", "cache_write_5m", "cache_write_1h")
WRITES = ("cache_write_5m", "cache_write_1h")


def input_tokens(t: Truth) -> Numbers:
    """All input, by surface."""
    return tokens(t, *INPUT)


def hits(t: Truth) -> Numbers:
    """The hit ratio of each surface."""
    return over(tokens(t, "cache_read"), input_tokens(t))


def saved(t: Truth) -> Numbers:
    """What the cache saved, by surface."""
    plain, paid = t.total("plain_usd", "surface"), t.total("usd", "surface")
    return {key: plain[key] - paid[key] for key in plain}


def retried(call: Call) -> bool:
    """Whether it needed more than one attempt."""
    return call.attempts > 1


def site(usd: Numbers) -> Numbers:
    """The dearest call site of each surface."""
    best: Numbers = {}
    for (surface, _), value in usd.items():
        best[surface,] = max(best.get((surface,), 0.0), value)
    return best


def first(numbers: Numbers) -> Numbers:
    """The largest one."""
    key = max(numbers, key=lambda each: numbers[each])
    return {key: numbers[key]}


def cheaper(t: Truth) -> float:
    """What the next cheaper model saves: the prices of July 2026's tables, written down by hand."""
    shares = {
        ("claude-opus-5-5", "input"): 0.5, ("claude-opus-5-5", "output"): 0.5, ("claude-opus-5-5", "cache_read"): 0.5,
        ("claude-opus-5-5", "cache_write_5m"): 0.5, ("claude-opus-5-5", "cache_write_1h"): 0.5,
        ("claude-sonnet-5-5", "input"): 0.05, ("claude-sonnet-5-5", "output"): 0.05,
        ("claude-sonnet-5-5", "cache_read"): 0.1, ("claude-sonnet-5-5", "cache_write_5m"): 0.05,
        ("claude-sonnet-4-5-20250929", "input"): 0.0333, ("claude-sonnet-4-5-20250929", "output"): 0.0333,
    }  # fmt: skip
    return sum(usd * (1 - shares.get((key[0], key[1]), 1.0)) for key, usd in t.usd("model", "component").items())


def limits_of(value: Callable[[str], float | Between]) -> Expected:
    """Something of every rate limit of every model."""
    kinds = ("input-tokens", "output-tokens", "requests", "tokens")
    return {(model, kind): value(kind) for model in MODELS for kind in kinds}


def limit_of(kind: str) -> float:
    """A rate limit of the fake API."""
    tokens = {"input-tokens": LIMITS.input_tokens, "output-tokens": LIMITS.output_tokens}
    return float(tokens.get(kind, LIMITS.requests if kind == "requests" else LIMITS.output_tokens))


def highest(kind: str) -> float:
    """A rate limit at most: that on all tokens is the tighter one of the moment, of input or output."""
    return float(LIMITS.input_tokens) if kind == "tokens" else limit_of(kind)


def headroom(kind: str) -> Between:
    """What is left of a rate limit: nearly all. That on all tokens changes between two limits, averaged in between."""
    return Between(0.3 if kind == "tokens" else 0.9, 1.0)


def waits(t: Truth) -> Expected:
    """Seconds slept: the fake API says 0.2 s after a 529 and 0.01 s after a 429; the SDK chooses after a broken one."""
    return {("529",): Between(0.9, 1.5), ("429",): Between(0.005, 0.1), ("none",): Between(0.2, 1.1)}


def compared(t: Truth, s: Filled) -> Expected:
    """The last hour."""
    every, cost = only(calls_of(t)), only(t.usd())
    return {
        ("Calls",): every, ("USD",): cost, ("USD for a call",): cost / every,
        ("Failed calls, %",): 100 * only(t.count(where=failed)) / every,
        ("Slowest surface p95, s",): FAST_ENOUGH,
        ("Cache hits, %",): 100 * only(tokens(t, "cache_read")) / only(input_tokens(t)),
    }  # fmt: skip


def changes(t: Truth, s: Filled) -> Expected:
    """All that is new: one release, every model, one changed prompt."""
    models = t.count("model", where=lambda call: call.model != "none")
    new = {("Model", key[0]): value for key, value in models.items()}
    return {("Release", "shop 7"): 1.0, ("Prompt of", "checkout-chat"): 1.0, **new}


def flow(signal: str) -> tuple[Say, Say]:
    """Something goes in, and something comes out."""
    return tuple(lambda t, s, side=side: {(f"{signal} {side}",): Between(0.01, 1000)} for side in ("in", "out"))  # type: ignore[return-value,misc]


def programs(t: Truth, s: Filled) -> Expected:
    """All of them are up."""
    ports = {"collector": "collector-metrics", "prometheus": "prometheus", "alertmanager": "alertmanager"}
    return {(job, f"127.0.0.1:{s.stack.ports[port]}"): 1.0 for job, port in ports.items()}


def alerts_fire(t: Truth, s: Filled) -> Expected:
    """Those that need no time."""
    return {
        ("page", "SpendLimitReached", "support"): 1.0,
        ("ticket", "UnpricedModel", ""): 1.0,
    }


BY_MODEL = {("claude-sonnet-5-5",): FAST_ENOUGH, ("claude-opus-5-5",): FAST_ENOUGH}
"""Of models with more than one sample: a rate needs two."""


EXPECTATIONS = (
    # On call
    Expectation("claude-oncall", "1 · Is it us or Anthropic?", (lambda t, s: plus(first(t.count("blame", where=failed)), 1 / len(t.calls)),), "all-well"),
    Expectation("claude-oncall", "2 · Who is hurt?", (lambda t, s: {("support",): OVER["support", "time_to_first_text"]},), "all-well"),
    Expectation("claude-oncall", "3 · What burns? USD an hour", (lambda t, s: plus(first(site(t.usd("surface", "site"))), 2),), "runaway"),
    Expectation("claude-oncall", "3 · When is the limit hit?", (lambda t, s: {("enough",): max(only(t.usd()) / 10, only(t.usd()) / 100)},), "runaway"),
    Expectation("claude-oncall", "4 · What changed? Last hour", (lambda t, s: {("changes",): float(len(changes(t, s)))},), "all-well"),
    Expectation("claude-oncall", "5 · Is the cache broken? Hits", (lambda t, s: on_surface("checkout-chat")(hits(t)),), "cache-break"),
    Expectation("claude-oncall", "1 · Calls that failed in 5 minutes, by who is to blame", (failed_by("blame"),), "outage"),
    Expectation("claude-oncall", "2 · Surfaces in the last 5 minutes", (
        lambda t, s: calls_of(t), lambda t, s: failed_share(t), lambda t, s: {("checkout-chat",): 0.0, ("report-writer",): 0.0, ("support",): 1.0},
        lambda t, s: dict.fromkeys([("checkout-chat",), ("report-writer",), ("support",)], FAST_ENOUGH),
        lambda t, s: dict.fromkeys([("checkout-chat",), ("report-writer",), ("support",)], FAST_ENOUGH),
        lambda t, s: burn(t),
    ), "outage"),
    Expectation("claude-oncall", "Alerts that fire", (alerts_fire,), "all-well"),
    Expectation("claude-oncall", "3 · USD in the hour before, by surface", (lambda t, s: t.usd("surface"),), "runaway"),
    Expectation("claude-oncall", "3 · Dearest call sites, USD an hour", (lambda t, s: plus(t.usd("surface", "site"), 2),), "runaway"),
    Expectation("claude-oncall", "3 · Budgets used", (
        lambda t, s: {("Today",): only(t.usd()) / 10}, lambda t, s: {("Month",): only(t.usd()) / 100}, NOTHING,
        lambda t, s: suffixed(plus(on_surface("checkout-chat")(t.usd("surface")), 1 / 5), " today"),
        lambda t, s: suffixed(plus(on_surface("checkout-chat")(t.usd("surface")), 1 / 50), " month"),
    ), "runaway"),
    Expectation("claude-oncall", "4 · New in the last hour", (changes,), "all-well"),
    Expectation("claude-oncall", "4 · The last hour, and the same hour yesterday", (compared, NOTHING, NOTHING), "past"),
    Expectation("claude-oncall", "5 · Why the cache missed: USD lost in the hour before", (
        lambda t, s: {(f"{surface}: {reason}",): usd for (surface, reason), usd in t.missed("usd", "surface", "reason").items()},
    ), "cache-break"),
    # Surfaces
    Expectation("claude-latency", "Latency budgets", (
        lambda t, s: BUDGETS, lambda t, s: OVER, lambda t, s: ALLOWED, lambda t, s: over(OVER, ALLOWED),
        lambda t, s: over(OVER, ALLOWED), lambda t, s: {key: 1 - value for key, value in over(OVER, ALLOWED).items()},
    ), "empty"),
    Expectation("claude-latency", "Availability", (
        lambda t, s: calls_of(t), lambda t, s: failed_share(t), lambda t, s: burn(t),
        lambda t, s: burn(t), lambda t, s: {key: 1 - value for key, value in burn(t).items()},
    ), "outage"),
    Expectation("claude-latency", "Burn of the latency budgets over 1 hour", (lambda t, s: {(" ".join(key),): value for key, value in over(OVER, ALLOWED).items()},), "empty"),
    Expectation("claude-latency", "Burn of the availability over 1 hour", (lambda t, s: burn(t),), "outage"),
    Expectation("claude-latency", "Until the first text, p95", (
        lambda t, s: dict.fromkeys([("checkout-chat",), ("report-writer",), ("support",)], FAST_ENOUGH),
        lambda t, s: {("checkout-chat budget",): 2.0, ("support budget",): 0.05},
    ), "all-well"),
    Expectation("claude-latency", "Whole answer, p95", (
        lambda t, s: dict.fromkeys([("checkout-chat",), ("report-writer",), ("support",)], FAST_ENOUGH),
        lambda t, s: {("checkout-chat budget",): 21.0, ("report-writer budget",): 60.0},
    ), "all-well"),
    Expectation("claude-latency", "Tokens a second, median", (
        lambda t, s: dict.fromkeys([("checkout-chat",), ("report-writer",), ("support",)], Between(5, 2000)),
        lambda t, s: {("report-writer budget",): 1.0},
    ), "all-well"),
    Expectation("claude-latency", "First chunk of streams, p95 by model", (lambda t, s: BY_MODEL,), "all-well"),
    Expectation("claude-latency", "First text, p95 by model", (lambda t, s: {**BY_MODEL, ("claude-haiku-5-5",): FAST_ENOUGH},), "all-well"),
    Expectation("claude-latency", "Whole answer, p50 and p99 by model", (
        lambda t, s: {(f"{model} p50",): FAST_ENOUGH for model in MODELS[:3]}, lambda t, s: {(f"{model} p99",): FAST_ENOUGH for model in MODELS[:3]},
    ), "all-well"),
    Expectation("claude-latency", "Calls in 5 minutes", (lambda t, s: calls_of(t),), "all-well"),
    Expectation("claude-latency", "How calls ended, in the hour before", (lambda t, s: t.count("outcome"),), "outage"),
    Expectation("claude-latency", "Why answers stopped, in the hour before", (lambda t, s: t.count("stop", where=lambda call: call.stop != "none"),), "runaway"),
    Expectation("claude-latency", "Calls in flight", (lambda t, s: {(name,): float(name == "checkout-chat") for name in SURFACES},), "all-well"),
    # Cost
    Expectation("claude-cost", "Today", (lambda t, s: one(only(t.usd())),), "runaway"),
    Expectation("claude-cost", "This month", (lambda t, s: one(only(t.usd())),), "runaway"),
    Expectation("claude-cost", "Month, forecast", (NOTHING,), "past"),
    Expectation("claude-cost", "In the time range", (lambda t, s: one(only(t.usd())),), "runaway"),
    Expectation("claude-cost", "For one call", (lambda t, s: one(only(t.usd()) / len(t.calls)),), "runaway"),
    Expectation("claude-cost", "Calls without a price", (lambda t, s: one(float(t.unpriced)),), "all-well"),
    Expectation("claude-cost", "USD in the 24 hours before, by surface", (lambda t, s: t.usd("surface"),), "runaway"),
    Expectation("claude-cost", "USD in the hour before, by surface", (lambda t, s: t.usd("surface"),), "runaway"),
    Expectation("claude-cost", "Budgets used", (
        lambda t, s: {("Today",): only(t.usd()) / 10}, lambda t, s: {("Month",): only(t.usd()) / 100}, NOTHING,
        lambda t, s: suffixed(plus(on_surface("checkout-chat")(t.usd("surface")), 1 / 5), " today"),
        lambda t, s: suffixed(plus(on_surface("checkout-chat")(t.usd("surface")), 1 / 50), " month"),
    ), "runaway"),
    Expectation("claude-cost", "By surface", (lambda t, s: t.usd("surface"),), "runaway"),
    Expectation("claude-cost", "By model", (lambda t, s: t.usd("model"),), "runaway"),
    Expectation("claude-cost", "By component", (lambda t, s: t.usd("component"),), "cache-break"),
    Expectation("claude-cost", "By service tier", (lambda t, s: t.usd("tier"),), "all-well"),
    Expectation("claude-cost", "By agent", (lambda t, s: t.usd("agent"),), "runaway"),
    Expectation("claude-cost", "Dearest call sites", (lambda t, s: t.usd("surface", "site", "model"),), "runaway"),
    Expectation("claude-cost", "For a call, and for 1,000 output tokens, last 24 hours", (
        lambda t, s: t.usd("surface"), lambda t, s: over(t.usd("surface"), calls_of(t)), lambda t, s: thousand(t),
    ), "runaway"),
    Expectation("claude-cost", "Saved in the time range", (
        lambda t, s: {("by the cache",): only(saved(t))}, lambda t, s: {("by batches",): only(t.usd(where=lambda part: part.tier == "batch" and part.component != "web_search"))},
    ), "cache-break"),
    Expectation("claude-cost", "Could have saved (estimate)", (
        lambda t, s: {("next cheaper model",): cheaper(t)},
        lambda t, s: {("all in batches",): only(t.usd(where=lambda part: part.tier != "batch" and part.component != "web_search")) / 2},
    ), "runaway"),
    Expectation("claude-cost", "By effort", (lambda t, s: t.usd("effort"),), "all-well"),
    Expectation("claude-cost", "Thinking, of the output of 1 h", (
        lambda t, s: {("report-writer",): t.thinking / only(on_surface("report-writer")(tokens(t, "output")))},
    ), "all-well"),
    # Cache
    Expectation("claude-cache", "Hit ratio", (lambda t, s: one(only(tokens(t, "cache_read")) / only(input_tokens(t))),), "cache-break"),
    Expectation("claude-cache", "Saved", (lambda t, s: one(only(saved(t))),), "cache-break"),
    Expectation("claude-cache", "Lost to misses", (lambda t, s: one(only(t.missed("usd"))),), "cache-break"),
    Expectation("claude-cache", "Reads for a write", (lambda t, s: one(only(tokens(t, "cache_read")) / only(tokens(t, *WRITES))),), "cache-break"),
    Expectation("claude-cache", "Hit ratio in the hour before, by surface", (lambda t, s: hits(t), lambda t, s: {("checkout-chat target",): 0.8}), "cache-break"),
    Expectation("claude-cache", "Surfaces", (
        lambda t, s: hits(t), lambda t, s: hits(t), lambda t, s: {("checkout-chat",): 0.8},
        lambda t, s: saved(t), lambda t, s: {**t.missed("usd", "surface"), ("support",): 0.0},
    ), "cache-break"),
    Expectation("claude-cache", "Input tokens in the hour before", (
        lambda t, s: {("read from the cache",): only(tokens(t, "cache_read"))},
        lambda t, s: {("written to the cache",): only(tokens(t, *WRITES))},
        lambda t, s: {("neither",): only(tokens(t, "input"))},
    ), "cache-break"),
    Expectation("claude-cache", "Tokens written for 5 minutes and for an hour, and read", (
        lambda t, s: {("written, 5m",): only(tokens(t, "cache_write_5m")), ("written, 1h",): only(tokens(t, "cache_write_1h"))},
        lambda t, s: {("read",): only(tokens(t, "cache_read"))},
    ), "cache-break"),
    Expectation("claude-cache", "Lost in the hour before, by reason", (lambda t, s: t.missed("usd", "reason"),), "cache-break"),
    Expectation("claude-cache", "Misses of the last 24 hours", (
        lambda t, s: t.missed("usd", "surface", "reason"), lambda t, s: t.missed("tokens", "surface", "reason"),
    ), "cache-break"),
    Expectation("claude-cache", "Prompts that changed, in the hour before", (lambda t, s: {("checkout-chat",): 1.0},), "cache-break"),
    # Errors and limits
    Expectation("claude-calls", "Failed calls", (lambda t, s: one(only(t.count(where=failed)) / len(t.calls)),), "all-well"),
    Expectation("claude-calls", "Failures that users saw", (lambda t, s: one(only(t.count(where=failed))),), "all-well"),
    Expectation("claude-calls", "Recovered by a retry", (lambda t, s: one(only(t.count(where=recovered))),), "all-well"),
    Expectation("claude-calls", "Attempts for a call, 30 min", (lambda t, s: one(len(t.attempts) / len(t.calls)),), "outage"),
    Expectation("claude-calls", "Waited before retries, 1 h", (lambda t, s: one(Between(1.1, 2.7)),), "outage"),
    Expectation("claude-calls", "529 (overloaded), 5 min", (lambda t, s: one(t.statuses("529") / len(t.attempts)),), "outage"),
    Expectation("claude-calls", "Failed calls in 5 minutes, by who is to blame", (failed_by("blame"),), "outage"),
    Expectation("claude-calls", "Attempts that failed in 5 minutes, by status", (
        lambda t, s: {(status,): t.statuses(status) for status in ("529", "429", "400", "401", "none")},
    ), "outage"),
    Expectation("claude-calls", "Retried calls in 5 minutes: recovered, or failed all the same", (
        lambda t, s: {("recovered",): only(t.count(where=recovered))},
        lambda t, s: {("failed all the same",): only(t.count(where=lambda call: failed(call) and retried(call)))},
        lambda t, s: {("failed without a retry",): only(t.count(where=lambda call: failed(call) and not retried(call)))},
    ), "outage"),
    Expectation("claude-calls", "Failed calls in the time range, by type", (failed_by("blame", "error", "model"),), "outage"),
    Expectation("claude-calls", "Waited before retries in the hour before, by status", (lambda t, s: waits(t),), "outage"),
    Expectation("claude-calls", "Left of the scarcest rate limit of each type", (
        lambda t, s: {(kind,): headroom(kind) for kind in ("input-tokens", "output-tokens", "requests", "tokens")},
    ), "empty"),
    Expectation("claude-calls", "Rate limits now", (
        lambda t, s: limits_of(lambda kind: Between(0.9 * limit_of(kind), highest(kind))),
        lambda t, s: limits_of(lambda kind: limit_of(kind) if kind != "tokens" else Between(limit_of(kind), highest(kind))),
        lambda t, s: limits_of(headroom), NOTHING,
    ), "all-well"),
    Expectation("claude-calls", "Streams cut, of the calls of the hour before", (
        lambda t, s: {key: value / calls_of(t)[key] for key, value in t.count("surface", where=lambda call: call.outcome == "truncated").items()},
    ), "outage"),
    Expectation("claude-calls", "Answers cut at max_tokens, of the hour before", (lambda t, s: stopped(t, "max_tokens"),), "all-well"),
    Expectation("claude-calls", "Refusals, of the answers of the hour before", (lambda t, s: stopped(t, "refusal"),), "all-well"),
    Expectation("claude-calls", "Models in use that retire", (lambda t, s: {("claude-sonnet-4-5-20250929",): (RETIRES - s.at) / 86400},), "all-well"),
    # The pipeline
    Expectation("claude-pipeline", "Programs of the stack", (programs,), "empty"),
    Expectation("claude-pipeline", "Last sample of each service", (lambda t, s: {("shop",): Between(0, 15)},), "empty"),
    Expectation("claude-pipeline", "Processes that report", (lambda t, s: one(1.0),), "empty"),
    Expectation("claude-pipeline", "Money is counted since", (lambda t, s: one(Between(1000 * (s.began - 30), 1000 * s.at)),), "past"),
    Expectation("claude-pipeline", "Instrumentation errors, 1 h", (lambda t, s: one(0.0),), "broken"),
    Expectation("claude-pipeline", "Queues, how full", (lambda t, s: {("otlp_http/prometheus",): Between(0, 0.01)},), "broken"),
    Expectation("claude-pipeline", "What it takes and sends, a second", (*flow("metrics"), *flow("traces"), *flow("logs")), "empty"),
    Expectation("claude-pipeline", "What it lost, in the 10 minutes before", (NOTHING, NOTHING, lambda t, s: {("were refused at the door",): 0.0}), "broken"),
    Expectation("claude-pipeline", "Samples stored, a second", (
        lambda t, s: {("float",): Between(1, 100_000), ("histogram",): 0.0}, NOTHING,
    ), "past"),
    Expectation("claude-pipeline", "How long rules take", (
        lambda t, s: {("all groups",): Between(0, 60)}, lambda t, s: {("longest group",): Between(0, 60)}, NOTHING,
    ), "empty"),
    Expectation("claude-pipeline", "Series in memory", (lambda t, s: {("series",): Between(500, 20_000)},), "empty"),
    Expectation("claude-pipeline", "Notifications, failed and sent, an hour", (
        lambda t, s: {("Prometheus to Alertmanager",): 0.0}, lambda t, s: {("Alertmanager to receivers",): 0.0},
        lambda t, s: {("sent",): Between(0, 36_000)},
    ), "empty"),
    Expectation("claude-pipeline", "Series by metric", (lambda t, s: {("gen_ai_client_inference_duration_seconds_bucket",): Between(100, 2000)},), "empty"),
    Expectation("claude-pipeline", "Processes that do not measure a budget", (NOTHING,), "broken"),
)  # fmt: skip

SOME_KEYS = {
    "Series by metric", "First text, p95 by model", "Whole answer, p50 and p99 by model",
    "First chunk of streams, p95 by model", "Surfaces", "Thinking, of the output of 1 h",
}  # fmt: skip
"""Panels that show more than what is expected here: a rate of one sample is no number, a surface may have a zero."""

RETIRES = datetime(2026, 11, 30, tzinfo=timezone.utc).timestamp()
"""When the model retires that mixed.py calls, as Anthropic has announced it."""


def recovered(call: Call) -> bool:
    """Whether a retry came through."""
    return retried(call) and call.blame == "none"


def thousand(t: Truth) -> Numbers:
    """USD for a thousand output tokens."""
    return plus(over(t.usd("surface"), tokens(t, "output")), 1000)
