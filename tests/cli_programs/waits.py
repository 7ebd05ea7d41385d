"""Says that it is ready, and waits for a signal: `exits` handles SIGTERM and SIGINT, `dies` does not."""

import os
import signal
import sys
import time
from types import FrameType

got = []


def on_signal(number: int, frame: FrameType | None) -> None:
    got.append(number)
    print(f"got {signal.Signals(number).name}", flush=True)
    if number in (signal.SIGTERM, signal.SIGINT):
        time.sleep(0.3)
        print(f"exits after {len(got)}", flush=True)
        sys.exit(7)


if sys.argv[1] == "exits":
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(each, on_signal)
print(f"ready {os.getpid()}", flush=True)
while True:
    time.sleep(10)
