"""On call: the five questions of 3 AM on one screen, answered in words before curves."""

from __future__ import annotations

from claude_otel import telemetry as t
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring import zone
from claude_otel.monitoring.alert import Dashboard
from claude_otel.monitoring.config import Config, Runaway
from claude_otel.monitoring.dashboards.panel import BLAMES, Board, Column, Panel, Query, Row, Steps, Word
from claude_otel.monitoring.dashboards.queries import FAILED, HAS_VERSION, counted, first_of, named, raw, recorded
from claude_otel.monitoring.promql import by, number, on

QUIET = Word("No calls", "gray")


def board(config: Config) -> Board:
    """The dashboard."""
    return Board(
        "claude-oncall",
        "Claude: on call, five questions",
        "Is it us or Anthropic, who is hurt, what burns money and when is the limit hit, what changed, is the cache "
        "broken and why: answers first, then what they rest on. One screen of 1920 by 1080 in kiosk mode.",
        (
            Row(4, ((4, blame(config)), (4, hurt(config)), (4, burning(config)), (4, limit()), (4, changed()), (4, cache(config)))),
            Row(7, ((9, failures()), (9, surfaces(config)), (6, alerts()))),
            Row(7, ((9, spending()), (8, sites(config)), (7, budgets("3 · Budgets used", "claude-cost")))),
            Row(8, ((7, changes()), (9, yesterday()), (8, misses()))),
        ),
        hours=3,
        refresh="30s",
    )  # fmt: skip


def blame(config: Config) -> Panel:
    """Question 1."""
    every = by((), recorded("surface:claude_calls:increase5m"))
    failed = recorded("surface_blame:claude_calls:increase5m", FAILED)
    worst = f"topk(1,\n  {by((m.BLAME,), failed)}\n  / on () group_left () ({every} > 0)\n) > {share(config.limits.error_ratio)}"
    well = named(f"({by((), failed)} or {every} * 0) / ({every} > 0)", m.BLAME, "well")
    return Panel(
        "1 · Is it us or Anthropic?", "answer",
        (Query(first_of(worst, well, named("vector(0)", m.BLAME, "quiet")), f"{{{{{m.BLAME}}}}}"),),
        "Who is to blame for most of the calls that failed in the last 5 minutes, and their share of all calls. Retries "
        "that came through are no failures.",
        f"Neither: no blame has more than {number(config.limits.error_ratio)} % of the calls.",
        "Anthropic: see status.claude.com, switch to the fallback, send support the request ids (`claude-otel calls "
        "--blame provider`). Rate or spend limit: question 3. Us: the last deploy, question 4.",
        unit="percentunit", decimals=1, nothing="No telemetry",
        words={**BLAMES, "well": Word("Neither: all is well", "green"), "quiet": QUIET},
        boards=("claude-calls",), alerts=("ClaudeErrorRateHigh", "ClaudeOverloadedStorm"),
    )  # fmt: skip


def hurt(config: Config) -> Panel:
    """Question 2."""
    failed = recorded("surface:claude_calls_failed:ratio5m")
    slow = recorded("surface_budget:claude_latency_over_budget:ratio5m")
    allowed = recorded("surface_budget:claude_latency_over_budget_allowed:ratio")
    worst = (
        f"topk(1, max by ({m.SURFACE}) (\n  {failed} > {share(config.limits.error_ratio)}\n  or\n"
        f"  {slow}\n    > {on((m.SURFACE, 'budget'))} {allowed}\n))"
    )
    nobody = named(by((), failed, "max"), m.SURFACE, "nobody")
    return Panel(
        "2 · Who is hurt?", "answer",
        (Query(first_of(worst, nobody, named("vector(0)", m.SURFACE, "quiet")), f"{{{{{m.SURFACE}}}}}"),),
        "The surface with the largest share of bad calls in the last 5 minutes: failed, or slower than a latency budget "
        "of the surface.",
        f"Nobody: no surface fails more than {number(config.limits.error_ratio)} % or is over what its budgets allow.",
        "See in the table beside whether it fails or is slow; tell the owners of the surface; switch it to its fallback.",
        unit="percentunit", decimals=1, nothing="No telemetry", base="red",
        words={"nobody": Word("Nobody", "green"), "quiet": QUIET},
        boards=("claude-latency",), alerts=("ClaudeLatencyBudgetBurn", "ClaudeAvailabilityBudgetBurn"),
    )  # fmt: skip


