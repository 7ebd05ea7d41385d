"""The HTTP requests of a call: how many, what each ended with, and what was slept in between."""

from __future__ import annotations

import anthropic
import pytest

import wire
from conftest import Exported
from wire import ASK, error


def test_every_attempt_of_a_call_is_told(exported: Exported) -> None:
    """A call that got through after two failures is one call with three attempts."""
    script = (
        error(429, "rate_limit_error", retry_ms=20),
        wire.http.ConnectError("refused"),
    )
    wire.client(*script).messages.create(**ASK)
    span = exported.span()
    assert span["claude.attempts"] == 3
    assert span["claude.attempt.statuses"] == ("429", "connection_error", "200")
    assert span["http.request.resend_count"] == 2
    assert span["http.response.status_code"] == 200
    assert span["claude.outcome"] == "completed"
    assert "error.type" not in span
    assert "claude.blame" not in span


def test_attempts_are_counted_by_status_and_blame(exported: Exported) -> None:
    """Each attempt is counted with what it ended with, and the call with the fact that it was retried."""
    script = (error(529, "overloaded_error"), wire.http.ReadTimeout("slow"))
    wire.client(*script).messages.create(**ASK)
    counted = {
        (point.attributes["http.response.status_code"], point.attributes["claude.blame"]): point.value
        for point in exported.points("claude.attempts")
    }
    assert counted == {("529", "provider"): 1, ("none", "timeout"): 1, ("200", "none"): 1}
    assert exported.value("claude.calls", claude__retried=True) == 1
    assert exported.value("claude.calls", claude__retried=False) == 0


def test_back_off_is_the_time_between_attempts(exported: Exported) -> None:
    """What was slept after each failure is counted under what that failure was."""
    wire.client(error(429, "rate_limit_error", retry_ms=50)).messages.create(**ASK)
    slept = exported.value("claude.backoff", http__response__status_code="429", claude__blame="quota")
    assert 0.045 < slept < 1
    assert exported.span()["claude.backoff"] == pytest.approx(slept)
    assert exported.events()[0]["claude.backoff"] == pytest.approx(slept)


def test_a_call_with_one_attempt_has_no_back_off(exported: Exported) -> None:
    """Nothing was slept, and nothing resent."""
    wire.client().messages.create(**ASK)
    span = exported.span()
    assert "claude.backoff" not in span
    assert "http.request.resend_count" not in span
    assert exported.points("claude.backoff") == []


@pytest.mark.parametrize("streams", [False, True])
def test_a_call_whose_retries_are_spent_fails_with_the_last(exported: Exported, streams: bool) -> None:
    """The outcome is that of the last attempt; the ones before it are told all the same."""
    script = (error(500), error(503), error(529, "overloaded_error"))
    with pytest.raises(anthropic.APIStatusError):
        wire.client(*script, max_retries=2).messages.create(**ASK, stream=streams)
    span = exported.span()
    assert span["claude.attempt.statuses"] == ("500", "503", "529")
    assert (span["error.type"], span["claude.blame"]) == ("overloaded_error", "provider")
    assert exported.value("claude.calls") == 1
    assert exported.value("claude.attempts") == 3


@pytest.mark.parametrize("streams", [False, True])
def test_the_last_attempt_of_a_spend_limit_is_the_budgets(exported: Exported, streams: bool) -> None:
    """The attempt has the blame of its body also where a stream was asked for, and the body is read after it."""
    spent = error(429, "rate_limit_error", code="enforced_spend_limit_reached", retry_ms=None)
    with pytest.raises(anthropic.APIStatusError):
        wire.client(spent, max_retries=0).messages.create(**ASK, stream=streams)
    assert exported.value("claude.attempts", claude__blame="budget") == exported.value("claude.attempts") == 1


