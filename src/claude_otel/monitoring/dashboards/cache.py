"""Cache: how much of the input it gives, what it saves, why it missed and what that cost."""

from __future__ import annotations

from claude_otel import telemetry as t
from claude_otel.monitoring import ledger
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.dashboards.oncall import share
from claude_otel.monitoring.dashboards.panel import Board, Column, Panel, Query, Row
from claude_otel.monitoring.dashboards.queries import counted, recorded, saved_by_cache, spent
from claude_otel.monitoring.promql import by, number

SURFACE = (m.SURFACE,)
LEGEND = f"{{{{{m.SURFACE}}}}}"
UNUSED = "No input in this time"


def board(config: Config) -> Board:
    """The dashboard."""
    return Board(
        "claude-cache",
        "Claude: cache",
        "How much of the input the prompt cache gives, what it saves, why it missed, and what that cost.",
        (
            Row(4, ((6, ratio()), (6, saving()), (6, lost()), (6, reads_per_write()))),
            Row(9, ((14, hits(config)), (10, surfaces(config)))),
            Row(8, ((12, tokens()), (12, lifetimes()))),
            Row(9, ((9, reasons()), (9, table()), (6, prompts())), "Why it missed"),
        ),
        hours=24,
    )  # fmt: skip


def ratio() -> Panel:
    """The hit ratio of the time range."""
    read, every = spent(ledger.CACHE_READ_TOKENS, ()), spent(ledger.INPUT_TOKENS, ())
    return Panel(
        "Hit ratio", "stat", (Query(f"(({read}) or ({every}) * 0)\n/\n(({every}) > 0)"),),
        "Input tokens of the time range that were read from the cache, of all input tokens.",
        "90 % and more where prompts are cached well.", "See the surfaces below: the largest one decides.",
        unit="percentunit", decimals=1, base="red", steps=((0.3, "orange"), (0.7, "green")), nothing=UNUSED,
        boards=("claude-oncall",), alerts=("ClaudeCacheHitDrop",),
    )  # fmt: skip


def saving() -> Panel:
    """What it saved."""
    return Panel(
        "Saved", "stat", (Query(saved_by_cache()),),
        "What the calls of the time range had cost without a cache, less what they cost.",
        "Above zero.", "Below: prompts are written to the cache and not read again. Cut them so that what varies comes last.",
        unit="currencyUSD", decimals=4, base="red", steps=((0, "green"),), nothing="$0.00",
        boards=("claude-cost",), alerts=("ClaudeCacheNetNegative",),
    )  # fmt: skip


def lost() -> Panel:
    """What misses cost."""
    return Panel(
        "Lost to misses", "stat", (Query(spent(ledger.MISSED_COST, ())),),
        "What missing the cache cost in the time range: input that a hit would have read at a tenth of the price or less.",
        "Cents beside what is saved.", "See the reasons below.",
        unit="currencyUSD", decimals=4, nothing="$0.00", alerts=("ClaudeCacheHitDrop",),
    )  # fmt: skip


def reads_per_write() -> Panel:
    """Whether writing pays."""
    read, write = spent(ledger.CACHE_READ_TOKENS, ()), spent(ledger.CACHE_WRITE_TOKENS, ())
    return Panel(
        "Reads for a write", "stat", (Query(f"({read})\n/\n(({write}) > 0)"),),
        "How often each token that was written to the cache was read from it, in the time range.",
        "Above 2. A write for 5 minutes pays after one read, one for an hour after two.",
        "Below 1: the cache costs more than it saves.",
        unit="none", decimals=1, base="red", steps=((1, "orange"), (2, "green")), nothing="No writes",
        alerts=("ClaudeCacheNetNegative",),
    )  # fmt: skip


def hits(config: Config) -> Panel:
    """The hit ratio over time."""
    return Panel(
        "Hit ratio in the hour before, by surface", "curves",
        (
            Query(recorded("surface:claude_cache_hit:ratio1h"), LEGEND),
            Query(recorded("surface:claude_cache_hit_target:ratio"), f"{LEGEND} target"),
        ),
        "Input tokens of the hour before each point that were read from the cache, of all input tokens; dashed are targets.",
        "Near its week's, and above its target.",
        f"A fall below {number(config.limits.cache_drop)} % of its week is a break: see the blue marks of releases, and the reasons.",
        unit="percentunit", most=1, dashed="target$", nothing=UNUSED, alerts=("ClaudeCacheHitDrop",),
    )  # fmt: skip


