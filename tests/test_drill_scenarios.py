"""The scenarios of the drill: one for each shipped alert, told to who should be, in an order that ends."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from claude_otel.cli.problem import Problem
from claude_otel.drill import settings
from claude_otel.drill.outage import length_of
from claude_otel.drill.player import chosen
from claude_otel.drill.scenario import Scenario
from claude_otel.drill.scenarios import SCENARIOS
from claude_otel.drill.settings import FINANCE, ONCALL, RECORDS, TEAM, Settings
from claude_otel.drill.speed import seconds
from claude_otel.monitoring import alertmanager, lifecycle
from claude_otel.monitoring.alert import Alert
from claude_otel.monitoring.alerts import all_alerts
from claude_otel.monitoring.config import Config

BY_NAME = {scenario.alert: scenario for scenario in SCENARIOS}
SHIPPED = {alert.name: alert for alert in all_alerts(Config())}


def by_alert(scenario: Scenario) -> str:
    """The id of a test."""
    return scenario.alert


def test_every_shipped_alert_has_one() -> None:
    """A new alert needs a scenario, and no scenario is left of one that is gone."""
    assert sorted(scenario.alert for scenario in SCENARIOS) == sorted(SHIPPED)


@pytest.fixture
def begun(tmp_path: Path) -> Settings:
    """The file that a drill of the alerts begins with."""
    return Settings(tmp_path, settings.of_all_alerts(9099, "http://127.0.0.1:9098/pager"))


def test_the_file_of_the_drill_makes_every_alert(begun: Settings) -> None:
    """It is read as every claude-otel.yaml is, has no fault, and turns no alert off."""
    assert {alert.name for alert in all_alerts(begun.load())} == set(SHIPPED)


def test_a_program_that_starts_reads_a_whole_file(begun: Settings) -> None:
    """Other scenarios change the file while a program starts; half of it would have no budgets, and nothing to fire."""
    begun.load()
    whole = begun.path.read_text(encoding="utf-8")
    with begun.path.open(encoding="utf-8") as reader:
        begun.change({"surfaces.day.daily_usd": 100})
        begun.load()
        assert reader.read() == whole
    assert begun.path.read_text(encoding="utf-8") != whole


@pytest.mark.parametrize("scenario", SCENARIOS, ids=by_alert)
def test_the_receiver_is_that_of_severity_and_category(scenario: Scenario) -> None:
    """Pages wake somebody, tickets on money go to who pays, and what is only on record to nobody's desk."""
    assert scenario.receiver == receiver_of(SHIPPED[scenario.alert])


def receiver_of(alert: Alert) -> str:
    """Who is to be told, as the issue has it."""
    if alert.category == "watchdog":
        return alertmanager.WATCHDOG
    if alert.severity == "ticket":
        return FINANCE if alert.category == "money" else TEAM
    return ONCALL if alert.severity == "page" else RECORDS


def test_every_inhibition_that_a_drill_can_cause_is_seen() -> None:
    """What alertmanager.yml silences is silenced in some scenario, but for what would need a second cause."""
    seen = {(scenario.alert, other.alert) for scenario in SCENARIOS for other in scenario.silences}
    shipped = {
        (source, target)
        for rule in alertmanager.INHIBITIONS
        for source in names(rule.source[0])
        for target in names(rule.target[0])
    }
    assert seen <= shipped
    assert {source for source, _ in shipped} - {source for source, _ in seen} == {
        "ClaudeTelemetryAbsent",  # tickets on ratios, which are over before it
        "ClaudeModelGone",  # of a model that was announced and is gone
        "ClaudeCollectorDropping",  # of a queue that fills for over 5 minutes first
    }


def names(matcher: str) -> list[str]:
    """The alerts that a matcher names."""
    return matcher.split('"')[1].split("|")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=by_alert)
def test_those_before_it_exist_and_do_not_wait_for_it(scenario: Scenario) -> None:
    """The order ends: nobody waits in a circle."""
    waiting, seen = [scenario.alert], set[str]()
    while waiting:
        alert = waiting.pop()
        before = [*BY_NAME[alert].after, *(each.alert for each in SCENARIOS if each.along == alert)]
        assert scenario.alert not in before
        waiting += [each for each in before if each not in seen]
        seen |= set(before)


def test_all_are_chosen_by_default() -> None:
    """In the order of the table."""
    assert chosen([]) == list(SCENARIOS)


