"""`claude-otel drill`: every alert caused on a stack of its own, seen to fire, to arrive, and to resolve."""

from __future__ import annotations

import json as json_text
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from claude_otel.cli.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_otel.cli.fmt import Style
    from claude_otel.drill.scenario import Scenario

Alerts = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option("--alert", metavar="NAME", help="Only this alert; may be given again. All of them by default."),
]
Outage = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--outage", metavar="TIME", help="In place of the alerts: the API is down for so long, such as 30m."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, in place of the table.")]
Keep = Annotated[bool, typer.Option("--keep", help="Leave everything up at the end, to look at it, until Ctrl-C.")]

NOT_SEEN = 1
"""The exit code when something did not happen as it should."""


def drill(alert: Alerts = None, outage: Outage = None, json: Json = False, keep: Keep = False) -> None:
    """Cause every alert on a stack of its own, and see it fire, reach its receiver, silence others, and resolve.

    A fake API, real instrumented programs, and the Collector, Prometheus and Alertmanager of the native stack, on free
    ports in a directory of their own: a stack that is up is not disturbed. The rules are the shipped ones, at sixty
    times the speed: a second of the drill is a minute of theirs. The exit code is 1 when a step did not happen.

    Example: claude-otel drill --alert ClaudeCacheHitDrop
    """
    from claude_otel.drill.outage import length_of
    from claude_otel.drill.player import chosen
    from claude_otel.drill.speed import check_shipped

    if alert and outage:
        raise Problem("--alert and --outage are two drills; give one of them.")
    check_shipped()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the stack is taken down
    scenarios, length = chosen(alert or []), length_of(outage) if outage else ""
    folder = Path(tempfile.mkdtemp(prefix="claude-otel-drill-"))
    try:
        if length:
            well = drill_outage(folder, length, json, keep)
        else:
            well = drill_alerts(folder, scenarios, json, keep)
    except (KeyboardInterrupt, SystemExit):
        shutil.rmtree(folder)
        raise
    if not well:
        sys.stderr.write(f"claude-otel: what the programs printed, and every notification, is in {folder}\n")
        raise typer.Exit(NOT_SEEN)
    shutil.rmtree(folder)


def drill_alerts(folder: Path, scenarios: Sequence[Scenario], json: bool, keep: bool) -> bool:
    """Plays scenarios and shows the table. Whether all went well."""
    from claude_otel.cli.drill_page import document, lines
    from claude_otel.drill.player import Player
    from claude_otel.drill.stage import stage

    began = time.monotonic()
    with stage(folder, progress(began), keep=keep) as made:
        player = Player(made, scenarios)
        results = player.play()
        seen = results, player.besides(), time.monotonic() - began
        show(document(*seen) if json else lines(*seen, style()))
    return all(result.well for result in results)


def drill_outage(folder: Path, length: str, json: bool, keep: bool) -> bool:
    """Plays an outage and shows what it came to. Whether all went well."""
    from claude_otel.cli.drill_page import outage_document, outage_lines
    from claude_otel.drill.outage import play
    from claude_otel.drill.stage import stage

    began = time.monotonic()
    with stage(folder, progress(began), outage=True, keep=keep) as made:
        found = play(made, length)
        show(outage_document(found, time.monotonic() - began) if json else outage_lines(found, style()))
    return not found.fault


def show(told: dict[str, Any] | list[str]) -> None:
    """Prints a document, or lines."""
    typer.echo("\n".join(told) if isinstance(told, list) else json_text.dumps(told, indent=2))


def style() -> Style:
    """Colours, where they are wanted."""
    from claude_otel.cli.fmt import Style, colours_wanted

    return Style(colours_wanted(os.environ, sys.stdout.isatty()))


def progress(began: float) -> Callable[[str], None]:
    """Says on stderr how far it is, and when."""

    def say(line: str) -> None:
        at = int(time.monotonic() - began)
        sys.stderr.write(f"{at // 60:2d}:{at % 60:02d}  {line}\n")

    return say
