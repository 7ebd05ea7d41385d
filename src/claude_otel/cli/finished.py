"""A run that is over: how it ended, what was seen of it, and its report as text."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass

from claude_otel.cli import process
from claude_otel.cli.fmt import Style, seconds, shortened
from claude_otel.cli.health import Health
from claude_otel.cli.report import Report
from claude_otel.cli.summary import summary

BESIDE_COMMAND = 42
"""The columns of the title that are not the command's."""

KEY = re.compile(r"sk-ant-[\w-]+")


@dataclass(frozen=True)
class Finished:
    """A run, or many that the stack has seen: then there is no command, and no status with which it ended."""

    command: list[str]
    status: int | None
    seconds: float
    report: Report
    health: Health
    services: tuple[str, ...] = ()
    left_out: int = 0
    """Calls that are not in the report, as they were no longer kept when it was made."""

    @property
    def words(self) -> str:
        """What was run, as it would be typed."""
        if not self.command:
            return ", ".join(self.services)
        return shlex.join([os.path.basename(self.command[0]), *self.command[1:]])

    @property
    def ending(self) -> str:
        """For how long it ran, and how it ended."""
        words = [seconds(self.seconds)] + ([process.ending(self.status)] if self.status is not None else [])
        return "  ".join(words)

    def lines(self, style: Style, columns: int) -> list[str]:
        """The report as text."""
        title = f"{shortened(self.words, columns - BESIDE_COMMAND)}  {self.ending}"
        return summary(self.report, self.health, title, style, columns)

    def notes(self) -> list[str]:
        """What the reader must know besides: calls that may be missing, and why."""
        notes = []
        if self.status is not None and self.health.requests and process.was_killed(self.status):
            notes.append(f"It was {process.ending(self.status)}: what it did last may be missing.")
        if self.left_out:
            notes.append(f"The first {self.left_out:,} calls are no longer kept: they are not in this report.")
        return notes


def without_keys(command: list[str]) -> list[str]:
    """`command` with keys of the API masked, as a report is passed on."""
    return [KEY.sub("sk-ant-…", word) for word in command]
