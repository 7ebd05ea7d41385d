"""The scenarios, one for each shipped alert. They run side by side, each with surfaces and models of its own.

What would disturb others waits for them: a storm silences the errors of every surface, a service that falls silent the
tickets on ratios, and a cut between Collector and Prometheus is felt by all.
"""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from claude_otel.drill.scenario import Act, Other, Scenario
from claude_otel.drill.settings import DEAD, FINANCE, ONCALL, RECORDS, RETIRING, RETIRING_SOON, SWITCH, TEAM
from claude_otel.drill.speed import seconds
from claude_otel.drill.stage import SHOP, Stage
from claude_otel.drill.traffic import Traffic
from claude_otel.monitoring import alertmanager
from claude_otel.stack.health import OPENER
from claude_otel.stack.ports import HOST

DOLLAR = {"usage": {"input_tokens": 0, "cache_read_input_tokens": 5_000_000, "output_tokens": 0}}
"""What an answer of the model `claude-opus-5-5` must have used to cost a dollar. What is read from the cache is under
no rate limit, so that nothing else is brought about."""

BROKEN = "alerts/rules/team.yml"
BROKEN_RULES = """\
groups:
  - name: team
    interval: 1s
    rules:
      - record: team:rules:product
        expr: prometheus_rule_group_rules * on (job) prometheus_rule_group_interval_seconds
"""
"""A team's own rule, whose two sides both have a series for each group: Prometheus cannot match them."""


def surface(name: str) -> dict[str, str]:
    """The labels of an alert about a surface."""
    return {"claude_surface": name}


def model(name: str) -> dict[str, str]:
    """The labels of an alert about a model."""
    return {"gen_ai_request_model": name}


def calls(name: str, *rules: dict[str, Any], service: str = SHOP, **more: Any) -> Act:
    """Has the fake API answer the calls of a surface by `rules`, and a service make them."""
    prompts = more.pop("prompts", (f"[{name}]",))

    def begin(stage: Stage) -> None:
        stage.script(name, *({"text": f"[{name}]", **rule} for rule in rules))
        stage.start(Traffic(name, prompts=prompts, **more), service)

    return begin


def no_more(name: str, service: str = SHOP) -> Act:
    """Ends the calls of a surface."""

    def remedy(stage: Stage) -> None:
        stage.stop(name, service)
        stage.script(name)

    return remedy


def healed(name: str, *rules: dict[str, Any]) -> Act:
    """Has the fake API answer the calls of a surface as it should; they go on."""

    def remedy(stage: Stage) -> None:
        stage.script(name, *({"text": f"[{name}]", **rule} for rule in rules))

    return remedy


def spend(name: str, dollars: int) -> Act:
    """Has a surface spend so many dollars, one a call."""
    return calls(name, {"answer": DOLLAR}, count=dollars, per_second=5)


def nothing(_: Stage) -> None:
    """Nothing is to be done."""


def set_to(**changes: Any) -> Act:
    """Changes claude-otel.yaml."""
    return lambda stage: stage.change(**changes)


def old_dates(stage: Stage) -> None:
    """The dates are old from the beginning; somebody must call Claude."""
    stage.start(Traffic("dates", per_second=0.5))


def looked_up(**known: Any) -> Act:
    """Looks the retirement dates up again, and finds that."""

    def remedy(stage: Stage) -> None:
        stage.settings.write_dates(**known)
        stage.generate()

    return remedy


def faulty(stage: Stage) -> None:
    """Starts a service whose own span processor raises."""
    stage.program("careless", "--faulty")
    stage.start(Traffic("careless", count=4), "careless")


def no_file(stage: Stage) -> None:
    """Starts a service that was not told of claude-otel.yaml."""
    stage.program("unconfigured", configured=False)
    stage.start(Traffic("latency-budget"), "unconfigured")


def deployed(stage: Stage) -> None:
    """Starts the service anew, with the file."""
    stage.replace("unconfigured")
    stage.start(Traffic("latency-budget"), "unconfigured")


def lives_and_falls_silent(stage: Stage) -> None:
    """Starts a service, lets it live for over an hour of the rules, and kills it."""
    stage.start(Traffic("steady"), "steady")
    stage.cancelled.wait(seconds("1h") + seconds("10m"))
    stage.programs.pop("steady").kill()


