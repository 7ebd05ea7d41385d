"""The tokens of an answer: what its first and its last numbers make together, and what each model is billed for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from claude_otel.usage import Entry, merged, read
from conftest import Exported
from wire import ASK

MODEL = "claude-opus-5-5"


START = {
    "input_tokens": 10,
    "output_tokens": 1,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 20,
    "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5},
    "service_tier": "priority",
    "inference_geo": "us",
    "speed": "fast",
}


def test_the_last_numbers_replace_the_first() -> None:
    """`message_delta` is cumulative, and may raise input too; what it lacks stays from `message_start`."""
    usage = read(merged(START, {"output_tokens": 7, "input_tokens": 12}), model=MODEL, ttl="5m")
    assert usage.entries == [Entry("message", MODEL, 12, 7, 100, 15, 5)]
    assert (usage.service_tier, usage.inference_geo, usage.speed) == ("priority", "us", "fast")
    assert usage.entries[0].prompt_tokens == 132


def test_null_fields_replace_nothing() -> None:
    """The API sends nulls for what it has nothing new to say of."""
    last = {"output_tokens": 7, "input_tokens": None, "cache_read_input_tokens": None, "service_tier": None}
    assert read(merged(START, last), model=MODEL, ttl="5m").entries == [Entry("message", MODEL, 10, 7, 100, 15, 5)]


def test_output_that_is_not_final_is_left_out() -> None:
    """The placeholder of `message_start` is no number of tokens."""
    usage = read(merged(START), model=MODEL, ttl="5m", final=False)
    assert usage.entries == [Entry("message", MODEL, 10, 0, 100, 15, 5)]
    assert usage.reasoning_tokens is None


WRITES = [
    # total, split, ttl asked for, 5m, 1h
    (20, {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5}, "5m", 15, 5),
    (30, {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5}, "5m", 25, 5),
    (30, {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5}, "1h", 15, 15),
    (20, None, "5m", 20, 0),
    (20, None, "1h", 0, 20),
    (None, {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5}, "5m", 15, 5),
    (0, {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 0}, "5m", 0, 0),
    (10, {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5}, "5m", 5, 5),
    (3, {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5}, "5m", 0, 3),
    (None, None, "5m", 0, 0),
]


@pytest.mark.parametrize(("total", "split", "ttl", "short", "long"), WRITES)
def test_cache_writes_are_split_by_their_life(total: Any, split: Any, ttl: str, short: int, long: int) -> None:
    """A total that grew since its split was given is booked on the life that was asked for."""
    raw = merged({"cache_creation_input_tokens": total, "cache_creation": split})
    (entry,) = read(raw, model=MODEL, ttl=ttl).entries
    assert (entry.cache_write_5m, entry.cache_write_1h) == (short, long)


def iteration(kind: str, model: str | None, **tokens: int) -> dict[str, Any]:
    zeros = {
        "input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0,
        "cache_creation": None,
    }  # fmt: skip
    return {"type": kind, "model": model, **zeros, **tokens}


def test_a_compaction_comes_on_top() -> None:
    """The tokens of a compaction are in no total of the API's."""
    raw = {
        "input_tokens": 50,
        "output_tokens": 5,
        "iterations": [
            iteration("compaction", None, input_tokens=1000, output_tokens=300),
            iteration("message", None, input_tokens=50, output_tokens=5),
        ],
    }
    usage = read(raw, model=MODEL, ttl="5m")
    assert usage.entries == [Entry("compaction", MODEL, 1000, 300), Entry("message", MODEL, 50, 5)]
    assert (usage.totals.input_tokens, usage.totals.output_tokens, usage.iterations) == (1050, 305, 2)


def test_iterations_without_a_message_come_on_top_of_the_totals() -> None:
    """The totals are the message's own then."""
    advisor = iteration("advisor_message", "claude-fable-5-2", input_tokens=400, output_tokens=40)
    usage = read({"input_tokens": 50, "output_tokens": 5, "iterations": [advisor]}, model=MODEL, ttl="5m")
    assert usage.entries == [Entry("message", MODEL, 50, 5), Entry("advisor_message", "claude-fable-5-2", 400, 40)]


def test_an_iteration_that_declined_before_any_output_is_not_billed() -> None:
    """Where a fallback served in its place."""
    raw = {
        "iterations": [
            iteration("message", "claude-opus-5-5", input_tokens=50),
            iteration("fallback_message", "claude-sonnet-5-5", input_tokens=50, output_tokens=5),
        ]
    }
    usage = read(raw, model="claude-sonnet-5-5", ttl="5m")
    assert [(entry.model, entry.billed) for entry in usage.entries] == [
        ("claude-opus-5-5", False),
        ("claude-sonnet-5-5", True),
    ]


