"""The events: one for each call, one more for each error, at a severity by blame."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

import claude_otel
import wire
from claude_otel import telemetry as t
from claude_otel.events import SEVERITY
from conftest import Exported
from wire import ASK


def fail(status: int, kind: str, code: str | None = None) -> None:
    with contextlib.suppress(wire.anthropic.APIStatusError):
        wire.client(wire.error(status, kind, code=code), max_retries=0).messages.create(**ASK)


def told(exported: Exported) -> list[tuple[str, str]]:
    """The names and severities of the events, in order."""
    records = [data.log_record for data in exported._events.get_finished_logs()]
    return [(str(record.event_name), str(record.severity_text)) for record in records]


BLAMED = [
    (529, "overloaded_error", None, "ERROR"),
    (400, "invalid_request_error", None, "ERROR"),
    (429, "rate_limit_error", "enforced_spend_limit_reached", "ERROR"),
    (429, "rate_limit_error", None, "WARN"),
    (408, "timeout_error", None, "WARN"),
]


@pytest.mark.parametrize(("status", "kind", "code", "severity"), BLAMED)
def test_an_error_has_a_severity_by_blame(
    exported: Exported, status: int, kind: str, code: str | None, severity: str
) -> None:
    """What somebody has to look at is an error; what passes by itself is a warning."""
    fail(status, kind, code)
    assert told(exported) == [("claude.call", "INFO"), ("claude.error", severity)]
    assert exported.events("claude.error") == exported.events("claude.call")


def test_every_blame_has_a_severity() -> None:
    """Also those that are no errors."""
    from claude_otel.blame import Blame

    assert set(SEVERITY) == set(Blame.__args__)  # type: ignore[attr-defined]


def test_a_call_that_went_well_is_one_event(exported: Exported) -> None:
    """At INFO."""
    wire.client().messages.create(**ASK)
    assert told(exported) == [("claude.call", "INFO")]


def test_a_cancelled_call_is_no_error(exported: Exported) -> None:
    """The application wanted it to end."""
    with contextlib.suppress(KeyboardInterrupt):
        wire.client(KeyboardInterrupt()).messages.create(**ASK)
    assert told(exported) == [("claude.call", "INFO")]


def test_a_cut_stream_is_an_error(exported: Exported) -> None:
    """The application got half an answer."""
    list(wire.client(wire.stream(*wire.BEGUN)).messages.create(**ASK, stream=True))
    assert told(exported) == [("claude.call", "INFO"), ("claude.error", "ERROR")]


@pytest.fixture(params=["all", "errors", "off"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each value of `CLAUDE_OTEL_LOGS`."""
    monkeypatch.setenv("CLAUDE_OTEL_LOGS", request.param)
    return str(request.param)


@pytest.fixture
def moded(mode: str) -> Iterator[Exported]:
    """Instrumented in that mode."""
    kept = Exported()
    kept.instrument()
    yield kept
    claude_otel.uninstrument()


def test_the_modes(moded: Exported, mode: str) -> None:
    """`all` calls, only `errors`, or none; spans and metrics go on."""
    wire.client().messages.create(**ASK)
    fail(529, "overloaded_error")
    expected = {
        "all": [("claude.call", "INFO"), ("claude.call", "INFO"), ("claude.error", "ERROR")],
        "errors": [("claude.error", "ERROR")],
        "off": [],
    }
    assert told(moded) == expected[mode]
    assert len(moded.spans) == moded.value("claude.calls") == 2


def test_an_event_has_the_trace_of_its_call(exported: Exported) -> None:
    """So that a log leads to the trace."""
    list(wire.client().messages.create(**ASK, stream=True))
    (data,) = exported._events.get_finished_logs()
    (span,) = exported.spans
    assert span.context is not None
    assert (data.log_record.trace_id, data.log_record.span_id) == (span.context.trace_id, span.context.span_id)
    assert data.instrumentation_scope is not None
    assert data.instrumentation_scope.name == "claude_otel"


def test_what_is_on_spans_and_events_is_in_the_table(exported: Exported) -> None:
    """With the type that the table says."""
    types = {"string": str, "int": int, "double": float, "boolean": bool, "string[]": tuple, "map": dict}
    wire.client(wire.error(529), wire.Answer(wire.MESSAGE, headers=wire.LIMITS)).messages.create(**ASK)
    fail(429, "rate_limit_error", "ramp_limit_exceeded")
    list(wire.client(wire.stream(*wire.BEGUN)).messages.create(**ASK, stream=True))
    wire.client().messages.count_tokens(model="m", messages=ASK["messages"])
    described = {attribute.name: attribute for attribute in t.ATTRIBUTES}
    for home, found in (
        ("span", [dict(span.attributes or {}) for span in exported.spans]),
        ("event", exported.events()),
    ):
        assert len(found) == 4
        for name, value in ((name, value) for attributes in found for name, value in attributes.items()):
            assert home in described[name].on, name
            assert type(value) is types[described[name].type], (name, value)
