"""Every way into the SDK, of every client, is one call: one span with its tokens, one event, one count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from anthropic import types
from anthropic.lib.bedrock._beta_messages import Messages as BedrockMessages
from anthropic.resources.beta.messages import Batches as BetaBatches
from anthropic.resources.beta.messages import Messages as BetaMessages
from anthropic.resources.messages import Batches, Messages

import claude_otel
import ways
import wire
from claude_otel.blame import ERROR_TYPES
from claude_otel.bookkeeping import STOP_REASONS
from conftest import Exported

TOKENS = {
    "gen_ai.usage.input_tokens": 130,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.cache_read.input_tokens": 100,
    "gen_ai.usage.cache_write.input_tokens": 20,
    "gen_ai.usage.reasoning.output_tokens": 2,
}


def picked(attributes: dict[str, Any], names: Any) -> dict[str, Any]:
    """Those of `attributes` that have these names."""
    return {name: attributes.get(name) for name in names}


def check(exported: Exported, **expected: Any) -> None:
    """Checks that there was exactly one call, that its tokens are whole, and that it is like `expected`."""
    told = {name.replace("__", "."): value for name, value in expected.items()}
    wanted = {**TOKENS, "claude.outcome": "completed", "anthropic.message.stop_reason": "end_turn", **told}
    assert picked(exported.span(), wanted) == wanted
    (event,) = exported.events()
    assert picked(event, wanted) == wanted
    assert exported.value("claude.calls") == 1
    assert exported.value("claude.active_calls") == 0
    assert exported.value("gen_ai.client.inference.duration") == 1
    assert exported.value("gen_ai.client.inference.usage.input_tokens") == 130
    assert exported.value("gen_ai.client.inference.usage.output_tokens") == 7
    assert exported.value("gen_ai.client.inference.usage.cache_read.input_tokens") == 100
    assert exported.value("gen_ai.client.inference.usage.cache_write.input_tokens", claude__cache__ttl="5m") == 20


@pytest.mark.parametrize("way", ways.METHODS)
def test_every_way_of_a_sync_client_is_one_call(exported: Exported, way: str) -> None:
    """A call is recorded once with all its tokens, and the application gets its text, whichever method it uses."""
    assert ways.SYNC[way](wire.client()) == "hello"
    check(exported, claude__sdk__method=ways.METHODS[way], gen_ai__request__stream=way in ways.STREAMED or None)


@pytest.mark.parametrize("way", ways.METHODS)
def test_every_way_of_an_async_client_is_one_call(exported: Exported, way: str) -> None:
    """The async twin of a method is recorded as the method is."""
    assert asyncio.run(ways.ASYNC[way](wire.async_client())) == "hello"
    check(exported, claude__sdk__method=ways.METHODS[way], gen_ai__request__stream=way in ways.STREAMED or None)


@pytest.mark.parametrize("way", ways.METHODS)
def test_the_application_cannot_tell(way: str) -> None:
    """Without us every way gives the application the same text."""
    assert ways.SYNC[way](wire.client()) == "hello"


GIVEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Bedrock": (
        {"aws_region": "us-east-1", "aws_access_key": "a", "aws_secret_key": "b"},
        {"gen_ai__provider__name": "aws.bedrock", "server__address": "bedrock-runtime.us-east-1.amazonaws.com"},
    ),
    "BedrockMantle": (
        {"aws_region": "us-east-1", "api_key": "a"},
        {"gen_ai__provider__name": "aws.bedrock", "server__address": "bedrock-mantle.us-east-1.api.aws"},
    ),
    "Vertex": (
        {"region": "us-east5", "project_id": "p", "access_token": "t"},
        {"gen_ai__provider__name": "gcp.vertex_ai", "server__address": "us-east5-aiplatform.googleapis.com"},
    ),
    "Foundry": (
        {"resource": "r", "api_key": "k"},
        {"gen_ai__provider__name": "anthropic", "server__address": "r.services.ai.azure.com"},
    ),
    "AWS": (
        {"aws_region": "us-east-1", "api_key": "k", "workspace_id": "w"},
        {"gen_ai__provider__name": "anthropic", "server__address": "aws-external-anthropic.us-east-1.api.aws"},
    ),
    "GoogleCloud": (
        {"project": "p", "location": "us-east5", "workspace_id": "w"},
        {"gen_ai__provider__name": "anthropic", "server__address": "claude.googleapis.com"},
    ),
}
"""How a client of each platform is made, and what its calls say of where they went."""

PLATFORM_WAYS = ("create", "create_stream", "stream", "beta_create", "beta_create_stream", "beta_stream", "raw")


def lacks(name: str, way: str) -> bool:
    """Whether this version of the SDK has no such way on that platform."""
    return (name, way) == ("Bedrock", "beta_stream") and not hasattr(BedrockMessages, "stream")


def platform_client(name: str, http_client: Any, *, asynchronous: bool = False) -> Any:
    """A client of the platform `name`; the test is skipped where this version of the SDK has none."""
    cls = getattr(anthropic, f"{'Async' if asynchronous else ''}Anthropic{name}", None)
    if cls is None:
        pytest.skip(f"anthropic {anthropic.__version__} has no client for {name}")
    given = dict(GIVEN[name][0])
    if name == "GoogleCloud":
        given["token_provider"] = async_token if asynchronous else token
    return cls(http_client=http_client, **given)


def token() -> str:
    return "t"


async def async_token() -> str:
    return "t"


@pytest.mark.parametrize("way", PLATFORM_WAYS)
@pytest.mark.parametrize("name", GIVEN)
def test_a_platform_client_is_one_call(exported: Exported, name: str, way: str) -> None:
    """A call by a platform's client says which platform, and is counted once."""
    if lacks(name, way):
        return
    client = platform_client(name, wire.http.Client(transport=wire.Wire()))
    assert ways.SYNC[way](client) == "hello"
    check(exported, claude__sdk__method=ways.METHODS[way], gen_ai__request__model="claude-opus-5-5", **GIVEN[name][1])