def burning(config: Config) -> Panel:
    """Question 3, what."""
    limit = config.limits.runaway.usd_per_hour
    own = {name: runaway_steps(each.runaway) for name, each in config.surfaces.items() if each.runaway}
    worst = f"topk(1, 2 * {by((m.SURFACE,), recorded('surface_site:claude_cost_usd:increase30m'), 'max')}) > 0"
    return Panel(
        "3 · What burns? USD an hour", "answer",
        (Query(first_of(worst, named("vector(0)", m.SURFACE, "nothing")), f"{{{{{m.SURFACE}}}}}"),),
        "The surface with the dearest call site, in USD an hour, by the last half hour.",
        f"Less than ${number(limit / 2)} an hour. From ${number(limit)} on it is a runaway, and pages.",
        "A loop: stop the process, or give it an end. Traffic: nothing. A model or a prompt: question 4. The cache: "
        "question 5.",
        unit="currencyUSD", decimals=2, steps=runaway_steps(config.limits.runaway), nothing="No telemetry",
        words={"nothing": Word("Nothing", "gray")}, own_steps=own,
        boards=("claude-cost",), alerts=("ClaudeRunawaySpending", "ClaudeCostSpike"),
    )  # fmt: skip


def runaway_steps(runaway: Runaway) -> Steps:
    """Orange from half of what is a runaway, red from there on."""
    return ((runaway.usd_per_hour / 2, "orange"), (runaway.usd_per_hour, "red"))


def limit() -> Panel:
    """Question 3, when."""
    hourly = "claude:cost_usd:increase1h"

    def left(budget: str, spent: str, end: str) -> str:
        """Seconds until a budget is used up at the rate of the last hour, if that is before it ends."""
        return f"3600 * clamp_min({budget} - {spent}, 0) / on () ({hourly} > 0) < on () ({end} - time())"

    day = named(left("claude:budget_usd:daily", "claude:cost_usd:today", f"{zone.DAY_START} + 86400"), "budget", "day")
    month = named(left("claude:budget_usd:monthly", "claude:cost_usd:month", zone.MONTH_END), "budget", "month")
    enough = (
        "max (claude:cost_usd:today / claude:budget_usd:daily or claude:cost_usd:month / claude:budget_usd:monthly)"
    )
    return Panel(
        "3 · When is the limit hit?", "answer",
        (
            Query(
                first_of(
                    f"bottomk(1,\n{day}\nor\n{month}\n)",
                    named(enough, "budget", "enough"),
                    named("claude:cost_usd:today", "budget", "none"),
                    named("vector(0)", "budget", "nothing"),
                ),
                "{{budget}}",
            ),
        ),
        "How long the daily or monthly budget of all calls lasts at the rate of the last hour, if it does not last to "
        "its end; else how much of it is used; without a budget, what today has cost.",
        "Not today: the budget lasts.",
        "Stop what burns (beside), raise `budgets` in claude-otel.yaml if the traffic is wanted, and see the limit of "
        "Anthropic's Console, which refuses calls.",
        unit="s", decimals=1, steps=((3600, "orange"), (4 * 3600, "yellow")), base="red", nothing="No telemetry",
        words={
            "day": Word("Daily budget, in"),
            "month": Word("Monthly budget, in"),
            "enough": Word("Not soon: used", "green", "percentunit"),
            "none": Word("No budget: today", "gray", "currencyUSD"),
            "nothing": Word("No spending", "gray", "currencyUSD"),
        },
        boards=("claude-cost",), alerts=("ClaudeDailyBudget100", "ClaudeMonthlyBudget100", "ClaudeSpendLimitReached"),
    )  # fmt: skip