def test_a_streamed_call_is_retried_before_it_streams(exported: Exported) -> None:
    """The back-off is part of the time to the first chunk: the user waited for it."""
    with wire.client(error(529, "overloaded_error", retry_ms=60)).messages.stream(**ASK) as events:
        events.until_done()
    span = exported.span()
    assert span["claude.attempt.statuses"] == ("529", "200")
    assert span["gen_ai.response.time_to_first_chunk"] > span["claude.backoff"] > 0.05


def test_the_request_id_is_that_of_the_last_attempt(exported: Exported) -> None:
    """Support wants the request that answered."""
    first = error(529, "overloaded_error", **{"request-id": "req_first"})
    wire.client(first).messages.create(**ASK)
    assert exported.span()["anthropic.request.id"] == "req_1"


def test_a_failed_call_has_the_request_id_of_its_error(exported: Exported) -> None:
    """An error has a request id to send to support."""
    with pytest.raises(anthropic.APIStatusError):
        wire.client(error(500, **{"request-id": "req_bad"}), max_retries=0).messages.create(**ASK)
    assert exported.span()["anthropic.request.id"] == "req_bad"
    assert exported.events("claude.error")[0]["anthropic.request.id"] == "req_bad"


def test_rate_limits_are_read_from_the_headers(exported: Exported) -> None:
    """The gauges have every limit, the span the scarcest."""
    wire.client(wire.Answer(wire.MESSAGE, headers=wire.LIMITS)).messages.create(**ASK)
    span = exported.span()
    assert (span["claude.rate_limit.type"], span["claude.rate_limit.headroom"]) == ("input-tokens", 0.25)
    assert exported.value("claude.rate_limit.remaining", claude__rate_limit__type="requests") == 40
    assert exported.value("claude.rate_limit.limit", claude__rate_limit__type="requests") == 50
    assert exported.value("claude.rate_limit.remaining", claude__rate_limit__type="input-tokens") == 25000
    assert exported.value("claude.rate_limit.limit", claude__rate_limit__type="input-tokens") == 100000


def test_rate_limits_of_an_error_are_read_too(exported: Exported) -> None:
    """A 429 says which limit is used up."""
    used_up = {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "0"}
    with pytest.raises(anthropic.RateLimitError):
        wire.client(error(429, "rate_limit_error", **used_up), max_retries=0).messages.create(**ASK)
    assert exported.value("claude.rate_limit.remaining", claude__rate_limit__type="requests") == 0
    assert exported.span()["claude.rate_limit.headroom"] == 0


def test_priority_and_fast_limits_keep_their_names(exported: Exported) -> None:
    """The limits of the priority tier and of fast mode are told apart from the ordinary ones."""
    headers = {
        "anthropic-priority-input-tokens-limit": "10",
        "anthropic-priority-input-tokens-remaining": "9",
        "anthropic-fast-output-tokens-remaining": "8",
        "anthropic-ratelimit-tokens-remaining": "many",
    }
    wire.client(wire.Answer(wire.MESSAGE, headers=headers)).messages.create(**ASK)
    kinds = {p.attributes["claude.rate_limit.type"]: p.value for p in exported.points("claude.rate_limit.remaining")}
    assert kinds == {"priority-input-tokens": 9, "fast-output-tokens": 8}


def test_the_timeout_and_the_retries_in_force_are_told(exported: Exported) -> None:
    """The call's own options go before the client's."""
    client = wire.client(max_retries=7, timeout=wire.http.Timeout(9.0, read=5.0))
    client.messages.create(**ASK)
    client.messages.create(**ASK, timeout=2.5)
    client.with_options(timeout=None).messages.create(**ASK)
    told = [(event.get("claude.request.timeout"), event["claude.request.max_retries"]) for event in exported.events()]
    assert told == [(5.0, 7), (2.5, 7), (None, 7)]


# Fallbacks that the SDK's middleware sends.

