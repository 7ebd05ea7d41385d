"""A report as one JSON document: what `--json` writes. Its keys are listed in docs/cli.md."""

from __future__ import annotations

from typing import Any

from claude_otel.cli.finished import Finished
from claude_otel.cli.process import exit_code
from claude_otel.cli.report import Report
from claude_otel.cli.sample import Sample
from claude_otel.cli.tally import Group, Tally, by_size

VERSION = 1
"""Raised when a key changes its meaning or goes away."""


def document(run: Finished) -> dict[str, Any]:
    """The whole report."""
    report, health = run.report, run.health
    return {
        "version": VERSION,
        "command": run.command,
        "exit_code": None if run.status is None else exit_code(run.status),
        "seconds": round(run.seconds, 3),
        "processes": len(report.instances),
        "calls": report.calls,
        "calls_by_operation": whole(report.operations),
        "calls_by_outcome": whole(report.outcomes),
        "calls_by_stop_reason": whole(report.stop_reasons),
        "errors": errors(report),
        "cost_usd": cost(report),
        "tokens": tokens(report),
        "cache": cache(report),
        "latency_seconds": latency(report),
        "surfaces": {name: surface(group) for name, group in report.surfaces.values.items()},
        "retries": retries(report),
        "unpriced": {"calls": report.unpriced, "models": whole(report.unpriced_models)},
        "rate_limits": {
            name: {"lowest_headroom": low, "model": model} for name, (low, model) in report.headroom.items()
        },
        "batches": whole(report.batches) | {"cost_usd": money(report.batches.values.get("cost_usd", 0.0))},
        "count_tokens": {"calls": report.counted_calls, "tokens": report.counted_tokens},
        "telemetry": {"instrumentation_errors": health.failures, "lost_events": health.lost_events},
    }


def errors(report: Report) -> dict[str, Any]:
    """What went wrong, by blame and by kind, with the newest request ids of each kind."""
    kinds = [
        {
            "blame": blame,
            "status": status or None,
            "error": error or None,
            "calls": trouble.calls,
            "request_ids": trouble.request_ids,
        }
        for (blame, status, error), trouble in sorted(report.troubles.values.items(), key=lambda item: -item[1].calls)
    ]
    return {"total": report.errors, "by_blame": whole(report.blames), "kinds": kinds}


def cost(report: Report) -> dict[str, Any]:
    """What the run cost, by component, surface and model, and what it had cost without a cache."""
    return {
        "total": money(report.cost),
        "without_cache": money(report.uncached_cost),
        "by_component": amounts(report.components),
        "by_surface": {name: money(group.cost) for name, group in report.surfaces.values.items()},
        "by_model": amounts(report.models),
    }


def tokens(report: Report) -> dict[str, int]:
    """The tokens of all calls; input includes what was read from and written to the cache."""
    return {
        "input": report.input_tokens,
        "output": report.output_tokens,
        "cache_read": report.cache_read,
        "cache_write": report.cache_write,
        "reasoning": report.reasoning,
    }


def cache(report: Report) -> dict[str, Any]:
    """How much of the input the cache gave, and why it did not give the rest."""
    return {
        "hit_ratio": report.hit_ratio,
        "misses": {
            reason: {"calls": miss.calls, "input_tokens": miss.tokens, "usd": money(miss.usd)}
            for reason, miss in report.misses.values.items()
        },
    }


def latency(report: Report) -> dict[str, Any]:
    """The times of messages that did not fail."""
    return {
        "time_to_first_text": percentiles(report.first_text),
        "time_to_first_chunk": percentiles(report.first_chunk),
        "duration": percentiles(report.duration),
        "time_per_output_token": percentiles(report.per_token),
    }


def percentiles(sample: Sample) -> dict[str, Any]:
    """Nearest-rank percentiles, and whether they are of all numbers or of a random sample."""
    p50, p95 = sample.percentile(0.50), sample.percentile(0.95)
    return {"count": sample.count, "p50": p50, "p95": p95, "exact": sample.exact}


def surface(group: Group) -> dict[str, Any]:
    """The calls of a surface."""
    return {
        "calls": group.calls,
        "errors": group.errors,
        "cost_usd": money(group.cost),
        "input_tokens": group.input_tokens,
        "output_tokens": group.output_tokens,
        "hit_ratio": group.cache_read / group.input_tokens if group.input_tokens else None,
        "time_to_first_text": percentiles(group.first_text),
        "duration": percentiles(group.duration),
    }


def retries(report: Report) -> dict[str, Any]:
    """How often calls were sent again, how long they waited, and how many came through."""
    return {
        "calls": report.retried,
        "recovered": report.recovered,
        "attempts": report.attempts,
        "backoff_seconds": round(report.backoff, 6),
    }


def whole(tally: Tally[str, float]) -> dict[str, int]:
    """Counts, the largest first."""
    return {name: int(value) for name, value in by_size(tally).items()}


def amounts(tally: Tally[str, float]) -> dict[str, float]:
    """Sums of money, the largest first."""
    return {name: money(value) for name, value in by_size(tally).items()}


def money(value: float) -> float:
    """USD to a millionth of a cent, past which a sum of floats means nothing."""
    return round(value, 8)
