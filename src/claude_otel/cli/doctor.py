"""`claude-otel doctor`: what is installed, configured and reachable, and one call from end to end."""

from __future__ import annotations

import json as json_text
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

if TYPE_CHECKING:
    from signal import Signals

    from claude_otel.cli.checks.endpoints import Exporters
    from claude_otel.cli.checks.finding import Finding
    from claude_otel.cli.checks.program import Looked
    from claude_otel.cli.checks.trial import Trial

Program = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Argument(metavar="PROGRAM", help="A program to run and to look at, and all of its arguments."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; the program's stdout goes to stderr.")]
Config = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--config", metavar="FILE", help="The claude-otel.yaml to check, in place of CLAUDE_OTEL_CONFIG."),
]

NOTICE = "While it runs, its telemetry goes to doctor, not to your endpoint."


def doctor(program: Program = None, json: Json = False, config: Config = None) -> None:
    """Find out why nothing is seen, and what to do: versions, instrumentation, exporters, endpoints, prices.

    One call to a fake API is made in a process that is instrumented as opentelemetry-instrument would do it here, and
    followed to its span, its metrics, its event and its price. Endpoints get an empty export. No key is needed, and no
    secret is shown. The exit code is 1 when there is an error.

    With a program, that program is run too, and its calls, surfaces, models and spans are looked at. While it runs, its
    telemetry goes to doctor, not to your endpoint.

    Example: claude-otel doctor -- python app.py
    """
    from claude_otel.cli import process

    env = {**os.environ, **({"CLAUDE_OTEL_CONFIG": config} if config else {})}
    check_program(program)
    with ExitStack() as stack:
        # Before any thread is started, or one of them would take the signals that are the program's.
        mask = stack.enter_context(process.blocked_signals()) if program else set()
        page = Page(json)
        page.add(examined(env, page.facts))
        if program:
            page.add(looked_at(program, env, mask, page))
        page.end()


def check_program(command: Sequence[str] | None) -> None:
    """Raises `Problem` when the program cannot be run, before anything is looked at."""
    from claude_otel.cli import process
    from claude_otel.cli.environment import child_environment

    if command:
        process.executable(command[0], child_environment(os.environ, "", command)["PATH"])


