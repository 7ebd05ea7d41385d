"""Surfaces: what each was promised to be, and what it is."""

from __future__ import annotations

from claude_otel import telemetry as t
from claude_otel.monitoring import ledger
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.dashboards.panel import Board, Column, Panel, Query, Row
from claude_otel.monitoring.dashboards.queries import NOT_FAILED, follow, named, quantile, raw, recorded, spent
from claude_otel.monitoring.ledger import LatencyBudget, increase, latency_budgets
from claude_otel.monitoring.promql import any_of, by, number, on

SURFACE = (m.SURFACE,)
BUDGET = (m.SURFACE, "budget")
LEGEND = f"{{{{{m.SURFACE}}}}}"
OF_BUDGET = f"{LEGEND} {{{{budget}}}}"
OF_MODEL = f"{{{{{m.RESPONSE_MODEL}}}}}"
LIMITS = "budget$"
NO_BUDGET = "No budget in claude-otel.yaml"
COMPLETED = f'{m.OPERATION}="chat", {m.OUTCOME}="completed"'


def board(config: Config) -> Board:
    """The dashboard."""
    return Board(
        "claude-latency",
        "Claude: surfaces",
        "What each surface was promised to be in claude-otel.yaml, and what it is: latency, availability, how answers end.",
        (
            Row(8, ((14, latency(config)), (10, availability(config))), "Budget against reality"),
            Row(8, ((12, latency_burn(config)), (12, availability_burn(config)))),
            Row(8, ((8, first_text()), (8, answer()), (8, speed())), "By surface: p95 over 5 minutes; dashed are budgets"),
            Row(8, ((8, first_chunk()), (8, first_text_by_model()), (8, answer_by_model())), "By model: the dots are calls, and lead to their traces"),
            Row(8, ((6, calls()), (6, outcomes()), (6, stops()), (6, active())), "Calls"),
        ),
    )  # fmt: skip


def latency(config: Config) -> Panel:
    """Every latency budget."""
    over = "surface_budget:claude_latency_over_budget"
    allowed = recorded("surface_budget:claude_latency_over_budget_allowed:ratio")
    columns = [
        Column(m.SURFACE, "Surface"),
        Column("budget", "Budget on"),
        Column("A", "Budget", "none", width=80, decimals=1),
        Column("B", "Over it, 1 h", "percentunit", width=105, decimals=1),
        Column("C", "Allowed", "percentunit", width=80, decimals=1),
        Column("D", "Burn 1 h", "none", ((1, "orange"), (config.limits.latency_burn.fast, "red")), 80, 1),
        Column("E", "Burn 6 h", "none", ((1, "orange"), (config.limits.latency_burn.slow, "red")), 80, 1),
    ]
    queries = [
        Query(by(BUDGET, recorded("surface_budget:claude_latency_budget:value"))),
        Query(by(BUDGET, recorded(f"{over}:ratio1h"))),
        Query(by(BUDGET, allowed)),
        Query(f"{recorded(f'{over}:ratio1h')} / {on(BUDGET)} {allowed}"),
        Query(f"{recorded(f'{over}:ratio6h')} / {on(BUDGET)} {allowed}"),
    ]
    found = latency_budgets(config)
    if found:
        queries.append(Query("\nor\n".join(left(*each) for each in alike(found))))
        columns.append(Column("F", "Left, 30 d", "percentunit", ((0, "orange"), (0.25, "text")), 90, 0, "red"))
    return Panel(
        "Latency budgets", "table", tuple(queries),
        "Each latency budget (seconds; of tokens a second, tokens), the share of the calls of the last hour over it, the "
        "share that `within` allows, how fast that is used up (1 lasts 30 days), and what is left of 30 days of it.",
        f"Burn below 1. {number(config.limits.latency_burn.fast)} over 1 h or {number(config.limits.latency_burn.slow)} over 6 h pages.",
        "See below whether the first text, the whole answer or the tokens are slow, and on which model.",
        columns=tuple(columns), nothing=NO_BUDGET, boards=("claude-oncall",), alerts=("ClaudeLatencyBudgetBurn",),
    )  # fmt: skip


def left(key: str, row: ledger.Row, within: float, surfaces: list[str]) -> str:
    """What is left of 30 days of what budgets on the same thing, with the same edge and share, allow to be over it."""
    mine = follow([m.SURFACE], f"{m.SURFACE}=~{any_of(surfaces)}")
    every = increase(row, SURFACE, "30d", f'{mine}, le="+Inf"')
    inside = increase(row, SURFACE, "30d", f'{mine}, le!="+Inf"')
    allowed = number(round(1 - within / 100, 6))
    return named(f"1 - (1 - ({inside}) / (({every}) > 0)) / {allowed}", "budget", key)


def alike(budgets: list[LatencyBudget]) -> list[tuple[str, ledger.Row, float, list[str]]]:
    """The surfaces that have the same budget, by what it is on, its row in the ledger, and the share within it."""
    found: dict[tuple[str, ledger.Row, float], list[str]] = {}
    for budget in budgets:
        found.setdefault((budget.key, budget.row, budget.within), []).append(budget.surface)
    return [(*same, names) for same, names in found.items()]


