"""`claude-otel calls`: finds calls again in what the Collector of the stack wrote."""

from __future__ import annotations

import heapq
import json as json_text
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from claude_otel.cli.problem import Problem

if TYPE_CHECKING:
    from claude_otel.cli.otlp import Event

STRAGGLING = 600.0
"""Seconds by which a call may stand in the files after one that ended later: programs send in batches, and again."""

RequestId = Annotated[
    Optional[str],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option("--request-id", metavar="ID", help="The call with this request id, or the end of one."),
]
Surface = Annotated[Optional[str], typer.Option("--surface", metavar="NAME", help="Calls of this surface.")]  # noqa: UP045
Since = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--since", metavar="DURATION", help="Calls that ended within this time: 30m, 1h, 2d."),
]
Blame = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--blame", metavar="WHO", help="Calls that failed by this one's fault: provider, quota, caller, …"),
]
Limit = Annotated[int, typer.Option("--limit", min=0, help="Show at most so many calls; 0 is all.")]
Json = Annotated[bool, typer.Option("--json", help="A line of JSON for each call, with all that is known of it.")]
Directory = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--dir", metavar="DIR", help="Where the stack keeps everything, or a folder with its calls*.jsonl."),
]


@dataclass(frozen=True)
class Wanted:
    """Which calls are shown."""

    request_id: str = ""
    surface: str = ""
    blame: str = ""
    since: float = 0.0

    def __contains__(self, found: Event) -> bool:
        from claude_otel import telemetry

        told = found.attributes
        return (
            found.at >= self.since
            and str(told.get(telemetry.REQUEST_ID, "")).endswith(self.request_id)
            and (not self.surface or told.get(telemetry.SURFACE) == self.surface)
            and (not self.blame or told.get(telemetry.BLAME) == self.blame)
        )


def calls(
    request_id: RequestId = None,
    surface: Surface = None,
    since: Since = None,
    blame: Blame = None,
    limit: Limit = 100,
    json: Json = False,
    directory: Directory = None,
) -> None:
    """Find calls again in what the Collector of the stack wrote: the newest first, a line for each.

    A line is as claude-otel run prints it, after the time at which the call ended. The exit code is 1 when there is
    none.

    Example: claude-otel calls --request-id req_011CSHoEeqs5C35K2UUqR7Fy
    """
    from claude_otel.cli.call_files import kept_calls

    folder = folder_of(directory)
    wanted = Wanted(request_id or "", surface or "", blame or "", time.time() - seconds(since) if since else 0.0)
    found = newest(matching(kept_calls(folder, text_in_line(wanted)), wanted), limit)
    for each in found:
        typer.echo(document(each) if json else line(each))
    if not found:
        typer.echo(f"No such call in {folder}.", err=True)
        raise typer.Exit(1)


def matching(kept: Iterable[Event], wanted: Wanted) -> Iterator[Event]:
    """Those of `kept` that are wanted. Ends once calls are so old that none can follow."""
    for each in kept:
        if each.at < wanted.since - STRAGGLING:
            return
        if each in wanted:
            yield each


def newest(found: Iterator[Event], limit: int) -> list[Event]:
    """The newest `limit` calls, the newest first; all when it is 0. Files have them nearly in that order."""
    heap: list[tuple[float, int, Event]] = []
    for number, each in enumerate(found):
        heapq.heappush(heap, (each.at, -number, each))
        if limit and len(heap) > limit:
            heapq.heappop(heap)
            if each.at < heap[0][0] - STRAGGLING:
                break
    return [each for _, _, each in sorted(heap, reverse=True)]


def text_in_line(wanted: Wanted) -> str:
    """What every line with a wanted call contains, as its JSON has it; empty where that is not certain."""
    text = wanted.request_id or wanted.surface
    return text if re.fullmatch(r"[\w.:/-]*", text, re.ASCII) else ""


def line(found: Event) -> str:
    """A call for people: when it ended, in local time, and its line."""
    from claude_otel.cli.fmt import Style, colours_wanted
    from claude_otel.cli.lines import call_line
    from claude_otel.cli.record import read

    style = Style(colours_wanted(os.environ, sys.stdout.isatty()))
    at = datetime.fromtimestamp(found.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return f"{style(at, 'dim')} {call_line(read(found), style)}"


def document(found: Event) -> str:
    """A call for programs, on one line."""
    told: dict[str, Any] = {
        "at": found.at,
        "service": found.service,
        "instance": found.instance,
        "trace_id": found.trace_id or None,
        "attributes": found.attributes,
    }
    return json_text.dumps(told)


def seconds(duration: str) -> float:
    """How long `duration` is. Raises `Problem` on what is none."""
    from claude_otel.monitoring.durations import DurationError
    from claude_otel.monitoring.durations import seconds as seconds_of

    try:
        return seconds_of(duration)
    except DurationError:
        raise Problem(f"--since {duration}: not a duration. Say a number and a unit: 30m, 1h, 2d") from None


def folder_of(directory: Path | None) -> Path:
    """The folder with the files of calls. Raises `Problem` when there is none."""
    from claude_otel.stack import containers
    from claude_otel.stack.state import State, default_directory

    named = (directory or default_directory()).absolute()
    containers.copy_calls(State(named))
    for folder in (State(named).collector, named):
        if any(folder.glob("calls*.jsonl")):
            return folder
    raise Problem(
        f"no calls are kept in {named}: there is no calls.jsonl. The stack writes it (claude-otel stack up) "
        "from what programs send to it; name where it keeps everything: --dir DIR"
    )
