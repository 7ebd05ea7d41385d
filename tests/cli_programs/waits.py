"""Says that it is ready, and waits for a signal: `exits` handles SIGTERM and SIGINT, `dies` does not."""

import os
import signal
import sys
import time
from types import FrameType

got = []


def say(text: str) -> None:
    """Past sys.stdout: a handler that prints in the middle of a print raises."""
    os.write(1, f"{text}\n".encode())


def on_signal(number: int, frame: FrameType | None) -> None:
    got.append(number)
    say(f"got {signal.Signals(number).name}")
    if number in (signal.SIGTERM, signal.SIGINT):
        time.sleep(0.3)
        say(f"exits after {len(got)}")
        sys.exit(7)


if sys.argv[1] == "exits":
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(each, on_signal)
say(f"ready {os.getpid()}")
while True:
    time.sleep(10)
