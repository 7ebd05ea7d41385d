"""The journal of a fake API: one entry for each request, with what the client was told and what is billed."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_otel.fakeapi import FakeAPI, ManualClock, tokens_of
from fakeapi_clients import HELLO, MODEL, client, user


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    """A fake API at a fixed time."""
    with FakeAPI(seed=0, clock=ManualClock(1_795_000_000.0)) as served:
        yield served


def test_an_entry(api: FakeAPI) -> None:
    """Everything there is to know about a call."""
    message = client(api).messages.create(**HELLO, extra_headers={"x-mark": "planted"})
    api.journal.wait_finished(1)
    (entry,) = api.journal.entries
    usage = message.usage.to_dict()
    assert (entry.headers["x-mark"], json.loads(entry.body)) == ("planted", HELLO)
    shown = {name: value for name, value in entry.to_json().items() if name not in ("headers", "body")}
    assert shown == {
        "sequence": 1,
        "time": 1_795_000_000.0,
        "method": "POST",
        "path": "/v1/messages",
        "endpoint": "messages",
        "platform": "anthropic",
        "model_requested": MODEL,
        "model_served": MODEL,
        "request_id": "req_01s0000000000001",
        "message_id": "msg_01s0000000000001",
        "status": 200,
        "error_type": None,
        "error_code": None,
        "fault": None,
        "stream": False,
        "retry_count": 0,
        "message_start_sent": False,
        "message_delta_sent": False,
        "message_stop_sent": False,
        "complete": True,
        "client_closed": False,
        "stop_reason": "end_turn",
        "usage": usage,
        "bill": [{"type": "message", "model": MODEL, **usage, "web_search_requests": 0}],
        "batch_id": None,
        "batch_rows": [],
        "workspace": "wrkspc_fake_default",
        "finished": True,
    }


def test_the_usage_of_a_stream_is_merged(api: FakeAPI) -> None:
    """What message_start told stays where message_delta tells nothing."""
    with client(api).messages.stream(**HELLO) as stream:
        message = stream.get_final_message()
    (entry,) = api.journal.completed
    assert entry.usage == message.usage.to_dict()
    assert (entry.message_start_sent, entry.message_delta_sent, entry.message_stop_sent) == (True, True, True)


def test_totals(api: FakeAPI) -> None:
    """Tokens of each kind, over all messages that were served whole."""
    api.fault("cut_before_message_delta", text="Bye")
    for text in ("Hello!", "Hello!", "Bye"):
        with client(api).messages.stream(**user(text)) as stream:
            stream.until_done()
    expected = {"input": 4, "cache_read": 0, "cache_write_5m": 0, "cache_write_1h": 0, "output": 26}
    assert api.journal.usage_totals() == expected
    assert api.journal.billed_totals() == expected
    assert api.journal.billed_totals(api.journal.messages)["output"] == 26 + 12
    assert (len(api.journal.messages), len(api.journal.completed)) == (3, 2)


def test_retries_are_attempts_of_one_call(api: FakeAPI) -> None:
    """Three requests, one call."""
    api.fault("overloaded", times=2)
    client(api).messages.create(**HELLO)
    assert [entry.retry_count for entry in api.journal.messages] == [0, 1, 2]
    assert [entry.sequence for entry in api.journal.first_attempts] == [1]
    assert api.journal.statuses() == {529: 2, 200: 1}


def test_an_entry_is_found_by_its_request_id(api: FakeAPI) -> None:
    """The id a client has leads to what was served to it."""
    message = client(api).messages.create(**HELLO)
    assert api.journal.request(message._request_id).message_id == message.id
    with pytest.raises(KeyError):
        api.journal.request("req_nobody")


def test_clear_and_wait(api: FakeAPI) -> None:
    """A journal can be emptied; waiting for what does not come ends with an error."""
    client(api).messages.create(**HELLO)
    api.journal.clear()
    assert api.journal.entries == []
    with pytest.raises(TimeoutError, match="The journal of 0 requests"):
        api.journal.wait_finished(1, timeout=0.01)


def test_a_journal_without_bodies() -> None:
    """Headers and bodies can be left out."""
    with FakeAPI(keep_bodies=False) as api:
        client(api).messages.create(**HELLO)
        (entry,) = api.journal.entries
        assert (entry.headers, entry.body, entry.status) == ({}, "", 200)


def test_a_journal_file(tmp_path: Path) -> None:
    """Each request is a line, once it has been served."""
    path = tmp_path / "journal.jsonl"
    with FakeAPI(journal=path) as api:
        client(api).messages.create(**HELLO)
    (line,) = path.read_text().splitlines()
    assert tokens_of(json.loads(line)["usage"])["output"] == 13


def test_the_journal_over_http(api: FakeAPI) -> None:
    """A program in another process reads the entries, from a sequence number on."""
    for _ in range(2):
        client(api).messages.create(**HELLO)
    with urllib.request.urlopen(f"{api.url}/_fake/journal?since=1") as response:
        assert [entry["sequence"] for entry in json.load(response)] == [2]


def test_the_fake_imports_nothing_of_the_rest() -> None:
    """The truth that tests compare with shares no code with what they test."""
    code = "import sys, claude_otel.fakeapi; print(*[name for name in sys.modules if name.startswith('claude_otel')])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in shown if not name.startswith("claude_otel.fakeapi")] == own_package()


def own_package() -> list[str]:
    """What `import claude_otel` alone brings: Python imports a package before what is in it."""
    code = "import sys, claude_otel; print(*[name for name in sys.modules if name.startswith('claude_otel')])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_no_module_of_the_fake_names_the_rest() -> None:
    """Nor does any of its modules import it later."""
    import claude_otel.fakeapi

    folder = Path(claude_otel.fakeapi.__file__).parent
    assert not [path.name for path in folder.glob("*.py") if "claude_otel" in code_of(path)]


def code_of(path: Path) -> str:
    """The import lines of a module."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return "\n".join(line for line in lines if line.startswith(("import ", "from ")))
