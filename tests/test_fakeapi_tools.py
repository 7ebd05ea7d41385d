"""Which tools the fake API calls, and with what input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from anthropic import beta_tool
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from claude_otel.fakeapi import FakeAPI, Wanted
from claude_otel.fakeapi.schema_values import Prompt, value_for
from fakeapi_clients import MODEL, client, user

WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "Get the weather for a location",
    "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "kelvin"]}},
        "required": ["location"],
    },
}
ORDER: dict[str, Any] = {
    "name": "lookup_order",
    "description": "Look up an order",
    "input_schema": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
}


@pytest.fixture(scope="module")
def api() -> Iterator[FakeAPI]:
    """A fake API without a script."""
    with FakeAPI() as served:
        yield served


def call_of(message: Any) -> tuple[str, dict[str, Any]] | None:
    """The tool a message calls and its input."""
    return next(((block.name, block.input) for block in message.content if block.type == "tool_use"), None)


def test_a_tool_is_called_before_its_result_is_there(api: FakeAPI) -> None:
    """The first answer calls the tool; the enum's first value and the place of the prompt are its input."""
    message = client(api).messages.create(**user("What is the weather in New York?"), tools=[WEATHER])
    assert message.stop_reason == "tool_use"
    assert call_of(message) == ("get_weather", {"location": "New York", "unit": "celsius"})


def test_the_result_is_answered_in_words(api: FakeAPI) -> None:
    """Once the result is there the answer is text."""
    use = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "73f"}
    fields = user("What is the weather?", tools=[WEATHER])
    fields["messages"] += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    message = client(api).messages.create(**fields)
    assert (message.stop_reason, message.content[0].text) == (
        "end_turn",
        'The tool says "73f". That answers your question.',
    )


def test_the_tool_that_shares_most_words_is_called(api: FakeAPI) -> None:
    """Of several tools the one the prompt is about."""
    message = client(api).messages.create(**user("Where is my order 4821?"), tools=[WEATHER, ORDER])
    assert call_of(message) == ("lookup_order", {"order_id": "4821"})


def test_a_tool_that_needs_an_id_is_not_called_without_a_number(api: FakeAPI) -> None:
    """No number in the prompt, no call."""
    message = client(api).messages.create(**user("Where is my order?"), tools=[ORDER])
    assert message.stop_reason == "end_turn"


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "none"}, None),
        ({"type": "any"}, "get_weather"),
        ({"type": "tool", "name": "lookup_order"}, "lookup_order"),
    ],
    ids=["none", "any", "tool"],
)
def test_tool_choice_decides(api: FakeAPI, choice: dict[str, Any], called: str | None) -> None:
    """`none` calls no tool, `any` one that fits, `tool` the one it names."""
    message = client(api).messages.create(**user("The weather?"), tools=[WEATHER, ORDER], tool_choice=choice)
    assert (call_of(message) or (None,))[0] == called


def test_a_script_makes_an_agent_run_away() -> None:
    """With `tool_use` every answer calls a tool, so that only the agent's own limit ends it."""

    @beta_tool
    def get_weather(location: str) -> str:
        """Get the weather."""
        return f"Sunny in {location}"

    with FakeAPI() as api:
        api.answer(Wanted(tool_use=True))
        runner = client(api).beta.messages.tool_runner(**user("The weather?"), tools=[get_weather], max_iterations=6)
        assert [message.stop_reason for message in runner] == ["tool_use"] * 6


def test_the_input_is_streamed_in_parts(api: FakeAPI) -> None:
    """The parts of a tool's input add up to its JSON; the first is empty."""
    with client(api).messages.create(**user("Weather in SF?"), tools=[WEATHER], stream=True) as stream:
        parts = [
            event.delta.partial_json
            for event in stream
            if getattr(event, "delta", None) and hasattr(event.delta, "partial_json")
        ]
    assert parts[0] == ""
    assert json.loads("".join(parts)) == {"location": "SF", "unit": "celsius"}


def test_fields_of_every_kind() -> None:
    """Each kind of schema gets a value that satisfies it."""
    schema = {
        "type": "object",
        "properties": {
            "when": {"type": "string", "format": "date"},
            "count": {"type": "integer", "minimum": 5},
            "share": {"type": "number", "exclusiveMaximum": 1},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "choice": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
            "fixed": {"const": 7},
            "node": {"$ref": "#/$defs/node"},
        },
        "$defs": {"node": {"type": "object", "properties": {"name": {"type": ["string", "null"]}}}},
    }
    assert value_for(schema, Prompt("2 of 3.5")) == {
        "when": "2026-11-21",
        "count": 5,
        "share": 0,
        "tags": ["example", "example"],
        "choice": True,
        "fixed": 7,
        "node": {"name": "example"},
    }


def test_a_schema_that_refers_to_itself_ends() -> None:
    """A tree has finitely many nodes."""
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}
    assert "children" in str(value_for(tree))


TYPES = st.recursive(
    st.sampled_from([int, float, str, bool, None]),
    lambda inner: st.one_of(
        inner.map(lambda kind: list[kind]),  # type: ignore[valid-type]
        inner.map(lambda kind: kind | None if kind is not None else None),
        inner.map(lambda kind: dict[str, kind]),  # type: ignore[valid-type]
        inner.map(lambda kind: tuple[kind, int]),  # type: ignore[valid-type]
    ),
    max_leaves=5,
)


@given(TYPES)
def test_a_value_satisfies_the_schema_of_any_type(kind: Any) -> None:
    """What the fake makes of a type's JSON schema is a value of the type."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    adapter.validate_python(value_for(adapter.json_schema()))


def test_the_model_is_named_in_the_journal(api: FakeAPI) -> None:
    """A tool call is an entry like any other."""
    client(api).messages.create(**user("The weather?"), tools=[WEATHER])
    entry = api.journal.messages[-1]
    assert (entry.stop_reason, entry.model_requested, entry.model_served) == ("tool_use", MODEL, MODEL)
