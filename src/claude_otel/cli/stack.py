"""`claude-otel stack`: Collector, Prometheus, Alertmanager, Grafana and Tempo, as containers or as processes."""

from __future__ import annotations

import json as json_text
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from claude_otel.cli.config import ConfigOption, loaded, warn
from claude_otel.cli.problem import Problem

if TYPE_CHECKING:
    from claude_otel.stack.state import State
    from claude_otel.stack.status import Status

NOT_WELL = 3
"""The exit code of `status` when something of the stack is not up, as `systemctl status` has it."""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Run the stack, which makes dashboards and pages of what calls to Claude tell: Collector, Prometheus, "
    "Alertmanager, Grafana and Tempo.",
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
Tempo = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option("--tempo/--no-tempo", help="With a Tempo that keeps traces, or without; with one at first."),
]
Loki = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option("--loki/--no-loki", help="With a Loki to search call events in, or without; without one at first."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@app.command(short_help="Write what Docker Compose needs to run the stack.")
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the stack is to keep everything.")],
    config: ConfigOption = None,
    port: Port = None,
    tempo: Tempo = None,
    loki: Loki = None,
) -> None:
    """Write the Compose files, all that the programs read, and Grafana's password. Nothing is started.

    Docker is not needed for it. Secrets that are there already stay as they are.

    Example: claude-otel stack init monitoring
    """
    from claude_otel.monitoring import generated
    from claude_otel.stack import containers

    state = state_of(directory)
    found = loaded(config)
    warn(found.warnings)
    containers.init(generated.files(found.config), state, containers.Choice(port or (), tempo, loki))
    say(f"Written to {state.directory}. Grafana's user is admin, and its password in {state.secrets}/grafana-admin")
    say(f"Start it: claude-otel stack up --dir {directory}")
    say(f"or:       cd {containers.folder(state)} && docker compose up --detach")


@app.command(short_help="Start the stack, or what of it is down.")
def up(
    native: Native = False,
    directory: Directory = None,
    config: ConfigOption = None,
    port: Port = None,
    tempo: Tempo = None,
    loki: Loki = None,
) -> None:
    """Start the stack, and wait until all of it is healthy. What runs already reads its changed files again.

    It runs in Docker, or with --native as processes of this machine, with Tempo and Grafana when they are on PATH.
    Everything listens on loopback only. Ports, Tempo and Loki are as they were the last time unless said otherwise.

    Example: claude-otel stack up
    """
    if not native:
        up_in_docker(directory, config, port, tempo, loki)
    elif tempo is not None or loki is not None:
        raise Problem(
            "--tempo and --loki are for Docker: with --native, Tempo runs when it is on PATH, and Loki never."
        )
    else:
        up_as_processes(directory, config, port)


def up_in_docker(
    directory: Path | None, config: str | None, port: list[str] | None, tempo: bool | None, loki: bool | None
) -> None:
    """Starts the stack as containers."""
    from claude_otel.monitoring import generated
    from claude_otel.stack import containers
    from claude_otel.stack.health import await_ledger

    state = state_of(directory)
    found = loaded(config)
    warn(found.warnings)
    choice = containers.Choice(port or (), tempo, loki)
    containers.up(found.config, generated.files(found.config), state, choice, say)
    ports = containers.known_ports(state)
    await_ledger(ports["prometheus"], say)
    tell_addresses(state, ports, grafana=True)


def up_as_processes(directory: Path | None, config: str | None, port: list[str] | None) -> None:
    """Starts the stack as processes of this machine."""
    from claude_otel.monitoring import generated
    from claude_otel.stack import native as stack
    from claude_otel.stack.health import await_ledger
    from claude_otel.stack.ports import parsed

    state = state_of(directory)
    found = loaded(config)
    warn(found.warnings)
    files = generated.files(found.config)
    ports = parsed(port) if port else stack.known_ports(state)
    stack.up(files, state, ports, say)
    await_ledger(ports["prometheus"], say)
    tell_addresses(state, ports, grafana="grafana" in stack.all_running(state))