REFUSED = wire.message(
    model="claude-opus-5-5",
    stop_reason="refusal",
    content=[],
    usage={"output_tokens": 0, "input_tokens": 11, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
    stop_details={"type": "refusal", "category": "cyber", "explanation": None},
)
SERVED = wire.message(
    model="claude-sonnet-5-5",
    usage={"output_tokens": 5, "input_tokens": 11, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
)


def fallback() -> object:
    """The SDK's middleware, with one model to fall back to."""
    middleware = pytest.importorskip("anthropic.lib.middleware")
    return middleware.BetaRefusalFallbackMiddleware([{"model": "claude-sonnet-5-5"}])


def check_fallback(exported: Exported) -> None:
    """Checks that both answers were counted on their own models, once, and that the refusal was not billed."""
    (event,) = exported.events()
    assert event["claude.outcome"] == "completed"
    assert event["gen_ai.response.model"] == "claude-sonnet-5-5"
    assert event["claude.attempt.statuses"] == ("200", "200")
    assert event["gen_ai.usage.input_tokens"] == 22
    assert event["gen_ai.usage.output_tokens"] == 5
    # Sonnet 5.5: 2 USD for a million input tokens, 10 output.
    assert event["gen_ai.usage.cost"] == pytest.approx(11 * 2e-6 + 5 * 10e-6)
    tokens = "gen_ai.client.inference.usage.input_tokens"
    assert exported.value(tokens, gen_ai__response__model="claude-opus-5-5") == 11
    assert exported.value(tokens, gen_ai__response__model="claude-sonnet-5-5") == 11
    assert exported.value("claude.calls") == 1
    assert len(exported.spans) == 1


def refused_events() -> list[dict[str, object]]:
    """A stream that is refused before any output."""
    opened = {**REFUSED, "stop_reason": None, "usage": {**REFUSED["usage"], "output_tokens": 0}}
    ended = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": REFUSED["stop_details"]}
    return [
        {"type": "message_start", "message": opened},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 0, "input_tokens": 11}},
        wire.STOP,
    ]


def served_events() -> list[dict[str, object]]:
    """The stream of the model that serves in its place."""
    opened = {**SERVED, "content": [], "stop_reason": None, "usage": {**SERVED["usage"], "output_tokens": 1}}
    usage = {"output_tokens": 5, "input_tokens": 11, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    return [
        {"type": "message_start", "message": opened},
        *wire.text("hello"),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        wire.STOP,
    ]


def test_a_fallback_of_the_middleware_is_one_call_with_two_bills(exported: Exported) -> None:
    """The refused answer and the one that served are both counted, once."""
    client = wire.client(wire.Answer(REFUSED), wire.Answer(SERVED), middleware=[fallback()])
    assert client.beta.messages.create(**ASK).model == "claude-sonnet-5-5"
    check_fallback(exported)


def test_a_fallback_inside_a_stream_is_one_call_with_two_bills(exported: Exported) -> None:
    """The middleware sends the second request while the application reads the first answer."""
    script = wire.stream(*refused_events()), wire.stream(*served_events())
    events = wire.client(*script, middleware=[fallback()]).beta.messages.create(**ASK, stream=True)
    assert [event.type for event in events][-1] == "message_stop"
    check_fallback(exported)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_async_fallback_is_one_call_with_two_bills(exported: Exported) -> None:
    """The async middleware is recorded as the sync one is."""
    client = wire.async_client(wire.Answer(REFUSED), wire.Answer(SERVED), middleware=[fallback()])
    assert (await client.beta.messages.create(**ASK)).model == "claude-sonnet-5-5"
    check_fallback(exported)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_async_fallback_inside_a_stream_is_one_call_with_two_bills(exported: Exported) -> None:
    """The async stream is spliced as the sync one is."""
    script = wire.stream(*refused_events()), wire.stream(*served_events())
    events = await wire.async_client(*script, middleware=[fallback()]).beta.messages.create(**ASK, stream=True)
    assert [event.type async for event in events][-1] == "message_stop"
    check_fallback(exported)
