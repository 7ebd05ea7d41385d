"""Message batches of the fake API: the seeded one, and those that clients make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from claude_otel.fakeapi import SEEDED_BATCH_ID, FakeAPI, ManualClock
from fakeapi_clients import HELLO, async_client, client


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    """A fake API whose batches take a minute."""
    with FakeAPI(clock=ManualClock(), batch_delay=60) as served:
        yield served


@pytest.fixture
def quick() -> Iterator[FakeAPI]:
    """A fake API whose batches end at once."""
    with FakeAPI() as served:
        yield served


def item(name: str, **params: Any) -> Any:
    """One request of a batch."""
    return {"custom_id": name, "params": {**HELLO, **params}}


def advance(api: FakeAPI, seconds: float) -> None:
    """Move the time of the fake API."""
    clock = api.api.clock
    assert isinstance(clock, ManualClock)
    clock.advance(seconds)


def test_the_seeded_batch(quick: FakeAPI) -> None:
    """It has ended, and its results are there to be read."""
    batches = client(quick).messages.batches
    batch = batches.retrieve(SEEDED_BATCH_ID)
    assert (batch.id, batch.processing_status) == ("msgbatch_seeded", "ended")
    counts = {"processing": 0, "succeeded": 4, "errored": 1, "canceled": 1, "expired": 1}
    assert batch.request_counts.to_dict() == counts
    rows = [(row.custom_id, row.result.type) for row in batches.results(SEEDED_BATCH_ID)]
    assert rows == [
        ("summary-1", "succeeded"),
        ("summary-2", "succeeded"),
        ("label-1", "succeeded"),
        ("label-2", "succeeded"),
        ("label-3", "errored"),
        ("label-4", "expired"),
        ("label-5", "canceled"),
    ]


def test_the_tokens_of_the_seeded_batch(quick: FakeAPI) -> None:
    """Two models, with reads and writes of both kinds, at the batch tier; the journal has the same rows."""
    rows = client(quick).messages.batches.results(SEEDED_BATCH_ID)
    usages = [(row.result.message.model, row.result.message.usage) for row in rows if row.result.type == "succeeded"]
    assert [
        (
            model,
            usage.input_tokens,
            usage.cache_read_input_tokens,
            usage.cache_creation.ephemeral_5m_input_tokens,
            usage.cache_creation.ephemeral_1h_input_tokens,
            usage.output_tokens,
            usage.service_tier,
        )
        for model, usage in usages
    ] == [
        ("claude-opus-5-5", 1_200, 0, 0, 4_000, 350, "batch"),
        ("claude-opus-5-5", 800, 4_000, 0, 0, 275, "batch"),
        ("claude-haiku-5-5", 640, 0, 2_048, 0, 12, "batch"),
        ("claude-haiku-5-5", 655, 2_048, 0, 0, 9, "batch"),
    ]
    (entry,) = quick.journal.of("batch_results")
    assert (entry.batch_id, entry.complete) == (SEEDED_BATCH_ID, True)
    assert [row["usage"] for row in entry.batch_rows if "usage" in row] == [usage.to_dict() for _, usage in usages]


def test_a_batch_of_a_client(quick: FakeAPI) -> None:
    """It ends at once; a request that is not well formed is an errored row, and a scripted fault another."""
    quick.fault("overloaded", path="/v1/messages/batches", text="claude-opus-5")
    batches = client(quick).messages.batches
    requests = [item("good"), item("bad", messages=[]), item("unlucky", model="claude-opus-5")]
    batch = batches.create(requests=requests)
    assert (batch.processing_status, batch.request_counts.succeeded, batch.request_counts.errored) == ("ended", 1, 2)
    good, bad, unlucky = batches.results(batch.id)
    assert (good.result.message.usage.service_tier, good.result.message.usage.output_tokens) == ("batch", 13)
    assert bad.result.error.error.message == "messages: at least one message is required"
    assert unlucky.result.error.error.type == "overloaded_error"


async def read_async(api: FakeAPI) -> list[str]:
    """The ids of the rows that the async client reads."""
    async with async_client(api) as reader:
        return [row.custom_id async for row in await reader.messages.batches.results(SEEDED_BATCH_ID)]


def test_the_async_client_reads_results(quick: FakeAPI) -> None:
    """As the sync one does."""
    import asyncio

    assert len(asyncio.run(read_async(quick))) == 7


def test_a_batch_in_progress(api: FakeAPI) -> None:
    """Until its delay is over there are no results."""
    batches = client(api).messages.batches
    batch = batches.create(requests=[item("one"), item("two")])
    assert (batch.processing_status, batch.request_counts.processing, batch.results_url) == ("in_progress", 2, None)
    with pytest.raises(anthropic.AnthropicError):
        batches.results(batch.id)
    advance(api, 61)
    assert len(list(batches.results(batch.id))) == 2


def test_a_batch_is_canceled_and_deleted(api: FakeAPI) -> None:
    """A canceled batch ends with every request canceled; an ended one can be deleted."""
    batches = client(api).messages.batches
    batch = batches.create(requests=[item("one")])
    with pytest.raises(anthropic.BadRequestError, match="in progress"):
        batches.delete(batch.id)
    assert batches.cancel(batch.id).request_counts.canceled == 1
    assert batches.delete(batch.id).id == batch.id
    with pytest.raises(anthropic.NotFoundError):
        batches.retrieve(batch.id)


def test_the_list_of_batches(quick: FakeAPI) -> None:
    """Newest first, the seeded one last."""
    batches = client(quick).messages.batches
    made = batches.create(requests=[item("one")])
    assert [batch.id for batch in batches.list()] == [made.id, SEEDED_BATCH_ID]


@pytest.mark.parametrize("requests", [[], [item("same"), item("same")]])
def test_a_malformed_batch(quick: FakeAPI, requests: list[Any]) -> None:
    """A batch needs requests, each with an id of its own."""
    with pytest.raises(anthropic.BadRequestError, match="requests: "):
        client(quick).messages.batches.create(requests=requests)
