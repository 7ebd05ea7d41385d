"""Models: what retires, what moves, what has no price."""

from __future__ import annotations

from collections.abc import Iterable

from claude_otel.monitoring import lifecycle
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.alert import AT_ONCE, Alert, Severity, of
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.models import DATA_TIME, RETIREMENT
from claude_otel.monitoring.promql import quoted

DAY = 86400

IN_USE = f"""\
and on ({m.PROVIDER}, {m.REQUEST_MODEL})
model:claude_calls:increase1d > 0"""


def alerts(config: Config) -> list[Alert]:
    """The alerts on models."""
    models = config.models
    return [
        retiring("ClaudeModelRetiringSoon", "page", models.retiring_page_days),
        retiring("ClaudeModelRetiring", "ticket", models.retiring_ticket_days),
        data_old(config),
        *unpinned(config),
        unpriced(),
    ]


def retiring(name: str, severity: Severity, days: int) -> Alert:
    return Alert(
        name, severity, "models",
        f"({RETIREMENT} - time()) / {DAY} < {days}\n{IN_USE}",
        "10m", "A date does not hurry; ten minutes are for a restart of Prometheus.",
        f"{of(m.REQUEST_MODEL)} retires "
        '{{ if gt $value 0.0 }}in {{ printf "%.0f" $value }} days{{ else }}now: its date has passed{{ end }}, '
        f"and is still called on {of(m.PROVIDER)}",
        "From its retirement on every call of the model fails with 404. Dates are in lifecycle.json, with sources; "
        "`not sooner than` is no date and never alerts.",
        f"a model in use (1 d) retires within {days} days",
        dashboard="claude-calls", keep_firing_for="6h",
    )  # fmt: skip


def data_old(config: Config) -> Alert:
    days = config.models.lifecycle_data_days
    return Alert(
        "ClaudeLifecycleDataOld", "ticket", "models",
        f"(time() - {DATA_TIME}) / {DAY} > {days}\nand on ()\nclaude:calls:increase1d > 0",
        "1h", "An age in days does not hurry.",
        'The retirement dates of models are {{ printf "%.0f" $value }} days old',
        "Anthropic gives 60 days' notice at least: with older dates a retirement may come as a surprise. "
        "`claude-otel models refresh` renews them.",
        f"the retirement dates are older than {days} days, and Claude is called",
        dashboard="claude-calls",
    )  # fmt: skip


def unpinned(config: Config) -> list[Alert]:
    """The alert on models that may change or are not allowed; none when the file asks for neither."""
    series = "model:claude_calls:increase1d"
    parts = []
    if config.models.pinned:
        moving = any_of_with(lifecycle.of(config).aliases)
        parts.append(f'label_replace({series}{{{m.REQUEST_MODEL}=~{moving}}} > 0, "why", "a moving alias", "", "")')
    if config.models.allowed:
        allowed = quoted("|".join(glob(each) for each in config.models.allowed))
        parts.append(
            f'label_replace({series}{{{m.REQUEST_MODEL}!~{allowed}}} > 0, "why", "not among the allowed models", "", "")'
        )
    if not parts:
        return []
    return [Alert(
        "ClaudeUnpinnedModel", "ticket", "models",
        "\nor\n".join(parts),
        "10m", "It is a matter of days; ten minutes leave out a single try.",
        f'{of(m.REQUEST_MODEL)} is {of("why")}, and was called {{{{ printf "%.0f" $value }}}} times in the last day',
        "An alias moves to another model without a deploy of yours: quality, price and cache change with it.",
        "a model is called (1 d) by a moving alias, or is not in `models.allowed`",
        dashboard="claude-calls",
    )]  # fmt: skip


def any_of_with(aliases: Iterable[str]) -> str:
    """A regular expression, quoted, for the known names that point to another model from time to time."""
    return quoted("|".join([".*-latest", *(glob(alias) for alias in aliases)]))


def glob(pattern: str) -> str:
    """A model id with `*` as a regular expression."""
    escaped = "".join(f"[{char}]" if char in ".+?()|^$" else char for char in pattern)
    return escaped.replace("*", ".*")


def unpriced() -> Alert:
    return Alert(
        "ClaudeUnpricedModel", "ticket", "models",
        f"sum by ({m.PROVIDER}, {m.RESPONSE_MODEL}) (job_model:claude_unpriced_calls:increase1h) > 0",
        AT_ONCE, "Each such call is missing from every sum of money.",
        f'{of(m.RESPONSE_MODEL)} on {of(m.PROVIDER)} has no price: {{{{ printf "%.0f" $value }}}} calls in the last hour are in no sum of money',
        "Budgets and costs are too low by what these calls cost. Upgrade claude-otel, or give the price in "
        "claude-otel.yaml.",
        "any call in 1 h whose model has no price",
        dashboard="claude-cost", keep_firing_for="1h",
    )  # fmt: skip