def what_changed() -> str:
    """New releases, models and prompts of the last hour, and how often."""
    version = f"group by ({m.JOB}, {m.VERSION})"
    calls = raw(t.CALLS_METRIC, HAS_VERSION)
    release = f"{version} ({calls})\nunless\n{version} ({calls} offset 1h)"
    release = f'label_join(\n{release},\n  "which", " ", "{m.JOB}", "{m.VERSION}"\n)'
    named_one = f'{m.REQUEST_MODEL}!="none"'
    called = by((m.REQUEST_MODEL,), recorded("model:claude_calls:increase30m", named_one))
    known = by((m.REQUEST_MODEL,), f"{recorded('model:claude_calls:increase1d', named_one)} offset 1h")
    model = f"{called} > 0\nunless\n({known} > 0)"
    prompt = f"{counted(t.PROMPT_CHANGES_METRIC, (m.SURFACE,), '1h')} > 0"
    parts = (
        named(f"sum by (which) (\n{release}\n)", "what", "Release"),
        named(f"sum by (which) (\n{copied(model, m.REQUEST_MODEL)}\n)", "what", "Model"),
        named(f"sum by (which) (\n{copied(prompt, m.SURFACE)}\n)", "what", "Prompt of"),
    )
    return "\nor\n".join(parts)


def copied(expr: str, label: str) -> str:
    """`expr` with its `label` as `which`."""
    return f'label_replace(\n{expr},\n  "which", "$1", "{label}", "(.*)"\n)'


def changed() -> Panel:
    """Question 4."""
    return Panel(
        "4 · What changed? Last hour", "answer",
        (
            Query(
                first_of(
                    named(f"count (\n{what_changed()}\n)", "what", "changes"), named("vector(0)", "what", "nothing")
                ),
                "{{what}}",
            ),
        ),
        "How many new releases, new models and changed prompts were seen in the last hour. The table below names them.",
        "Nothing has changed, or what has is yours.",
        "Compare the times of the blue marks (releases) with the curves; roll back what coincides.",
        nothing="No telemetry", decimals=0, in_part=True,
        words={"changes": Word("New things", "blue"), "nothing": Word("Nothing", "gray")},
        alerts=("ClaudeUnpinnedModel",),
    )  # fmt: skip


def cache(config: Config) -> Panel:
    """Question 5."""
    hit = recorded("surface:claude_cache_hit:ratio1h")
    target, week = recorded("surface:claude_cache_hit_target:ratio"), recorded("surface:claude_cache_hit:ratio7d")
    tokens = recorded("surface:claude_input_tokens:increase1h")
    low = (
        f"(\n  {hit} < on ({m.SURFACE}) {target}\n  or\n"
        f"  {hit} < on ({m.SURFACE}) {share(config.limits.cache_drop)} * {week}\n)\n"
        f"and on ({m.SURFACE}) {tokens} >= {config.limits.floor.input_tokens}"
    )
    read, every = by((), recorded("surface:claude_cache_read_tokens:increase1h")), by((), tokens)
    works = named(f"{read} / ({every} > 0) > 0", m.SURFACE, "works")
    unused = named(f"{every} * 0", m.SURFACE, "unused")
    return Panel(
        "5 · Is the cache broken? Hits", "answer",
        (
            Query(
                first_of(f"bottomk(1,\n{low}\n)", works, unused, named("vector(0)", m.SURFACE, "quiet")),
                f"{{{{{m.SURFACE}}}}}",
            ),
        ),
        "The surface whose cache hit ratio of the last hour is under its target, or under "
        f"{number(config.limits.cache_drop)} % of its own week; surfaces with less than "
        f"{config.limits.floor.input_tokens} input tokens are left out. Else the hit ratio of all calls.",
        "It works, with a ratio near its week's. Well-cached traffic is at 90 % and more.",
        "See why it missed in the bars below: `system_changed` and `tools_changed` are a deploy of yours.",
        unit="percentunit", decimals=1, base="red", nothing="No telemetry",
        words={
            "works": Word("It works", "green"),
            "unused": Word("No cache in use", "gray"),
            "quiet": QUIET,
        },
        boards=("claude-cache",), alerts=("ClaudeCacheHitDrop",),
    )  # fmt: skip