def availability(config: Config) -> Panel:
    """The availability of each surface."""
    allowed = recorded("surface:claude_failures_allowed:ratio")
    every = f"({spent(ledger.CALLS, SURFACE, '30d')})"
    good = f"({spent(ledger.CALLS, SURFACE, '30d', NOT_FAILED)})"
    burn = config.limits.availability_burn
    return Panel(
        "Availability", "table",
        (
            Query(by(SURFACE, recorded("surface:claude_calls:increase1h"))),
            Query(by(SURFACE, recorded("surface:claude_calls_failed:ratio1h"))),
            Query(f"{recorded('surface:claude_calls_failed:ratio1h')} / {on(SURFACE)} {allowed}"),
            Query(f"{recorded('surface:claude_calls_failed:ratio6h')} / {on(SURFACE)} {allowed}"),
            Query(f"1 - (1 - ({good} or {every} * 0) / ({every} > 0)) / {on(SURFACE)} {allowed}"),
        ),
        "Calls of the last hour, the share that failed, how fast that uses up the error budget of `availability` (1 lasts "
        "30 days), and what is left of 30 days of it.",
        f"Burn below 1. {number(burn.fast)} over 1 h or {number(burn.slow)} over 6 h pages.",
        "See who is to blame on the dashboard Errors and limits.",
        columns=(
            Column(m.SURFACE, "Surface"),
            Column("A", "Calls, 1 h", "none", width=85, decimals=0),
            Column("B", "Failed, 1 h", "percentunit", width=90, decimals=2),
            Column("C", "Burn 1 h", "none", ((1, "orange"), (burn.fast, "red")), 80, 1),
            Column("D", "Burn 6 h", "none", ((1, "orange"), (burn.slow, "red")), 80, 1),
            Column("E", "Left, 30 d", "percentunit", ((0, "orange"), (0.25, "text")), 90, 0, "red"),
        ),
        nothing="No calls in an hour", boards=("claude-calls",), alerts=("ClaudeAvailabilityBudgetBurn",),
    )  # fmt: skip


def latency_burn(config: Config) -> Panel:
    """How fast latency budgets burn."""
    limits = config.limits.latency_burn
    allowed = recorded("surface_budget:claude_latency_over_budget_allowed:ratio")
    return Panel(
        "Burn of the latency budgets over 1 hour", "curves",
        (Query(f"{recorded('surface_budget:claude_latency_over_budget:ratio1h')} / {on(BUDGET)} {allowed}", OF_BUDGET),),
        "How many times faster than sustainable calls over a latency budget use up what `within` allows.",
        f"Below 1. Above {number(limits.fast)} it pages.", "See which model is slow below.",
        unit="none", decimals=1, steps=((1, "orange"), (limits.fast, "red")), nothing=NO_BUDGET,
        alerts=("ClaudeLatencyBudgetBurn", "ClaudeBudgetHasNoBucket"),
    )  # fmt: skip


def availability_burn(config: Config) -> Panel:
    """How fast availability burns."""
    limits = config.limits.availability_burn
    allowed = recorded("surface:claude_failures_allowed:ratio")
    return Panel(
        "Burn of the availability over 1 hour", "curves",
        (Query(f"{recorded('surface:claude_calls_failed:ratio1h')} / {on(SURFACE)} {allowed}", LEGEND),),
        "How many times faster than sustainable failed calls use up what `availability` allows.",
        f"Below 1. Above {number(limits.fast)} it pages.", "See who is to blame on the dashboard Errors and limits.",
        unit="none", decimals=1, steps=((1, "orange"), (limits.fast, "red")), nothing=NO_BUDGET,
        boards=("claude-calls",), alerts=("ClaudeAvailabilityBudgetBurn",),
    )  # fmt: skip


def budget_line(key: str) -> Query:
    """The budgets on one thing, as lines."""
    which = f'budget="{key}"'
    return Query(recorded("surface_budget:claude_latency_budget:value", which), f"{LEGEND} budget")


def first_text() -> Panel:
    """What a user of a chat waits for."""
    return Panel(
        "Until the first text, p95", "curves",
        (Query(recorded("surface:claude_time_to_first_text_seconds:p95_5m"), LEGEND), budget_line("time_to_first_text")),
        "95 of 100 answers showed their first text within this time: after thinking, and after retries.",
        "Below the budget of the surface, the dashed line.", "Less thinking, a shorter prompt, the cache, another model.",
        unit="s", dashed=LIMITS, nothing="No answers in this time", alerts=("ClaudeLatencyBudgetBurn",),
    )  # fmt: skip


def answer() -> Panel:
    """What a user of a report waits for."""
    return Panel(
        "Whole answer, p95", "curves",
        (Query(recorded("surface:claude_duration_seconds:p95_5m"), LEGEND), budget_line("duration")),
        "95 of 100 completed calls took no longer than this, with all attempts and the reading of the stream.",
        "Below the budget of the surface, the dashed line.", "Fewer output tokens, lower effort, fewer retries.",
        unit="s", dashed=LIMITS, nothing="No answers in this time", alerts=("ClaudeLatencyHigh", "ClaudeLatencyBudgetBurn"),
    )  # fmt: skip


