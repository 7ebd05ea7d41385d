"""`claude-otel demo`: a fake API and a small application, seen through `run`."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from claude_otel.cli.fmt import Style
    from claude_otel.cli.run import After, Ended
    from claude_otel.cli.terminal import Plain
    from claude_otel.demo.scenarios import Scenario
    from claude_otel.fakeapi import FakeAPI


SERVICE = {
    "OTEL_SERVICE_NAME": "demo-shop",
    "OTEL_RESOURCE_ATTRIBUTES": "service.version=1.0.0,deployment.environment.name=demo",
}
"""How the application is called in telemetry."""

MARGIN = " " * len("Seen: ")


class Name(str, Enum):
    """The scenarios, as the command line takes them."""

    outage = "outage"
    cache_break = "cache-break"
    runaway = "runaway"
    spend_limit = "spend-limit"


Play = Annotated[
    Optional[Name],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option("--scenario", help="What goes wrong; nothing by default."),
]
Seconds = Annotated[float, typer.Option(min=1, max=600, help="How long the application runs.")]
Json = Annotated[
    Optional[str],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option("--json", metavar="FILE", help="Write the report as JSON to FILE; - is stdout."),
]
Forward = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--forward", metavar="URL", help="Send its telemetry on to this OTLP endpoint (HTTP) as well."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No line for each call and no live total, only the report.")]

Open = Annotated[bool, typer.Option("--open", help="Show the report as a page in a browser, when it has ended.")]


def demo(
    scenario: Play = None,
    seconds: Seconds = 12,
    json: Json = None,
    quiet: Quiet = False,
    open_: Open = False,
    forward: Forward = None,
) -> None:
    """See a small application with three surfaces at work, without a key: a chat, a report writer, a nightly batch.

    A fake Claude API answers on loopback, and the application is run as by claude-otel run. A scenario lets something
    go wrong: an outage, a cache that a timestamp breaks, an agent that runs away, a spend limit.

    Example: claude-otel demo --scenario outage
    """
    from claude_otel.cli.run import Options, run
    from claude_otel.demo.scenarios import SCENARIOS

    play = SCENARIOS[scenario.value if scenario else "all-well"]
    bug = ["--bug", play.bug] if play.bug else []
    command = [sys.executable, "-m", "claude_otel.demo.app", "--seconds", f"{seconds:g}", *bug]
    options = Options(json_path=json, quiet=quiet, open_page=open_, forward=forward)
    run(command, options, stage=fake_api(play), after=verdict(play))


@contextmanager
def fake_api(play: Scenario) -> Iterator[Mapping[str, str]]:
    """A fake API that plays the scenario; yields the variables that lead the SDK to it."""
    with api_of(play) as api:
        yield {**SERVICE, **api.environment}


def api_of(play: Scenario) -> FakeAPI:
    """The fake API of a scenario."""
    from claude_otel.demo.scenarios import ANSWERS
    from claude_otel.fakeapi import FakeAPI, Latency

    latency = Latency(first_token=0.15, per_token=0.001, jitter=0.4)
    return FakeAPI(script=[*play.faults, *ANSWERS], latency=latency, batch_delay=3, retry_after_ms=300)


def wrapped(text: str, columns: int | None) -> str:
    """`text` behind a margin, in lines of the terminal's width."""
    return textwrap.fill(text, columns or 10_000, initial_indent=MARGIN, subsequent_indent=MARGIN)


def verdict(play: Scenario) -> After:
    """Says in two lines what was seen and what to do next."""

    def say(ended: Ended, out: Plain, style: Style) -> None:
        seen, next_step = play.verdict(ended.seen.report)
        out.line("")
        for name, text in (("Seen:", seen), ("Next:", next_step)):
            out.line(style(name, "bold") + wrapped(text, out.columns)[len(name) :])

    return say
