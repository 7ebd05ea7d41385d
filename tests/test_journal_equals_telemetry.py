"""Nothing is lost and nothing is invented: the telemetry of a storm of calls is what the fake API's journal says."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from anthropic import Anthropic, AsyncAnthropic

import journal_truth
from claude_otel.fakeapi import FAULTS, Entry, FakeAPI
from conftest import Exported
from storm import FEW, PATIENT, Plan, make, make_async, plans
from truth import truth_cost

BLAME = {
    "invalid_request": "caller",
    "spend_limit": "budget",
    "workspace_spend_limit": "budget",
    "authentication_error": "caller",
    "billing_error": "budget",
    "permission_error": "caller",
    "retired_model": "caller",
    "request_timeout": "timeout",
    "conflict": "caller",
    "request_too_large": "caller",
    "unprocessable": "caller",
    "rate_limit": "quota",
    "ramp_limit": "quota",
    "enforced_spend_limit": "budget",
    "contract_spend_limit": "budget",
    "api_error": "provider",
    "bad_gateway": "provider",
    "service_unavailable": "provider",
    "gateway_timeout": "provider",
    "overloaded": "provider",
    "overloaded_event": "provider",
    "api_error_event": "provider",
    "malformed_json": "provider",
    "malformed_event": "provider",
    "empty_body": "provider",
    "wrong_content_type": "provider",
    "cut_mid_stream": "provider",
    "cut_before_message_delta": "provider",
    "cut_before_message_stop": "provider",
    "connection_lost": "network",
    "connection_reset": "network",
    "refusal": "refused",
    "refusal_mid_output": "refused",
    "slow_first_token": None,
    "stall": None,
}
"""Who is to blame for a call whose last attempt met a fault."""

CUTS = ("cut_mid_stream", "cut_before_message_delta", "cut_before_message_stop", "connection_lost")

Made = Callable[[FakeAPI, Exported, list[Plan]], None]


def threads(api: FakeAPI, exported: Exported, storm: list[Plan]) -> None:
    """Makes the calls in 32 threads."""
    tracer = exported.tracer_provider.get_tracer("application")
    client = Anthropic(base_url=api.url, api_key="none", max_retries=1, timeout=PATIENT)

    def one(plan: Plan) -> None:
        with tracer.start_as_current_span(plan.id):
            make(client, plan)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(one, storm))


def tasks(api: FakeAPI, exported: Exported, storm: list[Plan]) -> None:
    """Makes the calls in an event loop, 200 at a time."""
    tracer = exported.tracer_provider.get_tracer("application")

    async def main() -> None:
        client = AsyncAnthropic(base_url=api.url, api_key="none", max_retries=1, timeout=PATIENT)
        free = asyncio.Semaphore(200)

        async def one(plan: Plan) -> None:
            async with free:
                with tracer.start_as_current_span(plan.id):
                    await make_async(client, plan, api.journal)

        await asyncio.gather(*map(one, storm))

    asyncio.run(main())


def served_to(api: FakeAPI) -> dict[str, list[Entry]]:
    """The requests of each call, oldest first, after all of them have been served."""
    api.journal.wait(lambda journal: all(entry.finished for entry in journal.entries))
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in api.journal.messages:
        found[entry.headers["x-call"]].append(entry)
    return found


def told_of(exported: Exported) -> dict[str, dict[str, Any]]:
    """The attributes of the span of each call, found by the application's span around it."""
    names = {span.context.span_id: span.name for span in exported.spans if span.name.isdigit()}
    ours = [span for span in exported.spans if span.name not in names.values()]
    found = {names[span.parent.span_id]: dict(span.attributes or {}) for span in ours if span.parent}
    assert len(found) == len(ours) == len(names)
    return found


def seen_status(entry: Entry) -> int | None:
    """The status that the client saw: none of an unstreamed answer that broke off."""
    return None if entry.fault in CUTS and not entry.stream else entry.status


def ending(plan: Plan, entries: list[Entry]) -> tuple[str, str | None]:
    """The outcome and the blame that a call must have."""
    last = entries[-1]
    if plan.end != "read":
        return {"close": "closed_early", "drop": "abandoned", "cancel": "cancelled"}[plan.end], (
            "cancelled" if plan.end == "cancel" else None
        )
    if plan.times_out:
        return ("truncated" if plan.began else "error"), "timeout"
    if last.fault in CUTS and not last.stream:
        return "error", "network"
    blame = BLAME[last.fault] if last.fault else None
    return outcome_of(plan, last), blame


def outcome_of(plan: Plan, last: Entry) -> str:
    """The outcome of a call that was read to its end, whose last attempt is `last`."""
    if last.fault == "connection_lost":
        # A reset can overtake what was sent before it.
        return "truncated" if plan.began else "error"
    if last.fault == "wrong_content_type" or (last.stream and last.fault in (*CUTS, "empty_body", "malformed_json")):
        return "truncated"
    good = (None, "refusal", "refusal_mid_output", "slow_first_token", "stall")
    return "completed" if last.fault in good else "error"


