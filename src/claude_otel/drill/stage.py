"""What the drill is played on: the native stack with its week of history, a fake API, and the programs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claude_otel.drill import history, speed
from claude_otel.drill.programs import Program
from claude_otel.drill.relay import Pager, Relay
from claude_otel.drill.settings import Settings, of_all_alerts, of_outage
from claude_otel.drill.sightings import Sightings
from claude_otel.drill.traffic import Traffic
from claude_otel.fakeapi import FakeAPI
from claude_otel.stack import native
from claude_otel.stack.ports import HOST, free_ports
from claude_otel.stack.state import State

Say = Callable[[str], None]
Rule = dict[str, Any]

SHOP = "shop"
"""The service that most scenarios are played in."""


@dataclass
class Stage:
    """Everything that runs, and what scenarios do with it."""

    state: State
    ports: dict[str, int]
    settings: Settings
    api: FakeAPI
    relay: Relay
    pager: Pager
    say: Say
    sightings: Sightings
    programs: dict[str, Program] = field(default_factory=dict)
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def generate(self) -> None:
        """Makes the files of claude-otel.yaml as it is now, at the drill's speed, and has the stack read them."""
        with self.lock:
            files = {**speed.quick_files(self.settings.load()), **self.extra}
            special = speed.special(self.relay.address)
            native.up(files, self.state, self.ports, quiet, optional=False, special=special)

    def change(self, **changes: Any) -> None:
        """Changes claude-otel.yaml (a dot is `__`, a hyphen is a hyphen), and what follows from it."""
        self.settings.change({key.replace("__", "."): value for key, value in changes.items()})
        self.generate()

    def set(self, key: str, value: Any) -> None:
        """Changes one key of claude-otel.yaml, written with dots."""
        self.settings.change({key: value})
        self.generate()

    def file(self, path: str, text: str | None) -> None:
        """Adds a file of the user's own beside the generated ones, or takes it away."""
        if text is None:
            self.extra.pop(path, None)
        else:
            self.extra[path] = text
        self.generate()

    def script(self, name: str, *rules: Rule) -> None:
        """Puts rules of the fake API in force for one scenario; none takes its own away."""
        with self.lock:
            self.rules[name] = list(rules)
            self.api.script(*(rule for each in self.rules.values() for rule in each))

    def program(self, service: str, *options: str, configured: bool = True) -> Program:
        """The program of a service, started if it does not run."""
        with self.lock:
            if service not in self.programs:
                own = {"CLAUDE_OTEL_CONFIG": str(self.settings.path)} if configured else {}
                endpoint = f"http://{HOST}:{self.ports['otlp-http']}"
                variables = {**self.api.environment, **speed.environment(endpoint), **own}
                log = self.state.log(f"program-{service}")
                self.programs[service] = Program(service, variables, log, *options)
            return self.programs[service]

    def replace(self, service: str) -> Program:
        """Ends the program of a service and starts it anew, as a deploy does."""
        self.programs.pop(service).end()
        return self.program(service)

    def start(self, traffic: Traffic, service: str = SHOP) -> None:
        """Has a service make calls."""
        self.program(service).start(traffic)

    def stop(self, surface: str, service: str = SHOP) -> None:
        """Has a service make no more calls of a surface."""
        self.program(service).stop(surface)


def quiet(_: str) -> None:
    """Says nothing."""


@contextmanager
def stage(directory: Path, say: Say, outage: bool = False, keep: bool = False) -> Iterator[Stage]:
    """The stage, up; taken down at the end whatever happens, unless it is to be kept. An outage needs no history."""
    ports = free_ports()
    state = State(directory)
    state.make()
    pager, relay = Pager(), Relay(ports["prometheus"])
    to = ports["notifications"]
    settings = Settings(directory, of_outage(to) if outage else of_all_alerts(to, pager.url))
    with FakeAPI(keep_bodies=False) as api:
        made = Stage(state, ports, settings, api, relay, pager, say, Sightings(state, ports))
        try:
            if not outage:
                write_history(made)
            made.generate()
            where = " and ".join(f"{name} http://{HOST}:{ports[name]}" for name in ("prometheus", "alertmanager"))
            say(f"the stack is up: {where}")
            made.sightings.watch()
            yield made
            if keep:
                wait_for_interrupt(made)
        finally:
            take_down(made)


def write_history(made: Stage) -> None:
    """Writes the week before the drill, with a budget that it will be over if it goes on like that."""
    set_budget_of_forecast(made.settings)
    history.write(made.settings.load(), made.state.data("prometheus"), time.time())
    made.say("a week of history is written")


def set_budget_of_forecast(settings: Settings) -> None:
    """A monthly budget that the surface `forecast` has not half used up, and will be over at its rate."""
    an_hour = history.usd_an_hour("forecast")
    spent = an_hour * history.LENGTH / speed.seconds("1h")
    settings.change({"surfaces.forecast.monthly_usd": round(spent * 2.2, 2)})


def wait_for_interrupt(made: Stage) -> None:
    """Leaves everything up until Ctrl-C."""
    made.say(f"everything stays up, in {made.state.directory}, until Ctrl-C")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        made.say("taking it down")


def take_down(made: Stage) -> None:
    """Ends everything that was started."""
    made.cancelled.set()
    made.sightings.close()
    for program in list(made.programs.values()):
        program.kill()
    native.down(made.state, quiet)
    made.relay.close()
    made.pager.close()
