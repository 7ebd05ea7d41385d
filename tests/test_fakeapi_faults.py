"""Faults of the fake API: what an SDK client sees of each, and what the journal tells."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx2
import pytest

from claude_otel.fakeapi import FAULTS, Entry, FakeAPI
from fakeapi_clients import HELLO, async_client, client, finished

STATUSES: dict[str, tuple[int, str, str | None]] = {
    "invalid_request": (400, "invalid_request_error", None),
    "spend_limit": (400, "invalid_request_error", None),
    "workspace_spend_limit": (400, "invalid_request_error", None),
    "authentication_error": (401, "authentication_error", None),
    "billing_error": (402, "billing_error", None),
    "permission_error": (403, "permission_error", None),
    "retired_model": (404, "not_found_error", None),
    "request_timeout": (408, "timeout_error", None),
    "conflict": (409, "conflict_error", None),
    "request_too_large": (413, "request_too_large", None),
    "unprocessable": (422, "invalid_request_error", None),
    "rate_limit": (429, "rate_limit_error", None),
    "ramp_limit": (429, "rate_limit_error", "ramp_limit_exceeded"),
    "enforced_spend_limit": (429, "rate_limit_error", "enforced_spend_limit_reached"),
    "contract_spend_limit": (429, "rate_limit_error", "contract_spend_limit_reached"),
    "api_error": (500, "api_error", None),
    "service_unavailable": (503, "api_error", None),
    "gateway_timeout": (504, "timeout_error", None),
    "overloaded": (529, "overloaded_error", None),
}
HOLDS = {"seconds": 600}
"""A pause that only ends when the client leaves."""


@pytest.fixture(scope="module")
def api() -> Iterator[FakeAPI]:
    """A fake API whose faults are asked for by header."""
    with FakeAPI() as served:
        yield served


@pytest.fixture
def held() -> Iterator[FakeAPI]:
    """A fake API with a script of the test's own."""
    with FakeAPI() as served:
        yield served


def create(api: FakeAPI, fault: str, retries: int = 0, **fields: Any) -> Any:
    """A call that meets the fault."""
    return client(api, max_retries=retries).messages.create(**HELLO, extra_headers={"x-fake-fault": fault}, **fields)


def events(api: FakeAPI, fault: str) -> list[Any]:
    """The events of a streamed call that meets the fault."""
    with create(api, fault, stream=True) as stream:
        return list(stream)


def last(api: FakeAPI) -> Entry:
    """The newest entry of the journal."""
    return api.journal.messages[-1]


def test_every_error_fault_is_listed_here() -> None:
    """The table of this file is the table of the fake."""
    assert set(STATUSES) == {name for name, fault in FAULTS.items() if fault.kind == "error"}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("name", STATUSES)
def test_an_error_status(api: FakeAPI, name: str, stream: bool) -> None:
    """The SDK raises the error of that status, type and code, and the journal names all of it."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        create(api, name, stream=stream)
    error = caught.value
    assert (error.status_code, error.type, error.error_code) == STATUSES[name]
    entry = last(api)
    assert (entry.status, entry.error_type, entry.error_code) == STATUSES[name]
    assert (entry.fault, entry.request_id, entry.bill) == (name, error.request_id, [])


def test_the_spend_limits_read_as_the_api_writes_them(api: FakeAPI) -> None:
    """A spend limit of the customer's is told only by its message."""
    with pytest.raises(anthropic.BadRequestError, match="You have reached your specified API usage limits"):
        create(api, "spend_limit")
    with pytest.raises(anthropic.BadRequestError, match="You have reached your specified workspace API usage limits"):
        create(api, "workspace_spend_limit")


@pytest.mark.parametrize(
    ("name", "header"),
    [("rate_limit", True), ("ramp_limit", True), ("enforced_spend_limit", False), ("contract_spend_limit", False)],
)
def test_which_429_says_when_to_come_back(api: FakeAPI, name: str, header: bool) -> None:
    """A spend limit has no retry-after: waiting does not help."""
    with pytest.raises(anthropic.RateLimitError) as caught:
        create(api, name)
    assert ("retry-after" in caught.value.response.headers) is header


