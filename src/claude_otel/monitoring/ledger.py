"""The ledger: one recording rule for each counter that keeps its total exactly.

Counters are pushed, written by many short-lived processes, and may arrive late. `increase()` loses the first sample of
each process, and an increment that is recorded once misses what arrives afterwards. So one rule that reads itself keeps
three parts in one commit: what each series has said last (`part="seen"`), the sum of all that was ever added
(`part="total"`), and the time from which it counts (`part="since"`). Each evaluation adds to the total what every
series says now beyond what was seen of it; after a reset, all it says now. docs/ledger.md tells what is exact and
what is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent

from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.promql import Labels, by, edge, number, quoted
from claude_otel.monitoring.rule import Group, Recording

LATE = "6h"
"""A sample that arrives later than this is not counted. Prometheus must accept samples out of order for as long."""

MEMORY = "2d"
"""How long the rules may not be evaluated: a book that was closed for longer begins anew."""

GAP = "1h"
"""How far back the value at the start of a window is looked for, when rules were not evaluated just then."""


@dataclass(frozen=True)
class Row:
    """A counter that is kept: its short name, the series that are read, and the labels that the total keeps."""

    name: str
    series: str
    keep: Labels
    beside: str = ""
    """Only series are kept beside which there is this one: the same but for its `le`."""

    @property
    def record(self) -> str:
        """The name of the recorded series."""
        return f"claude:{self.name}:ledger"

    @property
    def total(self) -> str:
        """The selector of the totals."""
        return f'{self.record}{{part="total"}}'

    @property
    def since(self) -> str:
        """The selector of the time from which it counts."""
        return f'{self.record}{{part="since"}}'

    def where(self, matchers: str = "") -> str:
        """The selector of the totals with more `matchers`."""
        return f'{self.record}{{part="total", {matchers}}}' if matchers else self.total


def ledger(row: Row) -> Recording:
    """The rule that keeps `row`."""
    now = f"last_over_time({row.series}[{LATE}])"
    if row.beside:
        now = f"({now} and ignoring (le) last_over_time({row.beside}[{LATE}]))"
    seen = f'label_replace(last_over_time({row.record}{{part="seen"}}[{MEMORY}]), "part", "", "", "")'
    expr = f"""\
label_replace({now}, "part", "seen", "", "")
or
label_replace(
  sum by ({", ".join(row.keep)}) (
    ({now} - {seen} >= 0 or {now})
      * on () group_left () (group(last_over_time({row.since}[{MEMORY}])) or vector(0))
    or
    last_over_time({row.total}[{MEMORY}])
  ),
  "part", "total", "", ""
)
or
last_over_time({row.since}[{MEMORY}])
or
label_replace(vector(time()), "part", "since", "", "")"""
    return Recording(row.record, expr)


def increase(row: Row, labels: Labels, window: str, where: str = "") -> str:
    """What was added to `row` in `window`, exactly, by `labels`.

    A total that did not exist at the start of the window was zero. Where the rules were not evaluated around the start
    of the window, nothing comes back instead of a guess. A book younger than the window gives all it has.
    """
    now = by(labels, row.where(where))
    before = by(labels, f"last_over_time({row.where(where)}[{GAP}] offset {window})")
    return f"""\