def wrong_clock(stage: Stage) -> None:
    """Sends what a program sends whose clock is 7 hours slow. Prometheus refuses it, and the Collector must drop it."""
    at = str(int((time.time() - 7 * 3600) * 1e9))
    point = {"asInt": "1", "timeUnixNano": at, "startTimeUnixNano": at}
    metric = {"name": "late", "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}}
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
    url = f"http://{HOST}:{stage.ports['otlp-http']}/v1/metrics"
    OPENER.open(urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=10).close()


def cut_off(stage: Stage) -> None:
    """Cuts the way from the Collector to Prometheus, while a program sends."""
    stage.start(Traffic("queued"))
    stage.relay.cut()


def mended(stage: Stage) -> None:
    """Mends it."""
    stage.relay.mend()
    stage.stop("queued")


def refuses(stage: Stage) -> None:
    """Brings about an alert whose receiver refuses it."""
    stage.pager.refuses = True
    calls(DEAD, {"fault": "spend_limit"}, per_second=1)(stage)


def accepts(stage: Stage) -> None:
    """The receiver takes notifications again."""
    stage.pager.refuses = False
    no_more(DEAD)(stage)


BATCH_OF_ERRORS = ("ClaudeErrorRateHigh", "ClaudeAvailabilityBudgetBurn", "ClaudeSpendLimitReached")
SLOW = ("ClaudeLatencyHigh", "ClaudeLatencyBudgetBurn")
RATIOS = (
    "ClaudeCacheHitDrop", "ClaudeCacheNetNegative", "ClaudeRateLimitHeadroomLow", "ClaudeRetryAmplification",
    "ClaudeStreamsCut", "ClaudeAnswersCutAtMaxTokens", "ClaudeRefusals",
)  # fmt: skip

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "ClaudeErrorRateHigh", "every request of a surface is invalid (400)", ONCALL,
        calls("error-rate", {"fault": "invalid_request"}), no_more("error-rate"), surface("error-rate"),
        silences=(Other("ClaudeAvailabilityBudgetBurn", surface("error-rate")),),
    ),
    Scenario(
        "ClaudeAvailabilityBudgetBurn", "every fifth answer of a surface is a 500", ONCALL,
        calls("burn", {"fault": "api_error"}, prompts=("[burn]", "a", "b", "c", "d"), per_second=4), no_more("burn"),
        surface("burn"),
    ),
    Scenario(
        "ClaudeOverloadedStorm", "the API answers 529 to a surface that calls most", ONCALL,
        calls("storm", {"fault": "overloaded"}, per_second=12, threads=4), no_more("storm"),
        silences=tuple(Other(alert, surface("storm")) for alert in BATCH_OF_ERRORS[:2]),
        after=(*BATCH_OF_ERRORS, *SLOW, "ClaudeRetryAmplification", "ClaudeStreamsCut", "ClaudeNotificationsFailing"),
    ),
    Scenario(
        "ClaudeAuthenticationFailing", "the key of a service is refused (401)", ONCALL,
        calls("locked-out", {"fault": "authentication_error"}, per_second=1, count=4), nothing, {"job": SHOP},
    ),
    Scenario(
        "ClaudeModelGone", "a retired model is called (404)", ONCALL,
        calls("gone", model="claude-3-opus-20240229", per_second=1, count=3), nothing, model("claude-3-opus-20240229"),
    ),
    Scenario(
        "ClaudeLatencyHigh", "answers of a surface without a budget begin after 4 s", ONCALL,
        calls("slow", {"fault": "slow_first_token", "seconds": 4}, threads=10, per_second=3), no_more("slow"),
        surface("slow"),
    ),
    Scenario(
        "ClaudeLatencyBudgetBurn", "answers begin after 2 s, the budget is 1.25 s", ONCALL,
        calls("latency-budget", {"fault": "slow_first_token", "seconds": 2}, threads=5, per_second=2, stream=True),
        no_more("latency-budget"), surface("latency-budget"),
    ),
    Scenario(
        "ClaudeDailyBudget50", "12 of 20 dollars a day are spent", RECORDS,
        spend("day", 12), nothing, surface("day"), along="ClaudeDailyBudget80",
    ),
    Scenario(
        "ClaudeDailyBudget80", "17 of 20 dollars a day are spent", FINANCE,
        spend("day", 5), nothing, surface("day"), along="ClaudeDailyBudget100",
        silences=(Other("ClaudeDailyBudget50", surface("day")),),
    ),
    Scenario(
        "ClaudeDailyBudget100", "21 of 20 dollars a day are spent; then the budget is raised", ONCALL,
        spend("day", 4), lambda stage: stage.set("surfaces.day.daily_usd", 100), surface("day"),
        silences=(Other("ClaudeDailyBudget80", surface("day")), Other("ClaudeDailyBudget50", surface("day"))),
    ),
    Scenario(
        "ClaudeMonthlyBudget50", "12 of 20 dollars a month are spent", RECORDS,
        spend("month", 12), nothing, surface("month"), along="ClaudeMonthlyBudget80",
    ),
    Scenario(
        "ClaudeMonthlyBudget80", "17 of 20 dollars a month are spent", FINANCE,
        spend("month", 5), nothing, surface("month"), along="ClaudeMonthlyBudget100",
        silences=(Other("ClaudeMonthlyBudget50", surface("month")),),
    ),
    Scenario(
        "ClaudeMonthlyBudget100", "21 of 20 dollars a month are spent; then the budget is raised", ONCALL,
        spend("month", 4), lambda stage: stage.set("surfaces.month.monthly_usd", 100_000_000), surface("month"),
        silences=(Other("ClaudeMonthlyBudget80", surface("month")), Other("ClaudeMonthlyBudget50", surface("month"))),
    ),
    Scenario(
        "ClaudeBudgetForecast", "a week's spending goes on to the end of the month; then the budget is raised", FINANCE,
        nothing, lambda stage: stage.set("surfaces.forecast.monthly_usd", 100_000_000), surface("forecast"),
        patience=600,
    ),
    Scenario(
        "ClaudeSpendLimitReached", "the API answers that the spend limit is reached (400)", ONCALL,
        calls("spend-limit", {"fault": "spend_limit"}), no_more("spend-limit"), surface("spend-limit"),
        silences=(Other("ClaudeErrorRateHigh", surface("spend-limit")),),
    ),
    Scenario(
        "ClaudeRunawaySpending", "a loop spends 2 dollars a second", ONCALL,
        calls("loop", {"answer": DOLLAR}), no_more("loop"), surface("loop"),
        silences=(Other("ClaudeCostSpike", surface("loop")),),
    ),
    Scenario(
        "ClaudeCostSpike", "12 dollars in an hour, a week ago 40 cents", FINANCE,
        spend("spike", 12), nothing, surface("spike"),
    ),
    Scenario(
        "ClaudeCacheHitDrop", "a surface that read 90 % from its cache reads nothing", TEAM,
        calls("cache-drop", {"answer": {"usage": {"input_tokens": 0, "ephemeral_5m_input_tokens": 5_000}}}),
        healed("cache-drop", {"answer": {"usage": {"input_tokens": 0, "cache_read_input_tokens": 50_000}}}),
        surface("cache-drop"),
    ),
    Scenario(
        "ClaudeCacheNetNegative", "prompts are written to the cache for an hour, and never read; then they are", TEAM,
        calls("cache-loss", {"answer": {"usage": {"input_tokens": 0, "ephemeral_1h_input_tokens": 200_000}}}, count=3),
        calls("cache-loss", {"answer": {"usage": {"input_tokens": 0, "cache_read_input_tokens": 1_000_000}}}, count=4),
        surface("cache-loss"),
    ),
    Scenario(
        "ClaudeRateLimitHeadroomLow", "a model is sent more tokens a minute than its limit", TEAM,
        calls("bulk", {"answer": {"usage": {"input_tokens": 100_000}}}, model="claude-haiku-4-5-20251001"),
        no_more("bulk"), {**model("claude-haiku-4-5-20251001"), "claude_rate_limit_type": "input-tokens"},
    ),
    Scenario(
        "ClaudeRetryAmplification", "two of three attempts fail with a 500, and are made again", TEAM,
        calls("retried", {"fault": "api_error", "probability": 0.6}, model="claude-opus-4-8", retries=8),
        no_more("retried"), model("claude-opus-4-8"),
    ),
    Scenario(
        "ClaudeModelRetiringSoon", "a model in use retires in 5 days; then another date is looked up", ONCALL,
        calls("old-model", model=RETIRING_SOON, count=3), looked_up(announced=False), model(RETIRING_SOON),
        silences=(Other("ClaudeModelRetiring", model(RETIRING_SOON)),), patience=480,
    ),
    Scenario(
        "ClaudeModelRetiring", "a model in use retires in 30 days; then another date is looked up", TEAM,
        calls("older-model", model=RETIRING, count=3), nothing, model(RETIRING), along="ClaudeModelRetiringSoon",
        patience=480,
    ),
    Scenario(
        "ClaudeLifecycleDataOld", "the retirement dates are 90 days old; then they are looked up again", TEAM,
        old_dates, looked_up(age=0),
    ),
    Scenario(
        "ClaudeUnpinnedModel", "a model is called that is not among the allowed ones; then it is", TEAM,
        calls("new-model", model="claude-sonnet-5-5", count=3),
        set_to(models__allowed=["claude-*"]), model("claude-sonnet-5-5"),
    ),
    Scenario(
        "ClaudeUnpricedModel", "a model is called that has no price", TEAM,
        calls("unpriced", model="claude-opus-9", count=3), nothing, {"gen_ai_response_model": "claude-opus-9"},
    ),
    Scenario(
        "ClaudeStreamsCut", "every third stream of a surface ends early", TEAM,
        calls("cut", {"fault": "cut_mid_stream"}, prompts=("[cut]", "a", "b"), stream=True), no_more("cut"),
        surface("cut"),
    ),
    Scenario(
        "ClaudeAnswersCutAtMaxTokens", "every third answer of a surface stops at max_tokens", TEAM,
        calls("stopped", {"answer": {"stop_reason": "max_tokens"}}, prompts=("[stopped]", "a", "b")),
        no_more("stopped"), surface("stopped"),
    ),
    Scenario(
        "ClaudeRefusals", "every third request of a surface is refused", TEAM,
        calls("refused", {"fault": "refusal"}, prompts=("[refused]", "a", "b")), no_more("refused"),
        surface("refused"),
    ),
    Scenario(
        "ClaudeTelemetryAbsent", "a service that ran for over an hour is killed, and not replaced", ONCALL,
        lives_and_falls_silent, nothing, {"job": "steady"}, after=RATIOS,
    ),
    Scenario(
        "ClaudeInstrumentationErrors", "a span processor of the application's own raises", TEAM,
        faulty, nothing, {"job": "careless"},
    ),
    Scenario(
        "ClaudeBudgetHasNoBucket", "a service runs without CLAUDE_OTEL_CONFIG; then it is deployed with it", TEAM,
        no_file, deployed, {"job": "unconfigured"}, after=("ClaudeLatencyBudgetBurn",),
    ),
    Scenario(
        "ClaudeZoneTableEnds", "the table of clock changes ends within `zone_table_days`, here 10 years", TEAM,
        set_to(limits__zone_table_days=3650), set_to(limits__zone_table_days=60),
    ),
    Scenario(
        "ClaudeCollectorQueueGrowing", "the way from the Collector to Prometheus is cut", TEAM,
        cut_off, mended, {"exporter": "otlp_http/prometheus"},
        after=("ClaudeTelemetryAbsent", "ClaudeOverloadedStorm", "ClaudeCollectorDropping", "ClaudeBudgetHasNoBucket"),
    ),
    Scenario(
        "ClaudeCollectorDropping", "a program sends samples that are 7 hours late: Prometheus refuses them", TEAM,
        wrong_clock, nothing, {"signal": "metrics"},
    ),
    Scenario(
        "ClaudeRuleEvaluationFailing", "a team's own rule cannot be evaluated; then it is taken out", TEAM,
        lambda stage: stage.file(BROKEN, BROKEN_RULES), lambda stage: stage.file(BROKEN, None),
        {"rule_group": "*/team.yml;team"},
    ),
    Scenario(
        "ClaudeNotificationsFailing", "a receiver refuses notifications (403)", TEAM,
        refuses, accepts, {"integration": "webhook"},
    ),
    Scenario(
        "Watchdog", "nothing: it fires as long as the way to its receiver works", alertmanager.WATCHDOG,
        nothing, nothing, resolves=False,
    ),
)  # fmt: skip
"""The receiver of the Watchdog is called after it in Alertmanager; its notifications go to `SWITCH`."""

__all__ = ["SCENARIOS", "SWITCH"]
