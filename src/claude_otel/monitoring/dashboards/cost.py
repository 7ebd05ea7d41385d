"""Cost: what was spent on what, against the budgets, and what four levers save or could save."""

from __future__ import annotations

from claude_otel import telemetry as t
from claude_otel.monitoring import ledger
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.dashboards.oncall import BUDGET_STEPS, budgets
from claude_otel.monitoring.dashboards.panel import Board, Column, Panel, Query, Row, Steps
from claude_otel.monitoring.dashboards.queries import counted, recorded, saved_by_cache, spent
from claude_otel.monitoring.levers import CHEAPER
from claude_otel.monitoring.promql import by, number

BATCH = f'{m.TIER}="batch"'
NO_BATCH = f'{m.TIER}!="batch"'
NOT_SEARCH = f'{m.COST_COMPONENT}!="web_search"'


def board(config: Config) -> Board:
    """The dashboard."""
    return Board(
        "claude-cost",
        "Claude: cost",
        "What was spent on what, against the budgets; where it goes; what four levers save, and could save. Sums are "
        "exact (docs/ledger.md); estimates say that they are.",
        (
            Row(4, ((4, today(config)), (4, month(config)), (4, forecast(config)), (4, total()), (4, per_call()), (4, unpriced()))),
            Row(8, ((10, daily(config)), (8, hourly()), (6, budgets("Budgets used", "claude-oncall")))),
            Row(9, (
                (5, split("surface", m.SURFACE)), (5, split("model", m.RESPONSE_MODEL)),
                (5, split("component", m.COST_COMPONENT)), (4, split("service tier", m.TIER)), (5, split("agent", m.AGENT)),
            ), "Where it goes, in the time range above"),
            Row(9, ((14, sites()), (10, unit_costs()))),
            Row(8, ((6, saved()), (6, could_save()), (6, by_effort()), (6, thinking())), "Four levers: model, effort, cache, batch"),
        ),
        hours=24,
        refresh="5m",
    )  # fmt: skip


def steps(budget: float | None) -> Steps:
    """Colours of an amount against a budget."""
    return () if budget is None else tuple((round(budget * part, 6), colour) for part, colour in BUDGET_STEPS)


def of_budget(budget: float | None, key: str) -> str:
    """What is good, with the number of the file."""
    return f"Below ${number(budget)}, `budgets.{key}`." if budget else f"There is no `budgets.{key}` to compare with."


def today(config: Config) -> Panel:
    """Today against the daily budget."""
    budget = config.budgets.daily_usd
    return Panel(
        "Today", "stat", (Query(by((), recorded("surface_model:claude_cost_usd:today"))),),
        f"What was spent since midnight in {config.time_zone}, exactly.",
        of_budget(budget, "daily_usd"), "See what burns: the table of call sites below.",
        unit="currencyUSD", decimals=2, steps=steps(budget), nothing="$0.00",
        boards=("claude-oncall",), alerts=("ClaudeDailyBudget80", "ClaudeDailyBudget100"),
    )  # fmt: skip


def month(config: Config) -> Panel:
    """This month against the monthly budget."""
    budget = config.budgets.monthly_usd
    return Panel(
        "This month", "stat", (Query(by((), recorded("surface_model:claude_cost_usd:month"))),),
        f"What was spent since the first of the month in {config.time_zone}, exactly; of a younger book, since it began.",
        of_budget(budget, "monthly_usd"), "See the forecast beside, and the levers below.",
        unit="currencyUSD", decimals=2, steps=steps(budget), nothing="$0.00",
        alerts=("ClaudeMonthlyBudget80", "ClaudeMonthlyBudget100"),
    )  # fmt: skip


def forecast(config: Config) -> Panel:
    """The month at its end."""
    budget = config.budgets.monthly_usd
    return Panel(
        "Month, forecast", "stat", (Query(by((), recorded("surface:claude_cost_usd:month_forecast"))),),
        "This month so far, and the rest of it at the rate of the last 7 days.",
        of_budget(budget, "monthly_usd"), "Talk to the owners of the dearest surfaces before it is so.",
        unit="currencyUSD", decimals=2, steps=steps(budget), nothing="After a day",
        alerts=("ClaudeBudgetForecast",),
    )  # fmt: skip


def total() -> Panel:
    """The time range."""
    return Panel(
        "In the time range", "stat", (Query(spent(ledger.COST, ())),),
        "What was spent in the time range above, exactly; of a younger book, since it began.",
        "What you expect.", "Split it below by surface, model, component, tier and agent.",
        unit="currencyUSD", decimals=4, nothing="$0.00", boards=("claude-oncall",),
    )  # fmt: skip