(
{indent(now, "  ")}
  - (
{indent(before, "    ")}
    or
{indent(now, "    ")} * 0
  )
)
and on () ({row.since} <= time() - {window} and on () last_over_time({row.since}[{GAP}] offset {window}))
or
{now}
and on () ({row.since} > time() - {window})"""


COST = Row(
    "cost_usd",
    m.COST,
    (
        m.JOB, m.ENVIRONMENT, m.SURFACE, m.CALL_SITE, m.RESPONSE_MODEL, m.COST_COMPONENT, m.TIER, m.EFFORT, m.AGENT,
    ),
)  # fmt: skip
UNCACHED_COST = Row("uncached_cost_usd", m.UNCACHED_COST, (m.SURFACE,))
MISSED_COST = Row("missed_cost_usd", m.MISSED_COST, (m.SURFACE, m.MISS_REASON))
INPUT_TOKENS = Row("input_tokens", m.INPUT_TOKENS, (m.SURFACE, m.RESPONSE_MODEL))
OUTPUT_TOKENS = Row("output_tokens", m.OUTPUT_TOKENS, (m.SURFACE, m.RESPONSE_MODEL))
CACHE_READ_TOKENS = Row("cache_read_tokens", m.CACHE_READ_TOKENS, (m.SURFACE, m.RESPONSE_MODEL))
CACHE_WRITE_TOKENS = Row("cache_write_tokens", m.CACHE_WRITE_TOKENS, (m.SURFACE, m.RESPONSE_MODEL))
CALLS = Row(
    "calls",
    m.CALLS,
    (
        m.JOB, m.ENVIRONMENT, m.SURFACE, m.PROVIDER, m.REQUEST_MODEL, m.OUTCOME, m.STOP_REASON, m.BLAME, m.ERROR_TYPE,
        m.RETRIED,
    ),
)  # fmt: skip
ATTEMPTS = Row("attempts", m.ATTEMPTS, (m.PROVIDER, m.REQUEST_MODEL, m.STATUS, m.BLAME))
UNPRICED_CALLS = Row("unpriced_calls", m.UNPRICED_CALLS, (m.JOB, m.PROVIDER, m.RESPONSE_MODEL))
INSTRUMENTATION_ERRORS = Row("instrumentation_errors", m.INSTRUMENTATION_ERRORS, (m.JOB, m.COMPONENT))

ROWS = (
    COST, UNCACHED_COST, MISSED_COST, INPUT_TOKENS, OUTPUT_TOKENS, CACHE_READ_TOKENS, CACHE_WRITE_TOKENS, CALLS,
    ATTEMPTS, UNPRICED_CALLS, INSTRUMENTATION_ERRORS,
)  # fmt: skip
"""The counters that are kept whatever the file says."""


@dataclass(frozen=True)
class LatencyBudget:
    """A surface's budget on one histogram: the key in the file, and the bucket edge in seconds."""

    surface: str
    key: str
    value: float
    edge: float
    within: float

    @property
    def histogram(self) -> str:
        """The name of the histogram without its suffix."""
        return _HISTOGRAMS[self.key][0]

    @property
    def row(self) -> Row:
        """The row of the calls within this edge, and of all: one row, so that both begin at the same time."""
        base, short, more = _HISTOGRAMS[self.key]
        bounds = quoted(f"{edge(self.edge)[1:-1]}|[+]Inf")
        series = f"{base}_bucket{{{more}le=~{bounds}}}"
        # Of a process without the edge, all calls would be over the budget.
        within = f"{base}_bucket{{{more}le=~{edge(self.edge)}}}"
        return Row(f"{short}_within_{number(self.edge).replace('.', '_')}s", series, (m.SURFACE, "le"), within)


_COMPLETED = f'{m.OPERATION}="chat", {m.OUTCOME}="completed", '
_CHAT = f'{m.OPERATION}="chat", '
_HISTOGRAMS = {
    "time_to_first_text": (m.FIRST_TEXT, "first_text", _CHAT),
    "time_to_first_chunk": (m.FIRST_CHUNK, "first_chunk", _CHAT),
    "duration": (m.DURATION, "duration", _COMPLETED),
    "tokens_per_second": (m.PER_TOKEN, "per_token", _CHAT),
}


def latency_budgets(config: Config) -> list[LatencyBudget]:
    """Every latency budget of the file, tokens per second as the seconds of one."""
    found = []
    for name, surface in config.surfaces.items():
        for key in _HISTOGRAMS:
            value = getattr(surface, key)
            if value is not None:
                bound = 1 / value if key == "tokens_per_second" else value
                found.append(LatencyBudget(name, key, value, bound, surface.within))
    return found


def rows(config: Config) -> list[Row]:
    """Every row that is kept: the counters, and one for each edge that is a budget."""
    edges = {budget.row.record: budget.row for budget in latency_budgets(config)}
    return [*ROWS, *edges.values()]


def group(config: Config) -> Group:
    """The ledger."""
    return Group(
        "claude-ledger", tuple(ledger(row) for row in rows(config)), "What was counted, exactly: docs/ledger.md"
    )