def test_every_iteration_is_booked_on_its_own_model(exported: Exported) -> None:
    """In the token and the cost counters, the span and the event."""
    usage = {
        "input_tokens": 50,
        "output_tokens": 5,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "cache_creation": None,
        "iterations": [
            iteration("compaction", None, input_tokens=1000, output_tokens=300),
            iteration("advisor_message", "claude-sonnet-5-5", input_tokens=400, output_tokens=40),
            iteration("message", None, input_tokens=50, output_tokens=5),
        ],
    }
    wire.client(wire.Answer(wire.message(usage=usage))).beta.messages.create(**ASK)
    tokens = "gen_ai.client.inference.usage.input_tokens"
    assert exported.value(tokens, gen_ai__response__model="claude-opus-5-5") == 1050
    assert exported.value(tokens, gen_ai__response__model="claude-sonnet-5-5") == 400
    opus, sonnet = 1050 * 4e-6 + 305 * 20e-6, 400 * 2e-6 + 40 * 10e-6
    assert exported.value("claude.cost", gen_ai__response__model="claude-opus-5-5") == pytest.approx(opus)
    assert exported.value("claude.cost", gen_ai__response__model="claude-sonnet-5-5") == pytest.approx(sonnet)
    span = exported.span()
    assert span["gen_ai.usage.input_tokens"] == 1450
    assert span["gen_ai.usage.output_tokens"] == 345
    assert span["claude.usage.iterations"] == 3
    assert span["anthropic.usage.compaction.input_tokens"] == 1000
    assert span["anthropic.usage.compaction.output_tokens"] == 300
    (event,) = exported.events()
    by_model = {"claude-opus-5-5": pytest.approx(opus), "claude-sonnet-5-5": pytest.approx(sonnet)}
    assert dict(event["claude.cost.by_model"]) == by_model


NONSENSE = [
    None,
    [],
    "text",
    {"input_tokens": "many", "output_tokens": -5, "cache_creation": [], "iterations": "none"},
    {"input_tokens": True, "output_tokens": 1.5, "server_tool_use": 3, "output_tokens_details": []},
    {"iterations": [None, 3, {"type": 4, "model": 5, "input_tokens": {}}]},
]


@pytest.mark.parametrize("usage", NONSENSE)
def test_nonsense_counts_nothing(usage: Any) -> None:
    """What the API never sends does no harm."""
    result = read(merged(usage), model=MODEL, ttl="5m")
    assert result.totals.input_tokens == result.totals.output_tokens == 0
    assert result.entries


def test_fields_of_the_sdks_models_are_read_as_those_of_json() -> None:
    """Usage comes as models from the SDK's parser, and as JSON from bodies that we decode."""
    from anthropic.types import Usage

    model = Usage.model_validate({**START, "output_tokens": 7})
    assert read(merged(model), model=MODEL, ttl="5m").entries == [Entry("message", MODEL, 10, 7, 100, 15, 5)]  # type: ignore[arg-type]


tokens = st.integers(0, 10**7)
optional = st.none() | tokens
usages = st.fixed_dictionaries(
    {
        "input_tokens": tokens,
        "output_tokens": tokens,
        "cache_read_input_tokens": optional,
        "cache_creation_input_tokens": tokens,
        "cache_creation": st.none()
        | st.fixed_dictionaries({"ephemeral_5m_input_tokens": tokens, "ephemeral_1h_input_tokens": tokens}),
    }
)


@given(usages, st.sampled_from(["5m", "1h"]))
def test_input_is_what_the_api_bills(usage: dict[str, Any], ttl: str) -> None:
    """All input tokens are the uncached, the read and the written ones, however the written ones are split."""
    result = read(merged(usage), model=MODEL, ttl=ttl)
    expected = usage["input_tokens"] + (usage["cache_read_input_tokens"] or 0) + usage["cache_creation_input_tokens"]
    assert result.totals.prompt_tokens == expected
    assert all(getattr(entry, name) >= 0 for entry in result.entries for name in ("cache_write_5m", "cache_write_1h"))


@given(usages, usages)
def test_merging_is_as_if_only_the_last_had_been_sent(first: dict[str, Any], last: dict[str, Any]) -> None:
    """What the last event gives counts, and merging it again changes nothing."""
    once, twice = merged(first, last), merged(first, last, last)
    assert once == twice
    split = last.pop("cache_creation") or {}
    given = {name: value for name, value in {**last, **split}.items() if value is not None}
    assert {name: once[name] for name in given} == given


@given(st.lists(st.tuples(st.sampled_from(["message", "compaction", "advisor_message"]), tokens, tokens), max_size=6))
def test_no_token_of_an_iteration_is_lost(listed: list[tuple[str, int, int]]) -> None:
    """Every iteration is counted once; the totals only where none of them is the message's own."""
    raw = {
        "input_tokens": 3,
        "output_tokens": 4,
        "iterations": [iteration(kind, None, input_tokens=i, output_tokens=o) for kind, i, o in listed],
    }
    own = any(kind == "message" for kind, _, _ in listed)
    usage = read(raw, model=MODEL, ttl="5m")
    assert usage.totals.input_tokens == sum(i for _, i, _ in listed) + (0 if own else 3)
    assert usage.totals.output_tokens == sum(o for _, _, o in listed) + (0 if own else 4)
