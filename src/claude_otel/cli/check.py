"""`claude-otel check`: what is wrong in claude-otel.yaml, and what is in force."""

from __future__ import annotations

import json as json_text
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from claude_otel.cli.config import REFUSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_otel.cli.fmt import Style
    from claude_otel.monitoring.config import Config
    from claude_otel.monitoring.config_file import Message

File = Annotated[
    Optional[str],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Argument(
        metavar="FILE",
        help="The file to check; by default CLAUDE_OTEL_CONFIG, else ./claude-otel.yaml, else no file: the defaults.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Schema = Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the file, for an editor, and end.")]


def check(file: File = None, json: Json = False, schema: Schema = False) -> None:
    """Check claude-otel.yaml: every fault at once, with its line and the remedy, then what is in force.

    A warning is about what works and is probably not meant, such as pages that go to nobody. The exit code is 1 when
    there is a fault.

    Example: claude-otel check claude-otel.yaml
    """
    from claude_otel.monitoring import config_file, json_schema

    if schema:
        sys.stdout.write(json_schema.text())
        return
    path = config_file.find(file)
    try:
        loaded = config_file.load(path)
    except config_file.ConfigError as error:
        show(str(path or ""), error.faults, (), None, json)
        raise typer.Exit(REFUSED) from None
    show(str(path or ""), (), loaded.warnings, loaded.config, json)


def show(file: str, faults: Sequence[Message], warnings: Sequence[Message], config: Config | None, json: bool) -> None:
    """Prints what was found."""
    if json:
        sys.stdout.write(json_text.dumps(document(file, faults, warnings, config), indent=2) + "\n")
        return
    from claude_otel.cli.fmt import Style, colours_wanted

    for line in lines(file, faults, warnings, config, Style(colours_wanted(os.environ, sys.stdout.isatty()))):
        sys.stdout.write(f"{line}\n")


def document(
    file: str, faults: Sequence[Message], warnings: Sequence[Message], config: Config | None
) -> dict[str, Any]:
    """What was found, for programs. Without a file, or with faults, `file` or `config` is null."""
    return {
        "file": file or None,
        "faults": [told(fault) for fault in faults],
        "warnings": [told(warning) for warning in warnings],
        "config": None if config is None else config.model_dump(mode="json", by_alias=True),
    }


def told(message: Message) -> dict[str, Any]:
    """A fault or a warning, for programs."""
    return {"file": message.file, "line": message.line, "key": message.key, "what": message.what}


def lines(
    file: str, faults: Sequence[Message], warnings: Sequence[Message], config: Config | None, style: Style
) -> list[str]:
    """What was found, for people."""
    from claude_otel.cli.fmt import plural, table
    from claude_otel.monitoring.in_force import SURFACE_ALIGN, overview, surfaces

    found = [f"{style('error', 'red')}    {fault.text}" for fault in faults]
    found += [f"{style('warning', 'yellow')}  {warning.text}" for warning in warnings]
    if config is None:
        return [*found, "", f"{plural(len(faults), 'fault')}: nothing is generated until they are corrected."]
    rows = surfaces(config)
    return [
        *found,
        *([""] if found else []),
        f"In force{f', from {file}' if file else ': the defaults, as there is no file'}:",
        *table([(style(name, "dim"), what) for name, what in overview(config)], "<<"),
        *(["", *table(rows, SURFACE_ALIGN)] if rows else []),
    ]