@pytest.mark.parametrize("way", PLATFORM_WAYS)
@pytest.mark.parametrize("name", GIVEN)
def test_an_async_platform_client_is_one_call(exported: Exported, name: str, way: str) -> None:
    """A call by a platform's async client says which platform, and is counted once."""
    if lacks(name, way):
        return
    http_client = wire.http.AsyncClient(transport=wire.Wire())
    client = platform_client(name, http_client, asynchronous=True)
    assert asyncio.run(ways.ASYNC[way](client)) == "hello"
    check(exported, claude__sdk__method=ways.METHODS[way], gen_ai__request__model="claude-opus-5-5", **GIVEN[name][1])


def test_an_accessor_older_than_us_is_recorded() -> None:
    """Accessors that a client has cached hold the SDK's bound methods, and their calls are recorded all the same."""
    client = wire.client()
    raw = client.messages.with_raw_response
    exported = Exported()
    exported.instrument()
    try:
        raw.create(**wire.ASK)
        check(exported, claude__sdk__method="raw.create")
    finally:
        claude_otel.uninstrument()


def test_a_copied_client_is_recorded(exported: Exported) -> None:
    """Clients made by `with_options` are recorded as their original is."""
    wire.client().with_options(max_retries=5, timeout=3.0).messages.create(**wire.ASK)
    check(exported, claude__request__max_retries=5, claude__request__timeout=3.0)


@pytest.mark.parametrize("cast_to", [dict, object, str, types.Message, wire.http.Response])
def test_post_is_recorded_whatever_it_casts_to(exported: Exported, cast_to: Any) -> None:
    """`client.post` gives the application what it asks for, and the record comes from the body if it must."""
    cast_to = dict[str, Any] if cast_to is dict else cast_to
    wire.client().post("/v1/messages", body={**wire.ASK}, cast_to=cast_to)
    check(exported, claude__sdk__method=ways.POST)


@pytest.mark.parametrize("keyword", [True, False])
def test_request_takes_its_options_by_position_and_by_keyword(exported: Exported, keyword: bool) -> None:
    """`client.request` itself may be given its options either way."""
    from anthropic._models import FinalRequestOptions

    options = FinalRequestOptions.construct(method="post", url="/v1/messages", json_data={**wire.ASK})
    client = wire.client()
    answer = client.request(types.Message, options=options) if keyword else client.request(types.Message, options)
    assert ways.text_of(answer) == "hello"
    check(exported, claude__sdk__method=ways.POST)