def per_call() -> Panel:
    """What one call costs."""
    more = f"({spent(ledger.CALLS, ())})"
    return Panel(
        "For one call", "stat", (Query(f"({spent(ledger.COST, ())})\n/\n({more} > 0)"),),
        "Cost in the time range for each call that ended in it, failed ones included.",
        "It stays as it was: compare two time ranges.", "Longer prompts, longer answers, another model: see the splits.",
        unit="currencyUSD", decimals=5, nothing="No calls", boards=("claude-latency",),
    )  # fmt: skip


def unpriced() -> Panel:
    """What is missing from the sums."""
    return Panel(
        "Calls without a price", "stat",
        (Query(f"{by((), spent(ledger.UNPRICED_CALLS, (m.RESPONSE_MODEL,)))} or vector(0)"),),
        "Calls in the time range whose model has no price: they are in no sum of money.",
        "0", "Add the model under `prices` in claude-otel.yaml, or upgrade claude-otel: `claude-otel check` tells which.",
        unit="none", decimals=0, steps=((1, "red"),), alerts=("ClaudeUnpricedModel",),
    )  # fmt: skip


def daily(config: Config) -> Panel:
    """The last 30 days."""
    budget = config.budgets.daily_usd
    return Panel(
        "USD in the 24 hours before, by surface", "curves",
        (Query(f"topk(8, {recorded('surface:claude_cost_usd:increase1d')}) > 0", f"{{{{{m.SURFACE}}}}}"),),
        "What each surface has cost in the 24 hours before each point, exactly; the eight dearest.",
        of_budget(budget, "daily_usd"), "A step is a change of traffic, model, prompt or cache: see the blue marks of releases.",
        unit="currencyUSD", stacked=True, steps=steps(budget), period="30d", nothing="Nothing, or less than some hours ago",
        alerts=("ClaudeCostSpike",),
    )  # fmt: skip


def hourly() -> Panel:
    """The time range."""
    return Panel(
        "USD in the hour before, by surface", "curves",
        (Query(f"topk(8, {recorded('surface:claude_cost_usd:increase1h')}) > 0", f"{{{{{m.SURFACE}}}}}"),),
        "What each surface has cost in the hour before each point, exactly; the eight dearest.",
        "The shape of your traffic.", "See the call sites below.",
        unit="currencyUSD", stacked=True, nothing="Nothing was spent", alerts=("ClaudeCostSpike", "ClaudeRunawaySpending"),
    )  # fmt: skip


def split(what: str, label: str) -> Panel:
    """The cost by one label."""
    return Panel(
        f"By {what}", "bars",
        (Query(f"sort_desc(topk(8,\n{spent(ledger.COST, (label,))}\n) > 0)", f"{{{{{label}}}}}"),),
        f"Cost in the time range by {what}, exactly; the eight dearest.",
        "What you expect.", ADVICE[label],
        unit="currencyUSD", decimals=3, base="blue", nothing="Nothing was spent", alerts=("ClaudeCostSpike",),
    )  # fmt: skip


ADVICE = {
    m.SURFACE: "Ask the owner of the dearest surface; give it a budget in claude-otel.yaml.",
    m.RESPONSE_MODEL: "A model that you did not choose: a moving alias, or a fallback.",
    m.COST_COMPONENT: "Much input: the cache. Much output: effort, max_tokens. Much cache_write: see the dashboard Cache.",
    m.TIER: "What can wait belongs into a batch, at half the price.",
    m.AGENT: "Name agents with `surface(..., agent=)`; `none` is all that has no name.",
}


def sites() -> Panel:
    """Where in the code."""
    labels = (m.SURFACE, m.CALL_SITE, m.RESPONSE_MODEL)
    return Panel(
        "Dearest call sites", "table", (Query(f"sort_desc(topk(12,\n{spent(ledger.COST, labels)}\n) > 0)"),),
        "Where in the code the money of the time range was spent: `module:function`, with the model; the twelve dearest.",
        "What you expect.", "Read that function first.",
        columns=(
            Column(m.SURFACE, "Surface"), Column(m.CALL_SITE, "Call site"), Column(m.RESPONSE_MODEL, "Model"),
            Column("A", "USD", "currencyUSD", width=110, decimals=4),
        ),
        nothing="Nothing was spent", alerts=("ClaudeRunawaySpending",),
    )  # fmt: skip


