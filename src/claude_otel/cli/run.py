"""`claude-otel run`: a program, instrumented, with its calls as they end and a report when it has ended."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals

from claude_otel.cli import browser, otlp, process
from claude_otel.cli.document import document
from claude_otel.cli.environment import child_environment
from claude_otel.cli.finished import Finished, without_keys
from claude_otel.cli.fmt import Style, colours_wanted
from claude_otel.cli.forward import Forward
from claude_otel.cli.health import WATCHED, Health
from claude_otel.cli.hints import nothing_seen
from claude_otel.cli.last_run import PAGE, Keeper, place, private
from claude_otel.cli.live import Live
from claude_otel.cli.page.document import page
from claude_otel.cli.problem import Problem
from claude_otel.cli.receiver import Receiver
from claude_otel.cli.record import read
from claude_otel.cli.report import Report
from claude_otel.cli.terminal import Plain, Terminal


@dataclass(frozen=True)
class Options:
    """What is shown of a run."""

    json_path: str | None = None
    quiet: bool = False
    report: bool = True
    forward: str | None = None
    """Where the telemetry goes as well: an OTLP endpoint over HTTP."""
    open_page: bool = False


@dataclass
class Seen:
    """What has come of a run so far. Handlers run in threads of the receiver, one at a time."""

    report: Report = field(default_factory=Report)
    health: Health = field(default_factory=Health)
    keeper: Keeper = field(default_factory=lambda: Keeper(place()))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def logs(self, live: Live) -> Callable[[bytes], None]:
        """Takes an OTLP logs request."""

        def take(body: bytes) -> None:
            with self.lock:
                self.health.requests += 1
                events = list(otlp.call_events(body))
                for call in map(read, events):
                    self.report.add(call)
                    live.add(call)
                self.keeper.keep(events)

        return take

    def metrics(self, body: bytes) -> None:
        """Takes an OTLP metrics request."""
        with self.lock:
            self.health.requests += 1
            for point in otlp.points(body, WATCHED):
                self.health.add(point)
            self.report.active = self.health.active

    def traces(self, body: bytes) -> None:  # noqa: ARG002
        """Takes an OTLP traces request: the report needs no spans."""
        with self.lock:
            self.health.requests += 1


@dataclass(frozen=True)
class Ended:
    """A run that is over: how the program ended, and what was seen of it."""

    command: list[str]
    env: Mapping[str, str]
    status: int
    seconds: float
    seen: Seen
    forwarded: str = ""
    """What became of the sending on."""

    @property
    def finished(self) -> Finished:
        """What reports are made of."""
        return Finished(without_keys(self.command), self.status, self.seconds, self.seen.report, self.seen.health)


Stage = AbstractContextManager[Mapping[str, str]]
"""What a program needs around it while it runs."""

After = Callable[[Ended, Plain, Style], None]
"""What else is said after the report."""


def run(command: list[str], options: Options, stage: Stage | None = None, after: After | None = None) -> None:
    """Runs `command`, reports, and ends this process as the program ended.

    `stage` is up while the program runs and yields variables for its environment; `after` may add to the report.
    """
    check_writable(options.json_path)
    if options.open_page:
        check_place(place())
    style = Style(colours_wanted(os.environ, sys.stderr.isatty()))
    out = Terminal() if style.colours else Plain()
    with process.blocked_signals() as mask:
        with stage or nullcontext({}) as variables:
            ended = observe(command, {**os.environ, **variables}, options, out, style, mask)
        tell(ended, options, out, style, after)
        process.end_like(ended.status)


def tell(ended: Ended, options: Options, out: Plain, style: Style, after: After | None) -> None:
    """Reports as `options` say. Never raises: the program has ended, and its exit code is what counts."""
    try:
        if options.report:
            show(ended, out, style)
        if ended.forwarded:
            out.line(f"\n{ended.forwarded}")
        if after:
            after(ended, out, style)
        write_json(ended, options.json_path)
        keep(ended, options, out)
    except Exception as error:
        out.line(f"claude-otel: could not make the report ({error!r}); the program is not affected")


def observe(
    command: list[str], variables: Mapping[str, str], options: Options, out: Plain, style: Style, mask: set[Signals]
) -> Ended:
    """Runs `command` to its end with these environment variables, and shows its calls."""
    seen = Seen()
    live = Live(seen.report, out, style, options.quiet)
    routes = {"/v1/logs": seen.logs(live), "/v1/metrics": seen.metrics, "/v1/traces": seen.traces}
    forward = Forward(options.forward) if options.forward else None
    receiver = Receiver(forward.routes(routes) if forward else routes)
    env = child_environment(variables, receiver.url, command)
    began = time.monotonic()
    pid = process.start(command, env, mask)
    live.start()
    status = process.wait(pid, out.pause, out.resume)
    elapsed = time.monotonic() - began
    receiver.drain()
    live.stop()
    receiver.close()
    return Ended(command, env, status, elapsed, seen, forward.close() if forward else "")


def show(ended: Ended, out: Plain, style: Style) -> None:
    """Prints the report."""
    out.line("")
    if ended.seen.report.calls:
        lines = ended.finished.lines(style, out.columns or 100)
    else:
        lines = [style(f"claude-otel: {nothing_seen(ended.seen.health, ended.command, ended.env)}", "yellow")]
    for note in ended.finished.notes():
        lines += ["", style(note, "yellow")]
    for line in lines:
        out.line(line)


def keep(ended: Ended, options: Options, out: Plain) -> None:
    """Makes this the last run, for `claude-otel report`, and opens its page if that is wanted."""
    keeper = ended.seen.keeper
    kept = keeper.finish(ended.finished)
    if keeper.fault and (options.report or options.open_page):
        out.line(f"claude-otel: this run is not kept for `claude-otel report` ({keeper.fault})")
    if kept and options.open_page:
        path = place() / PAGE
        with private(path) as stream:
            stream.write(page(ended.finished))
        out.line("")
        out.line(browser.show(path))


def check_place(folder: Path) -> None:
    """Raises `Problem` if the last run could not be kept beside `folder`, before anything is run."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder.parent).close()
    except OSError as error:
        raise Problem(
            f"--open: cannot write to {folder.parent}: {error.strerror}. Name another place: XDG_STATE_HOME=DIR"
        ) from None


def check_writable(path: str | None) -> None:
    """Raises `Problem` if the report could not be written to `path`, before anything is run."""
    if path is None or path == "-":
        return
    try:
        with open(path, "a", encoding="utf-8"):
            pass
    except OSError as error:
        raise Problem(
            f"cannot write the report to {path!r}: {error.strerror}. "
            "Name a file in a directory that exists and that you may write to."
        ) from None


def write_json(ended: Ended, path: str | None) -> None:
    """Writes the report as JSON to `path`, `-` for stdout. A failure to is one line on stderr."""
    if path is None:
        return
    text = json.dumps(document(ended.finished), indent=2)
    try:
        if path == "-":
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        else:
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text + "\n")
    except OSError as error:
        sys.stderr.write(f"claude-otel: could not write the report to {path!r}: {error.strerror}\n")
