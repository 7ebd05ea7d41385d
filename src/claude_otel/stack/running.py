"""Background processes that outlive the command that started them.

A process holds a lock on its own file from its first moment to its last, whatever ends it: the lock is on an open file
that it inherits. So whether it runs is never guessed from a process id, which the system may have given to another.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

STEP = 0.05
"""Seconds between two looks at a process that is to end."""

TRIES = 40
"""How often the file of a process that is being started is looked at."""

LOOKS = 4
"""How often a lock is tried, as somebody who looks whether a process runs has it for a moment."""


@dataclass(frozen=True)
class Running:
    """A process that runs: its id, since when (Unix seconds), its command and its version."""

    pid: int
    since: float
    command: list[str]
    version: str


def running(file: Path) -> Running | None:
    """The process that holds `file`, `None` when there is none."""
    for _ in range(TRIES):
        try:
            with file.open("r+", encoding="utf-8") as stream:
                if locked(stream):
                    return None
                return Running(**json.load(stream))
        except FileNotFoundError:
            return None
        except ValueError:  # it is being started, and its file is empty until it is
            time.sleep(STEP)
    return None


def locked(stream: IO[str]) -> bool:
    """Whether the lock of the open file is now ours, as no process had it."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def soon_locked(stream: IO[str]) -> bool:
    """The same, with a little patience."""
    for _ in range(LOOKS):
        if locked(stream):
            return True
        time.sleep(STEP)
    return False


def start(
    command: Sequence[str], file: Path, log: Path, cwd: Path, env: Mapping[str, str], version: str = ""
) -> Running | None:
    """The process of `command` in the background, `None` when one runs already that holds `file`."""
    with file.open("a+", encoding="utf-8") as lock, log.open("ab") as printed:
        if not soon_locked(lock):
            return None
        lock.truncate(0)
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )
        threading.Thread(target=process.wait, daemon=True).start()  # else it were a zombie for as long as we live
        told = Running(process.pid, time.time(), list(command), version)
        lock.write(json.dumps(asdict(told)))
    return told


def stop(file: Path, patience: float) -> str:
    """Ends the process that holds `file` and waits for its end: `ended`, `killed`, or empty when there was none."""
    found = running(file)
    if found is None:
        return ""
    tell(found.pid, signal.SIGTERM)
    if ended_within(file, patience):
        return "ended"
    tell(found.pid, signal.SIGKILL)
    ended_within(file, patience)
    return "killed"


def tell(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def ended_within(file: Path, seconds: float) -> bool:
    """Whether the process that holds `file` ends within `seconds`."""
    limit = time.monotonic() + seconds
    while running(file) is not None:
        if time.monotonic() > limit:
            return False
        time.sleep(STEP)
    return True