@dataclass
class Page:
    """The findings as they come, shown at once or as one document at the end."""

    json: bool
    found: list[Finding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from claude_otel.cli.fmt import Style, colours_wanted

        self.style = Style(colours_wanted(os.environ, sys.stdout.isatty()))

    def add(self, findings: Sequence[Finding]) -> None:
        """Takes findings in."""
        from claude_otel.cli.doctor_page import lines

        self.found += findings
        self.say(*lines(findings, self.style))

    def say(self, *lines: str) -> None:
        """Prints lines for people."""
        if not self.json:
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()

    def end(self) -> None:
        """Prints the verdict, or the document, and exits with 1 if there is an error."""
        from claude_otel.cli.doctor_page import count, document, verdict

        self.say("", verdict(self.found, self.style))
        if self.json:
            sys.stdout.write(json_text.dumps(document(self.found, self.facts), indent=2) + "\n")
            sys.stdout.flush()
        raise typer.Exit(1 if count(self.found, "error") else 0)


def examined(env: Mapping[str, str], facts: dict[str, Any]) -> list[Finding]:
    """The findings about this environment. Endpoints are probed while the trial call is made."""
    from claude_otel.cli.checks import endpoints, trial
    from claude_otel.cli.checks.finding import guarded
    from claude_otel.cli.checks.installed import distro, has_distro

    with ThreadPoolExecutor(2) as pool:
        making = pool.submit(trial.trial, env)
        probing = pool.submit(endpoints.exporters, env, has_distro())
        found = before(env)
        found += guarded("distro", lambda: distro(env))
        found += guarded("exporter", lambda: probing.result().findings)
        found += after(env)
        found += guarded("trial call", lambda: of_trial(making.result(), probing.result(), env))
    where = endpoints.Exporters([], {}, []) if probing.exception() else probing.result()
    tell(facts, env, where, None if making.exception() else making.result())
    return found


def before(env: Mapping[str, str]) -> list[Finding]:
    """What is installed and switched on, and who else is there."""
    from claude_otel.cli.checks import installed, neighbours, settings
    from claude_otel.cli.checks.finding import guarded

    return [
        *guarded("versions", installed.installed),
        *guarded("instrumentor", lambda: installed.entry_point(env)),
        *guarded("others", lambda: neighbours.neighbours(env)),
        *guarded("sdk tracing", lambda: neighbours.sdk_tracing(env)),
        *guarded("opentelemetry", lambda: settings.switches(env)),
        *guarded("settings", lambda: settings.settings(env)),
    ]


def after(env: Mapping[str, str]) -> list[Finding]:
    """How often metrics are sent, and what calls are billed with."""
    from datetime import datetime, timezone

    from claude_otel.cli.checks import exporters, priced
    from claude_otel.cli.checks.finding import guarded

    today = datetime.now(timezone.utc).date()
    return [
        *guarded("interval", lambda: exporters.interval(env)),
        *guarded("prices", lambda: priced.age(priced.as_of(), today)),
        *guarded("models", lambda: priced.configured_models(env)),
    ]


def of_trial(made: Trial, where: Exporters, env: Mapping[str, str]) -> list[Finding]:
    """The findings about the trial call. Signals that are not exported by OTLP, by the user's will, are not missed."""
    from claude_otel.cli.checks import trial
    from claude_otel.cli.checks.exporters import SIGNALS
    from claude_otel.cli.checks.installed import has_distro

    by_otlp = {each.signal for each in where.targets if each.endpoint is not None}
    wanted = by_otlp if has_distro() else set(SIGNALS)
    return [*trial.providers(made), *trial.findings(made, wanted - trial.unwanted(env))]


def tell(facts: dict[str, Any], env: Mapping[str, str], where: Exporters, made: Trial | None) -> None:
    """Adds what was found out to the document."""
    from claude_otel.cli.checks.endpoints import base
    from claude_otel.cli.checks.exporters import interval_ms
    from claude_otel.cli.checks.installed import versions
    from claude_otel.cli.checks.priced import as_of

    facts["versions"] = versions()
    facts["exporters"] = [
        {
            "signal": each.signal,
            "exporter": each.exporter,
            "protocol": each.protocol or None,
            "endpoint": None if each.endpoint is None else base(each),
            "endpoint_from": each.endpoint_variable or None,
            "reached": where.reached.get(each),
        }
        for each in where.targets
    ]
    facts["metric_interval_seconds"] = interval_ms(env) / 1000
    facts["prices_as_of"] = as_of().isoformat()
    facts["trial"] = made and {
        **made.told,
        "failure": made.failure or None,
        "spans": len(made.seen.call_spans),
        "calls": made.seen.calls,
        "events": made.seen.report.calls,
        "cost_usd": made.seen.cost,
        "surfaces": sorted(made.seen.report.surfaces.values),
    }
    facts["program"] = None


def looked_at(command: list[str], env: Mapping[str, str], mask: set[Signals], page: Page) -> list[Finding]:
    """The findings about the program, after it has ended."""
    import shlex

    from claude_otel.cli.checks import program
    from claude_otel.cli.checks.finding import guarded
    from claude_otel.cli.fmt import printable, shortened

    page.say("", f"Running {shortened(printable(shlex.join(command)), 72)}", NOTICE, "")
    looked = program.look_at(command, env, mask, page.json)
    page.say("")
    page.facts["program"] = program_facts(looked)
    return guarded("program", lambda: program.findings(looked))


def program_facts(looked: Looked) -> dict[str, Any]:
    """What was seen of the program, as the document tells it."""
    from claude_otel.cli import process
    from claude_otel.cli.checks.traces import doubled

    seen = looked.seen
    return {
        "command": looked.command,
        "exit_code": process.exit_code(looked.status),
        "calls": seen.calls,
        "cost_usd": seen.cost,
        "surfaces": sorted(seen.report.surfaces.values),
        "unpriced": seen.report.unpriced_models.values,
        "spans": len(seen.call_spans),
        "span_scopes": seen.scopes,
        "repeated_spans": doubled(seen.spans),
        "own_providers": seen.notices,
    }
