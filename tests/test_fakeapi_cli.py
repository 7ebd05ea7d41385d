"""`claude-otel fake-api`: it serves until it is interrupted, and says what is wrong with its arguments."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from claude_otel.cli.fake_api import fake_api
from claude_otel.cli.problem import Problem
from claude_otel.fakeapi import FakeAPI
from fakeapi_clients import HELLO

PROGRAM = "import typer; from claude_otel.cli.fake_api import fake_api; typer.run(fake_api)"


def test_it_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    """It says where it listens; a served request is in the file; Ctrl-C ends it without a trace."""
    journal = tmp_path / "journal.jsonl"
    options = ["--port", "0", "--first-token", "0", "--tokens-per-second", "0", "--journal", str(journal)]
    command = [sys.executable, "-c", PROGRAM, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(3)]
        url = re.search(r"http://127\.0\.0\.1:\d+", said[0])
        assert url
        with urllib.request.urlopen(f"{url[0]}/v1/messages", json.dumps(HELLO).encode()) as response:
            assert json.load(response)["stop_reason"] == "end_turn"
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=120)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert said[1:] == [f"  export ANTHROPIC_BASE_URL={url[0]}\n", "  export ANTHROPIC_API_KEY=fake\n"]
    assert [json.loads(line)["status"] for line in journal.read_text().splitlines()] == [200]


def test_a_port_in_use() -> None:
    """The port and the way out."""
    with FakeAPI() as api, pytest.raises(Problem) as caught:
        fake_api(port=api.port)
    remedy = "Choose another with --port, or 0 for any free one."
    assert caught.value.message == f"Cannot listen on 127.0.0.1:{api.port}: Address already in use. {remedy}"


def test_a_script_that_is_missing(tmp_path: Path) -> None:
    """The file and what to give."""
    with pytest.raises(Problem) as caught:
        fake_api(port=0, script=tmp_path / "none.yaml")
    expected = f"{tmp_path}/none.yaml: No such file or directory. Give a YAML or JSON file with `rules:`."
    assert caught.value.message == expected
    assert caught.value.code != 0


def test_a_script_that_is_wrong(tmp_path: Path) -> None:
    """The file and the rule."""
    path = tmp_path / "wrong.yaml"
    path.write_text("- {fault: overload}")
    with pytest.raises(Problem, match=r"wrong\.yaml: rules\[0\]: unknown fault 'overload'; expected one of"):
        fake_api(port=0, script=path)


def test_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    """The file and the remedy."""
    with pytest.raises(Problem, match=r"--journal .*: No such file or directory. Name a file in a folder that exists."):
        fake_api(port=0, journal=tmp_path / "none" / "journal.jsonl")