def unit_costs() -> Panel:
    """What a call and a thousand output tokens cost, by surface."""
    mine = (m.SURFACE,)
    return Panel(
        "For a call, and for 1,000 output tokens, last 24 hours", "table",
        (
            Query(by(mine, recorded("surface:claude_cost_usd:increase1d"))),
            Query(by(mine, recorded("surface:claude_cost_per_call_usd:ratio1d"))),
            Query(by(mine, f"1000 * {recorded('surface:claude_cost_per_output_token_usd:ratio1d')}")),
        ),
        "What each surface cost in the last 24 hours, for each of its calls, and for a thousand tokens that it wrote.",
        "Steady numbers; they should not follow the traffic.",
        "A call that got dearer: longer prompts or a broken cache. 1,000 tokens that got dearer: the model, or more input.",
        columns=(
            Column(m.SURFACE, "Surface"), Column("A", "USD", "currencyUSD", width=100, decimals=4),
            Column("B", "A call", "currencyUSD", width=100, decimals=5),
            Column("C", "1,000 tokens", "currencyUSD", width=110, decimals=4),
        ),
        nothing="No calls in 24 hours", boards=("claude-latency", "claude-cache"),
    )  # fmt: skip


def saved() -> Panel:
    """What cache and batch have saved."""
    return Panel(
        "Saved in the time range", "bars",
        (
            Query(saved_by_cache(), "by the cache"),
            Query(f"({spent(ledger.COST, (), more=f'{BATCH}, {NOT_SEARCH}')}) or vector(0)", "by batches"),
        ),
        "Cache: what the same calls had cost without it, less what they cost. Batches: tokens cost half, so as much again "
        "as they cost. The cache's number follows the surface only.",
        "Above zero. Below: the cache costs more than it saves.",
        "See the dashboard Cache.",
        unit="currencyUSD", decimals=4, base="red", steps=((0, "green"),), nothing="Nothing",
        boards=("claude-cache",), alerts=("ClaudeCacheNetNegative",),
    )  # fmt: skip


def could_save() -> Panel:
    """What the same tokens had cost elsewhere."""
    labels = (m.RESPONSE_MODEL, m.COST_COMPONENT)
    match = f"on ({', '.join(labels)})"
    return Panel(
        "Could have saved (estimate)", "bars",
        (
            Query(f"sum (\n({spent(ledger.COST, labels)})\n* {match} group_left () (1 - {CHEAPER})\n)", "next cheaper model"),
            Query(f"0.5 * ({spent(ledger.COST, (), more=f'{NO_BATCH}, {NOT_SEARCH}')})", "all in batches"),
        ),
        "An estimate. Next cheaper model: the same tokens at the list prices of the newest model of the next cheaper family. "
        "Batches: all tokens that were not in one, at half the price. The two do not add up.",
        "Small, or worth its money: quality is not in this number.",
        "Try the cheaper model on the dearest surface; move what nobody waits for into batches.",
        unit="currencyUSD", decimals=4, base="blue", nothing="Nothing", boards=("claude-latency",),
    )  # fmt: skip


def by_effort() -> Panel:
    """The cost by effort."""
    return Panel(
        "By effort", "bars",
        (Query(f"sort_desc({spent(ledger.COST, (m.EFFORT,))} > 0)", f"{{{{{m.EFFORT}}}}}"),),
        "Cost in the time range by the effort that was asked for; `default` where none was.",
        "High effort only where it is needed.", "Lower `output_config.effort` on the surfaces that pay for it.",
        unit="currencyUSD", decimals=4, base="blue", nothing="Nothing was spent",
        boards=("claude-latency",),
    )  # fmt: skip


def thinking() -> Panel:
    """How much of the output is thinking."""
    labels = (m.SURFACE,)
    return Panel(
        "Thinking, of the output of 1 h", "curves",
        (
            Query(
                f"{counted(t.REASONING_METRIC, labels, '1h')}\n/\n({counted(t.OUTPUT_METRIC, labels, '1h')} > 0)",
                f"{{{{{m.SURFACE}}}}}",
            ),
        ),
        "Which part of the output tokens was thinking. They are billed as output, and nobody reads them.",
        "What the effort is meant to buy.", "Lower the effort where answers are as good without.",
        unit="percentunit", most=1, nothing="No output in this time", boards=("claude-latency",),
    )  # fmt: skip
