"""Who is told of which alert, and in what words: asked of Alertmanager's own amtool."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from claude_otel.monitoring import alertmanager, alertmanager_templates
from claude_otel.monitoring.alert import Alert
from claude_otel.monitoring.alerts import all_alerts
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.config_file import load, read
from claude_otel.stack import components

pytestmark = pytest.mark.components

ROOT = Path(__file__).resolve().parent.parent

CONFIG = load(ROOT / "examples" / "claude-otel.yaml").config
"""Money goes to finops and on, pages to oncall, the rest to team."""

EVERY_ALERT = {alert.name: alert for alert in all_alerts(CONFIG)}

PROVIDER_AND_MODEL = {"gen_ai_provider_name": "anthropic", "gen_ai_request_model": "claude-opus-5-5"}


def amtool(*arguments: str) -> str:
    """What amtool prints. Fails without it: CI must have it."""
    ran = subprocess.run([components.find("amtool"), *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def written(config: Config, folder: Path) -> Path:
    """The configuration and its templates, where Alertmanager would find them."""
    (folder / "templates").mkdir()
    (folder / "templates" / "claude-otel.tmpl").write_text(alertmanager_templates.templates())
    file = folder / "alertmanager.yml"
    file.write_text(alertmanager.alertmanager_yml(config))
    return file


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of the example."""
    return written(CONFIG, tmp_path_factory.mktemp("alertmanager"))


def receivers(file: Path, **labels: str) -> list[str]:
    """Who is told of an alert with these labels."""
    asked = [f"{name}={value}" for name, value in labels.items()]
    return amtool("config", "routes", "test", f"--config.file={file}", *asked).strip().split(",")


def labels_of(alert: Alert) -> dict[str, str]:
    """The labels by which an alert is routed."""
    return {"alertname": alert.name, "severity": alert.severity, "category": alert.category, **alert.labels}


def expected(alert: Alert) -> list[str]:
    """Who the example says is told of an alert."""
    if alert.name == "Watchdog":
        return [alertmanager.WATCHDOG]
    first = ["finops"] if alert.category == "money" else []
    return [*first, "oncall" if alert.severity == "page" else "team"]


CONFIGS = {
    "the defaults": "",
    "one receiver": "notify: {receivers: {oncall: {webhook: {url: 'http://example.com'}}}}",
    "every way": """\
notify:
  receivers:
    all:
      pagerduty: {routing_key_file: /a, url: "https://events.eu.pagerduty.com/v2/enqueue"}
      slack: {webhook_url_file: /b}
      opsgenie: {api_key_file: /c, region: eu}
      webhook: {url_file: /d, token_file: /e}
      email: {to: "a@b.c, d@e.f", from: a@b.c, smarthost: "smtp:25", require_tls: false}
  routes: [{surface: 'a "quoted" \\ name', receiver: all}]
  mute_tickets: {from: "00:00", to: "06:30"}
  watchdog: {webhook: {url: "http://example.com"}}
surfaces: {'a "quoted" \\ name': {}}
links: {runbooks: "https://example.com"}
""",
}


@pytest.mark.parametrize("text", CONFIGS.values(), ids=CONFIGS)
def test_alertmanager_takes_every_configuration(text: str, tmp_path: Path) -> None:
    """With its templates."""
    told = amtool("check-config", str(written(read(text).config, tmp_path)))
    assert "SUCCESS" in told
    assert "1 templates" in told


@pytest.mark.parametrize("alert", EVERY_ALERT.values(), ids=EVERY_ALERT)
def test_every_alert_reaches_who_the_example_names(alert: Alert, file: Path) -> None:
    """By severity and category."""
    assert receivers(file, **labels_of(alert)) == expected(alert)


