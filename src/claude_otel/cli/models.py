"""`claude-otel models`: which models retire when, and the newest word of the API on it."""

from __future__ import annotations

import json as json_text
import os
import sys
from collections.abc import Mapping
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from claude_otel.cli.config import ConfigOption
from claude_otel.cli.problem import Problem

if TYPE_CHECKING:
    from claude_otel.monitoring.lifecycle import Lifecycle, Row

app = typer.Typer(rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
All = Annotated[bool, typer.Option("--all", help="Retired models too.")]
Out = Annotated[
    Optional[Path],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option("--out", metavar="FILE", help="The file to write; by default models.lifecycle_file of the config."),
]

FIELDS = ("id", "lifecycle", "deprecated_at", "retires_at")
"""What is read of an entry of /v1/models."""


@app.callback(invoke_without_command=True)
def models(context: typer.Context, json: Json = False, all_: All = False, config: ConfigOption = None) -> None:
    """Show which models retire when, on which platform, and who says so.

    A date after "not before" is only a floor: the model will not retire earlier, and nothing is alerted on it. Amazon
    Bedrock and Google Cloud set dates of their own.

    Example: claude-otel models
    """
    if context.invoked_subcommand:
        return
    from claude_otel.cli.config import loaded
    from claude_otel.monitoring import lifecycle

    known = lifecycle.of(loaded(config).config)
    today = datetime.now(timezone.utc).date()
    if json:
        sys.stdout.write(json_text.dumps(document(known, today), indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines(known, today, all_)))


@app.command(short_help="Ask the API for the dates, and write them to a file.")
def refresh(out: Out = None, config: ConfigOption = None) -> None:
    """Ask /v1/models when models retire, and write the answer to a file.

    The key is the one that programs use (ANTHROPIC_API_KEY), and ANTHROPIC_BASE_URL holds. Name the file in
    claude-otel.yaml as models.lifecycle_file, commit it, and run claude-otel generate: the alerts on retiring models go
    by it. Rows of other platforms stay as they are.

    Example: claude-otel models refresh --out lifecycle.json
    """
    from claude_otel.cli.config import loaded
    from claude_otel.monitoring import lifecycle

    found = loaded(config, dates_may_be_missing=True)
    named = found.config.models.lifecycle_file
    file = out or (Path(named) if named else None)
    if file is None:
        raise Problem("no file to write. Name one with --out, or as models.lifecycle_file in claude-otel.yaml.")
    old = before(file)
    try:
        new = lifecycle.refreshed(old, listed(), datetime.now(timezone.utc).date())
    except ValueError as error:
        raise Problem(f"the API tells what this version does not know: {error}. Update claude-otel.") from error
    try:
        file.write_text(new.text(), encoding="utf-8", newline="\n")
    except OSError as error:
        raise Problem(f"{file}: {error.strerror}. Name a file in a folder that can be written, with --out.") from error
    for line in changes(old, new):
        typer.echo(line)
    typer.echo(f"wrote {file}: {len(new.rows)} models as of {new.as_of}")


def before(file: Path) -> Lifecycle:
    """The rows that `file` has, or those that came with claude-otel where there is none yet."""
    from claude_otel.monitoring import lifecycle

    try:
        return lifecycle.load(file if file.exists() else None)
    except lifecycle.LifecycleError as error:
        raise Problem(f"{str(error).partition(';')[0]}. Move it away to begin anew.") from error


def listed(environ: Mapping[str, str] = os.environ) -> list[dict[str, Any]]:
    """The entries of /v1/models. Raises `Problem` with the way out."""
    import anthropic

    if not (environ.get("ANTHROPIC_API_KEY") or environ.get("ANTHROPIC_AUTH_TOKEN")):
        raise Problem("no key. Set ANTHROPIC_API_KEY; an ordinary key may list models.")
    try:
        with anthropic.Anthropic(max_retries=2, timeout=30) as client:
            found = [entry.model_dump(mode="json", exclude_unset=True) for entry in client.models.list(limit=1000)]
            where = client.base_url
    except anthropic.APIStatusError as error:
        raise Problem(f"{error.request.url} answered {error.status_code}: {remedy(error.status_code)}") from error
    except anthropic.APIConnectionError as error:
        url = error.request.url
        raise Problem(f"{url} cannot be reached. Look at the network, and at ANTHROPIC_BASE_URL.") from error
    except anthropic.AnthropicError as error:
        raise Problem(f"the models cannot be listed: {error}") from error
    for entry in found:
        missing = [field for field in FIELDS if field not in entry]
        if missing:
            raise Problem(
                f"{where} does not tell {', '.join(missing)} of {entry.get('id')}. A gateway may leave it out: "
                "take ANTHROPIC_BASE_URL away, or point it at the API itself."
            )
    if not found:
        raise Problem(f"{where} lists no models. Look at the workspace of the key.")
    return found


def remedy(status: int) -> str:
    """What to do about an answer that is an error."""
    if status in (401, 403):
        return "the key is not valid there, or may not list models. Look at ANTHROPIC_API_KEY."
    if status == 404:
        return "there is no list of models. Look at ANTHROPIC_BASE_URL."
    if status == 429:
        return "too many requests. Try again in a minute."
    return "try again later."


def changes(old: Lifecycle, new: Lifecycle) -> list[str]:
    """What is new, a line a model."""
    known_rows = {(row.model, row.platforms): row for row in old.rows}
    found = []
    for row in new.rows:
        known = known_rows.get((row.model, row.platforms))
        now = word(row)
        if known is None:
            found.append(f"{row.model}: new, {now}")
        elif word(known) != now:
            found.append(f"{row.model}: {word(known)} -> {now}")
    return found


def word(row: Row) -> str:
    """The state of a model and its date."""
    return f"{row.state}, {when(row)}" if row.retires else row.state


def when(row: Row) -> str:
    """The date of a model, and what it is."""
    if row.retires is None:
        return "no date"
    if row.state == "retired":
        return f"since {row.retires}"
    return f"{'not before' if row.floor else 'on'} {row.retires}"


def lines(known: Lifecycle, today: date, retired: bool = False) -> list[str]:
    """A table, what retires first on top."""
    from claude_otel.cli.fmt import plural, table

    shown = [row for row in known.rows if retired or row.state != "retired"]
    shown.sort(key=lambda row: (not row.dated, row.retires or date.max, row.model))
    rows = [("model", "platforms", "state", "retires", "days left", "move to")]
    rows += [
        (row.model, ", ".join(row.platforms), row.state, when(row), left(row, today), row.replacement or "")
        for row in shown
    ]
    age = plural((today - known.as_of).days, "day")
    return [*table(rows, "<<<<><"), "", f"Dates as of {known.as_of}, {age} ago. The sources are in --json."]


def left(row: Row, today: date) -> str:
    """The days that are left, if there is a date."""
    days = row.days_left(today)
    return "" if days is None or row.state == "retired" else str(days) if days >= 0 else "overdue"


def document(known: Lifecycle, today: date) -> dict[str, Any]:
    """Every row, for programs."""
    from claude_otel.monitoring.lifecycle import plain

    return {
        "as_of": known.as_of.isoformat(),
        "today": today.isoformat(),
        "models": [{**plain(row), "days_left": row.days_left(today)} for row in known.rows],
    }