def failures() -> Panel:
    """What question 1 rests on."""
    return Panel(
        "1 · Calls that failed in 5 minutes, by who is to blame", "curves",
        (Query(by((m.BLAME,), recorded("surface_blame:claude_calls:increase5m", FAILED)), f"{{{{{m.BLAME}}}}}"),),
        "Calls whose last attempt failed, counted exactly over the 5 minutes before each point.",
        "Nothing here.",
        "Red is Anthropic's side, orange a rate limit, purple a spend limit, yellow our own requests, blue the way there.",
        unit="calls", words=BLAMES, stacked=True, nothing="No call has failed",
        boards=("claude-calls",), alerts=("ClaudeErrorRateHigh",),
    )  # fmt: skip


def surfaces(config: Config) -> Panel:
    """What question 2 rests on."""
    error = share(config.limits.error_ratio)
    burn = config.limits.availability_burn
    over = round(1 - max((each.within for each in config.surfaces.values()), default=95.0) / 100, 6)
    mine = (m.SURFACE,)
    slow = recorded("surface_budget:claude_latency_over_budget:ratio5m")
    failed = recorded("surface:claude_calls_failed:ratio1h")
    allowed = recorded("surface:claude_failures_allowed:ratio")
    return Panel(
        "2 · Surfaces in the last 5 minutes", "table",
        (
            Query(by(mine, recorded("surface:claude_calls:increase5m"))),
            Query(by(mine, recorded("surface:claude_calls_failed:ratio5m"))),
            Query(by(mine, slow, "max")),
            Query(by(mine, recorded("surface:claude_time_to_first_text_seconds:p95_5m"))),
            Query(by(mine, recorded("surface:claude_duration_seconds:p95_5m"))),
            Query(by(mine, f"{failed} / {on(mine)} {allowed}")),
        ),
        "Each surface with its calls, those that failed, those over the worst of its latency budgets, and how fast it "
        "uses up its error budget (1 is just sustainable for 30 days; only surfaces in claude-otel.yaml have one).",
        "White. Few failures, few calls over budget, a burn below 1.",
        "Red is hurt: see question 1 for why. A surface that is only slow: its latency on the dashboard Surfaces.",
        columns=(
            Column(m.SURFACE, "Surface"),
            Column("A", "Calls", "none", width=60, decimals=0),
            Column("B", "Failed", "percentunit", ((float(error) / 2, "orange"), (float(error), "red")), 72, 1),
            Column("C", "Over budget", "percentunit", ((over, "orange"), (min(0.99, over * config.limits.latency_burn.fast), "red")), 98, 1),
            Column("D", "Text p95", "s", width=82, decimals=2),
            Column("E", "Answer p95", "s", width=98, decimals=2),
            Column("F", "Burn 1 h", "none", ((1, "orange"), (burn.slow, "red")), 76, 1),
        ),
        nothing="No calls in 5 minutes", boards=("claude-latency",), alerts=("ClaudeLatencyHigh",),
    )  # fmt: skip


