"""Calls are found again in the Collector's files, whatever happened to these."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from claude_otel.cli import call_files
from claude_otel.cli.call_files import kept_calls, reversed_lines
from claude_otel.cli.commands import app

SECOND = 1_000_000_000


def value(each: Any) -> dict[str, Any]:
    """A value as OTLP JSON has it."""
    if isinstance(each, int):
        return {"intValue": str(each)}
    if isinstance(each, list):
        return {"arrayValue": {"values": [value(item) for item in each]}}
    return {"doubleValue": each} if isinstance(each, float) else {"stringValue": each}


def event(at: float, name: str = "claude.call", **attributes: Any) -> dict[str, Any]:
    """A log record; dots of a name are `__`."""
    pairs = [{"key": key.replace("__", "."), "value": value(each)} for key, each in attributes.items()]
    return {"timeUnixNano": str(int(at * SECOND)), "eventName": name, "body": {}, "attributes": pairs}


def line(*records: dict[str, Any]) -> str:
    """A line of the file: one export request."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    request = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {}, "logRecords": list(records)}]}]}
    return json.dumps(request, separators=(",", ":"))


def call(at: float, request_id: str, surface: str = "chat", **more: Any) -> dict[str, Any]:
    """A `claude.call` event."""
    named = {"anthropic__request__id": request_id, "claude__surface": surface, "gen_ai__operation__name": "chat"}
    return event(at, **named, gen_ai__response__model="claude-test", claude__outcome="completed", **more)


def ids(directory: Path, containing: str = "") -> list[str]:
    """The request ids of all calls that are kept."""
    return [each.attributes["anthropic.request.id"] for each in kept_calls(directory, containing)]


def shown(directory: Path, *options: str) -> tuple[int, list[str]]:
    """The exit code of `claude-otel calls` and its lines."""
    ran = CliRunner().invoke(app, ["calls", "--dir", str(directory), *options])
    return ran.exit_code, ran.stdout.splitlines()


def test_newest_file_first(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(line(call(5, "e")) + "\n" + line(call(6, "f"), call(7, "g")) + "\n")
    (tmp_path / "calls-2026-11-21T10-00-00.000.jsonl").write_text(line(call(1, "a")) + "\n")
    (tmp_path / "calls-2026-11-21T11-00-00.000.jsonl").write_text(line(call(3, "c")) + "\n")
    assert ids(tmp_path) == ["g", "f", "e", "c", "a"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_truncated_last_line(tmp_path: Path, cut: int) -> None:
    """The Collector was killed while it wrote."""
    (tmp_path / "calls.jsonl").write_text(line(call(1, "a")) + "\n" + line(call(2, "b"))[:-cut])
    assert ids(tmp_path) == ["a"]


def test_line_behind_a_truncated_one(tmp_path: Path) -> None:
    """After a restart the Collector goes on where the cut line ends."""
    (tmp_path / "calls.jsonl").write_text(line(call(1, "a"))[:-20] + line(call(2, "b")) + "\n" + line(call(3, "c")))
    assert ids(tmp_path) == ["c", "b"]


def test_not_json_and_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_bytes(b"\n\xff\xfe\n\n" + line(call(1, "a")).encode() + b"\n{}\n[1]\n")
    assert ids(tmp_path) == ["a"]


def test_other_events_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(line(event(1, "claude.error"), call(2, "a")) + "\n")
    assert ids(tmp_path) == ["a"]


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 20])
def test_lines_from_the_end(tmp_path: Path, block: int) -> None:
    """Whatever the size of the pieces that are read."""
    (tmp_path / "f").write_text("one\ntwo is longer\n\nthree ✓\nlast")
    assert list(reversed_lines(tmp_path / "f", block)) == ["last", "three ✓", "two is longer", "one"]


def test_values_are_python_values(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(line(call(1, "a", tokens=12, usd=0.5, statuses=["529", "200"])) + "\n")
    (found,) = kept_calls(tmp_path)
    assert found.attributes["tokens"] == 12
    assert found.attributes["usd"] == 0.5
    assert found.attributes["statuses"] == ["529", "200"]
    assert (found.service, found.at) == ("shop", 1.0)


def test_by_request_id(tmp_path: Path) -> None:
    records = [call(number, f"req_{number:04}") for number in range(200)]
    (tmp_path / "calls.jsonl").write_text("".join(line(each) + "\n" for each in records))
    code, lines = shown(tmp_path, "--request-id", "req_0042")
    assert (code, len(lines)) == (0, 1)
    assert "claude-test chat chat" in lines[0]
    assert lines[0].endswith("req_0042")
    assert shown(tmp_path, "--request-id", "0042")[1] == lines


def test_by_surface_blame_and_limit(tmp_path: Path) -> None:
    records = [
        call(1, "a"),
        call(3, "c", "a <b>"),
        call(2, "b", claude__blame="provider"),
        call(4, "d", claude__blame="quota"),
    ]
    (tmp_path / "calls.jsonl").write_text("".join(line(each) + "\n" for each in records))
    assert [each[-1] for each in shown(tmp_path)[1]] == ["d", "c", "b", "a"]
    assert [each[-1] for each in shown(tmp_path, "--limit", "2")[1]] == ["d", "c"]
    assert [each[-1] for each in shown(tmp_path, "--surface", "a <b>")[1]] == ["c"]
    assert [each[-1] for each in shown(tmp_path, "--blame", "provider")[1]] == ["b"]


def test_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading ends where no call can be recent enough."""
    monkeypatch.setattr("time.time", lambda: 100_000.0)
    (tmp_path / "calls.jsonl").write_text(line(call(90_000, "old")) + "\n" + line(call(99_000, "new")) + "\n")
    (tmp_path / "calls-2026-11-21T10-00-00.000.jsonl").write_text("not read")
    looked = []
    monkeypatch.setattr(call_files, "reversed_lines", lambda file: looked.append(file.name) or reversed_lines(file))
    assert [each[-3:] for each in shown(tmp_path, "--since", "1h")[1]] == ["new"]
    assert looked == ["calls.jsonl"]


def test_json(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(line(call(1, "a")) + "\n")
    (told,) = shown(tmp_path, "--json")[1]
    assert json.loads(told)["attributes"]["anthropic.request.id"] == "a"
    assert json.loads(told)["service"] == "shop"


def test_no_such_call(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(line(call(1, "a")) + "\n")
    assert shown(tmp_path, "--request-id", "zzz") == (1, [])


@pytest.mark.parametrize("since", ["1 hour", "h", "-1h", ""])
def test_not_a_duration(tmp_path: Path, since: str) -> None:
    (tmp_path / "calls.jsonl").write_text(line(call(1, "a")) + "\n")
    ran = CliRunner().invoke(app, ["calls", "--dir", str(tmp_path), "--since", since])
    if since:
        assert "Say a number and a unit" in str(ran.exception)


def test_no_files(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["calls", "--dir", str(tmp_path)])
    assert "there is no calls.jsonl" in str(ran.exception)
