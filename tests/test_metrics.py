"""The metrics: all of them, exactly those of the table, true when spans are not sampled, counted once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import claude_otel
import wire
from claude_otel import guard, metrics, surface
from claude_otel import telemetry as t
from claude_otel.metrics import Table
from conftest import Exported
from wire import ASK


@contextlib.contextmanager
def instrumented(exported: Exported | None = None) -> Iterator[Exported]:
    """The SDK instrumented, with new providers unless some are given."""
    kept = exported or Exported()
    kept.instrument()
    try:
        yield kept
    finally:
        claude_otel.uninstrument()


def every_scenario() -> None:
    """Calls that between them give every metric something to say."""
    limited = wire.Answer(wire.MESSAGE, headers=wire.LIMITS)
    client = wire.client(wire.error(529, "overloaded_error"), limited)
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]

    def ask(**asked: Any) -> None:
        client.messages.create(**{**ASK, **asked})

    ask(system=system)
    ask(system=[{**system[0], "text": "Be long."}])
    ask(model="claude-unheard-of", system=None)
    client.messages.with_raw_response.create(**ASK, stream=True).parse().close()
    list(client.messages.create(**ASK, stream=True))
    unpriced = wire.client(wire.Answer(wire.message(model="claude-unheard-of", usage={"cache_read_input_tokens": 0})))
    unpriced.messages.create(**{**ASK, "model": "claude-unheard-of"})
    with contextlib.suppress(Exception):
        wire.client(wire.error(400, "invalid_request_error"), max_retries=0).messages.create(**ASK)


def test_every_metric_of_the_table_is_emitted_and_no_other(failures: list[str]) -> None:
    """The table is the list of all telemetry, and each row's attributes are those that are emitted."""
    with instrumented() as exported:
        every_scenario()
        try:
            raise RuntimeError("a failure of ours")
        except RuntimeError:
            guard.failed("end")
        failures.clear()
        data = exported._metrics.get_metrics_data()
        assert data is not None
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        assert {scope.scope.name for scope in scopes} == {"claude_otel"}
        emitted = {metric.name: metric for scope in scopes for metric in scope.metrics}
        assert set(emitted) == {metric.name for metric in t.METRICS}
        for row in t.METRICS:
            metric = emitted[row.name]
            assert (metric.unit, metric.description) == (row.unit, row.description)
            points = list(metric.data.data_points)
            assert points, row.name
            for point in points:
                missing = set(row.attributes) - set(point.attributes)
                assert set(point.attributes) <= set(row.attributes), row.name
                assert missing <= {"error.type"}, row.name


def test_attributes_of_metrics_are_in_the_table() -> None:
    """Each is described, as one that stands on metrics."""
    described = {attribute.name for attribute in t.ATTRIBUTES if "metric" in attribute.on}
    assert {name for metric in t.METRICS for name in metric.attributes} == described


def test_everything_is_counted_when_nothing_is_sampled() -> None:
    """Metrics and events are the same without a single span."""
    sampled, unsampled = Exported(), Exported(ALWAYS_OFF)
    for exported in (sampled, unsampled):
        with instrumented(exported):
            every_scenario()
    assert unsampled.spans == []
    assert len(sampled.spans) == len(unsampled.events()) == len(sampled.events()) == 7
    counters = [metric.name for metric in t.METRICS if metric.kind == "counter" and metric.unit != "s"]
    for name in counters:
        assert unsampled.value(name) == pytest.approx(sampled.value(name)), name
    for name in (metric.name for metric in t.METRICS if metric.kind == "histogram"):
        assert unsampled.value(name) == sampled.value(name), name


WHOLE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-opus-5-5",
    "gen_ai.response.model": "claude-opus-5-5",
    "claude.surface": "chat",
}


def attributes(exported: Exported, metric: str) -> dict[str, Any]:
    """The attributes of the only point of a metric."""
    (point,) = exported.points(metric)
    return dict(point.attributes)


def test_the_attributes_of_a_call(exported: Exported) -> None:
    """Whole sets, as rules and dashboards rely on them."""
    with surface("chat", agent="planner"):
        wire.client().messages.create(**ASK, output_config={"effort": "low"})
    assert attributes(exported, "claude.calls") == {
        **WHOLE,
        "claude.outcome": "completed",
        "anthropic.message.stop_reason": "end_turn",
        "claude.blame": "none",
        "claude.retried": False,
    }
    assert attributes(exported, "gen_ai.client.inference.duration") == {**WHOLE, "claude.outcome": "completed"}
    tokens = {**WHOLE, "anthropic.response.service_tier": "standard", "gen_ai.token.modality": "unknown"}
    assert attributes(exported, "gen_ai.client.inference.usage.input_tokens") == tokens
    assert attributes(exported, "gen_ai.client.inference.usage.reasoning.output_tokens") == tokens
    assert attributes(exported, "claude.uncached_cost") == WHOLE
    costs = {
        point.attributes["claude.cost.component"]: (point.value, dict(point.attributes))
        for point in exported.points("claude.cost")
    }
    assert costs == {
        component: (
            pytest.approx(usd),
            {
                **WHOLE,
                "claude.call_site": "test_metrics:test_the_attributes_of_a_call",
                "claude.cost.component": component,
                "anthropic.response.service_tier": "standard",
                "gen_ai.request.reasoning.level": "low",
                "gen_ai.agent.name": "planner",
            },
        )
        for component, usd in {
            "input": 10 * 4e-6,
            "output": 7 * 20e-6,
            "cache_read": 100 * 0.2e-6,
            "cache_write_5m": 20 * 5e-6,
        }.items()
    }


