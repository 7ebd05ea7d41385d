"""`claude-otel demo`: each scenario shows what went wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_otel.cli.demo import Name
from claude_otel.demo.scenarios import SCENARIOS
from cli_child import claude_otel


def play(tmp_path: Path, *options: str) -> tuple[dict[str, Any], str]:
    """The report of a demo of a few seconds, and what was shown."""
    path = tmp_path / "report.json"
    ended = claude_otel("demo", "--seconds", "6", "--json", str(path), *options)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    seen, next_step = ended.stderr.splitlines()[-2:]
    assert seen.startswith("Seen: ")
    assert next_step.startswith("Next: ")
    return json.loads(path.read_text()), seen


def test_all_is_well(tmp_path: Path) -> None:
    """Three surfaces, all kinds of calls, a cache that works, and nothing without a price."""
    report, seen = play(tmp_path)
    assert set(report["surfaces"]) == {"checkout-chat", "report-writer", "nightly-batch"}
    assert {"chat", "count_tokens", "create_batch", "retrieve_batch", "batch_results"} == set(
        report["calls_by_operation"]
    )
    assert (report["errors"]["total"], report["unpriced"]["calls"]) == (0, 0)
    assert (report["batches"]["requests"], report["batches"]["succeeded"]) == (40, 40)
    assert report["surfaces"]["checkout-chat"]["hit_ratio"] > 0.5
    assert report["tokens"]["reasoning"] > 0
    assert report["telemetry"] == {"instrumentation_errors": {}, "lost_events": 0}
    assert "3 surfaces" in seen


def test_an_outage_is_the_providers(tmp_path: Path) -> None:
    """Overloads and cut streams, and retries that came through."""
    report, seen = play(tmp_path, "--scenario", "outage")
    assert set(report["errors"]["by_blame"]) == {"provider"}
    assert report["retries"]["recovered"] > 0
    assert "by fault of the provider" in seen


def test_a_broken_cache_has_a_reason(tmp_path: Path) -> None:
    """The system prompt changed."""
    report, seen = play(tmp_path, "--scenario", "cache-break")
    misses = report["cache"]["misses"]
    assert misses["system_changed"]["usd"] > 0.01
    assert "the system prompt changed with" in seen


def test_a_runaway_agent_is_most_of_the_bill(tmp_path: Path) -> None:
    """And it is seen by its surface."""
    report, seen = play(tmp_path, "--scenario", "runaway")
    assert report["calls_by_stop_reason"]["tool_use"] > 5
    assert "refund-agent called a tool" in seen


def test_a_spend_limit_is_budget_and_not_quota(tmp_path: Path) -> None:
    """Whatever its status."""
    report, seen = play(tmp_path, "--scenario", "spend-limit")
    assert set(report["errors"]["by_blame"]) == {"budget"}
    assert "a spend limit was reached" in seen


def test_the_command_line_knows_every_scenario() -> None:
    """And no other."""
    assert {name.value for name in Name} | {"all-well"} == set(SCENARIOS)


@pytest.mark.parametrize("options", [["--scenario", "none"], ["--seconds", "0"]])
def test_what_it_does_not_know_it_refuses(options: list[str]) -> None:
    """With what it expects."""
    ended = claude_otel("demo", *options)
    assert ended.returncode == 2
    assert "Invalid value" in ended.stderr
