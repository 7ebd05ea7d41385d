"""Programs that end at once, by an exception or in the middle of a stream, lose no telemetry."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

import journal_truth
from claude_otel.fakeapi import FakeAPI
from programs import run
from receiver import Receiver
from truth import truth_cost

ASK = """
import anthropic
client = anthropic.Anthropic()
ask = dict(model="claude-opus-5-5", max_tokens=100, messages=[{"role": "user", "content": "Hello"}])
"""

SCRIPTS = {
    "ends": ("client.messages.create(**ask)", 0, "completed"),
    "exits with a status": ("client.messages.create(**ask); raise SystemExit(3)", 3, "completed"),
    "raises": ("client.messages.create(**ask); raise RuntimeError('ours')", 1, "completed"),
    "fails by the API": (
        "client.messages.create(**ask, extra_headers={'x-fake-fault': 'invalid_request'})",
        1,
        "error",
    ),
    "leaves a stream open": ("stream = client.messages.create(**ask, stream=True); next(stream)", 0, "abandoned"),
    "raises in a stream": (
        "with client.messages.stream(**ask) as stream:\n  for event in stream: raise RuntimeError('ours')",
        1,
        "closed_early",
    ),
    "exits in a stream": (
        "for event in client.messages.create(**ask, stream=True): raise SystemExit(3)",
        3,
        "abandoned",
    ),
    "goes on in a thread": (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.3), client.messages.create(**ask))).start()",
        0,
        "completed",
    ),
    "leaves a stream open in a daemon thread": (
        "import threading, time\n"
        "opened = threading.Event()\n"
        "def reads():\n"
        "  for event in client.messages.create(**ask, stream=True): opened.set(); time.sleep(600)\n"
        "threading.Thread(target=reads, daemon=True).start()\n"
        "opened.wait()",
        0,
        "abandoned",
    ),
    "leaves an async stream open": (
        "import asyncio\n"
        "async def main():\n"
        "  global stream\n"
        "  stream = await anthropic.AsyncAnthropic().messages.create(**ask, stream=True)\n"
        "  await anext(stream)\n"
        "asyncio.run(main())",
        0,
        "abandoned",
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_everything_is_exported(name: str, tmp_path: Path) -> None:
    """The one call of a short script is exported as a span, an event and metrics, however the script ends."""
    text, status, outcome = SCRIPTS[name]
    script = tmp_path / "script.py"
    script.write_text(ASK + text)
    with FakeAPI() as api, Receiver() as received:
        done = run([str(script)], api.environment, received.environment, cwd=tmp_path)
        (entry,) = api.journal.messages
    assert done.returncode == status, done.stderr
    # What the HTTP library's generators print when a loop closes them in no order, they print without us too.
    assert done.stderr == "" or status == 1 or "async" in name
    (span,) = [span for span in received.spans if span.scope == "claude_otel"]
    (event,) = received.events()
    for record in (span.attributes, event):
        assert (record["claude.outcome"], record["anthropic.request.id"]) == (outcome, entry.request_id)
    assert received.value("claude.calls", claude__outcome=outcome) == received.value("claude.calls") == 1
    assert received.value("claude.active_calls") == 0
    assert len(received.events("claude.error")) == (outcome == "error")


@pytest.mark.parametrize("name", ["ends", "leaves a stream open"])
def test_what_is_known_is_billed(name: str, tmp_path: Path) -> None:
    """A whole answer is billed whole; of a stream that was left, the input is known and the output is not."""
    script = tmp_path / "script.py"
    script.write_text(ASK + SCRIPTS[name][0])
    with FakeAPI() as api, Receiver() as received:
        run([str(script)], api.environment, received.environment, cwd=tmp_path)
        (entry,) = api.journal.messages
    usage = dict(entry.usage or {})
    if name != "ends":
        usage |= {"output_tokens": 0}
    truth = journal_truth.tokens([usage])
    assert received.value("gen_ai.client.inference.usage.input_tokens") == truth["input"] > 0
    assert received.value("gen_ai.client.inference.usage.output_tokens") == truth["output"]
    cost = truth_cost(usage, "claude-opus-5-5", at=entry.time)
    assert abs(Decimal(received.value("claude.cost")) - cost) < Decimal("1e-9")
