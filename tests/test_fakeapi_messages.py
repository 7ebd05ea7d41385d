"""Answers of the fake API: what follows from what was sent, as JSON and as events."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import anthropic
import pydantic
import pytest

from claude_otel.fakeapi import FakeAPI, Wanted
from fakeapi_clients import HELLO, MODEL, async_client, client, finished, user

SEARCH = {"type": "web_search_20250305", "name": "web_search"}
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-5-5"}


@pytest.fixture(scope="module")
def api() -> Iterator[FakeAPI]:
    """A fake API without a script."""
    with FakeAPI(seed=0) as served:
        yield served


@pytest.fixture
def scripted() -> Iterator[FakeAPI]:
    """A fake API whose script a test sets."""
    with FakeAPI(seed=0) as served:
        yield served


def usage_of(message: Any) -> dict[str, Any]:
    """The usage of a message, without what it leaves out."""
    return dict(message.usage.to_dict())


def test_a_plain_answer_is_a_sentence_about_the_prompt(api: FakeAPI) -> None:
    """Six characters of prompt are 2 tokens, fifty of answer are 13, and nothing is cached."""
    message = client(api).messages.create(**HELLO)
    assert message.content[0].text == 'You said "Hello!". This is the short answer to it.'
    assert (message.stop_reason, message.model) == ("end_turn", MODEL)
    assert usage_of(message) == {
        "input_tokens": 2,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 13,
        "service_tier": "standard",
        "inference_geo": "global",
        "speed": "standard",
    }


def test_the_async_client_gets_the_same_answer(api: FakeAPI) -> None:
    """The SDK's coroutines read the same message."""
    message = finished(async_client(api).messages.create(**HELLO))
    assert message.content[0].text == 'You said "Hello!". This is the short answer to it.'


def test_the_events_of_a_stream() -> None:
    """A stream is, byte for byte, what the API writes."""
    with FakeAPI(seed=0) as served:
        body = json.dumps({**HELLO, "stream": True}).encode()
        request = urllib.request.Request(f"{served.url}/v1/messages?beta=true", body)
        with urllib.request.urlopen(request) as response:
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert response.read().decode() == EVENTS


