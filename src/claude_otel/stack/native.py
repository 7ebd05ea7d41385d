"""The native stack as a whole: up, down, and what was asked of it before."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from claude_otel.cli.problem import Problem
from claude_otel.monitoring.prometheus import target_files
from claude_otel.stack import components, data_versions
from claude_otel.stack.health import await_health
from claude_otel.stack.ports import DEFAULTS, HOST, Ports, check_free
from claude_otel.stack.rotation import rotate
from claude_otel.stack.running import Running, running, start, stop
from claude_otel.stack.service import AS_USUAL, NAMES, Service, Special, Surroundings
from claude_otel.stack.services import services
from claude_otel.stack.state import State, write

Say = Callable[[str], None]

NOTIFICATION_LOG_URL = "notification-log.url"
"""The file in Alertmanager's working directory that says where the local log of notifications is."""

PATIENCE = 90.0
"""Seconds that a program of a stack that is taken down has to end, before it is killed."""


def up(
    files: Mapping[str, str],
    state: State,
    ports: Ports,
    say: Say,
    optional: bool = True,
    special: Special = AS_USUAL,
) -> list[str]:
    """Starts what does not run yet, waits until it is healthy, and returns the names of what was started.

    `files` are the generated files: path in the repository, and text. What runs already and reads a file that is now
    different is told to read it again. When a program cannot be brought up, those started here are taken down again.
    """
    state.make()
    check_ports_kept(state, ports)
    around = replace(surroundings(state, ports, optional), special=special)
    wanted = services(around)
    versions = {service.name: service.version for service in wanted if service.version}
    data_versions.check(state, versions, kept_data(state))
    missing = [service for service in wanted if running(state.run(service.name)) is None]
    check_free({name: port for service in missing for name, port in service.ports.items()})
    changed = write_files(files, state, ports)
    state.remember(ports=dict(ports), since=state.facts().get("since") or time.time())
    started: list[str] = []
    try:
        for service in wanted:
            if service in missing:
                started.append(service.name)
                bring_up(service, state, say)
            else:
                reload(service, state, changed, say)
    except BaseException:
        for name in reversed(started):
            stop(state.run(name), PATIENCE)
        if not any_running(state):
            forget(state)
        raise
    data_versions.remember(state, versions, kept_data(state))
    return started


def kept_data(state: State) -> dict[str, str]:
    """What tells the data that each program keeps from what was there before, by program."""
    folders = {name: state.data(name) for name in data_versions.KEEPERS}
    return {name: str(folder.stat().st_ino) for name, folder in folders.items() if folder.is_dir()}


def bring_up(service: Service, state: State, say: Say) -> None:
    """Starts a program and waits until it is healthy."""
    rotate(state.log(service.name))
    if service.name in data_versions.KEEPERS:
        state.data(service.name).mkdir(exist_ok=True)
    start(service.command, state.run(service.name), state.log(service.name), service.cwd, service.env, service.version)
    took = await_health(service, state, say)
    where = ", ".join(f"{name} {HOST}:{port}" for name, port in service.ports.items())
    say(f"{service.name}{' ' + service.version if service.version else ''} is up after {took:.1f} s: {where}")


def reload(service: Service, state: State, changed: Sequence[str], say: Say) -> None:
    """Tells a program that runs to read its files again, if one of them has changed."""
    found = running(state.run(service.name))
    if found is None:
        return
    if any(path.startswith(prefix) for path in changed for prefix in service.reloads):
        os.kill(found.pid, signal.SIGHUP)
        say(f"{service.name} was up, and reads its changed files again")
    else:
        say(f"{service.name} was up")


def down(state: State, say: Say) -> list[str]:
    """Ends every program of the stack, those first that send to the others. Returns the names of what ran."""
    ended = []
    for name in reversed(NAMES):
        how = stop(state.run(name), PATIENCE)
        if how:
            ended.append(name)
            say(f"{name} {'has ended' if how == 'ended' else f'did not end within {PATIENCE:.0f} s and was killed'}")
    forget(state)
    return ended


def forget(state: State) -> None:
    """Nothing runs any more: the next stack may have other ports."""
    (state.directory / "stack.json").unlink(missing_ok=True)


def forget_data(state: State) -> None:
    """Deletes what a stack that is down has kept."""
    for folder in (state.data("x").parent, state.collector):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (*state.directory.glob(f"{state.notifications.name}*"), state.directory / data_versions.FILE):
        file.unlink(missing_ok=True)


def any_running(state: State) -> bool:
    """Whether a program of the stack runs."""
    return any(running(state.run(name)) for name in NAMES)


def all_running(state: State) -> dict[str, Running]:
    """What runs, by name."""
    found = {name: running(state.run(name)) for name in NAMES}
    return {name: each for name, each in found.items() if each}


def check_ports_kept(state: State, ports: Ports) -> None:
    """Raises `Problem` when the stack runs with other ports than are asked for now."""
    if any_running(state) and known_ports(state) != dict(ports):
        raise Problem(
            f"the stack in {state.directory} runs with other ports: see `claude-otel stack status`. "
            "Take it down first (claude-otel stack down), or start another beside it: --dir DIR"
        )


def known_ports(state: State) -> dict[str, int]:
    """The ports that the stack was started with, the usual ones when it is not up."""
    return {**DEFAULTS, **state.facts().get("ports", {})}


def surroundings(state: State, ports: Ports, optional: bool) -> Surroundings:
    """What the programs are made from, with the optional ones that there are."""
    around = Surroundings(state, ports)
    if not optional:
        return around
    return replace(around, tempo=components.optional("tempo"), grafana=components.optional("grafana"))


def write_files(files: Mapping[str, str], state: State, ports: Ports) -> list[str]:
    """Writes the generated files, and those that say where things are. Returns the paths whose text is new."""
    addresses = {job: f"{HOST}:{ports[port]}" for job, port in TARGET_PORTS.items()}
    targets = {f"stack/{path}": text for path, text in target_files(addresses).items()}
    wanted = {**files, **targets}
    changed = [path for path, text in wanted.items() if write(state.config / path, text)]
    changed += remove_others(state, wanted)
    write(state.secrets / NOTIFICATION_LOG_URL, f"http://{HOST}:{ports['notifications']}/log", mode=0o600)
    return changed


TARGET_PORTS = {"collector": "collector-metrics", "prometheus": "prometheus", "alertmanager": "alertmanager"}
"""The port of each job that Prometheus scrapes."""


def remove_others(state: State, wanted: Mapping[str, str]) -> list[str]:
    """Removes files that are generated no more: a rule file that is left behind would still be evaluated."""
    removed = []
    for file in state.config.rglob("*"):
        path = str(PurePosixPath(file.relative_to(state.config)))
        if file.is_file() and path not in wanted:
            file.unlink()
            removed.append(path)
    return removed
