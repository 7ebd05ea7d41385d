"""`claude-otel run` on real programs that use the SDK against the fake API: what is reported is what was served."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from claude_otel.fakeapi import FakeAPI, Latency
from cli_child import TESTS, command, environment

PROGRAMS = TESTS / "cli_programs"

PATIENT = ("--timeout-worker-healthcheck", "60")
"""uvicorn ends a worker that takes more than five seconds to start, as on a machine that is busy with tests."""


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    """An API that takes a moment for each answer."""
    with FakeAPI(latency=Latency(first_token=0.02, per_token=0.0005)) as running:
        yield running


def run(api: FakeAPI, path: Path, *program: str) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """The report of `program`, and how it ended."""
    ended = subprocess.run(
        command("run", "--json", str(path), *program), cwd=PROGRAMS, env=environment(**api.environment),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return json.loads(path.read_text()), ended


def served(api: FakeAPI) -> dict[str, Any]:
    """What the journal says of the messages: calls, tokens, and ids of those that were served whole."""
    totals = api.journal.usage_totals()
    writes = totals["cache_write_5m"] + totals["cache_write_1h"]
    return {
        "calls": len(api.journal.first_attempts),
        "input": totals["input"] + totals["cache_read"] + writes,
        "output": totals["output"],
        "cache_read": totals["cache_read"],
        "cache_write": writes,
    }


def reported(report: dict[str, Any]) -> dict[str, Any]:
    """The same of the report."""
    tokens = {name: count for name, count in report["tokens"].items() if name != "reasoning"}
    return {"calls": report["calls_by_operation"]["chat"], **tokens}


def test_a_script(api: FakeAPI, tmp_path: Path) -> None:
    """One that streams, with a cached prompt, and ends as soon as its last call has."""
    report, ended = run(api, tmp_path / "r.json", "python", "chats.py", "6")
    assert ended.returncode == 0
    assert reported(report) == served(api)
    assert report["cache"]["hit_ratio"] > 0.8
    assert report["cost_usd"]["total"] > 0
    assert list(report["surfaces"]) == ["checkout-chat"]
    assert re.findall(r"req_\w+", ended.stderr) == api.journal.request_ids


def test_a_module(api: FakeAPI, tmp_path: Path) -> None:
    """`python -m`, with a call that fails, and an exit code of its own."""
    api.fault("overloaded", text="boom")
    report, ended = run(api, tmp_path / "r.json", "python", "-m", "shop")
    assert (ended.returncode, ended.stdout) == (5, "529\n")
    assert reported(report) == served(api)
    assert report["errors"]["by_blame"] == {"provider": 1}
    assert report["retries"] == {
        "calls": 1, "recovered": 0, "attempts": 3, "backoff_seconds": pytest.approx(0.01, abs=0.5),
    }  # fmt: skip
    (kind,) = report["errors"]["kinds"]
    assert kind["request_ids"] == [api.journal.messages[-1].request_id]


def test_an_async_program(api: FakeAPI, tmp_path: Path) -> None:
    """Twenty streams at once."""
    report, _ = run(api, tmp_path / "r.json", "python", "async_chats.py")
    assert report["calls"] == 20
    assert reported(report) == served(api)
    assert report["latency_seconds"]["duration"]["count"] == 20


@pytest.mark.parametrize(
    "server",
    [
        ("gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}", "web:wsgi"),
        ("gunicorn", "--workers", "2", "--preload", "--bind", "127.0.0.1:{port}", "web:wsgi"),
        ("uvicorn", "--workers", "2", *PATIENT, "--port", "{port}", "--log-level", "warning", "web:asgi"),
        ("uvicorn", "--port", "{port}", "--log-level", "warning", "web:asgi"),
    ],
    ids=["gunicorn", "gunicorn-preload", "uvicorn-workers", "uvicorn"],
)
def test_a_server_and_its_workers(api: FakeAPI, tmp_path: Path, server: tuple[str, ...]) -> None:
    """The calls of all workers are in one report when the server has been told to end."""
    port = free_port()
    process = subprocess.Popen(
        command("run", "--quiet", "--json", str(tmp_path / "r.json"), *(part.format(port=port) for part in server)),
        cwd=PROGRAMS, env=environment(**api.environment), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        workers = asked_until(port, wanted=2 if "--workers" in server else 1)
        time.sleep(1)  # more than what is waited for between two exports
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=180)
    report = json.loads((tmp_path / "r.json").read_text())
    assert reported(report) == served(api)
    assert report["processes"] == len(workers)
    assert f"{report['calls']}, 0 errors" in errors


def free_port() -> int:
    """A port that is free now."""
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def asked_until(port: int, wanted: int) -> set[str]:
    """The process ids of the workers, after as many of them as `wanted` have answered."""
    pids: set[str] = set()
    deadline = time.monotonic() + 60
    while len(pids) < wanted and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
                pids.add(answer.read().decode())
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    return pids


def test_a_program_sees_the_same_with_and_without(api: FakeAPI, tmp_path: Path) -> None:
    """Its output does not change."""
    alone = subprocess.run(
        [sys.executable, "chats.py", "3"], cwd=PROGRAMS, env=environment(**api.environment),
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    _, ended = run(api, tmp_path / "r.json", "python", "chats.py", "3")
    assert ended.stdout == alone.stdout
    assert os.path.getsize(tmp_path / "r.json") > 0
