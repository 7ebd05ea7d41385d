"""The programs of examples/ run as their first lines say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from claude_otel.fakeapi import FakeAPI
from cli_child import claude_otel

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CALLS = {
    "hello.py": {"hello:<module>": 1},
    "surfaces.py": {"checkout-chat": 3, "report-writer": 1},
}


def test_every_example_is_run() -> None:
    """No program of the folder is left out here."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_an_example_and_its_surfaces(name: str, tmp_path: Path) -> None:
    """Each example ends well, and its calls belong to the surfaces that it names."""
    report = tmp_path / "report.json"
    with FakeAPI() as api:
        ended = claude_otel("run", "--json", str(report), sys.executable, str(EXAMPLES / name), **api.environment)
    assert ended.returncode == 0, ended.stderr
    surfaces = json.loads(report.read_text(encoding="utf-8"))["surfaces"]
    assert {surface: group["calls"] for surface, group in surfaces.items()} == CALLS[name]
