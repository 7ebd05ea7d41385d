"""The configuration of Alertmanager: who is told of what, when again, and what says the same as another.

Pages are grouped by alert, so that an outage of five surfaces is one page; tickets by alert and surface, so that each
has an owner. Secrets are never in it: every receiver names files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from claude_otel.monitoring.config import Config, Email, Mute, Opsgenie, PagerDuty, Receiver, Route, Slack, Webhook
from claude_otel.monitoring.values import OUR_RECEIVERS

PATH = "alerts/alertmanager.yml"

LOCAL_LOG = f"{OUR_RECEIVERS}log"
"""The receiver of what nobody is told."""

LOCAL_LOG_URL_FILE = "notification-log.url"
"""The file with the address of the local log, in the directory that Alertmanager is started in."""

WATCHDOG = f"{OUR_RECEIVERS}watchdog"
"""The receiver of the Watchdog: the dead man's switch, or nobody."""

MUTED = "claude-otel-tickets-wait"
"""The times in which tickets wait."""

Part = dict[str, Any]


@dataclass(frozen=True)
class Timing:
    """When a severity is told, and when again."""

    severity: str
    group_by: tuple[str, ...]
    group_wait: str
    group_interval: str
    repeat_interval: str


TIMINGS = (
    # Half a minute is what an inhibiting alert has to arrive in. Four hours: a page that is still open is forgotten.
    Timing("page", ("alertname",), "30s", "5m", "4h"),
    Timing("ticket", ("alertname", "claude_surface"), "5m", "30m", "1d"),
    # Alertmanager forgets after 5 days what it has told.
    Timing("info", ("alertname", "claude_surface"), "5m", "1h", "4d"),
)

MONEY_REPEAT = {"page": "12h", "ticket": "2d", "info": "4d"}
"""Spent money stays spent until the day or the month ends: hearing it every four hours helps nobody."""


@dataclass(frozen=True)
class Inhibition:
    """While an alert that matches `source` fires, those that match `target` with the same `equal` are not told."""

    why: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    equal: tuple[str, ...] = ()


SURFACE = ("claude_surface",)
MODEL = ("gen_ai_provider_name", "gen_ai_request_model")


def named(*alerts: str) -> str:
    """A matcher for the alerts with these names."""
    return f'alertname="{alerts[0]}"' if len(alerts) == 1 else f'alertname=~"{"|".join(alerts)}"'


INHIBITIONS = (
    Inhibition(
        "An overloaded provider is one page: the errors of each surface that are its fault, ...",
        (named("ClaudeOverloadedStorm"),),
        (named("ClaudeErrorRateHigh"), 'claude_blame="provider"'),
    ),
    Inhibition(
        "... and what follows from them: burning budgets, slow calls, retries, cut streams.",
        (named("ClaudeOverloadedStorm"),),
        (
            named(
                "ClaudeAvailabilityBudgetBurn",
                "ClaudeLatencyHigh",
                "ClaudeLatencyBudgetBurn",
                "ClaudeRetryAmplification",
                "ClaudeStreamsCut",
            ),
        ),
    ),
    Inhibition(
        "Who knows that a surface fails now need not be told that its error budget burns.",
        (named("ClaudeErrorRateHigh"),),
        (named("ClaudeAvailabilityBudgetBurn"),),
        SURFACE,
    ),
    Inhibition(
        "A spend limit makes every call of a surface fail.",
        (named("ClaudeSpendLimitReached"),),
        (named("ClaudeErrorRateHigh"), 'claude_blame="budget"'),
        SURFACE,
    ),
    Inhibition(
        "A loop is a spike too.",
        (named("ClaudeRunawaySpending"),),
        (named("ClaudeCostSpike"),),
        SURFACE,
    ),
    Inhibition(
        "100 % of a day's budget says 80 % and 50 %, ...",
        (named("ClaudeDailyBudget100"),),
        (named("ClaudeDailyBudget80", "ClaudeDailyBudget50"),),
        SURFACE,
    ),
    Inhibition(
        "... 80 % says 50 %, ...",
        (named("ClaudeDailyBudget80"),),
        (named("ClaudeDailyBudget50"),),
        SURFACE,
    ),
    Inhibition(
        "... and so for the month, where the forecast has come true as well.",
        (named("ClaudeMonthlyBudget100"),),
        (named("ClaudeMonthlyBudget80", "ClaudeMonthlyBudget50", "ClaudeBudgetForecast"),),
        SURFACE,
    ),
    Inhibition(
        "80 % of the month says 50 %.",
        (named("ClaudeMonthlyBudget80"),),
        (named("ClaudeMonthlyBudget50"),),
        SURFACE,
    ),
    Inhibition(
        "Ratios of what is left say little while telemetry is missing. Only tickets wait for it, never a page: one "
        "process that is gone must not hide an outage.",
        (named("ClaudeTelemetryAbsent"),),
        (
            named(
                "ClaudeCacheHitDrop",
                "ClaudeCacheNetNegative",
                "ClaudeRateLimitHeadroomLow",
                "ClaudeRetryAmplification",
                "ClaudeStreamsCut",
                "ClaudeAnswersCutAtMaxTokens",
                "ClaudeRefusals",
            ),
        ),
    ),
    Inhibition(
        "The last warning says what the first one said, ...",
        (named("ClaudeModelRetiringSoon"),),
        (named("ClaudeModelRetiring"),),
        MODEL,
    ),
    Inhibition(
        "... and a model that is gone needs no warning.",
        (named("ClaudeModelGone"),),
        (named("ClaudeModelRetiringSoon", "ClaudeModelRetiring"),),
        MODEL,
    ),
    Inhibition(
        "What is dropped has filled the queue before.",
        (named("ClaudeCollectorDropping"),),
        (named("ClaudeCollectorQueueGrowing"),),
        ("instance",),
    ),
)


