"""`claude-otel report`: the report of the last run once more, as text, as JSON, or as a page."""

from __future__ import annotations

import json as json_text
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from claude_otel.cli.calls import folder_of, seconds
from claude_otel.cli.problem import Problem

if TYPE_CHECKING:
    from claude_otel.cli.finished import Finished

Html = Annotated[
    Optional[Path],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option("--html", metavar="FILE", help="Write the page to FILE: one file, that needs nothing else."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, as run --json writes it.")]
Open = Annotated[bool, typer.Option("--open", help="Show the page in a browser.")]
Directory = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--dir", metavar="DIR", help="Not the last run: what the stack has kept there, or any calls*.jsonl."),
]
Since = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--since", metavar="DURATION", help="With --dir: calls that ended within this time: 30m, 1h, 2d."),
]


def report(
    html: Html = None, json: Json = False, open_: Open = False, directory: Directory = None, since: Since = None
) -> None:
    """Report the last run that made calls once more: as text, as JSON, or as a page with five answers.

    The page is one file of HTML that loads nothing: who is to blame, who is hurt, what burns the money, what changed,
    whether the cache is broken. Calls of the last run are kept for it, for this user only, without prompts or answers.

    Example: claude-otel report --html report.html
    """
    from claude_otel.cli.document import document

    run = wanted(directory, since)
    if json:
        typer.echo(json_text.dumps(document(run), indent=2))
    if html or open_:
        show_page(run, html, open_)
    elif not json:
        show_text(run)


def wanted(directory: Path | None, since: str | None) -> Finished:
    """What is reported. Raises `Problem` when there is nothing."""
    from claude_otel.cli.last_run import calls_since, last_run

    if since and not directory:
        raise Problem("--since goes with --dir: the last run is reported whole.")
    if not directory:
        return last_run()
    folder = folder_of(directory)
    run = calls_since(folder, time.time() - seconds(since) if since else 0.0)
    if not run.report.calls:
        raise Problem(f"no call in {folder} ended within {since}. Look further back: --since 1d")
    return run


def show_text(run: Finished) -> None:
    """Prints the text report."""
    from claude_otel.cli.fmt import Style, colours_wanted, terminal_size

    style = Style(colours_wanted(os.environ, sys.stdout.isatty()))
    for line in run.lines(style, terminal_size(1).columns):
        typer.echo(line)
    for note in run.notes():
        typer.echo(f"\n{style(note, 'yellow')}")


def show_page(run: Finished, html: Path | None, open_: bool) -> None:
    """Writes the page, and opens it if that is wanted."""
    from claude_otel.cli import browser
    from claude_otel.cli.last_run import PAGE, place, private
    from claude_otel.cli.page.document import page

    path = html or place() / PAGE
    try:
        place().mkdir(mode=0o700, parents=True, exist_ok=True)
        with private(path) as stream:
            stream.write(page(run))
    except OSError as error:
        raise Problem(
            f"cannot write the page to {path}: {error.strerror}. "
            "Name a file in a directory that exists and that you may write to: --html FILE"
        ) from None
    typer.echo(browser.show(path) if open_ else f"The page: {path}", err=True)
