"""The rules: promtool accepts them and their tests, each name exists, each alert is tested, and has a page."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

import rule_mutants
import rules_under_test
from claude_otel.monitoring import durations, metric_names, promql, zone
from claude_otel.monitoring.alert import AT_ONCE, Alert
from claude_otel.monitoring.alerts import all_alerts
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.rules_file import groups, rule_files

ROOT = rules_under_test.ROOT
RUNBOOKS = ROOT / "alerts" / "runbooks"
ALERTS = all_alerts(rules_under_test.config())
FILES = rules_under_test.files()

PAGE = {
    "ClaudeErrorRateHigh", "ClaudeLatencyHigh", "ClaudeLatencyBudgetBurn", "ClaudeAvailabilityBudgetBurn",
    "ClaudeDailyBudget100", "ClaudeMonthlyBudget100", "ClaudeSpendLimitReached", "ClaudeRunawaySpending",
    "ClaudeOverloadedStorm", "ClaudeAuthenticationFailing", "ClaudeModelGone", "ClaudeTelemetryAbsent",
    "ClaudeModelRetiringSoon",
}  # fmt: skip
INFO = {"ClaudeDailyBudget50", "ClaudeMonthlyBudget50", "Watchdog"}

OF_THE_STACK = re.compile(r"(otelcol|prometheus|alertmanager)_\w+|up|ALERTS|target_info|scrape_\w+")
"""Series that the programs of the stack tell of themselves. That they exist is seen where these programs run."""


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the rules under test and the tests of promtool."""
    directory = tmp_path_factory.mktemp("rules")
    rules_under_test.prepare(directory)
    return directory


def recorded(config: Config) -> set[str]:
    """The names of all recorded series."""
    return {rule.record for group in groups(config) for rule in group.rules}


def by_name(alert: Alert) -> str:
    """The name of an alert, for the ids of tests."""
    return alert.name