def test_extra_body_goes_before_the_arguments(exported: Exported) -> None:
    """What `extra_body` overrides is what was asked for."""
    extra = {"model": "claude-sonnet-5-5", "max_tokens": 3, "output_config": {"effort": "low"}}
    wire.client().messages.create(**wire.ASK, extra_body=extra)
    check(
        exported,
        gen_ai__request__model="claude-sonnet-5-5",
        gen_ai__request__max_tokens=3,
        gen_ai__request__reasoning__level="low",
    )


def test_iterators_are_left_to_the_sdk(exported: Exported) -> None:
    """Messages and tools given as one-shot iterators reach the API whole."""
    transport = wire.Wire()
    tool = {"name": "f", "input_schema": {"type": "object"}}
    asked = {**wire.ASK, "messages": iter(wire.ASK["messages"]), "tools": iter([tool])}
    wire.client(wire=transport).messages.create(**asked)
    sent = wire.json.loads(transport.requests[0].content)
    assert (sent["messages"], sent["tools"]) == (wire.ASK["messages"], [tool])
    check(exported, claude__request__tools=1)


def test_count_tokens_is_no_token_bearing_call(exported: Exported) -> None:
    """Counted tokens are told, and not counted as used: nothing was billed."""
    answer = wire.client().messages.count_tokens(model="claude-opus-5-5", messages=wire.ASK["messages"])
    assert answer.input_tokens == 42
    span = exported.span()
    assert span["gen_ai.operation.name"] == "count_tokens"
    assert span["anthropic.message.count_tokens.input_tokens"] == 42
    assert span["claude.sdk.method"] == "count_tokens"
    assert "gen_ai.usage.input_tokens" not in span
    assert exported.value("claude.calls", gen_ai__operation__name="count_tokens") == 1
    assert exported.points("gen_ai.client.inference.usage.input_tokens") == []


def test_other_endpoints_are_not_recorded(exported: Exported) -> None:
    """Only messages are: listing models leaves nothing."""
    transport = wire.Wire(wire.Answer({"data": [], "has_more": False, "first_id": None, "last_id": None}))
    wire.client(wire=transport).models.list()
    assert exported.points("claude.calls") == []
    assert [span for span in exported.spans if span.name.startswith("chat")] == []


def test_a_request_that_middleware_makes_is_no_attempt_of_the_call(exported: Exported) -> None:
    """Another request of the SDK, sent while a call runs, is not counted among the call's attempts."""
    other = wire.client(wire.Answer({"data": [], "has_more": False, "first_id": None, "last_id": None}))

    def middleware(request: Any, call_next: Callable[[Any], Any]) -> Any:
        other.models.list()
        return call_next(request)

    wire.client(middleware=[middleware]).messages.create(**wire.ASK)
    check(exported, claude__attempts=1)


KNOWN = {
    Messages: {"create", "stream", "parse", "count_tokens"},
    BetaMessages: {"create", "stream", "parse", "count_tokens", "tool_runner", "thread"},
    Batches: {"create", "retrieve", "list", "delete", "cancel", "results"},
    BetaBatches: {"create", "retrieve", "list", "delete", "cancel", "results"},
}
"""The methods that the tests above and those of batches go through, or that tell nothing of a call."""

ACCESSORS = {"with_raw_response", "with_streaming_response", "batches"}


@pytest.mark.parametrize("resource", KNOWN)
def test_the_sdk_has_no_method_that_we_do_not_know(resource: type) -> None:
    """A new method of the SDK has to be looked at: it may be another way in."""
    found = {name for name in dir(resource) if not name.startswith("_")} - ACCESSORS
    assert found <= KNOWN[resource]


def test_every_stop_reason_of_the_sdk_is_known() -> None:
    """A stop reason that the SDK knows and we do not would become `other` on the metrics."""
    from anthropic.types import StopReason
    from anthropic.types.beta import BetaStopReason

    assert set(StopReason.__args__) | set(BetaStopReason.__args__) == STOP_REASONS - {"none"}


def test_every_error_type_of_the_sdk_is_known() -> None:
    """An error type that the SDK knows and we do not would become `_OTHER`."""
    from anthropic.types.shared import error_type

    assert set(error_type.ErrorType.__args__) <= ERROR_TYPES