def speed() -> Panel:
    """Tokens a second."""
    per_token = recorded("surface:claude_time_per_output_token_seconds:p50_5m")
    return Panel(
        "Tokens a second, median", "curves",
        (Query(f"1 / ({per_token} > 0)", LEGEND), budget_line("tokens_per_second")),
        "How fast the text flows once it has begun, in the middle of all answers.",
        "Above the budget of the surface, the dashed line; people read some 10 a second.",
        "Only the model and the API decide this: another model, fast mode.",
        unit="tokens/s", decimals=0, dashed=LIMITS, nothing="No answers in this time", alerts=("ClaudeLatencyBudgetBurn",),
    )  # fmt: skip


def first_chunk() -> Panel:
    """The first chunk of a stream."""
    model = (m.RESPONSE_MODEL,)
    return Panel(
        "First chunk of streams, p95 by model", "curves",
        (Query(quantile(0.95, t.FIRST_CHUNK_METRIC, model), OF_MODEL, exemplars=True),),
        "When the first chunk came, thinking included. What lies between it and the first text is thinking.",
        "Steady. It is the API's own answer time.", "Open a slow dot's trace; a longer prompt without cache is slower.",
        unit="s", nothing="No streams in this time", boards=("claude-cache",),
    )  # fmt: skip


def first_text_by_model() -> Panel:
    """The first text, by model."""
    model = (m.RESPONSE_MODEL,)
    return Panel(
        "First text, p95 by model", "curves",
        (Query(quantile(0.95, t.FIRST_TEXT_METRIC, model), OF_MODEL, exemplars=True),),
        "When the first text came, by the model that served.",
        "Steady.", "Open a slow dot's trace: attempts and back-off are in it.",
        unit="s", nothing="No answers in this time", alerts=("ClaudeLatencyBudgetBurn",),
    )  # fmt: skip


def answer_by_model() -> Panel:
    """The whole answer, by model."""
    model = (m.RESPONSE_MODEL,)
    return Panel(
        "Whole answer, p50 and p99 by model", "curves",
        (
            Query(quantile(0.5, t.DURATION_METRIC, model, COMPLETED), f"{OF_MODEL} p50", exemplars=True),
            Query(quantile(0.99, t.DURATION_METRIC, model, COMPLETED), f"{OF_MODEL} p99"),
        ),
        "Completed calls by the model that served: the middle one, and the slowest of a hundred.",
        "Steady, and p99 within a few times p50.", "p99 alone: retries or long answers. Both: the model or the prompt.",
        unit="s", nothing="No answers in this time", alerts=("ClaudeLatencyHigh",),
    )  # fmt: skip


def calls() -> Panel:
    """Traffic."""
    return Panel(
        "Calls in 5 minutes", "curves",
        (Query(recorded("surface:claude_calls:increase5m"), LEGEND),),
        "Calls that ended in the 5 minutes before each point, exactly.",
        "The shape of your traffic.", "A fall to nothing is an outage of yours, or of the telemetry.",
        unit="calls", stacked=True, nothing="No calls in this time", alerts=("ClaudeTelemetryAbsent",),
    )  # fmt: skip


def outcomes() -> Panel:
    """How calls ended."""
    return Panel(
        "How calls ended, in the hour before", "curves",
        (Query(by((m.OUTCOME,), recorded("surface_outcome:claude_calls:increase1h")), f"{{{{{m.OUTCOME}}}}}"),),
        "`completed`; `error`; `closed_early` and `abandoned` by the application; `cancelled`; `truncated`: a cut stream.",
        "Nearly all completed.", "truncated: see proxies. abandoned: streams that are dropped without being read.",
        unit="calls", stacked=True, nothing="No calls in this time", alerts=("ClaudeStreamsCut",),
    )  # fmt: skip


def stops() -> Panel:
    """Why answers stopped."""
    return Panel(
        "Why answers stopped, in the hour before", "curves",
        (Query(by((m.STOP_REASON,), recorded("surface_stop:claude_calls:increase1h")), f"{{{{{m.STOP_REASON}}}}}"),),
        "`end_turn` and `tool_use` are usual; `max_tokens` is an answer that was cut; `refusal` is one that was refused.",
        "Few max_tokens, few refusals.", "Raise max_tokens, or ask for shorter answers; read what is refused.",
        unit="calls", stacked=True, nothing="No answers in this time", alerts=("ClaudeAnswersCutAtMaxTokens", "ClaudeRefusals"),
    )  # fmt: skip


def active() -> Panel:
    """Calls that have not ended."""
    return Panel(
        "Calls in flight", "curves",
        (Query(by(SURFACE, raw(t.ACTIVE_METRIC)), LEGEND),),
        "Calls that had not ended when programs exported.",
        "As many as people who wait.", "A number that only grows: streams that are never closed, or an API that hangs.",
        unit="calls", stacked=True, nothing="No calls in this time", alerts=("ClaudeLatencyHigh",),
    )  # fmt: skip
