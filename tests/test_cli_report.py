"""The numbers of a report, as `--json` writes them."""

from typing import Any

import pytest

from claude_otel import telemetry
from claude_otel.cli.document import document
from claude_otel.cli.finished import Finished
from claude_otel.cli.fmt import Style
from claude_otel.cli.health import ACTIVE, FAILURES, QUEUED, Health
from claude_otel.cli.otlp import Point
from claude_otel.cli.record import read
from claude_otel.cli.report import Report
from claude_otel.cli.summary import summary
from cli_child import chat, event, failed


def report_of(*calls: dict[str, Any], instance: str = "p1") -> Report:
    report = Report()
    for attributes in calls:
        report.add(read(event(attributes, instance)))
    return report


def finished(report: Report, status: int = 0) -> Finished:
    return Finished(["app"], status, 1.0, report, Health())


def numbers(*calls: dict[str, Any]) -> dict[str, Any]:
    return document(finished(report_of(*calls)))


def text(*calls: dict[str, Any], health: Health | None = None) -> str:
    return "\n".join(summary(report_of(*calls), health or Health(), "app", Style(False)))


def test_the_whole_document() -> None:
    """Every key, for a call that went well and one that did not."""
    seen = numbers(chat(rate_limit_type="input-tokens", rate_limit_headroom=0.25), failed())
    times = {"count": 1, "exact": True}
    assert seen == {
        "version": 1,
        "command": ["app"],
        "exit_code": 0,
        "seconds": 1.0,
        "processes": 1,
        "calls": 2,
        "calls_by_operation": {"chat": 2},
        "calls_by_outcome": {"completed": 1, "error": 1},
        "calls_by_stop_reason": {"end_turn": 1},
        "errors": {
            "total": 1,
            "by_blame": {"provider": 1},
            "kinds": [
                {
                    "blame": "provider",
                    "status": "529",
                    "error": "overloaded_error",
                    "calls": 1,
                    "request_ids": ["req_011CSHoEeqs5C35K2UUqR7Fz"],
                }
            ],
        },
        "cost_usd": {
            "total": 0.0132,
            "without_cache": 0.0132,
            "by_component": {"output": 0.01, "input": 0.0032},
            "by_surface": {"checkout-chat": 0.0132},
            "by_model": {"claude-opus-5-5": 0.0132},
        },
        "tokens": {"input": 12_300, "output": 512, "cache_read": 11_562, "cache_write": 0, "reasoning": 0},
        "cache": {"hit_ratio": 0.94, "misses": {}},
        "latency_seconds": {
            "time_to_first_text": {**times, "p50": 0.41, "p95": 0.41},
            "time_to_first_chunk": {"count": 0, "p50": None, "p95": None, "exact": True},
            "duration": {**times, "p50": 1.24, "p95": 1.24},
            "time_per_output_token": {"count": 0, "p50": None, "p95": None, "exact": True},
        },
        "surfaces": {
            "checkout-chat": {
                "calls": 2,
                "errors": 1,
                "cost_usd": 0.0132,
                "input_tokens": 12_300,
                "output_tokens": 512,
                "hit_ratio": 0.94,
                "time_to_first_text": {**times, "p50": 0.41, "p95": 0.41},
                "duration": {**times, "p50": 1.24, "p95": 1.24},
            }
        },
        "retries": {"calls": 1, "recovered": 0, "attempts": 4, "backoff_seconds": 1.5},
        "unpriced": {"calls": 0, "models": {}},
        "rate_limits": {"input-tokens": {"lowest_headroom": 0.25, "model": "claude-opus-5-5"}},
        "batches": {"cost_usd": 0.0},
        "count_tokens": {"calls": 0, "tokens": 0},
        "telemetry": {"instrumentation_errors": {}, "lost_events": 0},
    }


def test_cancelled_and_refused_are_no_errors() -> None:
    """They are shown by blame, and not counted as errors."""
    errors = numbers(chat(blame="cancelled", outcome="cancelled"), chat(blame="refused"))["errors"]
    assert (errors["total"], errors["by_blame"]) == (0, {"cancelled": 1, "refused": 1})


