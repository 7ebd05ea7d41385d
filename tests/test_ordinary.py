"""A call like one before is recorded as if it were the first: by its kind, and in full, it comes to the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import claude_otel
import wire
from claude_otel import metrics, ordinary, recorder
from claude_otel import telemetry as t
from conftest import Exported

TIMES = {t.TIME_TO_FIRST_CHUNK, t.TIME_TO_FIRST_TEXT, t.TIME_PER_OUTPUT_TOKEN, t.DURATION}

Told = tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, list[Any]]]

tokens = st.sampled_from([0, 1, 7, 1000, 199_990, 250_000, -1, 10**13, None])
usages = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": tokens,
        "output_tokens": tokens,
        "cache_read_input_tokens": tokens,
        "cache_creation_input_tokens": tokens,
        "cache_creation": st.sampled_from(
            [None, {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 0}, {"ephemeral_1h_input_tokens": 7}]
        ),
        "output_tokens_details": st.sampled_from([None, {"thinking_tokens": 3}, {"thinking_tokens": 0}]),
        "server_tool_use": st.sampled_from([None, {"web_search_requests": 2, "web_fetch_requests": 0}]),
        "service_tier": st.sampled_from([None, "standard", "batch", "priority", ["odd"], "x" * 300]),
        "inference_geo": st.sampled_from([None, "us", "global", "mars"]),
        "speed": st.sampled_from([None, "standard", "fast"]),
    },
)
answers = st.fixed_dictionaries(
    {"usage": usages},
    optional={
        "model": st.sampled_from(["claude-opus-5-5", "claude-sonnet-4-5", "claude-unheard-of"]),
        "stop_reason": st.sampled_from(["end_turn", "max_tokens", "refusal", "new_reason", None]),
    },
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "system": st.sampled_from(
            ["You sell tea.", [{"type": "text", "text": "Tea", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]]
        ),
        "metadata": st.sampled_from([{"user_id": "ann"}, {"user_id": "bob"}]),
        "output_config": st.just({"effort": "high"}),
        "max_tokens": st.integers(1, 3),
    },
)
calls = st.tuples(st.sampled_from(["shop", "desk"]), requests, answers, st.booleans())


def answer_of(answer: dict[str, Any], streamed: bool) -> wire.Answer:
    """The answer, whole or as a stream."""
    message = wire.message(**answer)
    headers = {**wire.HEADERS, **wire.LIMITS}
    if not streamed:
        return wire.Answer(message, headers=headers)
    events = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
        *wire.text("he", "llo"),
        {"type": "message_delta", "delta": {"stop_reason": message["stop_reason"]}, "usage": message["usage"]},
        wire.STOP,
    ]
    return wire.Answer(steps=[wire.sse(event) for event in events], headers=headers)


@contextmanager
def environment() -> Iterator[None]:
    """Events of all calls, and users by hash."""
    with mock.patch.dict("os.environ", {"CLAUDE_OTEL_LOGS": "all", "CLAUDE_OTEL_USER_HASH_KEY": "key"}):
        yield


def told(sequence: list[Any]) -> Told:
    """What the calls of `sequence` leave: attributes of spans and events, and the points of each metric."""
    with environment():
        exported = Exported()
        exported.instrument()
        try:
            for surface, request, answer, streamed in sequence:
                client = wire.client(answer_of(answer, streamed))
                with claude_otel.surface(surface):
                    if streamed:
                        for _ in client.messages.create(**{**wire.ASK, **request}, stream=True):
                            pass
                    else:
                        client.messages.create(**{**wire.ASK, **request})
            return (
                [timeless(dict(span.attributes or {})) for span in exported.spans],
                [timeless(event) for event in exported.events()],
                {metric.name: sorted(map(point_of, exported.points(metric.name))) for metric in t.METRICS},
            )
        finally:
            claude_otel.uninstrument()


def timeless(attributes: dict[str, Any]) -> dict[str, Any]:
    """`attributes`, whose times only have to be there."""
    return {name: "told" if name in TIMES else value for name, value in attributes.items()}


def point_of(point: Any) -> tuple[str, float]:
    """The attributes of a point, and its sum; of a histogram its count."""
    value = point.value if hasattr(point, "value") else point.count
    return repr(sorted(point.attributes.items())), round(value, 12)


@settings(max_examples=150, deadline=None)
@given(st.lists(calls, min_size=1, max_size=3))
def test_by_kind_and_in_full_come_to_the_same(sequence: list[Any]) -> None:
    """Each call comes three times: the first in full, and the others as one before, where it is an ordinary one."""
    by_kind = told(sequence * 3)
    with mock.patch.object(ordinary, "numbers_of", return_value=None):
        in_full = told(sequence * 3)
    assert by_kind == in_full


@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_like_one_before_is_not_worked_out_again(streamed: bool, exported: Exported) -> None:
    """Its account is made once; other numbers do not make it another kind, another model does."""
    usage = {"input_tokens": 500, "output_tokens": 70}
    answers = [{}, {"usage": usage}, {"model": "claude-sonnet-4-5"}]
    client = wire.client(*[answer_of(answer, streamed) for answer in answers])
    made = []
    with mock.patch.object(recorder, "account_of", side_effect=recorder.account_of) as account_of:
        for _ in answers:
            result: Any = client.messages.create(**wire.ASK, stream=streamed)
            if streamed:
                list(result)
            exported.value("claude.calls")
            made.append(account_of.call_count)
    assert made == [1, 1, 2]
    first, second, _ = [dict(span.attributes or {}) for span in exported.spans]
    assert (first[t.INPUT_TOKENS], second[t.INPUT_TOKENS]) == (130, 620)
    assert (first[t.OUTPUT_TOKENS], second[t.OUTPUT_TOKENS]) == (7, 70)


def test_a_price_for_long_prompts_is_not_taken_for_that_of_short_ones(exported: Exported) -> None:
    """The kind of a call holds for prompts on its side of the limit only."""
    short, long = {"input_tokens": 1000}, {"input_tokens": 300_000}
    model = "claude-haiku-5-5"
    client = wire.client(*[wire.Answer(wire.message(usage=usage, model=model)) for usage in (short, long, short, long)])
    costs = []
    for _ in range(4):
        client.messages.create(**{**wire.ASK, "model": model})
        costs.append(exported.spans[-1].attributes["claude.cost.input"])  # type: ignore[index]
    assert costs == pytest.approx([1000 * 0.1e-6, 300_000 * 0.5e-6] * 2)


def test_other_prices_make_other_kinds(exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instrumented again with prices of its own, a call like one before costs what they say."""
    client = wire.client(*[wire.Answer(wire.MESSAGE)] * 4)
    for _ in range(2):
        client.messages.create(**wire.ASK)
    claude_otel.uninstrument()
    config = tmp_path / "claude-otel.yaml"
    config.write_text("prices:\n  discount: 50\n")
    monkeypatch.setenv("CLAUDE_OTEL_CONFIG", str(config))
    exported.instrument()
    for _ in range(2):
        client.messages.create(**wire.ASK)
    costs = [dict(span.attributes or {})[t.COST] for span in exported.spans]
    assert costs == pytest.approx([costs[0]] * 2 + [costs[0] / 2] * 2)


def test_kinds_are_forgotten_when_their_points_are(exported: Exported) -> None:
    """A kind holds points and rows of the instruments, and goes with them."""
    client = wire.client(*[wire.Answer(wire.MESSAGE)] * 4)
    made = []
    with mock.patch.object(recorder, "account_of", side_effect=recorder.account_of) as account_of:
        for turn in range(4):
            if turn == 2:
                metrics.instruments(exported.meter_provider, "", {}).forget_points()
            client.messages.create(**wire.ASK)
            exported.value("claude.calls")
            made.append(account_of.call_count)
    assert made == [1, 1, 2, 2]
    assert exported.value(t.CALLS_METRIC.name) == 4
    assert exported.value(t.DURATION_METRIC.name) == 4
