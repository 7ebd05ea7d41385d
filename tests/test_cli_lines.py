"""The line of a call."""

from typing import Any

import pytest

from claude_otel.cli.fmt import ESCAPE, Style
from claude_otel.cli.lines import call_line
from claude_otel.cli.record import read
from cli_child import chat, event, failed

PLAIN = Style(False)


def line(attributes: dict[str, Any], columns: int | None = None) -> str:
    return call_line(read(event(attributes)), PLAIN, columns)


OPUS = "claude-opus-5-5 chat checkout-chat"
LINES = [
    (
        chat(),
        f"{OPUS} 1.24s ttft 0.41s in 12.3k (94% cached) out 512 $0.0132 end_turn req_011CSHoEeqs5C35K2UUqR7Fy",
    ),
    (failed(), f"{OPUS} 0.82s 529 overloaded_error provider 3 attempts req_011CSHoEeqs5C35K2UUqR7Fz"),
    (
        chat(unpriced=True, cost=None, cache_read_tokens=None),
        f"{OPUS} 1.24s ttft 0.41s in 12.3k out 512 unpriced end_turn req_011CSHoEeqs5C35K2UUqR7Fy",
    ),
    (
        failed(status_code=429, blame="budget", error_type="rate_limit_error", attempts=1,
               error_code="enforced_spend_limit_reached"),
        f"{OPUS} 0.82s 429 rate_limit_error enforced_spend_limit_reached budget req_011CSHoEeqs5C35K2UUqR7Fz",
    ),
    (
        failed(status_code=None, blame="network", error_type="connection_error", request_id=None),
        f"{OPUS} 0.82s connection_error network 3 attempts",
    ),
    (
        failed(status_code=200, outcome="cancelled", blame="cancelled", error_type=None, attempts=1),
        f"{OPUS} 0.82s cancelled req_011CSHoEeqs5C35K2UUqR7Fz",
    ),
    (
        chat(outcome="closed_early", stop_reason=None, output_tokens=None, cost=None),
        f"{OPUS} 1.24s ttft 0.41s in 12.3k (94% cached) closed_early req_011CSHoEeqs5C35K2UUqR7Fy",
    ),
    (
        chat(blame="refused", stop_reason="refusal", cost=0.0, output_tokens=None, time_to_first_text=None),
        f"{OPUS} 1.24s refused in 12.3k (94% cached) $0.0000 refusal req_011CSHoEeqs5C35K2UUqR7Fy",
    ),
    (
        failed(outcome="truncated", status_code=200, error_type="api_error", attempts=1, input_tokens=900),
        f"{OPUS} 0.82s 200 api_error provider in 900 truncated req_011CSHoEeqs5C35K2UUqR7Fz",
    ),
    (
        chat(operation="count_tokens", input_tokens=None, cache_read_tokens=None, output_tokens=None, cost=None,
             stop_reason=None, time_to_first_text=None, counted_input_tokens=8123),
        "claude-opus-5-5 count_tokens checkout-chat 1.24s counted 8.1k req_011CSHoEeqs5C35K2UUqR7Fy",
    ),
    (
        chat(operation="batch_results", surface="nightly-batch", batch_id="msgbatch_1", batch_requests=20,
             batch_failed=2, stop_reason=None, time_to_first_text=None, cache_read_tokens=None),
        "claude-opus-5-5 batch_results nightly-batch 1.24s 20 results (2 failed) in 12.3k out 512 $0.0132 "
        "req_011CSHoEeqs5C35K2UUqR7Fy",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("attributes", "expected"), LINES)
def test_a_call_is_one_line(attributes: dict[str, Any], expected: str) -> None:
    """Who called, what came back, what it cost, and the request id."""
    assert line(attributes) == expected


def test_a_narrow_terminal_gets_a_shorter_line() -> None:
    """What can be guessed goes first, then the request id, which a call that went well does not need."""
    assert line(chat(), 130) == line(chat())
    assert line(chat(), 120).endswith("$0.0132 req_011CSHoEeqs5C35K2UUqR7Fy")
    assert line(chat(), 100).endswith("(94% cached) out 512 $0.0132 …UqR7Fy")
    assert len(line(chat(), 80)) <= 80


def test_a_failed_call_keeps_its_request_id() -> None:
    """It is what support asks for."""
    assert line(failed(), 60).endswith("req_011CSHoEeqs5C35K2UUqR7Fz")


def test_colours_change_nothing_but_colour() -> None:
    """The same words with and without."""
    call = read(event(failed()))
    assert ESCAPE.sub("", call_line(call, Style(True))) == call_line(call, PLAIN)


def test_an_event_without_attributes_is_still_a_line() -> None:
    """Nothing is taken for granted."""
    assert line({}) == "- unknown unknown - unknown"