def tell_addresses(state: State, ports: dict[str, int], grafana: bool) -> None:
    """Says where telemetry is sent to, and where people look."""
    say("")
    say(f"Send telemetry to it: export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{ports['otlp-http']}")
    say("                      export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
    if grafana:
        say(f"Grafana:    http://127.0.0.1:{ports['grafana']}   user admin, password in {state.secrets}/grafana-admin")
    say(f"Prometheus: http://127.0.0.1:{ports['prometheus']}   What is kept: {state.directory}")


@app.command(short_help="End the stack; what it keeps stays.")
def down(
    directory: Directory = None,
    volumes: Annotated[bool, typer.Option("--volumes", help="Delete what it keeps: metrics, traces, calls.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before that.")] = False,
) -> None:
    """End every program of the stack and wait for their end. What it keeps stays, and the next start has it again.

    Example: claude-otel stack down
    """
    from claude_otel.stack import containers, native

    state = state_of(directory)
    in_docker = containers.is_here(state)
    if volumes:
        check_wanted(state, yes)
    if in_docker:
        ended = containers.down(state, say, volumes)
    else:
        ended = bool(native.down(state, say))
        if volumes:
            native.forget_data(state)
            say("What it kept is deleted.")
    if not ended:
        say(f"Nothing of a stack in {state.directory} runs.")


def check_wanted(state: State, yes: bool) -> None:
    """Raises `Problem` unless the user wants to delete what the stack keeps."""
    what = f"all metrics, traces and calls that the stack in {state.directory} keeps"
    if not yes and not sys.stdin.isatty():
        raise Problem(f"--volumes deletes {what}. Say that you want it: --volumes --yes. Nothing was ended or deleted.")
    if not yes and not typer.confirm(f"Delete {what}?"):
        raise Problem("nothing was ended or deleted.")


@app.command(short_help="Show how the stack is.")
def status(directory: Directory = None, json: Json = False) -> None:
    """Show what of the stack runs: health, version, ports, since when, and what waits in the Collector's queues.

    The exit code is 3 when something is not up.

    Example: claude-otel stack status
    """
    from claude_otel.cli.fmt import Style, colours_wanted
    from claude_otel.cli.stack_page import lines

    found = status_of(state_of(directory))
    style = Style(colours_wanted(os.environ, sys.stdout.isatty()))
    if json:
        typer.echo(json_text.dumps(found.document(), indent=2))
    else:
        for line in lines(found, style):
            typer.echo(line)
    raise typer.Exit(0 if found.well else NOT_WELL)


def status_of(state: State) -> Status:
    """How the stack is, whichever of the two it is."""
    from claude_otel.stack import containers
    from claude_otel.stack.status import status as of_processes

    return containers.status(state) if containers.is_here(state) else of_processes(state)


@app.command(short_help="Show what the programs of the stack print.")
def logs(
    names: Annotated[Optional[list[str]], typer.Argument(metavar="NAME", help="Of these programs only.")] = None,  # noqa: UP045
    directory: Directory = None,
    tail: Annotated[int, typer.Option("--tail", metavar="LINES", min=0, help="How many lines of each.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what comes.")] = False,
) -> None:
    """Show what the programs of the stack printed last.

    Example: claude-otel stack logs prometheus --tail 20
    """
    from claude_otel.stack import containers

    state = state_of(directory)
    if containers.is_here(state):
        raise typer.Exit(containers.logs(state, names or [], tail, follow))
    wanted = sorted(state.logs.glob("*.log"))
    known = {file.stem: str(file) for file in wanted}
    for name in names or []:
        if name not in known:
            raise Problem(f"there is no log of {name!r} in {state.logs}. There are {', '.join(known) or 'none'}.")
    files = [known[name] for name in names or known]
    if files:
        command = ["tail", "-n", str(tail), *(["-F"] if follow else []), *files]
        raise typer.Exit(subprocess.run(command, check=False).returncode)
    say(f"No stack in {state.directory} has run yet.")


@app.command("open", short_help="Open Grafana in the browser.")
def open_grafana(directory: Directory = None) -> None:
    """Open Grafana in the browser, and say where its password is.

    Example: claude-otel stack open
    """
    state = state_of(directory)
    found = status_of(state)
    grafana = next((each for each in found.programs if each.name == "grafana"), None)
    if grafana is None or not grafana.healthy:
        raise Problem(f"Grafana is not up. Start it: {found.start} (--native runs it when it is on PATH).")
    url = f"http://127.0.0.1:{grafana.ports['grafana']}"
    say(f"{url}   user admin, password in {state.secrets}/grafana-admin")
    typer.launch(url)


@app.command(short_help="Hold the images of the stack to their digests.")
def pin(directory: Directory = None) -> None:
    """Write the digests of the images that were pulled into a Compose file of their own, which then holds.

    A tag can be moved to other content, a digest cannot. The next version of claude-otel has other tags, for which
    digests are left out until they are pinned again.

    Example: claude-otel stack pin
    """
    from claude_otel.stack import containers

    state = state_of(directory)
    if not containers.is_here(state):
        raise Problem(f"there are no Compose files in {state.directory}. Write them: claude-otel stack init DIR")
    containers.pin(state, say)


@app.command(short_help="Build the programs that the stack runs.")
def components() -> None:
    """Build Collector, Prometheus, promtool, Alertmanager and amtool from the public Go module proxy.

    They are for --native. Go is needed, root is not, and nothing of the system is changed. What is there already is
    left alone.

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