@pytest.mark.components
class TestPromtool:
    @pytest.mark.parametrize("config", [Config(), rules_under_test.config()], ids=["default", "full"])
    def test_accepts_the_rules(self, config: Config, tmp_path: Path) -> None:
        """Promtool finds no fault and no duplicate, in the rules of an empty file and of one with everything."""
        for path, text in rule_files(config).items():
            (tmp_path / Path(path).name).write_text(text)
        ran = rules_under_test.run(
            "check", "rules", "--lint=all", "--lint-fatal", *(str(file) for file in tmp_path.iterdir())
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr

    @pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
    def test_passes(self, file: Path, prepared: Path) -> None:
        """Promtool's tests in alerts/tests/ pass."""
        ran = rules_under_test.run("test", "rules", file.name, directory=prepared)
        assert ran.returncode == 0, ran.stdout + ran.stderr


class TestAlerts:
    def test_are_those_of_the_issue(self) -> None:
        """Each name is there once, and pages are pages."""
        names = [alert.name for alert in ALERTS]
        assert len(names) == len(set(names)) == 38
        assert {alert.name for alert in ALERTS if alert.severity == "page"} == PAGE
        assert {alert.name for alert in ALERTS if alert.severity == "info"} == INFO

    @pytest.mark.parametrize("alert", ALERTS, ids=by_name)
    def test_says_numbers_and_reasons(self, alert: Alert) -> None:
        """The summary has a value, a description follows, and the wait has its reason."""
        assert "{{" in alert.summary or alert.name == "Watchdog"
        assert alert.description.endswith(".")
        assert len(alert.why_for) > 20
        assert alert.when

    @pytest.mark.parametrize("alert", ALERTS, ids=by_name)
    def test_is_tested_firing_and_silent(self, alert: Alert) -> None:
        """There is a time at which it fires, with all its labels and text, and one at which it does not."""
        checks = [
            check
            for _, block in rule_mutants.blocks()[alert.name]
            for check in block["alert_rule_test"]
            if check["alertname"] == alert.name
        ]
        assert any(check["exp_alerts"] for check in checks)
        assert any(not check["exp_alerts"] for check in checks) or alert.name == "Watchdog"

    def test_those_of_the_default_file_are_the_same(self) -> None:
        """An empty file has every alert."""
        assert {alert.name for alert in all_alerts(Config())} == {alert.name for alert in ALERTS}


class TestNames:
    def test_every_series_read_exists(self) -> None:
        """Rules and alerts read raw series of telemetry.py, recorded ones, and those of the stack's programs."""
        config = rules_under_test.config()
        known = metric_names.RAW | recorded(config)
        expressions = [rule.expr for group in groups(config) for rule in group.rules] + [a.expr for a in ALERTS]
        read = {name for expr in expressions for name in promql.names(expr)}
        assert {name for name in read - known if not OF_THE_STACK.fullmatch(name)} == set()

    def test_of_recorded_series_say_level_metric_and_operation(self) -> None:
        """Names follow `level:metric:operations`."""
        for name in recorded(rules_under_test.config()):
            assert re.fullmatch(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", name), name

    def test_summaries_ask_for_recorded_series(self) -> None:
        """What a template looks up is recorded."""
        known = recorded(rules_under_test.config())
        for alert in ALERTS:
            for found in re.findall(r'(?:query|printf) "(\w+:[\w:]+)', alert.summary):
                assert found in known


class TestDurations:
    @pytest.mark.parametrize("factor", [Fraction(1, 60), Fraction(1, 120), Fraction(1, 20), Fraction(3)])
    def test_scale_and_back_is_the_same_file(self, factor: Fraction) -> None:
        """A scaled rule file scales back byte for byte."""
        for config in (Config(), rules_under_test.config()):
            for text in rule_files(config).values():
                scaled = durations.scale(text, factor)
                assert scaled != text
                assert durations.scale(scaled, 1 / factor) == text

    def test_scale_leaves_text_and_the_calendar_alone(self) -> None:
        """What is in quotes, in annotations, or a bare number of seconds stays."""
        rules = (
            "    interval: 1m\n        expr: |\n          x{le=\"5m\"}[5m] offset 1d > y:increase5m[93600:900]\n"
            "        for: 5m\n        annotations:\n          summary: 'in 5m'\n"
        )  # fmt: skip
        assert durations.scale(rules, Fraction(1, 60)) == (
            "    interval: 1s\n        expr: |\n          x{le=\"5m\"}[5s] offset 24m > y:increase5m[93600:900]\n"
            "        for: 5s\n        annotations:\n          summary: 'in 5m'\n"
        )  # fmt: skip

    def test_refuses_what_cannot_be_scaled_back(self) -> None:
        """A duration in a smaller unit than it could be, or one that becomes part of a millisecond."""
        with pytest.raises(durations.DurationError, match="write 1d"):
            durations.scaled("24h", Fraction(1, 60))
        with pytest.raises(durations.DurationError, match="no whole number"):
            durations.scaled("1s", Fraction(1, 7000))


def value(steps: zone.Steps, point: float) -> int:
    """What the PromQL of `steps` comes to."""
    return steps.start + sum(added for at, added in steps.changes if point >= at)


class TestZone:
    @pytest.mark.parametrize(
        "name",
        ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
         "Atlantic/Azores", "America/Havana", "Asia/Beirut", "Pacific/Chatham", "America/St_Johns", "Africa/Casablanca",
         "America/Santiago", "Asia/Gaza", "Pacific/Kiritimati"],
    )  # fmt: skip
    def test_day_and_month_begin_as_the_calendar_says(self, name: str) -> None:
        """At 2,000 random instants of five years, in zones of every kind, midnight is where zoneinfo has it."""
        there = ZoneInfo(name)
        offsets, midnights = zone.offsets(there), zone.midnights(there)
        chance = random.Random(name)
        first = datetime(zone.FIRST_YEAR, 1, 1, tzinfo=timezone.utc)
        for _ in range(2000):
            instant = first + timedelta(seconds=chance.randrange(zone.YEARS * 365 * 86400))
            now = instant.timestamp()
            day = (now + value(offsets, now)) // 86400
            local = instant.astimezone(there)
            begins = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
            assert day * 86400 - value(midnights, day) == begins.timestamp()
            assert begins.timestamp() % 900 == 0

    def test_utc_has_no_table(self) -> None:
        """Nothing ends in UTC."""
        assert zone.TABLE_END not in recorded(Config())
        assert zone.TABLE_END in recorded(Config(time_zone="Asia/Kolkata"))


def pages() -> Iterator[tuple[str, str]]:
    """Name and text of each runbook."""
    for file in sorted(RUNBOOKS.glob("*.md")):
        yield file.stem, file.read_text()


class TestRunbooks:
    def test_each_alert_has_one(self) -> None:
        """A page for each alert, and no other."""
        assert {name for name, _ in pages()} - {"README"} == {alert.name for alert in ALERTS}

    @pytest.mark.parametrize("alert", ALERTS, ids=by_name)
    def test_has_its_five_parts_and_three_queries(self, alert: Alert) -> None:
        """Heading, meaning, impact, diagnosis with three queries and what the answers mean, mitigation, tuning."""
        text = (RUNBOOKS / alert.runbook).read_text()
        assert re.findall(r"^#+ .*$", text, re.MULTILINE) == [
            f"# {alert.name}", "## Meaning", "## Impact", "## Diagnosis", "## Mitigation", "## Tuning",
        ]  # fmt: skip
        assert len(queries(text)) == 3
        assert "TODO" not in text

    @pytest.mark.components
    def test_each_query_reads_series_that_exist(self, tmp_path: Path) -> None:
        """Promtool parses each query, and it reads raw or recorded series."""
        known = metric_names.RAW | recorded(rules_under_test.config())
        rules: list[dict[str, Any]] = []
        for name, text in pages():
            for index, query in enumerate(queries(text)):
                unknown = {one for one in promql.names(query) - known if not OF_THE_STACK.fullmatch(one)}
                assert unknown == set(), name
                rules.append({"record": f"runbook:{name}:query{index}", "expr": query})
        (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}))
        ran = rules_under_test.run("check", "rules", str(tmp_path / "queries.yml"))
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def test_each_link_resolves(self) -> None:
        """Links between files lead to files; those to the web are few and known."""
        for name, text in pages():
            for target in re.findall(r"\]\(([^)]+)\)", text):
                if target.startswith("https://"):
                    assert target in WEB, f"{name}: {target}"
                else:
                    assert (RUNBOOKS / target.split("#")[0]).exists(), f"{name}: {target}"


WEB = {
    "https://status.claude.com",
    "https://console.anthropic.com/settings/limits",
    "https://console.anthropic.com/settings/keys",
    "https://docs.anthropic.com/en/docs/about-claude/model-deprecations",
}


def queries(text: str) -> list[str]:
    """The queries of a runbook."""
    return [query.strip() for query in re.findall(r"```promql\n(.*?)```", text, re.DOTALL)]


def test_waits_are_written_with_the_largest_unit() -> None:
    """`for` and `keep_firing_for` can be scaled and scaled back."""
    for alert in ALERTS:
        for wait in (alert.for_, alert.keep_firing_for):
            if wait and wait != AT_ONCE:
                assert durations.scaled(wait, Fraction(1)) == wait
