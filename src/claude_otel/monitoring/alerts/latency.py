"""Answers that are late."""

from __future__ import annotations

from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.alert import Alert, looked_up, of, percent
from claude_otel.monitoring.alerts.burn import burn
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.ledger import latency_budgets
from claude_otel.monitoring.promql import any_of, number


def alerts(config: Config) -> list[Alert]:
    """The alerts on latency."""
    return [high(config), budget_burn(config)]


def high(config: Config) -> Alert:
    limit, floor = config.limits.latency_p95, config.limits.floor.calls
    own = {budget.surface for budget in latency_budgets(config)}
    own |= {name for name, surface in config.surfaces.items() if surface.kind == "batch"}
    others = f"{{{m.SURFACE}!~{any_of(sorted(own))}}}" if own else ""
    return Alert(
        "ClaudeLatencyHigh", "page", "latency",
        f"""\
surface:claude_duration_seconds:p95_5m{others} > {number(limit)}
and on ({m.SURFACE})
surface:claude_completed_calls:increase5m >= {floor}""",
        "5m", "A window of its own: a few long answers in one window are no slowness.",
        f"{of(m.SURFACE)}: one in twenty completed calls takes longer than {{{{ $value | humanizeDuration }}}}",
        "This surface has no latency budget in claude-otel.yaml, so the limit for all others holds. Long answers may "
        "be normal for it: then give it a budget of its own.",
        f"p95 of completed calls over {number(limit)} s in 5 min, on surfaces without a latency budget that are no batch "
        f"work; {floor} calls or more",
        dashboard="claude-latency", keep_firing_for="5m",
    )  # fmt: skip


def budget_burn(config: Config) -> Alert:
    limits = config.limits
    both = (m.SURFACE, "budget")
    value = "surface_budget:claude_latency_budget:value"
    return Alert(
        "ClaudeLatencyBudgetBurn", "page", "latency",
        burn(
            "surface_budget:claude_latency_over_budget:ratio", "surface_budget:claude_latency_over_budget_allowed:ratio",
            "surface_budget:claude_latency_calls:increase", both, limits.latency_burn.fast, limits.latency_burn.slow,
            limits.floor.calls,
        ),
        "2m", "The short window ends the alert soon after the trouble; two minutes are for a single late export.",
        f"{of(m.SURFACE)}: {percent()} of completed calls miss the budget on {of('budget')} "
        f"({looked_up(value, both, 'humanize')}{{{{ if eq $labels.budget \"tokens_per_second\" }}}} tokens/s"
        "{{ else }} s{{ end }})",
        "Measured on completed calls, and exact, since the budget is an edge of the histogram. It is too many over an "
        "hour and still, or over six hours and still.",
        f"calls over a latency budget burn `within` of the surface {number(limits.latency_burn.fast)} times too fast over "
        f"1 h and 5 min, or {number(limits.latency_burn.slow)} times over 6 h and 30 min; {limits.floor.calls} calls",
        dashboard="claude-latency", keep_firing_for="10m",
    )  # fmt: skip