def test_retry_after_as_wanted(api: FakeAPI) -> None:
    """The seconds or milliseconds to wait can be set."""
    with pytest.raises(anthropic.RateLimitError) as caught:
        create(api, "rate_limit; retry_after=7")
    assert caught.value.response.headers["retry-after"] == "7"
    with pytest.raises(anthropic.RateLimitError) as caught:
        create(api, "rate_limit; retry_after_ms=1500")
    assert (caught.value.response.headers["retry-after"], caught.value.response.headers["retry-after-ms"]) == (
        "2",
        "1500",
    )


@pytest.mark.parametrize("name", ["overloaded", "api_error", "rate_limit", "conflict", "connection_reset"])
def test_a_retry_recovers(api: FakeAPI, name: str) -> None:
    """A fault of one attempt is over in the next."""
    message = create(api, f"{name}; times=1", retries=1)
    assert message.stop_reason == "end_turn"
    first, second = api.journal.messages[-2:]
    assert (first.fault, first.retry_count, second.fault, second.retry_count) == (name, 0, None, 1)


def test_an_unknown_fault_is_refused(api: FakeAPI) -> None:
    """A misspelled name says what the names are."""
    with pytest.raises(anthropic.BadRequestError, match="unknown fault 'overlaoded'; expected one of invalid_request"):
        create(api, "overlaoded")


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_connection_reset(api: FakeAPI, stream: bool) -> None:
    """Nothing is answered at all."""
    with pytest.raises(anthropic.APIConnectionError):
        create(api, "connection_reset", stream=stream)
    assert (last(api).status, last(api).fault) == (None, "connection_reset")


def test_an_overload_in_mid_stream(api: FakeAPI) -> None:
    """The status was 200; the error comes as an event, and the request is free."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        events(api, "overloaded_event")
    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")
    entry = last(api)
    assert (entry.status, entry.error_type, entry.message_delta_sent, entry.bill) == (
        200,
        "overloaded_error",
        False,
        [],
    )
    assert (entry.usage or {})["output_tokens"] == 1


def test_an_api_error_in_mid_stream(api: FakeAPI) -> None:
    """So does any other error."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        events(api, "api_error_event")
    assert (caught.value.status_code, caught.value.type) == (200, "api_error")


