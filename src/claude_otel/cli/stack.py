"""`claude-otel stack`: the Collector, Prometheus and Alertmanager on this machine, up, down, and how they are."""

from __future__ import annotations

import json as json_text
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from claude_otel.cli.config import ConfigOption, loaded, warn
from claude_otel.cli.problem import Problem

if TYPE_CHECKING:
    from claude_otel.stack.state import State

NOT_WELL = 3
"""The exit code of `status` when something of the stack is not up, as `systemctl status` has it."""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Run the stack: Collector, Prometheus and Alertmanager, which make pages of what calls to Claude tell.",
)

Native = Annotated[bool, typer.Option("--native", help="As processes of this machine, from programs that are on it.")]
Directory = Annotated[
    Optional[Path],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option(
        "--dir", metavar="DIR", help="Where the stack keeps everything; by default claude-otel/stack in XDG_STATE_HOME."
    ),
]
Port = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--port", metavar="NAME=NUMBER", help="Another port for one listener, such as prometheus=19090."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@app.command(short_help="Start the stack, or what of it is down.")
def up(native: Native = False, directory: Directory = None, config: ConfigOption = None, port: Port = None) -> None:
    """Start the stack, and wait until all of it is healthy. What runs already reads its changed files again.

    Everything listens on loopback only. Tempo and Grafana are started too when they are on PATH. When a program cannot
    be brought up, what was started is taken down again.

    Example: claude-otel stack up --native
    """
    from claude_otel.monitoring import generated
    from claude_otel.stack import native as stack
    from claude_otel.stack.ports import parsed

    if not native:
        raise Problem("say how: `claude-otel stack up --native` runs it as processes of this machine.")
    state = state_of(directory)
    found = loaded(config)
    warn(found.warnings)
    files = generated.files(found.config)
    ports = parsed(port) if port else stack.known_ports(state)
    stack.up(files, state, ports, say)
    say("")
    say(f"Send telemetry to it: export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{ports['otlp-http']}")
    say("                      export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
    say(f"Prometheus: http://127.0.0.1:{ports['prometheus']}   What is kept: {state.directory}")


@app.command(short_help="End the stack; what it keeps stays.")
def down(directory: Directory = None) -> None:
    """End every program of the stack and wait for their end. What it keeps stays, and the next start has it again.

    Example: claude-otel stack down
    """
    from claude_otel.stack.native import down as take_down

    state = state_of(directory)
    if not take_down(state, say):
        say(f"Nothing of a stack in {state.directory} runs.")


@app.command(short_help="Show how the stack is.")
def status(directory: Directory = None, json: Json = False) -> None:
    """Show what of the stack runs: health, version, ports, since when, and what waits in the Collector's queues.

    The exit code is 3 when something is not up.

    Example: claude-otel stack status
    """
    from claude_otel.cli.fmt import Style, colours_wanted
    from claude_otel.cli.stack_page import lines
    from claude_otel.stack.status import status as now

    found = now(state_of(directory))
    style = Style(colours_wanted(os.environ, sys.stdout.isatty()))
    if json:
        typer.echo(json_text.dumps(found.document(), indent=2))
    else:
        for line in lines(found, style):
            typer.echo(line)
    raise typer.Exit(0 if found.well else NOT_WELL)


@app.command(short_help="Build the programs that the stack runs.")
def components() -> None:
    """Build Collector, Prometheus, promtool, Alertmanager and amtool from the public Go module proxy.

    Go is needed, root is not, and nothing of the system is changed. What is there already is left alone.

    Example: claude-otel stack components
    """
    from claude_otel.stack.build import build_all

    build_all(say)


def say(line: str) -> None:
    """Prints a line at once."""
    typer.echo(line)


def state_of(directory: Path | None) -> State:
    """The stack in `directory`, or in the usual one."""
    from claude_otel.stack.state import State, default_directory

    return State((directory or default_directory()).absolute())
