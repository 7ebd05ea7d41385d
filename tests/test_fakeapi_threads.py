"""Message threads: the server holds the conversation."""

from __future__ import annotations

import json
from collections.abc import Iterator

import anthropic
import pytest

from claude_otel.fakeapi import FakeAPI
from fakeapi_clients import MODEL, client


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    """A fake API that holds nothing yet."""
    with FakeAPI() as served:
        yield served


def test_a_turn_counts_all_that_was_said_before(api: FakeAPI) -> None:
    """Only the new message is sent; the tokens are those of the whole conversation."""
    thread = client(api).beta.messages.thread(model=MODEL, max_tokens=64, system="Be brief, please.")
    first = thread.send({"role": "user", "content": "Hello!"})
    second = thread.send({"role": "user", "content": "And now?"})
    assert (first.usage.input_tokens, second.usage.input_tokens) == (7, 7 + 13 + 2)
    sent = json.loads(api.journal.messages[-1].body)
    assert sent["thread"] == {"type": "continue", "previous_message_id": first.id}
    assert sent["messages"] == [{"role": "user", "content": "And now?"}]


def test_a_thread_that_is_not_known(api: FakeAPI) -> None:
    """The SDK's error class for it is raised."""
    with pytest.raises(anthropic.NotFoundError) as caught:
        continued(api, "msg_nobody")
    assert caught.value.error_code == "thread_not_found"


def test_a_thread_goes_on_only_once_from_each_answer(api: FakeAPI) -> None:
    """A second continuation of the same answer is refused."""
    hello = [{"role": "user", "content": "Hello!"}]
    first = client(api).beta.messages.create(model=MODEL, max_tokens=64, messages=hello, thread={"type": "create"})
    continued(api, first.id)
    with pytest.raises(anthropic.BadRequestError) as caught:
        continued(api, first.id)
    assert caught.value.error_code == "thread_already_continued"


def continued(api: FakeAPI, message_id: str) -> object:
    """The next turn after a message."""
    return client(api).beta.messages.create(
        model=MODEL,
        max_tokens=64,
        messages=[{"role": "user", "content": "And now?"}],
        thread={"type": "continue", "previous_message_id": message_id},
    )


def test_a_lost_thread_is_replayed_by_the_sdk(api: FakeAPI) -> None:
    """The SDK recovers by sending the whole history: two requests for one turn."""
    thread = client(api).beta.messages.thread(model=MODEL, max_tokens=64)
    first = thread.send({"role": "user", "content": "Hello!"})
    continued(api, first.id)
    assert thread.send({"role": "user", "content": "Still there?"}).stop_reason == "end_turn"
    assert [entry.error_code for entry in api.journal.messages[-2:]] == ["thread_already_continued", None]