def told_usage(plan: Plan, last: Entry) -> dict[str, Any] | None:
    """The usage that the client can know; without its output where that was not final."""
    if last.usage is None or plan.end == "cancel" or not (plan.began if plan.stream else last.complete):
        return None
    unread = plan.end != "read" or last.fault == "malformed_event"
    if plan.stream and (unread or not last.message_delta_sent):
        return {**last.usage, "output_tokens": 0, "output_tokens_details": None, "iterations": None}
    return dict(last.usage)


def check_call(plan: Plan, entries: list[Entry], told: dict[str, Any]) -> None:
    """Asserts that the span of one call tells what was served."""
    statuses = [seen_status(entry) for entry in entries]
    assert (told["claude.outcome"], told.get("claude.blame")) == ending(plan, entries)
    assert [status for status in told["claude.attempt.statuses"] if status.isdigit()] == [
        str(status) for status in statuses if status
    ]
    assert told["claude.attempts"] == len(entries)
    answered = [entry.request_id for entry, status in zip(entries, statuses, strict=True) if status]
    assert told.get("anthropic.request.id") == (answered[-1] if answered else None)
    check_usage(plan, entries[-1], told)


def check_usage(plan: Plan, last: Entry, told: dict[str, Any]) -> None:
    """Asserts that the tokens and the cost on a span are those that its client was told of."""
    usage = told_usage(plan, last)
    truth = journal_truth.tokens([usage] if usage else [])
    assert {kind: told.get(name, 0) for kind, name in journal_truth.ATTRIBUTES.items()} == truth
    assert ("gen_ai.usage.output_tokens" in told) == (usage is not None and usage["output_tokens"] > 0) or (
        last.stop_reason == "refusal"
    )
    if usage is None:
        assert "gen_ai.usage.cost" not in told
    else:
        assert abs(Decimal(told["gen_ai.usage.cost"]) - usd(last, usage)) < Decimal("1e-9")


def usd(last: Entry, usage: dict[str, Any]) -> Decimal:
    """What an answer cost, as far as the client was told."""
    return truth_cost(usage, str(last.model_served), at=last.time, stop_reason=last.stop_reason)


@pytest.mark.parametrize(("made", "seed"), [(threads, 1), (tasks, 2)])
def test_a_storm(exported: Exported, made: Made, seed: int) -> None:
    """Every call of a storm is one span, one event and one in each count, with what was served to it."""
    storm = plans(seed, ("read", "close", "drop", *(["cancel"] if made is tasks else [])))  # type: ignore[arg-type]
    with FakeAPI(seed=seed) as api:
        made(api, exported, storm)
        served = served_to(api)
        faults = api.journal.faults()
    assert {name: faults[name] for name in FAULTS if faults[name] < FEW} == {}
    told = told_of(exported)
    assert set(told) == set(served) == {plan.id for plan in storm}
    for plan in storm:
        check_call(plan, served[plan.id], told[plan.id])
    check_events(exported, told)
    check_counters(exported, storm, served)


def check_events(exported: Exported, told: dict[str, dict[str, Any]]) -> None:
    """Asserts that there is one event for each call, which says what its span says; and one for each error."""
    assert len(exported.events()) == len(told)
    names = ("claude.outcome", "anthropic.request.id", "gen_ai.usage.cost", *journal_truth.ATTRIBUTES.values())

    def rows(records: Any) -> Counter[tuple[Any, ...]]:
        return Counter(tuple(record.get(name) for name in names) for record in records)

    assert rows(exported.events()) == rows(told.values())
    failed = [call for call in told.values() if call["claude.outcome"] in ("error", "truncated")]
    assert rows(exported.events("claude.error")) == rows(failed)


def check_counters(exported: Exported, storm: list[Plan], served: dict[str, list[Entry]]) -> None:
    """Asserts that the counters are the sums of what was served."""
    endings = Counter(ending(plan, served[plan.id]) for plan in storm)
    for (outcome, blame), count in endings.items():
        assert exported.value("claude.calls", claude__outcome=outcome, claude__blame=blame or "none") == count
    assert exported.value("claude.calls") == len(storm)
    assert exported.value("gen_ai.client.inference.duration") == len(storm)
    statuses = Counter(seen_status(entry) for entries in served.values() for entry in entries)
    for status, count in statuses.items():
        assert exported.value("claude.attempts", http__response__status_code=str(status or "none")) == count
    assert exported.value("claude.attempts") == sum(statuses.values())
    check_sums(exported, [(plan, served[plan.id][-1]) for plan in storm])
    assert exported.value("claude.active_calls") == 0
    assert exported.value("claude.instrumentation.errors") == 0
    assert exported.value("claude.unpriced_calls") == 0


def check_sums(exported: Exported, answers: list[tuple[Plan, Entry]]) -> None:
    """Asserts that the counters of tokens and money are the sums over the answers."""
    used = [(last, usage) for plan, last in answers if (usage := told_usage(plan, last)) is not None]
    truth = journal_truth.tokens(usage for _, usage in used)
    assert all(truth.values())
    for kind, metric in journal_truth.METRICS.items():
        assert exported.value(metric) == truth[kind], kind
    for life in ("5m", "1h"):
        assert exported.value(journal_truth.CACHE_WRITE, claude__cache__ttl=life) == truth[f"cache_write_{life}"]
    total = sum((usd(last, usage) for last, usage in used), Decimal(0))
    assert abs(Decimal(exported.value("claude.cost")) - total) < Decimal("1e-9")
