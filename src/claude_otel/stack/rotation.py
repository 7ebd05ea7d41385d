"""Keeps logs small. A log that is full is copied aside and emptied, as its program goes on writing to the same file."""

from __future__ import annotations

import shutil
from pathlib import Path

MEBIBYTE = 1024 * 1024

FULL = 10 * MEBIBYTE
"""The size at which a log is set aside."""

KEPT = 3
"""How many older files of a log are kept."""


def rotate(file: Path, full: int = FULL, kept: int = KEPT) -> bool:
    """Sets `file` aside as `file.1` when it is full, and moves older ones up. Whether it did.

    Its writer must append (`O_APPEND`). What it writes between the copy and the emptying is lost, which takes as long
    as it takes to truncate a file.
    """
    if not file.is_file() or file.stat().st_size < full:
        return False
    for number in range(kept - 1, 0, -1):
        older = aside(file, number)
        if older.exists():
            older.replace(aside(file, number + 1))
    shutil.copyfile(file, aside(file, 1))
    with file.open("r+b") as stream:
        stream.truncate(0)
    return True


def aside(file: Path, number: int) -> Path:
    """The older file of `file`, 1 being the youngest."""
    return file.with_name(f"{file.name}.{number}")