def alerts() -> Panel:
    """What fires."""
    firing = 'ALERTS{alertstate="firing", alertname!="Watchdog", severity!="info"}'
    short = f'label_replace({firing}, "alert", "$1", "alertname", "(?:Claude)?(.*)")'
    return Panel(
        "Alerts that fire", "table",
        (Query(by(("severity", "alert", m.SURFACE), short, "count")),),
        "Every page and ticket that fires now. Red marks over the curves are where alerts began to fire.",
        "None fires.",
        "Follow the runbook in its annotations, or alerts/runbooks/ClaudeNAME.md.",
        columns=(
            Column("severity", "Level", width=60),
            Column("alert", "Alert"),
            Column(m.SURFACE, "Surface", width=115),
        ),
        words={"page": Word("page", "red"), "ticket": Word("ticket", "orange")},
        nothing="No alert fires", alerts=("Watchdog",),
    )  # fmt: skip


def spending() -> Panel:
    """What question 3 rests on."""
    return Panel(
        "3 · USD in the hour before, by surface", "curves",
        (Query(f"topk(8, {recorded('surface:claude_cost_usd:increase1h')}) > 0", f"{{{{{m.SURFACE}}}}}"),),
        "What each surface has cost in the hour before each point, exactly; the eight dearest.",
        "The shape of your traffic. A step up without more calls is a change of model, prompt or cache.",
        "Find the call site beside, then who owns it.",
        unit="currencyUSD", stacked=True, nothing="Nothing was spent",
        boards=("claude-cost",), alerts=("ClaudeCostSpike",),
    )  # fmt: skip


def sites(config: Config) -> Panel:
    """What question 3 rests on."""
    limit = config.limits.runaway.usd_per_hour
    return Panel(
        "3 · Dearest call sites, USD an hour", "table",
        (Query(f"sort_desc(topk(6, 2 * {recorded('surface_site:claude_cost_usd:increase30m')} > 0))"),),
        "Where in the code money is spent, by the last half hour, as a rate.",
        f"No call site above ${number(limit / 2)} an hour; a runaway is ${number(limit)}.",
        "`module:function` is where the call is made: the loop is there.",
        columns=(
            Column(m.SURFACE, "Surface"),
            Column(m.CALL_SITE, "Call site"),
            Column("A", "USD/h", "currencyUSD", ((limit / 2, "orange"), (limit, "red")), 90, 2),
        ),
        nothing="Nothing was spent", boards=("claude-cost",), alerts=("ClaudeRunawaySpending",),
    )  # fmt: skip


BUDGET_STEPS: Steps = ((0.5, "yellow"), (0.8, "orange"), (1.0, "red"))


def budgets(title: str, other: Dashboard) -> Panel:
    """What question 3 rests on; also on the dashboard Cost, with a link to the `other`."""
    on_surface = on((m.SURFACE,))
    return Panel(
        title, "bars",
        (
            Query("claude:cost_usd:today / claude:budget_usd:daily", "Today"),
            Query("claude:cost_usd:month / claude:budget_usd:monthly", "Month"),
            Query("claude:cost_usd:month_forecast / claude:budget_usd:monthly", "Month, forecast"),
            Query(
                f"{recorded('surface:claude_cost_usd:today')} / {on_surface} surface:claude_budget_usd:daily",
                f"{{{{{m.SURFACE}}}}} today",
            ),
            Query(
                f"{recorded('surface:claude_cost_usd:month')} / {on_surface} surface:claude_budget_usd:monthly",
                f"{{{{{m.SURFACE}}}}} month",
            ),
        ),
        "Which part of each budget of claude-otel.yaml is used, by the calendar of its time zone.",
        "Below 80 %, and the forecast below 100 %.",
        "Above: see what burns. Alerts tell at 50, 80 and 100 %.",
        unit="percentunit", decimals=0, steps=BUDGET_STEPS, most=1, nothing="No budget in claude-otel.yaml",
        boards=(other,), alerts=("ClaudeDailyBudget80", "ClaudeBudgetForecast"),
    )  # fmt: skip


