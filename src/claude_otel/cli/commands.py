"""The commands of `claude-otel` and their options. What a command does is in the module of its name."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated, Optional

import typer

from claude_otel.cli import models, stack
from claude_otel.cli.calls import calls
from claude_otel.cli.check import check
from claude_otel.cli.demo import demo
from claude_otel.cli.doctor import doctor
from claude_otel.cli.drill import drill
from claude_otel.cli.fake_api import fake_api
from claude_otel.cli.generate import generate
from claude_otel.cli.problem import Problem
from claude_otel.cli.report_command import report

app = typer.Typer(
    name="claude-otel",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

PASS_ON = {"allow_interspersed_args": False, "ignore_unknown_options": False}
"""Options after the program's name are the program's."""


def start() -> None:
    """Runs the command line. A problem is one message on stderr and its exit code."""
    try:
        app()
    except Problem as problem:
        sys.stderr.write(f"claude-otel: {problem.message}\n")
        sys.exit(problem.code)


def show_version(wanted: bool) -> None:
    """Prints the version and exits."""
    if wanted:
        typer.echo(f"claude-otel {version('claude-otel')}")
        raise typer.Exit()


@app.callback()
def claude_otel(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Cost, cache, latency and blame of every Claude call of a program, without a code change."""


Json = Annotated[
    Optional[str],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write the report as JSON to FILE; - is stdout, after the program has ended.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No line for each call and no live total, only the report.")]
NoReport = Annotated[bool, typer.Option("--no-report", help="No report when the program has ended.")]
Forward = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--forward", metavar="URL", help="Send the telemetry on to this OTLP endpoint (HTTP) as well."),
]
Open = Annotated[
    bool, typer.Option("--open", help="Show the report as a page in a browser, when the program has ended.")
]


@app.command(short_help="Run a program and see its calls to Claude.", context_settings=PASS_ON)
def run(
    command: Annotated[list[str], typer.Argument(metavar="PROGRAM", help="The program, and all of its arguments.")],
    json: Json = None,
    quiet: Quiet = False,
    no_report: NoReport = False,
    open_: Open = False,
    forward: Forward = None,
) -> None:
    """Run a program and see its calls to Claude: a line for each as it ends, then a report.

    No backend is needed: the program is instrumented as by opentelemetry-instrument and sends its telemetry
    to this process. Its input, output, signals and exit code are its own; all that is shown goes to stderr.

    Example: claude-otel run python app.py
    """
    from claude_otel.cli.run import Options
    from claude_otel.cli.run import run as run_program

    run_program(command, Options(json_path=json, quiet=quiet, report=not no_report, open_page=open_, forward=forward))


app.command("report", short_help="Report the last run once more, as a page too.")(report)
app.command("demo", short_help="See a small application at work, without a key.")(demo)
app.command("fake-api", short_help="Serve a Claude API on loopback, faults included.")(fake_api)
app.command("doctor", short_help="Find out why nothing is seen, and what to do.", context_settings=PASS_ON)(doctor)
app.command("check", short_help="Check claude-otel.yaml: every fault at once.")(check)
app.command("generate", short_help="Write the rules and routes that claude-otel.yaml makes.")(generate)
app.add_typer(models.app, name="models", short_help="Show which models retire when.")
app.add_typer(stack.app, name="stack", short_help="Run the stack that makes pages of what calls tell.")
app.command("drill", short_help="See every alert fire, arrive and resolve.")(drill)
app.command("calls", short_help="Find calls again that the stack has seen.")(calls)
