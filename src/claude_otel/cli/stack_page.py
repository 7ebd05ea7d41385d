"""The status of the stack, as people read it."""

from __future__ import annotations

import time

from claude_otel.cli.fmt import Style, table
from claude_otel.stack.status import Program, Status

UNITS = ("B", "KiB", "MiB", "GiB")


def lines(found: Status, style: Style) -> list[str]:
    """The lines of a status."""
    rows = [row(program, style) for program in found.programs]
    shown = [f"The stack in {found.directory}", *table(rows, "<<<<<")]
    shown += [f"  queue of {each.exporter}: {size(each.size)} of {size(each.capacity)}" for each in found.queues]
    kept = ", ".join(f"{name} {size(amount)}" for name, amount in found.sizes.items() if amount)
    if kept:
        shown.append(f"  on disk: {kept}")
    if not any(program.running for program in found.programs):
        shown.append(f"It is not up. Start it: {found.start}")
    elif not found.well:
        names = ", ".join(program.name for program in found.programs if not program.healthy)
        shown.append(f"Not well: {names}. Start it again: {found.start}; what it printed: claude-otel stack logs")
    return shown


def row(program: Program, style: Style) -> list[str]:
    """The line of one program."""
    if program.running is None:
        state, colour = "down", "red"
    else:
        state, colour = ("up", "green") if program.healthy else ("not ready", "yellow")
    ports = " ".join(f"{name.removeprefix(program.name + '-')}:{port}" for name, port in program.ports.items())
    version = program.running.version if program.running else ""
    since = f"for {age(time.time() - program.running.since)}" if program.running else ""
    return [program.name, style(state, colour), version, since, ports]


def age(seconds: float) -> str:
    """A long time in its two largest units: `3 d 4 h`, `12 min`, `8 s`."""
    whole = int(max(0, seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{whole} s"


def size(amount: float) -> str:
    """Bytes: `512 B`, `1.5 MiB`."""
    for unit in UNITS[:-1]:
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} {UNITS[-1]}"