def test_an_unpriced_call_is_counted_and_costs_nothing_known(exported: Exported) -> None:
    """Never zero: there is no cost at all."""
    wire.client(wire.Answer(wire.message(model="claude-unheard-of"))).messages.create(**ASK)
    assert exported.value("claude.unpriced_calls", gen_ai__response__model="claude-unheard-of") == 1
    assert exported.points("claude.cost") == exported.points("claude.uncached_cost") == []
    assert exported.value("gen_ai.client.inference.usage.input_tokens") == 130
    span = exported.span()
    assert span["claude.unpriced"] is True
    assert "gen_ai.usage.cost" not in span


def test_active_calls_are_those_that_have_not_ended(exported: Exported) -> None:
    """From the request to the end of the stream."""
    events = wire.client().messages.create(**ASK, stream=True)
    assert exported.value("claude.active_calls") == 1
    list(events)
    assert exported.value("claude.active_calls") == 0


def edges(exported: Exported, metric: str) -> list[float]:
    return list(exported.points(metric)[0].explicit_bounds)


def test_the_edges_of_the_histograms(exported: Exported) -> None:
    """As the contract has them."""
    wire.client().messages.create(**ASK)
    durations = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600]
    assert edges(exported, "gen_ai.client.inference.duration") == durations
    assert edges(exported, "claude.time_per_output_token") == [
        0.002, 0.004, 0.006, 0.008, 0.01, 0.0125, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.2, 0.5, 1,
    ]  # fmt: skip


def test_budgets_of_the_file_are_edges(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So that the share of calls within budget is exact; tokens per second as their inverse."""
    file = tmp_path / "claude-otel.yaml"
    file.write_text(
        "surfaces:\n"
        "  chat: {kind: chat, budgets: {time_to_first_text: 1.2}}\n"
        "  report: {kind: long, budgets: {duration: 75}}\n"
        "  nightly: {kind: batch, budgets: {tokens_per_second: 160}}\n"
    )
    monkeypatch.setenv("CLAUDE_OTEL_CONFIG", str(file))
    with instrumented() as exported:
        list(wire.client().messages.create(**ASK, stream=True))
        for metric in (
            "gen_ai.client.inference.duration",
            "claude.time_to_first_text",
            "gen_ai.client.inference.time_to_first_chunk",
        ):
            found = edges(exported, metric)
            assert {1.2, 75.0} <= set(found)
            assert found == sorted(found)
        assert 1 / 160 in edges(exported, "claude.time_per_output_token")


def test_instrumenting_again_goes_on_counting_once() -> None:
    """One table for a provider, for as long as the process lives."""
    exported = Exported()
    for _ in range(3):
        with instrumented(exported):
            wire.client().messages.create(**ASK)
    assert exported.value("claude.calls") == 3
    assert exported.value("gen_ai.client.inference.duration") == 3
    assert exported.value("gen_ai.client.inference.usage.input_tokens") == 390


def test_instrumenting_twice_counts_once(exported: Exported) -> None:
    """The second time does nothing."""
    exported.instrument()
    wire.client().messages.create(**ASK)
    assert exported.value("claude.calls") == 1


def test_two_providers_have_sums_of_their_own() -> None:
    """Calls go to the provider of their time."""
    first, second = Exported(), Exported()
    for exported, calls in ((first, 1), (second, 2), (first, 3)):
        with instrumented(exported):
            for _ in range(calls):
                wire.client().messages.create(**ASK)
    assert (first.value("claude.calls"), second.value("claude.calls")) == (4, 2)


def test_a_provider_that_is_set_after_us_gets_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """An application may instrument first and set up its provider later."""
    from opentelemetry.metrics import _internal as api

    monkeypatch.setattr(api, "_METER_PROVIDER", None)
    monkeypatch.setattr(api, "_METER_PROVIDER_SET_ONCE", api.Once())
    monkeypatch.setattr(api, "_PROXY_METER_PROVIDER", api._ProxyMeterProvider())
    monkeypatch.setattr(metrics, "_global", [])
    claude_otel.instrument()
    try:
        reader = InMemoryMetricReader()
        api.set_meter_provider(MeterProvider([reader]))
        wire.client().messages.create(**ASK)
        claude_otel.uninstrument()
        claude_otel.instrument()
        wire.client().messages.create(**ASK)
    finally:
        claude_otel.uninstrument()
    data = reader.get_metrics_data()
    assert data is not None
    (scope,) = data.resource_metrics[0].scope_metrics
    points = [point for metric in scope.metrics if metric.name == "claude.calls" for point in metric.data.data_points]
    assert [point.value for point in points] == [2]


def test_a_gauge_that_nobody_renews_is_no_longer_reported(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate limit refills while nobody asks."""
    wire.client(wire.Answer(wire.MESSAGE, headers=wire.LIMITS)).messages.create(**ASK)
    assert len(exported.points("claude.rate_limit.remaining")) == 2
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 299)
    assert len(exported.points("claude.rate_limit.remaining")) == 2
    monkeypatch.setattr(time, "monotonic", lambda: now() + 301)
    assert exported.points("claude.rate_limit.remaining") == []