def alertmanager_yml(config: Config) -> str:
    """The text of alerts/alertmanager.yml."""
    parts: list[Part] = [
        {"templates": ["templates/*.tmpl"]},
        {"route": root(config)},
        {"time_intervals": [muted(config.notify.mute_tickets, config.time_zone)]} if config.notify.mute_tickets else {},
        {"receivers": receivers(config)},
    ]
    return "\n".join(dumped(part) for part in parts if part) + f"\ninhibit_rules:\n{inhibitions()}"


def dumped(part: object) -> str:
    """`part` as YAML."""
    return yaml.safe_dump(part, sort_keys=False, allow_unicode=True, width=10_000)


def inhibitions() -> str:
    """The inhibition rules, each below its reason."""
    lines = []
    for rule in INHIBITIONS:
        part: Part = {"source_matchers": list(rule.source), "target_matchers": list(rule.target)}
        if rule.equal:
            part["equal"] = list(rule.equal)
        lines.append(f"  # {rule.why}\n" + "".join(f"  {line}\n" for line in dumped([part]).splitlines()))
    return "".join(lines)


def root(config: Config) -> Part:
    """The route of everything: the Watchdog, the user's routes in their order, and what none of them takes."""
    watchdog: Part = {
        "receiver": WATCHDOG,
        "matchers": [named("Watchdog")],
        "group_by": ["alertname"],
        "group_wait": "0s",
        "group_interval": "1m",
        "repeat_interval": "1m",
    }
    muted = config.notify.mute_tickets is not None
    return {
        "receiver": config.notify.fallback or LOCAL_LOG,
        "group_by": ["alertname"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "4h",
        "routes": [
            watchdog,
            *(route_of(route, muted) for route in config.notify.routes),
            *(by_severity(timing, (), muted) for timing in TIMINGS),
        ],
    }


def route_of(route: Route, muted: bool) -> Part:
    """A route of the user's. Where it takes every severity, each has its own times below it."""
    matchers = [f'category="{route.category}"'] if route.category else []
    matchers += [f"claude_surface={quoted(route.surface)}"] if route.surface else []
    timing = next((each for each in TIMINGS if each.severity == route.severity), None)
    if timing is not None:
        part = by_severity(timing, matchers, muted)
    else:
        part = {"matchers": matchers} if matchers else {}
        part["routes"] = [by_severity(each, (), muted) for each in TIMINGS]
    return {"receiver": route.receiver, **part, **({"continue": True} if route.go_on else {})}


def by_severity(timing: Timing, matchers: Sequence[str], muted: bool) -> Part:
    """The route of one severity, at its times."""
    part: Part = {
        "matchers": [f'severity="{timing.severity}"', *matchers],
        "group_by": list(timing.group_by),
        "group_wait": timing.group_wait,
        "group_interval": timing.group_interval,
        "repeat_interval": timing.repeat_interval,
    }
    money: Part = {"matchers": ['category="money"'], "repeat_interval": MONEY_REPEAT[timing.severity]}
    if muted and timing.severity != "page":
        part["mute_time_intervals"] = [MUTED]
        # Unlike the other times, these are not inherited.
        money["mute_time_intervals"] = [MUTED]
    part["routes"] = [money]
    return part


def quoted(value: str) -> str:
    """`value` as a matcher has it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def muted(mute: Mute, time_zone: str) -> Part:
    """When tickets wait, in the zone of the budgets. A time over midnight is two."""
    intervals: list[Part] = []
    if mute.weekdays:
        intervals.append({"weekdays": list(mute.weekdays), "location": time_zone})
    if mute.start and mute.end:
        spans = [(mute.start, mute.end)]
        if mute.start > mute.end:
            spans = [(mute.start, "24:00"), ("00:00", mute.end)]
        times = [{"start_time": start, "end_time": end} for start, end in spans if start != end]
        intervals.append({"times": times, "location": time_zone})
    return {"name": MUTED, "time_intervals": intervals}


def receivers(config: Config) -> list[Part]:
    """Every receiver: ours, then the user's."""
    switch = config.notify.watchdog
    watchdog: Part = {"name": WATCHDOG}
    if switch is not None:
        watchdog["webhook_configs"] = [{**webhook(switch.webhook), "send_resolved": False}]
    log: Part = {"name": LOCAL_LOG, "webhook_configs": [{"url_file": LOCAL_LOG_URL_FILE, "send_resolved": True}]}
    return [log, watchdog, *(receiver(name, each, config) for name, each in config.notify.receivers.items())]


def receiver(name: str, ways: Receiver, config: Config) -> Part:
    """A receiver of the user's, by every way it has."""
    part: Part = {"name": name}
    if ways.pagerduty:
        part["pagerduty_configs"] = [pagerduty(ways.pagerduty, config)]
    if ways.slack:
        part["slack_configs"] = [slack(ways.slack)]
    if ways.opsgenie:
        part["opsgenie_configs"] = [opsgenie(ways.opsgenie)]
    if ways.webhook:
        part["webhook_configs"] = [{**webhook(ways.webhook), "send_resolved": True}]
    if ways.email:
        part["email_configs"] = [email(ways.email)]
    return part


DASHBOARD = "{{ (index .Alerts 0).Annotations.dashboard_url }}"
RUNBOOK = "{{ (index .Alerts 0).Annotations.runbook_url }}"
DETAILS: Mapping[str, str] = {
    "alert": "{{ .GroupLabels.alertname }}",
    "firing": '{{ template "claude.firing" . }}',
    "resolved": '{{ template "claude.resolved" . }}',
    "dashboard": DASHBOARD,
    "runbook": RUNBOOK,
}


def template(name: str) -> str:
    """A field that one of the templates fills."""
    return f'{{{{ template "claude.{name}" . }}}}'


def pagerduty(way: PagerDuty, config: Config) -> Part:
    """PagerDuty takes no link that is not an address."""
    links = [{"href": DASHBOARD, "text": "Dashboard"}]
    if "://" in config.links.runbooks:
        links.append({"href": RUNBOOK, "text": "Runbook"})
    return {
        "routing_key_file": way.routing_key_file,
        **({"url": way.url} if way.url else {}),
        "description": template("subject"),
        "severity": template("severity"),
        "class": "{{ .CommonLabels.category }}",
        "group": "{{ .CommonLabels.claude_surface }}",
        "client": "claude-otel",
        "client_url": DASHBOARD,
        "links": links,
        "details": dict(DETAILS),
        "send_resolved": True,
    }


def slack(way: Slack) -> Part:
    """A message with a colour, the text, and links."""
    return {
        "api_url_file": way.webhook_url_file,
        **({"channel": way.channel} if way.channel else {}),
        "color": template("colour"),
        "title": template("subject"),
        "title_link": DASHBOARD,
        "text": template("slack"),
        "fallback": template("subject"),
        "send_resolved": True,
    }


def opsgenie(way: Opsgenie) -> Part:
    """Opsgenie, at a priority by severity."""
    region = "api.eu.opsgenie.com" if way.region == "eu" else "api.opsgenie.com"
    return {
        "api_key_file": way.api_key_file,
        "api_url": f"https://{region}/",
        "message": template("subject"),
        "description": template("text"),
        "source": "claude-otel",
        "tags": "claude,{{ .CommonLabels.severity }},{{ .CommonLabels.category }}",
        "priority": template("priority"),
        "details": dict(DETAILS),
        "send_resolved": True,
    }


def webhook(way: Webhook) -> Part:
    """Alertmanager's own JSON, whose alerts carry summary and links as annotations."""
    address: Part = {"url": way.url} if way.url else {"url_file": way.url_file}
    if way.token_file:
        address["http_config"] = {"authorization": {"credentials_file": way.token_file}}
    return address


def email(way: Email) -> Part:
    """A mail as text and as HTML."""
    login = {"auth_username": way.username} if way.username else {}
    password = {"auth_password_file": way.password_file} if way.password_file else {}
    return {
        "to": way.to,
        "from": way.sender,
        "smarthost": way.smarthost,
        **login,
        **password,
        "require_tls": way.require_tls,
        "headers": {"Subject": template("subject")},
        "text": template("text"),
        "html": template("html"),
        "send_resolved": True,
    }
