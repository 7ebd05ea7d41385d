"""Message batches: their tokens are counted as results are read, at half price, once for a process and batch."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import pytest

import wire
from conftest import Exported
from wire import ASK

NUMBERS = itertools.count()

TOKENS = "gen_ai.client.inference.usage.input_tokens"


@pytest.fixture
def batch() -> str:
    """The id of a batch that no other test has."""
    return f"msgbatch_{next(NUMBERS)}"


def described(batch: str) -> dict[str, Any]:
    """A batch that has ended."""
    return {
        "id": batch,
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 0},
        "ended_at": "2026-11-21T00:00:00Z",
        "created_at": "2026-11-20T00:00:00Z",
        "expires_at": "2026-11-22T00:00:00Z",
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": f"https://api.anthropic.com/v1/messages/batches/{batch}/results",
    }


def succeeded(number: int, **changes: Any) -> dict[str, Any]:
    message = wire.message(usage={"service_tier": "batch"}, **changes)
    return {"custom_id": f"r{number}", "result": {"type": "succeeded", "message": message}}


ERRORED = {
    "custom_id": "bad",
    "result": {
        "type": "errored",
        "error": {"type": "error", "error": {"type": "invalid_request_error", "message": "x"}, "request_id": None},
    },
}
ROWS = [succeeded(1), ERRORED, succeeded(2), {"custom_id": "late", "result": {"type": "expired"}}]


def results(*rows: dict[str, Any]) -> wire.Answer:
    """The file of results, a row for each piece of the body."""
    return wire.Answer(
        steps=[f"{json.dumps(row)}\n".encode() for row in rows or ROWS],
        headers={"content-type": "application/x-jsonl"},
    )


def downloads(batch: str, *rows: dict[str, Any]) -> list[wire.Scripted]:
    """What the API answers to `batches.results`: the batch, then its file."""
    return [wire.Answer(described(batch)), results(*rows)]


def read(client: Any, batch: str) -> list[str]:
    """The ids of the results that the application gets."""
    return [row.custom_id for row in client.messages.batches.results(batch)]


HALF = (10 * 4 + 7 * 20 + 100 * 0.2 + 20 * 5) * 1e-6 / 2
"""USD of one result, at half of what the message costs otherwise."""


def check_counted(exported: Exported, answers: int) -> None:
    """Checks that so many answers were counted, at half price."""
    assert exported.value(TOKENS, anthropic__response__service_tier="batch") == exported.value(TOKENS) == 130 * answers
    assert exported.value("gen_ai.client.inference.usage.output_tokens") == 7 * answers
    assert exported.value("claude.cost") == pytest.approx(HALF * answers)
    assert exported.value("claude.uncached_cost") == pytest.approx((130 * 4 + 7 * 20) * 1e-6 / 2 * answers)


def test_results_are_counted_as_they_are_read(exported: Exported, batch: str) -> None:
    """At the batch price, on the model that served; what failed costs nothing."""
    assert read(wire.client(*downloads(batch)), batch) == ["r1", "bad", "r2", "late"]
    check_counted(exported, 2)
    retrieved, downloaded = [dict(span.attributes or {}) for span in exported.spans]
    assert (retrieved["gen_ai.operation.name"], retrieved["claude.batch.id"]) == ("retrieve_batch", batch)
    assert "gen_ai.usage.input_tokens" not in retrieved
    told = {
        "gen_ai.operation.name": "batch_results",
        "claude.sdk.method": "batches.results",
        "claude.batch.id": batch,
        "claude.batch.requests": 4,
        "claude.batch.succeeded": 2,
        "claude.batch.failed": 2,
        "claude.outcome": "completed",
        "gen_ai.usage.input_tokens": 260,
        "gen_ai.usage.output_tokens": 14,
        "gen_ai.usage.cost": pytest.approx(2 * HALF),
        "anthropic.response.service_tier": "batch",
    }
    assert {name: downloaded.get(name) for name in told} == told
    assert exported.value("claude.calls", gen_ai__operation__name="batch_results") == 1
    # A download is no answer that somebody waits for.
    assert exported.points("claude.time_per_output_token") == exported.points("claude.time_to_first_text") == []


def test_async_results_are_counted_too(exported: Exported, batch: str) -> None:
    """The async twin."""

    async def main() -> list[str]:
        decoder = await wire.async_client(*downloads(batch)).messages.batches.results(batch)
        return [row.custom_id async for row in decoder]

    assert asyncio.run(main()) == ["r1", "bad", "r2", "late"]
    check_counted(exported, 2)


def test_beta_results_are_counted_too(exported: Exported, batch: str) -> None:
    """The beta twin, which is the same batch."""
    client = wire.client(*downloads(batch), *downloads(batch))
    list(client.beta.messages.batches.results(batch))
    read(client, batch)
    check_counted(exported, 2)


def test_reading_again_counts_nothing_again(exported: Exported, batch: str) -> None:
    """Tokens were billed once, however often the file is downloaded."""
    client = wire.client(*downloads(batch), *downloads(batch))
    read(client, batch)
    read(client, batch)
    check_counted(exported, 2)
    again = exported.events()[3]
    assert (again["claude.batch.requests"], again["claude.batch.succeeded"]) == (4, 2)
    assert "gen_ai.usage.input_tokens" not in again


def test_reading_further_counts_the_rest(exported: Exported, batch: str) -> None:
    """What was counted before is not counted again, and what was not read then is."""
    client = wire.client(*downloads(batch), *downloads(batch))
    decoder = client.messages.batches.results(batch)
    next(decoder)
    decoder.close()
    check_counted(exported, 1)
    read(client, batch)
    check_counted(exported, 2)
    outcomes = [e["claude.outcome"] for e in exported.events() if e["gen_ai.operation.name"] == "batch_results"]
    assert outcomes == ["closed_early", "completed"]


def test_another_batch_is_counted_for_itself(exported: Exported, batch: str) -> None:
    """Also where its results look the same."""
    other = f"{batch}_other"
    client = wire.client(*downloads(batch), *downloads(other))
    read(client, batch)
    read(client, other)
    check_counted(exported, 4)


def test_a_download_that_breaks_counts_what_was_read(exported: Exported, batch: str) -> None:
    """And goes on from there the next time."""
    lines: list[wire.Step] = [f"{json.dumps(row)}\n".encode() for row in ROWS[:2]]
    broken = wire.Answer(steps=[*lines, wire.http.ReadError("reset")])
    client = wire.client(wire.Answer(described(batch)), broken, *downloads(batch))
    with pytest.raises(wire.http.ReadError):
        read(client, batch)
    check_counted(exported, 1)
    read(client, batch)
    check_counted(exported, 2)


def test_models_of_a_batch_are_booked_apart(exported: Exported, batch: str) -> None:
    """A batch may ask several; one without a price leaves the call without a cost, and the others with theirs."""
    rows = [succeeded(1), succeeded(2, model="claude-sonnet-5-5"), succeeded(3, model="claude-unheard-of")]
    read(wire.client(*downloads(batch, *rows)), batch)
    assert exported.value(TOKENS, gen_ai__response__model="claude-sonnet-5-5") == 130
    assert exported.value("claude.cost", gen_ai__response__model="claude-opus-5-5") == pytest.approx(HALF)
    assert exported.value("claude.unpriced_calls", gen_ai__response__model="claude-unheard-of") == 1
    assert exported.events()[1]["claude.unpriced"] is True


def test_creating_a_batch_says_how_many_requests(exported: Exported, batch: str) -> None:
    """And the id that the API gave it; no tokens are used yet."""
    requests = [{"custom_id": f"r{number}", "params": ASK} for number in range(3)]
    wire.client(wire.Answer(described(batch))).messages.batches.create(requests=requests)
    told = {
        "gen_ai.operation.name": "create_batch",
        "claude.sdk.method": "batches.create",
        "claude.batch.id": batch,
        "claude.batch.requests": 3,
        "claude.outcome": "completed",
    }
    span = exported.span()
    assert {name: span.get(name) for name in told} == told
    assert exported.points(TOKENS) == []


def test_retrieving_a_batch_is_recorded_as_that(exported: Exported, batch: str) -> None:
    """A program that polls shows how often."""
    client = wire.client(*[wire.Answer(described(batch))] * 3)
    for _ in range(3):
        client.messages.batches.retrieve(batch)
    assert exported.value("claude.calls", gen_ai__operation__name="retrieve_batch") == 3
    assert [span.name for span in exported.spans] == ["retrieve_batch"] * 3


def test_listing_and_cancelling_are_not_recorded(exported: Exported, batch: str) -> None:
    """They say nothing of what was asked or answered."""
    page = {"data": [], "has_more": False, "first_id": None, "last_id": None}
    client = wire.client(wire.Answer(page), wire.Answer(described(batch)))
    client.messages.batches.list()
    client.messages.batches.cancel(batch)
    assert exported.points("claude.calls") == []
