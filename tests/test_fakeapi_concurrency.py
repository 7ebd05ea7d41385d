"""Many calls at once: every one of them is served and is in the journal once."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import pytest

from claude_otel.fakeapi import FakeAPI
from fakeapi_clients import HELLO, async_client, client, user

FAULTS = [None, "overloaded; times=1", "rate_limit; times=1", "overloaded_event", "cut_before_message_stop", "refusal"]


def headers(number: int) -> dict[str, str]:
    """The faults take turns."""
    fault = FAULTS[number % len(FAULTS)]
    return {"x-fake-fault": fault} if fault else {}


async def stream(shared: Any, number: int) -> str:
    """How one streamed call ends."""
    try:
        events = await shared.messages.create(**user(f"Call {number}"), stream=True, extra_headers=headers(number))
        return [event.type async for event in events][-1]
    except anthropic.APIStatusError as error:
        return str(error.type)


def test_two_hundred_async_streams() -> None:
    """All of them at once, faults mixed in."""

    async def run(api: FakeAPI) -> list[str]:
        async with async_client(api) as shared:
            return await asyncio.gather(*(stream(shared, number) for number in range(200)))

    with FakeAPI() as api:
        ends = Counter(asyncio.run(run(api)))
        journal = api.journal
    assert ends == {"message_stop": 134, "overloaded_error": 33, "message_delta": 33}
    assert journal.statuses() == {200: 200, 529: 34, 429: 33}
    assert len({entry.request_id for entry in journal.entries}) == 267
    assert (len(journal.completed), len(journal.first_attempts)) == (134, 200)


def test_thirty_two_threads() -> None:
    """One client for all of them."""
    with FakeAPI() as api, client(api) as shared, ThreadPoolExecutor(32) as pool:
        messages = list(pool.map(lambda number: shared.messages.create(**user(f"Call {number}")), range(128)))
        assert {message._request_id for message in messages} == set(api.journal.request_ids)
        assert api.journal.usage_totals()["output"] == sum(message.usage.output_tokens for message in messages)


def test_two_servers_at_once() -> None:
    """Each has a port, a journal and a script of its own; a tag keeps their ids apart."""
    with FakeAPI(tag="one") as first, FakeAPI(tag="two") as second:
        second.fault("api_error")
        client(first).messages.create(**HELLO)
        with pytest.raises(anthropic.InternalServerError):
            client(second, max_retries=0).messages.create(**HELLO)
        ids = [first.journal.entries[0].request_id, second.journal.entries[0].request_id]
    assert ids == ["req_01one000000000001", "req_01two000000000001"]