def test_cost_goes_to_the_models_that_were_billed() -> None:
    """A call that was billed on two models has its cost divided between them."""
    seen = numbers(chat(cost_by_model={"claude-opus-5-5": 0.0100, "claude-haiku-4-5": 0.0032}))
    assert seen["cost_usd"]["by_model"] == {"claude-opus-5-5": 0.01, "claude-haiku-4-5": 0.0032}


def test_unpriced_is_said_and_is_not_zero_cost() -> None:
    """The model without a price is named."""
    call = chat(unpriced=True, cost=None, response_model="claude-nova")
    assert numbers(call)["unpriced"] == {"calls": 1, "models": {"claude-nova": 1}}
    assert "unpriced" in text(call)
    assert "claude-nova" in text(call)


def test_misses_have_reasons_tokens_and_money() -> None:
    """Why the cache was not read, and what that cost."""
    miss = chat(miss_reason="system_changed", missed_input_tokens=9000, missed_tokens=9000, missed_cost=0.04)
    assert numbers(miss, miss)["cache"]["misses"] == {
        "system_changed": {"calls": 2, "input_tokens": 18_000, "usd": 0.08}
    }


def test_a_retried_call_that_comes_through_is_recovered() -> None:
    """Attempts and back-off are added up."""
    seen = numbers(chat(attempts=2, backoff=0.5), failed())
    assert seen["retries"] == {"calls": 2, "recovered": 1, "attempts": 5, "backoff_seconds": 2.0}


def test_batches_count_requests_and_results() -> None:
    """The batch price is in the results."""
    created = chat(operation="create_batch", batch_requests=20, cost=None, input_tokens=None)
    results = chat(operation="batch_results", batch_requests=20, batch_succeeded=18, batch_failed=2)
    assert numbers(created, results)["batches"] == {
        "created": 1, "requests": 20, "results_read": 20, "succeeded": 18, "failed": 2, "cost_usd": 0.0132,
    }  # fmt: skip


def test_times_are_those_of_messages_that_did_not_fail() -> None:
    """A batch, a count or a failure says nothing about how fast Claude answers."""
    seen = numbers(chat(duration=1.0), chat(operation="batch_results", duration=9.0), failed(duration=30.0))
    assert seen["latency_seconds"]["duration"]["p95"] == 1.0


def test_processes_are_told_apart_by_their_instance() -> None:
    """Workers add up to one report."""
    report = report_of(chat())
    report.add(read(event(chat(), "p2")))
    assert document(finished(report))["processes"] == 2


def test_memory_is_bounded() -> None:
    """New surfaces, errors and reasons end as `other`."""
    seen = numbers(*(failed(surface=f"s{n}", error_type=f"e{n}", miss_reason=f"r{n}") for n in range(500)))
    assert len(seen["surfaces"]) == len(seen["errors"]["kinds"]) == len(seen["cache"]["misses"]) == 201
    assert seen["surfaces"]["other"]["calls"] == 300


def test_the_end_by_a_signal_is_an_exit_code() -> None:
    """128 + N, as a shell shows it."""
    assert document(finished(Report(), 15))["exit_code"] == 143


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_the_report_fits_its_columns(columns: int) -> None:
    """Usual names need no more than 80 columns."""
    calls = [chat(miss_reason="expired"), failed(), chat(surface="report-writer", rate_limit_headroom=0.1)]
    lines = summary(report_of(*calls), Health(), "python app.py", Style(False), columns)
    assert max(len(line) for line in lines) <= columns


def test_the_report_says_what_it_lost() -> None:
    """Failures of ours and events that never came are said, with the remedy."""
    health = Health()
    health.add(Point(FAILURES, "p1", {telemetry.COMPONENT: "stream"}, 2))
    health.add(Point(QUEUED, "p1", {telemetry.ERROR_TYPE: "queue_full"}, 7))
    shown = text(chat(), health=health)
    assert "The instrumentation failed: 2 in stream." in shown
    assert "7 events never arrived" in shown


def test_calls_in_flight_are_those_of_processes_that_are_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was killed in the middle of a call is not counted for ever."""
    health = Health()
    monkeypatch.setattr("claude_otel.cli.health.time.monotonic", lambda: 0.0)
    health.add(Point(ACTIVE, "gone", {}, 1))
    monkeypatch.setattr("claude_otel.cli.health.time.monotonic", lambda: 10.0)
    health.add(Point(ACTIVE, "alive", {}, 2))
    assert health.active == 2