@pytest.mark.parametrize("alert", EVERY_ALERT.values(), ids=EVERY_ALERT)
def test_every_alert_is_in_the_local_log_without_a_receiver(
    alert: Alert, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """But for the Watchdog, which would fill it."""
    plain = written(Config(), tmp_path_factory.mktemp("plain"))
    wanted = alertmanager.WATCHDOG if alert.name == "Watchdog" else alertmanager.LOCAL_LOG
    assert receivers(plain, **labels_of(alert)) == [wanted]


def test_the_only_receiver_is_told_everything(tmp_path: Path) -> None:
    """Where there are no routes; a default takes what no route does."""
    only = written(read(CONFIGS["one receiver"]).config, tmp_path)
    assert receivers(only, alertname="ClaudeRefusals", severity="ticket", category="answers") == ["oncall"]


def test_a_route_of_a_surface_takes_no_other(tmp_path: Path) -> None:
    """Quotes and backslashes in its name included."""
    config = written(read(CONFIGS["every way"]).config, tmp_path)
    labels = {"alertname": "ClaudeErrorRateHigh", "severity": "page", "category": "errors"}
    assert receivers(config, **labels, claude_surface="other") == [alertmanager.LOCAL_LOG]
    assert yaml.safe_load(config.read_text())["route"]["routes"][1]["matchers"] == [
        'claude_surface="a \\"quoted\\" \\\\ name"'
    ]


def times(route: dict[str, Any], **labels: str) -> list[tuple[str, ...]]:
    """When an alert with these labels is told, as Alertmanager's tree of routes says: group, wait, interval, repeat."""
    found = []
    for child in route.get("routes", ()):
        wanted = [matcher.split("=", 1) for matcher in child.get("matchers", ())]
        if any(labels.get(name) != value.strip('"') for name, value in wanted):
            continue
        inherited = {key: value for key, value in route.items() if key not in ("routes", "mute_time_intervals")}
        found += times({**inherited, **child, "routes": child.get("routes", [])}, **labels)
        if not child.get("continue"):
            break
    own = ("/".join(route["group_by"]), route["group_wait"], route["group_interval"], route["repeat_interval"])
    return found or [(*own, *route.get("mute_time_intervals", ()))]


@pytest.mark.parametrize(
    ("severity", "category", "when"),
    [
        ("page", "errors", [("alertname", "30s", "5m", "4h")]),
        ("page", "money", [("alertname", "30s", "5m", "12h")] * 2),
        ("ticket", "cache", [("alertname/claude_surface", "5m", "30m", "1d", alertmanager.MUTED)]),
        ("ticket", "money", [("alertname/claude_surface", "5m", "30m", "2d", alertmanager.MUTED)] * 2),
        ("info", "money", [("alertname/claude_surface", "5m", "1h", "4d", alertmanager.MUTED)] * 2),
    ],
)
def test_when_each_kind_is_told(severity: str, category: str, when: list[tuple[str, ...]], file: Path) -> None:
    """Pages at once and again after hours, tickets on working days, money seldom; pages are never muted."""
    route = yaml.safe_load(file.read_text())["route"]
    assert times(route, severity=severity, category=category) == when


def test_the_watchdog_is_told_every_minute(file: Path) -> None:
    """To a dead man's switch, which must not be told that it resolved."""
    document = yaml.safe_load(file.read_text())
    assert times(document["route"], alertname="Watchdog") == [("alertname", "0s", "1m", "1m")]
    switch = next(each for each in document["receivers"] if each["name"] == alertmanager.WATCHDOG)
    assert switch["webhook_configs"] == [{"url_file": "/run/secrets/dead-mans-switch-url", "send_resolved": False}]


def test_tickets_wait_over_midnight_and_on_weekends(file: Path) -> None:
    """In the zone of the budgets: a time over midnight is two for Alertmanager."""
    (muted,) = yaml.safe_load(file.read_text())["time_intervals"]
    spans = [{"start_time": "19:00", "end_time": "24:00"}, {"start_time": "00:00", "end_time": "08:00"}]
    assert muted["time_intervals"] == [
        {"weekdays": ["saturday", "sunday"], "location": "Europe/Berlin"},
        {"times": spans, "location": "Europe/Berlin"},
    ]


def test_no_secret_is_in_the_file(file: Path) -> None:
    """Every key that could hold one names a file."""
    document = yaml.safe_load(file.read_text())
    ways = [way for each in document["receivers"] for key, found in each.items() if key != "name" for way in found]
    secret = ("routing_key", "service_key", "api_url", "api_key", "auth_password", "auth_secret", "bearer_token", "url")
    assert [key for way in ways for key in way if key in secret] == []


def silenced(source: dict[str, str], target: dict[str, str], file: Path) -> bool:
    """Whether an alert with the labels `target` is silent while one with the labels `source` fires."""
    rules = yaml.safe_load(file.read_text())["inhibit_rules"]
    return any(
        matches(rule["source_matchers"], source)
        and matches(rule["target_matchers"], target)
        and all(source.get(label, "") == target.get(label, "") for label in rule.get("equal", ()))
        for rule in rules
    )


def matches(matchers: list[str], labels: dict[str, str]) -> bool:
    """Whether all matchers hold, as Alertmanager has it; ours are `=` and `=~` with names alone."""
    for matcher in matchers:
        name, _, value = matcher.partition("=")
        values = value.removeprefix("~").strip('"').split("|")
        if labels.get(name, "") not in values:
            return False
    return True


def one(name: str, surface: str = "", **labels: str) -> dict[str, str]:
    """The labels of an alert."""
    return {"alertname": name, **({"claude_surface": surface} if surface else {}), **labels}


SILENT = [
    (one("ClaudeOverloadedStorm"), one("ClaudeErrorRateHigh", "a", claude_blame="provider")),
    (one("ClaudeOverloadedStorm"), one("ClaudeAvailabilityBudgetBurn", "a")),
    (one("ClaudeOverloadedStorm"), one("ClaudeLatencyBudgetBurn", "a")),
    (one("ClaudeOverloadedStorm"), one("ClaudeLatencyHigh", "b")),
    (one("ClaudeErrorRateHigh", "a", claude_blame="caller"), one("ClaudeAvailabilityBudgetBurn", "a")),
    (one("ClaudeSpendLimitReached", "a"), one("ClaudeErrorRateHigh", "a", claude_blame="budget")),
    (one("ClaudeDailyBudget100"), one("ClaudeDailyBudget80")),
    (one("ClaudeDailyBudget80", "a"), one("ClaudeDailyBudget50", "a")),
    (one("ClaudeMonthlyBudget100"), one("ClaudeBudgetForecast")),
    (one("ClaudeMonthlyBudget80"), one("ClaudeMonthlyBudget50")),
    (one("ClaudeRunawaySpending", "a"), one("ClaudeCostSpike", "a")),
    (one("ClaudeTelemetryAbsent"), one("ClaudeCacheHitDrop", "a")),
    (one("ClaudeModelRetiringSoon", **PROVIDER_AND_MODEL), one("ClaudeModelRetiring", **PROVIDER_AND_MODEL)),
    (one("ClaudeModelGone", **PROVIDER_AND_MODEL), one("ClaudeModelRetiringSoon", **PROVIDER_AND_MODEL)),
    (one("ClaudeCollectorDropping", instance="c"), one("ClaudeCollectorQueueGrowing", instance="c")),
]

HEARD = [
    (one("ClaudeOverloadedStorm"), one("ClaudeErrorRateHigh", "a", claude_blame="caller")),
    (one("ClaudeOverloadedStorm"), one("ClaudeAuthenticationFailing")),
    (one("ClaudeErrorRateHigh", "a"), one("ClaudeAvailabilityBudgetBurn", "b")),
    (one("ClaudeDailyBudget100"), one("ClaudeDailyBudget80", "a")),
    (one("ClaudeDailyBudget100", "a"), one("ClaudeDailyBudget100")),
    (one("ClaudeDailyBudget80"), one("ClaudeDailyBudget100")),
    (one("ClaudeRunawaySpending", "a"), one("ClaudeCostSpike", "b")),
    (one("ClaudeTelemetryAbsent"), one("ClaudeErrorRateHigh", "a", claude_blame="provider")),
    (
        one("ClaudeModelRetiringSoon", **PROVIDER_AND_MODEL),
        one("ClaudeModelRetiring", **{**PROVIDER_AND_MODEL, "gen_ai_provider_name": "aws.bedrock"}),
    ),
]


def pair(alerts: tuple[dict[str, str], dict[str, str]]) -> str:
    """The name of a case."""
    return "-".join(labels["alertname"].removeprefix("Claude") for labels in alerts)


@pytest.mark.parametrize("alerts", SILENT, ids=pair)
def test_consequences_are_silent_while_the_cause_is_known(
    alerts: tuple[dict[str, str], dict[str, str]], file: Path
) -> None:
    """On the same surface, model or collector, or on all of them for a storm."""
    assert silenced(*alerts, file)


@pytest.mark.parametrize("alerts", HEARD, ids=pair)
def test_what_another_does_not_explain_is_heard(alerts: tuple[dict[str, str], dict[str, str]], file: Path) -> None:
    """Other surfaces, other blame, more than was told before, and no page for want of telemetry elsewhere."""
    assert not silenced(*alerts, file)


def test_inhibitions_name_alerts_that_there_are() -> None:
    """Else a rename would undo one unseen; each is also in a case above."""
    matchers = [matcher for rule in alertmanager.INHIBITIONS for matcher in (*rule.source, *rule.target)]
    names = {name for each in matchers if "alertname" in each for name in each.partition("=")[2].strip('~"').split("|")}
    assert names <= set(EVERY_ALERT)
    sources = {source["alertname"] for source, _ in SILENT}
    assert sources == {rule.source[0].partition("=")[2].strip('"') for rule in alertmanager.INHIBITIONS}


def notification(*alerts: dict[str, Any], status: str = "firing") -> dict[str, Any]:
    """What Alertmanager hands to a template."""
    common = {"alertname": "ClaudeErrorRateHigh", "severity": "page", "category": "errors"}
    return {
        "receiver": "team",
        "status": status,
        "alerts": [*alerts],
        "groupLabels": {"alertname": "ClaudeErrorRateHigh"},
        "commonLabels": common,
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093",
    }


def alert(summary: str, status: str = "firing", runbook: str = "https://example.com/ClaudeErrorRateHigh.md") -> Any:
    """An alert as a template sees it."""
    return {
        "status": status,
        "labels": {"alertname": "ClaudeErrorRateHigh", "severity": "page", "category": "errors"},
        "annotations": {
            "summary": summary,
            "description": "provider: Anthropic's side.",
            "dashboard_url": "https://grafana.example.com/d/claude-oncall",
            "runbook_url": runbook,
        },
        "startsAt": "2026-11-21T03:04:05Z",
        "endsAt": "2026-11-21T03:34:05Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": summary,
    }


def rendered(name: str, data: dict[str, Any], file: Path, kind: str = "text") -> str:
    """What the template `name` makes of a notification."""
    (file.parent / "data.json").write_text(json.dumps(data))
    return amtool(
        "template",
        "render",
        f"--template.glob={file.parent}/templates/*.tmpl",
        f"--template.data={file.parent}/data.json",
        f"--template.type={kind}",
        f'--template.text={{{{ template "claude.{name}" . }}}}',
    ).strip()


A, B = "chat: 12 % of the calls failed", "reports: 7 % of the calls failed"


def test_the_subject_has_the_numbers_and_how_many_more(file: Path) -> None:
    """Of what fires; of what is over when nothing does."""
    assert rendered("subject", notification(alert(A)), file) == f"PAGE: {A}"
    assert rendered("subject", notification(alert(A), alert(B)), file) == f"PAGE: {A} (1 of 2)"
    both = notification(alert(A), alert(B, "resolved"))
    assert rendered("subject", both, file) == f"PAGE: {A}"
    over = notification(alert(A, "resolved"), status="resolved")
    assert rendered("subject", over, file) == f"RESOLVED: ClaudeErrorRateHigh: {A}"


def test_the_text_has_numbers_times_and_links(file: Path) -> None:
    """For mail and Opsgenie."""
    assert (
        rendered("text", notification(alert(A), alert(B, "resolved")), file)
        == f"""\
{A}
  since 2026-11-21 03:04 UTC

provider: Anthropic's side.

Dashboard: https://grafana.example.com/d/claude-oncall
Runbook: https://example.com/ClaudeErrorRateHigh.md

Over:
{B}
  from 2026-11-21 03:04 UTC to 03:34 UTC"""
    )


def test_slack_gets_links(file: Path) -> None:
    """A runbook that is a folder of the repository is no link there."""
    assert (
        rendered("slack", notification(alert(A)), file)
        == f"""\
• {A}
_provider: Anthropic's side._
<https://grafana.example.com/d/claude-oncall|Dashboard> · <https://example.com/ClaudeErrorRateHigh.md|Runbook>"""
    )
    plain = rendered("slack", notification(alert(A, runbook="alerts/runbooks/X.md")), file)
    assert plain.endswith("· Runbook: alerts/runbooks/X.md")


def test_mail_is_html_with_links(file: Path) -> None:
    """And what an alert says is escaped in it."""
    told = rendered("html", notification(alert("<b>")), file, "html")
    assert "&lt;b&gt;" in told
    assert '<a href="https://grafana.example.com/d/claude-oncall">Dashboard</a>' in told
    assert '<a href="https://example.com/ClaudeErrorRateHigh.md">Runbook</a>' in told


def test_how_bad_it_is_in_the_words_of_each_service(file: Path) -> None:
    """PagerDuty's, Opsgenie's and Slack's."""
    page = notification(alert(A))
    assert [rendered(name, page, file) for name in ("severity", "priority", "colour")] == ["critical", "P1", "danger"]
    info = {**page, "commonLabels": {"severity": "info"}}
    assert [rendered(name, info, file) for name in ("severity", "priority", "colour")] == ["info", "P5", "warning"]


def test_pagerduty_and_opsgenie_get_details(file: Path) -> None:
    """Their fields are templates themselves."""
    data = notification(alert(A), alert(B, "resolved"))
    (file.parent / "data.json").write_text(json.dumps(data))
    arguments = [f"--template.glob={file.parent}/templates/*.tmpl", f"--template.data={file.parent}/data.json"]
    told = {
        name: amtool("template", "render", *arguments, f"--template.text={text}").strip()
        for name, text in alertmanager.DETAILS.items()
    }
    assert told == {
        "alert": "ClaudeErrorRateHigh",
        "firing": A,
        "resolved": B,
        "dashboard": "https://grafana.example.com/d/claude-oncall",
        "runbook": "https://example.com/ClaudeErrorRateHigh.md",
    }
