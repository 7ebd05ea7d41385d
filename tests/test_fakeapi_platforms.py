"""The client of every platform, sync and async, against the fake API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from claude_otel.fakeapi import FakeAPI
from fakeapi_clients import HELLO, PLATFORMS, async_client, client, finished

ANSWER = 'You said "Hello!". This is the short answer to it.'
MODELS = {"bedrock": "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "vertex": "claude-sonnet-4-5@20250929"}
every_platform = pytest.mark.parametrize("platform", PLATFORMS)


@pytest.fixture(scope="module")
def api() -> Iterator[FakeAPI]:
    """A fake API for all of them."""
    with FakeAPI() as served:
        yield served


def fields(platform: str) -> dict[str, Any]:
    """What a call on the platform sends."""
    return {**HELLO, "model": MODELS.get(platform, "claude-sonnet-4-5-20250929")}


@every_platform
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_create(api: FakeAPI, platform: str) -> None:
    """The answer comes as a message, and the journal knows the platform and both names of the model."""
    message = client(api, platform).messages.create(**fields(platform))
    assert message.content[0].text == ANSWER
    entry = api.journal.messages[-1]
    assert (entry.platform, entry.model_requested) == (platform, fields(platform)["model"])
    assert entry.model_served == message.model == "claude-sonnet-4-5-20250929"


@every_platform
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_stream(api: FakeAPI, platform: str) -> None:
    """The answer comes as events: on Bedrock in the framing of AWS."""
    with client(api, platform).messages.create(**fields(platform), stream=True) as stream:
        types = [event.type for event in stream]
    assert types == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 4,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    entry = api.journal.messages[-1]
    assert (entry.platform, entry.stream, entry.complete) == (platform, True, True)


@every_platform
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_beta_messages_of_the_async_client(api: FakeAPI, platform: str) -> None:
    """The other half of each client."""
    message = finished(async_client(api, platform).beta.messages.create(**fields(platform)))
    assert message.content[0].text == ANSWER
    assert api.journal.messages[-1].platform == platform


PATHS = {
    "anthropic": "/v1/messages",
    "bedrock": "/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke",
    "mantle": "/anthropic/v1/messages",
    "vertex": "/v1/projects/project/locations/us-east5/publishers/anthropic/models/"
    "claude-sonnet-4-5@20250929:rawPredict",
    "foundry": "/anthropic/v1/messages",
    "aws": "/v1/messages",
    "google_cloud": "/v1/projects/p/v1/messages",
}


@every_platform
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_journal_keeps_the_path_as_it_was_sent(api: FakeAPI, platform: str) -> None:
    """With what the platform puts before it, and the query."""
    client(api, platform).messages.create(**fields(platform), extra_query={"mark": "planted"})
    assert api.journal.messages[-1].path == f"{PATHS[platform]}?mark=planted"


@pytest.mark.parametrize("platform", ["anthropic", "vertex", "foundry", "aws", "google_cloud"])
def test_count_tokens(api: FakeAPI, platform: str) -> None:
    """Where a platform counts tokens, they are counted."""
    counted = client(api, platform).messages.count_tokens(model="claude-sonnet-5-5", messages=HELLO["messages"])
    assert counted.input_tokens == 2
    assert api.journal.entries[-1].endpoint == "count_tokens"


def test_what_bedrock_and_vertex_do_not_tell(api: FakeAPI) -> None:
    """No rate limits, workspace or service tier; on Bedrock no request id by the usual name either."""
    bedrock = client(api, "bedrock").messages.with_raw_response.create(**fields("bedrock"))
    vertex = client(api, "vertex").messages.with_raw_response.create(**fields("vertex"))
    assert not [name for raw in (bedrock, vertex) for name in raw.headers if name.startswith("anthropic-")]
    assert ("request-id" in bedrock.headers, "request-id" in vertex.headers) == (False, True)
    assert bedrock.headers["x-amzn-requestid"] == api.journal.messages[-2].request_id
    assert bedrock.parse().usage.service_tier is None


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_of_bedrock(api: FakeAPI, stream: bool) -> None:
    """Bedrock's errors have its own body, with the same status."""
    failing = client(api, "bedrock", max_retries=0)
    with pytest.raises(anthropic.RateLimitError) as caught:
        failing.messages.create(**fields("bedrock"), stream=stream, extra_headers={"x-fake-fault": "rate_limit"})
    assert caught.value.response.headers["x-amzn-errortype"] == "ThrottlingException"
    assert caught.value.type is None


def test_an_error_in_a_stream_of_bedrock(api: FakeAPI) -> None:
    """An exception frame ends the stream."""
    stream = client(api, "bedrock").messages.create(
        **fields("bedrock"), stream=True, extra_headers={"x-fake-fault": "overloaded_event"}
    )
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(stream)
    assert (caught.value.status_code, caught.value.type) == (200, "throttlingException")


@pytest.mark.parametrize("fault", ["cut_before_message_delta", "stall; seconds=0.01"])
def test_a_stream_of_bedrock_with_a_fault(api: FakeAPI, fault: str) -> None:
    """The other faults of streams happen there too."""
    headers = {"x-fake-fault": fault}
    stream = client(api, "bedrock").messages.create(**fields("bedrock"), stream=True, extra_headers=headers)
    types = {getattr(event, "type", None) for event in stream}
    assert ("message_stop" in types) == (fault != "cut_before_message_delta")
