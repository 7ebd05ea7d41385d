"""The last run that made calls, kept for `claude-otel report`: its calls and how it ended, for this user only.

It is a folder `last-run` beside the stack's, with calls*.jsonl as the Collector writes them, and run.json. While a run
goes on, its folder is `running-…`, and locked.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from claude_otel import telemetry
from claude_otel.cli.call_files import calls_in_order, line_of
from claude_otel.cli.finished import Finished
from claude_otel.cli.health import FAILURES, QUEUED, Health
from claude_otel.cli.otlp import Event, Point
from claude_otel.cli.problem import Problem
from claude_otel.cli.record import read
from claude_otel.cli.report import Report
from claude_otel.stack.state import default_directory

FILE_BYTES = 50 * 1024 * 1024
MOST_FILES = 5
"""How much is kept of a run: its newest calls, some 90,000 of them."""

RUNNING = "running-"

PAGE = "page.html"
"""The page that `--open` shows, in the folder."""


def place() -> Path:
    """The folder of the last run."""
    return default_directory().parent / "last-run"


@dataclass
class Full:
    """A file of calls that is written no more, and how many calls it has."""

    path: Path
    calls: int


@dataclass
class Keeper:
    """Keeps the calls of a run as they come. Never raises: `fault` says why it could not."""

    place: Path
    fault: str = ""
    left_out: int = 0
    folder: Path | None = None
    calls: int = 0
    full: list[Full] = field(default_factory=list)
    set_aside: int = 0
    stream: TextIO | None = None
    lock: int | None = None

    def keep(self, events: list[Event]) -> None:
        """Writes calls down. The first ones make the folder: a run without any leaves no trace."""
        if self.fault or not events:
            return
        try:
            stream = self.stream or self._begin()
            stream.write(line_of(events) + "\n")
            self.calls += len(events)
            if stream.tell() > FILE_BYTES:
                self._set_aside(stream)
        except OSError as error:
            self.fault = f"{error.strerror}: {error.filename or self.place}"

    def _begin(self) -> TextIO:
        base = self.place.parent
        base.mkdir(parents=True, exist_ok=True)
        clear(base)
        self.folder = Path(tempfile.mkdtemp(prefix=RUNNING, dir=base))
        self.lock = locked(self.folder)
        return self._open()

    def _open(self) -> TextIO:
        assert self.folder
        self.stream = private(self.folder / "calls.jsonl")
        return self.stream

    def _set_aside(self, stream: TextIO) -> None:
        """Begins a new file, and lets go of the oldest when there are too many."""
        stream.close()
        path = Path(stream.name)
        self.full.append(Full(path.rename(path.with_name(f"calls-{self.set_aside:06}.jsonl")), self.calls))
        self.set_aside += 1
        self.calls = 0
        if len(self.full) >= MOST_FILES:
            oldest = self.full.pop(0)
            oldest.path.unlink()
            self.left_out += oldest.calls
        self._open()

    def finish(self, run: Finished) -> bool:
        """Makes this the last run. Whether there is one now: there is none without calls, and none after a fault."""
        if self.stream is None or self.folder is None or self.fault:
            return False
        try:
            self.stream.close()
            with private(self.folder / "run.json") as stream:
                stream.write(json.dumps(facts(run, self.left_out), indent=2) + "\n")
            take_place(self.folder, self.place)
        except OSError as error:
            self.fault = f"{error.strerror}: {error.filename or self.place}"
        return not self.fault


def private(path: Path) -> TextIO:
    """The file `path`, new, which only this user may read."""
    return open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))


def locked(folder: Path) -> int | None:
    """A lock on `folder`, held until this process ends; `None` when another process has it."""
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        return None
    return number


def clear(base: Path) -> None:
    """Removes what runs that were killed have left."""
    for folder in base.glob(RUNNING + "*"):
        lock = locked(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def take_place(folder: Path, place: Path) -> None:
    """Puts `folder` in the place of the run before it."""
    before = place.with_name(f"{RUNNING}before-{folder.name}")
    if place.exists():
        place.rename(before)
    folder.rename(place)
    shutil.rmtree(before, ignore_errors=True)


def facts(run: Finished, left_out: int) -> dict[str, Any]:
    """How the run ended, and what its telemetry says of itself."""
    return {
        "command": run.command,
        "status": run.status,
        "seconds": run.seconds,
        "left_out": left_out,
        "instrumentation_errors": run.health.failures,
        "lost_events": run.health.lost_events,
    }


def last_run() -> Finished:
    """The last run. Raises `Problem` when none is kept."""
    folder = place()
    try:
        told = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        command, status, length = list(told["command"]), int(told["status"]), float(told["seconds"])
        health = health_of(told["instrumentation_errors"], told["lost_events"])
        left_out = int(told["left_out"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Problem(
            f"no run is kept in {folder}. Make one: claude-otel run PROGRAM. For what the stack has seen: --dir DIR"
        ) from None
    report = Report()
    for event in calls_in_order(folder):
        report.add(read(event))
    return Finished(command, status, length, report, health, left_out=left_out)


def health_of(failures: dict[str, int], lost: int) -> Health:
    """The health that has these failures by part, and so many events lost."""
    health = Health()
    health.requests = 1
    for part, count in failures.items():
        health.add(Point(FAILURES, "", {telemetry.COMPONENT: part}, count))
    if lost:
        health.add(Point(QUEUED, "", {telemetry.ERROR_TYPE: "lost"}, lost))
    return health


def calls_since(folder: Path, since: float) -> Finished:
    """What programs have sent to the stack: the calls in the files of `folder` that ended since then."""
    report = Report()
    services: set[str] = set()
    for event in calls_in_order(folder):
        if event.at >= since:
            report.add(read(event))
            services.add(event.service)
    names = tuple(sorted(filter(None, services)))
    length = report.last_end - (report.first_end or report.last_end)
    return Finished([], None, length, report, Health(), names)