EVENTS = """\
event: message_start
data: {"type":"message_start","message":{"model":"claude-sonnet-5-5","id":"msg_01s0000000000001","type":"message",\
"role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"usage":{"input_tokens":2,\
"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,\
"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard","inference_geo":"global",\
"speed":"standard"}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"You said \\"Hello!"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\". This is the s"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hort answer to i"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"t."}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null,"stop_details":null},\
"usage":{"input_tokens":2,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":13}}

event: message_stop
data: {"type":"message_stop"}

"""


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"thinking": {"type": "adaptive"}},
        {"tools": [SEARCH]},
        {"tools": [ADVISOR]},
        {"tools": [{"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {}}}}]},
        {"context_management": {"edits": [{"type": "compact_20260112", "trigger": {"value": 1}}]}},
        {"model": "claude-fable-5", "fallbacks": [{"model": "claude-opus-4-8"}]},
        {**user("This triggers a refusal"), "model": "claude-fable-5", "fallbacks": [{"model": "claude-opus-4-8"}]},
        {
            **user("This triggers a late refusal"),
            "model": "claude-fable-5",
            "fallbacks": [{"model": "claude-opus-4-8"}],
        },
    ],
    ids=[
        "text",
        "thinking",
        "web_search",
        "advisor",
        "tool_use",
        "compaction",
        "no_fallback",
        "fallback",
        "late_fallback",
    ],
)
def test_a_stream_adds_up_to_the_message(fields: dict[str, Any]) -> None:
    """The SDK puts the events of a stream together to the message it would have got as JSON."""
    with FakeAPI(seed=0) as whole, FakeAPI(seed=0) as streamed:
        message = client(whole).beta.messages.create(**{**HELLO, **fields})
        with client(streamed).beta.messages.stream(**{**HELLO, **fields}) as stream:
            assembled = stream.get_final_message()
    expected, got = message.to_dict(), assembled.to_dict()
    assert without_parsed(got["content"]) == without_parsed(expected["content"])
    for name in ("usage", "stop_reason", "model", "id"):
        assert got[name] == expected[name]


def without_parsed(content: Any) -> list[dict[str, Any]]:
    """The blocks without what the SDK adds, and without what only says that there is nothing."""
    return [
        {key: value for key, value in block.items() if key != "parsed_output" and value is not None}
        for block in content
    ]


def test_thinking_comes_first_and_is_counted(api: FakeAPI) -> None:
    """Thinking is a block of its own, and its tokens are part of the output."""
    message = client(api).messages.create(**HELLO, thinking={"type": "enabled", "budget_tokens": 1_024})
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking == 'The user says "Hello!". I consider what would help.'
    assert (message.usage.output_tokens, message.usage.output_tokens_details.thinking_tokens) == (26, 13)


def test_max_tokens_cuts_the_answer(api: FakeAPI) -> None:
    """An answer that is longer than max_tokens ends in the middle."""
    message = client(api).messages.create(**{**HELLO, "max_tokens": 3})
    assert (message.content[0].text, message.stop_reason) == ('You said "He', "max_tokens")
    assert message.usage.output_tokens == 3


def test_a_stop_sequence_ends_the_answer(api: FakeAPI) -> None:
    """The answer ends before the first stop sequence in it."""
    message = client(api).messages.create(**HELLO, stop_sequences=["short", "This"])
    assert (message.content[0].text, message.stop_reason, message.stop_sequence) == (
        'You said "Hello!". ',
        "stop_sequence",
        "This",
    )


class Line(pydantic.BaseModel):
    """One line of an order."""

    sku: str
    size: int | None


class Order(pydantic.BaseModel):
    """A schema with nesting, a list and a choice."""

    lines: list[Line]
    paid: bool
    total: float


def test_structured_output_satisfies_its_schema(api: FakeAPI) -> None:
    """The text is JSON for the schema, with the numbers of the prompt."""
    message = client(api).messages.parse(**user("Order 3 shirts for 19.50"), output_format=Order)
    assert message.parsed_output == Order(lines=[Line(sku="example", size=3)], paid=True, total=19.5)


def test_a_web_search_reads_the_prompt_twice(api: FakeAPI) -> None:
    """message_start tells the first run's input, message_delta that of both, and one search is counted."""
    with client(api).messages.create(**HELLO, tools=[SEARCH], stream=True) as stream:
        events = {event.type: event for event in stream}
    started, ended = events["message_start"].message.usage, events["message_delta"].usage
    assert (started.input_tokens, ended.input_tokens) == (15, 625)
    assert ended.server_tool_use.web_search_requests == 1
    assert ended.output_tokens == 20


def test_an_image_counts_1600_tokens(api: FakeAPI) -> None:
    """An image counts the same, whatever it shows."""
    source = {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}
    content = [{"type": "text", "text": "What?"}, {"type": "image", "source": source}]
    message = client(api).messages.create(**{**HELLO, "messages": [{"role": "user", "content": content}]})
    assert message.usage.input_tokens == 1_602


def test_count_tokens_agrees_with_the_answer(api: FakeAPI) -> None:
    """What is counted beforehand is what is charged."""
    fields = {"model": MODEL, "messages": HELLO["messages"], "system": "Be brief, please."}
    assert client(api).messages.count_tokens(**fields).input_tokens == 7
    assert client(api).messages.create(**fields, max_tokens=9).usage.input_tokens == 7


def test_speed_and_geography_are_echoed(api: FakeAPI) -> None:
    """What was asked for is what the usage names."""
    message = client(api).messages.create(**HELLO, speed="fast", inference_geo="us")
    assert (message.usage.speed, message.usage.inference_geo) == ("fast", "us")


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_before_any_output(api: FakeAPI, stream: bool) -> None:
    """A Fable model declines the marked prompt with no content and no output; nothing is billed."""
    fields = user("Some prompt that triggers a refusal", model="claude-fable-5-1")
    messages = client(api).beta.messages
    message = messages.create(**fields) if not stream else messages.stream(**fields).__enter__().get_final_message()
    assert (message.stop_reason, message.content) == ("refusal", [])
    assert (message.usage.input_tokens, message.usage.output_tokens) == (9, 0)
    assert message.stop_details.to_dict() == {
        "type": "refusal",
        "category": "general_harms",
        "explanation": "This request was declined by the usage policy of the fake API.",
    }
    assert api.journal.messages[-1].bill == []


def test_another_model_does_not_decline_that_prompt(api: FakeAPI) -> None:
    """Only the Fable and Mythos lines have the classifiers."""
    assert client(api).messages.create(**user("This triggers a refusal")).stop_reason == "end_turn"


def test_a_late_refusal_is_billed_for_what_was_said(api: FakeAPI) -> None:
    """A refusal after a few words has content, and a bill for it."""
    message = client(api).messages.create(**user("This triggers a late refusal", model="claude-fable-5"))
    assert (message.stop_reason, message.content[0].text) == ("refusal", "Well, let me")
    assert [row["output_tokens"] for row in api.journal.messages[-1].bill] == [3]


def test_server_side_fallback(api: FakeAPI) -> None:
    """The fallback's answer has its model, a block at the seam, and an iteration for each model; only one is billed."""
    fields = user("This triggers a refusal", model="claude-fable-5-1")
    message = client(api).beta.messages.create(
        **fields, fallbacks=[{"model": "claude-opus-4-8"}], betas=["server-side-fallback-2026-07-01"]
    )
    assert (message.model, [block.type for block in message.content]) == ("claude-opus-4-8", ["fallback", "text"])
    runs = [(run.type, run.model, run.input_tokens, run.output_tokens) for run in message.usage.iterations]
    assert runs == [("message", "claude-fable-5-1", 6, 0), ("fallback_message", "claude-opus-4-8", 6, 17)]
    assert message.usage.input_tokens == 6
    bill = api.journal.messages[-1].bill
    assert [(row["type"], row["model"]) for row in bill] == [("fallback_message", "claude-opus-4-8")]


def test_a_chain_in_which_every_model_declines(api: FakeAPI) -> None:
    """A refusal by the last model of a chain is the answer, and costs nothing."""
    fields = user("This makes every model refuse", model="claude-fable-5-1")
    message = client(api).beta.messages.create(**fields, fallbacks=[{"model": "claude-opus-4-8"}])
    assert (message.stop_reason, message.model) == ("refusal", "claude-opus-4-8")
    assert [run.type for run in message.usage.iterations] == ["message", "message"]
    assert api.journal.messages[-1].bill == []


def test_client_side_fallback_redeems_its_credit(api: FakeAPI) -> None:
    """The SDK's middleware gets a token with the refusal, and the retry that presents it is told it was redeemed."""
    middleware = anthropic.BetaRefusalFallbackMiddleware([{"model": "claude-opus-4-8"}])
    falling = client(api, middleware=[middleware])
    with anthropic.BetaFallbackState():
        message = falling.beta.messages.create(**user("This triggers a refusal", model="claude-fable-5"))
    assert message.model == "claude-opus-4-8"
    assert message.usage.fallback_credit.status.type == "redeemed"


def test_a_fallback_credit_that_is_not_known(api: FakeAPI) -> None:
    """A strict token that was never handed out is a 400."""
    with pytest.raises(anthropic.BadRequestError, match="fallback_credit_token"):
        client(api).beta.messages.create(**HELLO, fallback_credit_token="fct_nobody")


def test_compaction_stands_beside_the_answer(api: FakeAPI) -> None:
    """A conversation over the trigger is summarized first; that run is not in the totals, but on the bill."""
    edits = [{"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 1}}]
    message = client(api).beta.messages.create(**HELLO, context_management={"edits": edits})
    assert [block.type for block in message.content] == ["compaction", "text"]
    assert [(run.type, run.input_tokens, run.output_tokens) for run in message.usage.iterations] == [
        ("compaction", 2, 16),
        ("message", 2, 13),
    ]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (2, 13)
    assert [row["output_tokens"] for row in api.journal.messages[-1].bill] == [16, 13]


def test_a_stream_begins_with_the_answers_own_tokens(scripted: FakeAPI) -> None:
    """message_start tells nothing of a compaction that came before."""
    scripted.answer(Wanted(compaction={"input_tokens": 150_000, "output_tokens": 900}))
    with client(scripted).beta.messages.create(**HELLO, stream=True) as stream:
        events = {event.type: event for event in stream}
    assert events["message_start"].message.usage.input_tokens == 2
    assert [run.input_tokens for run in events["message_delta"].usage.iterations] == [150_000, 2]


def test_a_compaction_request_returns_only_the_summary(api: FakeAPI) -> None:
    """`compaction` asks for the summary alone."""
    message = client(api).beta.messages.create(**HELLO, compaction={"type": "summarize"})
    assert (message.stop_reason, [block.type for block in message.content]) == ("compaction", ["compaction"])
    assert message.usage.output_tokens == 0
    assert [row["type"] for row in api.journal.messages[-1].bill] == ["compaction"]


def test_the_advisor_is_billed_at_its_own_model(api: FakeAPI) -> None:
    """An answer that asks the advisor has three iterations, and only its own two are in the totals."""
    message = client(api).beta.messages.create(**HELLO, tools=[ADVISOR])
    runs = [(run.type, run.input_tokens, run.output_tokens) for run in message.usage.iterations]
    assert runs == [("message", 20, 3), ("advisor_message", 20, 6), ("message", 44, 13)]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (64, 16)
    bill = [(row["type"], row["model"]) for row in api.journal.messages[-1].bill]
    assert bill == [("message", MODEL), ("advisor_message", "claude-opus-5-5"), ("message", MODEL)]


def test_a_script_sets_what_an_answer_says_and_costs(scripted: FakeAPI) -> None:
    """A rule replaces the text and the token counts."""
    usage = {"input_tokens": 100_001, "cache_read_input_tokens": 7, "ephemeral_1h_input_tokens": 5, "output_tokens": 9}
    scripted.answer(Wanted(text="Hi", usage=usage, service_tier="priority"))
    message = client(scripted).messages.create(**HELLO)
    assert message.content[0].text == "Hi"
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (100_001, 7)
    assert message.usage.cache_creation.ephemeral_1h_input_tokens == 5
    assert (message.usage.output_tokens, message.usage.service_tier) == (9, "priority")


def test_a_script_sets_the_length_of_an_answer(scripted: FakeAPI) -> None:
    """So many tokens of thinking and of text as are wanted."""
    scripted.answer(Wanted(output_tokens=300, thinking_tokens=40))
    message = client(scripted).messages.create(**HELLO)
    assert (message.usage.output_tokens, message.usage.output_tokens_details.thinking_tokens) == (340, 40)


@pytest.mark.parametrize("missing", ["model", "messages", "max_tokens"])
def test_a_request_without_a_required_field(api: FakeAPI, missing: str) -> None:
    """The field is named, with the API's 400."""
    fields = {name: value for name, value in HELLO.items() if name != missing}
    with pytest.raises(anthropic.BadRequestError) as caught:
        client(api).post("/v1/messages", body=fields, cast_to=object)
    assert (caught.value.type, caught.value.api_message) == ("invalid_request_error", f"{missing}: Field required")


def test_a_body_that_is_not_json(api: FakeAPI) -> None:
    """What cannot be read is a 400 too."""
    request = urllib.request.Request(f"{api.url}/v1/messages", b"{")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert (caught.value.code, json.load(caught.value)["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_retired_model(api: FakeAPI) -> None:
    """A model that was retired is not found."""
    with pytest.raises(anthropic.NotFoundError, match="model: claude-3-opus-20240229"):
        client(api).messages.create(**{**HELLO, "model": "claude-3-opus-20240229"})


def test_an_unknown_path(api: FakeAPI) -> None:
    """A path that is nobody's is a 404 in the API's form."""
    with pytest.raises(anthropic.NotFoundError, match="Not found: GET /v1/nothing"):
        client(api).get("/v1/nothing", cast_to=object)


def test_response_headers(api: FakeAPI) -> None:
    """Each response names its request, organisation and workspace."""
    raw = client(api).messages.with_raw_response.create(**HELLO, extra_headers={"anthropic-workspace-id": "wrkspc_a"})
    assert raw.headers["request-id"] == api.journal.messages[-1].request_id
    assert raw.headers["anthropic-organization-id"] == "7f4c1c52-0000-4000-8000-00000000fa4e"
    assert raw.headers["anthropic-workspace-id"] == "wrkspc_a"
    assert raw.parse()._workspace_id == "wrkspc_a"


def test_the_models_api(api: FakeAPI) -> None:
    """Models have a lifecycle, and an alias finds its model."""
    models = client(api).models
    assert [model.id for model in models.list(limit=2).data] == ["claude-fable-5-2", "claude-mythos-5-2"]
    assert len(list(models.list(limit=7))) == 25
    sonnet = models.retrieve("claude-sonnet-4-5")
    assert (sonnet.id, sonnet.lifecycle) == ("claude-sonnet-4-5-20250929", "deprecated")
    assert str(sonnet.retires_at) == "2026-11-30 00:00:00+00:00"