def values(number: int) -> tuple[Any, ...]:
    return ("chat", "anthropic", f"m{number}", f"m{number}", f"s{number}", "completed", "end_turn", "none", None, False)


def count(table: Table, number: int) -> None:
    table.add([(table.row((number,), lambda: [(t.CALLS_METRIC, values(number))]), (1,))])


def test_sets_of_attributes_fold_at_the_cap() -> None:
    """What is above the cap is counted under `other`, with its small sets of values; nothing is lost."""
    table = Table()
    for number in range(2500):
        count(table, number)
    count(table, 0)
    sums = dict(table.sums(t.CALLS_METRIC))
    assert len(sums) == 1801
    assert sum(sums.values()) == 2501
    assert sums[values(0)] == 2
    folded = ("chat", "anthropic", "other", "other", "other", "completed", "end_turn", "none", None, False)
    assert sums[folded] == 700


def test_histograms_fold_at_the_cap(exported: Exported) -> None:
    """As counters do."""
    instruments = metrics.instruments(exported.meter_provider, claude_otel.instrumentor.VERSION, {})
    for number in range(1900):
        row = ("chat", "anthropic", f"m{number}", f"m{number}", f"s{number}", "completed", None)
        instruments.record(t.DURATION_METRIC, row, row, 1.0, Context())
    points = exported.points("gen_ai.client.inference.duration")
    assert len(points) == 1801
    assert sum(point.count for point in points) == 1900


def test_models_are_capped(exported: Exported) -> None:
    """After 30 names a new one is `other`, on metrics; spans and events have it as it is."""
    client = wire.client()
    for number in range(32):
        client.messages.create(**{**ASK, "model": f"claude-{number}"})
    models = {point.attributes["gen_ai.request.model"] for point in exported.points("claude.calls")}
    assert "other" in models
    assert len(models) <= 31
    assert exported.events()[-1]["gen_ai.request.model"] == "claude-31"


def test_words_that_the_api_may_add_are_other(exported: Exported) -> None:
    """A stop reason or tier that we do not know is no new series."""
    wire.client(wire.Answer(wire.message(stop_reason="bored", usage={"service_tier": "golden"}))).messages.create(**ASK)
    assert exported.value("claude.calls", anthropic__message__stop_reason="other") == 1
    tokens = "gen_ai.client.inference.usage.input_tokens"
    assert exported.value(tokens, anthropic__response__service_tier="other") == 130
    assert exported.span()["anthropic.message.stop_reason"] == "bored"


def test_workers_without_an_instance_are_told_apart() -> None:
    """Where the provider's resource has no `service.instance.id`, each point has one; else none."""
    from opentelemetry.sdk.resources import Resource

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource=Resource({"service.name": "x"}))
    instruments = metrics.instruments(provider, "0", {})
    assert len(instruments.own["service.instance.id"]) == 32
    assert metrics.instruments(Exported().meter_provider, "0", {}).own == {}


def test_exemplars_point_to_the_span(exported: Exported) -> None:
    """A histogram's exemplar has the trace of the call."""
    wire.client().messages.create(**ASK)
    (span,) = exported.spans
    (point,) = exported.points("gen_ai.client.inference.duration")
    assert span.context is not None
    assert [exemplar.span_id for exemplar in point.exemplars] == [span.context.span_id]


def test_what_nobody_collects_does_not_grow() -> None:
    """Rows that come and go hold their sums only until there are many of them, and nothing is lost by that."""
    table = Table()
    for number in range(3 * metrics.MOST_PENDING):
        row = metrics.Row((table.row(("one",), lambda: [(t.ERRORS_METRIC, ("start",))]).cells[0],))
        table.add([(row, (number,))])
        assert len(table.pending) <= metrics.MOST_PENDING
    assert table.sums(t.ERRORS_METRIC) == [(("start",), sum(range(3 * metrics.MOST_PENDING)))]
