"""Answers that no API should give: an application gets what the SDK makes of them, as if nothing recorded its calls.

`make test-hostile` is the same comparison over many more answers.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wire
from conftest import Exported
from hostile.answers import DEEP, VALUES, Answer, answer, encoded
from hostile.calls import WAYS
from hostile.compare import CLIENTS, Case, case, compared
from hostile.planted import BUGS, planted
from wire import ASK, MESSAGE, STOP, end, start, stream, text

JSON = ((b"content-type", b"application/json"),)
EVENTS = ((b"content-type", b"text/event-stream"),)

AS_ITSELF = settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@AS_ITSELF
@given(st.randoms(use_true_random=False))
def test_an_application_cannot_tell(chance: Random) -> None:
    """Any way of asking, any client, any answer: the same result or exception, and a record that can be."""
    assert compared([case(chance)]).wrong == []


@AS_ITSELF
@given(st.sampled_from(sorted(WAYS)), st.booleans(), st.binary(max_size=200), st.integers(100, 999))
def test_any_bytes(way: str, asynchronous: bool, body: bytes, status: int) -> None:
    """Bytes that are of no kind, as the body of any status."""
    answers = tuple(Answer(status, kind, (body,)) for kind in (EVENTS if way in STREAMED else JSON, JSON))
    assert compared([Case("", way, "plain", asynchronous, answers)]).wrong == []


STREAMED = frozenset(name for name, way in WAYS.items() if way.kinds[0] == "stream")

ANYTHING = st.recursive(
    st.sampled_from(VALUES) | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(wire.USAGE)), inner, max_size=4),
    max_leaves=8,
)


@AS_ITSELF
@given(st.dictionaries(st.sampled_from([*MESSAGE, *wire.USAGE]), ANYTHING), ANYTHING, st.sampled_from(sorted(CLIENTS)))
def test_any_values(changes: dict[str, Any], usage: Any, client: str) -> None:
    """Fields of a message and of its usage with values of any type, sent at once and as a stream."""
    chance = Random(0)
    message = encoded(chance, {**MESSAGE, **changes, "usage": usage})
    opened = {"type": "message_start", "message": {**MESSAGE, **changes, "usage": changes}}
    events = [opened, *text("tea"), {"type": "message_delta", "delta": changes, "usage": usage}, STOP]
    streamed = b"".join(
        b"event: %s\ndata: %s\n\n" % (event["type"].encode(), encoded(chance, event)) for event in events
    )
    cases = [
        Case("", "beta_create", client, False, (Answer(200, JSON, (message,)),)),
        Case("", "beta_create_stream", client, True, (Answer(200, EVENTS, (streamed,)),)),
    ]
    assert compared(cases).wrong == []


# What was found by it, each for itself.

ENORMOUS = (10**12 + 1, 2**63, 10**400)


@pytest.mark.parametrize("tokens", ENORMOUS)
def test_a_number_that_no_counter_holds_is_not_a_count(tokens: int, exported: Exported) -> None:
    """Neither counted nor billed: an exporter of 64-bit numbers would fail with all else that it had to send."""
    usage = {
        "input_tokens": 3,
        "output_tokens": tokens,
        "cache_read_input_tokens": tokens,
        "cache_creation_input_tokens": tokens,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": tokens},
        "output_tokens_details": {"thinking_tokens": tokens},
        "server_tool_use": {"web_search_requests": tokens},
    }
    wire.client(wire.Answer(wire.message(usage=usage))).messages.create(**ASK)
    (event,) = exported.events()
    assert (event["gen_ai.usage.input_tokens"], event["gen_ai.usage.output_tokens"]) == (7, 0)
    assert event["gen_ai.usage.cost"] == pytest.approx(3 * 4e-6 + 4 * 5e-6)
    assert exported.value("gen_ai.client.inference.usage.input_tokens") == 7


@pytest.mark.parametrize("tokens", [-1, *ENORMOUS, True, "7"])
def test_count_tokens_tells_no_count(tokens: Any, exported: Exported) -> None:
    """What is no count is left out."""
    asked = {"model": ASK["model"], "messages": ASK["messages"]}
    wire.client(wire.Answer({"input_tokens": tokens})).messages.count_tokens(**asked)
    assert "anthropic.message.count_tokens.input_tokens" not in exported.span()


def test_half_a_surrogate_pair_is_no_name(exported: Exported) -> None:
    """JSON can have one, UTF-8 cannot: an exporter would leave out what bears it, and complain."""
    wire.client(wire.Answer(wire.message(id="msg_\ud800", model="\udfff", stop_reason="\ud800"))).messages.create(**ASK)
    (event,) = exported.events()
    assert not event.keys() & {"gen_ai.response.id", "gen_ai.response.model", "anthropic.message.stop_reason"}


def test_an_event_whose_type_is_a_list(exported: Exported) -> None:
    """It is one of the events that say nothing."""
    odd = b'event: message_delta\ndata: {"type": ["message_stop"]}\n\n'
    assert len(list(wire.client(stream(start(), odd, *text("tea"), end(), STOP)).messages.create(**ASK, stream=True)))
    assert exported.span()["claude.outcome"] == "completed"


@pytest.mark.parametrize("status", [200, 400, 529])
def test_json_that_is_too_deep(status: int, exported: Exported) -> None:
    """`json` gives up with an exception of its own, which is no `ValueError`."""
    body = encoded(Random(0), {"type": "error", "error": DEEP})
    client = wire.client(wire.Answer(body, status, {"x-should-retry": "false"}))
    with pytest.raises(Exception):  # noqa: B017, PT011
        client.messages.create(**ASK)
    assert exported.span()["claude.outcome"] == "error"


def test_json_that_is_too_deep_read_by_the_application(exported: Exported) -> None:
    """As one of the events, and as the whole of an answer."""
    deep = encoded(Random(0), {"type": "message_delta", "usage": DEEP})
    client = wire.client(stream(start(), b"data: " + deep + b"\n\n", end(), STOP), wire.Answer(deep))
    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        response.read()
    with client.messages.with_streaming_response.create(**ASK) as response:
        assert len(b"".join(response.iter_bytes())) == len(deep)
    assert [event["claude.outcome"] for event in exported.events()] == ["completed", "truncated"]


@pytest.mark.parametrize("url", ["v1/messages", "/v1/messages", "https://api.anthropic.com/v1/messages"])
def test_a_path_that_begins_without_a_slash(url: str, exported: Exported) -> None:
    """The SDK asks the same of the API: the URL of a batch's results comes from an answer, others from applications."""
    wire.client().post(url, body={**ASK}, cast_to=object)
    assert exported.span()["gen_ai.operation.name"] == "chat"