def surfaces(config: Config) -> Panel:
    """Every surface now."""
    return Panel(
        "Surfaces", "table",
        (
            Query(by(SURFACE, recorded("surface:claude_cache_hit:ratio1h"))),
            Query(by(SURFACE, recorded("surface:claude_cache_hit:ratio7d"))),
            Query(by(SURFACE, recorded("surface:claude_cache_hit_target:ratio"))),
            Query(by(SURFACE, recorded("surface:claude_cache_saving_usd:increase1d"))),
            Query(by(SURFACE, recorded("surface_reason:claude_missed_cost_usd:increase1d"))),
        ),
        "The hit ratio of the last hour, of the last 7 days, and its target; what the cache saved and what misses cost in "
        "the last 24 hours.",
        f"The first two are near each other; an alert comes below {share(config.limits.cache_drop)} of the week.",
        "A surface with much input and no hits has no `cache_control`, or something that varies before it.",
        columns=(
            Column(m.SURFACE, "Surface"),
            Column("A", "1 h", "percentunit", width=75, decimals=1),
            Column("B", "7 d", "percentunit", width=75, decimals=1),
            Column("C", "Target", "percentunit", width=75, decimals=0),
            Column("D", "Saved", "currencyUSD", ((-0.001, "text"),), 100, 3, "red"),
            Column("E", "Lost", "currencyUSD", width=100, decimals=3),
        ),
        nothing="No calls in an hour", alerts=("ClaudeCacheHitDrop", "ClaudeCacheNetNegative"),
    )  # fmt: skip


def tokens() -> Panel:
    """Where the input came from."""
    every, read, written = (
        by((), recorded(f"surface:claude_{name}_tokens:increase1h")) for name in ("input", "cache_read", "cache_write")
    )
    return Panel(
        "Input tokens in the hour before", "curves",
        (
            Query(read, "read from the cache"),
            Query(written, "written to the cache"),
            Query(f"{every} - ({read} or {every} * 0) - ({written} or {every} * 0)", "neither"),
        ),
        "Where the input of the hour before each point came from: read at a tenth of the price or less, written at 1.25 or "
        "2 times the price, or neither.",
        "Mostly read.", "Much neither: prompts without `cache_control`, or shorter than the model's minimum.",
        unit="short", stacked=True, nothing=UNUSED, alerts=("ClaudeCacheHitDrop",),
    )  # fmt: skip


def lifetimes() -> Panel:
    """Writes by lifetime, against reads."""
    return Panel(
        "Tokens written for 5 minutes and for an hour, and read", "curves",
        (
            Query(counted(t.CACHE_WRITE_METRIC, (m.CACHE_TTL,), "1h"), f"written, {{{{{m.CACHE_TTL}}}}}"),
            Query(counted(t.CACHE_READ_METRIC, (), "1h"), "read"),
        ),
        "Tokens that were written to the cache in the hour before each point, by how long they stay, and that were read.",
        "Reads far above writes.", "Many 5 minute writes and few reads: calls come too seldom, try the hour.",
        unit="short", nothing="No cache in use", alerts=("ClaudeCacheNetNegative",),
    )  # fmt: skip


def reasons() -> Panel:
    """What misses cost over time."""
    lost = by((m.MISS_REASON,), recorded("surface_reason:claude_missed_cost_usd:increase1h"))
    return Panel(
        "Lost in the hour before, by reason", "curves",
        (Query(f"{lost} > 0", f"{{{{{m.MISS_REASON}}}}}"),),
        "What missing the cache cost in the hour before each point, by why it missed.",
        "Near zero.", "`system_changed`, `tools_changed`, `model_changed`: your last deploy. `expired`: calls too far apart.",
        unit="currencyUSD", stacked=True, nothing="No miss has cost anything", alerts=("ClaudeCacheHitDrop",),
    )  # fmt: skip


def table() -> Panel:
    """Every reason of every surface."""
    labels = (m.SURFACE, m.MISS_REASON)
    return Panel(
        "Misses of the last 24 hours", "table",
        (
            Query(f"sort_desc({by(labels, recorded('surface_reason:claude_missed_cost_usd:increase1d'))} > 0)"),
            Query(f"{counted(t.MISSED_TOKENS_METRIC, labels, '1d')} > 0"),
        ),
        "What misses cost in the last 24 hours, and how many tokens a hit would have read, by surface and reason.",
        "Few rows, small numbers.", "The first row first: find what changed before the cached part of that surface.",
        columns=(
            Column(m.SURFACE, "Surface"), Column(m.MISS_REASON, "Reason"),
            Column("A", "USD", "currencyUSD", width=100, decimals=4), Column("B", "Tokens", "short", width=90, decimals=1),
        ),
        nothing="No miss has cost anything", alerts=("ClaudeCacheHitDrop",),
    )  # fmt: skip


def prompts() -> Panel:
    """How often prompts change."""
    return Panel(
        "Prompts that changed, in the hour before", "curves",
        (Query(counted(t.PROMPT_CHANGES_METRIC, SURFACE, "1h"), LEGEND),),
        "How often the fingerprint of tools and system prompt of a call site changed in the hour before each point.",
        "Only with a release.", "With every call: something varies in the system prompt, such as the time of day.",
        unit="none", decimals=0, nothing="No prompt has changed", alerts=("ClaudeCacheHitDrop",),
    )  # fmt: skip
