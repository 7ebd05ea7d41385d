"""Mistakes in the settings of an instrumented application: one warning, defaults, and the application goes on."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from claude_otel.fakeapi import FakeAPI
from programs import run
from receiver import Receiver

SCRIPT = """
import sys
import anthropic
message = anthropic.Anthropic().messages.create(
    model="claude-opus-5-5", max_tokens=100, messages=[{"role": "user", "content": "Hello"}]
)
print(message.stop_reason)
sys.exit(7)
"""


class Mistake(NamedTuple):
    """A wrong setting: its variable and value, what a file that it names holds, and what the warning says."""

    name: str
    variable: str
    value: str
    file: bytes | None
    says: str


MISTAKES = (
    Mistake("spans", "CLAUDE_OTEL_SPANS", "purple", None, "'purple' is not one of auto, own, native, off; using auto"),
    Mistake("logs", "CLAUDE_OTEL_LOGS", "some", None, "'some' is not one of all, errors, off; using all"),
    Mistake("baggage", "CLAUDE_OTEL_BAGGAGE", "maybe", None, "'maybe' is not one of false, true; using false"),
    Mistake("no key file", "CLAUDE_OTEL_USER_HASH_KEY_FILE", "none.key", None, "cannot be read (No such file"),
    Mistake("empty key file", "CLAUDE_OTEL_USER_HASH_KEY_FILE", "file", b"\n", "is empty; users are left out"),
    Mistake("no config", "CLAUDE_OTEL_CONFIG", "none.yaml", None, "cannot be read: No such file or directory"),
    Mistake("a folder", "CLAUDE_OTEL_CONFIG", ".", None, "cannot be read: Is a directory"),
    Mistake("no YAML", "CLAUDE_OTEL_CONFIG", "file", b"surfaces: [", "is not YAML"),
    Mistake("no text", "CLAUDE_OTEL_CONFIG", "file", b"\xff\xfe\x00", "is not YAML"),
    Mistake("a list", "CLAUDE_OTEL_CONFIG", "file", b"- surfaces", "has a list at the top where keys are expected"),
    Mistake("no rules", "CLAUDE_OTEL_CONFIG", "file", b"attribution: 3", "attribution"),
    Mistake("a budget", "CLAUDE_OTEL_CONFIG", "file", b"surfaces: {chat: {duration: soon}}", "surfaces.chat.duration"),
    Mistake("surfaces", "CLAUDE_OTEL_CONFIG", "file", b"surfaces: 5", "surfaces"),
    Mistake(
        "prices of a model", "CLAUDE_OTEL_CONFIG", "file", b"prices: {models: {m: {input: -1}}}", "m.output is missing"
    ),
    Mistake("prices", "CLAUDE_OTEL_CONFIG", "file", b"prices: cheap", "prices"),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_mistake_is_one_warning(mistake: Mistake, tmp_path: Path) -> None:
    """The warning names the setting; output, status and telemetry are as without the mistake."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    if mistake.file is not None:
        (tmp_path / "file").write_bytes(mistake.file)
    with FakeAPI() as api, Receiver() as received:
        wrong = {mistake.variable: mistake.value}
        done = run([str(script)], api.environment, received.environment, wrong, cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("end_turn\n", 7)
    (warning,) = done.stderr.splitlines()
    assert mistake.variable in warning
    assert mistake.says in warning
    assert [span.name for span in received.token_spans] == ["chat claude-opus-5-5"]
    assert len(received.events()) == received.value("claude.calls") == 1
    assert received.value("claude.cost") > 0


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    """Each mistake has its own warning, and the rest of the file is used."""
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "file").write_text(
        "surfaces: {chat: {duration: soon}}\n"
        "attribution: {rules: [{match: script, surface: chat}, {match: 1}]}\n"
        "prices: {discount: lots}\n"
    )
    wrong = {"CLAUDE_OTEL_CONFIG": "file", "CLAUDE_OTEL_SPANS": "purple", "CLAUDE_OTEL_LOGS": "some"}
    with FakeAPI() as api, Receiver() as received:
        done = run(["script.py"], api.environment, received.environment, wrong, cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("end_turn\n", 7)
    assert len(done.stderr.splitlines()) == 5
    assert [span.attributes["claude.surface"] for span in received.token_spans] == ["chat"]


def test_an_unreachable_exporter_stops_nothing(tmp_path: Path) -> None:
    """With nobody to export to, the application's output and status are its own."""
    (tmp_path / "script.py").write_text(SCRIPT)
    nobody = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    }
    with FakeAPI() as api:
        done = run(["script.py"], api.environment, nobody, cwd=tmp_path)
        assert len(api.journal.completed) == 1
    assert (done.stdout, done.returncode) == ("end_turn\n", 7)
    assert "claude_otel" not in done.stderr


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