def test_an_unread_answer_on_the_sdks_own_span() -> None:
    """The SDK ends its span when the connection is cut, though nobody has read the body."""
    cut = Answer(200, JSON, (b"{",), "timeout")
    for asynchronous in (False, True):
        assert compared([Case("", "streaming_unread", "traced", asynchronous, (cut,))]).wrong == []


# That the comparison sees what it is for.


def test_answers_are_of_every_kind() -> None:
    """The generator makes what is hostile in every way that it is meant to."""
    chance = Random(1)
    made = [answer(chance, kind) for _ in range(1500) for kind in ("message", "stream")]
    bodies = [b"".join(each.pieces) for each in made]
    assert {bool(each.breaks) for each in made} == {True, False}
    assert len({each.status for each in made}) > 25
    assert not all(decodes(body) for body in bodies)
    assert sum(not body for body in bodies) > 10
    for part in (b'"unheard_of"', b"NaN", b"-1000", b'"iterations"', b"\\ud800", b"event: error", b"[[[[", b"9" * 400):
        assert sum(part in body for body in bodies) > 5, part


def decodes(body: bytes) -> bool:
    """Whether `body` is UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_bugs_can_still_be_planted(bug: Any) -> None:
    """The text that each of them changes is there, once. `make test-hostile` plants them, and looks for them."""
    for file in {change.file for change in bug.changes}:
        assert planted(bug, file) != planted(None, file)


def test_a_case_is_the_same_again() -> None:
    """What a seed and a number make can be made again."""
    assert case(Random("1/5")) == case(Random("1/5"))
    assert json.dumps(str(case(Random("1/5")))) != json.dumps(str(case(Random("1/6"))))
