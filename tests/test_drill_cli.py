"""`claude-otel drill` as a command: what it refuses, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from claude_otel.cli.commands import app
from claude_otel.cli.problem import Problem
from claude_otel.drill import outage, stage
from claude_otel.drill.outage import Outage
from claude_otel.drill.player import Player, Result
from claude_otel.drill.scenarios import SCENARIOS
from claude_otel.drill.sightings import Sightings


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The directories of stages that are only made up."""
    found: list[Path] = []

    @contextmanager
    def made_up(directory: Path, *_: Any, **__: Any) -> Iterator[Any]:
        found.append(directory)
        yield SimpleNamespace(sightings=Sightings(None, {}))  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "stage", made_up)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return found


def played(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Every scenario ends with `fault`."""
    monkeypatch.setattr(
        Player,
        "play",
        lambda self: [Result(part.scenario, 1.0, 2.0, "team", fault=fault) for part in self.parts.values()],
    )


def test_all_went_well(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with every alert, no directory left, and 0."""
    played(monkeypatch, "")
    ended = CliRunner().invoke(app, ["drill"])
    assert ended.exit_code == 0
    assert [scenario.alert for scenario in SCENARIOS if f"\n{scenario.alert} " not in ended.stdout] == []
    assert not folders[0].exists()


def test_something_was_not_seen(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """1, the step, and the directory in which it can be looked for."""
    played(monkeypatch, "fired, and nobody was told within 300 s")
    ended = CliRunner().invoke(app, ["drill", "--alert", "ClaudeRefusals"])
    assert ended.exit_code == 1
    assert "ClaudeRefusals: fired, and nobody was told within 300 s" in ended.stdout
    assert folders[0].exists()
    assert str(folders[0]) in ended.stderr


def test_json(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One document on stdout, and nothing else."""
    del folders
    played(monkeypatch, "")
    told = json.loads(CliRunner().invoke(app, ["drill", "--json", "--alert", "ClaudeRefusals"]).stdout)
    assert told["well"] is True
    assert [each["alert"] for each in told["alerts"]] == ["ClaudeRefusals"]


@pytest.mark.parametrize(("fault", "code"), [("", 0), ("2 pages, not one of ClaudeOverloadedStorm", 1)])
def test_outage(folders: list[Path], monkeypatch: pytest.MonkeyPatch, fault: str, code: int) -> None:
    """Of the length that was asked for."""
    del folders
    monkeypatch.setattr(outage, "play", lambda _, length: Outage(length, fault=fault))
    ended = CliRunner().invoke(app, ["drill", "--outage", "60m"])
    assert ended.exit_code == code
    assert "The API was down for 1h" in ended.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--alert", "Nothing"], "--alert Nothing: there is no such alert"),
        (["--outage", "1m"], "--outage 1m: say a time from 5m to 12h"),
        (["--alert", "ClaudeRefusals", "--outage", "30m"], "--alert and --outage are two drills"),
    ],
)
def test_what_cannot_be_played(folders: list[Path], options: list[str], message: str) -> None:
    """It is said before anything is started."""
    ended = CliRunner().invoke(app, ["drill", *options])
    assert isinstance(ended.exception, Problem)
    assert message in ended.exception.message
    assert folders == []


def test_ended_by_a_signal(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left."""
    monkeypatch.setattr(Player, "play", lambda _: (_ for _ in ()).throw(SystemExit(143)))
    assert CliRunner().invoke(app, ["drill"]).exit_code == 143
    assert not folders[0].exists()