def test_an_error_event_for_a_call_that_is_not_streamed(api: FakeAPI) -> None:
    """Without a stream it is an error status."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        create(api, "overloaded_event")
    assert caught.value.status_code == 529


@pytest.mark.parametrize(
    ("name", "types", "told", "output"),
    [
        ("cut_mid_stream", ["message_start", "content_block_start", "content_block_delta"], False, 4),
        ("cut_before_message_delta", [], False, 13),
        ("cut_before_message_stop", [], True, 13),
    ],
)
def test_a_stream_that_is_cut(api: FakeAPI, name: str, types: list[str], told: bool, output: int) -> None:
    """The SDK reads a stream that just ends. What was said until then is billed."""
    got = [event.type for event in events(api, name)]
    assert got[: len(types)] == types
    assert ("message_delta" in got, "message_stop" in got) == (told, False)
    entry = last(api)
    assert (entry.status, entry.message_delta_sent, entry.message_stop_sent, entry.complete) == (
        200,
        told,
        False,
        False,
    )
    assert entry.bill[0]["output_tokens"] == output


def test_a_cut_before_the_second_run(api: FakeAPI) -> None:
    """A stream that is cut while the first of two runs speaks is billed for that run alone."""
    search = {"type": "web_search_20250305", "name": "web_search"}
    with create(api, "cut_mid_stream; after_events=4", stream=True, tools=[search]) as stream:
        assert len(list(stream)) == 3
    assert [(row["input_tokens"], row["output_tokens"]) for row in last(api).bill] == [(15, 0)]


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_connection_that_breaks(api: FakeAPI, stream: bool) -> None:
    """The transport fails in the middle of the answer."""
    with pytest.raises((httpx2.TransportError, anthropic.APIConnectionError)):
        list(create(api, "connection_lost", stream=stream))
    assert (last(api).status, last(api).complete) == (200, False)


def test_a_malformed_event(api: FakeAPI) -> None:
    """An event that is not JSON."""
    with pytest.raises(json.JSONDecodeError):
        events(api, "malformed_event")


@pytest.mark.parametrize("name", ["malformed_json", "empty_body"])
def test_a_body_that_is_not_json(api: FakeAPI, name: str) -> None:
    """A 200 whose body is half a message, or nothing."""
    with pytest.raises((json.JSONDecodeError, anthropic.APIResponseValidationError)):
        client(api, max_retries=0, _strict_response_validation=True).messages.create(
            **HELLO, extra_headers={"x-fake-fault": name}
        )
    assert (last(api).status, last(api).complete) == (200, False)


def test_a_page_of_html(api: FakeAPI) -> None:
    """A 200 that is not JSON at all is given back as text."""
    assert "Bad Gateway" in str(create(api, "wrong_content_type"))
    with pytest.raises(anthropic.InternalServerError) as caught:
        create(api, "bad_gateway")
    assert (caught.value.status_code, caught.value.type) == (502, None)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_refusal_on_demand(api: FakeAPI, stream: bool) -> None:
    """Any model declines, before any output or after some."""
    answer: Callable[[str], Any] = lambda name: create(api, name, stream=stream)  # noqa: E731
    answer("refusal") if not stream else list(answer("refusal"))
    assert (last(api).stop_reason, last(api).bill) == ("refusal", [])
    answer("refusal_mid_output") if not stream else list(answer("refusal_mid_output"))
    assert (last(api).stop_reason, last(api).bill[0]["output_tokens"]) == ("refusal", 3)


def test_a_slow_first_token_times_out(api: FakeAPI) -> None:
    """The client gives up before the answer begins, and the journal sees it leave."""
    with pytest.raises(anthropic.APITimeoutError):
        create(api, "slow_first_token; seconds=600", timeout=0.2)
    api.journal.wait(lambda journal: journal.messages[-1].finished)
    entry = last(api)
    assert (entry.status, entry.client_closed, entry.complete, entry.usage) == (None, True, False, None)


def test_a_client_that_leaves_a_stalled_stream(held: FakeAPI) -> None:
    """A stream that is closed in mid answer is billed for what was said, and its usage was never final."""
    held.fault("stall", **HOLDS)
    with client(held).messages.create(**HELLO, stream=True) as stream:
        assert [next(stream).type for _ in range(3)] == ["message_start", "content_block_start", "content_block_delta"]
    held.journal.wait(lambda journal: journal.messages[-1].finished)
    entry = last(held)
    assert (entry.client_closed, entry.message_delta_sent, entry.bill[0]["output_tokens"]) == (True, False, 4)


def test_closing_the_server_ends_a_stall() -> None:
    """A server that stops leaves no request hanging."""
    with FakeAPI() as api:
        api.fault("stall", **HOLDS)
        stream = client(api).messages.create(**HELLO, stream=True)
        assert next(stream).type == "message_start"
    assert last(api).client_closed


@pytest.mark.parametrize("fault", ["connection_reset", "connection_lost", "cut_mid_stream", "stall; seconds=600"])
def test_the_server_says_nothing_of_what_it_was_told_to_do(caplog: pytest.LogCaptureFixture, fault: str) -> None:
    """No fault leaves a complaint in the logs of the process."""
    with FakeAPI() as api, contextlib.suppress(anthropic.APIConnectionError, httpx2.TransportError):
        stream = create(api, fault, stream=True)
        next(stream)
        if not fault.startswith("stall"):
            list(stream)
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


def test_a_short_stall_is_only_a_pause(held: FakeAPI) -> None:
    """After the pause the stream goes on."""
    held.fault("stall", seconds=0.01)
    with client(held).messages.stream(**HELLO) as stream:
        assert stream.get_final_message().usage.output_tokens == 13
    assert last(held).complete


def test_the_async_client_meets_faults_too(api: FakeAPI) -> None:
    """Nothing of this depends on the kind of client."""
    with pytest.raises(anthropic.OverloadedError):
        finished(
            async_client(api, max_retries=0).messages.create(**HELLO, extra_headers={"x-fake-fault": "overloaded"})
        )


def test_faults_of_other_endpoints(api: FakeAPI) -> None:
    """Token counts and batches fail by header as well."""
    headers = {"x-fake-fault": "overloaded"}
    failing = client(api, max_retries=0)
    fields = {"model": HELLO["model"], "messages": HELLO["messages"]}
    with pytest.raises(anthropic.OverloadedError):
        failing.messages.count_tokens(**fields, extra_headers=headers)
    with pytest.raises(anthropic.OverloadedError):
        failing.messages.batches.list(extra_headers=headers)
    assert [entry.fault for entry in api.journal.entries[-2:]] == ["overloaded", "overloaded"]
