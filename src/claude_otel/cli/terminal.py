"""Where the lines of a run go: stderr, with the live total in the last row of a terminal.

The last row is kept out of the terminal's scroll region, so the program's own output, which goes to the
terminal directly, scrolls above it. A line is started in the first column whatever the program has left
on the row: as many blanks as the terminal is wide wrap to the next row, unless the cursor is in that column.
"""

from __future__ import annotations

import sys
import threading
from typing import TextIO

from claude_otel.cli.fmt import terminal_size

MIN_ROWS = 5
"""A terminal with fewer rows has no live total."""


class Plain:
    """Lines on a stream that is no terminal."""

    live = False

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.lock = threading.Lock()
        self.broken = False

    @property
    def columns(self) -> int | None:
        """How wide lines may be; `None` for as wide as they are."""
        return None

    def line(self, text: str) -> None:
        """Writes a line."""
        self.write(text + "\n")

    def total(self, text: str) -> None:
        """Shows the live total, where there is one."""

    def pause(self) -> None:
        """Gives the terminal back."""

    def resume(self) -> None:
        """Takes the terminal again."""

    def write(self, text: str) -> None:
        """Writes `text` in one piece. Never raises: a stream that is closed is left alone."""
        with self.lock:
            if self.broken:
                return
            try:
                self.stream.write(text)
                self.stream.flush()
            except (OSError, ValueError):
                self.broken = True


class Terminal(Plain):
    """Lines and a live total on a terminal."""

    live = True

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self.size = terminal_size()
        self.active = False

    @property
    def columns(self) -> int | None:
        return terminal_size().columns

    def line(self, text: str) -> None:
        """Writes a line, in a row of its own."""
        self.write(" " * terminal_size().columns + "\r\x1b[K" + text + "\n")

    def total(self, text: str) -> None:
        """Shows `text` in the last row."""
        if self.active and terminal_size() != self.size:
            self.active = False
        if not self.active:
            self.resume()
        if self.active:
            self.write(f"\x1b7\x1b[{self.size.lines};1H\x1b[0m\x1b[K{text}\x1b8")

    def resume(self) -> None:
        """Keeps the last row out of the scroll region; the cursor stays where it is, above it."""
        self.size = terminal_size()
        if self.size.lines >= MIN_ROWS:
            self.active = True
            self.write(f"\n\x1b7\x1b[1;{self.size.lines - 1}r\x1b8\x1b[1A")

    def pause(self) -> None:
        """Clears the last row and gives it back to the program."""
        if self.active:
            self.active = False
            self.write(f"\x1b7\x1b[{self.size.lines};1H\x1b[K\x1b[r\x1b8")
