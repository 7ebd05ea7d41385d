"""The rule files of alerts/tests/claude-otel.yaml beside copies of the promtool tests, and promtool to run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

import pytest
import yaml

from claude_otel.cli.problem import Problem
from claude_otel.monitoring import promql
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.rule import Group, Recording
from claude_otel.monitoring.rules_file import groups, recording_file, rule_files
from claude_otel.stack import components

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "alerts" / "tests"

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York")
MONEY = ("claude:cost_usd", "surface:claude_cost_usd")
PERIODS = ("today", "month", "month_forecast")

_OTHER_ANNOTATIONS = re.compile(r"^ {10}(description|dashboard_url|runbook_url): .*\n", re.MULTILINE)


@cache
def promtool() -> str:
    """The promtool that was built for the stack, else the one on PATH. Where there is none, CI fails."""
    try:
        return str(components.find("promtool"))
    except Problem as problem:
        found = shutil.which("promtool")
        if found:
            return found
        if os.environ.get("CI"):
            pytest.fail(str(problem))
        pytest.skip(str(problem))


def config() -> Config:
    """The configuration that the rules under test are generated from."""
    return Config.model_validate(yaml.safe_load((TESTS / "claude-otel.yaml").read_text()))


def files() -> list[Path]:
    """Every file of promtool tests."""
    return sorted(TESTS.glob("*.yml"))


def prepare(directory: Path, made_from: Config | None = None) -> None:
    """Writes the rules under test and the promtool tests into `directory`."""
    (directory / "rules").mkdir()
    for path, text in rule_files(made_from or config()).items():
        (directory / "rules" / Path(path).name).write_text(only_summaries(text))
    for zone in ZONES:
        (directory / "rules" / f"money-{zone.replace('/', '-')}.yml").write_text(money_in(zone))
    for file in files():
        shutil.copy(file, directory)


def money_in(zone: str) -> str:
    """The rules that today, this month and the forecast need, in one group, in a time zone."""
    rules = needed(groups(Config(time_zone=zone)), {f"{level}:{what}" for level in MONEY for what in PERIODS})
    return recording_file([Group("money", tuple(rules))])


def needed(made: Sequence[Group], names: Collection[str]) -> list[Recording]:
    """The rules that record `names`, and those that they read, in their order."""
    wanted = set(names)
    rules = []
    for rule in reversed([rule for group in made for rule in group.rules]):
        if rule.record in wanted:
            wanted |= promql.names(rule.expr)
            rules.append(rule)
    return rules[::-1]


def only_summaries(rules: str) -> str:
    """`rules` without the annotations that are the same whatever happens: the tests compare all that are left."""
    return _OTHER_ANNOTATIONS.sub("", rules)


def run(*arguments: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What promtool says."""
    return subprocess.run(
        [promtool(), *arguments], capture_output=True, text=True, cwd=directory, timeout=600, check=False,
        env={**os.environ, "TZ": "UTC", "GOMAXPROCS": "2"},
    )  # fmt: skip