def test_one_is_played_with_those_that_bring_it_about() -> None:
    """80 % of a budget comes after 50 % and is put right by who raises the budget at 100 %."""
    assert [each.alert for each in chosen(["ClaudeDailyBudget80"])] == [
        "ClaudeDailyBudget50", "ClaudeDailyBudget80", "ClaudeDailyBudget100",
    ]  # fmt: skip
    assert [each.alert for each in chosen(["ClaudeRefusals"])] == ["ClaudeRefusals"]


def test_an_alert_that_there_is_not() -> None:
    """The message names those that there are."""
    with pytest.raises(Problem, match=r"--alert Refusals: there is no such alert\. There are Claude.*ClaudeRefusals"):
        chosen(["ClaudeRefusals", "Refusals"])


@pytest.mark.parametrize("month", [1, 3, 6, 10])
@pytest.mark.parametrize("hour", range(24))
def test_midnight_is_far(hour: int, month: int) -> None:
    """Money of a day is spent and seen on one day, whenever the drill begins."""
    now = datetime(2027, month, 28, hour, 30, tzinfo=timezone.utc)
    local = now.astimezone(ZoneInfo(settings.zone_at(now)))
    assert 4 <= local.hour < 18


def test_dates_of_models(begun: Settings) -> None:
    """Two are announced and looked up long ago; a remedy changes either."""
    assert {row.model for row in lifecycle.load(begun.dates).rows if row.dated} == {
        settings.RETIRING, settings.RETIRING_SOON,
    }  # fmt: skip
    begun.write_dates(announced=False)
    assert not any(row.dated for row in lifecycle.load(begun.dates).rows)
    old = lifecycle.load(begun.dates).as_of
    begun.write_dates(age=0)
    assert (lifecycle.load(begun.dates).as_of - old).days == 90


def test_a_remedy_changes_one_key(begun: Settings) -> None:
    """The rest of the file stays."""
    before = begun.load()
    begun.change({"surfaces.day.daily_usd": 100})
    after = begun.load()
    assert (before.surfaces["day"].daily_usd, after.surfaces["day"].daily_usd) == (20, 100)
    assert after.surfaces["month"] == before.surfaces["month"]


@pytest.mark.parametrize(("text", "length"), [("30m", "30m"), ("60m", "1h"), ("5m", "5m"), ("12h", "12h")])
def test_length_of_an_outage(text: str, length: str) -> None:
    """As the rules write it."""
    assert length_of(text) == length


@pytest.mark.parametrize("text", ["4m", "13h", "half an hour", "30", "1.5h"])
def test_length_of_no_outage(text: str) -> None:
    """The message says what may be given."""
    with pytest.raises(Problem, match=f"--outage {text}: .*(5m to 12h|5m)"):
        length_of(text)


LASTS = {
    # What is still true after the trouble is over: the shorter window of a pair, then `keep_firing_for`.
    "ClaudeErrorRateHigh": "5m",
    "ClaudeAvailabilityBudgetBurn": "30m",
    "ClaudeLatencyHigh": "5m",
    "ClaudeLatencyBudgetBurn": "30m",
    "ClaudeRetryAmplification": "30m",
    "ClaudeOverloadedStorm": "5m",
    "ClaudeSpendLimitReached": "5m",
    "ClaudeRunawaySpending": "30m",
    "ClaudeCostSpike": "1h",
}


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("ClaudeErrorRateHigh", "ClaudeAvailabilityBudgetBurn"),
        ("ClaudeOverloadedStorm", "ClaudeErrorRateHigh"),
        ("ClaudeOverloadedStorm", "ClaudeAvailabilityBudgetBurn"),
        ("ClaudeOverloadedStorm", "ClaudeLatencyHigh"),
        ("ClaudeOverloadedStorm", "ClaudeLatencyBudgetBurn"),
        ("ClaudeOverloadedStorm", "ClaudeRetryAmplification"),
        ("ClaudeSpendLimitReached", "ClaudeErrorRateHigh"),
        ("ClaudeRunawaySpending", "ClaudeCostSpike"),
    ],
)
def test_what_silences_outlasts_what_it_silences(source: str, target: str) -> None:
    """Else the end of an outage would be the beginning of another page."""

    def lasts(alert: str) -> float:
        kept = SHIPPED[alert].keep_firing_for
        return seconds(LASTS[alert]) + (seconds(kept) if kept else 0)

    assert lasts(source) > lasts(target)
