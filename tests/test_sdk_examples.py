"""Real programs: the SDK's own examples, unmodified, export what the fake API's journal says they used."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

import journal_truth
from claude_otel.fakeapi import SEEDED_BATCH_ID, Entry, FakeAPI
from programs import run
from receiver import Receiver
from sdk_source import examples


class Example(NamedTuple):
    """An example: the calls that it makes, the HTTP requests these take, and what it is given."""

    name: str
    calls: int
    requests: int
    argument: str = ""
    stdin: str = ""


EXAMPLES = (
    Example("messages", 2, 2),
    Example("messages_stream", 1, 1),
    Example("tools", 2, 2),
    Example("tools_stream", 1, 1),
    Example("tools_runner", 2, 2),
    Example("structured_outputs", 1, 1),
    Example("structured_outputs_streaming", 1, 1),
    Example("thinking", 1, 1),
    Example("thinking_stream", 1, 1),
    Example("web_search", 1, 1),
    Example("web_search_stream", 1, 1),
    Example("message_threads", 8, 8),
    Example("images", 1, 1),
    Example("batch_results", 1, 1, argument=SEEDED_BATCH_ID),
    Example("fallbacks", 3, 4),
    Example("tools_runner_search_tool", 3, 3),
    Example("tools_runner_deferred_streaming", 3, 3, stdin="y\n"),
)


class Ran(NamedTuple):
    """An example that has run, what was served to it, and what it exported."""

    example: Example
    served: list[Entry]
    exported: Receiver


@pytest.fixture(scope="module", params=EXAMPLES, ids=[example.name for example in EXAMPLES])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """One example after the other, each against a fake API and a receiver of its own."""
    example: Example = request.param
    with FakeAPI(seed=0) as api, Receiver() as exported:
        script = str(examples() / f"{example.name}.py")
        arguments = [script, *([example.argument] if example.argument else [])]
        folder: Path = tmp_path_factory.mktemp(example.name)
        done = run(arguments, api.environment, exported.environment, cwd=folder, stdin=example.stdin)
        assert (done.returncode, done.stderr) == (0, "")
        served = [entry for entry in api.journal.entries if entry.endpoint in ("messages", "batch_results")]
        yield Ran(example, served, exported)


def operation(ran: Ran) -> str:
    """What the calls of the example that bear tokens are."""
    return "batch_results" if ran.example.argument else "chat"


def test_calls(ran: Ran) -> None:
    """Each call has one span that bears tokens, one event, and is counted once; each request is an attempt."""
    assert len(ran.served) == ran.example.requests
    assert all(entry.status == 200 and entry.complete for entry in ran.served)
    spans = ran.exported.token_spans
    assert [span.scope for span in spans] == ["claude_otel"] * ran.example.calls
    assert len([event for event in ran.exported.events() if "gen_ai.usage.input_tokens" in event]) == len(spans)
    counted = {"gen_ai__operation__name": operation(ran)}
    assert ran.exported.value("claude.calls", claude__outcome="completed", **counted) == ran.example.calls
    assert ran.exported.value("claude.calls", **counted) == ran.example.calls
    assert ran.exported.value("claude.attempts", http__response__status_code="200", **counted) == ran.example.requests
    assert ran.exported.value("gen_ai.client.inference.duration", **counted) == ran.example.calls
    assert ran.exported.value("claude.active_calls") == 0
    assert ran.exported.value("claude.instrumentation.errors") == 0


def test_request_ids(ran: Ran) -> None:
    """The request ids on spans and events are those that were served; of a fallback in the client, the last one."""
    served = [entry.request_id for entry in ran.served]
    if ran.example.name == "fallbacks":
        del served[1]
    assert [span.attributes["anthropic.request.id"] for span in ran.exported.token_spans] == served
    events = [event for event in ran.exported.events() if "gen_ai.usage.input_tokens" in event]
    assert [event["anthropic.request.id"] for event in events] == served


def test_tokens(ran: Ran) -> None:
    """The tokens of each kind on spans, on events and in the counters are those that were served."""
    truth = journal_truth.tokens(journal_truth.usages(ran.served))
    assert truth["input"] > 0
    assert truth["output"] > 0
    for records in ([span.attributes for span in ran.exported.token_spans], ran.exported.events()):
        for kind, attribute in journal_truth.ATTRIBUTES.items():
            assert sum(record.get(attribute, 0) for record in records) == truth[kind], kind
    for kind, metric in journal_truth.METRICS.items():
        assert ran.exported.value(metric) == truth[kind], kind
    for life in ("5m", "1h"):
        assert ran.exported.value(journal_truth.CACHE_WRITE, claude__cache__ttl=life) == truth[f"cache_write_{life}"]


def test_cents(ran: Ran) -> None:
    """The money on spans, on events and in the counter is what the answers cost by prices of the tests' own."""
    truth = journal_truth.usd(ran.served)
    assert truth > 0
    spans = sum(Decimal(span.attributes["gen_ai.usage.cost"]) for span in ran.exported.token_spans)
    events = sum(Decimal(event.get("gen_ai.usage.cost", 0)) for event in ran.exported.events())
    counter = Decimal(ran.exported.value("claude.cost"))
    assert abs(spans - truth) < Decimal("1e-9")
    assert abs(events - truth) < Decimal("1e-9")
    assert abs(counter - truth) < Decimal("1e-9")
    assert ran.exported.value("claude.unpriced_calls") == 0