def changes() -> Panel:
    """What question 4 rests on."""
    return Panel(
        "4 · New in the last hour", "table",
        (Query(what_changed()),),
        "Releases (service and version) and models that were not there before, and surfaces whose tools or system prompt "
        "changed, with how many processes, calls or changes.",
        "Only what you have released.",
        "A prompt that changes with every call has something in it that varies: it breaks the cache.",
        columns=(Column("what", "What", width=90), Column("which", "Which"), Column("A", "Count", width=70, decimals=0)),
        in_part=True, nothing="Nothing is new", alerts=("ClaudeUnpinnedModel",),
    )  # fmt: skip


def yesterday() -> Panel:
    """What question 4 rests on."""
    measured = comparisons()
    now = "\nor\n".join(named(expr.replace("@", ""), "what", what) for what, expr in measured.items())
    before = "\nor\n".join(named(expr.replace("@", " offset 1d"), "what", what) for what, expr in measured.items())
    return Panel(
        "4 · The last hour, and the same hour yesterday", "table",
        (Query(now), Query(before), Query(f"(\n{now}\n)\n/ on (what)\n((\n{before}\n) > 0)\n- 1")),
        "Calls, cost, failures, speed and cache of the last hour beside those of the same hour a day ago.",
        "A change that fits the traffic: cost and calls move together, the rest stays.",
        "Cost up without calls: model, effort, prompt or cache. Slower without errors: longer answers, or the API.",
        columns=(
            Column("what", "In an hour"),
            Column("A", "Now", "none", width=90),
            Column("B", "Yesterday", "none", width=90),
            Column("C", "Change", "percentunit", ((-10, "text"), (0.5, "orange"), (2, "red")), 80, 0),
        ),
        nothing="No calls in an hour", alerts=("ClaudeCostSpike",),
    )  # fmt: skip


def comparisons() -> dict[str, str]:
    """What is compared with yesterday; `@` is where the offset goes."""
    calls, cost = recorded("surface:claude_calls:increase1h"), recorded("surface:claude_cost_usd:increase1h")
    failed = recorded("surface_blame:claude_calls:increase1h", FAILED)
    read, tokens = (
        recorded("surface:claude_cache_read_tokens:increase1h"),
        recorded("surface:claude_input_tokens:increase1h"),
    )
    return {
        "Calls": f"sum ({calls}@)",
        "USD": f"sum ({cost}@)",
        "USD for a call": f"sum ({cost}@) / (sum ({calls}@) > 0)",
        "Failed calls, %": f"100 * (sum ({failed}@) or sum ({calls}@) * 0) / (sum ({calls}@) > 0)",
        "Slowest surface p95, s": f"max ({recorded('surface:claude_duration_seconds:p95_5m')}@)",
        "Cache hits, %": f"100 * (sum ({read}@) or sum ({tokens}@) * 0) / (sum ({tokens}@) > 0)",
    }


def misses() -> Panel:
    """What question 5 rests on."""
    lost = recorded("surface_reason:claude_missed_cost_usd:increase1h")
    return Panel(
        "5 · Why the cache missed: USD lost in the hour before", "bars",
        (Query(f"sort_desc(topk(6, {lost} > 0))", f"{{{{{m.SURFACE}}}}}: {{{{{m.MISS_REASON}}}}}"),),
        "What missing the cache has cost in the last hour, by surface and reason: the API's reason where it tells one, "
        "else what the instrumentation saw.",
        "Cents: each prompt is written once before it can be read.",
        "`system_changed`, `tools_changed`: find what varies before the cached part. `expired`: calls too far apart, "
        "use the 1 h cache. `parallel`: warm it before the parallel calls.",
        unit="currencyUSD", decimals=4, base="orange", nothing="No miss has cost anything",
        boards=("claude-cache",), alerts=("ClaudeCacheHitDrop", "ClaudeCacheNetNegative"),
    )  # fmt: skip


def share(percent: float) -> str:
    """`percent` as PromQL's share of one."""
    return number(percent / 100)
